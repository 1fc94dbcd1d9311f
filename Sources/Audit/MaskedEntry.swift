internal import Masking
internal import Model

/// Rewrites every text that an agent, or a program it started, could have had a say in: masked first, then
/// cut to the store's bounds.
struct EntryMask: Sendable {
    let memory: MaskMemory

    func callAsFunction(_ entry: AuditEntry) -> EntryColumns {
        switch entry {
        case .spawn(let record): EntryColumns(.spawn(masked(record)), columns(record.lineage))
        case .spawnRefused(let record):
            EntryColumns(.spawnRefused(masked(record)), record.parent.map(columns))
        case .exit(let record): EntryColumns(.exit(masked(record)), columns(record.lineage))
        case .request(let record): EntryColumns(.request(masked(record)), columns(record.lineage))
        case .replies(let record): EntryColumns(.replies(masked(record)), columns(record.lineage))
        case .revocation(let record):
            EntryColumns(.revocation(masked(record)), record.lineage.map(columns))
        case .approval(let record): EntryColumns(.approval(masked(record)), columns(record.lineage))
        case .custody(let record): EntryColumns(.custody(masked(record)), nil)
        case .renewal(let record): EntryColumns(.renewal(masked(record)), columns(record.lineage))
        }
    }

    /// A text as the records of requests have it.
    func text(_ text: String) -> String { masked(text) }

    /// Masked as all else, once: the records below keep the lineage as it is, and are not asked for it.
    private func columns(_ lineage: Lineage) -> LineageColumns {
        memory.columns(of: lineage) { LineageColumns(masked($0)) }
    }

    private func masked(_ record: SpawnRecord) -> SpawnRecord {
        SpawnRecord(
            lineage: record.lineage,
            argv: masked(record.argv),
            workingDirectory: masked(record.workingDirectory),
            workspace: masked(record.workspace),
            program: masked(record.program),
            programDigest: record.programDigest,
            limits: record.limits.mapValues(masked),
            degraded: record.degraded.map(masked),
            systemCalls: record.systemCalls,
            mechanisms: record.mechanisms,
            spiffe: record.spiffe,
            approval: record.approval,
            terminal: record.terminal,
            ownText: record.ownText,
            replayed: record.replayed.map(masked)
        )
    }

    private func masked(_ record: SpawnRefusal) -> SpawnRefusal {
        SpawnRefusal(
            parent: record.parent,
            principal: record.principal,
            profile: masked(record.profile),
            argv: masked(record.argv),
            reason: masked(record.reason)
        )
    }

    /// Who is revoked is looked up by the very octets.
    private func masked(_ record: RevocationRecord) -> RevocationRecord {
        RevocationRecord(
            lineage: record.lineage,
            principal: record.principal,
            by: record.by,
            reason: record.reason.map(masked),
            agents: record.agents,
            keptRunning: record.keptRunning,
            isLifted: record.isLifted
        )
    }

    /// What is held is looked up by the very octets.
    private func masked(_ record: CustodyRecord) -> CustodyRecord {
        CustodyRecord(
            record.event,
            record.subject,
            by: record.by,
            reason: record.reason.map(masked),
            runs: record.runs
        )
    }

    /// Who it is, is as in the launch's record.
    private func masked(_ record: RenewalRecord) -> RenewalRecord {
        RenewalRecord(
            lineage: record.lineage,
            principal: record.principal,
            key: record.key.map(masked),
            previous: record.previous
        )
    }

    private func masked(_ record: ApprovalRecord) -> ApprovalRecord {
        ApprovalRecord(
            lineage: record.lineage,
            question: record.question,
            event: record.event,
            action: masked(record.action),
            resource: masked(record.resource),
            query: record.query.map(masked),
            digest: record.digest,
            content: record.content,
            octets: record.octets,
            rules: record.rules.map(masked),
            by: record.by,
            groups: record.groups,
            program: record.program.map(masked),
            process: record.process,
            via: record.via.map(masked),
            reason: record.reason.map(masked),
            life: record.life
        )
    }

    private func masked(_ record: ExitRecord) -> ExitRecord {
        ExitRecord(
            lineage: record.lineage,
            status: record.status,
            cause: record.cause.map(masked),
            written: record.written.map { written in
                WrittenFiles(
                    files: written.files.map {
                        WrittenFiles.File(path: masked($0.path), reason: masked($0.reason))
                    },
                    more: written.more,
                    isWhole: written.isWhole,
                    unlooked: written.unlooked
                )
            },
            terminal: record.terminal.map {
                RecordedTerminal(
                    chunks: $0.chunks,
                    octets: $0.octets,
                    digest: $0.digest,
                    missing: $0.missing.map(masked)
                )
            },
            masked: record.masked
        )
    }

    private func masked(_ record: RequestRecord) -> RequestRecord {
        RequestRecord(
            lineage: record.lineage,
            action: masked(record.action),
            resource: masked(record.resource),
            exchange: record.exchange,
            connection: record.connection,
            query: record.query.map(masked),
            fields: record.fields.map(masked),
            statement: record.statement.map(masked),
            database: record.database.map(masked),
            verdict: record.verdict,
            levels: record.levels.map(masked),
            reason: record.reason,
            message: record.message.map(masked),
            credential: record.credential,
            approval: record.approval,
            masked: record.masked.map { counts in
                Dictionary(counts.map { (masked($0.key), $0.value) }) { $0 &+ $1 }
            }
        )
    }

