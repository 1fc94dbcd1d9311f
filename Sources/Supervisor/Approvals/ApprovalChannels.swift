internal import Approvals
internal import Audit
internal import Client
internal import Credentials
internal import Gateway
internal import Model
internal import Synchronization

/// The ways to those who answer besides the supervisor's own socket: webhooks, and the API with its links.
struct ApprovalChannels: Sendable {
    private let deliveries: [WebhookDelivery]
    private let api: ApprovalAPI?
    private let listen: (address: IPAddress, port: UInt16)?
    private let refused: RefusedAnswers
    /// Other machines; nil where approvals are not shared.
    let fleet: FleetApprovals?

    /// Of a supervisor; the API is that of one that serves many launches, of which there is one.
    ///
    /// - Parameters:
    ///   - plan: what the operator says.
    ///   - approvals: what is asked.
    ///   - audit: where refused answers and failures go on record, and what masks what is sent.
    ///   - transport: what sends.
    ///   - servesMany: whether the API is this supervisor's.
    ///   - database: what approvals are shared by; nil for none.
    ///   - run: the supervisor's name.
    ///   - now: monotonic milliseconds.
    /// - Throws: where a token cannot be had.
    init(
        _ plan: ApprovalPlan,
        approvals: ApprovalQueue,
        audit: AuditStore,
        transport: any MessageTransport & DocumentTransport,
        servesMany: Bool,
        sharedBy database: FleetPlan?,
        run: String,
        now: @escaping @Sendable () -> UInt64
    ) throws {
        let mask = HeldMask(audit)
        let refused = RefusedAnswers(audit, now: now)
        let fleet = FleetApprovals(
            plan,
            database,
            run: run,
            approvals: approvals,
            audit: audit,
            refused: refused,
            now: now
        )
        (self.refused, self.fleet) = (refused, fleet)
        if servesMany { fleet?.start() }
        let summary: @Sendable (OpenQuestion) -> HeldSummary = { HeldSummary($0, mask) }
        listen = servesMany ? plan.listen : nil
        let links = listen.map { place in
            let own = Endpoint(scheme: .http, host: .address(place.address), port: place.port)
            return ApprovalLinks(
                base: plan.url ?? WebAddress(endpoint: own, target: "/"),
                signer: ApprovalLink.Signer()
            )
        }
        let addresses = try plan.webhooks.map { try Self.address(of: $0, audit) }
        let deliveries = zip(plan.webhooks, addresses).enumerated().map { number, hook in
            let (webhook, address) = hook
            let composer = WebhookComposer(
                format: webhook.format,
                approvals: approvals,
                audit: audit,
                summary: summary,
                links: webhook.principal == nil ? nil : links,
                number: number
            )
            let server = HookTransport(address, webhook.secret, audit: audit, transport: transport)
            return WebhookDelivery(address, server, composer, approvals: approvals, audit: audit, now: now)
        }
        self.deliveries = deliveries
        api = try links.map { links in
            ApprovalAPI(
                approvals: approvals,
                bearers: try Self.bearers(plan, audit),
                issued: IssuedTokens(plan.issuers, transport),
                // An issuer vouches for more people than the operator chose.
                identity: { plan.identity($0, groups: $1, isNamedOnly: true) },
                links: links,
                recipients: Self.recipients(plan, addresses),
                summary: Self.told(deliveries, fleet, summary),
                whole: Self.told(deliveries, fleet) { HeldSummary(whole: $0, mask) },
                refused: refused,
                desk: fleet?.desk,
                clock: AuditStore.wallClock
            )
        }
    }

    /// A question waits from now on; never blocks.
    func tell(_ question: OpenQuestion) {
        for delivery in deliveries { delivery.tell(question) }
        fleet?.tell(question)
    }

    /// A question is over; never blocks.
    func tell(_ question: ClosedQuestion) {
        for delivery in deliveries { delivery.tell(question) }
        fleet?.tell(question)
    }

    /// Which webhooks, and whether other machines, were told of a question, and which could not be.
    func told(of id: String) -> [String] { Self.told(deliveries, fleet, of: id) }

    private static func told(
        _ deliveries: [WebhookDelivery],
        _ fleet: FleetApprovals?,
        of id: String
    ) -> [String] {
        (deliveries.map { $0.outcome(of: id) } + [fleet?.outcome(of: id)]).compactMap(\.self)
    }

    /// What is shown of a question, with which webhooks were told.
    private static func told(
        _ deliveries: [WebhookDelivery],
        _ fleet: FleetApprovals?,
        _ summary: @escaping @Sendable (OpenQuestion) -> HeldSummary
    ) -> @Sendable (OpenQuestion) -> HeldSummary {
        { question in
            var held = summary(question)
            held.told = told(deliveries, fleet, of: question.id)
            return held
        }
    }

    /// Answers HTTP from now on; nil where the operator says nothing of it.
    func serve() throws -> LocalServer? {
        guard let api, let listen else { return nil }
        return try LocalServer(
            "answer approvals",
            at: listen.address,
            port: listen.port,
            body: ApprovalAPI.body,
            life: fleet == nil ? LocalServer.life : FleetApprovals.life
        ) { request, reply in api.answer(request, reply) }
    }

