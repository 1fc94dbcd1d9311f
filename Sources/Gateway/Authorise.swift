internal import Model
internal import NIOCore
internal import NIOPosix
internal import Policy
internal import Wire

/// Decides the requests of one client connection, makes every decision durable before it has an effect, and sees to
/// it that no connection ends without a record.
///
/// Lives on one loop.
final class Authoriser {
    let resident: Resident
    /// What a record names when no request was read: `tcp://host:port`, as far as it is known.
    var place = "tcp"
    /// By whose number the evidence of who has it is found; nil where nobody looks.
    var connection: WitnessedConnection?
    /// Something that it wanted is on record.
    private(set) var isRecorded = false
    private var isConcluded = false
    /// Those of the request that is being decided on.
    private(set) var fields: HeadFields?
    private(set) var statement: RecordedStatement?
    /// Allowed, but not on record yet: its credential is being fetched.
    private var fetching: Fetching?
    /// Waits for an approval.
    var holding: Held?
    let gatehouse: Gatehouse
    let loop: any EventLoop

    init(_ resident: Resident, _ gatehouse: Gatehouse, loop: any EventLoop) {
        self.resident = resident
        self.gatehouse = gatehouse
        self.loop = loop
    }

    /// Decides, fetches the credential if there is one, writes the record, `fields` and `statement` in it, and then calls back
    /// on the loop, exactly once and never before this returns.
    ///
    /// Where rules ask, what is `holdable` is held until it is approved, or not.
    func authorise(
        _ request: Request,
        _ fields: HeadFields? = nil,
        _ statement: RecordedStatement? = nil,
        holding holdable: Holdable = .nothing,
        then: @escaping (consuming Authorisation) -> Void
    ) {
        self.fields = fields
        self.statement = statement
        let current = resident.current
        guard !current.closed else {
            return deny(request, current.policy, [], .deny, resident.closedDenial, then)
        }
        switch current.policy.decide(request) {
        case .deny(let refusal):
            deny(request, current.policy, refusal.levels, refusal.verdict, refusal.denial, then)
        case .read(let interest):
            unread(interest, then)
        case .ask(let asked):
            hold(asked, request, (current.policy, current.version), holdable, then)
        case .allow(let permit):
            proceed(permit, request, (current.policy, current.version), nil, then)
        }
    }

    /// Goes on with what is allowed, or approved.
    func proceed(
        _ permit: consuming Permit,
        _ request: Request,
        _ current: (policy: LineagePolicy, version: UInt64),
        _ approval: ApprovalGrant?,
        _ then: @escaping (consuming Authorisation) -> Void
    ) {
        if let denial = misplacedPlaceholder(in: request, permit.obligations.credential) {
            return deny(request, current.policy, permit.levels, .deny, denial, then)
        }
        // A session has been logged in before its first statement.
        guard let credential = permit.obligations.credential, !request.isStatement else {
            return commit(permit, nil, current.policy, current.version, approval, then)
        }
        fetch(credential, for: request, Granted(permit, current.policy, current.version, approval), then)
    }

    /// More has to be read first: nothing is on record for that.
    func unread(_ interest: BodyInterest, _ then: @escaping (consuming Authorisation) -> Void) {
        let kept = NIOLoopBound(then, eventLoop: loop)
        loop.execute { kept.value(.unread(interest)) }
    }

    /// A placeholder that the rule's credential does not replace is on its way out: refused before it counts as allowed.
    func misplacedPlaceholder(in request: Request, _ credential: String?) -> Denial? {
        let replaced = credential.flatMap { gatehouse.credentials.binding(of: $0) }?.place
        return request.placeholders.allSatisfy { $0 == replaced } ? nil : .placeholderMisplaced
    }

    /// Writes the record of something refused that was not policy's matter; nothing waits for it.
    ///
    /// - Parameters:
    ///   - request: nil where none was read.
    ///   - exchange: that of the request, where it had been allowed before.
    ///   - denial: why.
    ///   - statement: what was not understood.
    func refused(
        _ request: Request?,
        after exchange: UInt64? = nil,
        _ denial: Denial,
        _ statement: RecordedStatement? = nil
    ) {
        // What an ended agent wanted is on record; that it could not be had afterwards is nobody's news.
        guard !(isConcluded && resident.current.closed) else { return }
        isRecorded = true
        let entry = RequestRecord(
            lineage: resident.lineage,
            action: request?.summary ?? "connect",
            resource: request?.endpoint.description ?? place,
            exchange: exchange,
            connection: connection?.number,
            statement: statement,
            database: request?.action.database,
            verdict: .deny,
            levels: [],
            reason: denial.reason,
            message: denial.message
        )
        guard resident.mayRecord(entry, on: loop, gatehouse.audit) else { return }
        connection?.isRecorded()
        gatehouse.audit.append(.request(entry), until: .written) { _ in }
    }

