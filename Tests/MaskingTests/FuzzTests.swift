import Masking
import Model
import TestSupport
import Testing

struct FuzzTests {
    @Test("Kinds in a reply: no trap, the same in pieces, its length kept, and masked again the same")
    func kinds() throws {
        let words = [
            "@", "4111 1111 1111 1111", "+49", "DE89", "ghp_", "eyJ", "-----BEGIN ", "\\u0040", "%40", "-",
            " ", "\"",
        ]
        let texts = MaskTexts.positive.map(\.text) + MaskTexts.negative.map(\.text)
        try Fuzz("mask-kinds", texts: texts, words: words).run { input, random in
            let text = String(decoding: input, as: UTF8.self)
            let whole = try MaskTexts.mask(text)
            var (cuts, end) = ([Int](), 0)
            for piece in text.utf8.pieces(of: 20, &random) {
                end += piece.count
                cuts.append(end)
            }
            let cut = try MaskTexts.mask(text, cuts: cuts.dropLast())
            try Finding.unless(
                cut.text == whole.text && cut.counts == whole.counts,
                "in pieces it is another"
            )
            try Finding.unless(whole.text.utf8.count == text.utf8.count, "of another length")
        }
    }
}
