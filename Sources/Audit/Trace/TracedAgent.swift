internal import Model

// What becomes of an agent's records; what finds no place is counted.
extension TracedAgent {
    init(_ spawn: SpawnRecord, _ time: Timestamp, isAbove: Bool) {
        let hop = spawn.lineage.agent
        self.init(
            agent: hop.agent,
            parent: spawn.lineage.ancestors.last?.agent,
            name: hop.name,
            profile: hop.profile,
            profileDigest: hop.profileDigest,
            spiffe: spawn.spiffe,
            argv: spawn.argv.shortened,
            replayed: spawn.replayed,
            program: spawn.program,
            programDigest: spawn.programDigest,
            started: time,
            isAbove: isAbove
        )
    }

    mutating func add(_ reply: Reply) {
        let place = requests.firstIndex {
            $0.verdict.isSame(as: Effect.allow.rawValue) && $0.action.isSame(as: reply.action)
                && $0.resource.isSame(as: reply.resource)
        }
        guard let place else { return }
        requests[place].sent &+= reply.sent
        requests[place].received &+= reply.received
    }

    mutating func add(_ process: ProcessEvidence, connections: Int) {
        let argv = process.argv.shortened
        let place = processes.firstIndex {
            $0.program == process.program && $0.programDigest == process.programDigest && $0.argv == argv
        }
        if let place {
            processes[place].connections += connections
        } else if processes.count < Self.most {
            processes.append(
                TracedProcess(
                    program: process.program,
                    programDigest: process.programDigest,
                    argv: argv,
                    connections: connections
                )
            )
        } else {
            unlistedConnections += connections
        }
    }

    mutating func add(masked counts: [String: UInt64]) {
        for (what, count) in counts {
            if masked[what] != nil || masked.count < Self.most {
                masked[what, default: 0] &+= count
            } else {
                unlistedMasks += 1
            }
        }
    }

    /// Answers have places of their own: an agent asks as often as it likes.
    mutating func add(_ approval: ApprovalRecord, _ time: Timestamp) {
        let isAnswer = approval.event.isAnswer
        guard approvals.count(where: { $0.event.isAnswer == isAnswer }) < Self.most else {
            unlistedApprovals += 1
            return
        }
        approvals.append(
            TracedAnswer(
                question: approval.question,
                event: approval.event,
                action: approval.action,
                resource: approval.resource,
                by: approval.by?.subject,
                reason: approval.reason,
                time: time
            )
        )
    }
}

extension ApprovalRecord.Event {
    /// What an approver said, and it counts.
    fileprivate var isAnswer: Bool {
        switch self {
        case .seconded, .approved, .denied: true
        case .asked, .unanswered, .void, .refused: false
        }
    }
}

extension [String] {
    /// A command line as far as a trace has room for it.
    var shortened: [String] {
        var room = TracedAgent.mostOctets
        let kept = prefix { argument in
            room -= argument.utf8.count
            return room >= 0
        }
        return kept.count == count ? self : Array(kept) + ["[\(count - kept.count) more arguments]"]
    }
}
