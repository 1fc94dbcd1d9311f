internal import Foundation
internal import GRDB
internal import Model

extension Pruner {
    /// Carries a plan out.
    ///
    /// In slices, between which supervisors write; whoever is killed in between leaves a chain that is whole, and the rest of
    /// a run that the next pruning removes. What of a slice is to go is held against its seals before anything is begun. A run that
    /// cannot go is set aside, and stays: those behind it go.
    ///
    /// - Parameters:
    ///   - plan: what is removed.
    ///   - living: what lives.
    ///   - begin: puts on record that some runs are begun, before anything of theirs is removed.
    ///   - progress: hears how many records are removed.
    ///   - cannotGo: hears of a run that does not match its seals, and why.
    ///   - isStopped: asked between slices; what is left then is for the next pruning.
    /// - Returns: how many records were removed.
    /// - Throws: where it ended early, or a run was set aside: why the first was. What was removed until then is whole.
    package func carryOut(
        _ plan: PruningPlan,
        _ living: LivingRuns,
        begin: ([String]) throws -> Void = { _ in },
        progress: (Int64) -> Void = { _ in },
        cannotGo: (_ run: String, _ reason: String) -> Void = { _, _ in },
        isStopped: () -> Bool = { false }
    ) throws -> Int64 {
        try ReceiptExport.refusing(path) {
            var removed: Int64 = 0
            var removal = Removal(plan, key: trust.key, holds: try reading { try Holds($0) })
            for run in plan.leftovers where !isStopped() { removal.attempt(run) { try bodies.remove(run) } }
            while !removal.walk.isDone, !isStopped() {
                var slice = try slice(&removal, living, cannotGo, isStopped)
                try begin(removal.announced(slice, of: plan))
                removal.pace.rest()
                removal.pace.held(try remove(&slice, &removal, isStopped))
                for run in slice.finished { removal.attempt(run) { try bodies.remove(run) } }
                removed += Int64(slice.records.count)
                progress(removed)
            }
            if let first = removal.aside.first { throw first.error }
            return removed
        }
    }

    /// What goes next; all that takes long is done here, while supervisors write.
    private func slice(
        _ removal: inout Removal,
        _ living: LivingRuns,
        _ cannotGo: (_ run: String, _ reason: String) -> Void,
        _ isStopped: () -> Bool
    ) throws -> RemovalSlice {
        var slice = RemovalSlice(room: removal.pace.room)
        while !removal.walk.isDone, !slice.isFull, !isStopped() {
            do {
                try reading { database in
                    if let run = removal.walk.next {
                        let leaving = LeavingRun(run: run, principals: try run.principals(database))
                        if let reason = try reason(toKeep: leaving, removal.holds, living, database) {
                            throw KeptRuns([(run.run, reason)])
                        }
                        removal.walk.begin(leaving)
                    }
                    try removal.walk.fill(&slice, database)
                }
            } catch let error as Stop {
                guard let run = removal.walk.skip() else { throw error }
                slice.drop(run)
                removal.aside.append((run, error))
                cannotGo(run, "\(BrokenStore(finding: error.finding, path: path))")
            } catch let error as KeptRuns {
                removal.setAside(error, &slice)
            }
        }
        return slice
    }

    /// Removes a slice; returns for how long nobody else could write.
    private func remove(
        _ slice: inout RemovalSlice,
        _ removal: inout Removal,
        _ isStopped: () -> Bool
    ) throws -> Duration {
        var attempts = 1
        while !slice.records.isEmpty {
            let statements = try slice.statements(at: AuditStore.wallClock(), key)
            var begun = ContinuousClock.now
            do {
                try database.writeWithoutTransaction { database in
                    try database.inTransaction(.immediate) {
                        begun = ContinuousClock.now
                        try requireFree(slice, &removal.holds, database)
                        try slice.remove(stating: statements, database)
                        return .commit
                    }
                }
                return begun.duration(to: .now)
            } catch let error as KeptRuns {
                removal.setAside(error, &slice)
            } catch let error as DatabaseError {
                // Supervisors that write without a pause go first.
                guard error.resultCode == .SQLITE_BUSY, attempts < AuditLimits.pruningAttempts, !isStopped()
                else { throw AuditStoreError("prune", path, error) }
                attempts += 1
            }
        }
        return .zero
    }

    /// Whether one was held meanwhile, and whether the log goes on behind them: while nobody else writes.
    private func requireFree(
        _ slice: RemovalSlice,
        _ holds: inout Holds,
        _ database: Database
    ) throws {
        var kept: [(run: String, reason: String)] = []
        if try holds.catchUp(database) {
            kept = slice.runs.compactMap { leaving in
                Self.hold(of: leaving, holds).map { (leaving.run.run, $0) }
            }
        }
        let end = try Int64.fetchOne(database, sql: "SELECT max(sequence) FROM records") ?? 0
        for leaving in slice.runs where leaving.run.sequences.upperBound >= end {
            kept.append(
                (leaving.run.run, "its last record is the last of the log, which goes on behind it")
            )
        }
        guard kept.isEmpty else { throw KeptRuns(kept) }
    }
}

/// Runs that stay after all, and why.
private struct KeptRuns: Error {
    let runs: [(run: String, reason: String)]

    init(_ runs: [(run: String, reason: String)]) { self.runs = runs }
}

/// How far a pruning is.
private struct Removal {
    var walk: RemovalWalk
    var pace = RemovalPace()
    var holds: Holds
    /// Runs that could not go, and why.
    var aside: [(run: String, error: any Error)] = []
    /// How many of the plan's are said to be begun.
    private var begun = 0

    init(_ plan: PruningPlan, key: VerifyingKey, holds: Holds) {
        (walk, self.holds) = (RemovalWalk(plan.pruned, key: key), holds)
    }

    /// What is not on record as begun, and has to be before a slice is removed: with those that follow, as many as one record names.
    mutating func announced(_ slice: RemovalSlice, of plan: PruningPlan) -> [String] {
        guard !slice.records.isEmpty, walk.taken > begun else { return [] }
        let end = min(plan.pruned.count, max(walk.taken, begun + AuditLimits.runsInRecord))
        defer { begun = end }
        let left = Set(aside.map { ByteText($0.run) })
        return plan.pruned[begun..<end].map(\.run).filter { !left.contains(ByteText($0)) }
    }

    mutating func setAside(_ kept: KeptRuns, _ slice: inout RemovalSlice) {
        for (run, reason) in kept.runs {
            slice.drop(run)
            walk.leave(run)
            aside.append(
                (run, AuditStoreError(.database, "run \(run) is not pruned any further: \(reason)"))
            )
        }
    }

    /// What of one run fails keeps no other.
    mutating func attempt(_ run: String, _ body: () throws -> Void) {
        do { try body() } catch { aside.append((run, error)) }
    }
}
