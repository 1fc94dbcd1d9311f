import HTTPProtocol
import Model
import TestSupport
import Testing
import Wire

/// Conversations damaged at random, the same way in each run: the engine never traps, its actions always pass the
/// ledger (or the playbook throws), and what goes upstream is one well-formed head for each request asked about.
struct MutationTests {
    @Test(arguments: 0..<1500 as Range<UInt64>)
    func `Damaged conversations neither trap nor get through unasked`(seed: UInt64) throws {
        var random = SplitMix(seed)
        let origin =
            seed.isMultiple(of: 5) ? HTTPConnection.Origin.proxyPort : Playbook.captured("allowed.test")
        let play = try Playbook(origin, placeholders: [CredentialsTests.placeholder]) { request in
            request.description.utf8.count.isMultiple(of: 7)
                ? .denied(Playbook.denial) : .allowed(injection: nil)
        }
        for _ in 0..<4 {
            let cut = Int.random(in: 1...40, using: &random)
            try play.client(Self.damaged(Conversations.requests, &random), cut: cut)
            if Int.random(in: 0..<3, using: &random) > 0 {
                try play.upstream(Self.damaged(Conversations.replies, &random), cut: cut)
            }
            if Int.random(in: 0..<8, using: &random) == 0 { try play.upstreamEnds() }
            if Int.random(in: 0..<8, using: &random) == 0 { try play.clientEnds() }
        }
        let sent = play.toUpstream.components(after: "host: allowed.test\r\n").count
        #expect(sent <= play.asked.count)
        #expect(
            play.asked.allSatisfy { request in
                switch request.action {
                case .http(_, let path, _), .webSocket(let path, _): !path.contains("/../")
                default: false
                }
            }
        )
    }

    /// One of the texts, with up to three octets changed, removed or doubled.
    ///
    /// ASCII stays ASCII.
    private static func damaged(_ texts: [String], _ random: inout SplitMix) -> String {
        var bytes = Array((texts.randomElement(using: &random) ?? "").utf8)
        for _ in 0..<Int.random(in: 0...3, using: &random) where !bytes.isEmpty {
            let index = Int.random(in: 0..<bytes.count, using: &random)
            switch Int.random(in: 0..<3, using: &random) {
            case 0: bytes[index] = UInt8.random(in: 0..<128, using: &random)
            case 1: bytes.remove(at: index)
            default: bytes.insert(contentsOf: bytes[index..<min(index + 9, bytes.count)], at: index)
            }
        }
        return String(decoding: bytes, as: Unicode.UTF8.self)
    }
}
