internal import Audit
internal import CSandbox
internal import Glibc
internal import Linux
internal import Model
internal import Synchronization

/// Stands between an agent's pty and its front-end, and records what is shown, on a thread of its own.
///
/// What comes from the agent is handed to the recorder before it is handed on; while that writes, nothing is read.
final class TerminalRelay: Sendable {
    /// What the supervisor hears.
    enum Report: Sendable {
        /// Something could not be written; from then on nothing of it is recorded.
        case failed(AuditFailure)
        /// The terminal is gone.
        case ended(RecordedTerminal)
    }

    /// What the supervisor says.
    private struct Orders {
        var windows: [(TerminalRecorder.Window, at: UInt64)] = []
        var isEnded = false
    }

    /// Sizes of a window that wait: a window that is dragged has some dozen in the time of one write.
    private static let maximumWindows = 1_024

    private let run: String?
    private let farewells: TerminalFarewells
    private let recorder: Mutex<TerminalRecorder>
    private let orders = Mutex(Orders())
    private let began = Poller.now()
    private let isRequired: Bool
    private let event: Int32
    private let report: @Sendable (Report) -> Void

    /// - Parameters:
    ///   - recorder: what records.
    ///   - run: of the agent; nil where the terminal is the user's own.
    ///   - farewells: how long those that have ended wait.
    ///   - isRequired: whether nothing is handed on that is not recorded.
    ///   - report: called on the relay's thread.
    /// - Throws: when the kernel has no descriptor left.
    init(
        _ recorder: sending TerminalRecorder,
        of run: String?,
        _ farewells: TerminalFarewells,
        isRequired: Bool,
        report: @escaping @Sendable (Report) -> Void
    ) throws(SystemCallError) {
        self.recorder = Mutex(recorder)
        (self.run, self.farewells) = (run, farewells)
        (self.isRequired, self.report) = (isRequired, report)
        event = csb_event_open()
        guard event >= 0 else {
            throw SystemCallError(stage: "eventfd", object: "terminal relay", errno: -event)
        }
    }

    deinit { close(event) }

    /// Nothing of it is wanted.
    func abandon() { recorder.withLock { $0.abandon() } }

    func resized(rows: UInt16, columns: UInt16) {
        let now = Poller.now() - began
        orders.withLock { orders in
            guard orders.windows.count < Self.maximumWindows else { return }
            orders.windows.append((TerminalRecorder.Window(rows: rows, columns: columns), at: now))
        }
        csb_event_raise(event)
    }

    /// The agent's last process is gone: what its terminal holds is the rest.
    func ended() {
        orders.withLock { $0.isEnded = true }
        csb_event_raise(event)
    }

    /// Begins; the master is the relay's from here on.
    ///
    /// - Returns: what the front-end gets in its place.
    func begin(_ master: consuming OwnedDescriptor) throws(SystemCallError) -> Int32 {
        var ends: [Int32] = [-1, -1]
        let kind = Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue)
        guard unsafe socketpair(AF_UNIX, kind, 0, &ends) == 0 else {
            throw SystemCallError(stage: "socketpair", object: "terminal relay", errno: errno)
        }
        let (ours, theirs) = (ends[0], ends[1])
        // Ours alone: whoever has the other end polls before it writes.
        _ = fcntl(ours, F_SETFL, O_NONBLOCK)
        let terminal = master.release()
        do throws(SystemCallError) {
            try KernelThread.detach(for: "terminal relay") { [self] in
                var loop = TerminalLoop(master: terminal, peer: ours, self)
                loop.run()
            }
        } catch {
            for descriptor in [terminal, ours, theirs] { close(descriptor) }
            throw error
        }
        return theirs
    }
}

// What the relay's thread asks of it.
extension TerminalRelay {
    var descriptor: Int32 { event }

    /// Milliseconds that the front-end has to take the rest, now that the terminal has ended; `leave` follows.
    func farewell() -> UInt64 { farewells.enter(run) }

    func leave() { farewells.leave(run) }

    /// Takes what the supervisor has said; whether the agent has ended.
    func takeOrders() -> Bool {
        csb_event_take(event)
        let (windows, isEnded) = orders.withLock { orders in
            defer { orders.windows = [] }
            return (orders.windows, orders.isEnded)
        }
        recorder.withLock { recorder in
            for (window, moment) in windows { recorder.resize(window, at: moment) }
        }
        return isEnded
    }

    func record(_ shown: [UInt8]) {
        let now = Poller.now() - began
        recorder.withLock { $0.take(shown, at: now) }
    }

    var isWaiting: Bool { recorder.withLock { $0.isWaiting } }

    /// Writes what is decided.
    func flush() -> Result<Void, AuditFailure> {
        recorder.withLock { recorder in
            do throws(AuditFailure) {
                try recorder.flush()
                return .success(())
            } catch {
                return .failure(error)
            }
        }
    }

    func failed(_ failure: AuditFailure) { report(.failed(failure)) }

    /// Nothing is handed on that is not recorded.
    var endsWithFailure: Bool { isRequired }

    /// Writes the rest, and reports what is there.
    func finish(after failure: AuditFailure?) {
        let recorded = recorder.withLock { recorder in
            guard failure == nil else { return recorder.recorded(missing: failure?.message) }
            do throws(AuditFailure) {
                try recorder.finish()
                return recorder.recorded(missing: nil)
            } catch {
                return recorder.recorded(missing: error.message)
            }
        }
        report(.ended(recorded))
    }
}
