import Audit
import Foundation
import Glibc
import Model
import Synchronization
import Testing

/// A pruning while others write, and what it leaves when it does not come to its end.
struct PruningUnderWayTests {
    private static let run = "aaaaaaaa"
    private static let old = Retention(age: 60_000)
    private static let root = Lineage(principal: Sample.principal, root: Sample.hop(1, "ci", run: run))

    /// An hour after the records; the machine started before them.
    private func living(_ runs: Set<String> = []) -> LivingRuns {
        let now = AuditStore.wallClock().milliseconds
        return LivingRuns(
            runs: runs,
            boot: Timestamp(milliseconds: 0),
            now: Timestamp(milliseconds: now + 3_600_000)
        )
    }

    private func note(_ record: CustodyRecord, _ state: StateFixture) throws {
        #expect(try state.open().appendOneByOne([.custody(record)]).failures.isEmpty)
    }

    /// Puts on record that a plan is carried out, as `bailey audit prune` does.
    private func noteBegun(_ plan: PruningPlan, _ state: StateFixture) throws {
        try note(CustodyRecord(.pruned, "some", reason: "begun", runs: plan.pruned.map(\.run)), state)
    }

    private func count(_ run: String, _ state: StateFixture) throws -> Int {
        try #require(Int(try state.sqliteOutput("SELECT COUNT(*) FROM records WHERE run = '\(run)'")))
    }

    /// Lets a supervisor's store of its own append one record after another until the body is done; returns what came of them.
    private func writing(to state: StateFixture, while body: (Tally) throws -> Void) throws -> Tally {
        let (store, tally) = (try state.open(run: "eeeeeeee"), Tally())
        let isOver = Mutex(false)
        let ended = DispatchSemaphore(value: 0)
        Thread.detachNewThread {
            while !isOver.withLock({ $0 }) {
                store.append(Sample.request(), until: .durable) { tally.record($0) }
                store.flush()
            }
            ended.signal()
        }
        defer {
            isOver.withLock { $0 = true }
            ended.wait()
        }
        try body(tally)
        return tally
    }

    private func awaiting(_ condition: () throws -> Bool) throws -> Bool {
        let end = Date(timeIntervalSinceNow: 60)
        while try !condition(), Date() < end { Thread.sleep(forTimeInterval: 0.01) }
        return try condition()
    }

    /// More than fit into a few transactions, each run less than one.
    private static let manyRuns = 1_500

    private func withManyRuns() throws -> StateFixture {
        let state = try StateFixture()
        var entries: [AuditEntry] = []
        for number in 0..<Self.manyRuns {
            let run = String(0xa000_0000 + number, radix: 16)
            let lineage = Lineage(principal: Sample.principal, root: Sample.hop(1, "ci", run: run))
            entries += [
                Sample.spawn(lineage), Sample.request("GET /1", by: lineage),
                Sample.request("GET /2", by: lineage), Sample.exit(lineage),
            ]
        }
        #expect(try state.open().appendTogether(entries).failures.isEmpty)
        return state
    }

    @Test func `many small runs are pruned while a supervisor writes, and none of its records fails`() throws
    {
        let state = try withManyRuns()
        let pruner = try Pruner(directory: state.path)
        let living = living()
        let plan = try pruner.plan(Self.old, living)
        #expect(plan.pruned.count == Self.manyRuns)
        try noteBegun(plan, state)
        var slices = 0
        var (removed, took): (Int64, Duration) = (0, .zero)
        let tally = try writing(to: state) { tally in
            #expect(try awaiting { tally.count > 0 })
            let begun = ContinuousClock.now
            removed = try pruner.carryOut(plan, living, progress: { _ in slices += 1 })
            took = begun.duration(to: .now)
        }
        #expect(removed == Int64(4 * Self.manyRuns))
        #expect(tally.failures.isEmpty, "\(tally.failures.first?.message ?? "")")
        #expect(slices >= 6, "it was not all at once")
        let pauses = Duration.milliseconds(AuditLimits.pruningPause * (slices - 1))
        #expect(took >= pauses, "\(slices) slices in \(took): the log was not free between them")
        #expect(try state.finding() == nil)
    }

