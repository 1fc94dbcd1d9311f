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
            records[agent]?.add(record)
        }
        count += record.count
        if count >= AuditLimits.repliesAtOnce { isDue = true }
    }

    /// Those of so many agents, when they are due.
    mutating func takeDue(atMost most: Int) -> [RepliesRecord] {
        guard isDue else { return [] }
        var due: [RepliesRecord] = []
        for record in records.values where due.count < most {
            due.append(
                RepliesRecord(
                    lineage: record.lineage,
                    replies: Array(record.replies.prefix(AuditLimits.repliesAtOnce)),
                    evidence: record.evidence.map { Array($0.prefix(AuditLimits.repliesAtOnce)) }
                )
            )
        }
        for record in due {
            let agent = record.lineage.agent.agent
            records[agent]?.remove(record)
            if records[agent]?.count == 0 { records[agent] = nil }
            count -= record.count
        }
        isDue = !records.isEmpty
        return due
    }
}

extension RepliesRecord {
    fileprivate var count: Int {
        (evidence ?? []).reduce(replies.count) { $0 + $1.connections.count }
    }

    /// Connections of one process are one piece of evidence.
    fileprivate mutating func add(_ record: RepliesRecord) {
        replies += record.replies
        guard let more = record.evidence else { return }
        var evidence = evidence ?? []
        for piece in more {
            if let index = evidence.lastIndex(where: { $0.agrees(with: piece) }) {
                evidence[index].connections += piece.connections
            } else {
                evidence.append(piece)
            }
        }
        self.evidence = evidence
    }

    /// Takes off what was taken of its beginning.
    fileprivate mutating func remove(_ taken: RepliesRecord) {
        replies.removeFirst(taken.replies.count)
        let rest = evidence?.dropFirst(taken.evidence?.count ?? 0) ?? []
        evidence = rest.isEmpty ? nil : Array(rest)
    }
}

extension AuditEntry {
    /// Whether what came of an agent's requests has to be written before.
    var mustFollowReplies: Bool {
        switch self {
        case .exit: true
        case .spawn, .spawnRefused, .request, .replies, .revocation, .approval, .custody, .renewal: false
        }
    }
}
