import Audit
import Foundation
import Glibc
import Model
import Testing

struct BodyFilesTests {
    private static func place(
        _ exchange: UInt64,
        _ side: BodySide = .response,
        run: String = "0badcafe"
    ) -> BodyPlace {
        BodyPlace(run: run, exchange: exchange, side: side)
    }

    private static func record(_ octets: [UInt8], at place: Range<UInt64>, digest: String) -> RecordedBody {
        RecordedBody(
            side: .response,
            octets: UInt64(octets.count),
            digest: digest,
            place: place,
            coding: nil,
            missing: nil
        )
    }

    /// Of three octets, `abc` (FIPS 180-4).
    private static let digest = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"

    private static func text(
        _ reader: BodyReader,
        _ body: RecordedBody,
        _ exchange: UInt64 = 1
    ) throws -> String {
        var text = Data()
        try reader.read(body, of: exchange, run: "0badcafe") { text += $0 }
        return String(decoding: text, as: UTF8.self)
    }

    @Test func `A body is read back from among others, both ways, by its range`() throws {
        let state = try StateFixture()
        let files = BodyFiles(directory: state.path)
        let first = try files.append(Array("a".utf8), to: Self.place(1))
        _ = try files.append(Array("zzz".utf8), to: Self.place(1, .request))
        _ = try files.append(Array("yyyy".utf8), to: Self.place(2))
        let last = try files.append(Array("bc".utf8), to: Self.place(1))
        _ = try files.append(Array("d".utf8), to: Self.place(1))
        let body = Self.record(Array("abc".utf8), at: first.lowerBound..<last.upperBound, digest: Self.digest)
        let reader = BodyReader(directory: state.path)
        #expect(try Self.text(reader, body) == "abc")
        #expect(throws: BodyReader.Fault.self) { try Self.text(reader, body, 2) }
        var rest = Data()
        try reader.readUnfinished(.response, of: 1, run: "0badcafe") { rest += $0 }
        #expect(String(decoding: rest, as: UTF8.self) == "abcd")
    }

    @Test func `A large piece is blocks, and is one body`() throws {
        let state = try StateFixture()
        let files = BodyFiles(directory: state.path)
        let octets = (0..<3_000_001).map { UInt8(truncatingIfNeeded: $0 / 7) }
        let place = try files.append(octets, to: Self.place(1))
        #expect(place.count == octets.count + 3 * 60)
        var read = Data()
        try BodyReader(directory: state.path).readUnfinished(.response, of: 1, run: "0badcafe") { read += $0 }
        #expect(read == Data(octets))
    }

    @Test func `A store that was left in the middle of a block is read to the last whole one, and goes on`()
        throws
    {
        let state = try StateFixture()
        _ = try BodyFiles(directory: state.path).append(Array("abc".utf8), to: Self.place(1))
        let path = state.path + "/recordings/0badcafe"
        for cut in [1, 10, 24, 26, 32, 44, 62] {
            let whole = try Data(contentsOf: URL(fileURLWithPath: path))
            let file = try FileHandle(forWritingTo: URL(fileURLWithPath: path))
            try file.seekToEnd()
            try file.write(contentsOf: whole.prefix(cut))
            var read = Data()
            try BodyReader(directory: state.path).readUnfinished(.response, of: 1, run: "0badcafe") {
                read += $0
            }
            #expect(read == Data("abc".utf8), "\(cut): \(read.count)")
            try file.truncate(atOffset: UInt64(whole.count))
        }
    }

    @Test
    func
        `Runs have files of their own, each with the limit, which refuses by name and keeps nothing of a piece`()
        throws
    {
        let state = try StateFixture()
        let files = BodyFiles(directory: state.path, limit: 150)
        _ = try files.append([UInt8](repeating: 1, count: 28), to: Self.place(1))
        #expect(files.refusal(of: "0badcafe") == nil)
        #expect { try files.append([UInt8](repeating: 1, count: 3), to: Self.place(1)) } throws: {
            ($0 as? AuditFailure)?.message.contains("raise recordings in bailey.yaml") == true
        }
        _ = try files.append([UInt8](repeating: 1, count: 2), to: Self.place(1))
        #expect(files.refusal(of: "0badcafe")?.message.contains("150 octets") == true)
        #expect(files.refusal(of: "other") == nil)
        _ = try files.append([1], to: Self.place(1, run: "other"))
        let names = try FileManager.default.contentsOfDirectory(atPath: state.path + "/recordings").sorted()
        #expect(names == ["0badcafe", "other"])
    }

    @Test(.enabled(if: geteuid() == 0, "needs root: a small file system"))
    func `A full disk refuses by name, keeps what was whole, and goes on with room again`() throws {
        let state = try StateFixture()
        let mount = try SmallFileSystem(at: state.path + "/full", kilobytes: 400)
        let files = BodyFiles(directory: mount.path)
        _ = try files.append(Array("abc".utf8), to: Self.place(1))
        #expect { try files.append([UInt8](repeating: 0, count: 800_000), to: Self.place(1)) } throws: {
            ($0 as? AuditFailure)?.message.contains("No space left") == true
        }
        let place = try files.append(Array("abc".utf8), to: Self.place(2))
        let body = Self.record(Array("abc".utf8), at: place, digest: Self.digest)
        #expect(try Self.text(BodyReader(directory: mount.path), body, 2) == "abc")
    }

    @Test func `More runs than files are held open are all kept`() throws {
        let state = try StateFixture()
        let files = BodyFiles(directory: state.path)
        for round in 1...2 {
            for run in 0..<70 {
                _ = try files.append([UInt8(run)], to: Self.place(UInt64(round), run: "run\(run)"))
            }
        }
        for run in 0..<70 {
            var read = Data()
            for exchange in 1...2 as ClosedRange<UInt64> {
                try BodyReader(directory: state.path).readUnfinished(
                    .response,
                    of: exchange,
                    run: "run\(run)"
                ) { read += $0 }
            }
            #expect(read == Data([UInt8(run), UInt8(run)]))
        }
    }
}
