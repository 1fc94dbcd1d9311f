internal import Model

/// One record that is of no request, as it is shown: all that it holds.
package struct RecordText {
    private let record: AuditRecord
    private let origins: ReplyOrigins

    package init(_ record: AuditRecord, _ origins: ReplyOrigins) {
        (self.record, self.origins) = (record, origins)
    }

    /// Lines for people.
    package func text(_ style: TextStyle) -> String {
        let head = [
            style.strong(title), "  record \(record.sequence), \(record.time.text)",
            "  " + record.shownLineage,
        ]
        return (head + details(style)).joined(separator: "\n")
    }

    private var title: String {
        switch record.entry {
        case .spawn(let spawn): "launch of \(TerminalText.escaped(spawn.lineage.agent.name))"
        case .spawnRefused: "launch refused"
        case .exit(let exit): "exit \(exit.status)"
        case .replies: "what came of requests"
        case .revocation: record.standing
        case .approval(let approval): "approval: \(approval.event.rawValue)"
        case .renewal: "proven anew"
        default: TerminalText.escaped(record.kind)
        }
    }

    private func details(_ style: TextStyle) -> [String] {
        switch record.entry {
        case .spawn(let spawn): spawn.details
        case .spawnRefused(let refusal): refusal.details
        case .exit(let exit): exit.details
        case .replies(let replies): details(of: replies, style)
        case .revocation(let revocation): revocation.details
        case .approval(let approval): approval.details
        case .renewal(let renewal): renewal.details
        // Of a request another text is made, and what a later version wrote is shown as it stands there.
        default: ["  " + TerminalText.escaped(record.payload)]
        }
    }

    private func details(of record: RepliesRecord, _ style: TextStyle) -> [String] {
        let evidence = (record.evidence ?? []).flatMap { evidence in
            let numbers = Set(evidence.connections.compactMap { origins.connections[$0] }).sorted()
            let requests = numbers.map { "\($0)" }.joined(separator: ", ")
            return ["", style.strong("had connections of requests " + (requests.isEmpty ? "-" : requests))]
                + evidence.lines
        }
        let replies = record.replies.flatMap { reply in
            let request = origins.exchanges[reply.exchange].map { ", request \($0)" } ?? ""
            return ["", style.strong(reply.headline + request)] + reply.details
        }
        return evidence + replies
    }
}

/// Lines of a label and what stands behind it, which an agent may have had a say in.
private struct DetailLines {
    private(set) var lines: [String] = []

    mutating func add(_ label: String, _ value: String?) {
        if let value { lines.append("  \(label): " + TerminalText.joined(value)) }
    }

    mutating func add(_ label: String, command: [String]) {
        lines.append("  \(label): " + command.commandText)
    }

    mutating func add(_ label: String, _ principal: Principal?) {
        guard let principal else { return }
        // Who only was named has no number.
        add(label, principal.subject + (principal.uid == .max ? "" : " (uid \(principal.uid))"))
    }
}

extension SpawnRecord {
    fileprivate var details: [String] {
        var lines = DetailLines()
        lines.add("agent", lineage.agent.agent.text)
        lines.add("SPIFFE id", spiffe)
        lines.add("command", command: argv)
        lines.add(
            "program",
            program + (programDigest.map { " SHA-256 \($0)" } ?? ", which could not be read")
        )
        lines.add("started in", workingDirectory)
        lines.add("workspace", workspace)
        lines.add("launched by", lineage.principal)
        if let principal {
            for (name, texts) in principal.claims.sorted(by: { $0.key.precedes($1.key) }) {
                lines.add("claim \(TerminalText.escaped(name))", texts.joined(separator: ", "))
            }
            if !principal.groups.isEmpty { lines.add("groups", principal.groups.joined(separator: ", ")) }
            lines.add("proven until", principal.expiry?.text)
        }
        for hop in lineage.hops {
            lines.add(
                "profile of \(TerminalText.escaped(hop.name))",
                "\(hop.profile) SHA-256 \(hop.profileDigest)"
            )
        }
        if ownText == true { lines.add("its profile", "a text of the agent's that launched it") }
        lines.add("system calls", systemCalls)
        lines.add("replay", replayed.map { "offline, answered from session \($0)" })
        lines.add("terminal", terminal.map { "recorded, \($0.rawValue)" })
        for (name, mechanism) in limits.sorted(by: { $0.key.precedes($1.key) }) {
            lines.add("limit of \(TerminalText.escaped(name))", "held by \(mechanism)")
        }
        for (name, mechanism) in (mechanisms ?? [:]).sorted(by: { $0.key.precedes($1.key) }) {
            lines.add(TerminalText.escaped(name), mechanism)
        }
        if !degraded.isEmpty { lines.add("given up", degraded.joined(separator: ", ")) }
        return lines.lines
    }
}

extension SpawnRefusal {
    fileprivate var details: [String] {
        var lines = DetailLines()
        lines.add("asked for by", parent.map { "\($0.agent.name), \($0.agent.agent)" })
        lines.add("for", principal)
        lines.add("profile", profile)
        lines.add("command", command: argv)
        lines.add("reason", reason)
        return lines.lines
    }
}

extension ExitRecord {
    fileprivate var details: [String] {
        var lines = DetailLines()
        lines.add("agent", lineage.agent.agent.text)
        lines.add("cause", cause)
        lines.add("terminal", terminal.map { "\($0.octets) octets recorded" })
        lines.add("terminal not recorded to its end", terminal?.missing)
        for (what, count) in (masked ?? [:]).sorted(by: { $0.key.precedes($1.key) }) {
            lines.add("masked", "\(what) \(count)")
        }
        guard let written else { return lines.lines }
        lines.add("what the host may run was not looked for", written.unlooked)
        for file in written.files { lines.add("the host may run", "\(file.path) (\(file.reason))") }
        if written.more > 0 { lines.add("the host may run", "\(written.more) more files") }
        if !written.isWhole { lines.add("what the host may run", "not everything was looked at") }
        return lines.lines
    }
}

extension RevocationRecord {
    fileprivate var details: [String] {
        var lines = DetailLines()
        lines.add("agent", lineage.map { "\($0.agent.agent.text), and all below it" })
        lines.add("principal", principal)
        lines.add("by", by)
        lines.add("reason", reason)
        if !isLifted {
            lines.add("agents", "\(agents) " + (keptRunning ? "cut off, left running" : "cut off"))
        }
        return lines.lines
    }
}

extension RenewalRecord {
    fileprivate var details: [String] {
        var lines = DetailLines()
        lines.add("agent", lineage.agent.agent.text)
        lines.add("principal", principal)
        lines.add(
            "proven by",
            (principal.proof ?? .token).word + (principal.issuer.map { " of \($0)" } ?? "")
        )
        lines.add("signed with the key", key)
        lines.add("proven until", principal.expiry?.text)
        lines.add("before that, until", previous.text)
        return lines.lines
    }
}

extension ApprovalRecord {
    fileprivate var details: [String] {
        var lines = DetailLines()
        lines.add("question", question)
        lines.add("request", action + (query.map { "?" + $0 } ?? "") + " \(resource)")
        for rule in rules { lines.add("asked by", rule) }
        lines.add("by", by)
        lines.add("of", groups?.joined(separator: ", "))
        lines.add("by way of", via)
        lines.add("program", program.map { $0 + (process.map { " process \($0)" } ?? "") + " (evidence)" })
        lines.add("good for", life)
        lines.add("reason", reason)
        lines.add("request's SHA-256", digest)
        lines.add("body", "\(octets) octets, SHA-256 \(content)")
        return lines.lines
    }
}
