import Foundation
import NIOCore
import Reflection
import TestSupport
import Testing

struct FuzzTests {
    @Test("Content codings: no trap, the same in pieces", arguments: [0, 2, 4, 5])
    func decoders(index: Int) throws {
        let coder = ContentDecoderTests.coders[index]
        let text = (0..<400).map { "line \($0) of a text\n" }.joined()
        let seeds = try ["", "a", text, String(repeating: "z", count: 100_000)].map {
            try coder.code(Data($0.utf8))
        }
        try Fuzz("coding-\(coder.token)", seeds: seeds).run { input, random in
            func decoded(_ pieces: [[UInt8]]) -> Result<[UInt8], DecodingFault> {
                do throws(DecodingFault) {
                    let decoder = try coder.decoder()
                    var made: [UInt8] = []
                    for piece in pieces {
                        try decoder.decode(ByteBuffer(bytes: piece)) { made += $0.readableBytesView }
                    }
                    try decoder.finish()
                    return .success(made)
                } catch {
                    return .failure(error)
                }
            }
            let (whole, cut) = (decoded([input]), decoded(input.pieces(of: 50, &random)))
            // What is too large is found out by what has come so far.
            guard whole != .failure(.tooLarge), cut != .failure(.tooLarge) else { return }
            switch (whole, cut) {
            case (.success(let one), .success(let other)):
                try Finding.unless(one == other, "in pieces it is another")
            case (.failure, .failure): break
            default: throw Finding(what: "in pieces it is \(cut)")
            }
        }
    }

    @Test("A secret in a reply: no trap, the same in pieces, its length kept, and nothing of it left")
    func mask() throws {
        let words = [Texts.secret, "\\u00", "%", "&#x", "&amp;", "\\", "s3cr3t", "%2573", "=", "\n"]
        try Fuzz("reflection", texts: Texts.spellings.map(\.text), words: words).run { input, random in
            let text = String(decoding: input, as: UTF8.self)
            let whole = try Texts.masked(text, cuts: [])
            var (cuts, end) = ([Int](), 0)
            for piece in text.utf8.pieces(of: 12, &random) {
                end += piece.count
                cuts.append(end)
            }
            try Finding.unless(
                try Texts.masked(text, cuts: cuts.dropLast()) == whole,
                "in pieces it is another"
            )
            try Finding.unless(whole.utf8.count == text.utf8.count, "of another length")
            try Finding.unless(!whole.contains(Texts.secret), "the secret is there")
            try Finding.unless(try Texts.masked(whole, cuts: []) == whole, "masked again it is another")
        }
    }
    @Test(
        "A stream between agents: no trap, its length kept, nothing of a secret left, whatever is handed on"
    )
    func stream() throws {
        let words = [
            Texts.secret, "ghp_", "-----BEGIN PRIVATE KEY-----", "\\u00", "%", "&#x", "s3cr3t", "\n", "eyJ",
        ]
        let field = "Bearer " + Texts.secret
        let spellings = try #require(
            SecretSpellings(ofField: field, shortest: ReflectionLimits.shortestOutward)
        )
        try Fuzz("stream", texts: Texts.spellings.map(\.text), words: words).run { input, random in
            for isSlow in [false, true] {
                var mask = StreamMask(strictly: Bool.random(using: &random), sparing: ["ghp_none"])
                mask.look(for: [spellings])
                var shown: [UInt8] = []
                for piece in input.pieces(of: 12, &random) {
                    guard let taken = mask.take(piece) else { throw Finding(what: "it is not searched") }
                    shown += taken
                    guard isSlow, mask.suspense != .beginning else { continue }
                    guard let kept = mask.handOn() else { throw Finding(what: "its rest is not searched") }
                    shown += kept
                }
                guard let rest = mask.finish() else { throw Finding(what: "its end is not searched") }
                shown += rest
                try Finding.unless(shown.count == input.count, "of another length")
                let text = String(decoding: shown, as: UTF8.self)
                try Finding.unless(!text.contains(Texts.secret), "the secret is there")
            }
        }
    }
}
