internal import Model

/// Replies that wait to be written together, one record for each agent.
struct WaitingReplies {
    private var records: [AgentID: RepliesRecord] = [:]
    private(set) var count = 0
    /// They are written with the next batch.
    var isDue = false

    mutating func add(_ record: RepliesRecord) {
        let agent = record.lineage.agent.agent
        if records[agent] == nil {
            records[agent] = record
        } else {
            records[agent]?.replies += record.replies
        }
        count += record.replies.count
        if count >= AuditLimits.repliesAtOnce { isDue = true }
    }

    /// Those of so many agents, when they are due.
    mutating func takeDue(atMost most: Int) -> [RepliesRecord] {
        guard isDue else { return [] }
        let due = records.values.prefix(most).map { record in
            RepliesRecord(
                lineage: record.lineage,
                replies: Array(record.replies.prefix(AuditLimits.repliesAtOnce))
            )
        }
        for record in due {
            let agent = record.lineage.agent.agent
            records[agent]?.replies.removeFirst(record.replies.count)
            if records[agent]?.replies.isEmpty == true { records[agent] = nil }
            count -= record.replies.count
        }
        isDue = !records.isEmpty
        return due
    }
}

extension AuditEntry {
    /// Whether what came of an agent's requests has to be written before.
    var mustFollowReplies: Bool {
        switch self {
        case .exit: true
        case .spawn, .spawnRefused, .request, .replies, .revocation, .approval: false
        }
    }
}
