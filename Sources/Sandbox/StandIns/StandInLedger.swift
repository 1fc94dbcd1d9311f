internal import Glibc
internal import Linux

/// The state directory's notes of which stand-ins are whose: one file for each supervisor that has some, locked
/// (flock(2)) while it lives, so that the next one takes away what a killed one left.
///
/// Paths are written, ended by NUL, before what they name is made.
struct StandInLedger: ~Copyable {
    /// Bytes of one supervisor's file: a thousand agents with as many long paths as a profile may have.
    private static let maximumSize = 16 << 20

    /// What another supervisor noted.
    struct Notes {
        let name: String
        /// Nil when they cannot be read: then whatever is there may be needed.
        let paths: [String]?
        let isAlive: Bool
    }

    private let folder: OwnedDescriptor
    private let lock: OwnedDescriptor
    private let directory: String
    private let name: String
    private var own = OwnedDescriptor(-1)

    private init(
        folder: consuming OwnedDescriptor,
        lock: consuming OwnedDescriptor,
        in directory: String,
        run: String
    ) {
        self.folder = folder
        self.lock = lock
        self.directory = directory
        name = run
    }

    /// Opens the ledger; nil when its folder is not there and is not to be made.
    static func open(state: String, run: String, create: Bool) throws(SystemCallError) -> StandInLedger? {
        let directory = state + "/stand-ins"
        if create, unsafe mkdir(directory, 0o700) != 0, errno != EEXIST {
            throw SystemCallError(stage: "mkdir", object: directory, errno: errno)
        }
        let folder = unsafe Glibc.open(directory, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
        guard folder >= 0 else {
            if errno == ENOENT, !create { return nil }
            throw SystemCallError(stage: "open", object: directory, errno: errno)
        }
        let lock = unsafe openat(folder, "lock", O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0o600)
        guard lock >= 0 else {
            defer { close(folder) }
            throw SystemCallError(stage: "openat", object: directory + "/lock", errno: errno)
        }
        return StandInLedger(
            folder: OwnedDescriptor(folder),
            lock: OwnedDescriptor(lock),
            in: directory,
            run: run
        )
    }

    /// Runs `body` while no other supervisor of this user does.
    mutating func exclusively<Value>(
        _ body: (inout StandInLedger) throws(SystemCallError) -> Value
    ) throws(SystemCallError) -> Value {
        while flock(lock.rawValue, LOCK_EX) != 0 {
            guard errno == EINTR else {
                throw SystemCallError(stage: "flock", object: directory + "/lock", errno: errno)
            }
        }
        defer { _ = flock(lock.rawValue, LOCK_UN) }
        return try body(&self)
    }

    /// The notes of other supervisors; what is no file is no supervisor's.
    func others() -> [Notes] {
        let names = FolderListing.names(in: directory).filter { $0 != "lock" && $0 != name }
        return names.compactMap { name in
            let file = OwnedDescriptor(
                unsafe openat(folder.rawValue, name, O_RDWR | O_NOFOLLOW | O_CLOEXEC)
            )
            var status = stat()
            if file.rawValue < 0, [EISDIR, ELOOP, ENOENT].contains(errno) { return nil }
            guard unsafe fstat(file.rawValue, &status) == 0, status.st_mode & S_IFMT == S_IFREG else {
                return Notes(name: name, paths: nil, isAlive: true)
            }
            let isAlive = flock(file.rawValue, LOCK_EX | LOCK_NB) != 0
            return Notes(name: name, paths: Self.paths(in: file.rawValue), isAlive: isAlive)
        }
    }

    func forget(_ name: String) {
        unsafe _ = unlinkat(folder.rawValue, name, 0)
    }

    /// Notes exactly these as this supervisor's; without any, its file goes.
    mutating func note(_ paths: [String]) throws(SystemCallError) {
        if paths.isEmpty {
            forget(name)
            own = OwnedDescriptor(-1)
            return
        }
        if own.rawValue < 0 {
            let flags = O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC
            own = OwnedDescriptor(unsafe openat(folder.rawValue, name, flags, 0o600))
            guard own.rawValue >= 0, flock(own.rawValue, LOCK_EX | LOCK_NB) == 0 else {
                throw SystemCallError(stage: "openat", object: directory + "/" + name, errno: errno)
            }
        }
        let bytes: [UInt8] = paths.reduce(into: []) { $0 += Array($1.utf8) + [0] }
        guard bytes.count <= Self.maximumSize else {
            throw SystemCallError(stage: "note", object: directory + "/" + name, errno: EFBIG)
        }
        let count = unsafe bytes.withUnsafeBytes { unsafe pwrite(own.rawValue, $0.baseAddress, $0.count, 0) }
        guard count == bytes.count, ftruncate(own.rawValue, off_t(bytes.count)) == 0 else {
            throw SystemCallError(
                stage: "pwrite",
                object: directory + "/" + name,
                errno: count < 0 ? errno : ENOSPC
            )
        }
    }

    private static func paths(in file: Int32) -> [String]? {
        guard let bytes = ReadFile.bytes(of: file, limit: maximumSize) else { return nil }
        // What has no NUL at its end was cut off while it was written.
        return bytes.split(separator: 0, omittingEmptySubsequences: false).dropLast()
            .compactMap { String(validating: $0, as: UTF8.self) }
            .filter { $0.utf8.first == UInt8(ascii: "/") }
    }
}
