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
        guard let slash = path.lastPlace(of: "/") else {
            throw SystemCallError(stage: "find the approvers' socket", object: path, errno: EINVAL)
        }
        let folder = try TrustedFolder(String(path[..<slash]), owner: status.st_uid)
        let socket = try connection(in: folder, String(path.rest(behind: slash)), called: path)
        // What is shown there is believed: it has to be whose socket it is that listens.
        guard PacketSocket.peer(of: socket.rawValue)?.user == status.st_uid else {
            throw SystemCallError(stage: "trust whoever listens at", object: path, errno: EPERM)
        }
        return socket
    }

    /// The folder is held open: what was looked at is what is connected to.
    private static func connection(
        in folder: borrowing TrustedFolder,
        _ name: String,
        called path: String
    ) throws(SystemCallError) -> OwnedDescriptor {
        do throws(SystemCallError) {
            return try PacketSocket.connect(to: folder.path + "/" + name)
        } catch {
            throw SystemCallError(stage: error.stage, object: path, errno: error.errno)
        }
    }
}
