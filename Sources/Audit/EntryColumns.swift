internal import Foundation
internal import Model

/// The columns that an entry fills; the store adds sequence, run, time and the chain.
struct EntryColumns: Sendable {
    let kind: String
    /// Nil for what no agent has done: then it is the supervisor's own run.
    let run: String?
    let agent: String?
    let lineage: String
    let ancestry: String
    let verdict: String?
    /// Canonical JSON: keys sorted, no white space, `/` not escaped.
    let payload: Data

    init(_ entry: AuditEntry) {
        payload = Data(entry.canonicalJSON)
        let lineage: Lineage?
        switch entry {
        case .spawn(let record):
            (kind, verdict, lineage) = ("spawn", nil, record.lineage)
        case .spawnRefused(let record):
            (kind, verdict, lineage) = ("spawn-refused", Effect.deny.rawValue, record.parent)
        case .exit(let record):
            (kind, verdict, lineage) = ("exit", nil, record.lineage)
        case .request(let record):
            (kind, verdict, lineage) = ("request", record.verdict.rawValue, record.lineage)
        }
        agent = lineage?.agent.agent.text
        run = lineage?.agent.agent.run
        self.lineage = TerminalText.escaped(lineage?.description ?? Self.principal(of: entry))
        ancestry = lineage.map { $0.hops.map { "/" + $0.agent.text }.joined() + "/" } ?? ""
    }

    private static func principal(of entry: AuditEntry) -> String {
        if case .spawnRefused(let record) = entry { record.principal.subject } else { "" }
    }
}
