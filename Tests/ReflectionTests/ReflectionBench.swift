import Foundation
import Glibc
import NIOCore
import Reflection
import TestSupport
import Testing

/// `make bench-mask` runs it: speeds of one core, by CPU time.
@Suite(
    .enabled(
        if: ProcessInfo.processInfo.environment["BAILEY_BENCH"] != nil,
        "needs BAILEY_BENCH, which make bench-mask sets"
    ),
    .serialized
)
struct ReflectionBench {
    /// Octets that go through for each figure, and those of one piece.
    private static let amount = 1 << 30
    private static let piece = 65_536

    private static func text(_ name: String) -> [UInt8] {
        var random = SplitMix(3)
        let count = 16 << 20
        switch name {
        case "random octets": return (0..<count).map { _ in UInt8.random(in: 0...255, using: &random) }
        case "base64":
            return Array(
                Data((0..<count / 4 * 3).map { _ in UInt8.random(in: 0...255, using: &random) })
                    .base64EncodedString().utf8
            )
        case "zeros": return [UInt8](repeating: 0, count: count)
        default:
            var text: [UInt8] = []
            while text.count < count {
                let words = (0..<12).map { _ in
                    ["alpha", "order", "s3", "status", "Bearer", "region"].randomElement(using: &random) ?? ""
                }
                text += Array(
                    "{\"id\": \(text.count), \"text\": \"\(words.joined(separator: " "))\\n \\\"x\\\"\"}\n"
                        .utf8
                )
            }
            return text
        }
    }

    @Test(arguments: ["zeros", "random octets", "base64", "JSON with escapes"])
    func reflection(name: String) throws {
        let text = Self.text(name)
        let pieces = stride(from: 0, to: text.count, by: Self.piece).map {
            ByteBuffer(bytes: text[$0..<min($0 + Self.piece, text.count)])
        }
        var mask = ReflectionMask(try #require(SecretSpellings(ofField: "Bearer s3cr3t/REAL+51fa7c20b9e1")))
        var done = 0
        let start = processorSeconds()
        while done < Self.amount {
            for piece in pieces { _ = mask.mask(piece) }
            done += text.count
        }
        print("BENCH credential in \(name)\t\(Int(Double(done) / (processorSeconds() - start) / 1e6)) MB/s")
    }
}
