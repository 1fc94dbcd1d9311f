internal import Approvals
internal import Client
internal import Crypto
internal import Model
internal import Policy
internal import Profiles

/// An approval that a launch goes on under, and the SHA-256 of the canonical launch that it is for.
struct LaunchApproval {
    let digest: String
    let grant: ApprovalGrant
}

/// Launches that `children.ask` of an ancestor asks about: held before anything is made for them.
extension Supervisor {
    /// Whether a launch may go on: nobody asks, or it is approved; false while somebody is asked, and it goes on with the answer.
    func isApproved(
        _ order: LaunchOrder,
        _ loaded: LoadedProfile,
        under parent: AgentNode?,
        _ identity: LaunchIdentity,
        for connection: ControlConnection
    ) throws(LaunchRefusal) -> Bool {
        guard let parent else { return true }
        let demands = parent.demands(onLaunchUnder: loaded.profile.name)
        guard !demands.isEmpty else { return true }
        let launch = asked(order, loaded, identity)
        let digest = SHA256.hash(data: launch.canonical).hex
        if let approval = connection.approval {
            // Whoever approved it read another profile.
            guard approval.digest.isSame(as: digest) else {
                throw LaunchRefusal(
                    "the profile '\(loaded.profile.name)' changed while its launch waited for an approval, which is for "
                        + "what was asked; launch it again"
                )
            }
            return true
        }
        let held = HeldRequest(
            lineage: parent.lineage.headed(by: identity.principal),
            epoch: parent.epoch,
            launch: launch,
            content: RequestContent(
                octets: UInt64(launch.commandLine.count),
                digest: SHA256.hash(data: launch.commandLine).hex,
                context: SHA256.hash(data: launch.variables.flatMap { Array($0.utf8) + [0] }).hex,
                preview: ""
            ),
            digest: digest,
            demands: demands
        )
        let (id, mailbox) = (connection.id, mailbox)
        connection.waiting = order
        connection.question = approvals.hold(held) { mailbox.post(.settled(id, digest: digest, $0)) }
        return false
    }

    /// What an approval of it would be bound to.
    private func asked(
        _ order: LaunchOrder,
        _ loaded: LoadedProfile,
        _ identity: LaunchIdentity
    ) -> AskedLaunch {
        let profile = loaded.profile
        return AskedLaunch(
            profile: profile.name,
            profileDigest: profile.digest,
            isOwnText: order.profile.isText,
            name: order.name ?? profile.name,
            argv: order.argv,
            workspace: order.workspace,
            directory: order.workingDirectory,
            variables: environment(of: order, profile, identity).map { "\($0.name)=\($0.value)" },
            hasTerminal: order.terminal != nil,
            umask: order.umask
        )
    }

    /// Goes on with a launch that was approved, or says why not.
    func settled(_ id: ConnectionID, _ digest: String, _ outcome: HoldOutcome) {
        guard let connection = connections[id], connection.question != nil, let order = connection.waiting
        else { return }
        (connection.question, connection.waiting) = (nil, nil)
        if case .approved(let grant) = outcome {
            connection.approval = LaunchApproval(digest: digest, grant: grant)
            return launch(order, for: connection)
        }
        let parent = connection.caller.flatMap { agents[$0] }
        refuse(LaunchRefusal(outcome, order.profile.label), order: order, parent: parent, for: connection)
    }

    /// A signal that would end the command ends the wait for it.
    func interrupt(_ connection: ControlConnection, _ number: Int32) {
        let refusal = LaunchRefusal(
            code: 128 + number,
            "the launch was given up by signal \(number) while it waited for an approval"
        )
        giveUpQuestion(of: connection, refusal, isHeard: true)
    }

    /// Ends the question of a launch that nobody waits for any more: an approval would start what nobody looks after.
    func giveUpQuestion(of connection: ControlConnection, _ refusal: LaunchRefusal, isHeard: Bool) {
        guard let ticket = connection.question, let order = connection.waiting else { return }
        (connection.question, connection.waiting) = (nil, nil)
        approvals.end(ticket, because: refusal.message)
        let parent = connection.caller.flatMap { agents[$0] }
        refuse(refusal, order: order, parent: parent, for: isHeard ? connection : nil)
    }

    /// Refuses a launch whose approval is over: asked again before its command runs.
    func checkApproval(of agent: AgentNode) throws(LaunchRefusal) {
        guard let grant = agent.approval, !approvals.stands(grant) else { return }
        throw LaunchRefusal("the approval \(grant.id) of its launch was over before it began")
    }
}

extension AgentNode {
    /// Who asks about a launch below it: this agent and everything above it, the root first.
    fileprivate func demands(onLaunchUnder profile: String) -> [ApprovalDemand] {
        chain.reversed().flatMap { node in
            (node.profile?.children.asking(of: profile) ?? []).map {
                ApprovalDemand(hop: node.lineage.agent, rule: $0.rule, terms: $0.terms)
            }
        }
    }
}

extension LaunchRefusal {
    /// What came of asking whether a child may be launched; of an approval, that it went nowhere.
    fileprivate init(_ outcome: HoldOutcome, _ profile: String) {
        let opening = "the launch under \(profile) had to be approved, and "
        switch outcome {
        case .approved: self.init(opening + "was not started")
        case .denied(_, let by, let reason):
            self.init(
                code: FrontEnd.launchDenied,
                opening + "was denied by \(by)" + (reason.map { ": \($0)" } ?? "")
            )
        case .unanswered(_, let wait):
            self.init(
                code: FrontEnd.launchUnanswered,
                opening
                    + "nobody answered within \(ApprovalTerms.Life.time(wait)); while it waits, the operator sees it "
                    + "with 'bailey approvals'"
            )
        case .void: self.init(opening + "its agent, or one above it, was cut off")
        case .tooMany(let why): self.init(opening + "nobody was asked: \(why)")
        case .unrecorded: self.init(opening + "the question or its answer could not be recorded")
        }
    }
}

extension AskedLaunch {
    /// Octets of a variable that are shown.
    private static let shownVariable = 200

    /// What an answer is bound to besides the command, for people; cut where it is long, unless all of it is wanted.
    func details(isWhole: Bool) -> [String] {
        [
            "profile: \(profile)" + (isOwnText ? ", a text of the agent's own" : ""),
            "profile sha256: \(profileDigest)", "name: \(name)",
            "workspace: \(isWhole ? workspace : HeldSummary.shown(workspace))",
            "directory: \(isWhole ? directory : HeldSummary.shown(directory))",
            "terminal: \(hasTerminal ? "its own" : "none"), umask 0\(String(umask, radix: 8))",
            "wider than its parent: in nothing, or it would be refused",
        ] + variables.map { "variable: " + Self.shown(variable: $0, isWhole: isWhole) }
    }

    /// Without what may be a secret: its octets are in the digest all the same.
    private static func shown(variable: String, isWhole: Bool) -> String {
        let name = variable.firstPlace(of: "=").map { String(variable[..<$0]) } ?? variable
        if EnvironmentRules.isSecretShaped(name) { return name + "=(not shown)" }
        return isWhole ? variable : HeldSummary.shown(variable, atMost: shownVariable)
    }
}
