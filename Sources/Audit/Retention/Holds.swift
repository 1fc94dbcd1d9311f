internal import Foundation
internal import GRDB
package import Model

/// What must not be pruned: runs, agents and principals that were held and not released, as the log says.
package struct Holds: Sendable {
    /// One that is held: since when, by whom and why.
    package struct Entry: Sendable, Hashable {
        package let subject: String
        package let by: String?
        package let reason: String?
        package let time: Timestamp
    }

    package let entries: [Entry]

    init(_ database: Database) throws {
        var held: [ByteText: Entry] = [:]
        let rows = try Row.fetchCursor(
            database,
            sql:
                "SELECT \(AuditRecord.columns) FROM records WHERE run = '' AND \(Schema.isOfLife) AND kind = ? "
                + "ORDER BY sequence",
            arguments: [EntryColumns.custody]
        )
        while let row = try rows.next() {
            // What cannot be read may be a hold: nothing is pruned then.
            guard let record = AuditRecord(row: row), case .custody(let custody)? = record.entry else {
                throw AuditStoreError(
                    .database,
                    "a record of what was done about the log cannot be read; look with `bailey audit verify`"
                )
            }
            switch custody.event {
            case .held:
                held[ByteText(custody.subject)] = Entry(
                    subject: custody.subject,
                    by: custody.by?.subject,
                    reason: custody.reason,
                    time: record.time
                )
            case .released: held[ByteText(custody.subject)] = nil
            case .checkpointFailed, .checkpointResumed, .pruned, .noticeFailed, .noticeResumed,
                .answerRefused:
                break
            }
        }
        entries = held.values.sorted { $0.time < $1.time }
    }

    /// The first that holds a run of these principals.
    func entry(of run: String, principals: [String]) -> Entry? {
        entries.first { entry in
            entry.subject.isSame(as: run) || AgentID(entry.subject)?.run.isSame(as: run) == true
                || principals.holds(bytes: entry.subject)
        }
    }
}

extension AuditReader {
    package func holds() throws -> Holds { try reading { try Holds($0) } }
}
