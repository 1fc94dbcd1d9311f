import Audit
import Foundation
import Model
import Testing

/// What somebody does to the store with `sqlite3` and a text editor, and what the verifier must say.
struct Tampering: Sendable, CustomTestStringConvertible {
    let name: String
    let sql: String
    let code: AuditFinding.Code
    let record: Int64?

    init(_ name: String, _ sql: String, _ code: AuditFinding.Code, _ record: Int64?) {
        self.name = name
        self.sql = sql
        self.code = code
        self.record = record
    }

    var testDescription: String { name }

    static let swap = """
        UPDATE records SET sequence = -1 WHERE sequence = 4; UPDATE records SET sequence = 4 WHERE sequence = 6;
        UPDATE records SET sequence = 6 WHERE sequence = -1
        """
    static let copy = "run, time, kind, agent, lineage, ancestry, verdict, payload, previous, hash"

    /// Records 1 to 11 stand in the store: 1 under a seal of its own, 2 to 11 under one.
    static let all = [
        Tampering("payload", "UPDATE records SET payload = '{}' WHERE sequence = 5", .changed, 5),
        Tampering("one letter", "UPDATE records SET payload = replace(payload, '/5', '/6')", .changed, 7),
        Tampering("verdict", "UPDATE records SET verdict = 'allow' WHERE sequence = 5", .changed, 5),
        Tampering("verdict to NULL", "UPDATE records SET verdict = NULL WHERE sequence = 5", .changed, 5),
        Tampering("time", "UPDATE records SET time = time - 1 WHERE sequence = 11", .changed, 11),
        Tampering("run", "UPDATE records SET run = 'x' WHERE sequence = 1", .changed, 1),
        Tampering("lineage", "UPDATE records SET lineage = lineage || 'x' WHERE sequence = 2", .changed, 2),
        Tampering(
            "hidden tail",
            "UPDATE records SET payload = payload || char(0) || 'x' WHERE sequence = 3",
            .changed,
            3
        ),
        Tampering("agent", "UPDATE records SET agent = '' WHERE sequence = 3", .changed, 3),
        Tampering("hash", "UPDATE records SET hash = zeroblob(32) WHERE sequence = 9", .changed, 9),
        Tampering("previous", "UPDATE records SET previous = zeroblob(32) WHERE sequence = 9", .changed, 9),
        Tampering("delete in the middle", "DELETE FROM records WHERE sequence = 6", .removed, 6),
        Tampering("delete the first", "DELETE FROM records WHERE sequence = 1", .removed, 1),
        Tampering("delete the last", "DELETE FROM records WHERE sequence = 11", .removed, 11),
        Tampering(
            "delete and close the gap",
            "DELETE FROM records WHERE sequence = 6; UPDATE records SET sequence = sequence - 1 WHERE sequence > 6",
            .reordered,
            6
        ),
        Tampering("swap", swap, .reordered, 4),
        Tampering(
            "cut the tail with its seal",
            "DELETE FROM records WHERE sequence > 1; DELETE FROM seals WHERE last > 1",
            .cut,
            2
        ),
        Tampering("cut everything", "DELETE FROM records; DELETE FROM seals", .cut, 1),
        Tampering(
            "append",
            "INSERT INTO records SELECT 12, \(copy) FROM records WHERE sequence = 11",
            .inserted,
            12
        ),
        Tampering(
            "insert before",
            "INSERT INTO records SELECT 0, \(copy) FROM records WHERE sequence = 11",
            .inserted,
            0
        ),
        Tampering("delete a seal", "DELETE FROM seals WHERE last = 1", .seal, 1),
        Tampering("delete the last seal", "DELETE FROM seals WHERE last = 11", .inserted, 2),
        Tampering("change a seal", "UPDATE seals SET signature = zeroblob(64) WHERE last = 11", .seal, 2),
        Tampering("shorten a seal", "UPDATE seals SET digests = zeroblob(31) WHERE last = 11", .seal, 2),
        Tampering("widen a seal", "UPDATE seals SET first = 1 WHERE last = 11", .seal, 2),
        Tampering(
            "widen a seal to the end of all numbers",
            "UPDATE seals SET last = 9223372036854775807 WHERE last = 11",
            .seal,
            2
        ),
        Tampering(
            "change record and seal",
            "UPDATE records SET payload = '{}' WHERE sequence = 5; UPDATE seals SET digests = zeroblob(320) WHERE last = 11",
            .changed,
            5
        ),
        Tampering("a trigger", "CREATE TRIGGER t AFTER INSERT ON records BEGIN SELECT 1; END", .schema, nil),
        Tampering("a table gone", "DROP TABLE seals", .schema, nil),
    ]
}

struct TamperTests {
    /// Record 1 under a seal of its own, 2 to 11 under one.
    private func written() throws -> StateFixture {
        let state = try StateFixture()
        let store = try state.open()
        let tally = store.appendInOneBatch((2...11).map { Sample.request("GET /\($0 - 2)", verdict: .deny) })
        #expect(tally.failures.isEmpty)
        #expect(try state.finding() == nil, "what nobody touched verifies")
        return state
    }

    @Test(arguments: Tampering.all)
    func `a tampered store is found out, with the first bad record`(tampering: Tampering) throws {
        let state = try written()
        try state.sqlite(tampering.sql)
        let finding = try #require(try state.finding())
        #expect(finding.code == tampering.code, "\(finding)")
        #expect(finding.record == tampering.record, "\(finding)")
    }

