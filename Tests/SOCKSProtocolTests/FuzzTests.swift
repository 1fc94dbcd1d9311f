import SOCKSProtocol
import TestSupport
import Testing
import Wire

struct FuzzTests {
    @Test("SOCKS5: no trap, the same in pieces, one tunnel at most")
    func conversation() throws {
        let seeds: [[UInt8]] = [
            [5, 1, 0] + name("allowed.test"), [5, 2, 0, 2, 5, 1, 0, 1, 1, 2, 3, 4, 0, 80],
            [5, 1, 0, 5, 1, 0, 4] + [UInt8](repeating: 1, count: 16) + [1, 187],
            [4, 1, 0, 80, 1, 2, 3, 4, 0],
        ]
        try Fuzz("socks5", seeds: seeds, words: ["allowed.test", "\u{5}\u{1}\u{0}"]).run { input, random in
            var whole = Conversation()
            var cut = Conversation()
            try whole.play(input, cut: .max, ruling: .allowed(injection: nil))
            try cut.play(input, cut: Int.random(in: 1...9, using: &random), ruling: .allowed(injection: nil))
            let (asked, tunnel, replied) = (whole.asked, whole.tunnel, whole.replied)
            try Finding.unless(asked == cut.asked && asked.count <= 1, "in pieces others are asked")
            try Finding.unless(tunnel == cut.tunnel && replied == cut.replied, "in pieces it ends otherwise")
        }
    }
}
