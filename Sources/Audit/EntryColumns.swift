internal import Foundation
internal import Model

/// The columns that an entry fills, as octets of UTF-8; the store adds sequence, run, time and the chain.
struct EntryColumns: Sendable {
    let kind: Data
    static let spawn = "spawn"
    static let exit = "exit"
    static let request = "request"
    static let replies = "replies"
    static let revocation = "revocation"
    static let approval = "approval"
    static let custody = "custody"
    static let renewal = "renewal"
    /// Nil for what no agent has done: then it is the supervisor's own run; empty for what a principal is told,
    /// and what is done about the log, which is of none.
    let run: Data?
    let agent: Data?
    let lineage: Data
    let ancestry: Data
    let verdict: Data?
    /// Canonical JSON: keys sorted, no white space, `/` not escaped.
    let payload: Data

    /// Of an entry whose texts are masked; its lineage is `lineage`, the parent's for a spawn that was refused, and what was said
    /// at each level of a request is `levels`, in JSON.
    init(_ entry: AuditEntry, _ lineage: LineageColumns?, levels: [UInt8] = []) {
        payload = Data(octets: entry.canonicalJSON(lineage, levels: levels))
        let (kind, verdict) = Self.words(of: entry)
        self.kind = Data(octets: kind)
        self.verdict = verdict.map { Data(octets: $0.rawValue) }
        agent = lineage?.agent
        run =
            switch entry {
            case .revocation, .custody: lineage?.run ?? Data()
            case .spawn, .spawnRefused, .exit, .request, .replies, .approval, .renewal: lineage?.run
            }
        self.lineage = lineage?.text ?? Data(TerminalText.escaped(Self.principal(of: entry)).utf8)
        ancestry = lineage?.ancestry ?? Data()
    }

    private static func words(of entry: AuditEntry) -> (kind: String, verdict: Effect?) {
        switch entry {
        case .spawn: (spawn, nil)
        case .spawnRefused: ("spawn-refused", .deny)
        case .exit: (exit, nil)
        case .request(let record): (request, record.verdict)
        case .replies: (replies, nil)
        case .revocation: (revocation, nil)
        case .approval: (approval, nil)
        case .custody: (custody, nil)
        case .renewal: (renewal, nil)
        }
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