    private func masked(_ record: RepliesRecord) -> RepliesRecord {
        RepliesRecord(
            lineage: record.lineage,
            replies: record.replies.map(masked),
            evidence: record.evidence.map { $0.map(masked) }
        )
    }

    private func masked(_ evidence: ConnectionEvidence) -> ConnectionEvidence {
        ConnectionEvidence(
            connections: evidence.connections,
            processes: evidence.processes.map { process in
                ProcessEvidence(
                    pid: process.pid,
                    program: process.program.map(masked),
                    programDigest: process.programDigest,
                    argv: masked(process.argv)
                )
            },
            missing: evidence.missing
        )
    }

    private func masked(_ reply: Reply) -> Reply {
        var masked = Reply(
            exchange: reply.exchange,
            action: self.masked(reply.action),
            resource: self.masked(reply.resource),
            cause: reply.cause.map(self.masked)
        )
        masked.status = reply.status
        masked.outcome = reply.outcome.map(self.masked)
        masked.execution = reply.execution.map(self.masked)
        masked.fields = reply.fields.map(self.masked)
        masked.trailers = reply.trailers.map(self.masked)
        (masked.sent, masked.received) = (reply.sent, reply.received)
        masked.bodies = reply.bodies.map { $0.map(self.masked) }
        return masked
    }

    /// What a server said of its coding is a text as any other.
    private func masked(_ body: RecordedBody) -> RecordedBody {
        RecordedBody(
            side: body.side,
            octets: body.octets,
            digest: body.digest,
            place: body.place,
            coding: body.coding.map(masked),
            missing: body.missing.map(masked)
        )
    }

    private func masked(_ statement: RecordedStatement) -> RecordedStatement {
        RecordedStatement(
            session: statement.session,
            text: masked(statement.text).cut(to: StatementRecordLimits.text)
        )
    }

    private func masked(_ execution: RecordedExecution) -> RecordedExecution {
        RecordedExecution(
            microseconds: execution.microseconds,
            rows: execution.rows,
            parameters: execution.parameters.map { parameters in
                RecordedParameters(
                    parameters.values.map { $0.map { masked($0).cut(to: StatementRecordLimits.value) } },
                    more: parameters.more
                )
            },
            messages: execution.messages
        )
    }

    /// Not remembered: such texts seldom come twice.
    private func masked(_ text: RecordedText) -> RecordedText {
        text.text.utf8.count < SecretMask.shortest
            ? text : RecordedText(memory.mask.longText(text.text), more: text.more)
    }

    /// Not cut: who made it has bounded it.
    private func masked(_ fields: HeadFields) -> HeadFields {
        HeadFields(text: memory.fields(fields.text))
    }

    private func masked(_ level: LevelVerdict) -> LevelVerdict {
        let rule = level.rule.map { RuleReference(text: masked($0.text), source: $0.source.map(masked)) }
        return LevelVerdict(
            agent: level.agent,
            profile: masked(level.profile),
            effect: level.effect,
            rule: rule
        )
    }

    private func masked(_ lineage: Lineage) -> Lineage {
        let root = lineage.ancestors.first ?? lineage.agent
        return lineage.hops.dropFirst().reduce(Lineage(principal: lineage.principal, root: masked(root))) {
            $0.child(masked($1))
        }
    }

    private func masked(_ hop: Hop) -> Hop {
        Hop(
            agent: hop.agent,
            name: masked(hop.name),
            profile: masked(hop.profile),
            profileDigest: hop.profileDigest
        )
    }

    private func masked(_ arguments: [String]) -> [String] {
        let kept = arguments.prefix(AuditLimits.maximumArguments).map(Self.readable)
        let dropped = arguments.count - kept.count
        let masked = memory.mask.arguments(kept).map(Self.cut)
        return dropped > 0 ? masked + ["[\(dropped) more arguments]"] : masked
    }

    private func masked(_ text: String) -> String {
        Self.cut(memory.text(Self.readable(text)))
    }

    /// Bounds what the masking has to read.
    ///
    /// Wider than what is kept, so that no secret is cut in two before it could be recognised.
    private static func readable(_ text: String) -> String {
        let bound = 4 * AuditLimits.maximumText
        return text.utf8.count <= bound ? text : String(decoding: text.utf8.prefix(bound), as: UTF8.self)
    }

    /// Whether a text on record is of a longer one; two of those that are equal need not have been.
    static func isCut(_ text: String) -> Bool {
        text.ends(with: cutEnd) && text.firstPlace(ofText: cutStart) != nil
    }

    private static let (cutStart, cutEnd) = ("[cut: ", " more octets]")

    private static func cut(_ text: String) -> String {
        let count = text.utf8.count
        guard count > AuditLimits.maximumText else { return text }
        let kept = String(decoding: text.utf8.prefix(AuditLimits.maximumText), as: UTF8.self)
        return "\(kept)\(cutStart)\(count - AuditLimits.maximumText)\(cutEnd)"
    }
}