    /// A request whose credential is being fetched.
    private struct Fetching {
        let request: Request
        let granted: Granted
        let then: (consuming Authorisation) -> Void
    }

    /// An allowed request while its credential is fetched.
    private final class Granted {
        var permit: Permit?
        let levels: [LevelVerdict]
        let policy: LineagePolicy
        let version: UInt64
        let approval: ApprovalGrant?

        init(
            _ permit: consuming Permit,
            _ policy: LineagePolicy,
            _ version: UInt64,
            _ approval: ApprovalGrant?
        ) {
            levels = permit.levels
            self.permit = consume permit
            self.policy = policy
            self.version = version
            self.approval = approval
        }
    }

    /// An outcome while its record is written.
    final class Pending {
        var outcome: Authorisation?
        let then: (consuming Authorisation) -> Void

        init(_ outcome: consuming Authorisation, _ then: @escaping (consuming Authorisation) -> Void) {
            self.outcome = consume outcome
            self.then = then
        }

        func finish() {
            guard let outcome = outcome.take() else { return }
            then(outcome)
        }

        func fail(_ denial: Denial) {
            outcome = nil
            then(.denied(denial))
        }
    }

    private func fetch(
        _ credential: String,
        for request: Request,
        _ granted: Granted,
        _ then: @escaping (consuming Authorisation) -> Void
    ) {
        guard let binding = gatehouse.credentials.binding(of: credential), binding.covers(request.endpoint)
        else {
            let denial = Denial.credentialUnavailable(credential, "is not bound to \(request.endpoint)")
            return deny(request, granted.policy, granted.levels, .deny, denial, then)
        }
        if binding.place == .awsSignature, !request.body.tells(.digest) { return unread(.digest, then) }
        let source = gatehouse.credentials
        let lineage = granted.policy.lineage
        if let material = materialAtHand(binding, source.keptValue(of: credential, for: lineage)),
            let permit = granted.permit.take()
        {
            return commit(permit, material, granted.policy, granted.version, granted.approval, then)
        }
        fetching = Fetching(request: request, granted: granted, then: then)
        // A command or a file may block: never on the loop.
        let identities = gatehouse.identities
        let value = gatehouse.work.run(for: resident, on: loop) {
            try CredentialMaterial(binding, value: source.value(of: credential, for: lineage), identities)
        }
        let kept = NIOLoopBound((self, granted, then), eventLoop: loop)
        value.whenComplete { result in
            let (authoriser, granted, then) = kept.value
            // Gone when the agent ended meanwhile.
            guard let permit = granted.permit.take() else { return }
            authoriser.fetching = nil
            switch result {
            case .success(let material):
                authoriser.commit(
                    permit,
                    material,
                    granted.policy,
                    granted.version,
                    granted.approval,
                    then
                )
            case .failure(let error):
                let denial = Denial.credentialUnavailable(credential, "could not be had: \(error)")
                authoriser.deny(request, granted.policy, granted.levels, .deny, denial, then)
            }
        }
    }
}

extension Authoriser {
    /// What is put in, where it is known already and takes no work, as a certificate does that was not read lately; or that nothing is.
    private func materialAtHand(
        _ binding: CredentialBinding,
        _ kept: CredentialValue?
    ) -> CredentialMaterial? {
        if gatehouse.outward.withholdsCredentials { return .withheld(binding.place) }
        guard let kept, gatehouse.identities.has(kept, for: binding.place) else { return nil }
        return try? CredentialMaterial(binding, value: kept, gatehouse.identities)
    }
}

// The end of the connection, and of its agent.
extension Authoriser {
    /// A connection that asks for nothing outside needs no record.
    func asksForNothing() {
        isRecorded = true
    }

    /// Denies what has no record yet, now: the record comes before that of the agent's end.
    func agentEnded() {
        letGo(resident.closedDenial)
        guard let fetching, fetching.granted.permit.take() != nil else { return }
        self.fetching = nil
        deny(
            fetching.request,
            fetching.granted.policy,
            fetching.granted.levels,
            .deny,
            resident.closedDenial,
            fetching.then
        )
    }

