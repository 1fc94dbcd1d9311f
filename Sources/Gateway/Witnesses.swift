internal import Dispatch
internal import Model
internal import NIOCore
internal import Synchronization

/// Has the processes behind connections looked for, on a thread of its own: agents take turns, nothing waits for it, and
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
                    waitingPerAgent: limits.witnessesPerAgent
                )
            )
        )
    }

    /// A number for a connection that was just accepted, whose other end is looked for; nil for those of agents that nobody
    /// looks at.
    func number(_ channel: any Channel, of resident: Resident) -> UInt64? {
        guard resident.witness != nil, let ends = ConnectionEnds(channel) else { return nil }
        let connection = numbers.next()
        let job = Job(resident: resident, connection: connection, ends: ends)
        if line.withLock({ $0.add(job, for: resident.id) }) {
            thread.async { [self] in next() }
        } else {
            record(job, [], "too many connections of the agent's were to be looked at")
        }
        return connection
    }

    private func next() {
        guard let (agent, job) = line.withLock({ $0.next() }) else { return }
        look(job)
        line.withLock { $0.finished(agent) }
    }

    private func look(_ job: Job) {
        guard let witness = job.resident.witness, !job.resident.current.closed else { return }
        do throws(WitnessFailure) {
            record(job, try witness.holder(of: job.ends), nil)
        } catch {
            record(job, [], error.description)
        }
    }

    /// Where its agent has ended meanwhile, its last record is written.
    private func record(_ job: Job, _ processes: [ProcessEvidence], _ missing: String?) {
        guard !job.resident.current.closed else { return }
        let evidence = ConnectionEvidence(
            connections: [job.connection],
            processes: processes,
            missing: missing
        )
        let record = RepliesRecord(lineage: job.resident.lineage, replies: [], evidence: [evidence])
        audit.append(.replies(record), until: .soon) { _ in }
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
