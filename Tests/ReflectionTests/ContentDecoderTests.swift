import Foundation
import NIOCore
import Reflection
import TestSupport
import Testing

struct ContentDecoderTests {
    /// A coding and the command that codes its standard input so.
    struct Coder: CustomTestStringConvertible {
        let token: String
        let command: [String]

        var testDescription: String { command.joined(separator: " ") }

        init(_ token: String, _ command: String...) {
            self.token = token
            self.command = command
        }

        func decoder() throws(DecodingFault) -> ContentDecoder {
            guard let coding = try ContentCoding.applied([token]).first else { throw .unknownCoding }
            return try ContentDecoder(coding)
        }

        func code(_ text: Data) throws -> [UInt8] {
            let process = Process()
            process.executableURL = URL(filePath: "/usr/bin/env")
            process.arguments = command
            let pipes = (Pipe(), Pipe())
            process.standardInput = pipes.0
            process.standardOutput = pipes.1
            try process.run()
            let writer = Thread {
                try? pipes.0.fileHandleForWriting.write(contentsOf: text)
                try? pipes.0.fileHandleForWriting.close()
            }
            writer.start()
            let coded = try pipes.1.fileHandleForReading.readToEnd() ?? Data()
            process.waitUntilExit()
            try #require(process.terminationStatus == 0)
            return Array(coded)
        }
    }

    private static func python(_ expression: String) -> String {
        "import sys, zlib; d = sys.stdin.buffer.read(); sys.stdout.buffer.write(\(expression))"
    }

    static let coders = [
        Coder("gzip", "gzip", "-c"), Coder("x-gzip", "gzip", "-9c"),
        Coder("deflate", "python3", "-c", python("zlib.compress(d)")),
        Coder("deflate", "python3", "-c", python("zlib.compress(d, wbits=-15)")),
        Coder("br", "brotli", "-c"), Coder("zstd", "zstd", "-qc"),
    ]

    private static let text = Data((0..<5000).map { "line \($0) of a text\n" }.joined().utf8)

    private func decoded(_ bytes: [UInt8], _ coder: Coder, by piece: Int) throws -> Data {
        let decoder = try coder.decoder()
        var result = Data()
        for start in stride(from: 0, to: bytes.count, by: piece) {
            try decoder.decode(ByteBuffer(bytes: bytes[start..<min(start + piece, bytes.count)])) { made in
                result.append(contentsOf: made.readableBytesView)
            }
        }
        try decoder.finish()
        return result
    }

    @Test(arguments: coders)
    func `F10: what the coding's own program has coded is decoded, whole and in pieces`(coder: Coder) throws {
        let coded = try coder.code(Self.text)
        #expect(coded.count < Self.text.count)
        for piece in [1, 2, 3, 1000, coded.count] {
            #expect(try decoded(coded, coder, by: piece) == Self.text)
        }
        #expect(try decoded(coder.code(Data()), coder, by: 1).isEmpty)
        #expect(try decoded([], coder, by: 1).isEmpty)
    }

    @Test(arguments: coders)
    func `A coding that is cut short, or goes on behind its end, is a fault`(coder: Coder) throws {
        let coded = try coder.code(Self.text)
        #expect(throws: DecodingFault.incomplete) { try decoded(Array(coded.dropLast(5)), coder, by: 100) }
        #expect(throws: DecodingFault.malformed) { try decoded(coded + Array("more".utf8), coder, by: 100) }
        #expect(throws: DecodingFault.malformed) {
            try decoded(coded + Array("more".utf8), coder, by: 100_000)
        }
        #expect(throws: DecodingFault.self) { try decoded(Array("\u{7}plain text".utf8), coder, by: 100) }
    }

    @Test(arguments: coders)
    func `A bomb is a fault, long before it is decoded whole`(coder: Coder) throws {
        let coded = try coder.code(Data(count: 100 << 20))
        let decoder = try coder.decoder()
        var made = 0
        #expect(throws: DecodingFault.tooLarge) {
            try decoder.decode(ByteBuffer(bytes: coded)) { made += $0.readableBytes }
        }
        #expect(made <= max(ReflectionLimits.unmeasured, coded.count * ReflectionLimits.ratio))
        // The control: what stays below the bound is decoded.
        let small = try coder.code(Data(count: 1 << 20))
        #expect(try decoded(small, coder, by: 1000).count == 1 << 20)
    }

    @Test(arguments: coders)
    func `What few octets stand for is given piece by piece`(coder: Coder) throws {
        let decoder = try coder.decoder()
        decoder.give(ByteBuffer(bytes: try coder.code(Data(count: 1 << 20))))
        var pieces: [Int] = []
        while let piece = try decoder.next() {
            pieces.append(piece.readableBytes)
            if pieces.count == 1 { #expect(throws: DecodingFault.incomplete) { try decoder.finish() } }
        }
        try decoder.finish()
        #expect(pieces.reduce(0, +) == 1 << 20)
        #expect(pieces.allSatisfy { $0 <= ReflectionLimits.piece } && pieces.count >= 16)
    }

    @Test func `Members of gzip and frames of zstd that follow each other are one text`() throws {
        for coder in [Self.coders[0], Self.coders[5]] {
            let coded = try coder.code(Self.text) + coder.code(Data("end".utf8))
            for piece in [1, 7, coded.count] {
                #expect(try decoded(coded, coder, by: piece) == Self.text + Data("end".utf8))
            }
        }
    }

    @Test func `F10: a zstd frame with a larger window than RFC 9659 allows is a fault`() throws {
        let coder = Coder("zstd", "zstd", "-qc", "-1", "--long=27", "--no-content-size")
        var random = SplitMix(3)
        let noise = Data((0..<(9 << 17)).flatMap { _ in withUnsafeBytes(of: random.next()) { Array($0) } })
        let coded = try coder.code(noise)
        #expect(throws: DecodingFault.malformed) { try decoded(coded, coder, by: 65_536) }
    }

    @Test(arguments: [
        (["gzip"], [ContentCoding.gzip]), (["BR , identity"], [.brotli]),
        (["deflate", "zstd"], [.deflate, .zstd]),
        ([], []), (["identity"], []),
    ])
    func `Content codings are read in the order in which they were applied`(
        fields: [String],
        codings: [ContentCoding]
    ) throws {
        #expect(try ContentCoding.applied(fields) == codings)
    }

    @Test func `A coding that cannot be undone, or a third one, is a fault`() {
        #expect(throws: DecodingFault.unknownCoding) { try ContentCoding.applied(["compress"]) }
        #expect(throws: DecodingFault.unknownCoding) { try ContentCoding.applied(["gzip, aes128gcm"]) }
        #expect(throws: DecodingFault.tooManyLayers) { try ContentCoding.applied(["gzip, br, gzip"]) }
    }

    @Test(arguments: [
        ("gzip, deflate, br, zstd", "gzip, deflate, br, zstd"), ("gzip;q=0.5, compress", "gzip;q=0.5"),
        ("dcb, *", "identity"), ("*;q=0", "identity"), ("BR;q=1.0", "br;q=1.0"), ("", "identity"),
    ])
    func `F10: only what can be undone is asked for`(field: String, asked: String) {
        #expect(ContentCoding.offered([field]) == asked)
        #expect(ContentCoding.offered([]) == nil)
    }
}
