internal import Approvals
internal import Audit
internal import Client
internal import Dispatch
internal import Identity
internal import Linux
internal import Model

/// Questions that rules ask: shown to the user, and answered by the user alone.
extension Supervisor {
    /// Milliseconds between two lines on the user's terminal about what one run's agents ask.
    private static let noticePause: UInt64 = 5_000
    /// Octets of a request's line in one.
    private static let noticedLine = 120

    /// A question waits for an answer: it is over at its time, and whoever watches the run hears of it.
    func asked(_ question: OpenQuestion) {
        heed(Poller.now().addingReportingOverflow(question.left).partialValue)
        channels.tell(question)
        guard let agent = agents[question.held.agent] else { return }
        let root = agent.root
        let now = Poller.now()
        guard let connection = connections[root.frontEnd], connection.caller == nil,
            root.noticed.map({ now - min(now, $0) >= Self.noticePause }) ?? true
        else { return }
        root.noticed = now
        let line =
            TerminalText.escaped("\(question.held.action) \(question.held.resource)")
            + (question.held.launch.map { ": " + $0.argv.map(TerminalText.quoted).joined(separator: " ") }
                ?? "")
        let shown =
            line.utf8.count > Self.noticedLine
            ? String(decoding: line.utf8.prefix(Self.noticedLine), as: UTF8.self) + "…" : line
        let words =
            "agent \(TerminalText.escaped(question.held.lineage.agent.name)) asks for: \(shown); in another terminal: "
            + "bailey approvals approve \(question.id) (or deny; 'bailey approvals' shows all)"
        // One that is stopped and reads nothing misses it, and loses nothing else.
        try? connection.channel.send(ControlReply.notice(words).bytes)
    }

    /// Answers with one part: whoever asks reads it before asking for the next, and is waited for by nobody.
    func listHeld(after number: UInt64, to connection: ControlConnection) {
        guard connection.caller == nil else { return refuseAgent(connection) }
        guard mayLook(connection) else { return }
        let rest = approvals.open(after: number)
        let part = rest.prefix(HeldSummary.perAnswer)
        let next = part.count < rest.count ? part.last?.number : nil
        let shown = part.map { question in
            // Of another user's terminal nothing is known; of what a webhook is, it need not know.
            guard connection.approver == nil else { return HeldSummary(question, HeldMask(audit)) }
            var held = HeldSummary(question)
            held.told = channels.told(of: question.id)
            return held
        }
        reply(.held(shown, next: next), to: connection)
    }

    /// Shows all of a launch in parts, as `listHeld` shows a list; for one connection it is put together once.
    func showHeld(_ id: String, from start: UInt64, to connection: ControlConnection) {
        guard connection.caller == nil else { return refuseAgent(connection) }
        if start == 0 {
            guard let question = approvals.open(named: id) else {
                connection.shown = nil
                return mayLook(connection) ? reply(.answered(.unknown), to: connection) : ()
            }
            let isAtHand = connection.shown.map { $0.id.isSame(as: id) } ?? false
            guard mayLook(connection, parts: isAtHand ? 1 : Self.wholeLook) else { return }
            if !isAtHand {
                let held = HeldSummary(whole: question, connection.approver == nil ? nil : HeldMask(audit))
                connection.shown = (id, HeldWhole(command: held.command, details: held.details).bytes)
            }
        } else if !mayLook(connection) {
            return
        }
        guard let (shown, octets) = connection.shown, shown.isSame(as: id), start <= octets.count else {
            return reply(.answered(.unknown), to: connection)
        }
        let part = Array(octets[Int(start)...].prefix(HeldWhole.perAnswer))
        let isLast = Int(start) + part.count == octets.count
        reply(.whole(octets: part, isLast: isLast), to: connection)
    }

    /// Takes an answer of the user's, or of one who may answer; no agent has one.
    func answer(_ order: ApprovalOrder, for connection: ControlConnection) {
        let (id, mailbox, approvals) = (connection.id, mailbox, approvals)
        take(order, for: connection) { who in
            Self.answer(order, by: who, to: approvals) { mailbox.post(.answered(id, $0)) }
        }
    }

    /// Finds out who answers, which calls back on another thread; not where they may not.
    func take(
        _ order: ApprovalOrder,
        for connection: ControlConnection,
        then: @escaping @Sendable (Answerer) -> Void
    ) {
        guard connection.caller == nil,
            let peer = connection.approver ?? SocketPeer(of: connection.channel.descriptor)
        else { return refuseAgent(connection) }
        // Whoever sends the next one has not read what came of the last.
        guard !connection.isAnswering else { return drop(connection) }
        guard mayAnswer(connection) else { return }
        connection.isAnswering = true
        if connection.approver != nil, case .rule = order.subject {
            let why = "all of a rule's questions are the supervisor's own user's to deny"
            return answered(connection.id, .refused(why))
        }
        if let failure = configuration.machine.approvals.failure {
            return answered(
                connection.id,
                .refused("who is whom is not known here: of bailey.yaml \(failure)")
            )
        }
        let via = connection.approver == nil ? nil : "socket"
        let (id, mailbox, plan) = (connection.id, mailbox, configuration.machine.approvals)
        // Names take a while, of many groups; the user's own answers wait for nobody else's.
        (connection.approver == nil ? Self.own : Self.others).async {
            do throws(LookupFailure) {
                let who = Answerer(
                    plan.identity(
                        try LocalUser.principal(of: peer.user),
                        groups: Self.groups.names(of: peer.groups)
                    ),
                    program: PathText.target(of: "/proc/\(peer.process)/exe"),
                    process: peer.process,
                    via: via
                )
                then(who)
            } catch {
                // By the number alone they would be somebody else, whom nobody has revoked.
                mailbox.post(.answered(id, .refused("who answers is not known: \(error)")))
            }
        }
    }

    private static let own = DispatchQueue(label: "bailey.approvers.own")
    private static let others = DispatchQueue(label: "bailey.approvers.names")
    private static let groups = GroupNames(now: { Poller.now() }, lookUp: { LocalGroup.name(of: $0) })

    private static func answer(
        _ order: ApprovalOrder,
        by who: Answerer,
        to approvals: ApprovalQueue,
        then: @escaping @Sendable (AnswerOutcome) -> Void
    ) {
        switch (order.subject, order.approves) {
        case (.question(let question), true):
            approvals.approve(question, for: order.life, reason: order.reason, by: who, then: then)
        case (.question(let question), false):
            approvals.deny(.question(question), reason: order.reason, by: who, then: then)
        case (.rule(let rule), false): approvals.deny(.rule(rule), reason: order.reason, by: who, then: then)
        case (.rule, true): then(.refused("each request is approved by itself"))
        }
    }

    /// An answer has taken effect, or will not.
    func answered(_ id: ConnectionID, _ outcome: AnswerOutcome) {
        guard let connection = connections[id] else { return }
        connection.isAnswering = false
        heard(connection)
        reply(.answered(AnswerReply(outcome)), to: connection)
    }
}

extension AnswerReply {
    fileprivate init(_ outcome: AnswerOutcome) {
        self =
            switch outcome {
            case .done(let count): .done(Int32(clamping: count))
            case .seconded(let missing): .seconded(missing: Int32(clamping: missing))
            case .unknown: .unknown
            case .refused(let why): .refused(why)
            case .unrecorded(let failure): .unrecorded("\(failure)")
            }
    }
}
