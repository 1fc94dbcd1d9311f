internal import Client
internal import Dispatch
internal import Identity
internal import Linux
internal import Model

/// Proves who launches, on threads of its own: an issuer may take its time to say its keys, a job's system to give a token.
///
/// One issuer's are done one after the other, so that one that does not answer keeps nobody else waiting.
final class IdentityWork: Sendable {
    private let prover: TokenProver
    private let assertionProver: AssertionProver
    private let uid: UInt32
    private let queues: [String: DispatchQueue]
    /// Where nobody knows yet whose token it is.
    private let unknown = DispatchQueue(label: "bailey.identities")
    /// Assertions need nobody else, and take milliseconds each.
    private let assertions = DispatchQueue(label: "bailey.assertions")

    init(_ issuers: [Issuer], _ transport: any DocumentTransport, uid: UInt32) {
        prover = TokenProver(issuers, transport: transport)
        assertionProver = AssertionProver(issuers, program: Self.reader)
        self.uid = uid
        queues = Dictionary(
            issuers.map { ($0.name, DispatchQueue(label: "bailey.identities.\($0.name)")) },
            uniquingKeysWith: { first, _ in first }
        )
    }

    /// bailey-saml, which lies beside this program.
    private static var reader: String? {
        guard let own = PathText.target(of: "/proc/self/exe"), let end = own.lastPlace(of: "/") else {
            return nil
        }
        return "\(own[..<end])/bailey-saml"
    }

    var issuers: [Issuer] { prover.issuers }

    /// Calls back on a thread of its own, within the time-outs of issuers and of what gives tokens.
    func prove(
        _ claim: IdentityClaim,
        then: @escaping @Sendable (Result<LaunchIdentity, LaunchRefusal>) -> Void
    ) {
        if case .assertion(let path) = claim.source {
            assertions.async { [self] in then(proven(claim, assertionIn: path)) }
            return
        }
        if let name = claim.issuer {
            (queues[name] ?? unknown).async { [self] in then(proven(claim, issuer: name)) }
            return
        }
        unknown.async { [self] in
            do throws(LaunchRefusal) {
                let token = try token(of: claim, for: nil)
                let name = try issuer(of: token)
                (queues[name] ?? unknown).async { [self] in then(proven(claim, token, issuer: name)) }
            } catch {
                then(.failure(error))
            }
        }
    }

    private func proven(_ claim: IdentityClaim, issuer: String) -> Result<LaunchIdentity, LaunchRefusal> {
        do throws(LaunchRefusal) {
            return proven(claim, try token(of: claim, for: issuer), issuer: issuer)
        } catch {
            return .failure(error)
        }
    }

    private func proven(
        _ claim: IdentityClaim,
        _ token: IdentityToken,
        issuer: String
    ) -> Result<LaunchIdentity, LaunchRefusal> {
        do throws(TokenFault) {
            let identity = try prover.identity(of: token, from: issuer)
            return .success(
                LaunchIdentity(identity, uid: uid, from: claim.source, proven: prover.now())
            )
        } catch {
            return .failure(LaunchRefusal(IdentityClaim.opening + "\(error)"))
        }
    }

    private func proven(
        _ claim: IdentityClaim,
        assertionIn path: String
    ) -> Result<LaunchIdentity, LaunchRefusal> {
        do {
            let assertion = try claim.assertion ?? TokenSource.assertion(in: path)
            let identity = try assertionProver.identity(of: assertion, from: claim.issuer)
            return .success(
                LaunchIdentity(identity, uid: uid, from: claim.source, proven: prover.now())
            )
        } catch {
            return .failure(LaunchRefusal(IdentityClaim.opening + "\(error)"))
        }
    }

    private func issuer(of token: IdentityToken) throws(LaunchRefusal) -> String {
        do throws(TokenFault) {
            return try prover.issuer(of: token).name
        } catch {
            throw LaunchRefusal(IdentityClaim.opening + "\(error)")
        }
    }

    private func token(of claim: IdentityClaim, for name: String?) throws(LaunchRefusal) -> IdentityToken {
        if let token = claim.token { return token }
        do throws(TokenSourceFailure) {
            return try prover.token(from: claim.source, for: issuers.first { $0.name == name })
        } catch {
            throw LaunchRefusal(IdentityClaim.opening + error.reason)
        }
    }
}
