internal import Foundation
package import Model

/// One request as it is shown: its record and its reply's.
package struct ExchangeText {
    package let record: AuditRecord
    private let request: RequestRecord
    private let sequel: Sequel
    private let evidence: ConnectionEvidence?
    private let replayed: String?

    package var reply: Reply? { sequel.reply }

    /// Nil for a record that is of no request; `replayed` is the session that answered in place of every server, if one did.
    package init?(
        _ record: AuditRecord,
        _ sequel: Sequel,
        _ evidence: ConnectionEvidence? = nil,
        replayed: String? = nil
    ) {
        guard case .request(let request) = record.entry else { return nil }
        (self.record, self.request, self.sequel, self.evidence) = (record, request, sequel, evidence)
        self.replayed = replayed
    }

    /// Lines for people.
    package func text(_ style: TextStyle) -> String {
        let query = request.query.map { "?" + $0 } ?? ""
        var lines = [
            style.strong(TerminalText.escaped("\(request.action)\(query)")) + "  "
                + style.verdict(request.verdict.rawValue),
            "  \(TerminalText.escaped(request.resource)), record \(record.sequence), \(record.time.text)",
            "  " + TerminalText.escaped(record.lineage),
        ]
        lines += SpawnRecord.answers(from: replayed).map { ["  \($0): nothing of it went out"] } ?? []
        lines += request.levels.map { level in
            let rule = level.rule.map { TerminalText.escaped($0.description) } ?? "no rule"
            return "  \(level.effect.rawValue) by \(TerminalText.escaped(level.profile)): \(rule)"
        }
        lines += evidence?.lines ?? []
        if let name = request.credential { lines.append("  with credential \(TerminalText.escaped(name))") }
        if let approval = request.approval { lines.append("  approval " + TerminalText.escaped(approval)) }
        if let reason = request.reason { lines.append("  reason: \(reason.rawValue)") }
        if let message = request.message { lines.append("  " + TerminalText.escaped(message)) }
        lines += request.statement?.text.lines ?? []
        lines += Self.indented(request.fields)
        // Why it ended early stands with the reply.
        let notes = sequel.notes.filter { note in sequel.reply?.cause?.isSame(as: note) != true }
        if !notes.isEmpty { lines.append("") }
        lines += notes.map(TerminalText.escaped)
        return (lines + [""] + replyLines(style)).joined(separator: "\n")
    }

    private func replyLines(_ style: TextStyle) -> [String] {
        guard let reply else { return [absence] }
        var lines = [style.strong(reply.heading.map { TerminalText.escaped($0) } ?? "no reply")]
        if let record = sequel.record { lines[0] += ", record \(record)" }
        if let time = sequel.time { lines[0] += ", \(time.text)" }
        return lines + reply.details
    }

    /// Why there is no reply.
    private var absence: String {
        if request.isPostponed {
            return "It was prepared: each execution of it is asked about, and has a record of its own."
        }
        if request.verdict != .allow { return "It was refused: nothing was sent." }
        if request.action.isSame(as: Action.connect.summary) {
            return "A tunnel: what goes through it is not read, so nothing of it is recorded."
        }
        guard request.exchange != nil else {
            return "A note on a reply: its request has a record of its own."
        }
        return "No reply is on record: it is under way, or the supervisor was killed before it ended."
    }

    fileprivate static func indented(_ fields: HeadFields?) -> [String] {
        (fields?.lines ?? []).map { "    " + TerminalText.escaped(String($0)) }
    }

    /// Which exchange it is; nil where nothing of it could be recorded.
    package var exchange: UInt64? { request.exchange }

    /// One JSON object: the evidence of the process, what befell the request in words, the session that answered in place of a
    /// server, the reply's record and the request's.
    package func json() throws -> String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        let notes = String(decoding: try encoder.encode(sequel.notes), as: UTF8.self)
        let reply = String(decoding: try encoder.encode(reply), as: UTF8.self)
        let process = String(decoding: try encoder.encode(evidence), as: UTF8.self)
        let session = String(decoding: try encoder.encode(replayed), as: UTF8.self)
        return
            "{\"evidence\":\(TerminalText.escapedJSON(process)),\"notes\":\(TerminalText.escapedJSON(notes)),"
            + "\"replayed\":\(TerminalText.escapedJSON(session)),\"reply\":\(TerminalText.escapedJSON(reply)),"
            + "\"request\":\(try record.json())}"
    }
}

extension Reply {
    /// All of it but what it begins with.
    var details: [String] {
        var lines: [String] = []
        if let execution {
            lines += ["  in " + execution.duration] + (execution.parameters?.lines ?? [])
            if let messages = execution.messages { lines.append("  " + messages.summary) }
        }
        if let cause { lines.append("  " + TerminalText.escaped(cause)) }
        lines.append("  \(sent) octets of body sent, \(received) received")
        lines += ExchangeText.indented(fields)
        if let trailers { lines += ["  trailers:"] + ExchangeText.indented(trailers) }
        return lines + (bodies ?? []).map { "  " + TerminalText.escaped($0.summary) }
    }
}

extension RecordedBody {
    fileprivate var summary: String {
        let coded = coding.map { ", which came in \($0)" } ?? ""
        let rest = missing.map { "; not all of it: \($0)" } ?? ""
        return "body of the \(side.rawValue) recorded: \(octets) octets, SHA-256 \(digest)\(coded)\(rest)"
    }
}
