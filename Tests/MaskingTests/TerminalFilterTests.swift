import Masking
import TestSupport
import Testing

/// What of a terminal's output is kept, and what is left out.
struct TerminalFilterTests {
    private let secret = "tr0ub4dor&3-correct"

    /// What a recording has of octets that come in these pieces, without anything to mask.
    private func kept(_ pieces: [[UInt8]]) -> [UInt8] {
        var terminal = TerminalMask()
        var output: [UInt8] = []
        for piece in pieces {
            terminal.take(piece)
            output += terminal.decided(by: SecretMask())
        }
        return output + terminal.decided(by: SecretMask(), isEnd: true)
    }

    /// What is shown of them when they are played.
    private func played(_ pieces: [[UInt8]]) -> [UInt8] {
        var playback = TerminalPlayback()
        return pieces.flatMap { playback.take($0) }
    }

    private func text(_ octets: [UInt8]) -> String { String(decoding: octets, as: UTF8.self) }

    @Test(
        "I05: what is left out between two octets joins them to no control character",
        arguments: [
            [0xC2, 0x05, 0x9D], [0xC2, 0x00, 0x9B], [0xC2, 0x7F, 0x9B], [0xC2, 0x18, 0x90],
            [0xC2] + Array("\u{1b}]x\u{7}".utf8) + [0x9B], [0xC2] + Array("\u{1b}[c".utf8) + [0x90],
            [0xC2] + Array("\u{1b}[6n".utf8) + [0x9F], [0xC2, 0xC2, 0x05, 0x9D], [0x9D], [0x9B],
        ] as [[UInt8]]
    )
    func joined(octets: [UInt8]) {
        let input = Array("a".utf8) + octets + Array("52;c;aGVsbG8=\u{7}b".utf8)
        for output in [kept([input]), kept(input.map { [$0] }), played([input])] {
            #expect(KeptOctets.fault(in: output) == nil, "\(text(output))")
            #expect(text(output).contains("\u{FFFD}") && text(output).hasPrefix("a"), "\(text(output))")
            #expect(text(output).contains("52;c;aGVsbG8="), "\(text(output))")
        }
        // The control: the character itself begins a string, of which nothing is kept.
        #expect(text(kept([Array("a\u{9d}52;c;aGVsbG8=\u{7}b".utf8)])) == "ab")
    }

    @Test(
        "What a terminal answers, types, prints or goes on with is not kept",
        arguments: [
            "[?u", "[>1u", "[=1;1u", "[<u", "[?4m", "[>4;2m", "[1$w", "[1;1;1;1;1;1*y", "[0#|", "[&u", "['|",
            "[?2;1;0S", "[5i", "[?5i", "[?1003h", "[?1004h", "[?1006;1000h", "[?2004h", "[?1h", "[?66h",
            "[20h",
            "[2h", "[12l", "[?3h", "[1;2;3;4;5T", "[?1r", "[?1s", "[3q", "[1;2\"p", "[18t", "[8;1;1t", "[3g",
            "[1;1;2;2$r", "[65;1;1;9;9$x", "[1;1;9;9;1*z", "%@", "%G", " F", " G", "=", ">", "N", "O", "n",
            "o", "|",
            "~", "}", "V", "W", "H", "*0", "+0", "(<", "(K", "k", "l", "m", "#9", "6", "9", "\\",
        ]
    )
    func dropped(sequence: String) {
        let input = Array("a\u{1b}\(sequence)b\r\n".utf8)
        #expect(text(kept([input])) == "ab\r\n")
        #expect(text(kept(input.map { [$0] })) == "ab\r\n")
        #expect(text(played([input])) == "ab\r\n")
    }

    @Test(
        "What changes only what is seen is kept as it is",
        arguments: [
            "[m", "[1;38;2;1;2;3m", "[4:3m", "[H", "[3;4H", "[2J", "[?2J", "[K", "[?1K", "[5A", "[1;20r",
            "[r", "[2L",
            "[1M",
            "[3P", "[4@", "[2X", "[7b", "[3S", "[3T", "[5d", "[6G", "[6`", "[s", "[u", "[4h", "[4l", "[?25l",
            "[?7h",
            "[?1049h", "[?6l", "[?69h", "[2 q", "[!p", "7", "8", "D", "E", "M", "c", "(0", "(B", ")0", "#8",
        ]
    )
    func shown(sequence: String) {
        let input = Array("a\u{1b}\(sequence)b\u{e}\u{f}\u{7}\r\n".utf8)
        #expect(kept([input]) == input && kept(input.map { [$0] }) == input && played([input]) == input)
    }

    @Test("Of several modes at once those are kept that are on the list; one of C1 has seven bits")
    func several() {
        #expect(text(kept([Array("\u{1b}[?1006;1049;1003h".utf8)])) == "\u{1b}[?1049h")
        #expect(text(kept([Array("\u{1b}[?12;25h".utf8)])) == "\u{1b}[?12;25h")
        #expect(text(kept([Array("\u{9b}1m\u{84}\u{9b}6n".utf8)])) == "\u{1b}[1m\u{1b}D")
    }

