internal import Client
internal import Linux
internal import Model

/// With whom approvals are looked for: all of this user's supervisors, that of an approvers' socket, or, of what waits on other
/// machines, that of this user's `bailey serve` or of the socket.
package struct ApprovalPlace: Sendable, Hashable {
    /// Of another user's supervisor.
    package let socket: String?
    /// What waits on other machines of the fleet.
    package let isFleet: Bool

    package init(socket: String? = nil, isFleet: Bool = false) {
        (self.socket, self.isFleet) = (socket, isFleet)
    }

    /// Whether one supervisor alone is asked.
    package var isOne: Bool { isFleet || socket != nil }

    func connection() throws -> OwnedDescriptor {
        if let socket { return try AnswerSocket.connection(to: socket) }
        let directories = StateDirectories(
            environment: ProcessEnvironment.dictionary,
            home: HomeFolder.current
        )
        if let found = try RuntimeFolder.server(of: directories) { return found }
        throw ControlError("none runs; start it: what waits on other machines is its to show and to answer")
    }
}

extension ApprovalPlace: CustomStringConvertible {
    package var description: String { socket.map { "the supervisor of \($0)" } ?? "'bailey serve'" }
}
