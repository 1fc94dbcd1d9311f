import Audit
import Foundation
import Model
import TestSupport
import Testing

/// What is removed on purpose, and what a verification then demands.
struct PruningTests {
    private static let runs = ["aaaaaaaa", "bbbbbbbb", "cccccccc"]

    private func lineage(_ run: String, _ user: String = "alice") -> Lineage {
        Lineage(principal: Principal(localUser: user, uid: 1000), root: Sample.hop(1, "ci", run: run))
    }

    /// Three runs whose records lie between each other's; the last one's agent has no end.
    private func filled() throws -> StateFixture {
        let state = try StateFixture()
        let all = Self.runs.map { lineage($0, $0 == "bbbbbbbb" ? "bob" : "alice") }
        var entries = all.map { Sample.spawn($0) }
        for number in 0..<12 { entries += all.map { Sample.request("GET /\(number)", by: $0) } }
        entries += all.dropLast().map { Sample.exit($0) }
        #expect(try state.open().appendOneByOne(entries).failures.isEmpty)
        return state
    }

    /// An hour after the records; the machine started before them.
    private func living(_ runs: Set<String> = [], boot: Int64 = 0) -> LivingRuns {
        let now = AuditStore.wallClock().milliseconds
        return LivingRuns(
            runs: runs,
            boot: Timestamp(milliseconds: boot),
            now: Timestamp(milliseconds: now + 3_600_000)
        )
    }

    private static let old = Retention(age: 60_000)

    @discardableResult
    private func prune(
        _ state: StateFixture,
        _ living: LivingRuns? = nil,
        _ retention: Retention = old
    ) throws -> Int64 {
        let pruner = try Pruner(directory: state.path)
        let living = living ?? self.living()
        let plan = try pruner.plan(retention, living)
        let record = CustodyRecord(.pruned, "\(plan.pruned.count) runs", runs: plan.pruned.map(\.run))
        if !plan.pruned.isEmpty { _ = try state.open().appendOneByOne([.custody(record)]) }
        return try pruner.carryOut(plan, living)
    }

    private func hold(_ subject: String, _ state: StateFixture, released: Bool = false) throws {
        let record = CustodyRecord(
            released ? .released : .held,
            subject,
            by: Sample.principal,
            reason: "a lawsuit"
        )
        #expect(try state.open().appendOneByOne([.custody(record)]).failures.isEmpty)
    }

    /// How many records there are of a run.
    private func count(_ run: String, _ state: StateFixture) throws -> Int {
        try #require(Int(try state.sqliteOutput("SELECT COUNT(*) FROM records WHERE run = '\(run)'")))
    }

    @Test func `whole runs that are over are removed, and what is left verifies`() throws {
        let state = try filled()
        #expect(try prune(state) == 28)
        #expect(try Self.runs.map { try count($0, state) } == [0, 0, 13])
        let verification = try state.verify()
        guard case .verified(let head) = verification else {
            Issue.record("\(verification)")
            return
        }
        #expect(head.records == 42 && head.pruned == 28)
        #expect(try prune(state) == 0, "nothing is removed twice")
        #expect(try state.open().appendOneByOne([Sample.request()]).failures.isEmpty, "it goes on")
        #expect(try state.verifiedCount() == 43)
    }

    @Test func `a run whose agent lives, or may live, is never removed`() throws {
        let state = try filled()
        let plan = try Pruner(directory: state.path).plan(Self.old, living(["aaaaaaaa"]))
        #expect(plan.pruned.map(\.run) == ["bbbbbbbb"])
        #expect(plan.kept.map(\.run) == ["aaaaaaaa", "cccccccc"])
        #expect(plan.kept.map(\.reason.utf8.count).allSatisfy { $0 > 0 })
        let started = living(boot: AuditStore.wallClock().milliseconds + 1_000)
        let later = try Pruner(directory: state.path).plan(Self.old, started)
        #expect(later.pruned.map(\.run) == Self.runs, "a machine that started anew has none of its agents")
    }

    @Test func `of two prunings at once one has the log`() throws {
        let state = try filled()
        var first = try PruningLock(directory: state.path)
        #expect(first != nil)
        #expect(try PruningLock(directory: state.path) == nil)
        withExtendedLifetime(first) {}
        first = nil
        #expect(try PruningLock(directory: state.path) != nil)
    }