    /// Holds the log again and again, with next to nothing in between.
    private static let back =
        "BEGIN IMMEDIATE; WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n WHERE x < 300000) "
        + "SELECT count(*) FROM n; COMMIT;\n"

    @Test func `the control: a supervisor's records fail beside somebody who leaves the log no time`() throws
    {
        let state = try StateFixture()
        let script = state.path + "-script"
        try String(repeating: Self.back, count: 20_000).write(
            toFile: script,
            atomically: false,
            encoding: .utf8
        )
        defer { try? FileManager.default.removeItem(atPath: script) }
        let tally = try writing(to: state) { tally in
            #expect(try awaiting { tally.count > 0 })
            let process = Process()
            process.executableURL = URL(fileURLWithPath: "/usr/bin/sqlite3")
            process.arguments = StateFixture.patience + [state.path + "/audit.sqlite"]
            process.standardInput = FileHandle(forReadingAtPath: script)
            process.standardOutput = FileHandle.nullDevice
            try process.run()
            defer {
                _ = kill(process.processIdentifier, SIGKILL)
                _ = try? awaiting { !process.isRunning }
            }
            #expect(try awaiting { !tally.failures.isEmpty })
        }
        #expect(tally.failures.first?.message.contains("another process holds it") == true)
    }

    /// A run, and in which transaction of its pruning somebody holds its principal.
    struct Interrupted: Sendable, CustomTestStringConvertible {
        let testDescription: String
        let requests: Int
        let children: Int
        let slice: Int
        /// Whether the launch of its first agent is left.
        let isTraced: Bool
    }

    private func entries(_ shape: Interrupted) -> [AuditEntry] {
        var entries = [Sample.spawn(Self.root)]
        entries += (0..<shape.requests).map { Sample.request("GET /\($0)", by: Self.root) }
        let children = (0..<shape.children).map {
            Self.root.child(Sample.hop(2 + $0, "child", run: Self.run))
        }
        entries += children.map { Sample.spawn($0) }
        entries += children.map { Sample.exit($0) }
        return entries + [Sample.exit(Self.root)]
    }

