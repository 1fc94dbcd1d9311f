internal import ArgumentParser
internal import Audit
internal import Client
internal import Foundation
internal import Model
internal import Supervisor

/// `bailey sessions`: which terminals are recorded.
struct SessionsCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "sessions",
        abstract: "List the recorded terminals, and verify that nothing of them is missing.",
        discussion: """
            A terminal is recorded where the agent's profile, or one above it, says 'record: {terminal: required}' or \
            'best-effort'. Shown are the agent, when it began, how long it lasted, its lineage, what is kept, and its state: 'whole'; \
            'not to its end', with why; 'recording', while it lives; 'cut', where there is no end: its supervisor was killed, or the end of the file is gone; 'gone', where \
            the file is; 'changed'. Presence and size of the file are looked at.

            EXAMPLES
              bailey sessions                       all there are
              bailey sessions 1f2e3d4c5b6a          those of a run; 1f2e3d4c5b6a.2: that agent's
              bailey sessions --verify              each read to its end
              bailey replay 1f2e3d4c5b6a.2 --terminal

            --verify opens each, chunk by chunk; one that was changed, cut or exchanged does not open behind that place. What \
            opens is compared with the record of the agent's end, which the log's chain holds ('bailey audit verify'): its octets, its \
            chunks, the SHA-256 of its file. Exits \
            1 where a file is not what it should be, or there is no such run. --json: one object a line: agent, lineage, profile, argv, began, ended, \
            recording, state, octets (of the asciicast), chunks, reason.
            """
    )

    @Argument(help: ArgumentHelp("A run, or an agent's id RUN.N; all without one.", valueName: "run|agent"))
    var name: String?
    @OptionGroup var state: StateOption
    @Flag(help: "Read each to its end.") var verify = false
    @Flag(help: "One JSON object a line.") var json = false

    func run() throws {
        try Outside.require("sessions")
        let directory = try state.directory()
        let reader = try AuditReader(directory: directory)
        let agent = try name.flatMap { AgentID($0) == nil ? nil : try AgentArgument($0) }
        try reader.require(run: agent == nil ? name : nil, agent: agent)
        let living = Set(RunningSupervisors.agents(of: directory).value.map(\.agent))
        var isBad = false
        try reader.terminals(run: agent?.id.run ?? name) { session in
            if let agent, session.agent != agent.id { return }
            let line = SessionLine(
                session,
                in: directory,
                isAlive: living.contains(session.agent.text),
                verify
            )
            isBad = isBad || line.isBad
            print(try json ? line.json() : line.text)
        }
        if isBad { throw ExitCode(1) }
    }
}

/// One recorded terminal, as it is listed; what is not there is left out.
private struct SessionLine: Encodable {
    let agent: String
    let lineage: String
    let profile: String
    let argv: [String]
    let began: String
    let ended: String?
    let recording: String
    let state: String
    let octets: UInt64?
    let chunks: UInt64?
    let reason: String?
    private let seconds: Int64?
    /// It should be whole, and is not.
    let isBad: Bool

    private enum CodingKeys: String, CodingKey {
        case agent, lineage, profile, argv, began, ended, recording, state, octets, chunks, reason
    }

    init(_ session: RecordedSession, in directory: String, isAlive: Bool, _ verifies: Bool) {
        (agent, lineage, profile) = (session.agent.text, session.lineage, session.profile)
        (argv, began, ended) = (session.argv, session.began.text, session.ended?.text)
        recording = session.recording.rawValue
        chunks = session.recorded?.chunks
        seconds = session.ended.map { $0.milliseconds(since: session.began) / 1_000 }
        let found = Self.standing(session, isAlive: isAlive)
        guard verifies else {
            let fault = Self.glance(session, in: directory, isAlive: isAlive)
            (state, reason) = (fault?.state ?? found.state, fault?.reason ?? found.reason)
            (isBad, octets) = (fault != nil, session.recorded?.octets)
            return
        }
        let read = TerminalState(session.agent, in: directory)
        octets = read.octets
        let fault = Self.fault(read, session, in: directory, isAlive: isAlive)
        state = fault?.state ?? found.state
        reason = fault?.reason ?? found.reason
        isBad = fault != nil
    }

