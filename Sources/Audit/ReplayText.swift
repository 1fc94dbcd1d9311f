internal import Foundation
internal import Model

extension Replay.Event {
    /// Lines for people.
    package func text(_ style: TextStyle) -> String {
        switch self {
        case .turn(let turn): turn.lines(style).joined(separator: "\n")
        case .end(let reply, let record, let isSession, let source):
            ReplayLines.head(source, number: record, style)
                + "  "
                + style.strong(isSession ? "the session is over" : "what came of it")
                + "\n" + reply.replayLines(isSession: isSession).joined(separator: "\n")
        case .revocation(let revocation, let source):
            ReplayLines.head(source, number: source.sequence, style) + "  " + style.strong("revoked")
                + "\n  " + revocation.summary
        }
    }

    /// One JSON object.
    package func json() throws -> String {
        let line =
            switch self {
            case .turn(let turn): ReplayLine(turn)
            case .end(let reply, let record, let isSession, let source):
                ReplayLine(reply, of: record, isSession: isSession, source)
            case .revocation(let revocation, let source): ReplayLine(revocation, source)
            }
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        return TerminalText.escapedJSON(String(decoding: try encoder.encode(line), as: UTF8.self))
    }
}

/// What lines of people's have in common.
private enum ReplayLines {
    static func head(_ record: AuditRecord, number: Int64, _ style: TextStyle) -> String {
        [
            String(repeating: " ", count: max(0, 6 - "\(number)".utf8.count)) + "\(number)",
            style.faint(record.time.text), TerminalText.escaped(record.agent ?? "-"),
            TerminalText.escaped(record.lineage),
        ].joined(separator: "  ")
    }
}

extension RecordedText {
    /// Its own lines, set in: nothing else that is shown stands as far to the right.
    var lines: [String] {
        shown.cut(at: "\n", omittingEmptySubsequences: false).map {
            "    " + TerminalText.escaped(String($0))
        }
    }
}

extension RecordedParameters {
    /// `  $1 = 'x'`, a line each.
    var lines: [String] {
        let lines = values.enumerated().map { place, value in
            "  $\(place + 1) = " + (value.map { "'\(TerminalText.escaped($0.shown))'" } ?? "NULL")
        }
        return more > 0 ? lines + ["  and \(more) more parameters"] : lines
    }
}

extension RecordedExecution {
    /// `0.812 ms`, `12.500 s`.
    var duration: String {
        let (unit, whole, part) =
            microseconds < 1_000_000
            ? ("ms", microseconds / 1_000, microseconds % 1_000)
            : ("s", microseconds / 1_000_000, microseconds / 1_000 % 1_000)
        return "\(whole).\(String(part + 1_000).dropFirst()) \(unit)"
    }
}

extension RecordedMessages {
    /// `3 messages sent, 40 received`.
    var summary: String { "\(sent) \(sent == 1 ? "message" : "messages") sent, \(received) received" }
}

extension Replay.Turn {
    fileprivate func lines(_ style: TextStyle) -> [String] {
        var lines = [ReplayLines.head(record, number: record.sequence, style) + "  " + standing(style)]
        if let statement = request.statement {
            lines += statement.text.lines.map(style.strong)
        } else {
            let query = request.query.map { "?" + $0 } ?? ""
            lines.append("    " + style.strong(TerminalText.escaped("\(request.action)\(query)")))
        }
        lines += reply?.execution?.parameters?.lines ?? []
        if request.verdict != .allow { return lines + refusal }
        lines += notes.filter { note in reply?.cause?.isSame(as: note) != true }.map {
            "  " + TerminalText.escaped($0)
        }
        if let reply { return lines + reply.replayLines(isSession: false) }
        return request.isConnection ? lines : lines + ["  nothing of its end is on record, or not yet"]
    }

    /// Where it goes, and in which session; that it was refused.
    private func standing(_ style: TextStyle) -> String {
        let place = TerminalText.escaped(request.resource)
        let words =
            switch session {
            case record.sequence?: "\(place), a session begins"
            case let session?: "\(place), session \(session)"
            case nil: place
            }
        return request.verdict == .allow ? words : words + "  " + style.verdict(request.verdict.rawValue)
    }

