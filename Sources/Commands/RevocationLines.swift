internal import Audit
internal import Client
internal import Model
internal import Supervisor

/// `bailey revoke --json`: what was done.
struct RevocationLine: JSONLine {
    let subject: String
    let reason: String?
    /// That were cut off.
    let agents: Int
    let keptRunning: Bool
    let recorded: Bool
    /// Since when.
    let time: String

    init(_ subject: RevocationSubject, _ order: RevocationOrder, _ agents: Int, isRecorded: Bool) {
        self.subject = subject.description
        reason = order.reason
        self.agents = agents
        keptRunning = order.keepsRunning
        recorded = isRecorded
        time = order.time.text
    }
}

/// `bailey revoke --lift --json`.
struct LiftLine: JSONLine {
    let principal: String
    let reason: String?
}

/// One line of `bailey revoke --list --json`.
struct RevokedLine: JSONLine {
    let principal: String
    let by: String
    let time: String
    let reason: String?

    init(_ revocation: Revocation) {
        (principal, by, reason) = (revocation.principal, revocation.by, revocation.reason)
        time = revocation.time.text
    }
}

/// What is printed as an object of its own.
protocol JSONLine: Encodable {}

extension JSONLine {
    /// One JSON object in a line, its keys sorted, that steers no terminal.
    func json() throws -> String { try SentJSON.text(self) }
}
