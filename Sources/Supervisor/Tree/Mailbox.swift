internal import Glibc
internal import Linux
internal import Model
internal import Synchronization

/// What other threads tell the supervisor's thread; wakes it by an eventfd(2).
final class Mailbox: Sendable {
    /// An audit commit that the supervisor's thread is waiting for.
    struct Commit: Sendable {
        let token: UInt64
        let result: Result<Void, AuditFailure>
    }

    private let commits = Mutex<[Commit]>([])
    private let event: Int32

    /// Throws when the kernel has no descriptor left.
    init() throws(SystemCallError) {
        event = eventfd(0, Int32(EFD_CLOEXEC | EFD_NONBLOCK))
        guard event >= 0 else { throw SystemCallError(stage: "eventfd", object: "supervisor mailbox", errno: errno) }
    }

    deinit {
        Glibc.close(event)
    }

    /// Readable when there is something to take.
    var descriptor: Int32 { event }

    func post(_ commit: Commit) {
        commits.withLock { $0.append(commit) }
        _ = eventfd_write(event, 1)
    }

    func take() -> [Commit] {
        var count: eventfd_t = 0
        _ = unsafe eventfd_read(event, &count)
        return commits.withLock { list in
            defer { list = [] }
            return list
        }
    }
}
