internal import Foundation
internal import GRDB
package import Model

/// Removes whole runs that are over, oldest first, and leaves a chain that is verified all the same.
package struct Pruner: Sendable {
    let database: DatabaseQueue
    let key: SigningKey
    let trust: StoreTrust
    let bodies: RunBodies
    let path: String
    private let interruption: Interruption

    /// Opens the store of a state directory; throws where its key, its head or its tables are not as they were made.
    package init(directory: String) throws {
        let file = directory + "/" + StoreFiles.databaseName
        (bodies, path) = (RunBodies(directory: directory), file)
        // A store that is not there is not made.
        _ = try AuditReader(directory: directory)
        let state = try StateDirectory(directory, create: false)
        (trust, database) = try ReceiptExport.refusing(file) {
            let trust = try StoreTrust(state)
            let database = try StoreFiles.openDatabase(at: file, readOnly: false)
            try database.read { _ = try ReceiptExport.end(of: $0, trust.head) }
            return (trust, database)
        }
        key = try SigningKey(in: state.directory("keys", create: false), mayCreate: false)
        interruption = Interruption()
        database.writeWithoutTransaction { [interruption] in $0.add(function: interruption.function) }
    }

    /// Ends looking through the whole log, on whatever thread, now and from now on: it throws.
    package func interrupt() { interruption.come() }

    /// Whether anything can be too old or too much: without looking through the log, and so also where all that is gets kept.
    ///
    /// - Parameters:
    ///   - retention: the terms.
    ///   - now: what time it is.
    ///   - doubted: from when on the age counts of what is on record from before it; nil where none is doubted.
    /// - Returns: whether it can be.
    /// - Throws: where the log cannot be read.
    package func mayBeDue(
        _ retention: Retention,
        at now: Timestamp,
        doubtedBefore doubted: Timestamp? = nil
    ) throws -> Bool {
        try reading { database in
            if let size = retention.size, try Self.size(database) &+ bodies.octets > size { return true }
            guard let age = retention.age else { return false }
            let first = try Int64.fetchOne(
                database,
                // Some of them: of one alone the clock may have been wrong.
                sql: "SELECT min(time) FROM "
                    + "(SELECT time FROM records WHERE run <> '' ORDER BY sequence LIMIT ?)",
                arguments: [AuditLimits.lookedAtOnce]
            )
            guard let first = first.map({ Timestamp(milliseconds: $0) }) else { return false }
            return UInt64(clamping: now.milliseconds(since: max(first, doubted ?? first))) >= age
        }
    }

    /// When the last run was on record that was so at a time; nil where none of the last records is of before it.
    package func newest(at time: Timestamp) throws -> Timestamp? {
        try reading { database in
            try Int64.fetchOne(
                database,
                sql: "SELECT max(time) FROM "
                    + "(SELECT time FROM records WHERE run <> '' ORDER BY sequence DESC LIMIT ?) WHERE time <= ?",
                arguments: [AuditLimits.lookedAtOnce, time.milliseconds]
            ).map { Timestamp(milliseconds: $0) }
        }
    }

    /// What is pruned under these terms; changes nothing.
    ///
    /// What still grows is not held against the size: by writing much an agent would have others' records removed.
    ///
    /// - Parameters:
    ///   - retention: the terms.
    ///   - living: what lives.
    ///   - youngest: milliseconds since a run's last record before it goes for the size alone.
    ///   - setAside: runs that could not go before, and why; others go in their stead.
    ///   - isStopped: asked at each run, as whether it was interrupted is.
    /// - Returns: what goes, and what of it is kept.
    /// - Throws: where the log cannot be read, or it was ended.
    package func plan(
        _ retention: Retention,
        _ living: LivingRuns,
        youngest: Int64 = 0,
        setAside: [ByteText: String] = [:],
        isStopped: () -> Bool = { false }
    ) throws -> PruningPlan {
        try reading { database in
            func check() throws { try interruption.check(or: isStopped) }
            var plan = PruningPlan()
            let runs = try StoredRun.all(database, bodies, path: path, check: check)
            let holds = try Holds(database)
            plan.leftovers = try leftovers(behind: runs, holds, living, database, check)
            plan.size = try runs.reduce(Self.size(database)) { size, run in
                try check()
                return size + bodies.octets(of: run.run)
            }
            var rest = plan.size
            if let size = retention.size, rest > size {
                for run in runs {
                    try check()
                    guard try unfinished(run, living, database) != nil else { continue }
                    rest -= min(rest, run.octets)
                }
            }
            for run in runs {
                try check()
                let isOld = retention.age.map { UInt64(clamping: living.age(of: run)) >= $0 }
                let isOver = retention.size.map { rest > $0 && living.age(of: run) >= youngest }
                guard isOld == true || isOver == true else { continue }
                let leaving = LeavingRun(run: run, principals: try run.principals(database))
                let aside = setAside[ByteText(run.run)]
                if let reason = try aside ?? reason(toKeep: leaving, holds, living, database) {
                    plan.kept.append(PruningPlan.Kept(run: run.run, reason: reason))
                } else {
                    plan.pruned.append(run)
                    rest -= min(rest, run.octets)
                }
            }
            plan.excess = retention.size.map { rest - min(rest, $0) } ?? 0
            return plan
        }
    }

    func reading<Value>(_ body: (Database) throws -> Value) throws -> Value {
        do {
            return try database.read(body)
        } catch let error as DatabaseError {
            throw AuditStoreError("look through", path, error)
        }
    }
}

