internal import Audit
internal import Client
internal import Model

/// What a webhook is told of questions of one agent by the same rules: the first, and how many more there are.
struct ApprovalMessage: Sendable {
    /// Masked.
    let held: HeldSummary
    /// Ids of all, of the one that is shown too.
    let ids: [String]
    let time: Timestamp
    /// When the first is over.
    let expires: Timestamp
    /// Nil for whom no links are made.
    let links: (approve: String, deny: String)?

    func text(_ format: ApprovalPlan.Webhook.Format) throws -> String {
        switch format {
        case .json: try SentJSON.text(Plain(self))
        case .slack: try SentJSON.text(Slack(self))
        }
    }

    /// `type`, `timestamp` and `data`, as Standard Webhooks has them.
    private struct Plain: Encodable {
        struct Links: Encodable {
            let approve: String
            let deny: String
        }

        struct Content: Encodable {
            let request: HeldLine
            let ids: [String]
            let expires: String
            let links: Links?
        }

        let type = "approval.asked"
        let timestamp: String
        let data: Content

        private enum CodingKeys: String, CodingKey { case type, timestamp, data }

        init(_ message: ApprovalMessage) {
            timestamp = message.time.text
            data = Content(
                request: HeldLine(message.held),
                ids: message.ids,
                expires: message.expires.text,
                links: message.links.map { Links(approve: $0.approve, deny: $0.deny) }
            )
        }
    }

    /// A message for an incoming webhook of Slack's (docs.slack.dev/messaging/sending-messages-using-incoming-webhooks).
    ///
    /// `text` is for notifications, `blocks` (docs.slack.dev/reference/block-kit/blocks) for the channel. What an agent wrote stands
    /// there in `plain_text` alone, which is shown as it is.
    private struct Slack: Encodable {
        struct Text: Encodable {
            /// Characters of a section's text that Slack takes.
            static let longest = 3_000
            let type = "plain_text"
            let emoji = false
            let text: String

            private enum CodingKeys: String, CodingKey { case type, emoji, text }

            init(_ text: String) { self.text = Slack.shortened(text, Self.longest) }
        }

        struct Element: Encodable {
            let type: String
            let text: Text
            let url: String
        }

        struct Block: Encodable {
            let type: String
            var text: Text?
            var elements: [Element]?
        }

        /// Characters of `text`, which is cut off beyond.
        private static let longestText = 1_000

        let text: String
        let mrkdwn = false
        let blocks: [Block]

        private enum CodingKeys: String, CodingKey { case text, mrkdwn, blocks }

        init(_ message: ApprovalMessage) {
            let lines = message.lines
            text = Self.escaped(Self.shortened(lines.prefix(2).joined(separator: "\n"), Self.longestText))
            var blocks = [Block(type: "section", text: Text(lines.joined(separator: "\n")))]
            if let links = message.links {
                blocks.append(
                    Block(
                        type: "actions",
                        elements: [
                            Element(type: "button", text: Text("Approve…"), url: links.approve),
                            Element(type: "button", text: Text("Deny…"), url: links.deny),
                        ]
                    )
                )
            }
            self.blocks = blocks
        }

        /// The three characters that Slack has a meaning for (docs.slack.dev/messaging/formatting-message-text, "Escaping text").
        private static func escaped(_ text: String) -> String {
            text.unicodeScalars.reduce(into: "") { shown, scalar in
                switch scalar {
                case "&": shown += "&amp;"
                case "<": shown += "&lt;"
                case ">": shown += "&gt;"
                default: shown.unicodeScalars.append(scalar)
                }
            }
        }

        private static func shortened(_ text: String, _ most: Int) -> String {
            text.unicodeScalars.count <= most
                ? text : String(String.UnicodeScalarView(text.unicodeScalars.prefix(most - 1))) + "…"
        }
    }

    /// For people, a line each, none of which an agent can end or begin.
    var lines: [String] {
        let more = ids.count > 1 ? ", and \(ids.count - 1) more like it" : ""
        return [
            "Agent \(TerminalText.escaped(held.lineage.joined(separator: " > "))) of \(TerminalText.escaped(held.principal)) asks:",
            request + more,
        ] + rest
    }

    private var request: String {
        let line = TerminalText.escaped("\(held.action)\(held.query.map { "?\($0)" } ?? "") \(held.resource)")
        return held.command.isEmpty
            ? line : line + ": " + held.command.map(TerminalText.quoted).joined(separator: " ")
    }

    private var rest: [String] {
        held.demands.map { TerminalText.escaped($0) }
            + (held.octets > 0 ? ["\(held.octets) octets, SHA-256 \(held.content)"] : [])
            + (held.preview.isEmpty ? [] : ["begins: " + TerminalText.escaped(held.preview)])
            + ["until \(expires.text); in a terminal: bailey approvals approve \(held.id)"]
    }
}
