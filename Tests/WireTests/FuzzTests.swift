import NIOCore
import TestSupport
import Testing
import Wire

struct FuzzTests {
    @Test(
        "Base64 and the search for placeholders: no trap, read and written the same, found wherever it is cut"
    )
    func octets() throws {
        let patterns = ["ghp_0123456789", "sk-abc", "abcabd"]
        let set = try #require(PatternSet(patterns.map { Array($0.utf8) }))
        let texts = ["Z2hwXzAxMjM0NTY3ODk=", "x ghp_0123456789 y", "abcabcabd", "c2stYWJj", "%73%6b-abc"]
        try Fuzz("wire", texts: texts, words: patterns + ["=", "==", "-", "_", "%61", "\n"]).run {
            input,
            random in
            try Finding.unless(
                Base64.decoded(Base64.encoded(input)) == input,
                "encoded and decoded it is another"
            )
            _ = Base64.decoded(String(decoding: input, as: UTF8.self))
            func found(_ pieces: [[UInt8]]) -> Int? {
                var scanner = PatternScanner(set)
                for piece in pieces {
                    if let index = scanner.scan(ByteBuffer(bytes: piece)) { return index }
                }
                return nil
            }
            try Finding.unless(
                found([input]) == found(input.pieces(of: 6, &random)),
                "in pieces another is found"
            )
        }
    }
}