extension Pruner {
    /// Why a run stays; nil when nothing speaks against its end.
    func reason(
        toKeep leaving: LeavingRun,
        _ holds: Holds,
        _ living: LivingRuns,
        _ database: Database
    ) throws -> String? {
        try Self.hold(of: leaving, holds) ?? unfinished(leaving.run, living, database)
    }

    /// Why something of a run may still come; nil when it is over.
    private func unfinished(
        _ run: StoredRun,
        _ living: LivingRuns,
        _ database: Database
    ) throws -> String? {
        if living.runs.contains(run.run) { return "an agent of it lives" }
        guard living.age(of: run) >= AuditLimits.pruningRest else {
            return "its last record is younger than a minute"
        }
        guard run.last.milliseconds >= living.boot.milliseconds, try run.hasOpenEnd(database) else {
            return nil
        }
        return "the end of an agent of it is not on record, and this machine has not started anew since"
    }

    static func hold(of leaving: LeavingRun, _ holds: Holds) -> String? {
        holds.entry(of: leaving.run.run, principals: leaving.principals).map { hold in
            "held" + (hold.subject.isSame(as: leaving.run.run) ? "" : " with \(hold.subject)")
                + (hold.reason.map { ": \($0)" } ?? "")
        }
    }

    /// Runs that were pruned and whose recorded bodies are there: whoever removed them was killed in between.
    ///
    /// Only of those that are said to be pruned: of a run whose records somebody else removed they are what is left to look at.
    private func leftovers(
        behind runs: [StoredRun],
        _ holds: Holds,
        _ living: LivingRuns,
        _ database: Database,
        _ check: () throws -> Void
    ) throws -> [String] {
        var waiting = Set(bodies.resting(at: living.now).map { ByteText($0) })
        waiting.subtract(runs.map { ByteText($0.run) })
        waiting.subtract(living.runs.map { ByteText($0) })
        guard !waiting.isEmpty else { return [] }
        var found: [String] = []
        try Holds.each(behind: 0, database) { _, custody in
            try check()
            guard custody.event == .pruned else { return }
            for run in custody.runs where waiting.remove(ByteText(run)) != nil {
                if holds.entry(of: run, principals: []) == nil { found.append(run) }
            }
        }
        return found
    }

    /// Octets of the pages that are in use.
    private static func size(_ database: Database) throws -> UInt64 {
        let pages = try Int64.fetchOne(database, sql: "PRAGMA page_count") ?? 0
        let free = try Int64.fetchOne(database, sql: "PRAGMA freelist_count") ?? 0
        let size = try Int64.fetchOne(database, sql: "PRAGMA page_size") ?? 0
        return UInt64(clamping: (pages - free) * size)
    }
}
