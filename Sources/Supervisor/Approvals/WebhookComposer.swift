internal import Approvals
internal import Audit
internal import Client
internal import Model

/// Writes what one webhook is told.
struct WebhookComposer: Sendable {
    let format: ApprovalPlan.Webhook.Format
    let approvals: ApprovalQueue
    let audit: AuditStore
    /// What is asked, masked.
    let summary: @Sendable (OpenQuestion) -> HeldSummary
    /// Nil for whom no links are made.
    let links: ApprovalLinks?
    /// Of the webhook.
    let number: Int

    /// About those of these that wait still; nil where none does.
    func asked(_ ids: [String]) throws -> SentNotice? {
        let questions = ids.prefix(ApprovalMessage.most).compactMap { approvals.open(named: $0) }
        guard let first = questions.first else { return nil }
        let time = AuditStore.wallClock()
        let all = questions.map { question in
            let expires = Self.end(of: question, from: time)
            return ApprovalMessage.Item(
                held: summary(question),
                expires: expires,
                links: links?.links(question.id, question.held.digest, expires: expires, webhook: number)
            )
        }
        let message = ApprovalMessage(all[0], others: Array(all.dropFirst()), time: time)
        return SentNotice(id: "approval-\(first.id)", body: try message.text(format), first: first.id)
    }

    /// About these, which are over; nil for none.
    func over(_ questions: [ClosedQuestion]) throws -> SentNotice? {
        guard let first = questions.first else { return nil }
        let message = ClosedMessage(
            agent: first.held.agent.text,
            lines: questions.map { ClosedMessage.Line($0, masked: audit.masked(_:)) },
            time: AuditStore.wallClock()
        )
        return SentNotice(id: "approval-\(first.id)-ended", body: try message.text(format), first: first.id)
    }

    private static func end(of question: OpenQuestion, from time: Timestamp) -> Timestamp {
        let left = Int64(clamping: question.left)
        return Timestamp(milliseconds: time.milliseconds.addingReportingOverflow(left).partialValue)
    }
}
