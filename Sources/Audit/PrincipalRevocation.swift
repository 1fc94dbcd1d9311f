internal import GRDB
package import Model

/// That a principal was cut off, or that it is so no more.
package struct PrincipalRevocation: Sendable, Hashable, Codable {
    package let principal: String
    /// The principal who said so.
    package let by: String
    package let reason: String?
    package let time: Timestamp
    /// How many agents lived that it cut off.
    package let agents: Int
    package let keptRunning: Bool
    package let isLifted: Bool
    /// Its number.
    package let record: Int64

    /// Nil for a record of anything else.
    fileprivate init?(_ record: AuditRecord) {
        guard case .revocation(let revocation) = record.entry, revocation.lineage == nil else { return nil }
        principal = revocation.principal
        by = revocation.by.subject
        reason = revocation.reason
        time = record.time
        agents = revocation.agents
        keptRunning = revocation.keptRunning
        isLifted = revocation.isLifted
        self.record = record.sequence
    }
}

extension PrincipalRevocation {
    /// `revoked  2026-11-27T13:08:00.000Z by user:alice, 3 agents ended: left  record 187`.
    func line(_ style: TextStyle) -> String {
        let fate = "\(agents) agent\(agents == 1 ? "" : "s") " + (keptRunning ? "kept running" : "ended")
        return (isLifted ? "lifted" : "revoked") + "  \(time.text) by \(TerminalText.escaped(by))"
            + (isLifted ? "" : ", " + fate) + (reason.map { ": " + TerminalText.escaped($0) } ?? "") + "  "
            + style.faint("record \(record)")
    }
}

extension AuditReader {
    /// What was said of one principal, by the octets of its subject, in order.
    func revocations(of subject: String) throws -> [PrincipalRevocation] {
        try revocations("AND lineage = ?", [TerminalText.escaped(subject)])
            .filter { $0.principal.isSame(as: subject) }
    }

    /// Those of all principals that cut somebody off, in order: as many as operators have said.
    func cutOffs() throws -> CutOffs { CutOffs(try revocations("", [])) }

    private func revocations(
        _ narrowed: String,
        _ arguments: StatementArguments
    ) throws
        -> [PrincipalRevocation]
    {
        var found: [PrincipalRevocation] = []
        let sql =
            "SELECT \(AuditRecord.columns) FROM records WHERE \(Schema.isOfPrincipal) \(narrowed) ORDER BY sequence"
        try each(sql, arguments) { record in
            if let revocation = PrincipalRevocation(record) { found.append(revocation) }
        }
        return found
    }
}

/// Revocations of principals that cut agents off, taken as the records of a run are read.
struct CutOffs: Sendable {
    private let all: [PrincipalRevocation]
    private var next = 0

    init(_ revocations: [PrincipalRevocation] = []) {
        all = revocations.filter { !$0.isLifted && $0.agents > 0 }
    }

    /// Those that stand before a record and were not taken yet; nil takes the rest.
    mutating func take(before record: Int64?) -> ArraySlice<PrincipalRevocation> {
        let begin = next
        while next < all.count, record.map({ all[next].record < $0 }) ?? true { next += 1 }
        return all[begin..<next]
    }
}
