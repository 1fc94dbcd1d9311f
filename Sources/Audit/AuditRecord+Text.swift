internal import Foundation
internal import Model

extension AuditRecord {
    /// One line for people: sequence, time, verdict, agent, lineage, what was asked, why it was refused; of replies one each, with
    /// the number of its request's record.
    package func lines(_ style: TextStyle, _ origins: ReplyOrigins = ReplyOrigins()) -> String {
        guard case .replies(let record) = entry else { return line(standing, summary, style) }
        let replies = record.replies.map {
            line("reply", $0.summary + Self.requests([origins.exchanges[$0.exchange]]), style)
        }
        let evidence = (record.evidence ?? []).map {
            let numbers = $0.connections.map { origins.connections[$0] }
            return line("process", $0.summary + Self.requests(numbers), style)
        }
        return (evidence + replies).joined(separator: "\n")
    }

    /// Requests of evidence that a line shows; `bailey audit show` has all.
    private static let shownRequests = 3

    /// `, request 41`; nothing where none is known.
    private static func requests(_ numbers: [Int64?]) -> String {
        let known = Set(numbers.compactMap(\.self)).sorted()
        guard !known.isEmpty else { return "" }
        let shown = known.prefix(shownRequests).map { "\($0)" }.joined(separator: ", ")
        return (known.count == 1 ? ", request " : ", requests ") + shown
            + (known.count > shownRequests ? ", …" : "")
    }

    /// The verdict; of what befell a request that was allowed, that it is that.
    var standing: String {
        switch entry {
        case .request(let record):
            switch record.matter {
            case .decision: return record.verdict.rawValue
            case .note: return RequestCount.note
            case .failure: return RequestCount.failure
            }
        case .revocation(let record): return record.isLifted ? "lifted" : "revoked"
        case .approval(let record): return record.event.rawValue
        case .custody(let record): return record.event.rawValue
        case .renewal: return "renewed"
        case .spawn, .spawnRefused, .exit, .replies, nil: return verdict ?? kind
        }
    }

    private func line(_ verdict: String, _ summary: String, _ style: TextStyle) -> String {
        let columns = [
            String(repeating: " ", count: max(0, 6 - "\(sequence)".count)) + "\(sequence)",
            style.faint(time.text),
            style.verdict(TerminalText.escaped(verdict), width: 7),
            TerminalText.escaped(agent ?? "-").padding(12),
            shownLineage,
            summary,
        ]
        return columns.joined(separator: "  ")
    }

    /// One line of JSON: the columns, and the entry under `record`.
    package func json() throws -> String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        let columns = Columns(
            agent: agent,
            kind: kind,
            lineage: lineage,
            run: run,
            sequence: sequence,
            time: time.text,
            verdict: verdict
        )
        let head = String(decoding: try encoder.encode(columns), as: UTF8.self).dropLast()
        return TerminalText.escapedJSON("\(head),\"record\":\(payload)}")
    }

    private struct Columns: Encodable {
        let agent: String?
        let kind: String
        let lineage: String
        let run: String
        let sequence: Int64
        let time: String
        let verdict: String?
    }

    /// The chain of names; a record of no agent has a principal alone there, as it is looked up by.
    var shownLineage: String {
        TerminalText.escaped(agent == nil ? Lineage.text(of: [lineage]) : lineage)
    }

    private var summary: String {
        switch entry {
        case .spawn(let record):
            "launch \(record.argv.commandText)"
                + (record.approval.map { "; approval " + TerminalText.escaped($0) } ?? "")
                + (SpawnRecord.answers(from: record.replayed).map { "; " + $0 } ?? "")
        case .spawnRefused(let record):
            "launch \(record.argv.commandText) under \(TerminalText.escaped(record.profile)) refused: "
                + TerminalText.joined(record.reason)
        case .exit(let record):
            "exit \(record.status)" + (record.cause.map { " (\(TerminalText.escaped($0)))" } ?? "")
                + (record.written?.summary ?? "")
        case .request(let record):
            TerminalText.escaped("\(record.action) \(record.resource)")
                + (record.told.map { ": " + TerminalText.escaped($0) } ?? "")
                + (record.approval.map { "; approval " + TerminalText.escaped($0) } ?? "")
        case .revocation(let record): record.summary
        case .approval(let record): record.summary
        case .custody(let record): record.summary
        case .renewal(let record): record.summary
        case .replies, nil: TerminalText.escaped(payload)
        }
    }
}

