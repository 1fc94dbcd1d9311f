internal import Glibc
internal import Linux

/// Held by whoever prunes the log of a state directory: of two at once one would find what the other has removed.
///
/// Ends with its holder, however that ends; the file stays.
package final class PruningLock: Sendable {
    private static let name = "pruning.lock"

    private let descriptor: Int32

    /// Nil where another pruning is under way.
    ///
    /// - Throws: where the file cannot be made.
    package init?(directory: String) throws(AuditStoreError) {
        let path = directory + "/" + Self.name
        let descriptor = unsafe open(path, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else {
            throw AuditStoreError("open", path, errno: errno, remedy: "make it a file of its owner's alone")
        }
        guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else {
            let number = errno
            close(descriptor)
            if number == EWOULDBLOCK { return nil }
            throw AuditStoreError("lock", path, errno: number, remedy: "see flock(2)")
        }
        self.descriptor = descriptor
    }

    deinit { close(descriptor) }
}
