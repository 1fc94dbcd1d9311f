internal import Model

/// Which profile a launch asks for.
package enum ProfileChoice: Sendable, Hashable {
    /// A name that the supervisor looks up; never in an agent's files.
    case name(String)
    /// The text of a file that the front-end read, with the path for messages.
    case text(String, path: String)

    /// Inside, it is the agent's own.
    package var isText: Bool { if case .text = self { true } else { false } }
}

/// What a front-end asks a supervisor to launch.
package struct LaunchOrder: Sendable, Hashable {
    package var profile: ProfileChoice
    package var name: String?
    /// Absolute path of `-w`, or of the current directory, as the front-end sees it.
    package var workspace: String
    /// Whether `-w` was given: else a child's is its parent's, where the current directory lies in that.
    package var namesWorkspace: Bool
    package var workingDirectory: String
    package var argv: [String]
    /// `NAME=value` entries as the front-end holds them; the supervisor filters.
    package var environment: [String]
    /// A pty of its own, with this size; nil for pipes.
    package var terminal: TerminalSize?
    /// The front-end's file mode creation mask, nine bits (umask(2)).
    package var umask: UInt32
    /// Which supervisor may take it; nil inside an agent, where there is only one.
    package var origin: LaunchOrigin?
    /// What proves who launches; nil where nothing was said.
    package var identity: IdentityOffer?

    package init(
        profile: ProfileChoice,
        name: String?,
        workspace: String,
        namesWorkspace: Bool = true,
        workingDirectory: String,
        argv: [String],
        environment: [String],
        terminal: TerminalSize?,
        umask: UInt32 = 0o022,
        origin: LaunchOrigin? = nil,
        identity: IdentityOffer? = nil
    ) {
        self.profile = profile
        self.name = name
        self.workspace = workspace
        self.namesWorkspace = namesWorkspace
        self.workingDirectory = workingDirectory
        self.argv = argv
        self.environment = environment
        self.terminal = terminal
        self.umask = umask
        self.origin = origin
        self.identity = identity
    }
}

/// Rows and columns of a terminal, as TIOCGWINSZ gives them.
package struct TerminalSize: Sendable, Hashable {
    package var rows: UInt16
    package var columns: UInt16

    package init(rows: UInt16, columns: UInt16) {
        self.rows = rows
        self.columns = columns
    }
}

/// From a front-end to the supervisor.
package enum ControlRequest: Sendable, Hashable {
    case launch(LaunchOrder)
    /// Deliver this signal to the agent's command.
    case signal(Int32)
    case resize(TerminalSize)
    /// Name the live agents that were launched after this many others, as far as they fit into one answer; the user's
    /// alone to ask.
    case list(after: UInt64)
    /// End this agent and all below; the user's alone to ask.
    case end(agent: String)
    /// Cut an agent off with all below, or a principal with all its agents; the user's alone to ask.
    case revoke(RevocationOrder)
    /// Show the requests that wait for an approval behind this number, as far as they fit into one answer; the user's alone
    /// to ask.
    case listHeld(after: UInt64)
    /// Approve or deny what waits; the user's alone to ask.
    case answer(ApprovalOrder)
    /// Show all of a launch that waits for an approval, from an octet on; the user's alone to ask.
    case showHeld(id: String, from: UInt64)
    /// Say which run this supervisor's is; the user's alone to ask.
    case name
    /// What waits for an approval on other machines of the fleet, behind this place in the list; the user's alone to ask.
    case listFleet(after: UInt64)
    /// Show all of a launch that waits there, from an octet on; the user's alone to ask.
    case showFleet(id: String, from: UInt64)
    /// Approve or deny what waits there; the user's alone to ask.
    case answerFleet(ApprovalOrder)
}

/// From the supervisor to a front-end.
package enum ControlReply: Sendable, Hashable {
    /// The command runs; with it come the pty master, or the pipe ends of stdin, stdout and stderr.
    case launched(agent: String)
    /// It does not and will not: exit with this code after printing the message.
    case refused(code: Int32, message: String)
    /// The command ended: its code, or 128 + signal; `note` says why when it was Bailey's doing.
    case exited(code: Int32, note: String?)
    /// This supervisor is not the one for it: launch without; `note` is for the user, nil where that is as they asked.
    case declined(note: String?)
    /// Some of the live agents, and what to ask for next; nil when there are no more.
    case agents([AgentSummary], next: UInt64?)
    /// So many agents are being ended.
    case ending(count: Int32)
    /// The order to launch has been read; what becomes of it follows.
    case heard
    /// So many agents were cut off; `failure` says why that is not on record.
    case revoked(count: Int32, failure: String?)
    /// Some of what waits for an approval, and what to ask for next; nil when there is no more.
    case held([HeldSummary], next: UInt64?)
    case answered(AnswerReply)
    /// For the user's eyes, where they watch.
    case notice(String)
    /// Octets of a `HeldWhole`.
    case whole(octets: [UInt8], isLast: Bool)
    /// This supervisor's run.
    case named(run: String)
}

