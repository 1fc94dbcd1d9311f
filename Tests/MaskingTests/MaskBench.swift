import Foundation
import Glibc
import Literals
import Masking
import Model
import NIOCore
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
struct MaskBench {
    /// Octets that go through for each figure.
    private static let amount = 1 << 30
    /// As many as the gateway reads at a time.
    private static let piece = 65_536

    /// JSON lines; in every `hits`th something of each of four kinds.
    private static func lines(hits: Int) -> ByteBuffer {
        var random = SplitMix(1)
        let words = [
            "alpha", "release", "pipeline", "order", "status", "shipped", "invoice", "currency", "region",
        ]
        var text = ByteBuffer()
        var number = 0
        while text.readableBytes < 16 << 20 {
            number += 1
            let some = (0..<20).map { _ in words.randomElement(using: &random) ?? "" }.joined(separator: " ")
            text.writeString(
                "{\"id\": \(number), \"created\": \(1_700_000_000 + number * 37), \"price\": \(number % 977).5, "
                    + "\"sha\": \"\(String(random.next(), radix: 16))\", \"at\": \"2026-03-01T12:22:11Z\", \"text\": \"\(some)\""
            )
            if number % hits == 0 {
                text.writeString(
                    ", \"mail\": \"user\(number)@example.com\", \"card\": \"4111 1111 1111 1111\", "
                        + "\"phone\": \"+49 151 1234567\", \"note\": \"line\\nnext \\\"q\\\"\""
                )
            }
            text.writeString("}\n")
        }
        return text
    }

    private static func speed(_ text: ByteBuffer, _ step: (ByteBuffer) -> Void) -> Double {
        var pieces: [ByteBuffer] = []
        var rest = text
        while let piece = rest.readSlice(length: min(Self.piece, rest.readableBytes)), piece.readableBytes > 0
        {
            // As from a socket: in a buffer of its own.
            pieces.append(ByteBuffer(bytes: piece.readableBytesView))
        }
        var done = 0
        let start = processorSeconds()
        while done < amount {
            for piece in pieces { step(piece) }
            done += text.readableBytes
        }
        return Double(done) / (processorSeconds() - start) / 1e6
    }

    @Test func masking() {
        for (name, hits) in [("JSON without hits", Int.max), ("JSON, hits in every fourth line", 4)] {
            let text = Self.lines(hits: hits)
            var mask = TextMask(.all, .backslash)
            let all = Self.speed(text) { _ = mask.mask($0) }
            let literals = LiteralSet(["@", "-----BEGIN ", "ghp_", "eyJ", "AKIA"].map { Array($0.utf8) })
            var hitList: [LiteralSet.Hit] = []
            let raw = Self.speed(text) { piece in
                hitList.removeAll(keepingCapacity: true)
                _ = literals?.find(in: piece.readableBytesSpan, &hitList)
            }
            print(
                "BENCH \(name)\tall kinds \(Int(all)) MB/s\tVectorscan with five literals alone \(Int(raw)) MB/s"
            )
        }
    }
}
