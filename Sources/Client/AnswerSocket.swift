internal import Glibc
package import Linux
internal import Model

/// Where `bailey serve` hears those who answer what rules ask, of other users of the machine too.
package enum AnswerSocket {
    /// A connection to the supervisor that listens at a path.
    ///
    /// - Throws: where nobody listens there, or somebody else than whose socket it is could.
    package static func connection(to path: String) throws(SystemCallError) -> OwnedDescriptor {
        var status = stat()
        guard unsafe lstat(path, &status) == 0 else {
            throw SystemCallError(stage: "find the approvers' socket", object: path, errno: errno)
        }
        guard status.st_mode & S_IFMT == S_IFSOCK else {
            throw SystemCallError(stage: "find the approvers' socket", object: path, errno: ENOTSOCK)
        }
        let slash = path.lastPlace(of: "/") ?? path.startIndex
        try requireTrusted(slash == path.startIndex ? "/" : String(path[..<slash]), owner: status.st_uid)
        let socket = try PacketSocket.connect(to: path)
        // What is shown there is believed: it has to be whose socket it is that listens.
        guard PacketSocket.peer(of: socket.rawValue)?.user == status.st_uid else {
            throw SystemCallError(stage: "trust whoever listens at", object: path, errno: EPERM)
        }
        return socket
    }

    /// Refuses a folder in which somebody else than an owner or root may put a socket.
    package static func requireTrusted(_ folder: String, owner: UInt32) throws(SystemCallError) {
        var status = stat()
        guard unsafe lstat(folder, &status) == 0 else {
            throw SystemCallError(
                stage: "find the folder of the approvers' socket",
                object: folder,
                errno: errno
            )
        }
        guard status.st_mode & S_IFMT == S_IFDIR, status.st_uid == owner || status.st_uid == 0,
            status.st_mode & 0o022 == 0
        else {
            throw SystemCallError(
                stage: "trust the folder of the approvers' socket, in which nobody else may write,",
                object: folder,
                errno: EPERM
            )
        }
    }
}
