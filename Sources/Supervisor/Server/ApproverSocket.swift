internal import Client
internal import Glibc
internal import Linux
internal import Model

/// The socket on which `bailey serve` hears those who answer what rules ask, and nothing else; gone with it, also from the folder.
///
/// Who may connect is the kernel's to say: the socket is its owner's and a group's.
struct ApproverSocket: ~Copyable {
    /// Connections that wait to be accepted: people answer one by one.
    private static let backlog: Int32 = 64

    /// Whose the descriptors are that its callers bring: of all of them together
    /// (`OwnedDescriptor.closeToStranger`).
    static let sender = UInt64.max

    private let folder: TrustedFolder
    private let name: String
    private let lock: OwnedDescriptor
    /// Its own.
    private let listener: Int32

    private init(
        in folder: consuming TrustedFolder,
        _ name: String,
        lock: consuming OwnedDescriptor,
        listener: consuming OwnedDescriptor
    ) {
        self.folder = folder
        self.name = name
        self.lock = lock
        self.listener = listener.release()
    }

    /// Listens where the operator says.
    ///
    /// - Throws: ENOPROTOOPT where the kernel does not say who connects, EPERM where somebody else may write in the folder or put
    ///   another in its place, and so answer in the supervisor's place; EBUSY where another supervisor listens there.
    static func open(_ socket: ApprovalPlan.Socket) throws(SystemCallError) -> ApproverSocket {
        guard let slash = socket.path.lastPlace(of: "/") else {
            throw SystemCallError(stage: "listen for approvers", object: socket.path, errno: EINVAL)
        }
        guard SocketPeer.isFollowed else {
            throw SystemCallError(
                stage: "tell who answers, for which approvals.socket needs Linux 6.5 (SO_PEERPIDFD)",
                object: socket.path,
                errno: ENOPROTOOPT
            )
        }
        let folder = try TrustedFolder(socket.folder, owner: geteuid())
        let (name, path) = (String(socket.path.rest(behind: slash)), folder.path)
        // In the folder that is held open: what is moved on the way to it is somewhere else.
        let lock = try opened(socket.path) { () throws(SystemCallError) in
            try RuntimeFolder(path: path).lock(name)
        }
        let listener = try opened(socket.path) { () throws(SystemCallError) in
            try PacketSocket.listen(at: path + "/" + name, group: socket.group, backlog: backlog)
        }
        return ApproverSocket(in: folder, name, lock: lock, listener: listener)
    }

    /// Has a failure name the path that the operator gave.
    private static func opened(
        _ shown: String,
        _ open: () throws(SystemCallError) -> OwnedDescriptor
    ) throws(SystemCallError) -> OwnedDescriptor {
        do throws(SystemCallError) {
            return try open()
        } catch {
            throw SystemCallError(stage: error.stage, object: shown, errno: error.errno)
        }
    }

    deinit {
        let path = folder.path + "/" + name
        unsafe _ = unlink(path)
        unsafe _ = unlink(path + ".lock")
        // Who waits to be accepted may have sent what takes as long to close as they want.
        OwnedDescriptor(listener).closeToStranger()
    }

    var descriptor: Int32 { listener }

    /// The next connection, when its process lives outside of every agent; never waits.
    func accept() -> Caller {
        guard let socket = PacketSocket.accept(on: listener) else { return .nobody(errno) }
        guard let peer = SocketPeer(of: socket.rawValue), SocketPeer.isOutside(peer, of: socket.rawValue)
        else {
            // What is queued on it may take as long to close as a stranger wants.
            socket.closeToStranger(Self.sender)
            return .stranger
        }
        return .approver(socket.release(), peer)
    }

    /// Who connected.
    enum Caller {
        /// One of those who may; the descriptor is the caller's.
        case approver(Int32, SocketPeer)
        /// Of an agent, of a container, or gone already: the connection is closed.
        case stranger
        /// Nobody, or nobody that there is a descriptor for: errno(3) says.
        case nobody(Int32)
    }
}
