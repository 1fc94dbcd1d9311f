import Masking
import Testing

/// What a terminal shows, masked.
struct TerminalMaskTests {
    private let secret = "tr0ub4dor&3-correct"
    private let token = "ghp_16C7e42F292c6912E7710c838347Ae178B4a"
    private var mask: SecretMask { SecretMask(knownSecrets: [secret]) }

    /// All that is handed over of pieces, one taken after the other.
    private func shown(_ pieces: [String], by mask: SecretMask? = nil) -> String {
        shown(pieces.map { Array($0.utf8) }, by: mask)
    }

    private func shown(_ pieces: [[UInt8]], by mask: SecretMask? = nil) -> String {
        var terminal = TerminalMask()
        var output: [UInt8] = []
        for piece in pieces {
            terminal.take(piece)
            output += terminal.decided(by: mask ?? self.mask)
        }
        output += terminal.decided(by: mask ?? self.mask, isEnd: true)
        return String(decoding: output, as: UTF8.self)
    }

    /// What is read on a screen: without sequences.
    private func read(_ shown: String) -> String {
        var (text, isSequence) = ("", false)
        for scalar in shown.unicodeScalars {
            if scalar == "\u{1b}" {
                isSequence = true
            } else if isSequence {
                isSequence = !(("a"..."z").contains(scalar) || ("A"..."Z").contains(scalar))
            } else {
                text.unicodeScalars.append(scalar)
            }
        }
        return text
    }

    @Test("I04: a secret across two writes, with sequences between its characters, split at every octet")
    func split() throws {
        let written = Array(
            "before \u{1b}[31mtr0ub4\u{1b}[0m\u{1b}[1;32mdor&3\u{9b}0m-correct behind\r\n\(token.prefix(9))\u{1b}[7m\(token.dropFirst(9))\r\n"
                .utf8
        )
        let whole = shown([written])
        #expect(
            read(whole).contains("before \(String(repeating: "*", count: 19)) behind\r\nghp_****"),
            "\(whole)"
        )
        #expect(whole.contains("\u{1b}[31m******\u{1b}[0m\u{1b}[1;32m"), "\(whole)")
        for place in written.indices {
            #expect(
                shown([Array(written[..<place]), Array(written[place...])]) == whole,
                "split at \(place)"
            )
        }
        #expect(shown(written.map { [$0] }) == whole)
        // The control: the same is there where nothing is to be masked.
        #expect(read(shown([written], by: SecretMask())).contains("before \(secret) behind"))
    }

    @Test("What is plain goes through as it is")
    func plain() {
        let text =
            "\u{1b}[2J\u{1b}[H\u{1b}[1;31mred\u{1b}[0m Grüße 日本\r\n\u{1b}(B\u{1b}7x\u{1b}8\ttab\u{7}\r\n$ "
        #expect(shown([text]) == text)
        #expect(shown(Array(text.utf8).map { [$0] }) == text)
    }

    @Test("Typed with corrections, a cursor that was moved, and at a margin")
    func edited() {
        for typed in [
            "tr0ub4doX\u{8} \u{8}r&3-correct", "\(secret)\(String(repeating: "\u{8}", count: 19))",
            "tr0ub4dor \r&3-correct", "tr0ub4dor\u{1b}[K&3-correct",
        ] {
            let result = read(shown(typed.map { String($0) } + ["\r\n"]))
            for part in ["tr0ub4do", "&3-correct"] { #expect(!result.contains(part), "\(typed): \(result)") }
        }
    }

    @Test(
        "What acts on whoever watches is not kept",
        arguments: [
            "\u{1b}]0;a title\u{7}", "\u{1b}]52;c;aGVsbG8=\u{1b}\\", "\u{1b}Pq#0\u{1b}\\", "\u{1b}[6n",
            "\u{1b}[c",
            "\u{1b}[>q", "\u{1b}[?1$p", "\u{1b}[21t", "\u{1b}Z", "\u{5}", "\u{9d}0;a title\u{7}",
        ]
    )
    func kept(sequence: String) {
        #expect(shown(["a\(sequence)b\r\n"]) == "ab\r\n")
        #expect(shown(Array("a\(sequence)b\r\n".utf8).map { [$0] }) == "ab\r\n")
    }

    @Test("Nothing is hidden behind a control string that never ends")
    func endless() {
        #expect(shown(["\u{1b}]0;x\nseen\r\n"]).contains("seen"))
        #expect(shown(["\u{1b}]0;" + String(repeating: "x", count: 5_000) + "seen"]).contains("seen"))
    }

    @Test("A private key over lines, and a known value that has several")
    func lines() {
        let key =
            "-----BEGIN PRIVATE KEY-----\r\nMIIEvQIBADANBgkqhkiG9w0\r\nBAQEFAASC\r\n-----END PRIVATE KEY-----\r\n"
        let pieces = key.split(separator: "\r\n", omittingEmptySubsequences: false)
            .map { String($0) + "\r\n" }
        let result = shown(["$ cat key\r\n"] + pieces + ["done\r\n"])
        #expect(!result.contains("MIIE") && !result.contains("BAQE") && result.contains("done"), "\(result)")
        let several = SecretMask(knownSecrets: ["first line\nsecond line"])
        let value = shown(["first line\r\n", "second line\r\nthird\r\n"], by: several)
        #expect(!value.contains("first") && !value.contains("second") && value.contains("third"), "\(value)")
        #expect(shown(["first line\r\n", "other\r\n"], by: several) == "first line\r\nother\r\n")
    }

    @Test("Screens without line ends: what is kept back is bounded, and a secret is found wherever it stands")
    func screens() {
        for offset in stride(from: 0, to: 3_000, by: 271) {
            let filler = String(repeating: "\u{1b}[3;4Hcell of a table ", count: 4_000)
            let written = Array((String(repeating: ".", count: offset) + filler + secret + filler).utf8)
            var terminal = TerminalMask()
            var output: [UInt8] = []
            for start in stride(from: 0, to: written.count, by: 4_096) {
                terminal.take(Array(written[start..<min(start + 4_096, written.count)]))
                output += terminal.decided(by: mask)
                #expect(Int(terminal.kept) - output.count <= 4 * TerminalMask.maximumHeld)
            }
            output += terminal.decided(by: mask, isEnd: true)
            let result = String(decoding: output, as: UTF8.self)
            #expect(output.count == written.count && !result.contains(secret.prefix(6)), "\(offset)")
        }
    }

    @Test("A token that is longer than any is masked to its end")
    func longToken() {
        let body = String(repeating: "Ab1", count: 30_000)
        let written = Array("x ghp_\(body) behind\r\n".utf8)
        let pieces = stride(from: 0, to: written.count, by: 1_000).map {
            Array(written[$0..<min($0 + 1_000, written.count)])
        }
        let result = shown(pieces)
        #expect(!result.contains("Ab1") && result.hasSuffix(" behind\r\n"), "\(result.suffix(40))")
    }
}
