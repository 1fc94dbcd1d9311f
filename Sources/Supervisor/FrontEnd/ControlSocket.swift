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
        let socket = OwnedDescriptor(
            Glibc.socket(AF_UNIX, Int32(SOCK_SEQPACKET.rawValue | SOCK_CLOEXEC.rawValue), 0)
        )
        guard socket.rawValue >= 0 else { throw SystemCallError(stage: "socket", object: path, errno: errno) }
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        unsafe withUnsafeMutableBytes(of: &address.sun_path) { bytes in
            for (index, byte) in path.utf8.enumerated() { unsafe bytes[index] = byte }
        }
        let status = unsafe withUnsafePointer(to: &address) { pointer in
            unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { generic in
                unsafe Glibc.connect(socket.rawValue, generic, socklen_t(MemoryLayout<sockaddr_un>.size))
            }
        }
        guard status == 0 else { throw SystemCallError(stage: "connect", object: path, errno: errno) }
        return socket
    }
}
