package import Foundation
package import Model
internal import Synchronization

/// Mints what services know agents by, and keeps it while it is good.
package final class AgentMint: IdentityIssuer {
    /// Tokens and certificates that are kept at a time: an agent has one for each service that it speaks to.
    private static let capacity = 4_096

    /// The keys as they are at a moment.
    private let ring: @Sendable (Date) throws -> MintKeyRing
    private let domain: TrustDomain
    /// Who a token says that it is from.
    private let issuer: String
    private let now: @Sendable () -> Date
    private let kept = Mutex(Kept())

    private struct Kept {
        var tokens: [TokenPlace: Entry<MintedToken>] = [:]
        var certificates: [CertificatePlace: Entry<AgentCertificate>] = [:]
        /// Until when runs are proven whose principals were proven anew.
        var proven: [String: Date] = [:]
        /// Agents that have ended or are revoked, lately: a request of theirs may be under way yet.
        var over: Set<AgentID> = []
    }

    private struct TokenPlace: Hashable {
        let agent: AgentID
        let audience: String
        let lifetime: Int64
    }

    private struct CertificatePlace: Hashable {
        let agent: AgentID
        let lifetime: Int64
    }

    private struct Entry<Value> {
        let value: Value
        /// When it is used no more: half its life is left to the request that it is put into.
        let until: Date
    }

    /// - Parameters:
    ///   - ring: what signs, asked each time that something is minted.
    ///   - domain: whose agents they are.
    ///   - issuer: what tokens have as `iss`; the trust domain's name without one.
    ///   - now: the clock that tokens and certificates are dated by.
    package init(
        ring: @escaping @Sendable (Date) throws -> MintKeyRing,
        domain: TrustDomain,
        issuer: String? = nil,
        now: @escaping @Sendable () -> Date = { Date() }
    ) {
        self.ring = ring
        self.domain = domain
        self.issuer = issuer ?? "spiffe://\(domain.name)"
        self.now = now
    }

    package func keptToken(for lineage: Lineage, audience: String, lifetime: Int64) -> MintedToken? {
        let place = TokenPlace(agent: lineage.agent.agent, audience: audience, lifetime: lifetime)
        let now = now()
        return kept.withLock { kept in kept.tokens[place].flatMap { $0.until > now ? $0.value : nil } }
    }

    package func keptCertificate(for lineage: Lineage, lifetime: Int64) -> MintedCertificate? {
        certificateKept(lineage, lifetime)?.minted
    }

    package func certificate(
        for lineage: Lineage,
        lifetime: Int64
    ) throws(CredentialFailure) -> MintedCertificate {
        try agentCertificate(lineage, lifetime).minted
    }

    package func token(
        for lineage: Lineage,
        audience: String,
        lifetime: Int64
    ) throws(CredentialFailure) -> MintedToken {
        if let known = keptToken(for: lineage, audience: audience, lifetime: lifetime) { return known }
        // Twice as long as the token: it is there as long as any token that is bound to it.
        let certificate = try agentCertificate(lineage, 2 * lifetime)
        let start = now()
        let left = try left(lineage, at: start, of: lifetime)
        let claims = try claims(lineage, audience, from: start, left, certificate)
        let token = MintedToken(text: try sign(claims, at: start), certificate: certificate.minted)
        let place = TokenPlace(agent: lineage.agent.agent, audience: audience, lifetime: lifetime)
        let isKept = kept.withLock { kept in
            guard !kept.over.contains(place.agent) else { return false }
            Self.makeRoom(&kept.tokens, start)
            kept.tokens[place] = Entry(value: token, until: start + Self.seconds(left) / 2)
            return true
        }
        guard isKept else { throw Self.isOver }
        return token
    }

    package func extend(_ run: String, until end: Timestamp) {
        let now = now()
        kept.withLock { kept in
            kept.proven = kept.proven.filter { $0.value > now }
            if kept.proven.count >= Self.capacity { kept.proven.removeAll(keepingCapacity: true) }
            kept.proven[run] = Date(end)
        }
    }

    package func forget(_ agent: AgentID) {
        kept.withLock { kept in
            if kept.over.count >= Self.capacity { kept.over.removeAll(keepingCapacity: true) }
            kept.over.insert(agent)
            kept.tokens = kept.tokens.filter { $0.key.agent != agent }
            kept.certificates = kept.certificates.filter { $0.key.agent != agent }
        }
    }
}

