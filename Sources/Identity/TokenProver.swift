internal import Linux
package import Model

/// Verifies tokens by the operator's issuers, whose keys it keeps.
///
/// Blocks for a bounded time while an issuer is asked: never called where others wait.
package final class TokenProver: Sendable {
    package let issuers: [Issuer]
    private let keys: [String: IssuerKeys]
    private let transport: any DocumentTransport
    private let clock: @Sendable () -> Timestamp
    private let uptime: @Sendable () -> UInt64

    /// - Parameters:
    ///   - issuers: no two of one name or URL.
    ///   - transport: by which issuers are asked.
    ///   - clock: the wall's.
    ///   - uptime: monotonic milliseconds.
    package init(
        _ issuers: [Issuer],
        transport: any DocumentTransport,
        clock: @escaping @Sendable () -> Timestamp = { WallClock.now() },
        uptime: @escaping @Sendable () -> UInt64 = { Uptime.milliseconds() }
    ) {
        self.issuers = issuers
        self.transport = transport
        self.clock = clock
        self.uptime = uptime
        keys = Dictionary(
            issuers.filter { $0.proof == .token }.map {
                ($0.name, IssuerKeys($0, transport, uptime: uptime))
            },
            uniquingKeysWith: { first, _ in first }
        )
    }

    /// Who a token says somebody is.
    ///
    /// `name` is the issuer that it has to be from; nil for whichever takes tokens from a file.
    package func identity(
        of token: IdentityToken,
        from name: String? = nil
    ) throws(TokenFault) -> ProvenIdentity {
        let issuer: Issuer
        if let name { issuer = try self.issuer(named: name) } else { issuer = try self.issuer(of: token) }
        let verifier = TokenVerifier(issuer)
        let checked = try verifier.check(token, now: clock())
        guard let store = keys[issuer.name] else {
            throw TokenFault(.issuer, "\(issuer.name) is not configured")
        }
        let moment = uptime()
        let known = try store.keys(knowing: checked.keyID)
        let outcome = Self.outcome(of: checked, verifier, known)
        // Without a key's id nobody sees that the issuer has another key now.
        guard checked.keyID == nil, case .failure(let fault) = outcome, fault.check == .signature,
            let renewed = try store.renewed(keysBefore: moment)
        else { return try outcome.get() }
        return try Self.outcome(of: checked, verifier, renewed).get()
    }

    private static func outcome(
        of checked: TokenVerifier.Checked,
        _ verifier: TokenVerifier,
        _ keys: SigningKeys
    ) -> Result<ProvenIdentity, TokenFault> {
        let outcome = Awaited.value { () async -> Result<ProvenIdentity, TokenFault> in
            do throws(TokenFault) {
                return .success(try await verifier.verify(checked, keys: keys))
            } catch {
                return .failure(error)
            }
        }
        return outcome ?? .failure(TokenFault(.signature, "it could not be verified"))
    }

    private func issuer(named name: String) throws(TokenFault) -> Issuer {
        guard let issuer = issuers.first(where: { $0.name.isSame(as: name) }) else {
            throw TokenFault(.issuer, "\(name) is not configured")
        }
        return issuer
    }

    /// The one that a token says it is from, where that takes tokens from a file; nothing is verified.
    package func issuer(of token: IdentityToken) throws(TokenFault) -> Issuer {
        let claimed = try TokenVerifier.claimedIssuer(of: token)
        guard let issuer = issuers.first(where: { $0.proof == .token && $0.url.isSame(as: claimed) }) else {
            throw TokenFault(
                .issuer,
                "it is from \(ShownText.quoted(claimed)), which is not configured",
                remedy: "issuers in bailey.yaml says which are: \(configured)"
            )
        }
        guard issuer.sources.contains(.file) else {
            throw TokenFault(
                .issuer,
                "tokens of \(issuer.name) are not taken from a file or a variable",
                remedy: "add file to issuers.\(issuer.name).from in bailey.yaml"
            )
        }
        return issuer
    }

    /// The issuers of tokens, with their URLs.
    private var configured: String {
        let urls = issuers.filter { $0.proof == .token }.map { "\($0.name) (\($0.url))" }
        return urls.isEmpty ? "none of tokens" : urls.joined(separator: ", ")
    }

    /// A token from where a job has one, for this issuer.
    package func token(
        from source: TokenSource,
        for issuer: Issuer?
    ) throws(TokenSourceFailure) -> IdentityToken {
        try source.token(for: issuer?.audiences.first ?? "", by: transport)
    }

    package func now() -> Timestamp { clock() }
}