extension ControlRequest {
    package var bytes: [UInt8] {
        var writer = ControlWriter()
        switch self {
        case .launch(let order):
            writer.write(UInt8(1))
            order.write(to: &writer)
        case .signal(let number):
            writer.write(UInt8(2))
            writer.write(number)
        case .resize(let size):
            writer.write(UInt8(3))
            size.write(to: &writer)
        case .list(let number):
            writer.write(UInt8(4))
            writer.write(number)
        case .end(let agent):
            writer.write(UInt8(5))
            writer.write(agent)
        case .revoke(let order):
            writer.write(UInt8(6))
            order.write(to: &writer)
        case .listHeld(let number):
            writer.write(UInt8(7))
            writer.write(number)
        case .answer(let order):
            writer.write(UInt8(8))
            order.write(to: &writer)
        case .showHeld(let id, let start):
            writer.write(UInt8(9))
            writer.write(id)
            writer.write(start)
        case .name: writer.write(UInt8(10))
        case .listFleet(let number):
            writer.write(UInt8(11))
            writer.write(number)
        case .showFleet(let id, let start):
            writer.write(UInt8(12))
            writer.write(id)
            writer.write(start)
        case .answerFleet(let order):
            writer.write(UInt8(13))
            order.write(to: &writer)
        }
        return writer.bytes
    }

    package init(bytes: [UInt8]) throws(ControlError) {
        var reader = ControlReader(bytes)
        switch try reader.byte() {
        case 1: self = .launch(try LaunchOrder(from: &reader))
        case 2: self = .signal(try reader.integer())
        case 3: self = .resize(try TerminalSize(from: &reader))
        case 4: self = .list(after: try reader.number())
        case 5: self = .end(agent: try reader.text())
        case 6: self = .revoke(try RevocationOrder(from: &reader))
        case 7: self = .listHeld(after: try reader.number())
        case 8: self = .answer(try ApprovalOrder(from: &reader))
        case 9: self = .showHeld(id: try reader.text(), from: try reader.number())
        case 10: self = .name
        case 11: self = .listFleet(after: try reader.number())
        case 12: self = .showFleet(id: try reader.text(), from: try reader.number())
        case 13: self = .answerFleet(try ApprovalOrder(from: &reader))
        case let kind: throw ControlError("unknown request \(kind)")
        }
        try reader.finish()
    }
}

extension ControlReply {
    /// Nothing follows it.
    package var isLast: Bool {
        switch self {
        case .refused, .exited, .declined: true
        case .launched, .agents, .ending, .heard, .revoked, .held, .answered, .notice, .whole, .named:
            false
        }
    }

    package var bytes: [UInt8] {
        var writer = ControlWriter()
        switch self {
        case .launched(let agent):
            writer.write(UInt8(1))
            writer.write(agent)
        case .refused(let code, let message):
            writer.write(UInt8(2))
            writer.write(code)
            writer.write(message)
        case .exited(let code, let note):
            writer.write(UInt8(3))
            writer.write(code)
            writer.write(note)
        case .declined(let note):
            writer.write(UInt8(4))
            writer.write(note)
        case .agents(let agents, let next):
            writer.write(UInt8(5))
            writer.write(next != nil)
            writer.write(next ?? 0)
            writer.write(Int32(clamping: agents.count))
            for agent in agents { agent.write(to: &writer) }
        case .ending(let count):
            writer.write(UInt8(6))
            writer.write(count)
        case .heard: writer.write(UInt8(7))
        case .revoked(let count, let failure):
            writer.write(UInt8(8))
            writer.write(count)
            writer.write(failure)
        case .held(let held, let next):
            writer.write(UInt8(9))
            HeldSummary.write(held, next, to: &writer)
        case .answered(let answer):
            writer.write(UInt8(10))
            answer.write(to: &writer)
        case .notice(let text):
            writer.write(UInt8(11))
            writer.write(text)
        case .whole(let octets, let isLast):
            writer.write(UInt8(12))
            writer.write(octets: octets)
            writer.write(isLast)
        case .named(let run):
            writer.write(UInt8(13))
            writer.write(run)
        }
        return writer.bytes
    }

