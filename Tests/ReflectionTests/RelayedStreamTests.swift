import Foundation
import Reflection
import TestSupport
import Testing

/// Streams as a relay reads them: what is taken is handed on after each read, where nothing says that more must come.
struct RelayedStreamTests {
    /// A piece of a stream, and what must come of it.
    private struct Part {
        let text: [UInt8]
        let shown: [UInt8]
        let isFind: Bool

        init(_ text: String, _ shown: String) {
            (self.text, self.shown, isFind) = (Array(text.utf8), Array(shown.utf8), true)
        }

        init(_ text: String) {
            (self.text, shown, isFind) = (Array(text.utf8), Array(text.utf8), false)
        }
    }

    /// Which cuts there are.
    enum Cuts: CaseIterable {
        /// Anywhere, and what may be a beginning is waited for.
        case anywhere
        /// Nowhere in what is masked, and nothing is waited for.
        case between
    }

    private static let tokens = [
        ("ghp_", "16C7e42F292c6912E7710c838347Ae178B4a"), ("glpat-", "Zx81kQwErT42yUiOpAs9"),
        ("sk-", "ant-api03-Qm4tX9bLr2Vd7nKs_8Wc-3Hj5Yg1ZpT"),
        ("npm_", "pQ7rT2wX9zL4mK8vB3nH6jF1dS5gA0cE4uYi"),
        ("sk-", "T3BlbkFJq9Zx81kQwErT42yUiOpAs9dF7gHjK1lZ"), ("xoxb-", "2048-4096-aBcDeFgH1jKlMnOp"),
    ]

    /// What is no secret where only what surely is a token is masked.
    private static let likely = [
        ("AKIA", "IOSFODNN7EXAMPLE"),
        ("eyJ", "hbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.dozjgNryP4J3jVmNHl0w5N_XgL0n3I9PlFUP0THsR8U"),
    ]

    private static let labels = [
        "PRIVATE KEY", "RSA PRIVATE KEY", "OPENSSH PRIVATE KEY", "ENCRYPTED PRIVATE KEY",
    ]

    private static let before = [" ", "\n", "(", "'", "\"", "=", "https://", "token ", "x/", "<"]
    private static let behind = [
        "\n", " ", ")", ". ", "'", "\"", "@github.com/o/r\n", "/ghp_ab ", ", ", ";", "/", "?x=1", "\r\n",
    ]
    private static let harmless = [
        "Password:", "the 12 files, see http://h/x?y=1", "50%", "C:\\", "a&b", "é", "ghp_short ", "eyJ ",
        "LOUD TEXT ",
        "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n", "-----BEGIN ", "y/n", "(1)",
        "s3cr ",
    ]

    private static func crossed(_ text: String) -> String {
        String(text.map { $0.isLetter || $0.isNumber || "+/_".contains($0) ? "x" : $0 })
    }

    private static func key(_ label: String, _ end: String) -> Part {
        let body = "\(end)MIIEvQIBADANBgkqhkiG9w0\(end)AQ/8+Zw==\(end)"
        let (first, last) = ("-----BEGIN \(label)-----", "-----END \(label)-----")
        return Part(first + body + last, first + crossed(body).replacing("\\x", with: "\\n") + last)
    }

    private static func finds(strictly isStrict: Bool) throws -> [Part] {
        let tokens = tokens.map { Part($0 + $1, $0 + crossed($1)) }
        let likely = likely.map { isStrict ? Part($0 + $1) : Part($0 + $1, $0 + crossed($1)) }
        let keys = labels.flatMap { label in ["\n", "\r\n", "\\n"].map { key(label, $0) } }
        let known = Texts.spellings.map { Part($0.text, $0.masked) }
        let encoded = try Texts.base64.map { text in
            let text = Data(text.utf8).base64EncodedString()
            return Part(text, try Texts.masked(text, cuts: []))
        }
        return tokens + likely + keys + known + encoded
    }