extension AgentMint {
    private func certificateKept(_ lineage: Lineage, _ lifetime: Int64) -> AgentCertificate? {
        let place = CertificatePlace(agent: lineage.agent.agent, lifetime: lifetime)
        let now = now()
        return kept.withLock { kept in
            kept.certificates[place].flatMap { $0.until > now ? $0.value : nil }
        }
    }

    private func agentCertificate(
        _ lineage: Lineage,
        _ lifetime: Int64
    ) throws(CredentialFailure) -> AgentCertificate {
        if let known = certificateKept(lineage, lifetime) { return known }
        guard let id = SPIFFEID(of: lineage, in: domain) else { throw Self.tooLong }
        let start = now()
        let made: AgentCertificate
        do {
            made = try TrustAuthority(keys: ring(start).signing(at: start).keys)
                .certificate(for: id, from: start, until: start + Self.seconds(lifetime))
        } catch {
            throw CredentialFailure("its certificate could not be made: \(error)")
        }
        let place = CertificatePlace(agent: lineage.agent.agent, lifetime: lifetime)
        let isKept = kept.withLock { kept in
            guard !kept.over.contains(place.agent) else { return false }
            Self.makeRoom(&kept.certificates, start)
            kept.certificates[place] = Entry(value: made, until: start + Self.seconds(lifetime) / 2)
            return true
        }
        guard isKept else { throw Self.isOver }
        return made
    }

    /// Milliseconds of a token's life: nobody speaks for a principal longer than that one has proven who it is.
    private func left(
        _ lineage: Lineage,
        at now: Date,
        of lifetime: Int64
    ) throws(CredentialFailure) -> Int64 {
        guard let first = lineage.principal.expiry.map(Date.init) else { return lifetime }
        let run = lineage.agent.agent.run
        let end = max(first, kept.withLock { $0.proven[run] } ?? first)
        let left = min(lifetime, Int64(end.timeIntervalSince(now) * 1_000))
        guard left >= 1_000 else {
            let proof = (lineage.principal.proof ?? .token).word
            throw CredentialFailure("the \(proof) of \(lineage.principal) has expired")
        }
        return left
    }

    private func claims(
        _ lineage: Lineage,
        _ audience: String,
        from start: Date,
        _ lifetime: Int64,
        _ certificate: AgentCertificate
    ) throws(CredentialFailure) -> AgentToken {
        guard let actor = lineage.actor(in: domain) else { throw Self.tooLong }
        let seconds = Int64(start.timeIntervalSince1970)
        return AgentToken(
            iss: issuer,
            sub: lineage.principal.subject,
            aud: audience,
            exp: seconds + lifetime / 1_000,
            nbf: seconds,
            iat: seconds,
            jti: Data((0..<16).map { _ in UInt8.random(in: .min ... .max) }).base64URL,
            act: actor,
            cnf: AgentToken.Confirmation(thumbprint: certificate.thumbprint)
        )
    }

    private func sign(_ claims: AgentToken, at now: Date) throws(CredentialFailure) -> String {
        do {
            let keys = try ring(now).signing(at: now).keys
            return try claims.signed(by: keys.token, named: keys.tokenIdentifier)
        } catch {
            throw CredentialFailure("its token could not be signed: \(error)")
        }
    }

    private static let isOver = CredentialFailure("its agent has ended or is revoked")

    private static let tooLong = CredentialFailure(
        "the agent's SPIFFE id has more than \(SPIFFEID.maximumLength) octets: shorter names, or fewer of them"
    )

    private static func seconds(_ milliseconds: Int64) -> TimeInterval { TimeInterval(milliseconds) / 1_000 }

    private static func makeRoom<Place, Value>(_ entries: inout [Place: Entry<Value>], _ now: Date) {
        guard entries.count >= capacity else { return }
        entries = entries.filter { $0.value.until > now }
        if entries.count >= capacity { entries.removeAll(keepingCapacity: true) }
    }
}

extension Date {
    fileprivate init(_ moment: Timestamp) {
        self.init(timeIntervalSince1970: TimeInterval(moment.milliseconds) / 1_000)
    }
}