    /// Carries a plan out, and holds its principal when so many transactions are through.
    private func interrupt(_ shape: Interrupted, _ state: StateFixture) throws {
        let pruner = try Pruner(directory: state.path)
        let living = living()
        let plan = try pruner.plan(Self.old, living)
        try noteBegun(plan, state)
        var slices = 0
        #expect(throws: AuditStoreError.self) {
            let held = CustodyRecord(.held, "user:alice", by: Sample.principal, reason: "a lawsuit")
            let progress: (Int64) -> Void = { _ in
                slices += 1
                guard slices == shape.slice else { return }
                do { try note(held, state) } catch { Issue.record("\(error)") }
            }
            return try pruner.carryOut(plan, living, progress: progress)
        }
    }

    @Test(arguments: [
        Interrupted(
            testDescription: "among requests",
            requests: 2_100,
            children: 0,
            slice: 1,
            isTraced: true
        ),
        Interrupted(
            testDescription: "among launches",
            requests: 0,
            children: 1_200,
            slice: 1,
            isTraced: true
        ),
        Interrupted(
            testDescription: "among ends",
            requests: 0,
            children: 1_200,
            slice: 2,
            isTraced: false
        ),
    ])
    func `what is left of a run whose principal was held meanwhile is kept, shown, and breaks no receipt`(
        shape: Interrupted
    ) throws {
        let state = try StateFixture()
        let entries = entries(shape)
        #expect(try state.open().appendTogether(entries).failures.isEmpty)
        try interrupt(shape, state)
        let left = try count(Self.run, state)
        #expect(left > 0 && left < entries.count, "\(left) of \(entries.count)")
        let pruner = try Pruner(directory: state.path)
        let later = try pruner.plan(Self.old, living())
        #expect(later.pruned.isEmpty && later.kept.map(\.reason) == ["held with user:alice: a lawsuit"])
        #expect(try state.finding() == nil)
        let refusal = try state.refusal()
        #expect(refusal == nil, "\(refusal.map { "\($0)" } ?? "")")
        var principals: [String] = []
        try AuditReader(directory: state.path).traces(of: .run(Self.run)) { principals.append($0.principal) }
        #expect(principals == (shape.isTraced ? ["user:alice"] : []))
        try note(CustodyRecord(.released, "user:alice", by: Sample.principal, reason: "settled"), state)
        #expect(try pruner.carryOut(pruner.plan(Self.old, living()), living()) == Int64(left))
        #expect(try count(Self.run, state) == 0)
        #expect(try state.finding() == nil)
    }

    private func record(_ text: String, of run: String, _ state: StateFixture) throws -> String {
        let place = BodyPlace(run: run, exchange: 1, side: .response)
        _ = try BodyFiles(directory: state.path).append(Array(text.utf8), to: place)
        return state.path + "/recordings/" + run
    }

    private func isThere(_ file: String) -> Bool { FileManager.default.fileExists(atPath: file) }

    /// One run that is over.
    private func filled() throws -> StateFixture {
        let state = try StateFixture()
        let entries = [Sample.spawn(Self.root), Sample.exit(Self.root)]
        #expect(try state.open().appendOneByOne(entries).failures.isEmpty)
        return state
    }

    @Test
    func `a run that cannot go is on record as begun never again, and those behind it go`() throws {
        let state = try withManyRuns()
        try state.sqlite("UPDATE records SET payload = '{}' WHERE run = 'a0000000'")
        let pruner = try Pruner(directory: state.path)
        var named: [[String]] = []
        func carryOut() throws -> PruningPlan {
            let plan = try pruner.plan(Self.old, living())
            #expect(throws: BrokenStore.self) {
                try pruner.carryOut(plan, living(), begin: { if !$0.isEmpty { named.append($0) } })
            }
            return plan
        }
        // The log goes on behind them.
        try note(CustodyRecord(.released, "user:bob", by: Sample.principal), state)
        #expect(try carryOut().pruned.count == Self.manyRuns)
        #expect(named.map(\.count) == [1_023, Self.manyRuns - 1_024], "without it, in two records")
        #expect(try count("a0000000", state) == 4)
        #expect(try state.sqliteOutput("SELECT COUNT(DISTINCT run) FROM records WHERE run <> ''") == "1")
        for _ in 0..<3 { #expect(try carryOut().pruned.map(\.run) == ["a0000000"]) }
        #expect(named.count == 2, "what removes nothing is on record as nothing")
    }

    @Test func `whoever is to end interrupts what looks through the log, and the log is as it was`() throws {
        let state = try withManyRuns()
        let pruner = try Pruner(directory: state.path)
        let living = living()
        let before = try pruner.plan(Self.old, living).pruned.count
        pruner.interrupt()
        var words = ""
        do {
            _ = try pruner.plan(Self.old, living)
        } catch let error as AuditStoreError {
            words = "\(error)"
        }
        #expect(words.contains("interrupted"), "\(words)")
        // Behind the one statement as well: at each run, however often it goes through them.
        for most in (0..<4).map({ Self.manyRuns * $0 + 1 }) {
            var asked = 0
            #expect(throws: AuditStoreError.self) {
                try Pruner(directory: state.path).plan(Retention(age: 60_000, size: 1), living) {
                    asked += 1
                    return asked == most
                }
            }
            #expect(asked == most)
        }
        let control = try Pruner(directory: state.path).plan(Self.old, living)
        #expect(control.pruned.count == before)
        #expect(try state.finding() == nil)
    }

    @Test func `one that is stopped waits for no supervisor that writes`() throws {
        let state = try filled()
        try note(CustodyRecord(.released, "user:bob", by: Sample.principal), state)
        let pruner = try Pruner(directory: state.path)
        let plan = try pruner.plan(Self.old, living())
        // Holds the log until its input ends.
        let (process, input) = (Process(), Pipe())
        process.executableURL = URL(fileURLWithPath: "/usr/bin/sqlite3")
        process.arguments = StateFixture.patience + [state.path + "/audit.sqlite"]
        process.standardInput = input
        let held = state.path + "-held"
        try input.fileHandleForWriting.write(
            contentsOf: Data("BEGIN IMMEDIATE;\n.shell touch '\(held)'\n".utf8)
        )
        try process.run()
        defer {
            try? input.fileHandleForWriting.close()
            _ = kill(process.processIdentifier, SIGKILL)
            _ = try? awaiting { !process.isRunning }
            try? FileManager.default.removeItem(atPath: held)
        }
        #expect(try awaiting { isThere(held) })
        let isStopped = Mutex(false)
        let begun = ContinuousClock.now
        #expect(throws: AuditStoreError.self) {
            try pruner.carryOut(
                plan,
                living(),
                begin: { _ in isStopped.withLock { $0 = true } },
                isStopped: { isStopped.withLock { $0 } }
            )
        }
        #expect(begun.duration(to: .now) < .seconds(30), "it tries for a minute where nobody stops it")
        #expect(try count(Self.run, state) == 2)
    }

    @Test func `recordings that cannot be removed keep no other run`() throws {
        let state = try filled()
        let other = Lineage(principal: Sample.principal, root: Sample.hop(1, "ci", run: "bbbbbbbb"))
        let entries = [Sample.spawn(other), Sample.exit(other)]
        #expect(try state.open().appendOneByOne(entries).failures.isEmpty)
        // The log goes on behind them.
        try note(CustodyRecord(.released, "user:bob", by: Sample.principal), state)
        // A folder where a file is looked for.
        try FileManager.default.createDirectory(
            atPath: state.path + "/recordings/" + Self.run + "/x",
            withIntermediateDirectories: true
        )
        let pruner = try Pruner(directory: state.path)
        #expect(throws: AuditStoreError.self) {
            try pruner.carryOut(pruner.plan(Self.old, living()), living())
        }
        #expect(try count("bbbbbbbb", state) == 0)
        #expect(try state.finding() == nil)
    }

    @Test
    func `bodies that a killed pruning left go with the next, and others' without records do not`() throws {
        let state = try filled()
        let pruner = try Pruner(directory: state.path)
        let plan = try pruner.plan(Self.old, living())
        try noteBegun(plan, state)
        #expect(try pruner.carryOut(plan, living()) == 2)
        // As if it had been killed before this.
        let left = try record("left", of: Self.run, state)
        let strange = try record("strange", of: "dddddddd", state)
        #expect(try pruner.plan(Self.old, living([Self.run])).leftovers.isEmpty, "an agent of it lives")
        let young = LivingRuns(
            runs: [],
            boot: Timestamp(milliseconds: 0),
            now: AuditStore.wallClock()
        )
        #expect(try pruner.plan(Self.old, young).leftovers.isEmpty, "somebody may write it still")
        let later = try pruner.plan(Self.old, living())
        #expect(later.leftovers == [Self.run] && later.pruned.isEmpty)
        #expect(isThere(left), "a plan changes nothing")
        #expect(try pruner.carryOut(later, living()) == 0)
        #expect(
            !isThere(left) && isThere(strange),
            "of one that no pruning took it is what is left to look at"
        )
    }

    @Test
    func `bodies take no room any more, though a supervisor has their file open; a copy by link keeps them`()
        throws
    {
        for isLinked in [false, true] {
            let state = try filled()
            let file = try record("abc", of: Self.run, state)
            let descriptor = unsafe open(file, O_RDONLY | O_CLOEXEC)
            try #require(descriptor >= 0)
            defer { _ = close(descriptor) }
            if isLinked { try FileManager.default.linkItem(atPath: file, toPath: state.path + "/copy") }
            let pruner = try Pruner(directory: state.path)
            let plan = try pruner.plan(Self.old, living())
            try noteBegun(plan, state)
            #expect(try pruner.carryOut(plan, living()) == 2)
            var status = stat()
            let outcome = unsafe fstat(descriptor, &status)
            try #require(outcome == 0)
            #expect(!isThere(file) && (status.st_size > 0) == isLinked, "\(status.st_size)")
        }
    }
}
