internal import Model

extension AuditEntry {
    /// The entry's record as canonical JSON, in the shape that its `Codable` reads; its lineage, or parent, is `lineage`.
    func canonicalJSON(_ lineage: LineageColumns?) -> [UInt8] {
        var json = CanonicalJSON()
        switch self {
        case .spawn(let record): json.write(record, lineage)
        case .spawnRefused(let record): json.write(record, lineage)
        case .exit(let record): json.write(record, lineage)
        case .request(let record): json.write(record, lineage)
        case .replies(let record): json.write(record, lineage)
        case .revocation(let record): json.write(record, lineage)
        case .approval(let record): json.write(record, lineage)
        case .custody(let record): json.write(record)
        case .renewal(let record): json.write(record, lineage)
        }
        return json.octets
    }
}

extension CanonicalJSON {
    fileprivate mutating func write(_ record: SpawnRecord, _ lineage: LineageColumns?) {
        object { json in
            json.member("approval", record.approval)
            json.member("argv") { $0.strings(record.argv) }
            json.member("degraded") { $0.strings(record.degraded) }
            json.member("limits") { $0.map(record.limits) }
            json.member("lineage", lineage)
            if let mechanisms = record.mechanisms {
                json.member("mechanisms") { $0.map(mechanisms) }
            }
            if let ownText = record.ownText { json.member("ownText", ownText) }
            if let principal = record.principal { json.member("principal") { $0.write(proven: principal) } }
            json.member("program", record.program)
            json.member("programDigest", record.programDigest)
            json.member("replayed", record.replayed)
            json.member("spiffe", record.spiffe)
            json.member("systemCalls", record.systemCalls)
            json.member("terminal", record.terminal?.rawValue)
            json.member("workingDirectory", record.workingDirectory)
            json.member("workspace", record.workspace)
        }
    }

    fileprivate mutating func write(_ record: SpawnRefusal, _ lineage: LineageColumns?) {
        object { json in
            json.member("argv") { $0.strings(record.argv) }
            json.member("parent", lineage)
            json.member("principal") { $0.write(record.principal) }
            json.member("profile", record.profile)
            json.member("reason", record.reason)
        }
    }

    fileprivate mutating func write(_ record: RevocationRecord, _ lineage: LineageColumns?) {
        object { json in
            json.member("agents", record.agents)
            json.member("by") { $0.write(record.by) }
            json.member("isLifted", record.isLifted)
            json.member("keptRunning", record.keptRunning)
            json.member("lineage", lineage)
            json.member("principal", record.principal)
            json.member("reason", record.reason)
        }
    }

    fileprivate mutating func write(_ record: ApprovalRecord, _ lineage: LineageColumns?) {
        object { json in
            json.member("action", record.action)
            if let by = record.by { json.member("by") { $0.write(by) } }
            json.member("content", record.content)
            json.member("digest", record.digest)
            json.member("event", record.event.rawValue)
            if let groups = record.groups { json.member("groups") { $0.strings(groups) } }
            json.member("life", record.life)
            json.member("lineage", lineage)
            json.member("octets", record.octets)
            json.member("process", record.process)
            json.member("program", record.program)
            json.member("query", record.query)
            json.member("question", record.question)
            json.member("reason", record.reason)
            json.member("resource", record.resource)
            json.member("rules") { $0.strings(record.rules) }
            json.member("via", record.via)
        }
    }

    fileprivate mutating func write(_ record: RenewalRecord, _ lineage: LineageColumns?) {
        object { json in
            json.member("key", record.key)
            json.member("lineage", lineage)
            json.member("previous", record.previous.milliseconds)
            json.member("principal") { $0.write(proven: record.principal) }
        }
    }

    fileprivate mutating func write(_ record: CustodyRecord) {
        object { json in
            if let by = record.by { json.member("by") { $0.write(by) } }
            json.member("event", record.event.rawValue)
            json.member("reason", record.reason)
            json.member("runs") { $0.strings(record.runs) }
            json.member("subject", record.subject)
        }
    }

    fileprivate mutating func write(_ record: ExitRecord, _ lineage: LineageColumns?) {
        object { json in
            json.member("cause", record.cause)
            json.member("lineage", lineage)
            if let masked = record.masked { json.member("masked") { $0.map(masked) } }
            json.member("status", record.status)
            if let terminal = record.terminal { json.member("terminal") { $0.write(terminal) } }
            if let written = record.written { json.member("written") { $0.write(written) } }
        }
    }

    private mutating func write(_ terminal: RecordedTerminal) {
        object { json in
            json.member("chunks", terminal.chunks)
            json.member("digest", terminal.digest)
            json.member("missing", terminal.missing)
            json.member("octets", terminal.octets)
        }
    }

    private mutating func write(_ written: WrittenFiles) {
        object { json in
            json.member("files") { json in
                json.array(written.files) { json, file in
                    json.object { json in
                        json.member("path", file.path)
                        json.member("reason", file.reason)
                    }
                }
            }
            json.member("isWhole", written.isWhole)
            json.member("more", written.more)
            json.member("unlooked", written.unlooked)
        }
    }

    private mutating func map(_ values: [String: String]) {
        object { json in
            for (name, value) in values.sorted(by: { $0.key.precedes($1.key) }) { json.member(name, value) }
        }
    }

    private mutating func map(_ counts: [String: UInt64]) {
        object { json in
            for (name, count) in counts.sorted(by: { $0.key.precedes($1.key) }) { json.member(name, count) }
        }
    }

