import Audit
import Crypto
import Foundation
import Model
import TestSupport
import Testing

/// Recorded bodies at rest: sealed with a key of the supervisor's.
struct BodySealTests {
    /// Octets of a block beside those that it holds: header, nonce and tag.
    private static let overhead = 60
    private static let run = "0badcafe"

    private let state: StateFixture
    private let files: BodyFiles

    init() throws {
        state = try StateFixture()
        files = BodyFiles(directory: state.path)
    }

    private func path(_ run: String = Self.run) -> String { "\(state.path)/recordings/\(run)" }
    private var key: String { "\(state.path)/keys/recordings.key" }

    /// Keeps a text as the reply of an exchange, and gives its record.
    private func record(
        _ text: String,
        _ exchange: UInt64 = 1,
        run: String = Self.run,
        in files: BodyFiles? = nil
    ) throws -> RecordedBody {
        let place = BodyPlace(run: run, exchange: exchange, side: .response)
        return Self.body(text, try (files ?? self.files).append(Array(text.utf8), to: place))
    }

    private static func body(_ text: String, _ place: Range<UInt64>) -> RecordedBody {
        RecordedBody(
            side: .response,
            octets: UInt64(text.utf8.count),
            digest: SHA256.hash(data: Array(text.utf8)).hex,
            place: place,
            coding: nil,
            missing: nil
        )
    }

    private func text(
        _ body: RecordedBody,
        _ exchange: UInt64 = 1,
        run: String = Self.run,
        in reader: BodyReader? = nil
    ) throws -> String {
        var text = Data()
        let reader = reader ?? BodyReader(directory: state.path)
        try reader.read(body, of: exchange, run: run) { text += $0 }
        return String(decoding: text, as: UTF8.self)
    }

    private func unfinished(_ exchange: UInt64 = 1) throws -> String {
        var text = Data()
        try BodyReader(directory: state.path).readUnfinished(.response, of: exchange, run: Self.run) {
            text += $0
        }
        return String(decoding: text, as: UTF8.self)
    }

    /// Why a body cannot be read, and that it is not handed over.
    private func fault(
        _ body: RecordedBody,
        _ exchange: UInt64 = 1,
        run: String = Self.run
    ) -> BodyReader.Fault? {
        #expect(throws: BodyReader.Fault.self) { try text(body, exchange, run: run) }
    }

    private func octets(_ run: String = Self.run) throws -> Data {
        try Data(contentsOf: URL(filePath: path(run)))
    }

    private func write(_ octets: Data, _ run: String = Self.run) throws {
        let file = try FileHandle(forWritingTo: URL(filePath: path(run)))
        try file.truncate(atOffset: 0)
        try file.write(contentsOf: octets)
        try file.close()
    }

    @Test func `Nothing of a body is in its file in clear, which its owner alone may read`() throws {
        let words = "plain words of a reply"
        let body = try record(words + String(repeating: "x", count: 2_000_000))
        let file = try octets()
        for word in [words, "plain", "xxxxxxxx"] {
            #expect(file.range(of: Data(word.utf8)) == nil, "\(word)")
        }
        #expect(try text(body).hasPrefix(words), "the control: they are there")
        for name in [path(), key] {
            let attributes = try FileManager.default.attributesOfItem(atPath: name)
            #expect(attributes[.posixPermissions] as? Int == 0o600, "\(name)")
        }
        #expect(try Data(contentsOf: URL(filePath: key)).count == 32)
    }

    @Test func `Equal bodies are not equal on the disk, nor are blocks at a place that is written anew`()
        throws
    {
        _ = try record("the same")
        _ = try record("the same")
        let file = try octets()
        let size = Self.overhead + 8
        #expect(file.count == 2 * size && file.prefix(32) == file[size..<size + 32])
        #expect(Set([file[32..<44], file[size + 32..<size + 44]].map { Data($0) }).count == 2, "nonces")
        #expect(Data(file[44..<size]) != Data(file[(size + 44)...]))
        var seen: Set<Data> = []
        for _ in 0..<20 {
            // As after a write that failed, and by another process.
            try write(Data())
            _ = try record("the same", in: BodyFiles(directory: state.path))
            seen.insert(Data(try octets()[32..<44]))
        }
        #expect(seen.count == 20)
    }

    @Test func `A block with any octet changed does not open, nor one that is cut`() throws {
        let body = try record("abc")
        let whole = try octets()
        #expect(whole.count == Self.overhead + 3)
        for place in whole.indices {
            var changed = whole
            changed[place] ^= 1
            try write(changed)
            let found = try #require(fault(body), "\(place)")
            #expect(found.description.contains("changed") && !found.isOfKey, "\(place): \(found)")
        }
        for count in 0..<whole.count {
            try write(whole.prefix(count))
            #expect(fault(body)?.description.contains("is cut, or was changed") == true, "\(count)")
            #expect(try unfinished().isEmpty, "\(count)")
        }
        try write(whole)
        #expect(try text(body) == "abc", "the control")
    }

