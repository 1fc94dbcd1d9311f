package import Model

/// Verifies assertions of SAML by the operator's issuers.
///
/// Blocks for a bounded time while another process reads: never called where others wait.
package struct AssertionProver: Sendable {
    private let issuers: [Issuer]
    private let reader: AssertionReader
    private let clock: @Sendable () -> Timestamp

    /// - Parameters:
    ///   - issuers: of which those with certificates are asked; no two of those of one entity.
    ///   - program: the path of bailey-saml; nil where it cannot be known.
    ///   - clock: the wall's.
    package init(
        _ issuers: [Issuer],
        program: String?,
        clock: @escaping @Sendable () -> Timestamp = { WallClock.now() }
    ) {
        self.issuers = issuers.filter { $0.proof == .assertion }
        self.clock = clock
        reader = AssertionReader(program: program)
    }

    /// Who an assertion says somebody is.
    ///
    /// `name` is the issuer that it has to be from; nil for whichever it is from.
    package func identity(
        of assertion: IdentityAssertion,
        from name: String? = nil
    ) throws(TokenFault) -> ProvenIdentity {
        let wanted = issuers.filter { issuer in name.map { issuer.name.isSame(as: $0) } ?? true }
        guard !wanted.isEmpty else {
            throw .assertion(
                .issuer,
                "no issuer is configured whose assertions are taken",
                remedy: "add one with saml: to issuers in bailey.yaml"
            )
        }
        let (statement, key) = try reader.statement(in: assertion, of: wanted)
        guard let entity = statement["issuer"]?.text,
            let issuer = wanted.first(where: { $0.url.isSame(as: entity) })
        else {
            throw .assertion(.issuer, "it is from an identity provider that is not configured")
        }
        return try AssertionVerifier(issuer: issuer).identity(statement, key: key, now: clock())
    }
}
