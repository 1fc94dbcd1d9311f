internal import GRDB
package import Model

/// A terminal that is recorded, or was to be.
package struct RecordedSession: Sendable {
    package let agent: AgentID
    package let lineage: String
    package let profile: String
    package let argv: [String]
    package let began: Timestamp
    package let recording: TerminalRecording
    /// Of the agent's end; nil where that is not on record.
    package let ended: Timestamp?
    /// What was kept of it, as the record of the end says.
    package let recorded: RecordedTerminal?
}

extension AuditReader {
    /// Hands over recorded terminals, of one run or all, oldest first.
    package func terminals(run: String? = nil, _ body: (RecordedSession) throws -> Void) throws {
        try reading { database in
            let rows = try Row.fetchCursor(
                database,
                sql: "SELECT \(AuditRecord.columns) FROM records WHERE \(Schema.isOfLife) AND kind = 'spawn' "
                    + "AND (? IS NULL OR run = ?) AND json_extract(payload, '$.terminal') IS NOT NULL ORDER BY sequence",
                arguments: [run, run]
            )
            while let row = try rows.next() {
                guard let record = AuditRecord(row: row), case .spawn(let spawn) = record.entry else {
                    throw damaged()
                }
                guard let recording = spawn.terminal else { continue }
                let end = try end(of: spawn.lineage.agent.agent, database)
                try body(
                    RecordedSession(
                        agent: spawn.lineage.agent.agent,
                        lineage: record.lineage,
                        profile: spawn.lineage.agent.profile,
                        argv: spawn.argv,
                        began: record.time,
                        recording: recording,
                        ended: end?.time,
                        recorded: end?.terminal
                    )
                )
            }
        }
    }

    private func end(
        of agent: AgentID,
        _ database: Database
    ) throws -> (time: Timestamp, terminal: RecordedTerminal?)? {
        let row = try Row.fetchOne(
            database,
            sql:
                "SELECT \(AuditRecord.columns) FROM records WHERE \(Schema.isOfLife) AND run = ? AND agent = ? "
                + "AND kind = 'exit'",
            arguments: [agent.run, agent.text]
        )
        guard let row else { return nil }
        guard let record = AuditRecord(row: row), case .exit(let exit) = record.entry else { throw damaged() }
        return (record.time, exit.terminal)
    }
}
