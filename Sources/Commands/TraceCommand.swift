internal import ArgumentParser
internal import Audit
internal import Model

/// `bailey trace`: what became of an incident, from whoever started it down to each request.
struct TraceCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "trace",
        abstract: "Show who started what, what each hop ran and sent, what was masked, denied and approved.",
        discussion: """
            SUBJECT is an agent (RUN.N: it, those above it, all below), a run, a principal ('user:alice': when it was revoked \
            and that was lifted, and every run that it started), the number of a record ('bailey audit', first column: that session with a database, or that request), or a \
            SHA-256 in hex: every agent that has it on record, as the digest of its program, of a program that sent, of its \
            profile, of a body, of a request that was asked about.

            EXAMPLES
              bailey trace 1f2e3d4c5b6a.2
              bailey trace oidc:github:repo:acme/app:ref:refs/heads/main --json
              bailey trace $(sha256sum < ./suspicious | cut -d' ' -f1)
              bailey trace --who-saw 'column users.ssn'   which agents received it, masked
              bailey trace --who-saw email
              bailey trace --who-saw credential   in replies, and in the streams between an agent and its child
              bailey trace --fleet --chain 3f9a user:alice   on another machine, from the fleet's database
              bailey trace 1f2e3d4c5b6a --svg > run.svg   agents as lanes, requests as marks

            What is masked is on record by its kind, or by its column where a rule names columns: as the server's catalog has it, \
            and, where the server did not say whose it is (an expression, a view, COPY), by the rule's name. What is on record as \
            'column ssn' is listed for 'column users.ssn' too. In a child's streams its parent is given what the child writes, and the \
            child what is on its standard input. --json: one object a run, one with the revocations of a principal (no run), or one for each agent and field under \
            --who-saw. Where runs were pruned, of which nothing is on record any more, standard error says how many. Exits 1 where \
            nothing is on record.
            """
    )

    @Argument(help: "An agent's id, a run, a principal, a record's number, or a SHA-256.") var subject:
        String?
    @Option(
        help: ArgumentHelp(
            "Which agents received a kind, a credential or a column, masked.",
            valueName: "kind|column NAME"
        )
    )
    var whoSaw: String?
    @Flag(help: "A picture of the run, as SVG.") var svg = false
    @OptionGroup var state: StateOption
    @OptionGroup var fleet: FleetOption
    @Flag(help: "One JSON object a line.") var json = false

    func validate() throws {
        guard (subject == nil) != (whoSaw == nil) else {
            throw ValidationError("name what to trace, or a field with --who-saw")
        }
        guard !svg || (whoSaw == nil && !json) else {
            throw ValidationError("--svg draws a run, without --json and --who-saw")
        }
    }

    func run() throws {
        try Outside.require("trace")
        let reader = try fleet.reader(state)
        if let whoSaw { return try show(sightingsOf: whoSaw, reader) }
        guard let subject else { return }
        svg ? try draw(subject, reader) : try show(subject, reader)
    }

    private func show(_ subject: String, _ reader: AuditReader) throws {
        let style = TextStyle.standardOutput
        let scope = try scope(of: subject, in: reader)
        var isFound = false
        try reader.traces(of: scope) { trace in
            isFound = true
            print(json ? try trace.json() : trace.text(style))
        }
        guard isFound else { throw NothingTraced(what: subject, pruned: try reader.prunedRuns()) }
        switch scope {
        case .principal, .digest: try sayWhatWasPruned(reader)
        case .run, .agent, .session: break
        }
    }

    private func show(sightingsOf name: String, _ reader: AuditReader) throws {
        guard let field = MaskedField(name) else {
            let kinds = (MaskKind.allCases.map(\.rawValue) + [MaskedField.credential]).joined(separator: ", ")
            throw ValidationError(
                "--who-saw takes a kind (\(kinds)) or a column ('column users.ssn'), not "
                    + "'\(TerminalText.escaped(name))'"
            )
        }
        let sightings = try reader.sightings(of: field)
        guard !sightings.isEmpty else {
            throw NothingTraced(what: name, pruned: try reader.prunedRuns())
        }
        for sighting in sightings {
            print(json ? try sighting.json() : sighting.text(.standardOutput))
        }
        try sayWhatWasPruned(reader)
    }

    /// What was looked for in the whole log may have been in what was removed from it.
    private func sayWhatWasPruned(_ reader: AuditReader) throws {
        let count = try reader.prunedRuns()
        if count > 0 { RunCommand.complain("\(PrunedRuns.text(count)), and nothing of them is listed") }
    }

    private func draw(_ subject: String, _ reader: AuditReader) throws {
        let run = AgentID(subject)?.run ?? subject
        guard let timeline = try reader.timeline(of: run) else {
            guard subject.holds(":") else { throw NoSuchRun(run: run) }
            throw ValidationError(
                "--svg draws one run: name it, or an agent's id RUN.N; `bailey tree --principal "
                    + "\(TerminalText.quoted(subject)) --all` shows those of a principal"
            )
        }
        print(timeline.svg)
    }

    private func scope(of subject: String, in reader: AuditReader) throws -> TraceScope {
        if let agent = AgentID(subject) {
            guard try reader.hasLife(of: agent.run, agent: agent) else {
                throw NoSuchAgent(agent: subject, run: nil)
            }
            return .agent(agent)
        }
        if try reader.hasLife(of: subject) { return .run(subject) }
        if TraceScope.isDigest(subject.lowercased()) { return .digest(subject.lowercased()) }
        guard let number = Int64(subject) else { return .principal(subject) }
        guard let record = try reader.record(number) else { throw NoSuchRecord(record: number) }
        guard let scope = try reader.traced(record) else {
            throw NotOfARequest(record: number, run: record.run)
        }
        return scope
    }
}

/// Nothing of that is on record.
private struct NothingTraced: Error, CustomStringConvertible {
    let what: String
    /// Runs.
    let pruned: Int

    var description: String {
        "nothing of '\(TerminalText.escaped(what))' is on record; `bailey tree --all` shows runs, agents and principals"
            + (pruned > 0 ? "; \(PrunedRuns.text(pruned))" : "")
    }
}

private enum PrunedRuns {
    static func text(_ count: Int) -> String {
        "\(count == 1 ? "1 run was" : "\(count) runs were") pruned from the log (`bailey audit` shows when)"
    }
}

/// A record of neither a request nor a session.
private struct NotOfARequest: Error, CustomStringConvertible {
    let record: Int64
    let run: String

    var description: String {
        "record \(record) is of neither a request nor a session"
            + (run.isEmpty ? "" : "; name its run: `bailey trace \(run)`")
    }
}
