package import PostgresLink

extension PostgresConnection {
    /// Throws where its role may not add to a table and read it, or may change or remove what is there.
    func requireRole(for tables: [String]) throws {
        for table in tables {
            let row = try rows(
                "SELECT has_table_privilege($1, 'UPDATE, DELETE, TRUNCATE') OR has_any_column_privilege($1, 'UPDATE'), "
                    + "has_table_privilege($1, 'INSERT') AND has_table_privilege($1, 'SELECT')",
                [.text(table)]
            ).first
            guard let row, row.count == 2, !row[0].isTrue else {
                throw PostgresFailure(
                    location,
                    "its role may change or remove what it wrote: it has UPDATE, DELETE or TRUNCATE on \(table)",
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
        }
    }
}

/// Whether a database of the operator's is of use, as far as that is known without writing to it.
package enum LogDatabaseProbe {
    /// Why checkpoints cannot be written to it; nil where they can.
    package static func trouble(withCheckpoints access: PostgresAccess) -> String? {
        trouble(access, [CheckpointTable.name])
    }

    /// Why the log, and approvals where they are shared, cannot go to it; nil where they can.
    package static func trouble(withFleet access: PostgresAccess, sharesApprovals: Bool) -> String? {
        let shared = sharesApprovals ? [FleetStatement.messageTable] : []
        return trouble(access, [FleetStatement.recordTable, FleetStatement.sealTable] + shared)
    }

    private static func trouble(_ access: PostgresAccess, _ tables: [String]) -> String? {
        do {
            try PostgresConnection(access).requireRole(for: tables)
            return nil
        } catch {
            return "\(error)"
        }
    }
}