    @Test func `a record that was changed and hashed anew is still the one that is named`() throws {
        let state = try written()
        try state.sqlite(
            "UPDATE records SET payload = '{}', hash = x'\(String(repeating: "ab", count: 32))' WHERE sequence = 5;"
                + "UPDATE records SET previous = x'\(String(repeating: "ab", count: 32))' WHERE sequence = 6"
        )
        let finding = try #require(try state.finding())
        #expect(finding.code == .changed)
        #expect(finding.record == 5)
    }

    @Test func `a database put back to an earlier state is a cut tail`() throws {
        let state = try StateFixture()
        do { _ = try state.open().appendOneByOne([Sample.request(), Sample.request()]) }
        try state.sqlite("PRAGMA wal_checkpoint(TRUNCATE)")
        let earlier = try Data(contentsOf: URL(fileURLWithPath: state.path + "/audit.sqlite"))
        do { _ = try state.open().appendOneByOne([Sample.request()]) }
        for suffix in ["", "-wal", "-shm"] {
            try? FileManager.default.removeItem(atPath: state.path + "/audit.sqlite" + suffix)
        }
        try state.write(earlier, to: "audit.sqlite")
        let finding = try #require(try state.finding())
        #expect(finding.code == .cut)
        #expect(finding.record == 3)
        #expect(throws: AuditStoreError.self, "nothing is added that would hide the cut") { try state.open() }
    }

    @Test func `a database ahead of its head is no alarm`() throws {
        let state = try StateFixture()
        let store = try state.open()
        _ = store.appendOneByOne([Sample.request()])
        let head = try Data(contentsOf: URL(fileURLWithPath: state.path + "/audit.head"))
        _ = store.appendOneByOne([Sample.request()])
        try state.write(head, to: "audit.head")
        #expect(try state.verifiedCount() == 2)
        #expect(try state.open().appendOneByOne([Sample.request()]).failures.isEmpty)
        #expect(try state.verifiedCount() == 3)
    }

    @Test func `a database that is gone is named, and not made anew`() throws {
        let state = try written()
        for suffix in ["", "-wal", "-shm"] {
            try? FileManager.default.removeItem(atPath: state.path + "/audit.sqlite" + suffix)
        }
        #expect(try state.finding()?.code == .databaseMissing)
        #expect(throws: AuditStoreError.self) { try state.open() }
        #expect(try state.finding()?.code == .databaseMissing)
    }

    @Test func `a head that is gone, damaged or changed is named`() throws {
        let state = try written()
        let path = state.path + "/audit.head"
        let head = try Data(contentsOf: URL(fileURLWithPath: path))
        let text = String(decoding: head, as: UTF8.self)
        try state.write(
            Data(text.replacing(" 11 ", with: " 10 ").utf8 + [0x20]).prefix(512),
            to: "audit.head"
        )
        #expect(try state.finding()?.code == .head)
        try state.write(Data("nonsense".utf8), to: "audit.head")
        #expect(try state.finding()?.code == .head)
        #expect(throws: AuditStoreError.self) { try state.open() }
        try FileManager.default.removeItem(atPath: path)
        #expect(try state.finding()?.code == .head)
        #expect(throws: AuditStoreError.self) { try state.open() }
        try state.write(head, to: "audit.head")
        #expect(try state.finding() == nil)
    }

    @Test func `a replaced key is named, whichever half was replaced`() throws {
        let state = try written()
        let other = try written()
        for replaced in [["audit.key"], ["audit.pub"], ["audit.key", "audit.pub"]] {
            let originals = try replaced.map { name in
                let path = "keys/\(name)"
                let original = try Data(contentsOf: URL(fileURLWithPath: "\(state.path)/\(path)"))
                try state.write(try Data(contentsOf: URL(fileURLWithPath: "\(other.path)/\(path)")), to: path)
                return (path, original)
            }
            #expect(try state.finding()?.code == .key, "\(replaced)")
            if replaced.contains("audit.key") { #expect(throws: AuditStoreError.self) { try state.open() } }
            for (path, original) in originals { try state.write(original, to: path) }
        }
        #expect(try state.finding() == nil)
        try FileManager.default.removeItem(atPath: state.path + "/keys/audit.key")
        #expect(throws: AuditStoreError.self, "no new key for an old store") { try state.open() }
    }

    @Test func `a store that was rewritten under another key fails against the key one noted`() throws {
        let state = try written()
        let verifier = AuditVerifier(directory: state.path, publicKey: String(repeating: "0", count: 64))
        guard case .broken(let finding) = try verifier.verify() else {
            Issue.record("a foreign key was accepted")
            return
        }
        #expect(finding.code == .key)
    }

    @Test func `octets flipped in the file are found out`() throws {
        let state = try written()
        try state.sqlite("PRAGMA wal_checkpoint(TRUNCATE)")
        var octets = try Data(contentsOf: URL(fileURLWithPath: state.path + "/audit.sqlite"))
        let middle = try #require(octets.range(of: Data("GET /7".utf8)))
        octets[middle.lowerBound] ^= 1
        try state.write(octets, to: "audit.sqlite")
        #expect(try state.finding()?.code == .changed)
        #expect(try state.finding()?.record == 9)
        try state.write(Data(repeating: 0x41, count: 8_192), to: "audit.sqlite")
        #expect(try state.finding()?.code == .unreadable)
        #expect(throws: AuditStoreError.self) { try state.open() }
    }
}
