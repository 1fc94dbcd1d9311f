internal import CSandbox
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
        event = csb_event_open()
        guard event >= 0 else {
            throw SystemCallError(stage: "eventfd", object: "supervisor mailbox", errno: -event)
        }
    }

    deinit {
        Glibc.close(event)
    }

    /// Readable when there is something to take.
    var descriptor: Int32 { event }

    func post(_ commit: Commit) {
        commits.withLock { $0.append(commit) }
        csb_event_raise(event)
    }

    func take() -> [Commit] {
        csb_event_take(event)
        return commits.withLock { list in
            defer { list = [] }
            return list
        }
    }
}
