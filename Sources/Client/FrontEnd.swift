internal import Glibc
package import Linux

/// The side of a launch that stands where the user stands: it asks a supervisor for an agent, relays the three
/// standard streams and signals, and ends as the agent's command ended.
///
/// The same code serves the user's shell, where the supervisor is in the same process, and the inside of an
/// agent, where it is behind the agent's control socket.
package struct FrontEnd: ~Copyable {
    /// Exit code of a launch that failed before the command ran.
    package static let launchFailed: Int32 = 125
    /// Exit code of a launch that somebody was asked about and denied: EX_NOPERM (sysexits.h).
    package static let launchDenied: Int32 = 77
    /// Exit code of one that nobody answered in time: EX_TEMPFAIL (sysexits.h).
    package static let launchUnanswered: Int32 = 75
    /// Exit code of a command that ended with 0 when its output could not be written: EX_IOERR (sysexits.h).
    package static let outputLost: Int32 = 74

    /// How a launch ended.
    package struct Outcome: Sendable, Hashable {
        package var code: Int32
        /// For standard error; nil when the command's own output says it all.
        package var message: String?

        package init(code: Int32, message: String?) {
            self.code = code
            self.message = message
        }
    }

    /// Milliseconds without output after the agent's end, when whoever still holds its pipes is not of the agent.
    private static let drainTime: Int32 = 1_000
    /// Signals that end the wait for the rest of the output, or for an approval.
    package static let ending = [SIGTERM, SIGINT, SIGHUP, SIGQUIT]

    private let control: ControlChannel
    private let signals: SignalQueue
    private var pumps: [Pump] = []
    private var resources: [Int32] = []
    private var terminal: TerminalMode?
    private var outcome: Outcome?
    private var isDeclined = false
    /// What the user should know of that.
    private var declineNote: String?
    private var isRunning = false
    /// Until when the supervisor has to say that it has heard of the launch (`Uptime`); nil once it has, or where it may take
    /// its time.
    private var deadline: UInt64?

    package init(control: ControlChannel) throws(SystemCallError) {
        self.control = control
        signals = try SignalQueue.opened()
    }

    /// Launches and waits; nil when the supervisor is not the one for this launch, or ended before it heard of it.
    ///
    /// - Parameters:
    ///   - order: what to launch.
    ///   - isOther: whether the supervisor is of another process, which may be stopped, and has to say soon that it heard.
    ///   - declined: hears what the user should know where the supervisor is not the one for it.
    /// - Returns: how it ended.
    /// - Throws: when the supervisor went away before it said whether the command runs.
    package consuming func run(
        _ order: LaunchOrder,
        isOther: Bool,
        declined: (String) -> Void = { _ in }
    ) throws(ControlError) -> Outcome? {
        if isOther { deadline = Uptime.milliseconds() + 1_000 * UInt64(PacketSocket.patience) }
        guard handOver(order) else { return outcome ?? refusal }
        do throws(ControlError) {
            while !isDeclined && outcome == nil || pumps.contains(where: { isOutput($0) && !$0.isFinished }) {
                try turn()
            }
        } catch {
            guard isRunning else { throw error }
            outcome = Self.orphaned
        }
        if let declineNote { declined(declineNote) }
        return isDeclined ? nil : told(outcome ?? Outcome(code: Self.launchFailed, message: nil))
    }

    /// What is said of a supervisor that is there and of which nothing is heard.
    static let unheard =
        "the supervisor did not say within \(PacketSocket.patience) s that it has heard of this launch: it is stopped, or "
        + "has too much to do; nothing was launched. Outside of agents 'bailey ps' shows whether it answers, and 'bailey run "
        + "--alone' launches without it"

    /// Sends the order; false where it did not arrive.
    private mutating func handOver(_ order: LaunchOrder) -> Bool {
        let control = control
        do throws(ControlError) {
            // An environment may be more than fits in the socket at once; the supervisor reads it as it comes.
            try control.send(ControlRequest.launch(order).bytes) { () throws(ControlError) in
                try awaitRoom()
            }
            return true
        } catch {
            return false
        }
    }

    /// Waits until more can be sent; throws when the wait has ended otherwise.
    private mutating func awaitRoom() throws(ControlError) {
        var watched = [
            pollfd(fd: control.descriptor, events: Int16(POLLOUT), revents: 0),
            pollfd(fd: signals.descriptor, events: Int16(POLLIN), revents: 0),
        ]
        let ready = unsafe poll(&watched, nfds_t(watched.count), timeout)
        if ready == 0 { giveUp() }
        if watched[1].revents != 0 { try forwardSignals() }
        if let outcome { throw ControlError("ended with \(outcome.code) before the order was sent") }
    }

    /// Milliseconds that may be waited now; -1 for any number.
    private var timeout: Int32 {
        guard let deadline else { return -1 }
        let now = Uptime.milliseconds()
        return Int32(clamping: deadline - min(now, deadline))
    }

    /// The supervisor does not answer.
    private mutating func giveUp() {
        outcome = Outcome(code: Self.launchFailed, message: Self.unheard)
    }

    /// What a supervisor said that hung up before it heard the order; nil when that is nothing.
    private var refusal: Outcome? {
        guard case .message(let bytes, _) = try? control.receive(),
            case .refused(let code, let message) = try? ControlReply(bytes: bytes)
        else { return nil }
        return Outcome(code: code, message: message)
    }

    /// The command was running: it has ended as the kernel ends whatever has lost its supervisor.
    private static let orphaned = Outcome(
        code: 128 + SIGKILL,
        message: "the supervisor ended, and the command with it; 'bailey tree' shows how far it came"
    )

    /// The outcome, and what of the command's output could not be written.
    ///
    /// A reader that went away (EPIPE) has what it wanted, and is no loss.
    private func told(_ outcome: Outcome) -> Outcome {
        let losses = pumps.compactMap { pump -> String? in
            guard isOutput(pump), let failure = pump.failure, failure != EPIPE else { return nil }
            let name = pump.sink == STDOUT_FILENO ? "standard output" : "standard error"
            return "cannot write \(name): \(SystemCallError.text(failure))"
        }
        guard !losses.isEmpty else { return outcome }
        let remedy =
            "What the command wrote after that is lost: make room, or send it elsewhere, and run it again."
        return Outcome(
            code: outcome.code == 0 ? Self.outputLost : outcome.code,
            message: ([outcome.message].compactMap { $0 } + losses + [remedy]).joined(separator: "\n")
        )
    }

    deinit {
        for descriptor in resources { Glibc.close(descriptor) }
    }

    private func isOutput(_ pump: Pump) -> Bool { pump.sink == STDOUT_FILENO || pump.sink == STDERR_FILENO }

    /// Waits for whatever is next and handles it.
    private mutating func turn() throws(ControlError) {
        var watched = [
            pollfd(fd: outcome == nil ? control.descriptor : -1, events: Int16(POLLIN), revents: 0)
        ]
        watched.append(pollfd(fd: signals.descriptor, events: Int16(POLLIN), revents: 0))
        for pump in pumps {
            watched.append(pollfd(fd: pump.wantsRead ? pump.source : -1, events: Int16(POLLIN), revents: 0))
            watched.append(pollfd(fd: pump.wantsWrite ? pump.sink : -1, events: Int16(POLLOUT), revents: 0))
        }
        let isDraining = outcome != nil && !pumps.contains { isOutput($0) && $0.wantsWrite }
        let ready = unsafe poll(&watched, nfds_t(watched.count), isDraining ? Self.drainTime : timeout)
        if ready == 0 {
            pumps = []
            if deadline != nil { giveUp() }
        }
        guard ready > 0 else { return }
        for index in pumps.indices {
            if watched[2 + 2 * index].revents != 0 { pumps[index].read() }
            if watched[3 + 2 * index].revents != 0 { pumps[index].write() }
        }
        closeFinishedInput()
        if watched[1].revents != 0 { try forwardSignals() }
        if watched[0].revents != 0 { try handleReply() }
    }

    private mutating func handleReply() throws(ControlError) {
        switch try control.receive() {
        case .nothing: return
        case .closed: throw ControlError("closed")
        case .message(let bytes, let descriptors):
            resources += descriptors
            deadline = nil
            switch try ControlReply(bytes: bytes) {
            case .heard: return
            case .launched:
                isRunning = true
                try connect(descriptors)
            case .refused(let code, let message): outcome = Outcome(code: code, message: message)
            case .exited(let code, let note): outcome = Outcome(code: code, message: note)
            case .declined(let note): (isDeclined, declineNote) = (true, note)
            case .notice(let text): tell(text)
            case .agents, .ending, .revoked, .held, .answered, .whole, .named:
                throw ControlError("an answer to no question")
            }
        }
    }

    /// Says something beside the command's output, where somebody watches.
    private func tell(_ text: String) {
        guard isatty(STDERR_FILENO) == 1 else { return }
        // A terminal that is raw begins no new line by itself.
        let line = (terminal == nil ? "" : "\r") + "bailey: " + text + (terminal == nil ? "\n" : "\r\n")
        let octets = Array(line.utf8)
        // One that takes nothing now is not waited for.
        unsafe octets.withUnsafeBytes { _ = unsafe write(STDERR_FILENO, $0.baseAddress, $0.count) }
    }

    /// Joins the caller's streams to the agent's: one pty master, the two pipe ends that stand for one, or three.
    private mutating func connect(_ descriptors: [Int32]) throws(ControlError) {
        switch descriptors.count {
        case 1:
            terminal = TerminalMode.raw(STDIN_FILENO)
            pumps = [
                Pump(from: STDIN_FILENO, to: descriptors[0]), Pump(from: descriptors[0], to: STDOUT_FILENO),
            ]
        case 2:
            terminal = TerminalMode.raw(STDIN_FILENO)
            pumps = [
                Pump(from: STDIN_FILENO, to: descriptors[0]), Pump(from: descriptors[1], to: STDOUT_FILENO),
            ]
        case 3:
            pumps = [
                Pump(from: STDIN_FILENO, to: descriptors[0]), Pump(from: descriptors[1], to: STDOUT_FILENO),
                Pump(from: descriptors[2], to: STDERR_FILENO),
            ]
        default: throw ControlError("\(descriptors.count) descriptors for a launched agent")
        }
    }

    /// Tells the command that its standard input has ended, and closes an output whose reader is gone, so that
    /// the command gets SIGPIPE as it would without us.
    private mutating func closeFinishedInput() {
        guard terminal == nil else { return }
        for pump in pumps where pump.isFinished {
            let ours = isOutput(pump) ? pump.source : pump.sink
            guard let index = resources.firstIndex(of: ours) else { continue }
            Glibc.close(ours)
            resources.remove(at: index)
        }
    }

    private mutating func forwardSignals() throws(ControlError) {
        while let number = signals.next() {
            if outcome != nil {
                // Nobody is left to signal: what is being waited for is only the rest of the output.
                if Self.ending.contains(number) { pumps = [] }
            } else if deadline != nil, Self.ending.contains(number) {
                // Whoever would hand it on may never read it.
                outcome = Outcome(code: 128 + number, message: nil)
            } else if number == SIGWINCH {
                guard let size = TerminalMode.size(of: STDIN_FILENO) else { continue }
                try control.send(ControlRequest.resize(size).bytes)
            } else {
                try control.send(ControlRequest.signal(number).bytes)
            }
        }
    }
}