    /// Tells nobody any more.
    func stop() {
        for delivery in deliveries { delivery.stop() }
        fleet?.stop()
        refused.flush()
    }

    private static func recipients(
        _ plan: ApprovalPlan,
        _ addresses: [WebAddress]
    ) -> [Int: (identity: ApproverIdentity, webhook: String)] {
        var recipients: [Int: (identity: ApproverIdentity, webhook: String)] = [:]
        for (number, (webhook, address)) in zip(plan.webhooks, addresses).enumerated() {
            guard let principal = webhook.principal else { continue }
            recipients[number] = (plan.identity(ofHolder: principal), "\(address.endpoint)")
        }
        return recipients
    }

    /// Throws where a token is none, or two are the same: it would not be known who answers.
    private static func bearers(_ plan: ApprovalPlan, _ audit: AuditStore) throws -> [ApprovalAPI.Bearer] {
        var bearers: [ApprovalAPI.Bearer] = []
        for token in plan.tokens {
            let octets = try token.secret.octets(environment: [:], of: ApprovalPlan.secretLength)
            audit.mask(alsoSecrets: [String(decoding: octets, as: UTF8.self)])
            guard let digest = ApprovalToken.digest(inFile: octets) else {
                throw CredentialFailure(
                    "approvals.tokens: the file of \(token.principal) begins with sha256: and goes on with something else than "
                        + "64 hexadecimal digits; of what sha256sum prints it takes the digits alone"
                )
            }
            if let other = bearers.first(where: { ApprovalToken.isSame($0.digest, digest) }) {
                throw CredentialFailure(
                    "approvals.tokens: \(other.identity.principal) and \(token.principal) have the same token; each takes its own"
                )
            }
            bearers.append(
                ApprovalAPI.Bearer(identity: plan.identity(ofHolder: token.principal), digest: digest)
            )
        }
        return bearers
    }

    /// Octets of a path from which on it is taken for a secret: a shorter one occurs in ordinary text.
    private static let secretTarget = 16

    /// Throws where what should hold an address holds none.
    private static func address(of webhook: ApprovalPlan.Webhook, _ audit: AuditStore) throws -> WebAddress {
        let address: WebAddress
        switch webhook.place {
        case .written(let written): address = written
        case .kept(let secret):
            let octets = try secret.octets(
                environment: ProcessEnvironment.dictionary,
                of: ApprovalPlan.addressLength
            )
            guard let kept = WebAddress(orOnLoopback: String(decoding: octets, as: UTF8.self)) else {
                throw CredentialFailure(
                    "approvals.webhooks: what holds the address of one has no https:// URL, nor http:// on loopback; see its url"
                )
            }
            address = kept
        }
        if address.target.utf8.count >= secretTarget { audit.mask(alsoSecrets: [address.target]) }
        return address
    }
}

/// A webhook's server, and its secret once it was asked for: a command may take its time.
private final class HookTransport: Sendable {
    private let address: WebAddress
    private let secret: OperatorSecret
    private let audit: AuditStore
    private let transport: any MessageTransport
    private let signed = Mutex<SignedWebhook?>(nil)

    init(
        _ address: WebAddress,
        _ secret: OperatorSecret,
        audit: AuditStore,
        transport: any MessageTransport
    ) {
        (self.address, self.secret, self.audit, self.transport) = (address, secret, audit, transport)
    }

    /// Makes its secret known, on the webhook's own thread.
    func prepare() throws {
        guard signed.withLock({ $0 }) == nil else { return }
        let octets = try secret.octets(
            environment: ProcessEnvironment.dictionary,
            of: ApprovalPlan.secretLength
        )
        // One that is no key is sent nowhere, and is not kept either: it may be asked for again and again.
        let made = SignedWebhook(address, try SignedWebhook.Secret(octets), by: transport)
        audit.mask(alsoSecrets: [String(decoding: octets, as: UTF8.self)])
        signed.withLock { $0 = made }
    }

    /// On the webhook's own thread.
    func post(_ notice: SentNotice) throws -> MessageReply {
        guard let webhook = signed.withLock({ $0 }) else { throw MessageFailure("its secret is not known") }
        return try webhook.post(notice.body, id: notice.id, timeout: WebhookDelivery.timeout)
    }
}

extension WebhookDelivery {
    fileprivate convenience init(
        _ address: WebAddress,
        _ server: HookTransport,
        _ composer: WebhookComposer,
        approvals: ApprovalQueue,
        audit: AuditStore,
        now: @escaping @Sendable () -> UInt64
    ) {
        self.init(
            "\(address.endpoint)",
            prepare: { try server.prepare() },
            post: { try server.post($0) },
            asked: { try composer.asked($0) },
            over: { try composer.over($0) },
            isOpen: { approvals.open(named: $0) != nil },
            now: now,
            note: { audit.append(.custody($0), until: .written) { _ in } }
        )
    }
}
