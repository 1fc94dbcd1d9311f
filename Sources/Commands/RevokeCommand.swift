internal import ArgumentParser
internal import Audit
internal import Client
internal import Glibc
internal import Model
internal import Supervisor

/// `bailey revoke`: cut off an agent with all below it, or a principal.
struct RevokeCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "revoke",
        abstract: "Cut off an agent with all below it, or a principal with all its agents.",
        usage: """
            bailey revoke AGENT|PRINCIPAL [--reason TEXT] [--keep-running] [--json]
            bailey revoke --lift PRINCIPAL [--reason TEXT] [--json]
            bailey revoke --list [--json]
            """,
        discussion: """
            From that moment on nothing of theirs is allowed: connections that are open are reset (streams of HTTP/2, \
            WebSockets, sessions with databases), new ones and launches are refused with who revoked, when and why, roles \
            that were made for sessions with databases are dropped, and processes are killed. It is one record \
            ('bailey audit').

            A principal stays revoked: until that is lifted its launches are refused (exit code 125), and what it answers \
            to rules that ask counts for nothing, nor does what it approved before where others have to follow. Agents that were \
            cut off stay cut off all the same. Of a child that is revoked its parent may launch another one at once: revoke \
            the parent, or the principal, where that must not be.

            Exits 1 when there is no such agent, or when a supervisor does not answer: its agents may live on, and what is \
            theirs is allowed, until it is revoked again when that one answers; 74 when \
            it was done and could not be recorded, so that later launches of a principal are not refused.

            EXAMPLES
              bailey revoke 1f2e3d4c5b6a.2 --reason 'sends too much'
              bailey revoke 1f2e3d4c5b6a.2 --keep-running    cut off, to be looked at
              bailey revoke user:alice --reason 'left'
              bailey revoke --list
              bailey revoke --lift user:alice --reason 'is back'
            """
    )

    @Argument(
        help: ArgumentHelp(
            "An agent's id RUN.N, as `bailey ps` shows it, or a principal KIND:NAME, as user:alice.",
            valueName: "agent-or-principal"
        )
    )
    var subject: String?
    @Option(help: ArgumentHelp("Why, in one line: agents hear it, and it is kept.", valueName: "text"))
    var reason: String?
    @Flag(help: "Kill no process: whatever they try outside is refused.") var keepRunning = false
    @Flag(help: "Let a principal's agents be launched again.") var lift = false
    @Flag(help: "Show which principals are revoked.") var list = false
    @OptionGroup var state: StateOption
    @Flag(help: "JSON objects.") var json = false

    /// What could not be written (sysexits.h, EX_IOERR).
    private static let unrecorded = ExitCode(74)

    func validate() throws {
        guard list == (subject == nil) else {
            throw ValidationError(
                list ? "--list takes no agent and no principal" : "name an agent or a principal, or --list"
            )
        }
        guard !list || !lift && !keepRunning && reason == nil else {
            throw ValidationError("--list goes with --json and --state alone")
        }
        guard !lift || !keepRunning else {
            throw ValidationError("--lift and --keep-running exclude each other")
        }
        guard reason.map({ Revocation.accepts(reason: $0) }) ?? true else {
            throw ValidationError(
                "--reason takes one line of 1 to \(Revocation.maximumReason) octets without control characters"
            )
        }
        if subject != nil { _ = try named() }
    }

    private func named() throws -> RevocationSubject {
        let text = subject ?? ""
        guard let named = RevocationSubject(text) else {
            throw ValidationError(
                "'\(TerminalText.escaped(text))' is neither an agent's id RUN.N nor a principal KIND:NAME; `bailey ps` "
                    + "shows agents, `bailey tree` principals"
            )
        }
        if lift, case .agent = named {
            throw ValidationError("an agent that was revoked stays so; --lift takes a principal KIND:NAME")
        }
        return named
    }

    func run() throws {
        try Outside.require("revoke")
        let directory = try state.directory()
        if list { return try show(AuditReader(directory: directory).revokedPrincipals.entries()) }
        let subject = try named()
        lift ? try lift(subject.description, directory) : try revoke(subject, directory)
    }

    private func revoke(_ subject: RevocationSubject, _ directory: String) throws {
        let order = RevocationOrder(
            subject: subject,
            reason: reason,
            keepsRunning: keepRunning,
            time: AuditStore.wallClock()
        )
        let outcome = Revoker.revoke(order, in: directory)
        for silent in outcome.silent { RunCommand.complain(silent) }
        if case .agent(let agent) = subject, outcome.agents == 0 {
            let answering = outcome.silent.isEmpty ? "" : " of those that answer"
            RunCommand.complain(
                "no agent \(agent.text) lives\(answering), and nothing was revoked; `bailey ps` shows those that do"
            )
            throw ExitCode(1)
        }
        let isRecorded = outcome.failure == nil
        if json {
            print(try RevocationLine(subject, order, outcome.agents, isRecorded: isRecorded).json())
        } else {
            print("revoked \(TerminalText.escaped(subject.description)): \(fate(of: outcome))")
        }
        if case .principal(let name) = subject { warn(of: name, outcome.agents, directory) }
        if let failure = outcome.failure {
            let after =
                if case .principal = subject { "; later launches are not refused" } else { "" }
            RunCommand.complain("it is revoked, and that is not on record\(after): \(failure)")
            throw Self.unrecorded
        }
        if case .principal = subject { try share(directory) }
        guard outcome.silent.isEmpty else {
            RunCommand.complain(
                "agents of what does not answer may live on, and go on being allowed: revoke it again when that answers, or "
                    + "end that process"
            )
            throw ExitCode(1)
        }
    }

    /// With the other machines of a fleet.
    private func share(_ directory: String) throws {
        let failure = Revoker.share(from: directory) { missing in
            RunCommand.complain(
                "\(missing) records that were written before go to the fleet's database first"
            )
        }
        guard let failure else { return }
        RunCommand.complain(
            "it is done here, and other machines of the fleet do not hear of it before a supervisor here writes its next record: "
                + failure
        )
        throw ExitCode(1)
    }

    /// What may have been a slip: it is on record all the same, since whoever is meant may come yet.
    private func warn(of name: String, _ agents: Int, _ directory: String) {
        let shown = TerminalText.escaped(name)
        if name.utf8.contains(UInt8(ascii: "*")) {
            RunCommand.complain("warning: \(shown) is one principal's name, and no pattern")
        }
        guard agents == 0, let reader = try? AuditReader(directory: directory) else { return }
        let slip = reader.slip(in: name, "no agent may be cut off by this, but answers to rules that ask") {
            "revoke that, and lift this one (bailey revoke --lift \($0))"
        }
        if let slip { RunCommand.complain(slip) }
    }

    private func fate(of outcome: Revoker.Outcome) -> String {
        let agents = outcome.agents
        guard agents > 0 else {
            let place = outcome.silent.isEmpty ? "" : " in a supervisor that answers"
            return
                "no agent of this principal was running\(place); its launches are refused from now on, and its answers count no more"
        }
        return "\(agents) agent\(agents == 1 ? "" : "s") "
            + (keepRunning ? "cut off, and left running" : "cut off and ended")
    }

    private func lift(_ principal: String, _ directory: String) throws {
        let shown = TerminalText.escaped(principal)
        switch Revoker.lift(principal, because: reason, in: directory) {
        case .lifted:
            if json {
                print(try LiftLine(principal: principal, reason: reason).json())
            } else {
                print("lifted: \(shown) may launch and answer again")
            }
            try share(directory)
        case .notRevoked:
            RunCommand.complain("\(shown) is not revoked; `bailey revoke --list` shows who is")
            throw ExitCode(1)
        case .failed(let failure):
            RunCommand.complain("\(shown) stays revoked, since that could not be recorded: \(failure)")
            throw Self.unrecorded
        }
    }

    private func show(_ entries: [RevokedPrincipals.Entry]) throws {
        for entry in entries {
            let revocation = entry.revocation
            if json {
                print(try RevokedLine(revocation).json())
            } else {
                print(
                    TerminalText.escaped(revocation.principal) + "  since \(revocation.time.text)  by "
                        + TerminalText.escaped(revocation.by)
                        + (revocation.reason.map { ": " + TerminalText.escaped($0) } ?? "")
                )
            }
        }
    }
}
