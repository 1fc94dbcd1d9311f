internal import Approvals
internal import Audit
internal import Client
internal import Model

/// What a webhook is told of questions that are over, of which it was told: how they ended, by whom, and why.
struct ClosedMessage: Sendable {
    /// One of them, masked.
    struct Line: Sendable, Encodable {
        let id: String
        let digest: String
        /// `approved`, `denied`, `unanswered`, `void`.
        let outcome: String
        let by: String?
        let via: String?
        let reason: String?
        /// What an approval is good for.
        let life: String?

        init(_ question: ClosedQuestion, masked: (String) -> String) {
            (id, digest) = (question.id, question.held.digest)
            outcome = question.outcome.rawValue
            (by, via) = (question.by?.principal.subject, question.by?.via)
            reason = question.reason.map(masked)
            life = question.life?.description
        }

        /// For people; none of whom it quotes can end or begin one.
        fileprivate var text: String {
            let words =
                "\(id) \(outcome == ApprovalRecord.Event.unanswered.rawValue ? "was not answered" : "is \(outcome)")"
            return words
                + TerminalText.escaped(
                    (by.map { " by \($0)" } ?? "") + (life.map { ", for \($0)" } ?? "")
                        + (reason.map { ": \($0)" } ?? "")
                )
        }
    }

    let agent: String
    let lines: [Line]
    let time: Timestamp

    func text(_ format: ApprovalPlan.Webhook.Format) throws -> String {
        switch format {
        case .json: return try SentJSON.text(Plain(self))
        case .slack:
            var slack = SlackMessage(
                "Bailey: what agent \(agent) asked is over: "
                    + lines.map { "\($0.id) \($0.outcome)" }.joined(separator: ", ")
            )
            slack.add(lines.map(\.text).joined(separator: "\n"), nil)
            return try SentJSON.text(slack)
        }
    }

    /// `type`, `timestamp` and `data`, as Standard Webhooks has them.
    private struct Plain: Encodable {
        struct Content: Encodable {
            let agent: String
            let ended: [Line]
        }

        let type = "approval.ended"
        let timestamp: String
        let data: Content

        private enum CodingKeys: String, CodingKey { case type, timestamp, data }

        init(_ message: ClosedMessage) {
            timestamp = message.time.text
            data = Content(agent: message.agent, ended: message.lines)
        }
    }
}
