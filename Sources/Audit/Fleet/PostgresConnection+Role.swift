package import PostgresLink

extension PostgresConnection {
    /// Throws where its role may not add to a table and read it, or may change or remove what is there.
    func requireRole(for tables: [String]) throws {
        for table in tables { try requireRole(for: table, mayAdd: "has_table_privilege($1, 'INSERT')") }
    }

    /// The same of the table of messages, where it gives each column but those that the server gives: by them rows are read.
    func requireMessageRole() throws {
        let (table, given) = (FleetStatement.messageTable, FleetStatement.givenColumns)
        try requireRole(
            for: table,
            mayAdd: given.map { "has_column_privilege($1, '\($0)', 'INSERT')" }.joined(separator: " AND ")
        )
        let row = try rows(
            "SELECT "
                + FleetStatement.serverColumns.map { "has_column_privilege($1, '\($0)', 'INSERT')" }
                .joined(separator: " OR "),
            [.text(table)]
        ).first
        guard let row, row.count == 1, !row[0].isTrue else {
            throw PostgresFailure(
                location,
                "its role may choose \(FleetStatement.serverColumns.joined(separator: " and ")) of what it adds to \(table), and so "
                    + "have it read for ever, or nothing else",
                remedy: "take INSERT on \(table) from it, as from all roles, and GRANT SELECT, "
                    + "INSERT (\(given.joined(separator: ", "))) ON \(table), as docs/audit.md says"
            )
        }
    }

    private func requireRole(for table: String, mayAdd: String) throws {
        let row = try rows(
            "SELECT has_table_privilege($1, 'UPDATE, DELETE, TRUNCATE, TRIGGER') OR has_any_column_privilege($1, 'UPDATE') "
                // What it may become counts as well (SET ROLE), and whom it may make.
                + "OR pg_has_role((SELECT relowner FROM pg_class WHERE oid = $1::regclass), 'MEMBER') "
                + "OR (SELECT rolcreaterole FROM pg_roles WHERE rolname = current_user), "
                + "\(mayAdd) AND has_table_privilege($1, 'SELECT'), "
                // A view runs what whoever made it wrote.
                + "(SELECT relkind IN ('r', 'p') FROM pg_class WHERE oid = $1::regclass)",
            [.text(table)]
        ).first
        guard let row, row.count == 3, !row[0].isTrue else {
            throw PostgresFailure(
                location,
                "its role may change or remove what it wrote: it has UPDATE, DELETE, TRUNCATE or TRIGGER on \(table), or may become who has",
                remedy:
                    "name a role that has INSERT and SELECT alone, and owns no table, as docs/audit.md says"
            )
        }
        guard row[1].isTrue else {
            throw PostgresFailure(
                location,
                "permission denied for table \(table): its role has not both INSERT and SELECT",
                remedy: "grant the role what docs/audit.md says"
            )
        }
        guard row[2].isTrue else {
            throw PostgresFailure(
                location,
                "\(table) is no table: of a schema that comes before, by search_path, or made so",
                remedy: "make the table as docs/audit.md says, and leave CREATE on the database to its owner"
            )
        }
    }
}

extension PostgresConnection {
    /// Throws where the table of seals would take one behind a gap.
    func requireOrder() throws {
        let row = try rows(
            "SELECT EXISTS (SELECT FROM pg_constraint WHERE conrelid = $1::regclass AND confrelid = conrelid "
                + "AND contype = 'f' AND convalidated)",
            [.text(FleetStatement.sealTable)]
        ).first
        guard row?.first?.isTrue == true else {
            throw PostgresFailure(
                location,
                "a chain in it could have a gap: \(FleetStatement.sealTable) has no FOREIGN KEY (chain, before) REFERENCES itself",
                remedy: "make the tables as docs/audit.md says"
            )
        }
    }
}

/// Whether a database of the operator's is of use, as far as that is known without writing to it.
package enum LogDatabaseProbe {
    /// Why checkpoints cannot be written to it; nil where they can.
    package static func trouble(withCheckpoints access: PostgresAccess) -> String? {
        trouble(access) { try $0.requireRole(for: [CheckpointTable.name]) }
    }

    /// Why the log, and approvals where they are shared, cannot go to it; nil where they can.
    package static func trouble(withFleet access: PostgresAccess, sharesApprovals: Bool) -> String? {
        trouble(access) {
            try $0.requireRole(for: [FleetStatement.recordTable, FleetStatement.sealTable])
            try $0.requireOrder()
            if sharesApprovals { try $0.requireMessageRole() }
        }
    }

    private static func trouble(
        _ access: PostgresAccess,
        _ check: (PostgresConnection) throws -> Void
    ) -> String? {
        do {
            try check(PostgresConnection(access, takesChanges: true))
            return nil
        } catch {
            return "\(error)"
        }
    }
}
