internal import Foundation
internal import Model

/// The columns that an entry fills; the store adds sequence, run, time and the chain.
struct EntryColumns: Sendable {
    let kind: String
    static let spawn = "spawn"
    static let request = "request"
    static let replies = "replies"
    static let revocation = "revocation"
    static let approval = "approval"
    static let custody = "custody"
    static let renewal = "renewal"
    /// Nil for what no agent has done: then it is the supervisor's own run; empty for what a principal is told,
    /// and what is done about the log, which is of none.
    let run: String?
    let agent: String?
    let lineage: String
    let ancestry: String
    let verdict: String?
    /// Canonical JSON: keys sorted, no white space, `/` not escaped.
    let payload: Data

    /// Of an entry whose texts are masked; its lineage is `lineage`, the parent's for a spawn that was refused.
    init(_ entry: AuditEntry, _ lineage: LineageColumns?) {
        payload = Data(entry.canonicalJSON(lineage))
        switch entry {
        case .spawn: (kind, verdict) = (Self.spawn, nil)
        case .spawnRefused: (kind, verdict) = ("spawn-refused", Effect.deny.rawValue)
        case .exit: (kind, verdict) = ("exit", nil)
        case .request(let record): (kind, verdict) = (Self.request, record.verdict.rawValue)
        case .replies: (kind, verdict) = (Self.replies, nil)
        case .revocation: (kind, verdict) = (Self.revocation, nil)
        case .approval: (kind, verdict) = (Self.approval, nil)
        case .custody: (kind, verdict) = (Self.custody, nil)
        case .renewal: (kind, verdict) = (Self.renewal, nil)
        }
        agent = lineage?.agent
        run =
            switch entry {
            case .revocation, .custody: lineage?.run ?? ""
            case .spawn, .spawnRefused, .exit, .request, .replies, .approval, .renewal: lineage?.run
            }
        self.lineage = lineage?.text ?? TerminalText.escaped(Self.principal(of: entry))
        ancestry = lineage?.ancestry ?? ""
    }

    private static func principal(of entry: AuditEntry) -> String {
        switch entry {
        case .spawnRefused(let record): record.principal.subject
        case .revocation(let record): record.principal
        case .custody(let record): record.by?.subject ?? ""
        case .spawn, .exit, .request, .replies, .approval, .renewal: ""
        }
    }
}
