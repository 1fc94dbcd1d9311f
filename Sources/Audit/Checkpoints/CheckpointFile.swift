internal import Foundation
internal import Glibc
internal import Linux
internal import Model

/// A file of checkpoints, a line each, which several supervisors append to.
package struct CheckpointFile: Sendable {
    private let path: String

    package init(_ path: String) {
        self.path = path
    }

    /// Appends one and brings it to the disk; what could not be written whole is taken away again.
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
        try refuseAnothers(file.rawValue, status.st_size, than: checkpoint)
        let (opening, end) = Self.place(file.rawValue, behind: status.st_size)
        try write(Array("\(opening)\(checkpoint.line)\n".utf8), to: file.rawValue, behind: end)
    }

    /// Behind another log's lines none of this one's would be found good, nor of that one's what comes later.
    private func refuseAnothers(
        _ file: Int32,
        _ size: off_t,
        than own: Checkpoint
    ) throws(AuditStoreError) {
        guard let last = Self.last(file, size), last.key != own.key else { return }
        throw AuditStoreError(
            .unsafeFile,
            "\(path) has the checkpoints of another log, signed with the key \(last.key.hex); a file of them is for one state "
                + "directory: name another"
        )
    }

    /// The last line that is whole, with its end or without, where that is a checkpoint.
    private static func last(_ file: Int32, _ size: off_t) -> Checkpoint? {
        tail(file, size, of: 2 * AuditLimits.checkpointLine)
            .split(separator: 0x0a, omittingEmptySubsequences: false).suffix(2).reversed()
            .lazy.compactMap { Checkpoint(line: $0) }.first
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

    /// Where the next line begins, and what has to end the one before it.
    ///
    /// Half a line, of somebody who died in the middle of it, is taken away; where that may not be, or it is something
    /// else, the new one begins behind it.
    private static func place(_ file: Int32, behind size: off_t) -> (opening: String, end: off_t) {
        let rest = rest(file, size)
        guard !rest.isEmpty else { return ("", size) }
        let start = size - off_t(rest.count)
        // Fails where only appending is allowed (ioctl_iflags(2), FS_APPEND_FL).
        guard Checkpoint.isBegun(rest), ftruncate(file, start) == 0 else { return ("\n", size) }
        return ("", start)
    }

    /// What stands behind the last end of a line, as far as a line can be long; empty where nothing does.
    private static func rest(_ file: Int32, _ size: off_t) -> ArraySlice<UInt8> {
        let tail = tail(file, size, of: AuditLimits.checkpointLine)
        return tail.lastIndex(of: 0x0a).map { tail[($0 + 1)...] } ?? tail
    }

    /// Its last octets; one that is none of a checkpoint's where they cannot be read.
    private static func tail(_ file: Int32, _ size: off_t, of length: Int) -> ArraySlice<UInt8> {
        var buffer = [UInt8](repeating: 0, count: length)
        let start = max(0, size - off_t(buffer.count))
        let count = unsafe buffer.withUnsafeMutableBytes { bytes in
            unsafe pread(file, bytes.baseAddress, bytes.count, start)
        }
        // The file is locked: fewer octets than it has are none to rely on.
        return count == Int(size - start) ? buffer.prefix(count) : [0]
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
