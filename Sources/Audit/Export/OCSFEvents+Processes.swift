internal import Foundation
internal import Model

/// Agents as processes: Process Activity; what process of one opened connections: Network Activity.
extension OCSFEvents {
    private static let launch = OCSFActivity(id: 1, name: "Launch")

    func event(_ record: SpawnRecord, _ source: AuditRecord) -> OCSFEvent {
        var event = event(.process, Self.launch, source)
        let lineage = record.lineage
        event.actor = lineage.ancestors.last.map { parent in
            OCSFEvent.Actor(
                user: OCSFEvent.User(lineage.principal),
                process: OCSFEvent.Process(parent, below: lineage.ancestors.dropLast()),
                session: OCSFEvent.Session(uid: source.run)
            )
        }
        if event.actor == nil {
            event.actor = OCSFEvent.Actor(
                user: OCSFEvent.User(lineage.principal),
                session: OCSFEvent.Session(uid: source.run)
            )
        }
        var process = OCSFEvent.Process(lineage.agent, below: lineage.ancestors)
        process.cmdLine = record.argv.commandText
        process.workingDirectory = record.workingDirectory
        process.file = OCSFEvent.File(path: record.program, digest: record.programDigest)
        event.process = process
        event.policy = OCSFEvent.Policy(name: lineage.agent.profile, desc: lineage.agent.profileDigest)
        event.message =
            "launch \(record.argv.commandText)"
            + (SpawnRecord.answers(from: record.replayed).map { "; " + $0 } ?? "")
        event.ruled(.allowed, .allowed)
        event.succeeded()
        return event
    }

    func event(_ record: SpawnRefusal, _ source: AuditRecord) -> OCSFEvent {
        var event = event(.process, Self.launch, source)
        event.actor =
            record.parent.map(OCSFEvent.Actor.init) ?? OCSFEvent.Actor(user: OCSFEvent.User(record.principal))
        // It never was: no agent has this id.
        event.process = OCSFEvent.Process(
            uid: "refused-\(source.sequence)",
            cmdLine: record.argv.commandText
        )
        event.policy = OCSFEvent.Policy(name: record.profile, desc: nil)
        event.message = "launch refused: \(record.reason)"
        event.ruled(.denied, .blocked)
        event.failed("spawn-refused", record.reason, .medium)
        return event
    }

    func event(_ record: ExitRecord, _ source: AuditRecord) -> OCSFEvent {
        var event = event(.process, OCSFActivity(id: 2, name: "Terminate"), source)
        event.actor = OCSFEvent.Actor(record.lineage)
        event.process = OCSFEvent.Process(record.lineage.agent, below: record.lineage.ancestors)
        event.exitCode = record.status
        event.message =
            "exit \(record.status)" + (record.cause.map { ": \($0)" } ?? "")
            + (record.maskedText.map { "; masked: \($0)" } ?? "")
        event.ruled(record.masked == nil ? .observed : .modified)
        event.succeeded()
        event.statusDetail = record.cause
        return event
    }

    /// Who held the agent's end of connections.
    func event(
        _ evidence: ConnectionEvidence,
        of lineage: Lineage,
        _ source: AuditRecord,
        part: Int
    ) -> OCSFEvent {
        var event = event(.network, OCSFActivity(id: 1, name: "Open"), source, part: part)
        event.actor = OCSFEvent.Actor(lineage)
        if let holder = evidence.processes.first {
            event.actor?.process = OCSFEvent.Process(
                uid: lineage.agent.agent.text,
                pid: holder.pid,
                name: lineage.agent.name,
                cmdLine: holder.argv.commandText,
                file: holder.program.flatMap { OCSFEvent.File(path: $0, digest: holder.programDigest) },
                ancestry: evidence.processes.dropFirst().map { process in
                    OCSFEvent.Ancestor(uid: "\(process.pid)", name: process.program ?? "")
                }
            )
        }
        event.srcEndpoint = OCSFEvent.Endpoint(lineage)
        event.message = "connections \(evidence.connections.map { "\($0)" }.joined(separator: ", "))"
        event.ruled(.observed)
        event.statusDetail = evidence.missing
        return event
    }
}

extension ExitRecord {
    /// `2 credential on stdout, 1 token on stdin`; nil for nothing.
    fileprivate var maskedText: String? {
        masked.map { counts in
            counts.sorted { $0.key.precedes($1.key) }.map { "\($0.value) \($0.key)" }.joined(separator: ", ")
        }
    }
}

extension OCSFEvent.File {
    /// Nil without a path.
    init?(path: String, digest: String?) {
        guard !path.isEmpty else { return nil }
        self.init(
            name: path.lastPlace(of: "/").map { String(path.rest(behind: $0)) } ?? path,
            path: path,
            hashes: digest.map { [OCSFEvent.Fingerprint(value: $0)] }
        )
    }
}