    /// As it is on record.
    private static func standing(
        _ session: RecordedSession,
        isAlive: Bool
    ) -> (state: String, reason: String?) {
        guard session.ended != nil else {
            return isAlive ? ("recording", nil) : ("cut", "it has no end on record")
        }
        guard let recorded = session.recorded else {
            return ("not to its end", "its command did not run, so there was nothing to record")
        }
        guard let missing = recorded.missing else { return ("whole", nil) }
        return ("not to its end", missing)
    }

    private static func gone(
        _ session: RecordedSession,
        _ directory: String
    ) -> (state: String, reason: String) {
        let missing = session.recorded?.missing.map { ", not to its end (\($0))" } ?? ""
        let path = TerminalFiles.path(of: session.agent, in: directory)
        return ("gone", "it was recorded\(missing), its file is gone: \(path)")
    }

    /// Where nothing could be made there is nothing.
    private static func isMade(_ session: RecordedSession) -> Bool {
        session.ended == nil || session.recorded.map { $0.chunks > 0 } ?? false
    }

    /// What is wrong with its file by presence and size; nil where nothing is, and while it is written.
    private static func glance(
        _ session: RecordedSession,
        in directory: String,
        isAlive: Bool
    ) -> (state: String, reason: String)? {
        guard session.ended != nil || !isAlive, isMade(session) else { return nil }
        guard let size = TerminalFiles.size(of: session.agent, in: directory) else {
            return gone(session, directory)
        }
        guard let recorded = session.recorded else { return nil }
        let whole = TerminalFiles.size(of: recorded)
        if size < whole {
            return ("cut", "its file has \(size) octets of \(whole): the end of it is gone")
        }
        // On a full disk there may be the beginning of a chunk that did not fit, behind the last.
        guard size > whole, recorded.missing == nil else { return nil }
        return ("changed", "its file has \(size) octets, and \(whole) were written")
    }

    /// What its file is not that it should be; nil where it is.
    private static func fault(
        _ read: TerminalState,
        _ session: RecordedSession,
        in directory: String,
        isAlive: Bool
    ) -> (state: String, reason: String)? {
        let isThere = TerminalFiles.size(of: session.agent, in: directory) != nil
        guard isMade(session) else {
            return isThere ? ("changed", "it is there, and its record says that there is none") : nil
        }
        guard isThere else { return gone(session, directory) }
        guard let ending = read.finding?.ending else { return ("gone", read.fault ?? "it does not open") }
        switch ending {
        case .otherKey:
            return (
                "gone",
                "it was sealed with another key than \(directory)/keys/terminals.key; put the key back that was there then"
            )
        case .changed(let chunks):
            return ("changed", "chunk \(chunks + 1) does not open: what is before it does")
        case .cut where session.ended == nil && isAlive: return nil
        // On a full disk there may have been no room for the last one, as its record says.
        case .cut where session.recorded?.missing == nil:
            return (
                "cut",
                "it has no last chunk: its supervisor was killed, or the end of the file is gone; what is before it opens"
            )
        case .cut, .whole:
            guard let recorded = session.recorded, !read.isAsRecorded(recorded) else { return nil }
            let isShort = read.octets < recorded.octets
            return (
                isShort ? "cut" : "changed",
                "it is not the recording that its record speaks of: it has \(read.octets) octets of \(recorded.octets)"
            )
        }
    }

    var text: String {
        let size = octets.map { "\($0) octets" } ?? "-"
        let length = seconds.map { "\($0) s" } ?? "-"
        let parts = [agent, began, length, TerminalText.escaped(lineage), size, state]
        return parts.joined(separator: "  ") + (reason.map { ": " + TerminalText.joined($0) } ?? "")
    }

    func json() throws -> String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        return TerminalText.escapedJSON(String(decoding: try encoder.encode(self), as: UTF8.self))
    }
}
