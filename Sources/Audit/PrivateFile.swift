internal import Foundation
internal import Glibc

/// A file of the state directory that only its owner may touch (mode 0600), opened through its directory's
/// descriptor so that no path is walked twice.
final class PrivateFile: Sendable {
    let descriptor: Int32
    let path: String

    private init(descriptor: Int32, path: String) {
        self.descriptor = descriptor
        self.path = path
    }

    deinit { _ = close(descriptor) }

    /// What `open` may do.
    enum Mode {
        case read
        case readWrite
        /// Makes the file; fails with EEXIST when it is there.
        case createNew

        fileprivate var flags: Int32 {
            switch self {
            case .read: O_RDONLY
            case .readWrite: O_RDWR
            case .createNew: O_RDWR | O_CREAT | O_EXCL
            }
        }
    }

    /// Nil when the file is not there (or, for `createNew`, when it is).
    static func open(
        _ name: String,
        in directory: borrowing StateDirectory,
        _ mode: Mode
    ) throws(AuditStoreError) -> PrivateFile? {
        let path = directory.path + "/" + name
        let flags = mode.flags | O_CLOEXEC | O_NOFOLLOW
        let descriptor = unsafe openat(directory.descriptor, name, flags, 0o600)
        if descriptor < 0 {
            if errno == ENOENT || (errno == EEXIST && mode == .createNew) { return nil }
            throw AuditStoreError(
                "open",
                path,
                errno: errno,
                remedy: "make it a plain file that you own"
            )
        }
        let file = PrivateFile(descriptor: descriptor, path: path)
        try file.requireOurs()
        return file
    }

    /// Whether a database is there, and ours alone.
    ///
    /// Looked at and not opened: whoever closes any descriptor of it takes the locks from every connection that this process
    /// has to it (fcntl_locking(2), "Record locks"), and another process may then take its log away from under them
    /// (sqlite.org/howtocorrupt.html section 2.2).
    static func isThere(
        _ name: String,
        in directory: borrowing StateDirectory
    ) throws(AuditStoreError) -> Bool {
        let path = directory.path + "/" + name
        var status = stat()
        guard unsafe fstatat(directory.descriptor, name, &status, AT_SYMLINK_NOFOLLOW) == 0 else {
            if errno == ENOENT { return false }
            throw AuditStoreError("inspect", path, errno: errno, remedy: "check its file system")
        }
        try requireOurs(status, path)
        return true
    }

    private func requireOurs() throws(AuditStoreError) {
        var status = stat()
        guard unsafe fstat(descriptor, &status) == 0 else {
            throw AuditStoreError("inspect", path, errno: errno, remedy: "check its file system")
        }
        try Self.requireOurs(status, path)
    }

    private static func requireOurs(_ status: stat, _ path: String) throws(AuditStoreError) {
        guard status.st_mode & S_IFMT == S_IFREG, status.st_uid == geteuid(), status.st_mode & 0o077 == 0
        else {
            throw AuditStoreError(
                .unsafeFile,
                "refusing \(path): it must be a plain file of uid \(geteuid()) with mode 0600, but is of uid "
                    + "\(status.st_uid) with mode 0\(String(status.st_mode & 0o7777, radix: 8)); "
                    + (status.st_uid == geteuid()
                        ? "if you trust it, run: chmod 600 '\(path)'" : StateDirectory.someoneElses)
            )
        }
    }

    /// The whole content; nil when it is longer than `limit`.
    func read(atMost limit: Int) throws(AuditStoreError) -> Data? {
        var buffer = [UInt8](repeating: 0, count: limit + 1)
        var filled = 0
        while filled < buffer.count {
            let count = unsafe buffer.withUnsafeMutableBytes { bytes in
                unsafe pread(
                    descriptor,
                    bytes.baseAddress.map { unsafe $0 + filled },
                    bytes.count - filled,
                    off_t(filled)
                )
            }
            if count < 0 && errno == EINTR { continue }
            guard count >= 0 else {
                throw AuditStoreError("read", path, errno: errno, remedy: "check its file system")
            }
            if count == 0 { break }
            filled += count
        }
        return filled > limit ? nil : Data(buffer[..<filled])
    }

    /// Puts `data` at the front, in one system call.
    func write(_ data: Data) throws(AuditStoreError) {
        let count = unsafe data.withUnsafeBytes { bytes in
            unsafe pwrite(descriptor, bytes.baseAddress, bytes.count, 0)
        }
        guard count == data.count else {
            throw AuditStoreError(
                "write",
                path,
                errno: count < 0 ? errno : ENOSPC,
                remedy: "free space on its file system"
            )
        }
    }

    func synchronise() throws(AuditStoreError) {
        guard fsync(descriptor) == 0 else {
            throw AuditStoreError("synchronise", path, errno: errno, remedy: "check its file system")
        }
    }

    /// Runs `body` while no other process does under this file's lock (flock(2)).
    func locked<Value>(_ body: () throws(AuditStoreError) -> Value) throws(AuditStoreError) -> Value {
        while flock(descriptor, LOCK_EX) != 0 {
            guard errno == EINTR else {
                throw AuditStoreError("lock", path, errno: errno, remedy: "use a file system with flock(2)")
            }
        }
        defer { _ = flock(descriptor, LOCK_UN) }
        return try body()
    }
}
