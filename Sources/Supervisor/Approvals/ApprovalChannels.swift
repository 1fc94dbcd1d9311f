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

    /// Of a supervisor; the API is that of one that serves many launches, of which there is one.
    ///
    /// - Parameters:
    ///   - plan: what the operator says.
    ///   - approvals: what is asked.
    ///   - audit: where refused answers and failures go on record, and what masks what is sent.
    ///   - transport: what sends.
    ///   - servesMany: whether the API is this supervisor's.
    ///   - now: monotonic milliseconds.
    /// - Throws: where a token cannot be had.
    init(
        _ plan: ApprovalPlan,
        approvals: ApprovalQueue,
        audit: AuditStore,
        transport: any MessageTransport & DocumentTransport,
        servesMany: Bool,
        now: @escaping @Sendable () -> UInt64
    ) throws {
        let masked: @Sendable (HeldSummary) -> HeldSummary = { held in
            held.masked({ audit.masked($0) }, arguments: { audit.masked(arguments: $0) })
        }
        let summary: @Sendable (OpenQuestion) -> HeldSummary = { masked(HeldSummary($0)) }
        listen = servesMany ? plan.listen : nil
        let links = listen.map { place in
            let own = Endpoint(scheme: .http, host: .address(place.address), port: place.port)
            return ApprovalLinks(
                base: plan.url ?? WebAddress(endpoint: own, target: "/"),
                signer: ApprovalLink.Signer()
            )
        }
        deliveries = plan.webhooks.enumerated().map { number, webhook in
            WebhookDelivery(
                webhook,
                HookTransport(webhook, audit: audit, transport: transport),
                approvals: approvals,
                audit: audit,
                compose: { ids in
                    try Self.message(ids, webhook, number, approvals, links, summary)
                },
                now: now
            )
        }
        api = try links.map { links in
            ApprovalAPI(
                approvals: approvals,
                bearers: try plan.tokens.map { try Self.bearer($0, plan, audit) },
                issued: IssuedTokens(plan.issuers, transport),
                // An issuer vouches for more people than the operator chose.
                identity: { plan.identity($0, groups: $1, isNamedOnly: true) },
                links: links,
                recipients: Self.recipients(plan),
                summary: summary,
                whole: { masked(HeldSummary(whole: $0)) },
                refused: RefusedAnswers(audit, now: now),
                clock: AuditStore.wallClock
            )
        }
    }

    /// A question waits from now on; never blocks.
    func tell(_ question: OpenQuestion) {
        for delivery in deliveries { delivery.tell(question) }
    }

    /// Which webhooks were told of a question, and which could not be.
    func told(of id: String) -> [String] { deliveries.compactMap { $0.outcome(of: id) } }

    /// Answers HTTP from now on; nil where the operator says nothing of it.
    func serve() throws -> LocalServer? {
        guard let api, let listen else { return nil }
        return try LocalServer(
            "answer approvals",
            at: listen.address,
            port: listen.port,
            body: ApprovalAPI.body
        ) { request, reply in api.answer(request, reply) }
    }

    /// Tells nobody any more.
    func stop() {
        for delivery in deliveries { delivery.stop() }
    }

    private static func recipients(
        _ plan: ApprovalPlan
    ) -> [Int: (identity: ApproverIdentity, webhook: String)] {
        var recipients: [Int: (identity: ApproverIdentity, webhook: String)] = [:]
        for (number, webhook) in plan.webhooks.enumerated() {
            guard let principal = webhook.principal else { continue }
            recipients[number] = (plan.identity(principal), webhook.name)
        }
        return recipients
    }

    private static func bearer(
        _ token: ApprovalPlan.Token,
        _ plan: ApprovalPlan,
        _ audit: AuditStore
    ) throws -> ApprovalAPI.Bearer {
        let octets = try token.secret.octets(environment: [:], of: ApprovalPlan.secretLength)
        audit.mask(alsoSecrets: [String(decoding: octets, as: UTF8.self)])
        return ApprovalAPI.Bearer(
            identity: plan.identity(token.principal),
            digest: ApprovalToken.digest(inFile: octets)
        )
    }

    /// What a webhook is told of the first of these that waits still.
    private static func message(
        _ ids: [String],
        _ webhook: ApprovalPlan.Webhook,
        _ number: Int,
        _ approvals: ApprovalQueue,
        _ links: ApprovalLinks?,
        _ summary: (OpenQuestion) -> HeldSummary
    ) throws -> (body: String, first: String)? {
        guard let question = ids.lazy.compactMap({ approvals.open(named: $0) }).first else { return nil }
        let time = AuditStore.wallClock()
        let end = time.milliseconds.addingReportingOverflow(Int64(clamping: question.left)).partialValue
        let expires = Timestamp(milliseconds: end)
        let made =
            webhook.principal == nil
            ? nil
            : links?.links(question.id, digest: question.held.digest, expires: expires, webhook: number)
        let message = ApprovalMessage(
            held: summary(question),
            ids: ids,
            time: time,
            expires: expires,
            links: made
        )
        return (try message.text(webhook.format), question.id)
    }
}

/// A webhook's server, and its secret once it was asked for: a command may take its time.
private final class HookTransport: Sendable {
    private let webhook: ApprovalPlan.Webhook
    private let audit: AuditStore
    private let transport: any MessageTransport
    private let signed = Mutex<SignedWebhook?>(nil)

    init(_ webhook: ApprovalPlan.Webhook, audit: AuditStore, transport: any MessageTransport) {
        (self.webhook, self.audit, self.transport) = (webhook, audit, transport)
    }

    /// On the webhook's own thread.
    func post(_ body: String, _ id: String) throws -> MessageReply {
        try known().post(body, id: id, timeout: WebhookDelivery.timeout)
    }

    private func known() throws -> SignedWebhook {
        if let signed = signed.withLock({ $0 }) { return signed }
        let octets = try webhook.secret.octets(
            environment: ProcessEnvironment.dictionary,
            of: ApprovalPlan.secretLength
        )
        audit.mask(alsoSecrets: [String(decoding: octets, as: UTF8.self)])
        let made = SignedWebhook(webhook.address, secret: octets, by: transport)
        signed.withLock { $0 = made }
        return made
    }
}

extension WebhookDelivery {
    fileprivate convenience init(
        _ webhook: ApprovalPlan.Webhook,
        _ server: HookTransport,
        approvals: ApprovalQueue,
        audit: AuditStore,
        compose: @escaping @Sendable ([String]) throws -> (body: String, first: String)?,
        now: @escaping @Sendable () -> UInt64
    ) {
        self.init(
            webhook.name,
            post: { try server.post($0, $1) },
            compose: compose,
            isOpen: { approvals.open(named: $0) != nil },
            now: now,
            note: { audit.append(.custody($0), until: .written) { _ in } }
        )
    }
}
