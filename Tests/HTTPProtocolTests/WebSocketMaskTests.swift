import HTTPProtocol
import Model
import NIOCore
import NIOHTTP1
import Reflection
import Testing
import WebSocketProtocol
import Wire

/// What comes back in the messages of a WebSocket is masked.
struct WebSocketMaskTests {
    /// A server's frame of less than 126 octets.
    private static func frame(_ first: UInt8, _ text: some Collection<UInt8>) -> HTTPMessage {
        .body(ByteBuffer(bytes: [first, UInt8(text.count)] + text))
    }

    /// The payloads of the frames that the client got, one after another, and the octets of their headers.
    private static func payloads(_ talk: WebSocketTalk) -> (text: String, headers: [[UInt8]]) {
        var (text, headers): ([UInt8], [[UInt8]]) = ([], [])
        for case .body(var bytes) in talk.toClient {
            while let header = bytes.readBytes(length: 2),
                let payload = bytes.readBytes(length: Int(header[1]))
            {
                text += payload
                headers.append(header)
            }
        }
        return (String(decoding: text, as: UTF8.self), headers)
    }

    private static func masking(
        _ kinds: MaskKinds,
        injecting injection: Injection? = nil
    ) throws -> WebSocketTalk {
        let talk = try WebSocketTalk()
        talk.ruling = .allowed(injection: injection, masks: kinds)
        try talk.send(.requestHead(WebSocketTalk.head()))
        try talk.send(.end(nil))
        try talk.send(WebSocketTalk.consent(to: talk), from: .upstream)
        return talk
    }

    private static let person = #"{"mail":"bob\u0040example.org","pan":"4111 1111 1111 1111","t":"é"}"#
    private static let masked = #"{"mail":"xxx\u0040xxxxxxx.xxx","pan":"9999 9999 9999 9999","t":"é"}"#

    @Test
    func
        `What a rule masks is masked in text, wherever its message is cut into fragments, and its length stays`()
        throws
    {
        let octets = Array(Self.person.utf8)
        for cut in 0...octets.count {
            let talk = try Self.masking([.email, .paymentCard])
            let parts = [octets[..<cut], octets[cut...]]
            // A ping may stand between two fragments.
            try talk.send(Self.frame(0x01, parts[0]), from: .upstream)
            try talk.send(Self.frame(0x89, []), from: .upstream)
            try talk.send(Self.frame(0x80, parts[1]), from: .upstream)
            #expect(Self.payloads(talk).text == Self.masked, "cut at \(cut)")
            // What begins with nothing begins with the next fragment.
            #expect(Self.payloads(talk).headers.last?.first == (cut == 0 ? 0x81 : 0x80), "cut at \(cut)")
            try talk.ends(.upstream)
            #expect(talk.masked == [.kinds([.email: 1, .paymentCard: 1])])
        }
    }

    @Test func `Octet by octet and message by message it is masked, and said once at the end`() throws {
        let talk = try Self.masking([.email])
        for octet in frames(of: ["bob@example.org", "é", "amy@example.org!", ""]) {
            try talk.send(.body(ByteBuffer(bytes: [octet])), from: .upstream)
        }
        #expect(Self.payloads(talk).text == "xxx@xxxxxxx.xxxéxxx@xxxxxxx.xxx!")
        #expect(talk.masked.isEmpty)
        // A message of its own begins nothing that another one ends.
        for text in ["zoe@example", ".org"] { try talk.send(Self.frame(0x81, text.utf8), from: .upstream) }
        #expect(Self.payloads(talk).text.hasSuffix("!zoe@example.org"))
        try talk.send(.body(ByteBuffer(bytes: [0x88, 0x80, 0, 0, 0, 0])))
        try talk.send(.body(ByteBuffer(bytes: [0x88, 0])), from: .upstream)
        #expect(talk.masked == [.kinds([.email: 2])] && talk.finished == 1)
    }

    private func frames(of texts: [String]) -> [UInt8] {
        texts.flatMap { [0x81, UInt8($0.utf8.count)] + Array($0.utf8) }
    }

    @Test func `Control frames are masked in their length, each by itself`() throws {
        let talk = try Self.masking([.email])
        try talk.send(Self.frame(0x89, "bob@example.org".utf8), from: .upstream)
        try talk.send(Self.frame(0x88, [0x0F, 0xA1] + "bob@example.org".utf8), from: .upstream)
        #expect(Self.payloads(talk).text.hasPrefix("xxx@xxxxxxx.xxx"))
        #expect(Self.payloads(talk).text.hasSuffix("xxx@xxxxxxx.xxx"))
        #expect(Self.payloads(talk).headers == [[0x89, 15], [0x88, 17]])
    }

    @Test
    func
        `A binary message where a rule masks ends it, by name and with what to do; without a mask it passes`()
        throws
    {
        let talk = try Self.masking([.email])
        try talk.send(Self.frame(0x81, "fine bob@example.org".utf8), from: .upstream)
        try talk.send(Self.frame(0x82, "bob@example.org".utf8), from: .upstream)
        #expect(talk.isClosed && !Self.payloads(talk).text.contains("bob@"))
        #expect(talk.refused.map(\.reason) == [.upstreamFailed])
        #expect(talk.refused.first?.message.contains("binary message") == true)
        #expect(talk.refused.first?.remedy.contains("a rule without mask") == true)
        #expect(talk.masked == [.kinds([.email: 1])])
        let open = try Self.masking([])
        try open.send(Self.frame(0x82, "bob@example.org".utf8), from: .upstream)
        #expect(Self.payloads(open).text == "bob@example.org" && !open.isClosed)
    }

    @Test func `F11: a credential that is cut over messages is followed, and the rest of it is masked`()
        throws
    {
        let injection = Injection(.field("authorization"), value: "Bearer s3cr3t-REAL")
        for kinds in [[], [.email]] as [MaskKinds] {
            let talk = try Self.masking(kinds, injecting: injection)
            for text in ["x s3cr", "3t-REAL y"] {
                try talk.send(Self.frame(0x81, text.utf8), from: .upstream)
            }
            #expect(Self.payloads(talk).text == "x s3cr******* y")
            #expect(talk.masked == [.credential(.body)])
        }
    }
}
