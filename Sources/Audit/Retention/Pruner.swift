internal import Foundation
internal import GRDB
internal import Glibc
internal import Model

/// Removes whole runs that are over, oldest first, and leaves a chain that is verified all the same.
package struct Pruner: Sendable {
    private let directory: String
    private let database: DatabaseQueue
    private let key: SigningKey
    private let trust: StoreTrust
    private let path: String

    /// Opens the store of a state directory; throws where its key, its head or its tables are not as they were made.
    package init(directory: String) throws {
        let file = directory + "/" + StoreFiles.databaseName
        (self.directory, path) = (directory, file)
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
    }

    /// What is pruned under these terms; changes nothing.
    package func plan(_ retention: Retention, _ living: LivingRuns) throws -> PruningPlan {
        try reading { database in
            var plan = PruningPlan()
            let runs = try storedRuns(database)
            let holds = try Holds(database)
            plan.size = try runs.reduce(Self.size(database)) { $0 + bodies(of: $1.run) }
            var rest = plan.size
            for run in runs {
                let isOld = retention.age.map { age in
                    UInt64(clamping: living.now.milliseconds - run.last.milliseconds) >= age
                }
                let isOver = retention.size.map { rest > $0 }
                guard isOld == true || isOver == true else { continue }
                if let reason = try reason(toKeep: run, holds, living, database) {
                    plan.kept.append(PruningPlan.Kept(run: run.run, reason: reason))
                } else {
                    plan.pruned.append(run)
                    rest -= min(rest, run.octets)
                }
            }
            return plan
        }
    }

    /// Why a run stays; nil when nothing speaks against its end.
    private func reason(
        toKeep run: StoredRun,
        _ holds: Holds,
        _ living: LivingRuns,
        _ database: Database
    ) throws -> String? {
        if let hold = holds.entry(of: run.run, principals: try principals(of: run.run, database)) {
            return "held" + (hold.subject.isSame(as: run.run) ? "" : " with \(hold.subject)")
                + (hold.reason.map { ": \($0)" } ?? "")
        }
        if living.runs.contains(run.run) { return "an agent of it lives" }
        let age = living.now.milliseconds - run.last.milliseconds
        guard age >= AuditLimits.pruningRest else { return "its last record is younger than a minute" }
        guard try hasOpenEnd(run.run, database), run.last.milliseconds >= living.boot.milliseconds else {
            return nil
        }
        return "the end of an agent of it is not on record, and this machine has not started anew since"
    }

    /// Whether an agent was launched and did not end.
    private func hasOpenEnd(_ run: String, _ database: Database) throws -> Bool {
        let agents = "SELECT agent FROM records WHERE run = ? AND \(Schema.isOfLife) AND kind ="
        return try Row.fetchOne(
            database,
            sql: "\(agents) 'spawn' EXCEPT \(agents) 'exit' LIMIT 1",
            arguments: [run, run]
        ) != nil
    }

    private func principals(of run: String, _ database: Database) throws -> [String] {
        try String.fetchAll(
            database,
            sql: "SELECT DISTINCT coalesce(json_extract(payload, '$.lineage.principal.subject'), "
                + "json_extract(payload, '$.principal.subject')) AS subject FROM records "
                + "WHERE run = ? AND \(Schema.isOfLife) AND kind IN ('spawn', 'spawn-refused') AND subject IS NOT NULL",
            arguments: [run]
        )
    }

    private func storedRuns(_ database: Database) throws -> [StoredRun] {
        let rows = try Row.fetchAll(
            database,
            sql:
                "SELECT run, COUNT(*), MAX(time), SUM(length(CAST(payload AS BLOB)) + ?), MIN(sequence), MAX(sequence) "
                + "FROM records WHERE run <> '' GROUP BY run ORDER BY MIN(sequence)",
            arguments: [AuditLimits.recordColumns]
        )
        return try rows.map { row in
            let values = Array(row.databaseValues)
            guard values.count == 6, let run = String.fromDatabaseValue(values[0]),
                let records = Int64.fromDatabaseValue(values[1]),
                let last = Int64.fromDatabaseValue(values[2]),
                let octets = Int64.fromDatabaseValue(values[3]),
                let first = Int64.fromDatabaseValue(values[4]), let end = Int64.fromDatabaseValue(values[5])
            else {
                throw AuditStoreError(
                    .database,
                    "the audit store \(path) is damaged: see `bailey audit verify`"
                )
            }
            return StoredRun(
                run: run,
                records: records,
                octets: UInt64(clamping: octets) + bodies(of: run),
                last: Timestamp(milliseconds: last),
                sequences: first...end
            )
        }
    }

    /// Octets of the pages that are in use.
    private static func size(_ database: Database) throws -> UInt64 {
        let pages = try Int64.fetchOne(database, sql: "PRAGMA page_count") ?? 0
        let free = try Int64.fetchOne(database, sql: "PRAGMA freelist_count") ?? 0
        let size = try Int64.fetchOne(database, sql: "PRAGMA page_size") ?? 0
        return UInt64(clamping: (pages - free) * size)
    }

    private func bodies(of run: String) -> UInt64 {
        var status = stat()
        guard unsafe stat(bodiesPath(run), &status) == 0 else { return 0 }
        return UInt64(clamping: status.st_size)
    }

    /// A run's name is a file's: what is none has no recordings.
    private func bodiesPath(_ run: String) -> String {
        run.holds("/") || run.begins(with: ".") ? "" : "\(directory)/\(BodyFiles.folder)/\(run)"
    }

    /// Carries a plan out.
    ///
    /// That it is done is on record before anything is removed. In slices, between which supervisors write; whoever is
    /// killed in between leaves a chain that is whole, and the rest of a run that the next pruning removes.
    ///
    /// - Returns: how many records were removed.
    package func carryOut(
        _ plan: PruningPlan,
        _ living: LivingRuns,
        progress: (Int64) -> Void = { _ in }
    ) throws -> Int64 {
        var removed: Int64 = 0
        for run in plan.pruned {
            var cursor = run.sequences.lowerBound - 1
            while let (last, count) = try slice(of: run, behind: cursor, living) {
                (cursor, removed) = (last, removed + count)
                progress(removed)
            }
            let bodies = bodiesPath(run.run)
            if !bodies.isEmpty, unsafe unlink(bodies) != 0, errno != ENOENT {
                throw AuditStoreError(
                    "remove the recorded bodies",
                    bodies,
                    errno: errno,
                    remedy: "remove them by hand"
                )
            }
        }
        return removed
    }

    /// Removes the next records of a run; nil when none are left.
    private func slice(
        of run: StoredRun,
        behind cursor: Int64,
        _ living: LivingRuns
    ) throws -> (last: Int64, count: Int64)? {
        try ReceiptExport.refusing(path) {
            do {
                var result: (Int64, Int64)?
                try database.writeWithoutTransaction { database in
                    try database.inTransaction(.immediate) {
                        // Held meanwhile?
                        if let reason = try reason(toKeep: run, Holds(database), living, database) {
                            throw AuditStoreError(
                                .database,
                                "run \(run.run) is not pruned any further: \(reason)"
                            )
                        }
                        guard try Self.end(of: database) > run.sequences.upperBound else {
                            throw AuditStoreError(
                                .database,
                                "run \(run.run) is not pruned: its last record is the last of the log, which goes on behind it"
                            )
                        }
                        result = try removeSlice(of: run, behind: cursor, database)
                        return .commit
                    }
                }
                return result
            } catch let error as DatabaseError {
                throw AuditStoreError("prune", path, error)
            }
        }
    }

    private static func end(of database: Database) throws -> Int64 {
        try Int64.fetchOne(database, sql: "SELECT max(sequence) FROM records") ?? 0
    }

    private func removeSlice(
        of run: StoredRun,
        behind cursor: Int64,
        _ database: Database
    ) throws -> (Int64, Int64)? {
        let rows = try Row.fetchAll(
            database,
            sql:
                "SELECT \(StoredRecord.columns) FROM records WHERE sequence > ? AND sequence <= ? AND run = ? "
                + "ORDER BY sequence LIMIT ?",
            arguments: [cursor, run.sequences.upperBound, run.run, AuditLimits.prunedAtOnce]
        )
        let records = try rows.map { row in
            guard let record = StoredRecord(row: row) else {
                throw Stop(
                    .changed,
                    record: cursor + 1,
                    "a record behind \(cursor) has a column of another type"
                )
            }
            return record
        }
        guard let last = records.last else { return nil }
        var seal: Seal?
        var stretch: (first: Int64, hashes: [Data])?
        for record in records {
            try requireSealed(record, &seal, database)
            if let open = stretch, open.first + Int64(open.hashes.count) == record.sequence {
                stretch?.hashes.append(record.hash)
            } else {
                try state(stretch, database)
                stretch = (record.sequence, [record.hash])
            }
        }
        try state(stretch, database)
        try database.execute(
            sql: "DELETE FROM records WHERE run = ? AND sequence > ? AND sequence <= ?",
            arguments: [run.run, cursor, last.sequence]
        )
        return (last.sequence, Int64(records.count))
    }

    private func state(_ stretch: (first: Int64, hashes: [Data])?, _ database: Database) throws {
        guard let stretch else { return }
        try Pruning(stretch.first, hashes: stretch.hashes, at: AuditStore.wallClock(), key: key)
            .insert(into: database)
    }

    /// What was changed is not taken away: it is what somebody will look for.
    private func requireSealed(_ record: StoredRecord, _ seal: inout Seal?, _ database: Database) throws {
        if seal.map({ $0.last < record.sequence }) ?? true {
            let statement = try database.cachedStatement(
                sql: "SELECT \(Seal.columns) FROM seals WHERE last >= ? ORDER BY last LIMIT 1"
            )
            seal = try Row.fetchOne(statement, arguments: [record.sequence]).flatMap { Seal(row: $0) }
            guard seal?.isGenuine(trust.key) == true else {
                throw Stop(
                    .seal,
                    record: record.sequence,
                    "the seal over record \(record.sequence) is not genuine"
                )
            }
        }
        guard let sealed = seal?.digest(of: record.sequence), record.hash == sealed,
            record.computedHash() == sealed
        else {
            throw Stop(
                .changed,
                record: record.sequence,
                "record \(record.sequence) was changed: it does not match the hash that was sealed"
            )
        }
    }

    private func reading<Value>(_ body: (Database) throws -> Value) throws -> Value {
        do {
            return try database.read(body)
        } catch let error as DatabaseError {
            throw AuditStoreError("look through", path, error)
        }
    }
}
