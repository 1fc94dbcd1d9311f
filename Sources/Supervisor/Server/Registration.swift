internal import Client
internal import Glibc
internal import Linux

/// What says in the state directory that a supervisor lives, and where it listens; gone with it.
///
/// Who revokes finds by it every supervisor that has this log, whatever `$XDG_RUNTIME_DIR` each was started with, and one that it
/// cannot reach it can name.
struct Registration: ~Copyable {
    /// A second: a lock of a name that nobody else has is held by those alone who look whether it is.
    private static let attempts = 200

    private let path: String
    private let lock: OwnedDescriptor

    private init(path: String, lock: consuming OwnedDescriptor) {
        self.path = path
        self.lock = lock
    }

    /// Registers a supervisor that listens already: whoever finds it is heard.
    ///
    /// - Parameters:
    ///   - run: the supervisor's.
    ///   - socket: where it listens.
    ///   - folder: the state directory's.
    /// - Returns: what it is registered by.
    /// - Throws: when the folder takes nothing.
    static func open(
        _ run: String,
        of socket: String,
        in folder: RuntimeFolder
    ) throws(SystemCallError) -> Registration {
        try folder.make()
        folder.sweep()
        let name = RuntimeFolder.registration(of: run)
        let path = folder.path + "/" + name
        let lock = try folder.lock(name, attempts: attempts)
        guard unsafe symlink(socket, path) == 0 else {
            throw SystemCallError(stage: "symlink", object: path, errno: errno)
        }
        return Registration(path: path, lock: lock)
    }

    deinit {
        unsafe _ = unlink(path)
        unsafe _ = unlink(path + ".lock")
    }
}
