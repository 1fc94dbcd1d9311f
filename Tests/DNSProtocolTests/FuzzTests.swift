import DNSProtocol
import TestSupport
import Testing

struct FuzzTests {
    private static let queries = [
        Captured.a, Captured.aaaaInMixedCase, Captured.https, Captured.withoutEDNS, Captured.txtWithOptions,
        Captured.chaos,
    ]

    @Test("A query: no trap, an answer of its own id and of a bounded size, which is the same again")
    func queries() throws {
        try Fuzz("dns-query", seeds: Self.queries, words: ["\u{3}com", "\u{0}"]).run { input, _ in
            let outcome = StubTests.answer(input)
            try Finding.unless(outcome == StubTests.answer(input), "answered otherwise")
            guard let response = outcome.response else { return }
            try Finding.unless(response.prefix(2) == input.prefix(2), "another id")
            try Finding.unless(
                response.count <= input.count + 512,
                "\(response.count) octets for \(input.count)"
            )
            _ = StubTests.answer(response)
        }
    }

    @Test("Messages of a stream: no trap, the same in pieces, framed again as they were")
    func stream() throws {
        try Fuzz("dns-stream", seeds: [Captured.stream] + Self.queries.compactMap(DNSStreamFraming.framed))
            .run { input, random in
                func messages(_ pieces: [[UInt8]]) -> [[UInt8]]? {
                    var framing = DNSStreamFraming()
                    return try? pieces.flatMap { try framing.received($0) }
                }
                let whole = messages([input])
                try Finding.unless(whole == messages(input.pieces(of: 5, &random)), "in pieces it is another")
                let framed = (whole ?? []).flatMap { DNSStreamFraming.framed($0) ?? [] }
                try Finding.unless(input.starts(with: framed), "framed again it is another")
            }
    }
}