    @Test(
        "What is no UTF-8 is shown as U+FFFD, and what is, is kept; a control within a sequence is carried out"
    )
    func characters() {
        let whole = "Gr\u{FC}\u{DF}e \u{65E5} \u{1F600} \u{A0}\u{AD}"
        #expect(text(kept([Array(whole.utf8)])) == whole)
        for broken in [
            [0xE2, 0x28], [0xF0, 0x9F, 0x28], [0xED, 0xA0, 0x80, 0x28], [0xC0, 0xAF, 0x28], [0xFF, 0x28],
        ]
            as [[UInt8]]
        {
            let output = kept([broken])
            #expect(String(validating: output, as: UTF8.self) != nil, "\(output)")
            #expect(output.last == 0x28 && text(output).hasPrefix("\u{FFFD}"), "\(output)")
        }
        #expect(text(kept([[0x61, 0xE2, 0x82]])) == "a\u{FFFD}")
        #expect(text(kept([Array("\u{1b}[3\n1mx".utf8)])) == "\n\u{1b}[31mx")
    }

    @Test("What a terminal shows behind the end of a string is kept, whichever end that is")
    func strings() {
        let mask = SecretMask(knownSecrets: [secret])
        for end in ["\u{9c}", "\u{1b}\\", "\u{7}", "\u{18}", "\u{1b}[m", "\r", "\u{9b}m"] {
            var terminal = TerminalMask()
            terminal.take(Array("\u{1b}]0;t\(end)shown \(secret) behind\u{7}\n".utf8))
            let output = text(terminal.decided(by: mask, isEnd: true))
            #expect(output.contains("shown *") && output.contains("* behind"), "\(output)")
            #expect(!output.contains("0;t"), "\(output)")
        }
        // One octet of a character of a title ends nothing.
        #expect(text(kept([Array("a\u{1b}]0;\u{2733} Claude\u{7}b".utf8)])) == "ab")
        #expect(text(kept([[0x1B, 0x5D, 0x30, 0x9C, 0x62]])) == "b")
    }