    @Test
    func `A block that was moved, exchanged or repeated does not open, nor another run's or exchange's`()
        throws
    {
        let bodies = try (1...3 as ClosedRange<UInt64>).map { try record("body \($0)", $0) }
        let whole = try octets()
        let size = Self.overhead + 6
        let blocks = (0..<3).map { Data(whole[$0 * size..<($0 + 1) * size]) }
        // The header of one, which says whose it is, before what another holds.
        func posing(_ number: Int, as other: Int) -> Data {
            blocks[other].prefix(32) + blocks[number].dropFirst(32)
        }
        for order in [
            [blocks[1], blocks[0], blocks[2]], [posing(1, as: 0), posing(0, as: 1), blocks[2]],
            [blocks[0], posing(0, as: 1), blocks[2]],
        ] {
            try write(order.reduce(Data(), +))
            #expect(fault(bodies[1], 2)?.description.contains("changed") == true)
            #expect(try text(bodies[2], 3) == "body 3", "what was not touched opens")
        }
        // Unfinished ones have no digest on record: the seal alone says it.
        try write(blocks[1] + blocks[0])
        #expect(throws: BodyReader.Fault.self) { try unfinished(1) }
        try write(whole)
        #expect(try unfinished(1) == "body 1", "the control")
        let other = try record("body 1", 1, run: "other")
        try write(try octets("other"))
        #expect(fault(bodies[0])?.isOfKey == false, "the same place, exchange and octets, of another run")
        #expect(try text(other, run: "other") == "body 1")
    }

    @Test func `Of a body that is not finished no block can be taken out of the middle`() throws {
        for word in ["one ", "two ", "three"] { _ = try record(word) }
        let whole = try octets()
        #expect(try unfinished() == "one two three", "the control")
        let second = Self.overhead + 4
        // Its exchange, and its side: another's it would be passed over.
        for place in [15, 16] {
            var changed = whole
            changed[second + place] ^= 1
            try write(changed)
            #expect(throws: BodyReader.Fault.self, "\(place)") { try unfinished() }
        }
    }

