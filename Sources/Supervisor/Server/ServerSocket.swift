internal import CSandbox
internal import Client
internal import Glibc
internal import Linux

/// The socket on which a supervisor hears its user; gone with it, also from the folder.
struct ServerSocket: ~Copyable {
    /// Connections that wait to be accepted; a tool host starts its tools in bursts.
    private static let backlog: Int32 = 512

    let path: String
    private let name: String
    /// Held open: what has its name by now may be another one, with another supervisor's socket of this name in it.
    private let folder: OwnedDescriptor
    private let lock: OwnedDescriptor
    private let listener: OwnedDescriptor

    private init(
        path: String,
        name: String,
        folder: consuming OwnedDescriptor,
        lock: consuming OwnedDescriptor,
        listener: consuming OwnedDescriptor
    ) {
        self.path = path
        self.name = name
        self.folder = folder
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
        // Where nobody could connect by it.
        guard path.utf8.count <= PacketSocket.longestPath else {
            throw SystemCallError(stage: "listen", object: path, errno: ENAMETOOLONG)
        }
        let held = try opened(folder)
        let place = "/proc/self/fd/\(held.rawValue)"
        let lock = try showing(path) { () throws(SystemCallError) in
            try RuntimeFolder(path: place).lock(name)
        }
        let listener = try showing(path) { () throws(SystemCallError) in
            try PacketSocket.listen(at: place + "/" + name, backlog: backlog)
        }
        return ServerSocket(path: path, name: name, folder: held, lock: lock, listener: listener)
    }

    /// Has a failure name the path that others know.
    private static func showing(
        _ path: String,
        _ open: () throws(SystemCallError) -> OwnedDescriptor
    ) throws(SystemCallError) -> OwnedDescriptor {
        do throws(SystemCallError) {
            return try open()
        } catch {
            throw SystemCallError(stage: error.stage, object: path, errno: error.errno)
        }
    }

    /// The folder, which is this user's alone also when another has been put in its place.
    private static func opened(_ folder: RuntimeFolder) throws(SystemCallError) -> OwnedDescriptor {
        let flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC
        let held = OwnedDescriptor(unsafe Glibc.open(folder.path, flags))
        var status = stat()
        guard held.rawValue >= 0, unsafe fstat(held.rawValue, &status) == 0 else {
            throw SystemCallError(stage: "open", object: folder.path, errno: errno)
        }
        guard status.st_uid == geteuid(), status.st_mode & 0o022 == 0 else {
            throw SystemCallError(stage: "trust", object: folder.path, errno: EPERM)
        }
        return held
    }

    deinit {
        unsafe _ = unlinkat(folder.rawValue, name, 0)
        unsafe _ = unlinkat(folder.rawValue, name + ".lock", 0)
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