    /// The connection is gone: what has no record gets one.
    func conclude() {
        guard !isConcluded else { return }
        let isOver = resident.current.closed
        if isOver { agentEnded() }
        letGo(.clientGone)
        if !isRecorded {
            // Whoever had it has it no more.
            connection = nil
            refused(nil, isOver ? resident.closedDenial : .saidNothing)
        }
        isConcluded = true
    }
}

extension Authoriser {
    /// Writes the allow record; the permit is handed on when it is durable and the policy is still the same.
    private func commit(
        _ permit: consuming Permit,
        _ material: CredentialMaterial?,
        _ policy: LineagePolicy,
        _ version: UInt64,
        _ approval: ApprovalGrant?,
        _ then: @escaping (consuming Authorisation) -> Void
    ) {
        if permit.obligations.recording == .full,
            let failure = gatehouse.bodies.sink.refusal(of: resident.id.run)
        {
            let levels = permit.levels
            return deny(permit.request, policy, levels, .deny, .auditUnavailable(failure), then)
        }
        let exchange = gatehouse.exchanges.next()
        let entry = RequestRecord(
            lineage: policy.lineage,
            action: permit.request.summary,
            resource: permit.request.endpoint.description,
            exchange: exchange,
            connection: connection?.number,
            query: permit.request.action.query,
            fields: fields,
            statement: statement,
            database: permit.request.action.database,
            verdict: .allow,
            levels: permit.levels,
            credential: material?.isWithheld == true ? nil : permit.obligations.credential,
            approval: approval?.id
        )
        let outcome = Authorisation.allowed(
            Authorised(
                permit: permit,
                material: material,
                approval: approval.map { SpentApproval(grant: $0, version: version) },
                exchange: exchange
            )
        )
        append(entry, NIOLoopBound(Pending(outcome, then), eventLoop: loop), version: version, approval)
    }

    /// Writes the record of a refusal, or counts it, then calls back with it.
    func deny(
        _ request: Request,
        _ policy: LineagePolicy,
        _ levels: [LevelVerdict],
        _ verdict: Effect,
        _ denial: Denial,
        asked question: String? = nil,
        _ then: @escaping (consuming Authorisation) -> Void
    ) {
        let entry = RequestRecord(
            lineage: policy.lineage,
            action: request.summary,
            resource: request.endpoint.description,
            connection: connection?.number,
            query: request.action.query,
            fields: fields,
            statement: statement,
            database: request.action.database,
            verdict: verdict,
            levels: levels,
            reason: denial.reason,
            message: denial.message,
            approval: question
        )
        let pending = NIOLoopBound(Pending(.denied(denial), then), eventLoop: loop)
        guard resident.mayRecord(entry, on: loop, gatehouse.audit) else {
            isRecorded = true
            return loop.execute { pending.value.finish() }
        }
        append(entry, pending, version: nil, nil)
    }

    /// Queues a record and finishes when it is durable; an allowance only under the version it was decided by, and while
    /// the agent is not revoked.
    func append(
        _ entry: RequestRecord,
        _ pending: NIOLoopBound<Pending>,
        version: UInt64?,
        _ approval: ApprovalGrant?
    ) {
        isRecorded = true
        connection?.isRecorded()
        let loop = loop
        let resident = resident
        let audit = gatehouse.audit
        let approver = gatehouse.approver
        audit.append(.request(entry), until: .durable) { result in
            loop.execute {
                switch result {
                case .failure(let failure):
                    let denial = Denial.auditUnavailable(failure)
                    if version != nil { resident.note(entry.failed(denial), on: loop, audit) }
                    pending.value.fail(denial)
                case .success:
                    guard let version else { return pending.value.finish() }
                    if let revocation = resident.revocation {
                        let denial = Denial.revoked(by: revocation)
                        audit.append(.request(entry.failed(denial)), until: .written) { _ in }
                        return pending.value.fail(denial)
                    }
                    guard resident.current.version == version else { return pending.value.fail(.revoked) }
                    if let approval, approver?.stands(approval) != true {
                        let denial = Denial.approvalOver
                        audit.append(.request(entry.failed(denial)), until: .written) { _ in }
                        return pending.value.fail(denial)
                    }
                    pending.value.finish()
                }
            }
        }
    }
}

extension Request {
    /// What goes over a database's session that is there already.
    fileprivate var isStatement: Bool { if case .sql(let sql) = action { !sql.opensSession } else { false } }
}
