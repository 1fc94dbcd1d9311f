internal import Glibc
internal import Linux

/// The supervisors of this user that run now: that of `bailey serve`, and one for each `bailey run` that stands alone.
package enum RunningSupervisors {
    /// Milliseconds that one may take to answer: it may be launching a burst of agents.
    private static let patience: Int32 = 5_000

    /// Every live agent, parents before their children.
    ///
    /// - Returns: the agents of all supervisors that answer.
    /// - Throws: `ControlError` when one answers something else.
    package static func agents() throws(ControlError) -> [AgentSummary] {
        var agents: [AgentSummary] = []
        for channel in channels() {
            try channel.send(ControlRequest.list.bytes)
            var isLast = false
            while !isLast {
                // One that ends meanwhile has no agents.
                guard let reply = try answer(on: channel) else { break }
                guard case .agents(let part, let last) = reply else { throw unexpected }
                agents += part
                isLast = last
            }
        }
        return agents
    }

    /// Ends an agent and all below it.
    ///
    /// - Parameter agent: its id.
    /// - Returns: how many agents that are; 0 when none has this id.
    /// - Throws: `ControlError` when a supervisor answers something else.
    package static func end(_ agent: String) throws(ControlError) -> Int {
        for channel in channels() {
            try channel.send(ControlRequest.end(agent: agent).bytes)
            guard let reply = try answer(on: channel) else { continue }
            guard case .ending(let count) = reply else { throw unexpected }
            if count > 0 { return Int(count) }
        }
        return 0
    }

    private static let unexpected = ControlError("an answer to another question: is it of another version?")

    private static func channels() -> [ControlChannel] {
        let directories = StateDirectories(
            environment: ProcessEnvironment.dictionary,
            home: HomeFolder.current
        )
        return RuntimeFolder.all(of: directories).flatMap(\.sockets).compactMap { path in
            guard let socket = RuntimeFolder.connect(to: path) else { return nil }
            return ControlChannel(socket, acceptedDescriptors: 0)
        }
    }

    private static func answer(on channel: ControlChannel) throws(ControlError) -> ControlReply? {
        while true {
            var watched = pollfd(fd: channel.descriptor, events: Int16(POLLIN), revents: 0)
            let ready = unsafe poll(&watched, 1, patience)
            if ready < 0, errno == EINTR { continue }
            guard ready > 0 else { throw ControlError("a supervisor does not answer") }
            switch try channel.receive() {
            case .nothing: continue
            case .closed: return nil
            case .message(let bytes, _): return try ControlReply(bytes: bytes)
            }
        }
    }
}
