internal import Glibc
internal import Model

/// A directory of the store, held by descriptor: ours, and closed to everyone else (mode 0700).
struct StateDirectory: ~Copyable {
    let descriptor: Int32
    let path: String

    private init(descriptor: Int32, path: String) {
        self.descriptor = descriptor
        self.path = path
    }

    deinit { _ = close(descriptor) }

    /// Opens the directory at `path`; makes it and what is missing above it when `create`.
    init(_ path: String, create: Bool) throws(AuditStoreError) {
        if create { try Self.makeAll(path) }
        try self.init(AT_FDCWD, path, at: path)
    }

    /// Opens, or makes, a directory inside this one.
    func directory(_ name: String, create: Bool) throws(AuditStoreError) -> StateDirectory {
        let inner = path + "/" + name
        if create, unsafe mkdirat(descriptor, name, 0o700) != 0, errno != EEXIST {
            throw AuditStoreError("make", inner, errno: errno, remedy: "make its directory writable")
        }
        return try StateDirectory(descriptor, name, at: inner)
    }

    func synchronise() throws(AuditStoreError) {
        guard fsync(descriptor) == 0 else {
            throw AuditStoreError("synchronise", path, errno: errno, remedy: "check its file system")
        }
    }

    private init(_ base: Int32, _ name: String, at path: String) throws(AuditStoreError) {
        let descriptor = unsafe openat(base, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW)
        guard descriptor >= 0 else {
            throw AuditStoreError(
                "open the state directory",
                path,
                errno: errno,
                remedy: "name an existing directory with --state, or run an agent first"
            )
        }
        var status = stat()
        guard unsafe fstat(descriptor, &status) == 0, status.st_uid == geteuid(),
            status.st_mode & 0o077 == 0
        else {
            _ = close(descriptor)
            throw AuditStoreError(
                .unsafeFile,
                "refusing the state directory \(path): it must be of uid \(geteuid()) with mode 0700, but is "
                    + "of uid \(status.st_uid) with mode 0\(String(status.st_mode & 0o7777, radix: 8)); "
                    + (status.st_uid == geteuid() ? "run: chmod 700 '\(path)'" : Self.someoneElses)
            )
        }
        self.init(descriptor: descriptor, path: path)
    }

    /// What to do about a store of another user's, which is not ours to take over.
    static let someoneElses =
        "name a directory of your own with XDG_STATE_HOME, or with sudo use `sudo -H env -u XDG_STATE_HOME`"

    /// As `mkdir -p -m 700`: what exists is left as it is.
    private static func makeAll(_ path: String) throws(AuditStoreError) {
        var prefix = path.begins(with: "/") ? "" : "."
        for part in path.cut(at: "/") {
            prefix += "/" + part
            if unsafe mkdir(prefix, 0o700) != 0, errno != EEXIST {
                throw AuditStoreError("make", prefix, errno: errno, remedy: "make its parent writable")
            }
        }
    }
}
