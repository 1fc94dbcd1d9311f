internal import ArgumentParser
internal import Audit
internal import Foundation
internal import Model
internal import Profiles

/// `bailey replay`: what was said, as it was said.
struct ReplayCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "replay",
        abstract: "Show a conversation as it was, or run a command again with what servers said then.",
        usage: """
            bailey replay SESSION [--json] [--state DIR]
            bailey replay SESSION --as-policy FILE [--in-place-of NAME] [--profiles DIR] [--json]
            bailey replay AGENT --terminal [--speed N] | --asciicast
            bailey replay SESSION --offline [-p PROFILE] [-w DIR] [--name NAME] [--profiles DIR] [--config FILE] \
            [--allow-degraded NAME] -- COMMAND...
            """,
        discussion: """
            SESSION is a run, an agent, or the number of a record ('bailey audit', first column) of a session with a \
            database: its opening, or any statement of it. In the order in which it was asked for: when, who and its \
            lineage, the text, its parameters, how it ended with rows, SQLSTATE and duration, what was masked, and of \
            what was refused the rule. Under 'record: full' the rows follow, as the client received them. Requests of HTTP \
            are shown with their status.

            EXAMPLES
              bailey replay 1f2e3d4c5b6a          everything that a run asked for
              bailey replay 1f2e3d4c5b6a.2        what an agent asked for, and all below it
              bailey replay 42                    the session of record 42
              bailey replay 42 --json | jq -r 'select(.sqlstate).statement'
              bailey replay 1f2e3d4c5b6a --as-policy ./ci.yaml       what that profile would have decided
              bailey replay 1f2e3d4c5b6a.2 --terminal --speed 4      what its terminal showed
              bailey replay 1f2e3d4c5b6a.2 --asciicast > run.cast    the same for asciinema
              bailey replay 1f2e3d4c5b6a --offline -- make test      the command again, without a network

            --as-policy decides what is on record again: FILE (or a profile's name) stands in for the profile of its name at each \
            level of a lineage that has one, or for that of --in-place-of, but for texts that agents brought; of all other levels the record has what they said. \
            Shown is what differs: newly-denied, newly-asked, newly-allowed, and cannot-tell, where a decision hangs on what is \
            not on record (a member of a body, a query that is masked, the text of a statement or the fields of a head that are cut, how many agents lived). What an agent did \
            whose launch would be denied is decided as if it had been launched. Rules alone decide: which addresses names resolved to is not \
            on record. Exits 0 where all is the same, 1 where something differs, 2 where nothing does but not all can be \
            told, 65 where the profile does not read, 66 where there is no such session or none of its agents had that profile. With --json one object \
            a line: 'event' is 'decision', of each (change: same or as above, was, now, reasons, agent, lineage, run, record, time, action, resource, statement \
            or profile), and last 'summary' (same, newly-allowed, newly-asked, newly-denied, cannot-tell, profile, digest).

            --offline launches COMMAND as 'bailey run' does, with a gateway that connects to nothing: requests of HTTP that the \
            profile allows are answered from the session, a run or an agent with all below it, recorded under 'record: full'. A \
            request is known again by method, host, port, path, query, Range and body; equal ones get their replies in turn, then \
            the last again. What is not on record, or not whole, is answered with 502 and not-recorded, which name the nearest \
            that is; names that are not on record have no address; WebSockets, databases and what tls and tcp rules \
            forward are refused. No credential is looked up. The profile is the one of that name that the session had, unless -p names another. \
            The exit code is COMMAND's, or as of 'bailey run': 125 where there is no such session. Where bailey serve runs, it \
            is not used.

            --terminal plays a terminal that was recorded ('bailey sessions'), and --asciicast writes it (version 2). Secrets \
            are masked on record; titles, clipboards and what would make a terminal answer are not recorded. When it ends, by Ctrl-C too, the \
            terminal is as it was. Exits 65 where the recording has no end, behind what there is, or another key sealed it.

            --json: one object a line. 'event' is 'request', or 'end' of what is in no line before (a session, what \
            took long), or 'result': a line of a recorded result ('result': an array for a row; 'columns' or 'copy' in \
            an object), then 'record' is the request's; or 'revocation' of an agent (by, message). Always there: record, time, \
            run, agent, lineage. Where they apply: action, resource, session (its opening's record), statement, parameters (values, null for NULL; \
            more: how many are left off), verdict, rule (text, source), decidedBy, reason, message, notes, outcome, \
            sqlstate, rows, microseconds, query, status, sent, received, cause.

            What must not be shown is masked on record already ('bailey audit show' has heads and bodies). Exits 1 \
            where there is no such session.
            """
    )

    @Argument(help: "A run, an agent's id RUN.N, or the number of a record.") var session: String
    @OptionGroup var state: StateOption
    @Flag(help: "One JSON object a line.") var json = false
    @Option(
        help: ArgumentHelp(
            "Say what another profile would have decided: a file, or a name.",
            valueName: "file"
        )
    )
    var asPolicy: String?
    @Option(
        help: ArgumentHelp(
            "The profile that it stands in for; that of its own name by default.",
            valueName: "name"
        )
    )
    var inPlaceOf: String?
    @Option(help: ArgumentHelp("Look profiles up in this folder first.", valueName: "dir")) var profiles:
        String?
    @OptionGroup var offline: OfflineOptions

    @Flag(help: "Play the agent's terminal.") var terminal = false
    @Option(help: "How many times as fast.") var speed: Double = 1
    @Flag(help: "Write the agent's terminal as an asciicast.") var asciicast = false

    func validate() throws {
        guard !offline.isOffline else { return try validateOffline() }
        guard offline.isEmpty else {
            throw ValidationError(
                "-p, -w, --name, --config, --allow-degraded and a command go with --offline"
            )
        }
        guard speed > 0, speed <= Self.fastest else {
            throw ValidationError("--speed takes a number above 0, up to \(Int(Self.fastest))")
        }
        guard !(terminal && asciicast), !(asPolicy != nil && (terminal || asciicast)) else {
            throw ValidationError(
                "--terminal, --asciicast and --as-policy are three different things: say one of them"
            )
        }
        guard asPolicy == nil, inPlaceOf != nil || profiles != nil else { return }
        throw ValidationError(
            "--in-place-of and --profiles go with --as-policy, --profiles with --offline too"
        )
    }

    private func validateOffline() throws {
        guard !(terminal || asciicast || json), asPolicy == nil, inPlaceOf == nil else {
            throw ValidationError(
                "--offline runs a command again; --terminal, --asciicast, --as-policy, --in-place-of and --json show what is on record: "
                    + "say one of them"
            )
        }
        guard offline.command.first?.isEmpty == false else {
            throw ValidationError("--offline needs a command behind --")
        }
    }

    func run() throws {
        try Outside.require("replay")
        if offline.isOffline {
            // Before anything starts a thread: the spawner is forked first.
            throw ExitCode(offline.run(session, in: try state.directory(), profiles: profiles))
        }
        if let asPolicy {
            return try PolicyReplayOutput(asJSON: json).print(
                try replay(as: asPolicy),
                try scoped(),
                in: try AuditReader(directory: state.directory())
            )
        }
        let directory = try state.directory()
        if terminal || asciicast {
            let replay = TerminalReplay(speed: speed, asCast: asciicast)
            return try replay.play(agent(in: AuditReader(directory: directory)), in: directory)
        }
        let reader = try AuditReader(directory: directory)
        let bodies = BodyReader(directory: directory)
        let style = TextStyle.standardOutput
        let isJSON = json
        try Replay.events(of: try scope(in: reader), in: reader) { event in
            print(isJSON ? try event.json() : event.text(style))
            guard case .turn(let turn) = event, let rows = ReplayRows(turn) else { return }
            try rows.lines(in: bodies, asJSON: isJSON) { print($0) }
        }
    }

    /// No recording is watched faster.
    private static let fastest = 1_000_000.0

    /// Whose terminal is meant: the one that a run has, or an agent's.
    private func agent(in reader: AuditReader) throws -> AgentID {
        if let agent = AgentID(session) { return agent }
        var agents: [AgentID] = []
        try reader.terminals(run: session) { agents.append($0.agent) }
        guard let first = agents.first, agents.count == 1 else {
            throw NoSuchTerminal(session: session, agents: agents.map(\.text))
        }
        return first
    }

    private func replay(as policy: String) throws -> PolicyReplay {
        let environment = ProcessInfo.processInfo.environment
        let search = ProfileSearch(
            explicit: profiles,
            configurationHome: environment["XDG_CONFIG_HOME"],
            home: environment["HOME"]
        )
        do throws(ProfileError) {
            return try PolicyReplay(policy, inPlaceOf: inPlaceOf, search: search, home: environment["HOME"])
        } catch {
            RunCommand.complain("\(error)")
            throw PolicyReplayOutput.unreadable
        }
    }

    /// What is replayed; where there is nothing, it ends with its own code: 1 is said of what differs.
    private func scoped() throws -> ReplayScope {
        do {
            return try scope(in: AuditReader(directory: state.directory()))
        } catch {
            RunCommand.complain("\(error)")
            throw PolicyReplayOutput.noInput
        }
    }

    private func scope(in reader: AuditReader) throws -> ReplayScope {
        if let agent = AgentID(session) {
            guard try reader.has(AuditQuery(agent: agent)) else {
                throw NoSuchAgent(agent: session, run: nil)
            }
            return .agent(agent)
        }
        if try reader.has(AuditQuery(run: session)) { return .run(session) }
        guard let number = Int64(session) else { throw NoSuchSession(name: session) }
        guard let record = try reader.record(number) else { throw NoSuchRecord(record: number) }
        guard let scope = try reader.session(of: record) else { throw NoSession(record: number) }
        return scope
    }
}

/// Nothing is called that.
private struct NoSuchSession: Error, CustomStringConvertible {
    let name: String

    var description: String {
        "there is no run '\(TerminalText.escaped(name))', and it is no agent's id (RUN.N) or record's number; "
            + "`bailey tree --all` shows runs and agents, `bailey audit` records"
    }
}

/// Not one recorded terminal.
private struct NoSuchTerminal: Error, CustomStringConvertible {
    let session: String
    let agents: [String]

    /// That are named.
    private static let shown = 8

    var description: String {
        guard !agents.isEmpty else {
            return
                "no terminal of '\(TerminalText.escaped(session))' is recorded; `bailey sessions` lists those that are, and "
                + "'record: {terminal: required}' in a profile has one recorded"
        }
        return "\(agents.count) terminals of '\(TerminalText.escaped(session))' are recorded: say which, of "
            + agents.prefix(Self.shown).joined(separator: ", ")
    }
}

/// A record that is of no session with a database.
private struct NoSession: Error, CustomStringConvertible {
    let record: Int64

    var description: String {
        "record \(record) is of no session with a database; `bailey audit show \(record)` shows a request, and "
            + "`bailey replay` takes a run or an agent for all of theirs"
    }
}
