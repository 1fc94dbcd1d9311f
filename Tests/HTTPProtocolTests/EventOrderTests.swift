import HTTPProtocol
import Model
import NIOCore
import NIOHTTP1
import TestSupport
import Testing
import Wire

/// Events that no driver sends in this order: the engine neither traps nor does what the ledger forbids.
struct EventOrderTests {
    @Test func `Whatever comes in whatever order, every action passes the ledger`() throws {
        var exchanges = 0
        for seed in 0..<3000 as Range<UInt64> { exchanges += try Self.converse(seed) }
        #expect(exchanges > 100, "the law is shown by engines that get something through as well")
    }

    /// One random conversation; how many exchanges it completed.
    private static func converse(_ seed: UInt64) throws -> Int {
        var random = SplitMix(seed)
        var engine = try HandmadeHeadTests.relaying(length: "5")
        var ledger = Ledger()
        // The engine was made with its first request allowed.
        try ledger.admit(EngineAction<HTTPMessage>.ask(RulingID(1), request))
        try ledger.ruled(RulingID(1), .allowed(injection: nil))
        var pending: [RulingID] = []
        var finished = 0
        // The first request's head is behind us.
        var steps = [1, 0]
        for _ in 0..<40 {
            let actions: [EngineAction<HTTPMessage>]
            if let id = pending.first, Bool.random(using: &random) {
                pending.removeFirst()
                let ruling: Ruling =
                    Bool.random(using: &random) ? .allowed(injection: nil) : .denied(Playbook.denial)
                try ledger.ruled(id, ruling)
                actions = engine.ruled(id, ruling)
            } else {
                actions = event(&engine, &steps, &random)
            }
            for action in actions {
                try ledger.admit(action)
                if case .ask(let id, _) = action { pending.append(id) }
                if case .finished = action { finished += 1 }
                if case .close = action { return finished }
            }
        }
        return finished
    }

    private static let request = Request(
        endpoint: Endpoint(scheme: .http, host: .address(IPAddress(v4: 1)), port: 80),
        action: .connect
    )

    private static func event(
        _ engine: inout HTTPEngine,
        _ steps: inout [Int],
        _ random: inout SplitMix
    ) -> [EngineAction<HTTPMessage>] {
        if Int.random(in: 0..<60, using: &random) == 0 {
            return engine.ended(Bool.random(using: &random) ? .client : .upstream)
        }
        let isFromClient = Bool.random(using: &random)
        let sensible = isFromClient ? client : upstream
        var message = sensible[steps[isFromClient ? 0 : 1] % sensible.count]
        if Int.random(in: 0..<12, using: &random) == 0 {
            message = (client + upstream + odd).randomElement(using: &random) ?? message
        } else {
            steps[isFromClient ? 0 : 1] += 1
        }
        return engine.received(message, from: isFromClient ? .client : .upstream)
    }

    private static let body = HTTPMessage.body(ByteBuffer(string: "hello"))

    private static let client: [HTTPMessage] = [
        .requestHead(
            HTTPRequestHead(
                version: .http1_1,
                method: .POST,
                uri: "/",
                headers: ["host": "allowed.test", "content-length": "5"]
            )
        ),
        body, .end(nil),
    ]

    private static let upstream: [HTTPMessage] = [
        .responseHead(HTTPResponseHead(version: .http1_1, status: .ok, headers: ["content-length": "5"])),
        body,
        .end(nil),
    ]

    private static let odd: [HTTPMessage] = [
        .unreadable(.fieldsTooLarge), .unreadable(.malformed("x")),
        .responseHead(HTTPResponseHead(version: .http1_1, status: .switchingProtocols)),
        .responseHead(HTTPResponseHead(version: .http1_1, status: .processing)),
        .requestHead(
            HTTPRequestHead(
                version: .http1_1,
                method: .CONNECT,
                uri: "a.test:1",
                headers: ["host": "a.test:1"]
            )
        ),
    ]
}
