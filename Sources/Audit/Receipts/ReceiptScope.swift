package import Model

/// Which launches, requests and revocations receipts are of.
///
/// The launches of a request's whole lineage always belong to it, and to those of a run or an agent the revocations of its
/// principal.
package enum ReceiptScope: Sendable, Hashable {
    case everything
    case run(String)
    /// The agent and everything below it.
    case agent(AgentID)
    /// One launch, request or revocation, by its sequence.
    case record(Int64)
}

/// How far an export is.
package struct ReceiptProgress: Sendable, Hashable {
    /// Records that were looked at, of how many.
    package internal(set) var looked: Int64 = 0
    package internal(set) var total: Int64 = 0
    /// What was written.
    package internal(set) var records = 0
    package internal(set) var seals = 0
}

/// An export that was refused: what it would have written does not verify.
package struct BrokenStore: Error, Sendable, CustomStringConvertible {
    package let finding: AuditFinding
    let path: String

    package var description: String {
        let place = finding.record.map { " at record \($0)" } ?? ""
        return
            "nothing is exported from here on: the audit store \(path) is broken\(place): \(finding.code.rawValue): "
            + "\(TerminalText.escaped(finding.message)). `bailey audit verify` looks through all of it; what was "
            + "written up to here is no receipt"
    }
}

/// A record of which there are no receipts.
package struct NoReceipt: Error, Sendable, CustomStringConvertible {
    let record: Int64
    /// Nil where there is no such record.
    let kind: String?

    package var description: String {
        let what =
            kind.map {
                "record \(record) is of kind \(TerminalText.escaped($0)), not a launch, a request or a revocation"
            }
            ?? "there is no record \(record)"
        return "\(what); `bailey audit` shows the records with their numbers"
    }
}
