internal import CSandbox
internal import Glibc
package import Linux

/// One agent from outside: isolated, its command waiting for `start`, and then running.
///
/// Closing the channel, which the kernel does when the supervisor dies, ends it.
package final class Sandbox {
    /// What init says about the command.
    package enum Status: Sendable, Hashable {
        case pending
        /// The command runs.
        case started
        case exited(Int32)
        case signalled(Int32)
        /// The program could not be executed; errno(3).
        case execFailed(Int32)
        /// Init could not be executed; errno(3).
        case initFailed(Int32)
        /// Init ended without a word.
        case gone
    }

    /// Path of the program inside, as it was found.
    package let programPath: String
    /// SO_NETNS_COOKIE of the agent's network namespace.
    package let namespaceCookie: UInt64
    /// Which mechanism holds which limit.
    package let heldLimits: [String: String]
    /// Those of the limits that nothing holds for the agent and all below it together.
    package let unheldLimits: [String]

    private let pidfd: OwnedDescriptor
    private let channel: OwnedDescriptor
    private var control: OwnedDescriptor
    private let program: OwnedDescriptor
    private let user: OwnedDescriptor
    private var mounts: OwnedDescriptor
    private let pids: OwnedDescriptor
    private var listener: OwnedDescriptor?
    private var resolver: OwnedDescriptor?
    private var witness: OwnedDescriptor
    private var refusals: [Int32]
    private var streams: [Int32]
    let group: Cgroup?
    let identity: LaunchPlan.Identity

    init(
        _ ready: LaunchReports.Ready,
        parts: consuming SandboxParts,
        plan: LaunchPlan,
        limits: HeldLimits
    ) {
        pidfd = OwnedDescriptor(ready.pidfd)
        channel = parts.takeChannel()
        control = OwnedDescriptor(ready[CSB_EXPORT_CONTROL])
        program = OwnedDescriptor(ready[CSB_EXPORT_PROGRAM])
        user = OwnedDescriptor(ready[CSB_EXPORT_USER])
        mounts = OwnedDescriptor(ready[CSB_EXPORT_MOUNT])
        pids = OwnedDescriptor(ready[CSB_EXPORT_PID])
        namespaceCookie = csb_namespace_cookie(ready[CSB_EXPORT_LISTENER])
        listener = OwnedDescriptor(ready[CSB_EXPORT_LISTENER])
        resolver = OwnedDescriptor(ready[CSB_EXPORT_RESOLVER])
        witness = OwnedDescriptor(ready[CSB_EXPORT_WITNESS])
        refusals = [ready[CSB_EXPORT_REFUSALS_V4], ready[CSB_EXPORT_REFUSALS_V6]]
        let terminal = ready[CSB_EXPORT_TERMINAL]
        streams = terminal >= 0 ? [terminal] : parts.takeStreams()
        programPath = ready.program
        identity = plan.identity
        heldLimits = limits.held
        unheldLimits = limits.unheld
        group = limits.group
    }

    /// Puts init, and with it all that it will start, under the limits before anything runs.
    func admit() throws(LaunchFailure) {
        guard let group else { return }
        let process = csb_pid_of(pidfd.rawValue)
        do throws(CgroupFailure) {
            guard process > 0 else {
                throw CgroupFailure(step: "find the process", path: "pidfd", code: ESRCH)
            }
            try group.add(process)
        } catch {
            kill()
            // What cannot be had is mostly init's own memory: it ends with its first instructions.
            let isGone = error.code == ESRCH && heldLimits["memory"] != nil
            guard group.memoryKills == 0, !isGone else { throw Self.tooLittleMemory }
            throw LaunchFailure(
                step: error.step,
                object: error.path,
                errno: error.code,
                remedy: "The control group may have been removed meanwhile: try again."
            )
        }
    }

    /// A limit on memory that not even init fits in.
    package static var tooLittleMemory: LaunchFailure {
        LaunchFailure(
            step: "put the agent under its limits",
            object: "limits.memory",
            errno: ENOMEM,
            remedy: "The limit on memory, the profile's or that of an agent above, is too small for the"
                + " launch itself: raise it."
        )
    }

    deinit {
        control.take().closeToStranger()
        mounts.take().closeAside()
        for descriptor in streams + refusals { close(descriptor) }
        release()
    }

    /// For poll(2): readable when every process of the agent is gone (pidfd_open(2)).
    package var processDescriptor: Int32 { pidfd.rawValue }
    /// For poll(2): readable when `status` has something to say.
    package var channelDescriptor: Int32 { channel.rawValue }
    package var controlListenerDescriptor: Int32 { control.rawValue }
    /// The program's file, open for reading; nil when it cannot be read.
    package var programDescriptor: Int32? { program.rawValue >= 0 ? program.rawValue : nil }
    /// User, mount and pid namespaces, and a socket of the network namespace, for agents nested in this one.
    var namespaceDescriptors: [Int32] {
        [user.rawValue, mounts.rawValue, pids.rawValue, control.rawValue]
    }
    var pidNamespace: Int32 { pids.rawValue }

    /// Runs the command.
    package func start() throws(SystemCallError) {
        try say(CSB_GO)
    }

    package func signal(_ number: Int32) {
        try? say(CSB_SIGNAL, number)
    }

    package func resize(rows: UInt16, columns: UInt16) {
        try? say(CSB_RESIZE, Int32(rows), Int32(columns))
    }

    /// Ends every process of the agent and of all agents nested in it.
    package func kill() {
        csb_kill(pidfd.rawValue, SIGKILL)
    }

    /// Processes of the agent that the kernel killed for want of memory, nested agents' left out.
    package var memoryKills: UInt64 { group?.memoryKills ?? 0 }

    /// Gives back what an agent that is gone held on the host.
    package func release() {
        group?.remove()
    }

    package func acceptControl() -> OwnedDescriptor? {
        PacketSocket.accept(on: control.rawValue)
    }

    /// The standard streams' outer ends, or the pty's master; they are the caller's from here on.
    package func takeStreams() -> [Int32] {
        defer { streams = [] }
        return streams
    }

    /// The listener for captured connections, once.
    package func takeListener() -> OwnedDescriptor? { listener.take() }

    /// The resolver's socket, once.
    package func takeResolver() -> OwnedDescriptor? { resolver.take() }

    /// The raw sockets that hear of refused datagrams, IPv4 and then IPv6, once; they are the caller's from here on.
    package func takeRefusals() -> [Int32] {
        defer { refusals = [] }
        return refusals
    }

    /// What finds the processes behind the agent's connections.
    ///
    /// - Parameter digest: of a program's open file, as far as it is to be had soon.
    /// - Returns: it, once; nil where the kernel does not say.
    package func takeWitness(digest: @escaping ConnectionWitness.Digest) -> ConnectionWitness? {
        let diagnosis = witness.take()
        let process = OwnedDescriptor(fcntl(pidfd.rawValue, F_DUPFD_CLOEXEC, 0))
        guard diagnosis.rawValue >= 0, process.rawValue >= 0 else { return nil }
        return ConnectionWitness(diagnosis, process: process, digest: digest)
    }

    /// The next word of init's, without waiting.
    package func status() -> Status {
        let size = MemoryLayout<csb_word>.size
        do throws(SystemCallError) {
            guard let packet = try PacketSocket.receive(on: channel.rawValue, maximumBytes: size) else {
                return .pending
            }
            guard packet.bytes.count == size else { return .gone }
            var word = csb_word()
            unsafe withUnsafeMutableBytes(of: &word) { unsafe $0.copyBytes(from: packet.bytes) }
            return Self.status(word)
        } catch {
            return .gone
        }
    }

    private static func status(_ word: csb_word) -> Status {
        switch UInt32(bitPattern: word.kind) {
        case CSB_EXITED.rawValue: .exited(word.a)
        case CSB_SIGNALLED.rawValue: .signalled(word.a)
        case CSB_EXEC_FAILED.rawValue: .execFailed(word.a)
        case CSB_STARTED.rawValue: .started
        case CSB_NO_INIT.rawValue: .initFailed(word.a)
        default: .gone
        }
    }

    private func say(_ kind: csb_to_init, _ a: Int32 = 0, _ b: Int32 = 0) throws(SystemCallError) {
        let word = csb_word(kind: Int32(kind.rawValue), a: a, b: b)
        try PacketSocket.send(unsafe withUnsafeBytes(of: word) { unsafe Array($0) }, on: channel.rawValue)
    }
}
