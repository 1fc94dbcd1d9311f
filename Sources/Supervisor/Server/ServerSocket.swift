internal import CSandbox
internal import Client
internal import Glibc
internal import Linux

/// The socket on which a supervisor hears its user; gone with it, also from the folder.
struct ServerSocket: ~Copyable {
    /// Connections that wait to be accepted; a tool host starts its tools in bursts.
    private static let backlog: Int32 = 512

    let path: String
    private let lock: OwnedDescriptor
    private let listener: OwnedDescriptor

    private init(path: String, lock: consuming OwnedDescriptor, listener: consuming OwnedDescriptor) {
        self.path = path
        self.lock = lock
        self.listener = listener
    }

    /// Listens in the folder under a name, after whoever held it is gone.
    ///
    /// Throws EBUSY when a supervisor listens there already.
    static func open(_ name: String, in folder: RuntimeFolder) throws(SystemCallError) -> ServerSocket {
        try folder.make()
        folder.sweep()
        let path = folder.path + "/" + name
        let lock = try folder.lock(name)
        let listener = try PacketSocket.listen(at: path, backlog: backlog)
        return ServerSocket(path: path, lock: lock, listener: listener)
    }

    deinit {
        unsafe _ = unlink(path)
        unsafe _ = unlink(path + ".lock")
    }

    var descriptor: Int32 { listener.rawValue }

    /// The next connection, when it is this user's own, made outside of every agent; never waits.
    func accept() -> Caller {
        guard let socket = PacketSocket.accept(on: listener.rawValue) else { return .nobody(errno) }
        guard PacketSocket.isUsers(socket.rawValue) else {
            socket.closeToStranger()
            return .stranger
        }
        return .user(socket.release())
    }

    /// Who connected.
    enum Caller {
        /// The user; the descriptor is the caller's.
        case user(Int32)
        /// Somebody else, or who is gone already: the connection is closed.
        case stranger
        /// Nobody, or nobody that there is a descriptor for: errno(3) says.
        case nobody(Int32)
    }
}
