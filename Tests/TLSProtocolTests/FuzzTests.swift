import TLSProtocol
import TestSupport
import Testing

struct FuzzTests {
    @Test("A ClientHello: no trap, the same in pieces")
    func hello() throws {
        let seeds = [
            Captured.openssl, Captured.opensslWithoutName, Captured.curl, Captured.python, Captured.node,
        ]
        try Fuzz("tls-hello", seeds: seeds, words: ["allowed.test", "\u{0}\u{0}", "h2", "\u{16}\u{3}\u{1}"])
            .run { input, random in
                let whole = ClientHelloReaderTests.read(input)
                var reader = ClientHelloReader()
                var progress = reader.received([])
                for piece in input.pieces(of: 11, &random) { progress = reader.received(piece) }
                try Finding.unless(progress == whole, "in pieces it is another: \(progress) \(whole)")
            }
    }
}