    fileprivate mutating func write(_ record: RequestRecord, _ lineage: LineageColumns?) {
        object { json in
            json.member("action", record.action)
            json.member("approval", record.approval)
            json.member("connection", record.connection)
            json.member("credential", record.credential)
            json.member("database", record.database)
            json.member("exchange", record.exchange)
            json.member("fields", record.fields)
            json.member("levels") { json in json.array(record.levels) { $0.write($1) } }
            json.member("lineage", lineage)
            if let masked = record.masked { json.member("masked") { $0.map(masked) } }
            json.member("message", record.message)
            json.member("query", record.query)
            json.member("reason", record.reason?.rawValue)
            json.member("resource", record.resource)
            if let statement = record.statement { json.member("statement") { $0.write(statement) } }
            json.member("verdict", record.verdict.rawValue)
        }
    }

    fileprivate mutating func write(_ record: RepliesRecord, _ lineage: LineageColumns?) {
        object { json in
            if let evidence = record.evidence {
                json.member("evidence") { json in json.array(evidence) { $0.write($1) } }
            }
            json.member("lineage", lineage)
            json.member("replies") { json in json.array(record.replies) { $0.write($1) } }
        }
    }

    private mutating func write(_ evidence: ConnectionEvidence) {
        object { json in
            json.member("connections") { $0.numbers(evidence.connections) }
            json.member("missing", evidence.missing)
            json.member("processes") { json in json.array(evidence.processes) { $0.write($1) } }
        }
    }

    private mutating func write(_ process: ProcessEvidence) {
        object { json in
            json.member("argv") { $0.strings(process.argv) }
            json.member("pid", process.pid)
            json.member("program", process.program)
            json.member("programDigest", process.programDigest)
        }
    }

    private mutating func write(_ reply: Reply) {
        object { json in
            json.member("action", reply.action)
            if let bodies = reply.bodies {
                json.member("bodies") { json in json.array(bodies) { $0.write($1) } }
            }
            json.member("cause", reply.cause)
            json.member("exchange", reply.exchange)
            if let execution = reply.execution { json.member("execution") { $0.write(execution) } }
            json.member("fields", reply.fields)
            json.member("outcome", reply.outcome)
            json.member("received", reply.received)
            json.member("resource", reply.resource)
            json.member("sent", reply.sent)
            json.member("status", reply.status)
            json.member("trailers", reply.trailers)
        }
    }

    fileprivate mutating func write(_ statement: RecordedStatement) {
        object { json in
            json.member("session", statement.session)
            json.member("text", statement.text.shown)
        }
    }

    private mutating func write(_ execution: RecordedExecution) {
        object { json in
            if let messages = execution.messages {
                json.member("messages") { $0.write(messages) }
            }
            json.member("microseconds", execution.microseconds)
            if let parameters = execution.parameters {
                json.member("parameters") { $0.write(parameters) }
            }
            json.member("rows", execution.rows)
        }
    }

    private mutating func write(_ messages: RecordedMessages) {
        object { json in
            json.member("received", messages.received)
            json.member("sent", messages.sent)
        }
    }

    private mutating func write(_ parameters: RecordedParameters) {
        object { json in
            json.member("more", parameters.more)
            json.member("values") { json in
                json.array(parameters.values) { json, value in
                    if let value { json.string(value.shown) } else { json.raw(Array("null".utf8)) }
                }
            }
        }
    }

    private mutating func write(_ body: RecordedBody) {
        object { json in
            json.member("coding", body.coding)
            json.member("digest", body.digest)
            json.member("end", body.end)
            json.member("first", body.first)
            json.member("missing", body.missing)
            json.member("octets", body.octets)
            json.member("side", body.side.rawValue)
        }
    }

    /// An array of its lines; left out when there are none.
    private mutating func member(_ key: String, _ fields: HeadFields?) {
        if let fields { member(key) { $0.lines(fields.text) } }
    }

    private mutating func write(_ level: LevelVerdict) {
        object { json in
            json.member("agent", level.agent.text)
            json.member("effect", level.effect.rawValue)
            json.member("profile", level.profile)
            guard let rule = level.rule else { return }
            json.member("rule") { json in
                json.object { json in
                    json.member("source", rule.source)
                    json.member("text", rule.text)
                }
            }
        }
    }

    /// Left out when there is none.
    private mutating func member(_ key: String, _ lineage: LineageColumns?) {
        if let lineage { member(key) { $0.raw(lineage.json) } }
    }

    mutating func write(_ lineage: Lineage) {
        object { json in
            json.member("agent") { $0.write(lineage.agent) }
            json.member("ancestors") { json in json.array(lineage.ancestors) { $0.write($1) } }
            json.member("principal") { $0.write(lineage.principal) }
        }
    }

    private mutating func write(_ hop: Hop) {
        object { json in
            json.member("agent", hop.agent.text)
            json.member("name", hop.name)
            json.member("profile", hop.profile)
            json.member("profileDigest", hop.profileDigest)
        }
    }

    /// All that a token proved: once for each agent, and not in each record of its requests.
    private mutating func write(proven principal: Principal) {
        object { json in
            if !principal.claims.isEmpty {
                json.member("claims") { json in
                    json.object { json in
                        let claims = principal.claims.sorted { $0.key.precedes($1.key) }
                        for (name, texts) in claims { json.member(name) { $0.strings(texts) } }
                    }
                }
            }
            json.member("expiry", principal.expiry?.milliseconds)
            if !principal.groups.isEmpty { json.member("groups") { $0.strings(principal.groups) } }
            json.member("subject", principal.subject)
            json.member("uid", principal.uid)
        }
    }

    private mutating func write(_ principal: Principal) {
        object { json in
            json.member("subject", principal.subject)
            json.member("uid", principal.uid)
        }
    }

    private mutating func strings(_ texts: [String]) {
        array(texts) { $0.string($1) }
    }
}
