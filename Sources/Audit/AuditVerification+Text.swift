internal import Foundation

extension AuditVerification {
    /// The outcome in words.
    package func text(_ style: TextStyle) -> String {
        switch self {
        case .verified(let head):
            """
            \(style.verdict("allow", shownAs: "verified"))  \(head.records) records\(head.notes)
            head      \(head.hash)
            key       \(head.publicKey)
            """
        case .broken(let finding):
            "\(style.verdict("deny", shownAs: "broken"))  "
                + (finding.record.map { "first bad record: \($0)  " } ?? "")
                + "\(finding.code.rawValue): \(TerminalText.escaped(finding.message))"
        }
    }

    /// One JSON object: `verified`, and either the head or the finding; of a log in a fleet's database its key as `chain`.
    package func json(chain: String? = nil) throws -> String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        let report =
            switch self {
            case .verified(let head): Report(verified: true, head: head, finding: nil, chain: chain)
            case .broken(let finding): Report(verified: false, head: nil, finding: finding, chain: chain)
            }
        return TerminalText.escapedJSON(String(decoding: try encoder.encode(report), as: UTF8.self))
    }

    /// Nothing was changed, removed, inserted, reordered or cut.
    package var isVerified: Bool {
        if case .verified = self { true } else { false }
    }

    private struct Report: Encodable {
        let verified: Bool
        let head: VerifiedHead?
        let finding: AuditFinding?
        let chain: String?
    }
}

extension VerifiedHead {
    /// `, 400 of them pruned; 12 checkpoints agree, 1 line only begun and passed over`.
    fileprivate var notes: String {
        (pruned.map { ", \($0) of them pruned" } ?? "")
            + (checkpoints.map { "; \($0) checkpoint\($0 == 1 ? " agrees" : "s agree")" } ?? "")
            + (begunCheckpoints.map { ", \($0) line\($0 == 1 ? "" : "s") only begun and passed over" } ?? "")
    }
}