    private func mask(strictly isStrict: Bool) throws -> StreamMask {
        var mask = StreamMask(strictly: isStrict)
        let field = "Bearer " + Texts.secret
        mask.look(
            for: [try #require(SecretSpellings(ofField: field, shortest: ReflectionLimits.shortestOutward))]
        )
        return mask
    }

    private func parts(of finds: [Part], _ random: inout SplitMix) throws -> [Part] {
        var parts: [Part] = []
        for _ in 0..<Int.random(in: 1...6, using: &random) {
            if Bool.random(using: &random) {
                parts.append(Part(try #require(Self.harmless.randomElement(using: &random))))
            }
            parts.append(Part(try #require(Self.before.randomElement(using: &random))))
            parts.append(try #require(finds.randomElement(using: &random)))
            parts.append(Part(try #require(Self.behind.randomElement(using: &random))))
        }
        if Bool.random(using: &random) { parts.removeLast() }
        return parts
    }

    /// Where the reads end.
    private func reads(_ parts: [Part], _ cuts: Cuts, _ random: inout SplitMix) -> [[UInt8]] {
        guard cuts == .between else { return parts.flatMap(\.text).pieces(of: 60, &random) }
        return parts.flatMap { $0.isFind ? [$0.text] : $0.text.pieces(of: 4, &random) }
    }

    private func masked(_ reads: [[UInt8]], _ cuts: Cuts, _ mask: inout StreamMask) throws -> [UInt8] {
        var shown: [UInt8] = []
        for read in reads {
            let taken = mask.take(read)
            shown += try #require(taken)
            guard cuts == .between else { continue }
            let kept = mask.handOn()
            shown += try #require(kept)
        }
        let rest = mask.finish()
        return try shown + #require(rest)
    }

    @Test(
        "Nothing of a find comes out, whatever stands beside it and wherever the reads end, and all else as it is",
        arguments: [true, false],
        Cuts.allCases
    )
    func streams(isStrict: Bool, cuts: Cuts) throws {
        let finds = try Self.finds(strictly: isStrict)
        var random = SplitMix(isStrict ? 11 : 12)
        for _ in 0..<2_000 {
            let parts = try parts(of: finds, &random)
            let reads = reads(parts, cuts, &random)
            var (mask, whole) = (try mask(strictly: isStrict), try mask(strictly: isStrict))
            let shown = try masked(reads, cuts, &mask)
            let text = String(decoding: shown, as: UTF8.self)
            let expected = String(decoding: parts.flatMap(\.shown), as: UTF8.self)
            // What an escape begins with is no octet of a secret.
            let isSame =
                text.utf8.count == expected.utf8.count
                && zip(text.utf8, expected.utf8).allSatisfy {
                    $0 == $1 || ($0 == UInt8(ascii: "&") && $1 == UInt8(ascii: "*"))
                }
            guard isSame else {
                let reads = reads.map { String(decoding: $0, as: UTF8.self) }
                Issue.record("\(text.debugDescription) is not \(expected.debugDescription), of \(reads)")
                return
            }
            _ = try masked([parts.flatMap(\.text)], .anywhere, &whole)
            #expect(mask.counts == whole.counts)
        }
    }

    @Test("What one read ends with is handed on at once, and masked", arguments: [true, false])
    func last(isStrict: Bool) throws {
        let (prefix, body) = Self.tokens[0]
        let (token, crossed) = (prefix + body, prefix + Self.crossed(body))
        let key = Self.key("PRIVATE KEY", "\n")
        let texts: [(String, String)] =
            [
                ("https://\(token)@github.com/o/r", "https://\(crossed)@github.com/o/r"),
                ("(\(token))", "(\(crossed))"),
                ("is \(token).", "is \(crossed)."), ("'\(token)'", "'\(crossed)'"),
                (token + "A ", crossed + "x "),
            ] + [(String(decoding: key.text, as: UTF8.self), String(decoding: key.shown, as: UTF8.self))]
        for (text, expected) in texts {
            var mask = try mask(strictly: isStrict)
            let shown = mask.take(Array(text.utf8))
            #expect(String(decoding: try #require(shown), as: UTF8.self) == expected)
            #expect(!mask.isHolding, "nothing of it has to be waited for")
            let rest = mask.finish()
            #expect(rest == [])
            #expect(mask.counts.values.reduce(0, +) == 1, "\(mask.counts)")
        }
    }

    @Test(
        "What agents hold in a secret's stead comes through octet by octet, to one who does not wait as well"
    )
    func spared() throws {
        let token = Self.tokens[0].0 + Self.tokens[0].1
        for isStrict in [true, false] {
            var mask = StreamMask(strictly: isStrict, sparing: [token])
            let text = Array("use \(token)\n\(token)".utf8)
            #expect(try masked(text.map { [$0] }, .between, &mask) == text)
            #expect(mask.counts.isEmpty)
        }
    }
}
