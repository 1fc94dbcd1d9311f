internal import Dispatch
internal import Model
internal import NIOCore
internal import Synchronization

/// Has the processes behind connections looked for, on a thread of its own: runs take turns, nothing waits for it, and
/// nothing that decides knows of it.
final class Witnesses: Sendable {
    private struct Job: Sendable {
        let resident: Resident
        let connection: UInt64
        let ends: ConnectionEnds
    }

    private let numbers = ExchangeNumbers()
    private let audit: any AuditSink
    private let line: Mutex<FairQueue<Job>>
    private let thread = DispatchQueue(label: "bailey.witnesses", qos: .utility)

    init(_ audit: any AuditSink, _ limits: GatewayLimits) {
        self.audit = audit
        line = Mutex(
            FairQueue(
                FairQueue.Limits(
                    running: 1,
                    runningPerAgent: 1,
                    waitingPerAgent: limits.witnessesPerRun
                )
            )
        )
    }

    /// A number for a connection that was just accepted; nil for those of agents that nobody looks at.
    func connection(_ channel: any Channel, of resident: Resident) -> WitnessedConnection? {
        guard resident.witness != nil, let ends = ConnectionEnds(channel) else { return nil }
        return WitnessedConnection(numbers.next(), ends, resident, self)
    }

    /// Has the other end looked for; nothing waits for it.
    fileprivate func look(for connection: WitnessedConnection) {
        let job = Job(resident: connection.resident, connection: connection.number, ends: connection.ends)
        if line.withLock({ $0.add(job, for: job.resident.root) }) {
            thread.async { [self] in next() }
        } else {
            record(job, [], "too many connections of the run's were to be looked at")
        }
    }

    private func next() {
        guard let (run, job) = line.withLock({ $0.next() }) else { return }
        look(job)
        line.withLock { $0.finished(run) }
    }

    private func look(_ job: Job) {
        guard let witness = job.resident.witness, !job.resident.hasEnded else { return }
        do throws(WitnessFailure) {
            record(job, try witness.holder(of: job.ends), nil)
        } catch {
            record(job, [], error.description)
        }
    }

    /// Where its agent has ended meanwhile, its last record is written.
    private func record(_ job: Job, _ processes: [ProcessEvidence], _ missing: String?) {
        guard !job.resident.hasEnded else { return }
        let evidence = ConnectionEvidence(
            connections: [job.connection],
            processes: processes,
            missing: missing
        )
        let record = RepliesRecord(lineage: job.resident.lineage, replies: [], evidence: [evidence])
        audit.append(.replies(record), until: .soon) { _ in }
    }
}

/// A connection whose process is looked for when something that came over it goes on record: what says nothing costs
/// nothing.
///
/// Lives on one loop.
final class WitnessedConnection {
    let number: UInt64
    fileprivate let ends: ConnectionEnds
    fileprivate let resident: Resident
    private let witnesses: Witnesses
    private var isLookedFor = false

    fileprivate init(
        _ number: UInt64,
        _ ends: ConnectionEnds,
        _ resident: Resident,
        _ witnesses: Witnesses
    ) {
        self.number = number
        self.ends = ends
        self.resident = resident
        self.witnesses = witnesses
    }

    /// A record with its number is being written; its client has not heard anything yet, after which it may end.
    func isRecorded() {
        guard !isLookedFor else { return }
        isLookedFor = true
        witnesses.look(for: self)
    }
}

extension ConnectionEnds {
    /// Of an accepted connection: what is remote here is the agent's.
    fileprivate init?(_ channel: any Channel) {
        guard let theirs = channel.remoteAddress, let ours = channel.localAddress,
            let agent = IPAddress(socket: theirs), let peer = IPAddress(socket: ours),
            let agentPort = theirs.port.flatMap(UInt16.init(exactly:)),
            let peerPort = ours.port.flatMap(UInt16.init(exactly:))
        else { return nil }
        self.init(agent: agent, agentPort: agentPort, peer: peer, peerPort: peerPort)
    }
}
