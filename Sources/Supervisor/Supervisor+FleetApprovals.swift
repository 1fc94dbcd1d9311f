internal import Approvals
internal import Client
internal import Model

/// What waits for an approval on other machines of a fleet: shown and answered by whoever may here.
extension Supervisor {
    private static let unshared = "approvals.fleet in bailey.yaml names no other machine: docs/approvals.md"

    /// Answers with one request, of the list as it was when its beginning was asked for.
    func listFleet(after number: UInt64, to connection: ControlConnection) {
        guard let desk = desk(for: connection, parts: number == 0 ? Self.wholeLook : 1) else { return }
        guard number == 0 else { return listFleet(behind: number, to: connection) }
        let (id, mailbox) = (connection.id, mailbox)
        connection.isAnswering = true
        desk.list(for: nil) { result in
            mailbox.post(.fleetListed(id, result.map { $0.map(\.summary) }))
        }
    }

    func fleetListed(_ id: ConnectionID, _ result: Result<[HeldSummary], FleetDesk.Failure>) {
        guard let connection = connections[id] else { return }
        connection.isAnswering = false
        heard(connection)
        switch result {
        case .failure(let failure): refuse(connection, failure)
        case .success(let all):
            connection.fleet = all.enumerated().map { place, held in
                var held = held
                held.number = UInt64(place) + 1
                return held
            }
            listFleet(behind: 0, to: connection)
        }
    }

    private func listFleet(behind number: UInt64, to connection: ControlConnection) {
        guard let held = connection.fleet.first(where: { $0.number > number }) else {
            return reply(.held([], next: nil), to: connection)
        }
        let isLast = held.number >= UInt64(connection.fleet.count)
        reply(.held([held], next: isLast ? nil : held.number), to: connection)
        if isLast { connection.fleet = [] }
    }

    /// Shows all of a launch in parts, which is read once.
    func showFleet(_ id: String, from start: UInt64, to connection: ControlConnection) {
        guard let desk = desk(for: connection, parts: start == 0 ? Self.wholeLook : 1) else { return }
        guard start == 0 else { return showFleet(id, behind: start, to: connection) }
        let (number, mailbox) = (connection.id, mailbox)
        connection.isAnswering = true
        desk.show(id, to: nil) { mailbox.post(.fleetShown(number, id, $0)) }
    }

    func fleetShown(
        _ id: ConnectionID,
        _ question: String,
        _ result: Result<HeldSummary?, FleetDesk.Failure>
    ) {
        guard let connection = connections[id] else { return }
        connection.isAnswering = false
        heard(connection)
        switch result {
        case .failure(let failure): refuse(connection, failure)
        case .success(nil): reply(.answered(.unknown), to: connection)
        case .success(let held?):
            let whole = HeldWhole(command: held.command, details: held.details)
            connection.shown = (question, whole.bytes)
            showFleet(question, behind: 0, to: connection)
        }
    }

    private func showFleet(_ id: String, behind start: UInt64, to connection: ControlConnection) {
        guard let (shown, octets) = connection.shown, shown.isSame(as: id), start <= octets.count else {
            return reply(.answered(.unknown), to: connection)
        }
        let part = Array(octets[Int(start)...].prefix(HeldWhole.perAnswer))
        reply(.whole(octets: part, isLast: Int(start) + part.count == octets.count), to: connection)
    }

    /// Sends an answer to the machine that holds the question, as whoever gave it here.
    func answerFleet(_ order: ApprovalOrder, for connection: ControlConnection) {
        guard let desk = desk(for: connection, parts: 1) else { return }
        guard case .question(let question) = order.subject else {
            return reply(
                .answered(.refused("all of a rule's questions are denied on the machine that holds them")),
                to: connection
            )
        }
        let (id, mailbox, presence) = (connection.id, mailbox, connection.presence)
        let sent = FleetDesk.Order(
            question: question,
            approves: order.approves,
            life: order.life,
            reason: order.reason,
            isAwaited: { presence.isThere }
        )
        let isOwn = connection.approver == nil
        take(order, for: connection) { who in
            desk.answer(sent, by: who) { mailbox.post(.answered(id, $0.answer(toOwn: isOwn))) }
        }
    }

    /// Nil where there is none, or whoever asks may not look now.
    private func desk(for connection: ControlConnection, parts: Int) -> FleetDesk? {
        guard connection.caller == nil else {
            refuseAgent(connection)
            return nil
        }
        // Whoever sends the next one has not read what came of the last.
        guard !connection.isAnswering else {
            drop(connection)
            return nil
        }
        guard mayLook(connection, parts: parts) else { return nil }
        guard let fleet = channels.fleet else {
            refuse(connection, Self.unshared)
            return nil
        }
        fleet.start()
        return fleet.desk
    }

    private func refuse(_ connection: ControlConnection, _ failure: FleetDesk.Failure) {
        refuse(connection, connection.approver == nil ? failure.description : failure.words)
    }

    private func refuse(_ connection: ControlConnection, _ message: String) {
        reply(.refused(code: FrontEnd.launchFailed, message: message), to: connection)
        drop(connection)
    }
}

extension FleetDesk.Outcome {
    /// As whoever answered hears it: the supervisor's own user, or another.
    fileprivate func answer(toOwn isOwn: Bool) -> AnswerOutcome {
        switch self {
        case .said(let outcome): outcome
        case .mistaken(let words), .unheard(let words): .refused(words)
        case .failed(let failure): .refused(isOwn ? failure.description : failure.words)
        }
    }
}
