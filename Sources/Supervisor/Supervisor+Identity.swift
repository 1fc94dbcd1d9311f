internal import Client
internal import Credentials
internal import Gateway
internal import Identity
internal import Model
internal import Policy
internal import Profiles

/// Who launches: the local user, or the subject of a token or an assertion, for as long as that is good.
extension Supervisor {
    /// Why an agent was ended whose principal's token or assertion is over.
    private static func expired(_ held: HeldIdentity) -> String {
        "its principal's \(held.identity.evidence) expired"
    }

    /// Who launches; nil while that is being proven, and the launch goes on when it is.
    func identity(
        for order: LaunchOrder,
        under parent: AgentNode?,
        for connection: ControlConnection
    ) throws(LaunchRefusal) -> LaunchIdentity? {
        if let parent {
            guard order.identity == nil else { throw LaunchRefusal(IdentityOffer.insideAgent) }
            try checkIdentity(of: parent)
            return parent.root.held?.identity ?? LaunchIdentity(parent.lineage.principal)
        }
        if let identity = connection.identity { return try identity.get() }
        guard let claim = try IdentityClaim(order, identities.issuers) else {
            return LaunchIdentity(configuration.principal)
        }
        connection.waiting = order
        let (id, mailbox) = (connection.id, mailbox)
        identities.prove(claim) { result in mailbox.post(.proven(id, result)) }
        return nil
    }

    /// Goes on with a launch, or refuses it.
    func proven(_ id: ConnectionID, _ result: Result<LaunchIdentity, LaunchRefusal>) {
        guard let connection = connections[id], let order = connection.waiting else { return }
        connection.waiting = nil
        connection.identity = result
        launch(order, for: connection)
    }

    /// Refuses a profile that is not for this principal.
    func checkPrincipal(
        _ principal: Principal,
        of loaded: LoadedProfile,
        order: LaunchOrder,
        toAgent: Bool
    ) throws(LaunchRefusal) {
        guard let demand = loaded.profile.unmet(by: principal) else { return }
        // What a profile of the operator's demands is not an agent's to hear.
        let what = toAgent ? "" : ": principals (\(demand.source)) demands \(demand.text)"
        let remedy = toAgent || principal.issuer != nil ? "" : remedy(order)
        throw LaunchRefusal("profile '\(loaded.profile.name)' is not for \(principal)\(what)\(remedy)")
    }

    /// How the local user may prove to be somebody else.
    private func remedy(_ order: LaunchOrder) -> String {
        if let shortcoming = IdentityClaim.shortcoming(of: order, identities.issuers) {
            return "; " + shortcoming
        }
        return
            "; prove another with --oidc-token-file or --saml-assertion-file, or in a job that an issuer in bailey.yaml is for"
    }

    /// Refuses new agents of a run whose principal's token is over, by the clock as it is now.
    func checkIdentity(of parent: AgentNode) throws(LaunchRefusal) {
        guard let held = parent.root.held, let left = held.left(at: WallClock.now()),
            left <= 0 || held.hasLapsed
        else { return }
        throw LaunchRefusal(
            "the \(held.identity.evidence) of \(held.identity.principal), which this run rests on, expired, so that it launches nothing more; "
                + "start the run anew with a fresh one"
        )
    }

    /// Looks at a run's identity from now on, where it expires.
    func watchIdentity(of agent: AgentNode) {
        guard agent.held?.identity.principal.expiry != nil else { return }
        agent.held?.review = Poller.now()
        heed(agent.held?.review)
    }

    /// Looks at those whose time it is.
    func reviewIdentities(at now: UInt64) {
        for agent in agents.values where agent.held?.review.map({ $0 <= now }) ?? false { review(agent) }
    }

    private func review(_ agent: AgentNode) {
        guard let held = agent.held, agent.cause == nil, let left = held.left(at: WallClock.now()) else {
            agent.held?.review = nil
            return
        }
        let lead = agent.onExpiry == .renew ? held.lead : 0
        guard left <= lead else { return look(at: agent, in: left - lead) }
        guard agent.onExpiry == .renew, let source = held.identity.source, source.isRenewable else {
            return left > 0 ? look(at: agent, in: left) : lapse(agent, because: Self.expired(held))
        }
        guard left > 0 else {
            let trouble = held.trouble ?? "no other token was there in time"
            return lapse(agent, because: "\(Self.expired(held)), and was not renewed: \(trouble)")
        }
        look(at: agent, in: min(left, max(HeldIdentity.retry, left / 4)))
        guard !held.isRenewing else { return }
        agent.held?.isRenewing = true
        let (id, mailbox) = (agent.id, mailbox)
        identities.prove(IdentityClaim(renewing: held.identity, from: source)) { result in
            mailbox.post(.renewed(id, result))
        }
    }

    private func look(at agent: AgentNode, in milliseconds: Int64) {
        let wait = UInt64(clamping: max(1, min(milliseconds, HeldIdentity.pace)))
        agent.held?.review = Poller.now().addingReportingOverflow(wait).partialValue
        heed(agent.held?.review)
    }

    /// A fresh token is there, or none: then the old one is good until its end.
    func renewed(_ agent: AgentNode, _ result: Result<LaunchIdentity, LaunchRefusal>) {
        guard let held = agent.held, agent.cause == nil else { return }
        let identity: LaunchIdentity
        do throws(LaunchRefusal) {
            identity = try result.get()
        } catch {
            agent.held?.isRenewing = false
            agent.held?.trouble =
                error.message.begins(with: IdentityClaim.opening)
                ? String(error.message.dropFirst(bytes: IdentityClaim.opening.utf8.count)) : error.message
            return
        }
        guard identity.isSame(as: held.identity) else {
            return lapse(
                agent,
                because:
                    "its \(held.identity.evidence) was renewed as that of another principal, or of other groups or claims"
            )
        }
        guard let old = held.identity.principal.expiry, let new = identity.principal.expiry, old < new else {
            agent.held?.isRenewing = false
            return
        }
        let id = agent.id
        let record = RenewalRecord(
            lineage: agent.lineage,
            principal: identity.principal,
            key: identity.key,
            previous: old
        )
        // What rests on it leaves the machine: it is on the disk before.
        self.record(.renewal(record), until: .durable) { [self] result in
            if let agent = agents[id] { rest(agent, on: identity, until: new, if: result) }
        }
    }

    /// From here on a run rests on a fresh token that is on record; until then on the old one.
    private func rest(
        _ agent: AgentNode,
        on identity: LaunchIdentity,
        until end: Timestamp,
        if recorded: Result<Void, AuditFailure>
    ) {
        agent.held?.isRenewing = false
        guard agent.held != nil, agent.cause == nil else { return }
        if case .failure(let failure) = recorded {
            agent.held?.trouble = "that it was renewed could not be recorded: \(failure.message)"
            return
        }
        guard agent.held?.hasLapsed == false else { return }
        agent.held?.identity = identity
        credentials.extend(agent.id.run, until: end)
        watchIdentity(of: agent)
    }

    /// The token is over: the run ends, or lives on without anything that leaves it.
    private func lapse(_ agent: AgentNode, because cause: String) {
        agent.held?.review = nil
        guard agent.onExpiry == .deny else { return kill(agent, cause: cause) }
        agent.held?.hasLapsed = true
        for other in [agent] + agent.descendants {
            if other.profile?.onExpiry == .end {
                kill(other, cause: cause)
            } else {
                gateway.update(other.id, policy: other.policy.lapsed)
            }
        }
    }
}

extension AgentNode {
    /// What its profile says of the end of a token.
    fileprivate var onExpiry: OnExpiry { profile?.onExpiry ?? .renew }
}
