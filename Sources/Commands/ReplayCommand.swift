internal import ArgumentParser
internal import Audit
internal import Model

/// `bailey replay`: what was said, as it was said.
struct ReplayCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "replay",
        abstract: "Show a conversation as it was: each statement or request, and what came of it.",
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

    func run() throws {
        try Outside.require("replay")
        let directory = try state.directory()
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

/// A record that is of no session with a database.
private struct NoSession: Error, CustomStringConvertible {
    let record: Int64

    var description: String {
        "record \(record) is of no session with a database; `bailey audit show \(record)` shows a request, and "
            + "`bailey replay` takes a run or an agent for all of theirs"
    }
}