extension SpawnRecord {
    /// `offline, from session 1f2e3d4c5b6a`: that nothing which it asked for went out; nil where servers answered.
    static func answers(from session: String?) -> String? {
        session.map { "offline, from session \(TerminalText.escaped($0))" }
    }
}

extension RequestRecord {
    /// The message, without the request in front of it, which stands there already.
    fileprivate var told: String? {
        guard let message else { return nil }
        let word = action.firstPlace(of: " ") ?? action.endIndex
        let asked =
            "\(action[..<word]) \(resource)" + (word < action.endIndex ? action.rest(behind: word) : "")
        for opening in [asked, resource] where message.begins(with: opening + " ") {
            return String(message.dropFirst(bytes: opening.utf8.count + 1))
        }
        return message
    }
}

extension Reply {
    var summary: String { headline + (cause.map { "; " + TerminalText.escaped(told($0)) } ?? "") }

    /// Without why it ended early.
    var headline: String {
        (heading.map { TerminalText.escaped($0) + " to " } ?? "nothing to ")
            + TerminalText.escaped("\(action) \(resource)")
            + (received > 0 ? ", \(received) octets" : "")
    }

    private func told(_ cause: String) -> String {
        guard cause.begins(with: resource + " ") else { return cause }
        return String(cause.dropFirst(bytes: resource.utf8.count + 1))
    }
}

extension RevocationRecord {
    /// `by user:alice, 3 agents ended: the key leaked`.
    var summary: String {
        let count = "\(agents) agent\(agents == 1 ? "" : "s") " + (keptRunning ? "kept running" : "ended")
        return "by \(TerminalText.escaped(by.subject))" + (isLifted ? "" : ", \(count)")
            + (reason.map { ": " + TerminalText.escaped($0) } ?? "")
    }
}

extension ApprovalRecord {
    /// `1f2e3d4c5b6a-1 POST /deploy https://api.example.com by user:alice, for 15m: looks right`.
    fileprivate var summary: String {
        TerminalText.escaped("\(question) \(action) \(resource)")
            + (by.map { " by " + TerminalText.escaped($0.subject) } ?? "")
            + (groups.map { " of " + TerminalText.escaped($0.joined(separator: ", ")) } ?? "")
            + (via.map { " (\(TerminalText.escaped($0)))" } ?? "")
            + (life.map { ", for " + TerminalText.escaped($0) } ?? "")
            + (reason.map { ": " + TerminalText.escaped($0) } ?? "")
    }
}

extension CustodyRecord {
    /// `1f2e3d4c5b6a by user:alice: a lawsuit`.
    fileprivate var summary: String {
        TerminalText.escaped(subject) + (by.map { " by " + TerminalText.escaped($0.subject) } ?? "")
            + (reason.map { ": " + TerminalText.escaped($0) } ?? "")
    }
}

extension RenewalRecord {
    /// `its token, until 2026-01-01T00:00:00.000Z, by key 2026-a of corp`.
    var summary: String {
        "its \((principal.proof ?? .token).word), until \(principal.expiry?.text ?? "-")"
            + TerminalText.escaped(
                (key.map { ", by key \($0)" } ?? "") + (principal.issuer.map { " of \($0)" } ?? "")
            )
    }
}

extension WrittenFiles {
    /// Paths in one line for people; the reasons are in JSON.
    private static let shown = 5

    fileprivate var summary: String {
        if let unlooked {
            return "; what the host may run was not looked for (\(TerminalText.escaped(unlooked)))"
        }
        let rest = files.count + more - min(files.count, Self.shown)
        let names = files.prefix(Self.shown).map { TerminalText.escaped($0.path) }.joined(separator: ", ")
        let tail = (rest > 0 ? " and \(rest) more" : "") + (isWhole ? "" : "; not everything was looked at")
        return files.isEmpty ? (isWhole ? "" : tail) : "; the host may run: " + names + tail
    }
}
