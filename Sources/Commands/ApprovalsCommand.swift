internal import ArgumentParser
internal import Audit
internal import Client
internal import Glibc
internal import Model
internal import Supervisor

/// `bailey approvals`: what agents ask for, and the answers.
struct ApprovalsCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "approvals",
        abstract: "Show and answer what agents ask for.",
        discussion: """
            A rule of a profile that asks (ask: [POST /deploy]) holds each such request until somebody outside answers, for \
            as long as the rule says (60 s by default); then it is refused. Whoever may 'bailey kill' the agent may answer, \
            as far as the rule's 'approval' says nothing else, and no agent can. 'children: {ask: [deployer]}' holds the launch \
            of a child likewise.

            An approval is for that very request of that agent: method, place, path, query, fields and body; for that \
            statement with its parameters; for that launch, with command, folders, environment and profile. One whose \
            client has gone is good for the same request again, for ten minutes; a launch ends with its front-end.

            Without --socket it is this user's own supervisors that are asked. With it, it is that of another user's \
            'bailey serve', where 'approvals: {socket: …}' of its bailey.yaml lets the members of a group answer.

            With --fleet it is what waits on other machines, by the database that they share: 'bailey serve' shows it, and signs \
            and sends the answer, which counts where that machine's 'approvals: {fleet: …, people: …}' lets it.

            EXAMPLES
              bailey approvals
              bailey approvals list --watch
              bailey approvals show 1f2e3d4c5b6a-1
              bailey approvals approve 1f2e3d4c5b6a-1 --reason 'release 4.2'
              bailey approvals deny 1f2e3d4c5b6a-1 --reason 'not on a Friday'
              bailey approvals deny --all-of ci.yaml:14
              bailey approvals approve 1f2e3d4c5b6a-1 --socket /run/ci-approvals/answers
              bailey approvals --fleet
              bailey approvals approve 1f2e3d4c5b6a-1 --fleet --reason 'release 4.2'
            """,
        subcommands: [
            ApprovalList.self, ApprovalShow.self, ApprovalApprove.self, ApprovalDeny.self,
        ],
        defaultSubcommand: ApprovalList.self
    )

    /// What could not be written (sysexits.h, EX_IOERR).
    static let unrecorded = ExitCode(74)

    /// Sends an answer, and says what came of it.
    static func answer(_ order: ApprovalOrder, _ name: String, at place: ApprovalPlace) throws {
        let answers = RunningSupervisors.answer(order, at: place)
        for silent in answers.silent { RunCommand.complain(silent) }
        // Where the one that knows said nothing, nobody knows what waits.
        if place.isOne, !answers.silent.isEmpty { throw ExitCode(1) }
        guard !answers.value.isEmpty else {
            RunCommand.complain(
                "nothing that waits is called \(TerminalText.escaped(name))"
                    + "\(answers.silent.isEmpty ? "" : ", of those that answer"); `bailey approvals\(place.isFleet ? " --fleet" : "")` shows what does"
            )
            throw ExitCode(1)
        }
        for answer in answers.value { try say(answer, order, name) }
        if !answers.silent.isEmpty { throw ExitCode(1) }
    }

    private static func say(_ answer: AnswerReply, _ order: ApprovalOrder, _ name: String) throws {
        let shown = TerminalText.escaped(name)
        switch answer {
        case .done(let count):
            let life = order.life.map { " for \($0)" } ?? ""
            print(
                order.approves
                    ? "approved \(shown)\(life)"
                    : "denied \(shown)" + (count > 1 ? ": \(count) requests" : "")
            )
        case .seconded(let missing):
            print("approved \(shown): \(missing) more \(missing == 1 ? "has" : "have") to approve it")
        case .unknown: return
        case .refused(let why):
            RunCommand.complain("\(shown) is not answered: \(TerminalText.escaped(why))")
            throw ExitCode(1)
        case .unrecorded(let failure):
            RunCommand.complain(
                "\(shown) is refused, since the answer could not be recorded: \(TerminalText.escaped(failure))"
            )
            throw unrecorded
        }
    }
}

