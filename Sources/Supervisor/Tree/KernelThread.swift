internal import Glibc
internal import Linux

/// A thread of its own, which nothing else is scheduled on.
enum KernelThread {
    /// Starts one that nobody waits for.
    ///
    /// - Throws: when the kernel gives none; then nothing of the work is done.
    static func detach(
        for object: String,
        _ work: @escaping @Sendable () -> Void
    ) throws(SystemCallError) {
        pthread_detach(try start(for: object, work))
    }

    /// Starts one that has to be waited for.
    ///
    /// - Returns: what pthread_join(3) takes.
    /// - Throws: when the kernel gives none; then nothing of the work is done.
    static func start(
        for object: String,
        _ work: @escaping @Sendable () -> Void
    ) throws(SystemCallError) -> pthread_t {
        let errand = Errand(work)
        var thread = pthread_t()
        let context = unsafe Unmanaged.passRetained(errand).toOpaque()
        let status = unsafe pthread_create(
            &thread,
            nil,
            { context in
                guard let context = unsafe context else { return nil }
                unsafe Unmanaged<Errand>.fromOpaque(context).takeRetainedValue().work()
                return nil
            },
            context
        )
        guard status == 0 else {
            unsafe Unmanaged<Errand>.fromOpaque(context).release()
            throw SystemCallError(stage: "pthread_create", object: object, errno: status)
        }
        return thread
    }

    /// What crosses to the new thread.
    private final class Errand: Sendable {
        let work: @Sendable () -> Void

        init(_ work: @escaping @Sendable () -> Void) { self.work = work }
    }
}
