internal import Foundation
internal import GRDB
package import Model

/// One record as it is read back.
package struct AuditRecord: Sendable, Hashable {
    package let sequence: Int64
    package let time: Timestamp
    /// Empty for what a principal is told, and what is done about the log.
    package let run: String
    /// `spawn`, `spawn-refused`, `exit`, `request`, `replies`, `revocation`, `approval`, `custody`.
    package let kind: String
    /// Nil for a launch that was refused before there was an agent, for what a principal is told, and what is done
    /// about the log.
    package let agent: String?
    /// `user:alice > ci > test-runner`.
    package let lineage: String
    /// `allow`, `ask`, `deny`; nil where nothing was decided.
    package let verdict: String?
    /// The entry as canonical JSON, masked.
    package let payload: String

    /// The entry; nil when a later version of the store wrote it.
    package var entry: AuditEntry? {
        let decoder = JSONDecoder()
        let data = Data(payload.utf8)
        switch kind {
        case "spawn": return (try? decoder.decode(SpawnRecord.self, from: data)).map(AuditEntry.spawn)
        case "spawn-refused":
            return (try? decoder.decode(SpawnRefusal.self, from: data)).map(AuditEntry.spawnRefused)
        case "exit": return (try? decoder.decode(ExitRecord.self, from: data)).map(AuditEntry.exit)
        case "request": return (try? decoder.decode(RequestRecord.self, from: data)).map(AuditEntry.request)
        case EntryColumns.replies:
            return (try? decoder.decode(RepliesRecord.self, from: data)).map(AuditEntry.replies)
        case EntryColumns.revocation:
            return (try? decoder.decode(RevocationRecord.self, from: data)).map(AuditEntry.revocation)
        case EntryColumns.approval:
            return (try? decoder.decode(ApprovalRecord.self, from: data)).map(AuditEntry.approval)
        case EntryColumns.custody:
            return (try? decoder.decode(CustodyRecord.self, from: data)).map(AuditEntry.custody)
        case EntryColumns.renewal:
            return (try? decoder.decode(RenewalRecord.self, from: data)).map(AuditEntry.renewal)
        default: return nil
        }
    }

    static let columns = "sequence, time, run, kind, agent, lineage, verdict, payload"

    init(
        sequence: Int64,
        time: Timestamp,
        run: String,
        kind: String,
        agent: String?,
        lineage: String,
        verdict: String?,
        payload: String
    ) {
        self.sequence = sequence
        self.time = time
        self.run = run
        self.kind = kind
        self.agent = agent
        self.lineage = lineage
        self.verdict = verdict
        self.payload = payload
    }

    /// Nil when a column has a type that the store never writes.
    init?(row: Row) {
        let values = Array(row.databaseValues)
        guard values.count == 8, let sequence = Int64.fromDatabaseValue(values[0]),
            let time = Int64.fromDatabaseValue(values[1]), let run = String.fromDatabaseValue(values[2]),
            let kind = String.fromDatabaseValue(values[3]), let lineage = String.fromDatabaseValue(values[5]),
            let payload = String.fromDatabaseValue(values[7])
        else { return nil }
        self.init(
            sequence: sequence,
            time: Timestamp(milliseconds: time),
            run: run,
            kind: kind,
            agent: String.fromDatabaseValue(values[4]),
            lineage: lineage,
            verdict: String.fromDatabaseValue(values[6]),
            payload: payload
        )
    }
}
