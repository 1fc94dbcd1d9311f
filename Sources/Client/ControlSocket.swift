internal import Glibc
package import Linux

/// The socket by which a front-end inside an agent reaches the supervisor.
package enum ControlSocket {
    /// Bound in the agent's own mount namespace before its program runs.
    package static let path = "/.bailey/control"

    /// Whether this process runs inside an agent.
    package static var isInsideAgent: Bool { unsafe access(path, F_OK) == 0 }

    /// Connects to the supervisor of the agent this process runs in.
    package static func connect() throws(SystemCallError) -> OwnedDescriptor {
        try PacketSocket.connect(to: path)
    }
}