    private var refusal: [String] {
        var lines: [String] = []
        if request.statement != nil { lines.append("  does: " + TerminalText.escaped(request.action)) }
        lines += request.levels.filter { $0.effect != .allow || $0.rule == nil }.map { level in
            let rule = level.rule.map { TerminalText.escaped($0.description) } ?? "no rule"
            return "  \(level.effect.rawValue) by \(TerminalText.escaped(level.profile)): \(rule)"
        }
        if let message = request.message { lines.append("  " + TerminalText.joined(message)) }
        return lines
    }
}

extension Reply {
    fileprivate func replayLines(isSession: Bool) -> [String] {
        var parts: [String] = []
        if let heading { parts.append(TerminalText.escaped(heading)) }
        if let rows = execution?.rows { parts.append(rows == 1 ? "1 row" : "\(rows) rows") }
        if let execution { parts.append(execution.duration) }
        if let messages = execution?.messages { parts.append(messages.summary) }
        if status != nil || isSession || execution?.messages != nil {
            parts.append("\(sent) octets sent, \(received) received")
        }
        if let cause { parts.append(TerminalText.escaped(cause)) }
        return parts.isEmpty ? [] : ["  " + parts.joined(separator: ", ")]
    }
}

/// One line of `bailey replay --json`; what is not there is left out.
private struct ReplayLine: Encodable {
    /// `request`, `end`: of what had none before, `revocation`.
    let event: String
    let record: Int64
    let time: String
    let run: String
    let agent: String?
    let lineage: String
    var session: Int64?
    var action: String?
    var resource: String?
    var query: String?
    var statement: String?
    var parameters: RecordedParameters?
    var verdict: String?
    var rule: RuleReference?
    var decidedBy: String?
    var reason: String?
    var by: String?
    var message: String?
    var notes: [String]?
    var outcome: String?
    var sqlstate: String?
    var rows: UInt64?
    var microseconds: UInt64?
    var status: Int?
    var sent: UInt64?
    var received: UInt64?
    var cause: String?

    init(_ turn: Replay.Turn) {
        let request = turn.request
        self.init("request", turn.record.sequence, turn.record, request.action, request.resource)
        session = turn.session
        query = request.query
        statement = request.statement?.text.shown
        verdict = request.verdict.rawValue
        // The first level that says so decides.
        let level = request.levels.first { $0.effect == request.verdict }
        (rule, decidedBy) = (level?.rule, level?.agent.text)
        reason = request.reason?.rawValue
        message = request.message
        notes = turn.notes.isEmpty ? nil : turn.notes
        if let reply = turn.reply { add(reply) }
    }

    init(_ reply: Reply, of record: Int64, isSession: Bool, _ source: AuditRecord) {
        self.init("end", record, source, reply.action, reply.resource)
        session = isSession ? record : nil
        add(reply)
    }

    init(_ revocation: RevocationRecord, _ source: AuditRecord) {
        self.init("revocation", source.sequence, source, nil, nil)
        (by, message) = (revocation.by.subject, revocation.reason)
    }

    private init(
        _ event: String,
        _ number: Int64,
        _ source: AuditRecord,
        _ action: String?,
        _ resource: String?
    ) {
        (self.event, record, time, run) = (event, number, source.time.text, source.run)
        (agent, lineage, self.action, self.resource) = (source.agent, source.lineage, action, resource)
    }

    private mutating func add(_ reply: Reply) {
        parameters = reply.execution?.parameters
        outcome = reply.outcome
        sqlstate = reply.outcome.flatMap { $0.begins(with: "ERROR ") ? String($0.dropFirst(bytes: 6)) : nil }
        (rows, microseconds) = (reply.execution?.rows, reply.execution?.microseconds)
        (status, sent, received, cause) = (reply.status, reply.sent, reply.received, reply.cause)
    }
}
