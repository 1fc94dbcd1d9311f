import Audit
import Foundation
import Model
import Synchronization
import TestSupport
import Testing

/// A log that several readers verify at once.
struct ReadersTests {
    private static let runs = ["aaaaaaaa", "bbbbbbbb"]

    private final class Flag: Sendable {
        let isOver = Atomic(false)
    }

    private func lineage(_ run: String) -> Lineage {
        Lineage(principal: Sample.principal, root: Sample.hop(1, "ci", run: run))
    }

    private func verified(_ state: StateFixture, readers: Int) throws -> VerifiedHead? {
        let verification = try AuditVerifier(directory: state.path, readers: readers, least: 1).verify()
        if case .verified(let head) = verification { return head }
        Issue.record("\(readers) readers: \(verification)")
        return nil
    }

    @Test func `any number of readers comes to the same end, of a pruned log as well`() throws {
        let state = try StateFixture()
        var entries = Self.runs.map { Sample.spawn(lineage($0)) }
        for number in 0..<20 {
            entries += Self.runs.map { Sample.request("GET /\(number)", by: lineage($0)) }
        }
        entries.append(Sample.exit(lineage("aaaaaaaa")))
        #expect(try state.open().appendOneByOne(entries).failures.isEmpty)
        let now = AuditStore.wallClock().milliseconds
        let living = LivingRuns(
            runs: [],
            boot: Timestamp(milliseconds: 0),
            now: Timestamp(milliseconds: now + 3_600_000)
        )
        let pruner = try Pruner(directory: state.path)
        let plan = try pruner.plan(Retention(age: 60_000), living)
        let record = CustodyRecord(.pruned, "1 run", runs: plan.pruned.map(\.run))
        #expect(try state.open().appendOneByOne([.custody(record)]).failures.isEmpty)
        #expect(try pruner.carryOut(plan, living) == 22)
        let alone = try #require(try verified(state, readers: 1))
        #expect(alone.records == 44 && alone.pruned == 22)
        for readers in [2, 3, 7, 16] { #expect(try verified(state, readers: readers) == alone) }
    }

    @Test(arguments: [2, 12, 21, 29, 40])
    func `any number of readers names a record that was changed, and of two the first`(
        _ place: Int
    ) throws {
        let state = try StateFixture()
        let entries = (1...40).map { Sample.request("GET /\($0)") }
        #expect(try state.open().appendOneByOne(entries).failures.isEmpty)
        try state.sqlite("UPDATE records SET payload = '{}' WHERE sequence IN (\(place), 40)")
        for readers in [1, 2, 5, 16] {
            let verification = try AuditVerifier(directory: state.path, readers: readers, least: 1).verify()
            guard case .broken(let finding) = verification else {
                Issue.record("\(readers) readers found nothing")
                continue
            }
            #expect(finding.code == .changed && finding.record == Int64(place), "\(readers): \(finding)")
        }
    }

    /// The fixture's own comparison holds for each of them: it fails where the readers find less.
    @Test(arguments: [
        "DELETE FROM records WHERE sequence = 20",
        "DELETE FROM seals WHERE last = 20",
        "DELETE FROM records WHERE sequence > 20; DELETE FROM seals WHERE last > 20",
        "INSERT INTO records SELECT -5, run, time, kind, agent, lineage, ancestry, verdict, payload, previous, hash "
            + "FROM records WHERE sequence = 3",
        "INSERT INTO records SELECT 99, run, time, kind, agent, lineage, ancestry, verdict, payload, previous, hash "
            + "FROM records WHERE sequence = 3",
        "INSERT INTO seals SELECT 99, 99, digests, signature FROM seals WHERE last = 3",
        "UPDATE seals SET digests = zeroblob(32) WHERE last = 20",
        "UPDATE seals SET last = 1000 WHERE last = 20",
        "INSERT INTO prunings VALUES (15, 25, zeroblob(32), 0, zeroblob(64))",
        "INSERT INTO seals VALUES (9223372036854775807, 0, x'', x'')",
        "INSERT INTO seals VALUES (9223372036854775807, -1, zeroblob(64), x'')",
        untyped("UPDATE records SET agent = CAST(agent AS BLOB) WHERE sequence = 20"),
        untyped("UPDATE records SET agent = x'00' WHERE sequence = 41"),
        untyped("UPDATE records SET verdict = 7 WHERE sequence = 41"),
    ])
    func `what is wrong is found by one reader and by several`(_ tampering: String) throws {
        let state = try StateFixture()
        // The last has neither agent nor verdict.
        let revocation = RevocationRecord(
            lineage: nil,
            principal: "user:mallory",
            by: Sample.principal,
            reason: nil,
            agents: 0,
            keptRunning: false
        )
        let entries = (1...40).map { Sample.request("GET /\($0)") } + [.revocation(revocation)]
        #expect(try state.open().appendOneByOne(entries).failures.isEmpty)
        #expect(try state.finding() == nil, "the control")
        try state.sqlite(tampering)
        #expect(try state.finding() != nil)
    }

    /// Without what holds a column to its type, of which nothing is left to see.
    private static func untyped(_ sql: String) -> String {
        let open = "PRAGMA writable_schema = ON; UPDATE sqlite_schema SET sql = "
        let close = " WHERE name = 'records'; PRAGMA writable_schema = RESET; "
        return open + "replace(sql, ') STRICT', ')')" + close + sql + "; " + open + "sql || ' STRICT'" + close
    }

    @Test func `records that stand between the places of two readers are found`() throws {
        let state = try StateFixture()
        func append(_ count: Int64) throws {
            let entries = (0..<count).map { Sample.request("GET /\($0)") }
            #expect(try state.open().appendOneByOne(entries).failures.isEmpty)
        }
        try append(200)
        let ends = try Tree.ends(in: state)
        // Half of all records end with a leaf then.
        let border = try #require(ends.last { $0 > 100 && $0 < 200 })
        try append(2 * border - 200)
        #expect(try state.finding() == nil, "the control")
        try Tree.put(behind: border, in: state)
        let requests = try state.sqliteOutput("SELECT count(*) FROM records WHERE kind = 'request'")
        #expect(requests == "\(2 * border + 2)")
        // Two parts, of which each is as it was sealed.
        let parts = try AuditVerifier(directory: state.path, readers: 2, least: border).verify()
        guard case .broken(let finding) = parts else {
            Issue.record("two readers: \(parts)")
            return
        }
        let alone = try AuditVerifier(directory: state.path, readers: 1).verify()
        guard case .broken(let first) = alone else {
            Issue.record("one reader: \(alone)")
            return
        }
        #expect(first.record == border + 1 && finding == first, "\(finding), \(first)")
    }

    @Test func `a log whose texts are said to be of another encoding is no log`() throws {
        let state = try StateFixture()
        #expect(try state.open().appendOneByOne([Sample.request()]).failures.isEmpty)
        #expect(try state.finding() == nil, "the control")
        try Tree.recode(state)
        #expect(try state.sqliteOutput("SELECT count(*) FROM records WHERE kind = 'request'") == "0")
        #expect(try state.finding()?.code == .schema)
    }

    @Test func `a checkpoint of a record that was written during the walk is no cut`() throws {
        let state = try StateFixture()
        let file = state.path + "-checkpoints"
        defer { try? FileManager.default.removeItem(atPath: file) }
        let store = try state.open()
        _ = store.appendOneByOne((0..<2_000).map { Sample.request("GET /\($0)") })
        try CheckpointFile(file).append(Checkpoint(ofStore: state.path))
        let flag = Flag()
        let writer = Thread {
            var number = 0
            while !flag.isOver.load(ordering: .relaxed), number < 20_000 {
                number += 1
                _ = store.appendOneByOne([Sample.request("GET /later/\(number)")])
                store.flush()
                try? CheckpointFile(file).append(Checkpoint(ofStore: state.path))
            }
        }
        writer.start()
        defer { flag.isOver.store(true, ordering: .relaxed) }
        for _ in 0..<10 {
            let verification = try AuditVerifier(directory: state.path, checkpoints: file).verify()
            #expect(verification.isVerified, "\(verification)")
        }
    }
}
