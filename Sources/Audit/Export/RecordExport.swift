internal import Foundation
package import Model

/// Which records are exported; what is nil does not narrow.
package struct RecordSelection: Sendable, Hashable {
    /// The last record that is not wanted: what an export before this one reached.
    package var after: Int64
    package var run: String?
    /// The agent and everything below it.
    package var agent: AgentID?

    package init(after: Int64 = 0, run: String? = nil, agent: AgentID? = nil) {
        (self.after, self.run, self.agent) = (after, run, agent)
    }
}

/// Hands over records as they were written, oldest first, each held against its seal and the record before it.
///
/// In memory that does not grow with the log, and in slices, each a transaction of its own: whoever takes them slowly must
/// not keep supervisors from emptying it. What is appended while it lasts is not in it.
package struct RecordExport: Sendable {
    private let reader: AuditReader
    private let trust: StoreTrust
    /// The last record there was when it began.
    package let end: Int64

    /// Opens the store of a state directory, and throws where its key, its head or its tables are not as they were made.
    package init(directory: String) throws {
        let reader = try AuditReader(directory: directory)
        let state = try StateDirectory(directory, create: false)
        (trust, end) = try ReceiptExport.refusing(reader.path) {
            let trust = try StoreTrust(state)
            return (trust, try reader.reading { try ReceiptExport.end(of: $0, trust.head) })
        }
        self.reader = reader
    }

    /// Of a log in a fleet's database.
    package init(_ chain: FleetChain, in fleet: FleetLog) throws {
        let reader = try fleet.reader(of: chain)
        self.reader = reader
        (trust, end) = try ReceiptExport.refusing(reader.path) {
            let trust = try FleetLog.trust(in: chain)
            return (trust, try reader.reading { try ReceiptExport.end(of: $0, trust.head) })
        }
    }

    /// Hands over slices, some of them empty, each with the last record that was looked at: behind which an export goes on
    /// once what is in the slice is where it belongs.
    package func slices(
        _ selection: RecordSelection,
        _ body: (_ records: [AuditRecord], _ reached: Int64) throws -> Void
    ) throws {
        guard selection.after <= end else { throw BehindTheEnd(after: selection.after, end: end) }
        try ReceiptExport.refusing(reader.path) {
            var walk = ReceiptWalk(ReceiptPlan(selection, until: end), key: trust.key)
            while !walk.isDone {
                let items = try reader.reading { try walk.slice($0) }
                let records = try items.compactMap { item -> AuditRecord? in
                    guard case .record(let record) = item else { return nil }
                    return try AuditRecord(record)
                }
                try body(records, selection.after + walk.looked)
            }
        }
    }
}

/// An export was to go on where the log does not reach.
package struct BehindTheEnd: Error, Sendable, CustomStringConvertible {
    let after: Int64
    let end: Int64

    package var description: String {
        "there is no record \(after): the log ends at record \(end). If an export reached further before, its tail was cut "
            + "or this is another log; `bailey audit verify` looks"
    }
}

extension AuditRecord {
    /// Of octets that are what was sealed.
    fileprivate init(_ record: StoredRecord) throws {
        self.init(
            sequence: record.sequence,
            time: Timestamp(milliseconds: record.time),
            run: try record.string(record.run),
            kind: try record.string(record.kind),
            agent: try record.agent.map(record.string),
            lineage: try record.string(record.lineage),
            verdict: try record.verdict.map(record.string),
            payload: try record.string(record.payload)
        )
    }
}
