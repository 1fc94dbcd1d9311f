import Model
import NIOCore
import SOCKSProtocol
import Testing
import Wire

/// One conversation, octets in and out, every action checked by the ledger.
struct Conversation: ~Copyable {
    var engine = SOCKSEngine()
    var ledger = Ledger()
    var asked: [String] = []
    var replied: [UInt8] = []
    var refused: [Denial.Reason] = []
    var tunnel: String?
    var isClosed = false

    mutating func play(_ bytes: [UInt8], cut: Int, ruling: Ruling) throws {
        var rest = bytes[...]
        while !rest.isEmpty, tunnel == nil, !isClosed {
            try run(engine.received(ByteBuffer(bytes: rest.prefix(cut)), from: .client), ruling)
            rest = rest.dropFirst(cut)
        }
    }

    mutating func run(_ actions: [EngineAction<ByteBuffer>], _ ruling: Ruling) throws {
        for action in actions {
            try ledger.admit(action)
            switch action {
            case .ask(let id, let request):
                asked.append(request.description)
                try ledger.ruled(id, ruling)
                try run(engine.ruled(id, ruling), ruling)
            case .reply(let bytes): replied += Array(bytes.readableBytesView)
            case .refused(_, _, let denial): refused.append(denial.reason)
            case .handOver(let host, let port): tunnel = "\(host) \(port)"
            case .close: isClosed = true
            case .finished: break
            case .forward, .masked: Issue.record("nothing is forwarded here")
            }
        }
    }
}

func name(_ text: String, port: UInt16 = 443, command: UInt8 = 1) -> [UInt8] {
    [5, command, 0, 3, UInt8(text.utf8.count)] + Array(text.utf8) + [UInt8(port >> 8), UInt8(port & 255)]
}

struct SOCKSTests {
    private static let greeting: [UInt8] = [5, 1, 0]
    private static let allowed = Ruling.allowed(injection: nil)
    private static let success: [UInt8] = [5, 0, 5, 0, 0, 1, 0, 0, 0, 0, 0, 0]

    private static func play(
        _ bytes: [UInt8],
        cut: Int = .max,
        _ ruling: Ruling = allowed
    ) throws -> Conversation {
        var conversation = Conversation()
        try conversation.play(bytes, cut: cut, ruling: ruling)
        return conversation
    }

    struct Place: Sendable {
        let request: [UInt8]
        let asked: String
    }

    @Test(
        arguments: [
            Place(request: name("Allowed.test"), asked: "connect tcp://allowed.test:443"),
            Place(request: name("93.184.216.34", port: 80), asked: "connect tcp://93.184.216.34:80"),
            Place(request: [5, 1, 0, 1, 93, 184, 216, 34, 1, 187], asked: "connect tcp://93.184.216.34:443"),
            Place(
                request: [5, 1, 0, 4, 0x26, 6, 0x28] + [UInt8](repeating: 0, count: 12) + [0x10, 0, 22],
                asked: "connect tcp://[2606:2800::10]:22"
            ),
        ],
        [1, 3, Int.max]
    )
    func `A name and an address are asked about, then handed over`(place: Place, cut: Int) throws {
        let played = try Self.play(Self.greeting + place.request, cut: cut)
        #expect(played.asked == [place.asked])
        #expect(played.replied == Self.success)
        #expect(played.tunnel != nil && !played.isClosed && played.refused.isEmpty)
    }

    @Test func `What comes behind the request belongs to the connection`() throws {
        let played = try Self.play(Self.greeting + name("allowed.test") + [0x16, 3, 1])
        let rest = Array(played.engine.bytes.readableBytesView)
        let wantsMore = played.engine.wantsClientMessages
        #expect(rest == [0x16, 3, 1] && !wantsMore)
    }

    @Test func `A denial is the reply for it`() throws {
        let denial = Denial(reason: .noRule, message: "no", rule: nil, decidedBy: nil, remedy: "ask")
        let played = try Self.play(Self.greeting + name("denied.test"), .denied(denial))
        #expect(played.replied == [5, 0, 5, 2, 0, 1, 0, 0, 0, 0, 0, 0])
        #expect(played.isClosed && played.tunnel == nil)
    }

    struct Refusal: CustomTestStringConvertible, Sendable {
        let testDescription: String
        let bytes: [UInt8]
        let reply: [UInt8]
        let reason: Denial.Reason

        init(_ what: String, _ bytes: [UInt8], _ reply: [UInt8], _ reason: Denial.Reason = .malformed) {
            testDescription = what
            self.bytes = bytes
            self.reply = reply
            self.reason = reason
        }

        static func request(
            _ what: String,
            _ bytes: [UInt8],
            _ code: UInt8,
            _ reason: Denial.Reason = .malformed
        )
            -> Refusal
        {
            Refusal(what, [5, 1, 0] + bytes, [5, 0, 5, code, 0, 1, 0, 0, 0, 0, 0, 0], reason)
        }
    }

    @Test(
        arguments: [
            Refusal.request("BIND", name("allowed.test", command: 2), 7, .unsupported),
            .request("UDP ASSOCIATE", name("allowed.test", command: 3), 7, .unsupported),
            .request("an unknown command", name("allowed.test", command: 0x80), 7, .unsupported),
            .request("an unknown address type", [5, 1, 0, 2, 1, 2, 3, 4, 0, 80], 8),
            .request("C17 a NUL in a name", name("denied.test\u{0}.allowed.test"), 1),
            .request("an empty name", name(""), 1), .request("a name of blanks", name("a b"), 1),
            .request("userinfo", name("x@allowed.test"), 1),
            .request("port 0", name("allowed.test", port: 0), 1),
            .request("decimal address", name("2852039166"), 1),
            .request("another version", [4] + name("allowed.test").dropFirst(), 1),
            Refusal("user and password alone", [5, 1, 2], [5, 0xFF], .unsupported),
            Refusal("no method at all", [5, 0], [5, 0xFF], .unsupported),
        ],
        [1, Int.max]
    )
    func `What is not served is refused with its reply`(refusal: Refusal, cut: Int) throws {
        let played = try Self.play(refusal.bytes, cut: cut)
        #expect(played.replied == refusal.reply)
        #expect(played.refused == [refusal.reason])
        #expect(played.isClosed && played.asked.isEmpty && played.tunnel == nil)
    }

    @Test func `A client that offers a password besides goes without`() throws {
        #expect(try Self.play([5, 3, 2, 1, 0] + name("allowed.test")).replied == Self.success)
    }

    @Test func `A client that ends early ends the connection`() throws {
        var played = try Self.play([5])
        try played.run(played.engine.ended(.client), Self.allowed)
        #expect(played.isClosed && played.replied.isEmpty)
    }
}