    package init(bytes: [UInt8]) throws(ControlError) {
        var reader = ControlReader(bytes)
        switch try reader.byte() {
        case 1: self = .launched(agent: try reader.text())
        case 2: self = .refused(code: try reader.integer(), message: try reader.text())
        case 3: self = .exited(code: try reader.integer(), note: try reader.optionalText())
        case 4: self = .declined(note: try reader.optionalText())
        case 5: self = try Self.agents(from: &reader)
        case 6: self = .ending(count: try reader.integer())
        case 7: self = .heard
        case 8: self = .revoked(count: try reader.integer(), failure: try reader.optionalText())
        case 9:
            let (held, next) = try HeldSummary.list(from: &reader)
            self = .held(held, next: next)
        case 10: self = .answered(try AnswerReply(from: &reader))
        case 11: self = .notice(try reader.text())
        case 12: self = .whole(octets: try reader.octets(), isLast: try reader.flag())
        case 13: self = .named(run: try reader.text())
        case let kind: throw ControlError("unknown reply \(kind)")
        }
        try reader.finish()
    }
}

extension ControlReply {
    private static func agents(from reader: inout ControlReader) throws(ControlError) -> ControlReply {
        let hasMore = try reader.flag()
        let next = try reader.number()
        guard hasMore || next == 0 else { throw ControlError("a list without more names where more begins") }
        let count = try reader.integer()
        guard (0...Int32(ControlLimit.listCount)).contains(count) else {
            throw ControlError("list of \(count) agents")
        }
        var agents: [AgentSummary] = []
        for _ in 0..<count { agents.append(try AgentSummary(from: &reader)) }
        return .agents(agents, next: hasMore ? next : nil)
    }
}

extension LaunchOrigin {
    fileprivate func write(to writer: inout ControlWriter) {
        for text in [version, state, configuration, home] { writer.write(text) }
    }

    fileprivate init(from reader: inout ControlReader) throws(ControlError) {
        version = try reader.text()
        state = try reader.text()
        configuration = try reader.text()
        home = try reader.text()
    }
}

extension LaunchOrder {
    fileprivate func write(to writer: inout ControlWriter) {
        switch profile {
        case .name(let name):
            writer.write(UInt8(0))
            writer.write(name)
        case .text(let text, let path):
            writer.write(UInt8(1))
            writer.write(text)
            writer.write(path)
        }
        writer.write(name)
        writer.write(workspace)
        writer.write(namesWorkspace)
        writer.write(workingDirectory)
        writer.write(argv)
        writer.write(environment)
        writer.write(terminal != nil)
        terminal?.write(to: &writer)
        writer.write(Int32(bitPattern: umask))
        writer.write(origin != nil)
        origin?.write(to: &writer)
        writer.write(identity != nil)
        identity?.write(to: &writer)
    }

    fileprivate init(from reader: inout ControlReader) throws(ControlError) {
        switch try reader.byte() {
        case 0: profile = .name(try reader.text())
        case 1: profile = .text(try reader.text(), path: try reader.text())
        case let kind: throw ControlError("unknown profile choice \(kind)")
        }
        name = try reader.optionalText()
        workspace = try reader.text()
        namesWorkspace = try reader.flag()
        // Profiles are compared as text: a path with `..` would stand for one place and lead to another.
        guard WorkingDirectory.absolute(workspace) == workspace else {
            throw ControlError("the workspace is not an absolute path without '.', '..' and empty parts")
        }
        workingDirectory = try reader.text()
        argv = try reader.list()
        guard let program = argv.first, !program.isEmpty else {
            throw ControlError("there is no command to run")
        }
        environment = try reader.list()
        terminal = try reader.flag() ? try TerminalSize(from: &reader) : nil
        umask = UInt32(bitPattern: try reader.integer())
        guard umask <= 0o777 else { throw ControlError("a file mode creation mask has nine bits") }
        origin = try reader.flag() ? try LaunchOrigin(from: &reader) : nil
        identity = try reader.flag() ? try IdentityOffer(from: &reader) : nil
    }
}

extension TerminalSize {
    fileprivate func write(to writer: inout ControlWriter) {
        writer.write(Int32(rows))
        writer.write(Int32(columns))
    }

    fileprivate init(from reader: inout ControlReader) throws(ControlError) {
        guard let rows = UInt16(exactly: try reader.integer()),
            let columns = UInt16(exactly: try reader.integer())
        else { throw ControlError("terminal size out of range") }
        self.init(rows: rows, columns: columns)
    }
}
