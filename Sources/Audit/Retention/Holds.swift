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

    private var held: [ByteText: Entry] = [:]
    /// The last record that was looked at.
    private var reached: Int64 = 0

    /// Oldest first.
    package var entries: [Entry] { held.values.sorted { $0.time < $1.time } }

    init(_ database: Database) throws { try catchUp(database) }

    /// Looks at what came since; returns whether anything did.
    @discardableResult
    mutating func catchUp(_ database: Database) throws -> Bool {
        let before = reached
        try Self.each(behind: before, database) { record, custody in
            reached = record.sequence
            switch custody.event {
            case .held:
                held[ByteText(custody.subject)] = Entry(
                    subject: custody.subject,
                    by: custody.by?.subject,
                    reason: custody.reason,
                    time: record.time
                )
            case .released: held[ByteText(custody.subject)] = nil
            case .checkpointFailed, .checkpointResumed, .pruned, .pruningFailed, .pruningResumed,
                .noticeFailed, .noticeResumed, .answerRefused, .answerSent:
                break
            }
        }
        return reached > before
    }

    /// Hands over what was done about the log behind a record.
    static func each(
        behind sequence: Int64,
        _ database: Database,
        _ use: (AuditRecord, CustodyRecord) throws -> Void
    ) throws {
        let rows = try Row.fetchCursor(
            database,
            sql:
                "SELECT \(AuditRecord.columns) FROM records WHERE run = '' AND \(Schema.isOfLife) AND kind = ? "
                + "AND sequence > ? ORDER BY sequence",
            arguments: [EntryColumns.custody, sequence]
        )
        while let row = try rows.next() {
            // What cannot be read may be a hold: nothing is pruned then.
            guard let record = AuditRecord(row: row), case .custody(let custody)? = record.entry else {
                throw AuditStoreError(
                    .database,
                    "a record of what was done about the log cannot be read; look with `bailey audit verify`"
                )
            }
            try use(record, custody)
        }
    }

    /// The first that holds a run of these principals.
    func entry(of run: String, principals: [String]) -> Entry? {
        let found = held.values.filter { entry in
            entry.subject.isSame(as: run) || AgentID(entry.subject)?.run.isSame(as: run) == true
                || principals.holds(bytes: entry.subject)
        }
        return found.min { $0.time < $1.time }
    }
}

extension AuditReader {
    package func holds() throws -> Holds { try reading { try Holds($0) } }
}
