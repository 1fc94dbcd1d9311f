/// A message for an incoming webhook of Slack's (docs.slack.dev/messaging/sending-messages-using-incoming-webhooks).
///
/// `text` is for notifications, and has nothing that an agent wrote; `blocks` (docs.slack.dev/reference/block-kit/blocks) are for the
/// channel. What an agent wrote stands there in `plain_text` alone, which is shown as it is, and nothing that looks like a
/// link is fetched for a preview: whoever wrote it would hear of that, without a route.
struct SlackMessage: Encodable {
    struct Text: Encodable {
        /// Characters of a section's text that Slack takes.
        static let longest = 3_000
        let type = "plain_text"
        let emoji = false
        let text: String

        private enum CodingKeys: String, CodingKey { case type, emoji, text }

        init(_ text: String) { self.text = SlackMessage.shortened(text, Self.longest) }
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
    let unfurlsLinks = false
    let unfurlsMedia = false
    private(set) var blocks: [Block] = []

    private enum CodingKeys: String, CodingKey {
        case text, mrkdwn, blocks
        case unfurlsLinks = "unfurl_links"
        case unfurlsMedia = "unfurl_media"
    }

    init(_ text: String) { self.text = Self.escaped(Self.shortened(text, Self.longestText)) }

    /// A paragraph, and a button for each link.
    mutating func add(_ text: String, _ links: ApprovalMessage.Links?) {
        blocks.append(Block(type: "section", text: Text(text)))
        guard let links else { return }
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

    static func shortened(_ text: String, _ most: Int) -> String {
        text.unicodeScalars.count <= most
            ? text : String(String.UnicodeScalarView(text.unicodeScalars.prefix(most - 1))) + "…"
    }
}
