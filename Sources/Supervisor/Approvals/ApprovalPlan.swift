package import Credentials
package import Model

/// `approvals` of `bailey.yaml`: who is told of questions, and who may answer them besides the supervisor's own user.
package struct ApprovalPlan: Sendable {
    /// Octets of a secret or a token: from those of the hash that it is used with (RFC 2104 section 3) to a file by mistake.
    static let secretLength = 32...4_096
    /// Webhooks: each has a queue and a thread of its own.
    static let maximumWebhooks = 8
    /// Tokens: more people than answer for one machine.
    static let maximumTokens = 32

    /// Where `bailey serve` answers HTTP; nil for nowhere.
    package var listen: (address: IPAddress, port: UInt16)?
    /// What links begin with, `https://approvals.example.com`; nil for where it listens.
    package var url: WebAddress?
    package var tokens: [Token] = []
    package var webhooks: [Webhook] = []

    package init() {}

    /// Who has it may answer as that principal.
    package struct Token: Sendable {
        package let principal: Principal
        package let secret: OperatorSecret
    }

    /// Where questions are posted to.
    package struct Webhook: Sendable {
        package enum Format: String, Sendable, CaseIterable {
            case json, slack
        }

        package let address: WebAddress
        package let secret: OperatorSecret
        package let format: Format
        /// As whom the links in its messages answer; nil for messages without links.
        package let principal: Principal?

        /// How it is named to people: its path may be a secret.
        var name: String { "\(address.endpoint)" }
    }

    /// What of the machine holds its secrets.
    var secrets: [OperatorSecret] { tokens.map(\.secret) + webhooks.map(\.secret) }
}
