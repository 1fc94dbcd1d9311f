internal import Audit
package import Client
internal import Dispatch
internal import Identity
internal import Linux
internal import Model
internal import Synchronization

/// `bailey revoke`, from outside: asks the supervisors, and writes what concerns a principal.
package enum Revoker {
    /// What came of it.
    package struct Outcome: Sendable {
        /// Agents that were cut off.
        package var agents = 0
        /// Supervisors that were not heard of: agents of theirs may live on.
        package var silent: [String] = []
        /// Why it is not on record; nil when it is.
        package var failure: String?
    }

    /// Milliseconds that agents which are cut off live on, so that their ends stand behind the record of why.
    private static let patience = 2_000

    /// Cuts off an agent or a principal.
    ///
    /// A principal's is recorded between two times of asking: the first bars its agents, the second ends their processes as well,
    /// so that the log has the cause before the effect. A supervisor that starts meanwhile either looks into the log
    /// when that is there already, before its agent's command runs, or had its socket before, and is found the second time.
    ///
    /// - Parameters:
    ///   - order: whom, and what becomes of their processes.
    ///   - directory: the state directory, whose log keeps who is revoked.
    /// - Returns: what came of it.
    package static func revoke(_ order: RevocationOrder, in directory: String) -> Outcome {
        var barrier = order
        var isFirst = false
        if case .principal = order.subject { (barrier.keepsRunning, isFirst) = (true, true) }
        let first = RunningSupervisors.revoke(barrier, of: directory, isFirst: isFirst)
        var outcome = Outcome(
            agents: first.value.agents,
            silent: first.silent,
            failure: first.value.failure
        )
        guard case .principal(let subject) = order.subject else { return outcome }
        let by = LocalUser.recorded()
        let record = { agents in
            RevocationRecord(
                lineage: nil,
                principal: subject,
                by: by,
                reason: order.reason,
                agents: agents,
                keptRunning: order.keepsRunning
            )
        }
        let writing = Writing { [entry = record(outcome.agents)] in
            write(entry, at: order.time, in: directory)
        }
        // No longer: a store that does not answer must not keep processes alive.
        writing.wait(atMost: patience)
        let second = RunningSupervisors.revoke(order, of: directory)
        outcome.agents = max(outcome.agents, second.value.agents)
        outcome.silent = second.silent
        outcome.failure = writing.failure
        return outcome
    }

    /// How the lifting of a revocation ended.
    package enum Lifting: Sendable {
        case lifted
        case notRevoked
        /// It stays revoked.
        case failed(String)
    }

    /// Lets a principal's agents be launched again; those that were cut off stay so.
    package static func lift(_ subject: String, because reason: String?, in directory: String) -> Lifting {
        do {
            let store = try AuditStore.open(directory: directory, run: RunName.random())
            guard let entry = try store.revokedPrincipals().entry(of: subject) else { return .notRevoked }
            let record = RevocationRecord(
                lineage: nil,
                principal: subject,
                by: LocalUser.recorded(),
                reason: reason,
                agents: 0,
                keptRunning: entry.keptRunning,
                isLifted: true
            )
            return write(record, at: AuditStore.wallClock(), to: store).map { .failed($0) } ?? .lifted
        } catch {
            return .failed("\(error)")
        }
    }

    /// Milliseconds between two words of how far that is.
    private static let silence: UInt64 = 2_000

    /// Brings what was said of a principal to the database of a fleet, whose other machines heed it.
    ///
    /// - Parameters:
    ///   - directory: the state directory.
    ///   - progress: hears, every few seconds, how many records that were written before are missing still.
    /// - Returns: why it is not there; nil where it is, or `bailey.yaml` names none.
    package static func share(from directory: String, progress: (Int64) -> Void) -> String? {
        do {
            guard let plan = try LogKeeping.fleet(configuration: nil) else { return nil }
            let store = try AuditStore.open(directory: directory, run: RunName.random())
            var told = Uptime.milliseconds()
            try store.bring(to: plan) { missing in
                guard missing > 0, Uptime.milliseconds() - told >= Self.silence else { return }
                told = Uptime.milliseconds()
                progress(missing)
            }
            return nil
        } catch {
            return "\(error)"
        }
    }

    private static func write(
        _ record: RevocationRecord,
        at time: Timestamp,
        in directory: String
    ) -> String? {
        do {
            let store = try AuditStore.open(directory: directory, run: RunName.random())
            return write(record, at: time, to: store)
        } catch {
            return "\(error)"
        }
    }

    /// Why it could not be written; nil when the disk has it, and its signed head.
    private static func write(
        _ record: RevocationRecord,
        at time: Timestamp,
        to store: AuditStore
    ) -> String? {
        let outcome = Mutex<Result<Void, AuditFailure>>(.success(()))
        let written = DispatchSemaphore(value: 0)
        store.append(.revocation(record), at: time, until: .durable) { result in
            outcome.withLock { $0 = result }
            written.signal()
        }
        written.wait()
        store.flush()
        if case .failure(let failure) = outcome.withLock({ $0 }) { return "\(failure)" }
        if case .refusing(let failure) = store.condition { return "\(failure)" }
        return nil
    }
}

/// A record on its way to the disk, which nobody waits for longer than they can.
private final class Writing: Sendable {
    private let outcome = Mutex<String?>(nil)
    private let done = DispatchSemaphore(value: 0)

    /// `write` gives why it could not be written; nil when it is.
    init(_ write: @escaping @Sendable () -> String?) {
        DispatchQueue(label: "bailey.revocation").async { [self] in
            let failure = write()
            outcome.withLock { $0 = failure }
            done.signal()
        }
    }

    /// Milliseconds.
    func wait(atMost milliseconds: Int) {
        if done.wait(timeout: .now() + .milliseconds(milliseconds)) == .success { done.signal() }
    }

    /// Waits for the end.
    var failure: String? {
        done.wait()
        done.signal()
        return outcome.withLock { $0 }
    }
}
