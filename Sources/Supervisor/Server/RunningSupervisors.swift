package import Client
internal import Glibc
internal import Linux
internal import Model

/// The supervisors of this user that run now: that of `bailey serve`, and one for each `bailey run` that stands alone.
package enum RunningSupervisors {
    /// Milliseconds that all of them together may take to answer: one may be launching a burst of agents.
    private static let patience: UInt64 = 5_000
    /// The same of one that asks a database and waits for another machine: as long as that takes at most, and 5 s for what it does
    /// before.
    private static let fleetPatience = FleetDesk.sending + FleetDesk.patience + 5_000

    /// What was heard of them.
    package struct Answer<Value: Sendable>: Sendable {
        package var value: Value
        /// Why nothing was heard of some, each with its name; nobody's matters where an id was asked for, and whose it is has answered.
        package var silent: [String] = []
    }

    /// Every live agent of all supervisors that answer, parents before their children.
    ///
    /// - Parameter state: the state directory that they have; nil for all of this user that are found.
    /// - Returns: the agents, and who was not heard.
    package static func agents(of state: String? = nil) -> Answer<[AgentSummary]> {
        var agents = Answer<[AgentSummary]>(value: [])
        ask(.list(after: 0), of: state, &agents.silent) { channel, deadline throws(ControlError) in
            // One that ended before it was heard has no agents.
            var reply = try answer(on: channel, until: deadline)
            while let heard = reply {
                guard case .agents(let part, let next) = heard else { throw unexpected }
                agents.value += part
                guard let next else { return }
                try channel.send(ControlRequest.list(after: next).bytes)
                reply = try answer(on: channel, until: deadline)
                if reply == nil { throw ControlError("it ended in the middle of its list") }
            }
        }
        return agents
    }

    /// Ends an agent and all below it.
    ///
    /// - Parameter agent: its id.
    /// - Returns: how many agents that are; 0 when none that answers has this id.
    package static func end(_ agent: String) -> Answer<Int> {
        var ended = Answer(value: 0)
        ask(.end(agent: agent), &ended.silent) { channel, deadline throws(ControlError) in
            // An id is one supervisor's: when that has answered, the rest need not be waited for.
            guard ended.value == 0, let reply = try answer(on: channel, until: deadline) else { return }
            guard case .ending(let count) = reply else { throw unexpected }
            ended.value += Int(count)
        }
        return ended
    }

    /// Agents that were cut off, and why that is not on record where it was not written.
    package struct Revoked: Sendable {
        package var agents = 0
        package var failure: String?
    }

    /// Cuts off an agent with all below it, or a principal with all its agents, in every supervisor.
    ///
    /// - Parameters:
    ///   - order: whom, and what becomes of their processes.
    ///   - state: the state directory that they have; where it is the environment's, all of this user that are found.
    ///   - isFirst: whether they are asked once more, so that those that are not reached at once are not waited for now.
    /// - Returns: how many agents that are, and who was not heard.
    package static func revoke(
        _ order: RevocationOrder,
        of state: String,
        isFirst: Bool = false
    ) -> Answer<Revoked> {
        var revoked = Answer(value: Revoked())
        let patience = isFirst ? SupervisorSearch.shortPatience : SupervisorSearch.patience
        ask(.revoke(order), of: state, patience: patience, &revoked.silent) {
            channel,
            deadline throws(ControlError) in
            // An agent's id is one supervisor's: when that has answered, the rest need not be waited for.
            if case .agent = order.subject, revoked.value.agents > 0 { return }
            // One that ended before it was heard has no agents.
            guard let reply = try answer(on: channel, until: deadline) else { return }
            guard case .revoked(let count, let failure) = reply else { throw unexpected }
            revoked.value.agents += Int(count)
            revoked.value.failure = revoked.value.failure ?? failure
        }
        if case .agent = order.subject, revoked.value.agents > 0 { revoked.silent = [] }
        return revoked
    }

    /// What waits for an approval with the supervisors at a place.
    package static func held(at place: ApprovalPlace = ApprovalPlace()) -> Answer<[HeldSummary]> {
        var held = Answer<[HeldSummary]>(value: [])
        let more = place.isFleet ? ControlRequest.listFleet : ControlRequest.listHeld
        ask(more(0), at: place, &held.silent) { channel, deadline throws(ControlError) in
            var reply = try answer(on: channel, until: deadline)
            if reply == nil, place.isOne { throw turnedAway }
            while let heard = reply {
                guard case .held(let part, let next) = heard else { throw unexpected }
                held.value += part
                guard let next else { return }
                try channel.send(more(next).bytes)
                reply = try answer(on: channel, until: deadline)
                if reply == nil { throw ControlError("it ended in the middle of its list") }
            }
        }
        return held
    }

    /// All of a launch that waits for an approval; nil where nothing of that name does.
    package static func whole(_ id: String, at place: ApprovalPlace = ApprovalPlace()) -> Answer<HeldWhole?> {
        var found = Answer<HeldWhole?>(value: nil)
        let more = place.isFleet ? ControlRequest.showFleet : ControlRequest.showHeld
        ask(more(id, 0), at: place, &found.silent) { channel, deadline throws(ControlError) in
            var octets: [UInt8] = []
            while let reply = try answer(on: channel, until: deadline) {
                guard case .whole(let part, let isLast) = reply else {
                    guard reply == .answered(.unknown), octets.isEmpty else { throw unexpected }
                    return
                }
                octets += part
                guard octets.count <= HeldWhole.longest, isLast || !part.isEmpty else { throw unexpected }
                guard !isLast else {
                    found.value = try HeldWhole(bytes: octets)
                    return
                }
                try channel.send(more(id, UInt64(octets.count)).bytes)
            }
            if place.isOne || !octets.isEmpty { throw turnedAway }
        }
        if found.value != nil { found.silent = [] }
        return found
    }

    /// Approves or denies what waits; what each supervisor said that knew of it.
    package static func answer(
        _ order: ApprovalOrder,
        at place: ApprovalPlace = ApprovalPlace()
    ) -> Answer<[AnswerReply]> {
        var answers = Answer<[AnswerReply]>(value: [])
        let request = place.isFleet ? ControlRequest.answerFleet(order) : .answer(order)
        ask(request, at: place, &answers.silent) { channel, deadline throws(ControlError) in
            guard let reply = try answer(on: channel, until: deadline) else {
                guard !place.isOne else { throw turnedAway }
                return
            }
            guard case .answered(let said) = reply else { throw unexpected }
            if said != .unknown { answers.value.append(said) }
        }
        if case .question = order.subject, !answers.value.isEmpty { answers.silent = [] }
        return answers
    }

    private static let turnedAway = ControlError(
        "it ended the connection: it has ended itself, or hears nobody from where this process is, as in a container, nor the user "
            + "who has the number of all who have none (nobody, 65534)"
    )
    private static let unexpected = ControlError("an answer to another question: is it of another version?")

    /// Asks all before it waits for any: one that does not answer costs the others nothing.
    private static func ask(
        _ request: ControlRequest,
        of state: String? = nil,
        at place: ApprovalPlace = ApprovalPlace(),
        patience search: UInt64 = SupervisorSearch.patience,
        _ silent: inout [String],
        _ read: (ControlChannel, _ deadline: UInt64) throws(ControlError) -> Void
    ) {
        if place.isOne { return ask(request, ofOneAt: place, &silent, read) }
        let call = SupervisorCall.make(request.bytes, to: SupervisorPlaces(of: state), patience: search)
        silent += call.silent
        let deadline = Poller.now() + patience
        for asked in call.asked {
            do throws(ControlError) {
                try read(asked.channel, deadline)
            } catch {
                silent.append("\(asked.description) does not answer, and is left out: \(error.message)")
            }
        }
    }

    /// The same of the one that answers other users, or knows what waits on other machines.
    private static func ask(
        _ request: ControlRequest,
        ofOneAt place: ApprovalPlace,
        _ silent: inout [String],
        _ read: (ControlChannel, _ deadline: UInt64) throws(ControlError) -> Void
    ) {
        do {
            let channel = ControlChannel(try place.connection(), acceptedDescriptors: 0)
            do throws(ControlError) { try channel.send(request.bytes) } catch {
                // It was closed before anything was said.
                throw ControlError("\(turnedAway.message) (\(error.message))")
            }
            try read(channel, Poller.now() + (place.isFleet ? fleetPatience : patience))
        } catch {
            let reason = (error as? ControlError)?.message ?? (error as? LaunchRefusal)?.message ?? "\(error)"
            silent.append("\(place) does not answer, and is left out: \(reason)")
        }
    }

    private static func answer(
        on channel: ControlChannel,
        until deadline: UInt64
    ) throws(ControlError) -> ControlReply? {
        while true {
            var watched = pollfd(fd: channel.descriptor, events: Int16(POLLIN), revents: 0)
            let now = Poller.now()
            let ready = unsafe poll(&watched, 1, Int32(clamping: deadline > now ? deadline - now : 0))
            if ready < 0, errno == EINTR { continue }
            guard ready > 0 else {
                throw ControlError("nothing was heard in time")
            }
            switch try channel.receive() {
            case .nothing: continue
            case .closed: return nil
            case .message(let bytes, _):
                let reply = try ControlReply(bytes: bytes)
                if case .refused(_, let message) = reply { throw ControlError(message) }
                return reply
            }
        }
    }
}
