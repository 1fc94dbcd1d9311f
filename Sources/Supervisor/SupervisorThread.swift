internal import Client
internal import Glibc
internal import Linux
internal import Profiles
internal import Sandbox
internal import Synchronization

/// The thread that owns a supervisor's tree while the main thread relays the user's streams.
struct SupervisorThread: ~Copyable {
    /// What crosses to the new thread, and what comes back.
    private final class Errand: Sendable {
        let configuration: SupervisorConfiguration
        let spawner: Spawner
        let frontEnd: Int32
        let profileMemory: ProfileMemory
        let outcome = Mutex<FrontEnd.Outcome?>(nil)

        init(
            configuration: SupervisorConfiguration,
            spawner: Spawner,
            frontEnd: Int32,
            profileMemory: ProfileMemory
        ) {
            self.configuration = configuration
            self.spawner = spawner
            self.frontEnd = frontEnd
            self.profileMemory = profileMemory
        }

        func run() {
            let socket = OwnedDescriptor(frontEnd)
            do {
                try Supervisor(
                    configuration: configuration,
                    spawner: spawner,
                    profileMemory: profileMemory
                ).serve(socket)
            } catch {
                outcome.withLock {
                    $0 = FrontEnd.Outcome(
                        code: FrontEnd.launchFailed,
                        message: "nothing was launched: \(error)"
                    )
                }
            }
        }
    }

    private let thread: pthread_t
    private let errand: Errand

    /// Starts it; the front-end's descriptor passes to it.
    static func start(
        configuration: SupervisorConfiguration,
        spawner: Spawner,
        frontEnd: consuming OwnedDescriptor,
        profileMemory: ProfileMemory
    ) throws(SystemCallError) -> SupervisorThread {
        let errand = Errand(
            configuration: configuration,
            spawner: spawner,
            frontEnd: frontEnd.release(),
            profileMemory: profileMemory
        )
        do throws(SystemCallError) {
            let thread = try KernelThread.start(for: "supervisor") { errand.run() }
            return SupervisorThread(thread: thread, errand: errand)
        } catch {
            close(errand.frontEnd)
            throw error
        }
    }

    /// Waits until the supervisor is done; its own failure, if that is why nothing ran.
    consuming func join() -> FrontEnd.Outcome? {
        _ = pthread_join(thread, nil)
        return errand.outcome.withLock { $0 }
    }
}
