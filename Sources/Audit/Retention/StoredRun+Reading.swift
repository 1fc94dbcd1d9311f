internal import GRDB
internal import Model

extension StoredRun {
    /// The runs on record, oldest first; `path` is the store's, and `check` is asked at each, and may end it.
    static func all(
        _ database: Database,
        _ bodies: RunBodies,
        path: String,
        check: () throws -> Void
    ) throws -> [StoredRun] {
        let rows = try Row.fetchAll(
            database,
            sql:
                "SELECT run, COUNT(*), MAX(time), SUM(length(CAST(payload AS BLOB)) + ?), MIN(sequence), MAX(sequence) "
                + "FROM records WHERE run <> '' AND \(Interruption.condition) GROUP BY run ORDER BY MIN(sequence)",
            arguments: [AuditLimits.recordColumns]
        )
        return try rows.map { row in
            try check()
            guard let run = StoredRun(row, bodies) else {
                throw AuditStoreError(
                    .database,
                    "the audit store \(path) is damaged: see `bailey audit verify`"
                )
            }
            return run
        }
    }

    private init?(_ row: Row, _ bodies: RunBodies) {
        let values = Array(row.databaseValues)
        guard values.count == 6, let run = String.fromDatabaseValue(values[0]),
            let records = Int64.fromDatabaseValue(values[1]),
            let last = Int64.fromDatabaseValue(values[2]),
            let octets = Int64.fromDatabaseValue(values[3]),
            let first = Int64.fromDatabaseValue(values[4]), let end = Int64.fromDatabaseValue(values[5])
        else { return nil }
        self.init(
            run: run,
            records: records,
            octets: UInt64(clamping: octets) + bodies.octets(of: run),
            last: Timestamp(milliseconds: last),
            sequences: first...end
        )
    }

    /// Whose the run is: as every record of an agent's life says that is left, or what is left at all.
    func principals(_ database: Database) throws -> [String] {
        let named = try String.fetchAll(
            database,
            sql: "SELECT DISTINCT \(Schema.subject) AS subject FROM records "
                + "WHERE run = ? AND \(Schema.isOfLife) AND subject IS NOT NULL",
            arguments: [run]
        )
        guard named.isEmpty else { return named }
        return try String.fetchAll(
            database,
            sql:
                "SELECT \(Schema.subject) AS subject FROM records WHERE sequence = ? AND subject IS NOT NULL",
            arguments: [sequences.lowerBound]
        )
    }

    /// Whether an agent was launched and did not end.
    func hasOpenEnd(_ database: Database) throws -> Bool {
        let agents = "SELECT agent FROM records WHERE run = ? AND \(Schema.isOfLife) AND kind ="
        return try Row.fetchOne(
            database,
            sql: "\(agents) 'spawn' EXCEPT \(agents) 'exit' LIMIT 1",
            arguments: [run, run]
        ) != nil
    }
}