    @Test func `so much goes at one time, and what is stopped goes with the next`() throws {
        let state = try filled()
        let pruner = try Pruner(directory: state.path)
        let plan = try pruner.plan(Self.old, living())
        try #require(plan.pruned.map(\.records) == [14, 14])
        for (most, count) in [(Int64(0), 1), (14, 1), (27, 1), (28, 2), (.max, 2)] {
            #expect(plan.limited(toRecords: most).pruned == Array(plan.pruned.prefix(count)))
        }
        #expect(try pruner.carryOut(plan, living(), isStopped: { true }) == 0)
        #expect(try pruner.carryOut(plan.limited(toRecords: 14), living()) == 14)
        #expect(try Self.runs.map { try count($0, state) } == [0, 14, 13])
        #expect(try prune(state) == 14)
        #expect(try state.verifiedCount() == 42)
    }

    @Test func `a run that cannot go, and was set aside, takes nobody's place at one time`() throws {
        let state = try filled()
        // The log goes on behind them.
        try hold("user:zoe", state, released: true)
        try state.sqlite("UPDATE records SET payload = '{}' WHERE run = 'aaaaaaaa'")
        let pruner = try Pruner(directory: state.path)
        var aside: [ByteText: String] = [:]
        for _ in 0..<3 {
            // The control: as long as it is not known, nothing behind it goes.
            let plan = try pruner.plan(Self.old, living()).limited(toRecords: 14)
            #expect(plan.pruned.map(\.run) == ["aaaaaaaa"])
            #expect(throws: BrokenStore.self) {
                try pruner.carryOut(plan, living(), cannotGo: { aside[ByteText($0)] = $1 })
            }
            #expect(try count("bbbbbbbb", state) == 14)
        }
        #expect(aside.keys.map(\.text) == ["aaaaaaaa"])
        for terms in [Self.old, Retention(size: 1)] {
            let plan = try pruner.plan(terms, living(), setAside: aside)
            #expect(plan.kept.first?.run == "aaaaaaaa" && plan.kept.first?.reason == aside.values.first)
            #expect(plan.limited(toRecords: 14).pruned.map(\.run) == ["bbbbbbbb"])
        }
        let plan = try pruner.plan(Self.old, living(), setAside: aside).limited(toRecords: 14)
        #expect(try pruner.carryOut(plan, living()) == 14)
        #expect(try Self.runs.map { try count($0, state) } == [14, 0, 13])
    }

    @Test func `whether anything can be due is told by the first records and the size`() throws {
        let state = try filled()
        let pruner = try Pruner(directory: state.path)
        let (now, size) = (living().now, try pruner.plan(Retention(size: 1 << 40), living()).size)
        for (retention, isDue) in [
            (Retention(age: 60_000), true), (Retention(age: 7_200_000), false), (Retention(), false),
            (Retention(size: size - 1), true), (Retention(size: size), false),
            (Retention(age: 7_200_000, size: size - 1), true),
        ] {
            #expect(try pruner.mayBeDue(retention, at: now) == isDue, "\(retention)")
        }
        let empty = try StateFixture()
        #expect(try empty.open().appendOneByOne([]).failures.isEmpty)
        #expect(try !Pruner(directory: empty.path).mayBeDue(Self.old, at: now))
    }

    @Test func `what is doubted counts from when it was, and what came behind that by itself`() throws {
        let state = try filled()
        let pruner = try Pruner(directory: state.path)
        // An hour after the records.
        let (now, terms) = (living().now, Retention(age: 600_000))
        for (before, isDue) in [(Int64?.none, true), (300_000, false), (600_000, true), (7_200_000, true)] {
            let doubted = before.map { Timestamp(milliseconds: now.milliseconds - $0) }
            #expect(
                try pruner.mayBeDue(terms, at: now, doubtedBefore: doubted) == isDue,
                "\(before ?? 0)"
            )
            let living = LivingRuns(
                runs: [],
                boot: Timestamp(milliseconds: 0),
                now: now,
                doubtedBefore: doubted
            )
            let runs = try pruner.plan(terms, living).pruned.map(\.run)
            #expect(runs == (isDue ? ["aaaaaaaa", "bbbbbbbb"] : []), "\(before ?? 0)")
        }
    }

    @Test func `the last run before a time is known, whatever came behind it`() throws {
        let state = try filled()
        try hold("user:alice", state)
        let pruner = try Pruner(directory: state.path)
        let newest = try #require(try pruner.newest(at: living().now))
        let last = try state.sqliteOutput("SELECT max(time) FROM records WHERE run <> ''")
        #expect("\(newest.milliseconds)" == last)
        #expect(try pruner.newest(at: Timestamp(milliseconds: 0)) == nil)
    }

    @Test func `records that are young, or within the size, stay`() throws {
        let state = try filled()
        let pruner = try Pruner(directory: state.path)
        #expect(try pruner.plan(Retention(age: 7_200_000), living()).pruned.isEmpty)
        #expect(try pruner.plan(Retention(size: 1 << 40), living()).pruned.isEmpty)
        #expect(try pruner.plan(Retention(size: 1), living()).pruned.map(\.run) == ["aaaaaaaa", "bbbbbbbb"])
        let anew = living(boot: AuditStore.wallClock().milliseconds + 1_000)
        let plan = try pruner.plan(Retention(size: 1 << 40), anew)
        #expect(plan.excess == 0)
        let less = try pruner.plan(Retention(size: plan.size - 1), anew)
        #expect(less.pruned.map(\.run) == ["aaaaaaaa"] && less.excess == 0, "oldest first")
    }

    @Test func `what a living run writes has nobody else's records removed for the size`() throws {
        let state = try filled()
        let pruner = try Pruner(directory: state.path)
        let before = try pruner.plan(Retention(size: 1 << 40), living()).size
        // The agent of cccccccc lives: it downloads what is recorded.
        let files = BodyFiles(directory: state.path)
        let place = BodyPlace(run: "cccccccc", exchange: 1, side: .response)
        _ = try files.append([UInt8](repeating: 7, count: 1 << 20), to: place)
        let terms = Retention(size: before)
        let plan = try pruner.plan(terms, living(["cccccccc"]))
        #expect(plan.size > before + (1 << 20) - 1 && plan.pruned.isEmpty && plan.excess == 0)
        #expect(try pruner.plan(terms, living()).pruned.isEmpty, "it may live")
        let over = living(boot: AuditStore.wallClock().milliseconds + 1_000)
        #expect(try pruner.plan(terms, over).pruned.map(\.run) == Self.runs, "the control: it is over")
    }

    @Test
    func `for the size alone nothing goes that is younger than it has to be, and what is too much is told`()
        throws
    {
        let state = try filled()
        let pruner = try Pruner(directory: state.path)
        // Its records are an hour old.
        for (youngest, runs) in [(Int64(7_200_000), [String]()), (1_800_000, ["aaaaaaaa", "bbbbbbbb"])] {
            let plan = try pruner.plan(Retention(size: 1), living(), youngest: youngest)
            #expect(plan.pruned.map(\.run) == runs && plan.excess > 0, "\(youngest)")
        }
        let aged = try pruner.plan(Retention(age: 60_000, size: 1), living(), youngest: 7_200_000)
        #expect(aged.pruned.map(\.run) == ["aaaaaaaa", "bbbbbbbb"], "what is too old goes by its age")
        try hold("user:alice", state)
        try hold("user:bob", state)
        let held = try pruner.plan(Retention(size: 1), living())
        #expect(held.pruned.isEmpty && held.excess > 0, "what is held is too much as well")
    }

    @Test(arguments: ["aaaaaaaa", "aaaaaaaa.1", "user:alice"])
    func `what is held stays until it is released`(subject: String) throws {
        let state = try filled()
        try hold(subject, state)
        #expect(try AuditReader(directory: state.path).holds().entries.map(\.subject) == [subject])
        #expect(try prune(state) == 14)
        #expect(try count("aaaaaaaa", state) == 14 && count("bbbbbbbb", state) == 0)
        try hold(subject, state, released: true)
        #expect(try prune(state) == 14)
        #expect(try count("aaaaaaaa", state) == 0)
        let finding = try state.finding()
        #expect(finding == nil, "\(finding.map { "\($0)" } ?? "")")
    }

    @Test func `a hold that comes while a plan waits is kept to`() throws {
        let state = try filled()
        let pruner = try Pruner(directory: state.path)
        let plan = try pruner.plan(Self.old, living())
        try hold("user:alice", state)
        #expect(throws: AuditStoreError.self) { try pruner.carryOut(plan, living()) }
        #expect(try count("aaaaaaaa", state) == 14)
    }

    /// What somebody does to a stretch that was pruned, and what the verification says.
    @Test(arguments: [
        ("a statement gone", "DELETE FROM prunings WHERE first = 1", "removed"),
        ("all statements gone", "DELETE FROM prunings", "removed"),
        ("the table gone", "DROP TABLE prunings", "removed"),
        ("a digest", "UPDATE prunings SET digest = zeroblob(32) WHERE first = 1", "pruning"),
        ("a longer stretch", "UPDATE prunings SET last = last + 1 WHERE first = 1", "pruning"),
        ("a time", "UPDATE prunings SET time = time + 1 WHERE first = 1", "pruning"),
        ("a signature", "UPDATE prunings SET signature = zeroblob(64) WHERE first = 1", "pruning"),
        (
            "a statement moved", "UPDATE prunings SET first = first + 100, last = last + 100 WHERE first = 1",
            "removed"
        ),
        ("more removed", "DELETE FROM records WHERE run = 'cccccccc' AND sequence < 10", "removed"),
        (
            "a record put back",
            "INSERT INTO records SELECT 2, run, time, kind, agent, lineage, ancestry, verdict, payload, previous, hash "
                + "FROM records WHERE sequence = 3",
            "inserted"
        ),
        ("a seal of it", "DELETE FROM seals WHERE first = 4", "seal"),
        ("another seal of it", "UPDATE seals SET digests = zeroblob(32) WHERE first = 4", "changed"),
    ])
    func `a pruned stretch that was tampered with is found out`(
        name: String,
        sql: String,
        code: String
    ) throws {
        let state = try filled()
        try prune(state)
        #expect(try state.finding() == nil, "the control")
        try state.sqlite(sql)
        let finding = try #require(try state.finding(), "\(name)")
        #expect(finding.code.rawValue == code, "\(name): \(finding)")
    }

    @Test func `the last record is never removed, whoever's it is: the log goes on behind it`() throws {
        let state = try filled()
        let pruner = try Pruner(directory: state.path)
        let all = living(boot: AuditStore.wallClock().milliseconds + 1_000)
        #expect(throws: AuditStoreError.self) { try pruner.carryOut(pruner.plan(Self.old, all), all) }
        #expect(try state.open().appendOneByOne([Sample.request()]).failures.isEmpty)
        #expect(try state.finding() == nil)
    }

    @Test func `what was changed is not taken away by a pruning`() throws {
        let state = try filled()
        try state.sqlite("UPDATE records SET payload = '{}' WHERE sequence = 7")
        #expect(throws: BrokenStore.self) { try prune(state) }
        #expect(try count("aaaaaaaa", state) == 14)
        #expect(try state.finding()?.record == 7)
        #expect(try count("bbbbbbbb", state) == 0, "it keeps no other run")
    }

    @Test func `exports and receipts pass over what was pruned`() throws {
        let state = try filled()
        try prune(state)
        var sequences: [Int64] = []
        try RecordExport(directory: state.path).slices(RecordSelection()) { records, _ in
            sequences += records.map(\.sequence)
        }
        #expect(sequences.count == 14 && sequences.first == 3)
        #expect(try state.receipt().verified().code == 0)
        try state.sqlite("DELETE FROM prunings WHERE first = 1")
        #expect(throws: BrokenStore.self, "the control: what is missing without a statement") {
            try RecordExport(directory: state.path).slices(RecordSelection()) { _, _ in }
        }
    }

    @Test func `a checkpoint of a record that was pruned still agrees`() throws {
        let state = try filled()
        let file = state.path + "-checkpoints"
        defer { try? FileManager.default.removeItem(atPath: file) }
        try CheckpointFile(file).append(Checkpoint(ofStore: state.path))
        try prune(state, living(boot: AuditStore.wallClock().milliseconds + 1_000))
        _ = try state.open().appendOneByOne([Sample.request()])
        let verification = try AuditVerifier(directory: state.path, checkpoints: file).verify()
        #expect(verification.isVerified, "\(verification)")
    }

    @Test func `revocations and what is done about the log stay`() throws {
        let state = try filled()
        let revocation = RevocationRecord(
            lineage: nil,
            principal: "user:mallory",
            by: Sample.principal,
            reason: nil,
            agents: 0,
            keptRunning: false
        )
        _ = try state.open().appendOneByOne([.revocation(revocation)])
        try hold("user:carol", state)
        try prune(
            state,
            living(boot: AuditStore.wallClock().milliseconds + 1_000),
            Retention(age: 60_000, size: 1)
        )
        #expect(try AuditReader(directory: state.path).revokedPrincipals.entries().count == 1)
        #expect(try AuditReader(directory: state.path).holds().entries.count == 1)
        #expect(try state.finding() == nil)
    }
}
