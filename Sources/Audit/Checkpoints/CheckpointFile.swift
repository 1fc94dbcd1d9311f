internal import Glibc
internal import Linux
internal import Model

/// A file of checkpoints, a line each, which several supervisors append to.
package struct CheckpointFile: Sendable {
    private let path: String

    package init(_ path: String) {
        self.path = path
    }

    /// Appends one and brings it to the disk; on failure the file is as it was.
    package func append(_ checkpoint: Checkpoint) throws(AuditStoreError) {
        // Without waiting for a pipe's other end: this is no place for one.
        let flags = O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC | O_NONBLOCK
        let raw = unsafe open(path, flags, 0o600)
        guard raw >= 0 else { throw failure("open") }
        let file = OwnedDescriptor(raw)
        while flock(file.rawValue, LOCK_EX) != 0 {
            guard errno == EINTR else { throw failure("lock") }
        }
        var status = stat()
        guard unsafe fstat(file.rawValue, &status) == 0, status.st_mode & S_IFMT == S_IFREG else {
            throw AuditStoreError(
                .unsafeFile,
                "\(path) is no plain file to keep checkpoints in; name another"
            )
        }
        // Behind half a line, of somebody who died in the middle of it, a new one begins.
        let opening = status.st_size > 0 && Self.lastOctet(file.rawValue, status.st_size) != 0x0a ? "\n" : ""
        try write(Array("\(opening)\(checkpoint.line)\n".utf8), to: file.rawValue, behind: status.st_size)
    }

    private func write(_ octets: [UInt8], to file: Int32, behind size: off_t) throws(AuditStoreError) {
        let count = unsafe octets.withUnsafeBytes { unsafe Glibc.write(file, $0.baseAddress, $0.count) }
        guard count == octets.count else {
            let code = count < 0 ? errno : ENOSPC
            _ = ftruncate(file, size)
            throw failure("write", code)
        }
        guard fsync(file) == 0 else { throw failure("synchronise") }
    }

    private static func lastOctet(_ file: Int32, _ size: off_t) -> UInt8? {
        var octet: UInt8 = 0
        return unsafe pread(file, &octet, 1, size - 1) == 1 ? octet : nil
    }

    private func failure(_ stage: String, _ code: Int32 = errno) -> AuditStoreError {
        AuditStoreError(
            "\(stage) the checkpoints",
            path,
            errno: code,
            remedy: "make it a file that you may write, with room on its file system"
        )
    }
}
