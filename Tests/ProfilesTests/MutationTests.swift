import Profiles
import TestSupport
import Testing

/// Changes a valid profile at random, from fixed seeds: whatever comes, it is read or refused, and never both.
struct MutationTests {
    private static let fragments = [
        "[", "]", "{", "}", ":", ": ", "- ", "? ", "&a ", "*a ", "!x ", "|", ">", "\"", "'", "#", "\n", "\t",
        " ", "%", "<<: ", "---\n", "...\n",
        "\u{0}", "\u{FEFF}", "\u{1F600}", "\u{301}", "~", "$", "**", "..", "//", "@",
        "9999999999999999999999", "-1", "null", "\\", "\r",
    ]

    @Test("A profile changed at random is read or refused with a position, and never traps", arguments: 0..<8)
    func mutations(seed: Int) throws {
        #expect(problems(ProfileSeed.text) == [])
        var random = SplitMix(UInt64(seed))
        var refused = 0
        for _ in 0..<400 {
            var text = Array(ProfileSeed.text.unicodeScalars)
            for _ in 0..<Int.random(in: 1...4, using: &random) {
                let at = Int.random(in: 0..<text.count, using: &random)
                let fragment = Self.fragments[Int.random(in: 0..<Self.fragments.count, using: &random)]
                switch Int.random(in: 0..<3, using: &random) {
                case 0: text.insert(contentsOf: fragment.unicodeScalars, at: at)
                case 1: text.replaceSubrange(at...at, with: fragment.unicodeScalars)
                default: text.removeSubrange(at..<min(text.count, at + 5))
                }
            }
            var mutated = String.UnicodeScalarView()
            mutated.append(contentsOf: text)
            do {
                let profile = try load(String(mutated))
                #expect(try load(String(mutated)) == profile)
            } catch {
                refused += 1
                #expect(
                    error.diagnostics.allSatisfy { $0.line >= 1 && $0.column >= 1 && !$0.message.isEmpty }
                )
                #expect(!error.diagnostics.isEmpty)
            }
        }
        #expect(refused > 100)
    }
}