/// `bailey approvals approve`.
struct ApprovalApprove: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "approve",
        abstract: "Let a request go on.",
        discussion: """
            Exits 1 when no such request waits, or it is not yours to approve; 74 when the approval could not be recorded, so \
            that the request is refused.

            EXAMPLES
              bailey approvals approve 1f2e3d4c5b6a-1
              bailey approvals approve 1f2e3d4c5b6a-1 --for 15m --reason 'release 4.2'
            """
    )

    @Argument(help: "The request's id, RUN-N, as `bailey approvals` shows it.") var id: String
    @OptionGroup var reason: ReasonOption
    @OptionGroup var place: ApproverSocketOption
    @Option(
        name: .customLong("for"),
        help: ArgumentHelp(
            "once (the default), a time as 15m, or agent: the same request of the same agent again, as far as the rule lets.",
            valueName: "life"
        )
    )
    var life: String?

    func validate() throws { _ = try named() }

    private func named() throws -> ApprovalTerms.Life? {
        guard let life else { return nil }
        guard let said = ApprovalTerms.Life(said: life) else {
            throw ValidationError("--for takes once, agent, or a time of at most 24h, as 15m")
        }
        return said
    }

    func run() throws {
        try Outside.require("approvals")
        try ApprovalsCommand.answer(
            ApprovalOrder(subject: .question(id), approves: true, life: named(), reason: reason.reason),
            id,
            at: place.place
        )
    }
}

/// `bailey approvals deny`.
struct ApprovalDeny: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "deny",
        abstract: "Refuse a request.",
        usage: """
            bailey approvals deny ID [--reason TEXT] [--socket PATH] [--fleet]
            bailey approvals deny --all-of RULE [--reason TEXT]
            """,
        discussion: """
            With --all-of, everything that waits by that rule is refused, and so is whatever these agents ask for by it \
            later, without asking anybody.

            Exits 1 when nothing of that name waits; 74 when the answer could not be recorded: the request is refused all the \
            same.

            EXAMPLES
              bailey approvals deny 1f2e3d4c5b6a-1 --reason 'not on a Friday'
              bailey approvals deny --all-of ci.yaml:14
            """
    )

    @Argument(help: "The request's id, RUN-N, as `bailey approvals` shows it.") var id: String?
    @Option(
        help: ArgumentHelp("All that this rule asks, named by where it stands.", valueName: "rule")
    )
    var allOf: String?
    @OptionGroup var reason: ReasonOption
    @OptionGroup var place: ApproverSocketOption

    func validate() throws {
        guard (id == nil) != (allOf == nil) else { throw ValidationError("name a request, or --all-of RULE") }
        guard allOf == nil || place.path == nil else {
            throw ValidationError(
                "--all-of is the supervisor's own user's alone, and does not go with --socket"
            )
        }
        guard allOf == nil || !place.fleet else {
            throw ValidationError(
                "--all-of does not go with --fleet: the machine that holds the requests is asked there"
            )
        }
    }

    func run() throws {
        try Outside.require("approvals")
        let subject = allOf.map { ApprovalOrder.Subject.rule($0) } ?? .question(id ?? "")
        try ApprovalsCommand.answer(
            ApprovalOrder(subject: subject, approves: false, reason: reason.reason),
            allOf ?? id ?? "",
            at: place.place
        )
    }
}

/// Whose supervisor it is, and of which machines' requests.
struct ApproverSocketOption: ParsableArguments {
    @Option(
        name: .customLong("socket"),
        help: ArgumentHelp("The approvers' socket of another user's supervisor.", valueName: "path"),
        completion: .file(),
        transform: { WorkingDirectory.absolute($0) }
    )
    var path: String?
    @Flag(
        help: ArgumentHelp(
            "What waits on other machines, which approvals.fleet in bailey.yaml names; 'bailey serve' has to run."
        )
    )
    var fleet = false

    var place: ApprovalPlace { ApprovalPlace(socket: path, isFleet: fleet) }
}

/// Why, for the record.
struct ReasonOption: ParsableArguments {
    @Option(
        help: ArgumentHelp("Why, in one line; it is kept, and whoever is denied hears it.", valueName: "text")
    )
    var reason: String?

    func validate() throws {
        guard reason.map({ Revocation.accepts(reason: $0) }) ?? true else {
            throw ValidationError(
                "--reason takes one line of 1 to \(Revocation.maximumReason) octets without control characters"
            )
        }
    }
}