    @Test("I05: sequences without a line do not heap up, and a secret across any number of them is masked")
    func endless() {
        let mask = SecretMask(knownSecrets: [secret])
        let reset = Array(String(repeating: "\u{1b}[m", count: 10_000).utf8)
        var terminal = TerminalMask()
        terminal.take(Array(secret.prefix(6).utf8))
        var output: [UInt8] = []
        for _ in 0..<100 {
            terminal.take(reset)
            output += terminal.decided(by: mask)
            #expect(
                Int(terminal.kept) - output.count <= TerminalMask.maximumOctets + TerminalMask.maximumHeld
            )
        }
        terminal.take(Array("\(secret.dropFirst(6)) behind\r\n".utf8))
        output += terminal.decided(by: mask, isEnd: true)
        let result = text(output)
        #expect(!result.contains(secret.prefix(6)) && !result.contains(secret.suffix(6)))
        #expect(result.hasSuffix(" behind\r\n"), "\(result.suffix(40))")
        #expect(Int(terminal.kept) == output.count)
    }

    @Test(
        "One header hides no more than the longest key has; the control's key has an end",
        arguments: ["\r\n", " "]
    )
    func header(separator: String) {
        let hidden = "-----BEGIN PRIVATE KEY-----\r\u{1b}[2K"
        let lines = String(repeating: "a cell of a table\(separator)", count: 8_000)
        let pieces = Array((hidden + lines).utf8)
        var terminal = TerminalMask()
        var output: [UInt8] = []
        for start in stride(from: 0, to: pieces.count, by: 4_096) {
            terminal.take(Array(pieces[start..<min(start + 4_096, pieces.count)]))
            output += terminal.decided(by: SecretMask())
        }
        output += terminal.decided(by: SecretMask(), isEnd: true)
        let stars = output.count { $0 == UInt8(ascii: "*") }
        #expect(output.count == pieces.count)
        #expect(stars > 0 && stars <= TerminalMask.longestKey, "\(stars)")
        let key = String(repeating: "MIIEvQIBADANBgkqhkiG9w0\r\n", count: 500)
        let closed = text(
            kept([Array("-----BEGIN PRIVATE KEY-----\r\n\(key)-----END PRIVATE KEY-----\r\nseen\r\n".utf8)])
        )
        #expect(!closed.contains("MIIE") && closed.contains("seen"))
    }

    @Test("What was played leaves a terminal as it was")
    func restored() {
        var playback = TerminalPlayback()
        let plain = text(playback.restoring)
        #expect(plain.contains("\u{1b}[0m") && !plain.contains("1049"))
        _ = playback.take(Array("\u{1b}[?1049h\u{1b}[?25l\u{1b}[?7l\u{1b}[5;9r\u{1b}[4 q\u{1b}[?1003h".utf8))
        let changed = text(playback.restoring)
        for sequence in ["[?1049l", "[?25h", "[?7h", "[r", "[0 q"] {
            #expect(changed.contains("\u{1b}\(sequence)"), "\(sequence)")
        }
        #expect(!changed.contains("1003"))
        _ = playback.take(Array("\u{1b}[?1049l\u{1b}[?25h".utf8))
        #expect(!text(playback.restoring).contains("1049") && !text(playback.restoring).contains("?25"))
    }

    @Test("I05: whatever octets come, wherever they are split: nothing is kept that is not on the list")
    func anything() throws {
        let seeds: [[UInt8]] = [
            Array(
                "\u{1b}[31mred\u{1b}[0m Gr\u{FC}\u{DF}e\r\n\u{1b}]0;t\u{7}\u{9b}1m\u{1b}P1$q\u{1b}\\x".utf8
            ),
            [0xC2, 0x05, 0x9D, 0xC2, 0x1B, 0x5D, 0x78, 0x07, 0x9B, 0x36, 0x6E, 0xE2, 0x9C, 0x1B, 0x5B, 0x63],
            Array("\u{1b}[?1049;1003h\u{1b}[?25l\u{1b}(0\u{1b}%@\u{1b}[6n\u{1b}[!p\u{1b}[1;2$x\u{1b}#8".utf8),
        ]
        let words = [
            "\u{1b}", "\u{1b}[", "\u{1b}]", "\u{1b}P", "\u{1b}_", "\u{1b}\\", "\u{9b}", "\u{9c}", "\u{9d}",
            "\u{90}", "\u{5}",
            "\u{7}", "\u{18}", "\n", "\r", "\u{8}", "m", "n", "c", "?", ";", "$", "1049", "h", "\u{FC}",
            "\u{2733}",
        ]
        let sprinkled: [[UInt8]] = [[0xC2], [0x9B], [0x9D], [0x90], [0xE2], [0xF0], [0x9C], [0x7F]]
        try Fuzz("terminal-filter", seeds: seeds + sprinkled, words: words).run { input, random in
            var input = input
            for _ in 0..<8 {
                let place = Int.random(in: 0...input.count, using: &random)
                input.insert(contentsOf: sprinkled.randomElement(using: &random) ?? [], at: place)
            }
            let whole = played([input])
            if let fault = KeptOctets.fault(in: whole) { throw Finding(what: fault) }
            try Finding.unless(played(input.pieces(of: 5, &random)) == whole, "in pieces it is another")
            let short = Array(input.prefix(160))
            let all = played([short])
            for place in short.indices {
                let halves = [Array(short[..<place]), Array(short[place...])]
                try Finding.unless(played(halves) == all, "split at \(place) it is another")
            }
            // Twice is once.
            try Finding.unless(played([whole]) == whole, "played again it is another")
            var terminal = TerminalMask()
            var output: [UInt8] = []
            for piece in input.pieces(of: 64, &random) {
                terminal.take(piece)
                output += terminal.decided(by: SecretMask())
                let held = Int(terminal.kept) - output.count
                try Finding.unless(
                    held <= TerminalMask.maximumOctets + TerminalMask.maximumHeld,
                    "\(held) are held"
                )
            }
            output += terminal.decided(by: SecretMask(), isEnd: true)
            if let fault = KeptOctets.fault(in: output) { throw Finding(what: fault) }
            try Finding.unless(Int(terminal.kept) == output.count, "not all that was kept was handed over")
        }
    }
}

/// What may stand in a recording, said once more and otherwise than in the program.
enum KeptOctets {
    private static let list = [
        #"[78DEMc]"#, #"[()][0AB]"#, #"#[34568]"#, #"\[[0-9:;]*[@A-MPSTXZ`abdefmrsu]"#, #"\[\?[0-9:;]*[JK]"#,
        #"\[4(;4)*[hl]"#,
        #"\[\?(5|6|7|12|25|47|69|1047|1048|1049)(;(5|6|7|12|25|47|69|1047|1048|1049))*[hl]"#,
        #"\[[0-9:;]* q"#,
        #"\[[0-9:;]*!p"#,
    ]

    /// What is wrong with them; nil for nothing.
    static func fault(in octets: [UInt8]) -> String? {
        guard let text = String(validating: octets, as: UTF8.self) else { return "it is no UTF-8" }
        let list = "\u{1b}(" + list.joined(separator: "|") + ")"
        guard let sequence = try? Regex(list).matchingSemantics(.unicodeScalar) else {
            return "the list does not read"
        }
        let seen = text.replacing(sequence, with: "")
        for scalar in seen.unicodeScalars {
            switch scalar.value {
            case 0x07...0x0F, 0x20...0x7E, 0xA0...: continue
            default: return "U+\(String(scalar.value, radix: 16)) is kept, of \(octets)"
            }
        }
        return nil
    }
}