    @Test
    func `Of a body that is not finished what a crash left of its last blocks is not taken for a change`()
        throws
    {
        _ = try record("abc")
        let whole = try octets()
        _ = try record("def")
        let next = try octets().dropFirst(whole.count)
        #expect(try unfinished() == "abcdef", "the control")
        for zeros in [1, 31, 32, 4_096, 3 << 20] {
            try write(whole + Data(count: zeros))
            #expect(try unfinished() == "abc", "\(zeros)")
        }
        // From within the next one on: behind its magic, before its tag.
        for kept in 4...47 {
            for zeros in [0, 4_096] {
                try write(whole + next.prefix(kept) + Data(count: next.count - kept + zeros))
                #expect(try unfinished() == "abc", "\(kept)")
            }
        }
        // Of one whose tag lies on two pages the second alone.
        let size = 4_104 - whole.count - Self.overhead
        try write(whole)
        _ = try record(String(repeating: "x", count: size), in: BodyFiles(directory: state.path))
        try write(try octets().prefix(4_096) + Data(count: 8))
        #expect(try unfinished() == "abc")
        for kept in [20, 47] {
            try write(whole + next.prefix(kept) + Data(count: next.count - kept) + next)
            #expect(throws: BodyReader.Fault.self, "the control: another block is behind it") {
                try unfinished()
            }
        }
        for zeros in [4_096, 3 << 20] {
            try write(whole + Data(count: zeros) + Data([1]))
            #expect(throws: BodyReader.Fault.self, "the control: something is behind them") {
                try unfinished()
            }
        }
    }

    @Test func `What another key sealed is not taken for what was changed; the key put back, it opens`()
        throws
    {
        let body = try record("abc")
        let kept = try Data(contentsOf: URL(filePath: key))
        try FileManager.default.removeItem(atPath: key)
        let reader = BodyReader(directory: state.path)
        for _ in 0..<2 {
            let gone = try #require(fault(body))
            #expect(gone.isOfKey && gone.description.contains("\(key), which is gone"), "\(gone)")
        }
        // Another's, in its place.
        try Data((0..<32).map { UInt8($0) }).write(to: URL(filePath: key))
        try FileManager.default.setAttributes([.posixPermissions: 0o600], ofItemAtPath: key)
        let next = try record("def", 2, in: BodyFiles(directory: state.path))
        #expect(try text(next, 2, in: reader) == "def")
        let other = #expect(throws: BodyReader.Fault.self) { try text(body, in: reader) }
        let words = "\(path()) was sealed with another key than \(key); put the key back that was there then"
        #expect(other?.isOfKey == true && other?.description == words, "\(String(describing: other))")
        #expect(throws: BodyReader.Fault.self) { try unfinished() }
        try kept.write(to: URL(filePath: key))
        #expect(try text(body, in: reader) == "abc", "the same reader")
        #expect(fault(next, 2)?.isOfKey == true)
        for bad in [Data(), kept.dropLast(), kept + [1]] {
            try bad.write(to: URL(filePath: key))
            #expect(fault(body)?.isOfKey == true, "\(bad.count)")
        }
    }

    @Test func `A key that is gone is not made anew while something opens with it alone`() throws {
        let body = try record("abc")
        let kept = try Data(contentsOf: URL(filePath: key))
        try FileManager.default.removeItem(atPath: key)
        let failure = #expect(throws: AuditFailure.self) {
            try record("def", run: "another", in: BodyFiles(directory: state.path))
        }
        #expect(
            failure?.message.contains("\(key) is gone, and \(path()) opens with no other; put it back")
                == true,
            "\(String(describing: failure))"
        )
        #expect(!FileManager.default.fileExists(atPath: key))
        #expect(
            BodyFiles(directory: state.path).refusal(of: "another") == failure,
            "before anything is asked"
        )
        try kept.write(to: URL(filePath: key))
        try FileManager.default.setAttributes([.posixPermissions: 0o600], ofItemAtPath: key)
        #expect(try text(record("def", 2, in: BodyFiles(directory: state.path)), 2) == "def", "the control")
        #expect(try text(body) == "abc")
        try FileManager.default.removeItem(atPath: key)
        try write(Self.inClear("in clear", 2))
        for words in ["mkdir -m 000 lost+found", "mkfifo fifo", "ln -s /dev/zero link", "touch empty"] {
            let made = try Command.run(
                ["/bin/sh", "-c", words],
                environment: ["PATH": "/usr/bin:/bin"],
                directory: state.path + "/recordings"
            )
            try #require(made.code == 0, "\(made)")
        }
        #expect(throws: Never.self, "what no key sealed is in nobody's way") {
            try record("ghi", run: "another", in: BodyFiles(directory: state.path))
        }
    }

    @Test func `Without the right key nothing is recorded`() throws {
        try FileManager.default.createDirectory(
            atPath: state.path + "/keys",
            withIntermediateDirectories: true,
            attributes: [.posixPermissions: 0o700]
        )
        #expect(
            FileManager.default.createFile(
                atPath: key,
                contents: Data("short".utf8),
                attributes: [.posixPermissions: 0o600]
            )
        )
        let (patient, hasty) = (
            BodyFiles(directory: state.path, pause: 3_600_000), BodyFiles(directory: state.path, pause: 0)
        )
        for files in [patient, hasty] {
            let failure = #expect(throws: AuditFailure.self) { try record("abc", in: files) }
            #expect(
                failure?.message.contains("\(key) is not 32 octets") == true,
                "\(String(describing: failure))"
            )
            #expect(files.refusal(of: Self.run) == failure)
        }
        try FileManager.default.removeItem(atPath: key)
        #expect(patient.refusal(of: Self.run) != nil, "it is not looked for at each request")
        #expect(hasty.refusal(of: Self.run) == nil, "and is found after a while")
        #expect(try text(record("abc", in: hasty)) == "abc", "the control")
    }

    /// A block as versions before the seal wrote it.
    private static func inClear(_ text: String, _ exchange: UInt8) -> Data {
        let head: [UInt8] = [0, 0, 0, UInt8(text.utf8.count), 0, 0, 0, 0, 0, 0, 0, exchange, 1]
        return Data(Array("BBLK".utf8) + head + [UInt8](repeating: 0, count: 7) + Array(text.utf8))
    }

    @Test func `What an earlier version wrote in clear is read as before, and no file has both`() throws {
        let sealed = try record("sealed")
        let old = Self.inClear("in clear", 2)
        try write(old)
        let body = Self.body("in clear", 0..<UInt64(old.count))
        #expect(try text(body, 2) == "in clear")
        #expect(try unfinished(2) == "in clear")
        let next = try record("goes on", 2, in: BodyFiles(directory: state.path))
        #expect(try text(next, 2) == "goes on", "its digest vouches for it")
        // A run is one supervisor's: somebody else has put it there.
        #expect(throws: BodyReader.Fault.self) { try unfinished(2) }
        try FileManager.default.removeItem(atPath: key)
        #expect(try text(body, 2) == "in clear", "no key is needed for it")
        #expect(fault(sealed) != nil)
        var changed = try octets()
        changed[old.count - 1] ^= 1
        try write(changed)
        #expect(fault(body, 2)?.description.contains("was changed") == true)
    }
}
