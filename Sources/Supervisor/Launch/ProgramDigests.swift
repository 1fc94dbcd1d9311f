internal import Crypto
internal import Dispatch
internal import Glibc
internal import Linux
internal import Synchronization

/// SHA-256 of programs' files: evidence of what ran, never grounds for a decision.
///
/// A file is read on a thread of its own, for it may be large, or on a slow disk; what was read once is remembered.
package final class ProgramDigests: Sendable {
    /// Bytes hashed; a larger program has no digest in the record.
    static let maximumSize = 128 << 20
    /// Files remembered, more than a build has programs; when they are reached all are forgotten.
    private static let maximumKnown = 4096
    /// Seconds by which a file's time may lie before the clock's: the kernel takes it from the last tick.
    private static let tick = 1

    /// One state of one file.
    private struct Version: Hashable {
        let device: UInt
        let inode: UInt
        let size: Int
        let modified: [Int]
        let changed: [Int]

        /// Nil when the file cannot be looked at.
        init?(_ descriptor: Int32) {
            var status = stat()
            guard unsafe fstat(descriptor, &status) == 0 else { return nil }
            device = status.st_dev
            inode = status.st_ino
            size = status.st_size
            modified = [status.st_mtim.tv_sec, status.st_mtim.tv_nsec]
            changed = [status.st_ctim.tv_sec, status.st_ctim.tv_nsec]
        }
    }

    private let began: Int
    private let known = Mutex<[Version: String]>([:])
    private let reader = DispatchQueue(label: "bailey.digests")

    /// - Parameter began: seconds of the wall clock; a file that changed later is read each time, because an agent
    ///   may have it mapped and go on writing without another change of its times (mmap(2)).
    package init(began: Int = time(nil)) {
        self.began = began
    }

    /// The digest of an open file as far as it is remembered, in lower-case hex.
    package func remembered(_ descriptor: Int32) -> String? {
        Version(descriptor).flatMap { version in known.withLock { $0[version] } }
    }

    /// Reads an open file, which the caller may close meanwhile, and says its digest on another thread.
    ///
    /// Nil when it cannot be read, or is over the limit.
    package func read(_ descriptor: Int32, then: @escaping @Sendable (String?) -> Void) {
        let own = fcntl(descriptor, F_DUPFD_CLOEXEC, 0)
        reader.async { [self] in
            defer { if own >= 0 { close(own) } }
            then(own < 0 ? nil : digest(of: own))
        }
    }

    private func digest(of descriptor: Int32) -> String? {
        let version = Version(descriptor)
        var hash = SHA256()
        guard ReadFile.forEachChunk(of: descriptor, limit: Self.maximumSize, { hash.update(data: $0) }) else {
            return nil
        }
        let text = hash.finalize().map { byte in (byte < 16 ? "0" : "") + String(byte, radix: 16) }.joined()
        if let version, version == Version(descriptor), version.changed[0] < began - Self.tick {
            known.withLock { known in
                if known.count >= Self.maximumKnown { known = [:] }
                known[version] = text
            }
        }
        return text
    }
}
