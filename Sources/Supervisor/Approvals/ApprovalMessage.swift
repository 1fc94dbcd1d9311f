internal import Audit
internal import Client
internal import Model

/// What a webhook is told of questions of one agent by the same rules: the first, and a line of each of the others.
struct ApprovalMessage: Sendable {
    /// Questions in one message: with two blocks each they are below Slack's 50 (docs.slack.dev/reference/block-kit/blocks).
    static let most = 20

    struct Links: Sendable, Encodable {
        let approve: String
        let deny: String
    }

    /// One question.
    struct Item: Sendable {
        /// Masked.
        let held: HeldSummary
        /// When it is over.
        let expires: Timestamp
        /// Nil for whom no links are made.
        let links: Links?
    }

    let first: Item
    let others: [Item]
    let time: Timestamp

    private var held: HeldSummary { first.held }

    init(_ first: Item, others: [Item] = [], time: Timestamp) {
        (self.first, self.others, self.time) = (first, others, time)
    }

    func text(_ format: ApprovalPlan.Webhook.Format) throws -> String {
        switch format {
        case .json: try SentJSON.text(Plain(self))
        case .slack: try SentJSON.text(slack)
        }
    }

    /// `type`, `timestamp` and `data`, as Standard Webhooks has them.
    private struct Plain: Encodable {
        struct Further: Encodable {
            let id: String
            let action: String
            let resource: String
            let digest: String
            let expires: String
            let links: Links?
        }

        struct Content: Encodable {
            let request: HeldLine
            let ids: [String]
            let expires: String
            let links: Links?
            let others: [Further]
        }

        let type = "approval.asked"
        let timestamp: String
        let data: Content

        private enum CodingKeys: String, CodingKey { case type, timestamp, data }

        init(_ message: ApprovalMessage) {
            timestamp = message.time.text
            data = Content(
                request: HeldLine(message.held),
                ids: [message.held.id] + message.others.map(\.held.id),
                expires: message.first.expires.text,
                links: message.first.links,
                others: message.others.map { other in
                    Further(
                        id: other.held.id,
                        action: SlackMessage.shortened(other.held.action, longestLine),
                        resource: SlackMessage.shortened(other.held.resource, longestLine),
                        digest: other.held.digest,
                        expires: other.expires.text,
                        links: other.links
                    )
                }
            )
        }
    }

    /// Characters of a line about one of the others; the rest is behind its link, and in `bailey approvals`.
    private static let longestLine = 300

    private var slack: SlackMessage {
        let count = others.count + 1
        var slack = SlackMessage(
            "Bailey: agent \(held.agent) of \(held.principal) asks, "
                + (count == 1 ? "one question" : "\(count) questions") + "; until \(first.expires.text)"
        )
        slack.add(lines.joined(separator: "\n"), first.links)
        for other in others {
            let line = SlackMessage.shortened(Self.request(other.held), Self.longestLine)
            slack.add("\(other.held.id): \(line)", other.links)
        }
        return slack
    }

    /// For people, a line each, none of which an agent can end or begin.
    var lines: [String] {
        let more = others.isEmpty ? "" : ", and \(others.count) more like it"
        return [
            "Agent \(TerminalText.escaped(held.lineage.joined(separator: " > "))) of \(TerminalText.escaped(held.principal)) asks:",
            Self.request(held) + more,
        ] + rest
    }

    private static func request(_ held: HeldSummary) -> String {
        let line = TerminalText.escaped("\(held.action)\(held.query.map { "?\($0)" } ?? "") \(held.resource)")
        return held.command.isEmpty
            ? line : line + ": " + held.command.map(TerminalText.quoted).joined(separator: " ")
    }

    private var rest: [String] {
        held.demands.map { TerminalText.escaped($0) }
            + (held.octets > 0 ? ["\(held.octets) octets, SHA-256 \(held.content)"] : [])
            + (held.preview.isEmpty ? [] : ["begins: " + TerminalText.escaped(held.preview)])
            + ["until \(first.expires.text); in a terminal: bailey approvals approve \(held.id)"]
    }
}
