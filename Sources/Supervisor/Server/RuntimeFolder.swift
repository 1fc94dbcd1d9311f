internal import CSandbox
internal import Glibc
internal import Linux
internal import Model

/// Where supervisors listen for their user: a folder of that user's alone.
///
/// `control` is the socket of `bailey serve`, and `RUN` that of one `bailey run`, which takes no launches.
struct RuntimeFolder: Sendable {
    static let serverName = "control"
    /// Entries looked at: far more than one user has supervisors.
    private static let maximumEntries = 4_096

    let path: String

    /// Makes the folder, and refuses one that is not this user's alone: whoever may write in it may answer in a
    /// supervisor's place.
    func make() throws(SystemCallError) {
        let parent = String(path[..<(path.lastPlace(of: "/") ?? path.startIndex)])
        for folder in [parent, path] where unsafe mkdir(folder, 0o700) != 0 && errno != EEXIST {
            throw SystemCallError(stage: "mkdir", object: folder, errno: errno)
        }
        guard isOurs else { throw SystemCallError(stage: "trust", object: path, errno: EPERM) }
    }

    /// Whether the folder is there, is this user's, and nobody else may write in it.
    var isOurs: Bool {
        var status = stat()
        guard unsafe lstat(path, &status) == 0 else { return false }
        return status.st_mode & S_IFMT == S_IFDIR && status.st_uid == geteuid() && status.st_mode & 0o022 == 0
    }

    /// Paths of all sockets that are there, of living supervisors and of others.
    var sockets: [String] {
        guard isOurs, let folder = unsafe opendir(path) else { return [] }
        defer { unsafe closedir(folder) }
        var names: [String] = []
        while names.count < Self.maximumEntries, let entry = unsafe readdir(folder) {
            let name = unsafe withUnsafeBytes(of: &entry.pointee.d_name) { bytes in
                unsafe String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
            }
            if !name.begins(with: "."), !name.ends(with: ".lock") { names.append(path + "/" + name) }
        }
        return names.sorted()
    }

    /// The folders where a supervisor of these directories may listen; a service has no `$XDG_RUNTIME_DIR`.
    static func all(of directories: StateDirectories) -> [RuntimeFolder] {
        var paths = [directories.runtime]
        if !directories.serviceRuntime.isSame(as: directories.runtime) {
            paths.append(directories.serviceRuntime)
        }
        return paths.map(RuntimeFolder.init).filter(\.isOurs)
    }

    /// A connection to the running supervisor; nil when there is none.
    static func server(of directories: StateDirectories) -> OwnedDescriptor? {
        for folder in all(of: directories) {
            if let socket = connect(to: folder.path + "/" + serverName) { return socket }
        }
        return nil
    }

    /// A connection to the supervisor that listens at a path; nil when there is none, it is another user's, or it
    /// cannot be reached.
    static func connect(to path: String) -> OwnedDescriptor? { (try? connection(to: path)) ?? nil }

    /// The same, but one that cannot be reached is an error.
    ///
    /// The socket of one that was killed is taken away.
    static func connection(to path: String) throws(SystemCallError) -> OwnedDescriptor? {
        do throws(SystemCallError) {
            let socket = try PacketSocket.connect(to: path)
            guard PacketSocket.peer(of: socket.rawValue)?.user == geteuid() else { return nil }
            return socket
        } catch {
            if error.errno == ENOENT { return nil }
            guard error.errno == ECONNREFUSED else { throw error }
            unsafe _ = unlink(path)
            return nil
        }
    }
}
