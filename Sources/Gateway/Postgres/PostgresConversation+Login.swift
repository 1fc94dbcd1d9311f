internal import Model
internal import NIOCore
internal import Policy
internal import PostgresProtocol

// As whom the server is logged in to.
extension PostgresConversation {
    func connect(_ authorised: consuming Authorised) {
        let reply = Reply(to: opening, authorised.exchange)
        guard context != nil, !isOver else { return authoriser.replied(reply.ended(Self.gone)) }
        self.reply = reply
        self.session = authorised.exchange
        isRecorded = authorised.isRecorded
        let material = authorised.material
        switch material {
        case .account(let account): dial(authorised, as: account)
        // The server lets in whoever has REPLICATION, which such a role has not.
        case .roles where startup.replication != nil: failed(PostgresFault.rolesDoNotReplicate)
        case .roles(let plan, let maker): makeRole(plan, maker, authorised)
        case .injection, .identity, .bound, .withheld, nil: dial(authorised, as: nil)
        }
    }

    private func dial(_ authorised: consuming Authorised, as account: DatabaseAccount?) {
        let session = authorised.session
        guard let way = way(for: account, session) else { return failed(PostgresFault.needsTLS) }
        let login = { (security: PostgresSecurity) in
            PostgresLoginSettings(self.startup, account, session, security)
        }
        columns = parts.resident.policy.maskedColumns(of: opening)
        let server = PostgresServer(
            way,
            // A session with the cluster has no catalog, and shows no rows of tables.
            for: .session(
                login,
                columns: startup.replication == .physical ? [] : Set(columns.map { ColumnMask($0) })
            ),
            on: parts.loop
        )
        self.server = server
        server.dial(authorised, for: parts.resident).whenComplete { result in
            switch result {
            case .success(let session?): self.begin(session)
            case .success(nil): self.breakOff()
            case .failure(let error): self.failed(error)
            }
        }
    }

    /// Nil where the account is a certificate, and there is no handshake to show it in.
    private func way(for account: DatabaseAccount?, _ session: DatabaseSession) -> PostgresServer.Way? {
        guard account?.identity == nil || session.sslMode != .disable else { return nil }
        return PostgresServer.Way(
            opening.endpoint,
            session.sslMode,
            identity: account?.identity,
            gatehouse
        )
    }

    /// Makes a role, and connects as it.
    private func makeRole(
        _ plan: SessionRole,
        _ maker: DatabaseAccount,
        _ authorised: consuming Authorised
    ) {
        guard let way = way(for: maker, authorised.session) else { return failed(PostgresFault.needsTLS) }
        let lease = SessionRoleLease(
            plan,
            of: authorised.credential ?? plan.maker,
            maker: maker,
            in: startup.database,
            way,
            on: parts.loop
        )
        guard let lease else {
            return failed(PostgresFault.overRoles(gatehouse.limits.rolesAtATime))
        }
        role = lease
        let kept = Kept(authorised)
        kept.make(lease, for: parts.resident) { result in
            // Gone meanwhile.
            guard !self.isOver else { return self.drop(lease) }
            switch result {
            case .success(let account):
                guard let authorised = kept.authorised.take() else { return self.breakOff() }
                self.dial(authorised, as: account)
            case .failure(let error): self.failed(error)
            }
        }
    }

    /// The session is over.
    func drop(_ lease: SessionRoleLease) {
        lease.drop { error in
            self.authoriser.refused(self.opening, UpstreamFault.denial(error, self.opening.endpoint))
        }
    }
}

/// What was authorised, while a role is made for it.
private final class Kept {
    var authorised: Authorised?

    init(_ authorised: consuming Authorised) { self.authorised = consume authorised }

    func make(
        _ lease: SessionRoleLease,
        for resident: Resident,
        then: @escaping (Result<DatabaseAccount, any Error>) -> Void
    ) {
        guard let authorised = authorised.take() else { return }
        lease.make(beside: authorised, for: resident, then: then)
        self.authorised = consume authorised
    }
}

extension PostgresFault {
    fileprivate static let needsTLS = PostgresFault(
        .credentialUnavailable,
        "the rule's credential is a client certificate, and the rules say sslmode: disable",
        code: "28000",
        remedy: "let the rules say another sslmode: a certificate is shown in the TLS handshake"
    )

    fileprivate static let rolesDoNotReplicate = PostgresFault(
        .credentialUnavailable,
        "the rule's credential makes a role for each session, and such a role may not replicate",
        code: "28000",
        remedy: "let the rule name the credential of a user who has REPLICATION"
    )

    fileprivate static func overRoles(_ limit: Int) -> PostgresFault {
        PostgresFault(
            .overBudget,
            "\(limit) sessions with databases have roles of the rule's credential already",
            code: "53300",
            remedy: "close sessions that are not needed, or share them (a pool of connections)"
        )
    }
}
