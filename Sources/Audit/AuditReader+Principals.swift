internal import GRDB

/// For whom agents were launched, or asked for.
extension AuditReader {
    /// Principals of which is told what there is: nobody picks from more.
    private static let maximumPrincipals = 1_000
    /// Launches, and those that were refused.
    private static let isOfLaunch = "\(Schema.isOfLife) AND kind IN ('spawn', 'spawn-refused')"

    /// Those for whom something was launched, or should have been; the newest first.
    package func principals() throws -> [String] {
        try reading { database in
            try String.fetchAll(
                database,
                sql: "SELECT \(Schema.subject) AS subject FROM records WHERE \(Self.isOfLaunch) "
                    + "GROUP BY subject ORDER BY max(sequence) DESC LIMIT ?",
                arguments: [Self.maximumPrincipals]
            )
        }
    }

    /// Whether one of them is, or was ever told anything.
    package func hasSeen(_ principal: String) throws -> Bool {
        try has(principal, Schema.isOfLife)
    }

    /// Whether something was ever launched for it, or refused to be.
    package func hasLaunched(_ principal: String) throws -> Bool {
        try has(principal, Self.isOfLaunch)
    }

    private func has(_ principal: String, _ condition: String) throws -> Bool {
        try reading { database in
            try Bool.fetchOne(
                database,
                sql: "SELECT EXISTS (SELECT 1 FROM records WHERE \(condition) AND \(Schema.isOfSubject))",
                arguments: [principal]
            ) ?? false
        }
    }

    /// Runs of one, oldest first.
    package func runs(of principal: String) throws -> [String] {
        try reading { database in
            try String.fetchAll(
                database,
                sql:
                    "SELECT run FROM records WHERE \(Self.isOfLaunch) AND run <> '' AND \(Schema.isOfSubject) "
                    + "GROUP BY run ORDER BY MIN(sequence)",
                arguments: [principal]
            )
        }
    }
}
