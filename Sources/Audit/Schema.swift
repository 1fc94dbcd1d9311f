internal import GRDB

/// The tables of the store.
///
/// Every column of `records` is under the record's hash. Its indexes are partial: whatever a gateway writes most, allowed
/// requests and replies, is in none of them, because each index that a record is in costs as much as the record
/// (measured: seven or eight pages written for a record in two indexes, two for one in none).
enum Schema {
    /// Records of an agent's life, as the planner has to find it in a query
    /// (sqlite.org/partialindex.html, "Queries Using Partial Indexes").
    static let isOfLife = "kind NOT IN ('request', 'replies')"
    /// All others: what most records are.
    static let isOfTraffic = "kind IN ('request', 'replies')"
    static let isRefused = "verdict IN ('ask', 'deny')"
    /// What was prepared, and is asked about later, has the verdict and no reason.
    static let isNotPostponed =
        "CASE WHEN verdict = 'ask' AND json_valid(payload) THEN json_extract(payload, '$.reason') IS NOT NULL ELSE 1 END"
    /// Records of a principal that was cut off, or is no more: a launch looks whether it is.
    static let isOfPrincipal = "kind = 'revocation' AND agent IS NULL"
    /// The principal of a record: of its lineage, of a launch that was refused, or who was told something.
    static let subject = """
        coalesce(json_extract(payload, '$.lineage.principal.subject'), json_extract(payload, '$.principal.subject'), \
        json_extract(payload, '$.principal'))
        """
    /// Takes the principal's subject.
    static let isOfSubject = "\(subject) = ?"
    /// Narrows to a run, and to where it begins: the record of a launch is before what the launched does.
    ///
    /// Takes the run twice.
    static let isOfRun = """
        run = ? AND sequence >= coalesce((SELECT min(sequence) FROM records WHERE run = ? AND \(isOfLife)), 0)
        """

    /// SQL that is run in order at the first opening, and that a verifier compares with what it finds.
    static let statements = tables + indexes

    private static let tables = [
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
        """
        CREATE TABLE seals (
            last INTEGER PRIMARY KEY,
            first INTEGER NOT NULL,
            digests BLOB NOT NULL,
            signature BLOB NOT NULL
        ) STRICT
        """,
        prunings,
    ]

    /// Statements of what was removed; a store that no version wrote that removes records has none.
    private static let prunings = """
        CREATE TABLE prunings (
            first INTEGER PRIMARY KEY,
            last INTEGER NOT NULL,
            digest BLOB NOT NULL,
            time INTEGER NOT NULL,
            signature BLOB NOT NULL
        ) STRICT
        """

    private static let indexes = [
        "CREATE INDEX lives_by_run ON records (run) WHERE \(isOfLife)",
        "CREATE INDEX refusals_by_time ON records (time) WHERE \(isRefused)",
        revocations,
    ]

    /// Its name is in a check of what it finds.
    static let revocationsName = "revocations_by_principal"
    /// A store that no version wrote that knows of revocations has none.
    private static let revocations =
        "CREATE INDEX \(revocationsName) ON records (lineage) WHERE \(isOfPrincipal)"

    /// Creates the tables in a new file; several processes may try at once.
    static func create(in database: Database) throws {
        try database.inTransaction(.immediate) {
            if try !database.tableExists("records") {
                for statement in statements { try database.execute(sql: statement) }
            } else {
                try renewIndexes(in: database)
            }
            return .commit
        }
    }

    /// Those of a store that was begun when every record was in two.
    private static let formerIndexes = ["records_by_run", "records_by_verdict"]

    private static func renewIndexes(in database: Database) throws {
        if try !database.tableExists("prunings") { try database.execute(sql: prunings) }
        let present = try database.indexes(on: "records").map(\.name)
        let isFormer = present.contains(where: formerIndexes.contains)
        if isFormer {
            for name in formerIndexes { try database.execute(sql: "DROP INDEX IF EXISTS \(name)") }
            for statement in indexes where statement != revocations { try database.execute(sql: statement) }
        }
        if !present.contains(revocationsName) { try database.execute(sql: revocations) }
    }

    /// Throws where the file has not exactly the tables above.
    static func requireUnchanged(in database: Database) throws {
        // In the others SQLite finds no text of it, whatever stands there (sqlite.org/pragma.html#pragma_encoding).
        let encoding = try String.fetchOne(database, sql: "PRAGMA encoding")
        guard encoding == "UTF-8" else {
            let said = encoding ?? "nothing"
            throw Stop(.schema, "the database's texts are said to be \(said), and the store writes UTF-8")
        }
        let differences = try Self.differences(in: database)
        guard differences.isEmpty else {
            throw Stop(
                .schema,
                "the database's tables are not as the store made them: "
                    + TerminalText.escaped(differences.joined(separator: "; "))
            )
        }
    }

    /// What is in the file beside, or instead of, the tables above; empty when it is as created, by this version or an older
    /// one.
    static func differences(in database: Database) throws -> [String] {
        let found = try String.fetchAll(
            database,
            sql: "SELECT sql FROM sqlite_schema WHERE name NOT LIKE 'sqlite_%' ORDER BY rowid"
        )
        return Set(found).symmetricDifference(statements).subtracting([revocations, prunings]).sorted()
    }
}
