internal import CSandbox
internal import Glibc
package import Linux
internal import Model

/// Where supervisors listen for their user: a folder of that user's alone.
///
/// `control` is the socket of `bailey serve`, and `RUN` that of one `bailey run`, which takes no launches.
package struct RuntimeFolder: Sendable {
    package static let serverName = "control"
    /// Entries looked at: four of one supervisor, of which a user has far fewer than a thousand.
    package static let maximumEntries = 4_096

    package let path: String

    package init(path: String) {
        self.path = path
    }

    /// Makes the folder, and refuses one that is not this user's alone: whoever may write in it may answer in a
    /// supervisor's place.
    package func make() throws(SystemCallError) {
        let parent = String(path[..<(path.lastPlace(of: "/") ?? path.startIndex)])
        for folder in [parent, path] where unsafe mkdir(folder, 0o700) != 0 && errno != EEXIST {
            throw SystemCallError(stage: "mkdir", object: folder, errno: errno)
        }
        guard isOurs else { throw SystemCallError(stage: "trust", object: path, errno: EPERM) }
    }

    /// Whether the folder is there, is this user's, and nobody else may write in it.
    package var isOurs: Bool {
        var status = stat()
        guard unsafe lstat(path, &status) == 0 else { return false }
        return status.st_mode & S_IFMT == S_IFDIR && status.st_uid == geteuid() && status.st_mode & 0o022 == 0
    }

    /// Holds a name for this process: the lock ends with it, however that ends; the socket's file does not.
    ///
    /// - Parameters:
    ///   - name: of a socket, or of what stands for one.
    ///   - attempts: how often it is tried, a moment apart, where those that only look may have it.
    /// - Returns: what holds it.
    /// - Throws: EBUSY when another supervisor holds it.
    package func lock(_ name: String, attempts: Int = 1) throws(SystemCallError) -> OwnedDescriptor {
        let file = path + "/" + name + Self.lockSuffix
        let flags = O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC
        var left = attempts
        while true {
            let lock = OwnedDescriptor(unsafe Glibc.open(file, flags, 0o600))
            guard lock.rawValue >= 0, flock(lock.rawValue, LOCK_EX | LOCK_NB) == 0 else {
                let code = errno == EWOULDBLOCK ? EBUSY : errno
                left -= 1
                if code == EBUSY, left > 0 {
                    usleep(Self.moment)
                    continue
                }
                throw SystemCallError(stage: "lock", object: path + "/" + name, errno: code)
            }
            // One that was swept away meanwhile holds nothing.
            var (held, named) = (stat(), stat())
            guard unsafe fstat(lock.rawValue, &held) == 0, unsafe lstat(file, &named) == 0,
                held.st_dev == named.st_dev, held.st_ino == named.st_ino
            else { continue }
            return lock
        }
    }

    /// Takes away what supervisors left that were killed.
    package func sweep() {
        for name in listing.names where name.ends(with: Self.lockSuffix) {
            let owner = String(name.dropLast(bytes: Self.lockSuffix.utf8.count))
            guard let held = try? lock(owner) else { continue }
            for file in [owner, owner + ".new", name] { unsafe _ = unlink(path + "/" + file) }
            _ = consume held
        }
    }

    private static let lockSuffix = ".lock"
    /// Microseconds between two looks at a lock.
    private static let moment: UInt32 = 5_000

    private static let registrationSuffix = ".supervisor"

    /// What stands for a supervisor in the state directory, wherever it listens: a link to its socket, and the lock of it.
    package static func registration(of run: String) -> String { run + registrationSuffix }

    /// One that is registered, by its run, and the socket that it named.
    package struct Registered: Sendable {
        package let run: String
        package let socket: String
    }

    /// Those of registered supervisors that may live: whoever looks at a lock holds it for a moment as well.
    package func held(_ registered: [Registered]) -> [Registered] {
        registered.filter { isHeld(Self.registration(of: $0.run)) }
    }

    /// Those of registered supervisors that live, none of which was reached: one that is about to end has a moment.
    package func living(_ unreached: [Registered]) -> [Registered] {
        var living = unreached
        for _ in 0..<Self.looks where !living.isEmpty {
            living.removeAll { one in
                let name = Self.registration(of: one.run)
                return !isHeld(name) || PathText.target(of: path + "/" + name) == nil
            }
            if !living.isEmpty { usleep(Self.moment) }
        }
        return living
    }

    /// Half a second: an end takes milliseconds.
    private static let looks = 100

    private func isHeld(_ name: String) -> Bool {
        let file = path + "/" + name + Self.lockSuffix
        let lock = OwnedDescriptor(unsafe Glibc.open(file, O_RDWR | O_NOFOLLOW | O_CLOEXEC))
        // What cannot be looked at, but for being gone, may be held.
        guard lock.rawValue >= 0 else { return errno != ENOENT }
        return flock(lock.rawValue, LOCK_SH | LOCK_NB) != 0
    }

    /// What is in the folder, as far as it can be read; nothing where it is not this user's alone.
    package var listing: Listing {
        guard isOurs else { return Listing(path: path, names: [], gap: nil) }
        guard let folder = unsafe opendir(path) else {
            return Listing(path: path, names: [], gap: errno == ENOENT ? nil : unread("opendir", errno))
        }
        defer { unsafe closedir(folder) }
        var names: [String] = []
        // A null pointer is the end as well as a failure, which alone has a number (readdir(3)).
        while true {
            errno = 0
            guard let entry = unsafe readdir(folder) else { break }
            let name = unsafe withUnsafeBytes(of: &entry.pointee.d_name) { bytes in
                unsafe String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
            }
            guard !name.begins(with: ".") else { continue }
            guard names.count < Self.maximumEntries else {
                return Listing(path: path, names: names, gap: tooMany)
            }
            names.append(name)
        }
        let gap = errno == 0 ? nil : unread("readdir", errno)
        return Listing(path: path, names: names, gap: gap)
    }

    private var tooMany: String {
        "\(path) has more than \(Self.maximumEntries) entries, and supervisors of the others are not found: take away what is"
            + " no supervisor's (one that starts takes away what killed ones left)"
    }

    private func unread(_ stage: String, _ code: Int32) -> String {
        "supervisors in \(path) are not found: \(SystemCallError(stage: stage, object: path, errno: code))"
    }

    /// What was in the folder at a moment.
    package struct Listing: Sendable {
        fileprivate let path: String
        fileprivate let names: [String]
        /// Why supervisors may be there that are not in it; nil where it is whole.
        package let gap: String?

        /// Paths of all sockets that are there, of living supervisors and of others.
        package var sockets: [String] {
            let others = [RuntimeFolder.lockSuffix, ".new", RuntimeFolder.registrationSuffix]
            return names.filter { name in
                !others.contains { name.ends(with: $0) }
            }.map { path + "/" + $0 }.sorted()
        }

        /// All that are registered here, living or not.
        package var registered: [Registered] {
            let suffix = RuntimeFolder.registrationSuffix
            return names.filter { $0.ends(with: suffix) }.sorted().compactMap { name in
                let run = String(name.dropLast(bytes: suffix.utf8.count))
                return PathText.target(of: path + "/" + name).map { Registered(run: run, socket: $0) }
            }
        }
    }

    /// The folders where a supervisor of these directories may listen; a service has no `$XDG_RUNTIME_DIR`.
    package static func all(of directories: StateDirectories) -> [RuntimeFolder] {
        var paths = [directories.runtime]
        if !directories.serviceRuntime.isSame(as: directories.runtime) {
            paths.append(directories.serviceRuntime)
        }
        return paths.map { RuntimeFolder(path: $0) }.filter(\.isOurs)
    }

    /// A connection to the running supervisor; nil when there is none, it is another user's or an agent, or it cannot be
    /// reached.
    ///
    /// - Throws: when there is one that takes nobody.
    package static func server(of directories: StateDirectories) throws(LaunchRefusal) -> OwnedDescriptor? {
        for folder in all(of: directories) {
            do throws(SystemCallError) {
                if let socket = try connection(to: folder.path + "/" + serverName) { return socket }
            } catch {
                guard error.errno != EAGAIN else { throw LaunchRefusal(FrontEnd.unheard) }
            }
        }
        return nil
    }

    /// A connection to the supervisor that listens at a path; nil when there is none, or it is another user's or an agent.
    ///
    /// One that cannot be reached is an error; one that was killed is nobody.
    ///
    /// - Parameters:
    ///   - path: of its socket.
    ///   - patience: seconds for which one is waited for whose queue is full.
    /// - Returns: the connection.
    /// - Throws: where it is not known who listens; EAGAIN for a queue that stayed full.
    package static func connection(
        to path: String,
        patience: Int = PacketSocket.patience
    ) throws(SystemCallError) -> OwnedDescriptor? {
        do throws(SystemCallError) {
            let socket = try PacketSocket.connect(to: path, patience: patience)
            // What is asked there holds the caller's environment: it is for no agent that found a way to listen.
            guard PacketSocket.isUsers(socket.rawValue) else { return nil }
            return socket
        } catch {
            guard error.errno == ENOENT || error.errno == ECONNREFUSED else { throw error }
            return nil
        }
    }
}
