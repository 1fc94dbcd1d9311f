internal import Dispatch
internal import Synchronization

/// Waits for what the library does asynchronously, on a thread that may block.
enum Awaited {
    /// The value, once it is there.
    ///
    /// The work has threads of its own: where all of the concurrency library's wait, as this one does, it goes on.
    static func value<Value: Sendable>(_ work: @escaping @Sendable () async -> Value) -> Value? {
        let (result, done) = (Box<Value>(), DispatchSemaphore(value: 0))
        Task.detached(executorPreference: WorkExecutor.shared) {
            let value = await work()
            result.value.withLock { $0 = value }
            done.signal()
        }
        done.wait()
        return result.value.withLock { $0 }
    }

    private final class Box<Value: Sendable>: Sendable {
        let value = Mutex<Value?>(nil)
    }
}

/// Runs tasks on a queue of Dispatch's.
private final class WorkExecutor: TaskExecutor {
    static let shared = WorkExecutor()

    private let queue = DispatchQueue(label: "bailey.identities.verify", attributes: .concurrent)

    func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        queue.async { unsafe job.runSynchronously(on: self.asUnownedTaskExecutor()) }
    }
}
