internal import GRDB

/// The tables of the store.
///
/// Every column of `records` is under the record's hash.
enum Schema {
    /// SQL that is run in order at the first opening, and that a verifier compares with what it finds.
    static let statements = [
        """
        CREATE TABLE records (
            sequence INTEGER PRIMARY KEY,
            run TEXT NOT NULL,
            time INTEGER NOT NULL,
            kind TEXT NOT NULL,
            agent TEXT,
            lineage TEXT NOT NULL,
            ancestry TEXT NOT NULL,
            verdict TEXT,
            payload TEXT NOT NULL,
            previous BLOB NOT NULL,
            hash BLOB NOT NULL
        ) STRICT
        """,
        "CREATE INDEX records_by_run ON records (run, kind)",
        "CREATE INDEX records_by_verdict ON records (verdict, time)",
        """
        CREATE TABLE seals (
            last INTEGER PRIMARY KEY,
            first INTEGER NOT NULL,
            digests BLOB NOT NULL,
            signature BLOB NOT NULL
        ) STRICT
        """,
    ]

    /// Creates the tables in a new file; several processes may try at once.
    static func create(in database: Database) throws {
        try database.inTransaction(.immediate) {
            if try !database.tableExists("records") {
                for statement in statements { try database.execute(sql: statement) }
            }
            return .commit
        }
    }

    /// What is in the file beside, or instead of, the tables above; empty when it is as created.
    static func differences(in database: Database) throws -> [String] {
        let found = try String.fetchAll(
            database,
            sql: "SELECT sql FROM sqlite_schema WHERE name NOT LIKE 'sqlite_%' ORDER BY rowid"
        )
        return Set(found).symmetricDifference(statements).sorted()
    }
}
