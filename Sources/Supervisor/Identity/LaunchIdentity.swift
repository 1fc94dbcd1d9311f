internal import Client
internal import Identity
internal import Model

/// Who launches, and where that may be proven again.
struct LaunchIdentity: Sendable {
    let principal: Principal
    /// Where the token came from; nil for the local user.
    let source: TokenSource?
    /// When the token was verified: milliseconds of the wall clock.
    let proven: Int64
    /// Which key of the issuer signed it, where that has a name.
    let key: String?

    init(_ principal: Principal) {
        (self.principal, source, proven, key) = (principal, nil, 0, nil)
    }

    /// - Parameters:
    ///   - identity: what was verified.
    ///   - uid: of the local user who launches.
    ///   - source: where it came from.
    ///   - proven: the moment.
    init(_ identity: ProvenIdentity, uid: UInt32, from source: TokenSource, proven: Timestamp) {
        (self.source, self.proven) = (source, proven.milliseconds)
        (principal, key) = (identity.principal(uid: uid), identity.key)
    }

    /// The file that holds the token or the assertion: no agent reads it.
    var file: String? {
        switch source {
        case .file(let path)?, .assertion(let path)?: path
        default: nil
        }
    }

    /// The program that gives the token, also anew: no agent writes it.
    var program: String? {
        if case .buildkite(let program, _)? = source { program } else { nil }
    }

    /// What it was proven with, as a word.
    var evidence: String { (principal.proof ?? .token).word }

    /// Variables that hold a token, or lead to one: no agent inherits them.
    var variables: Set<String> {
        guard let source else { return [] }
        guard case .variable(let name, _) = source else { return Set(TokenSource.variables) }
        return Set(TokenSource.variables + [name])
    }

    /// Whether it is the same principal in all that a profile may ask for, until whenever.
    func isSame(as other: LaunchIdentity) -> Bool {
        principal.proven(until: nil) == other.principal.proven(until: nil)
    }
}

/// What a launch has to prove who launches.
struct IdentityClaim: Sendable {
    let source: TokenSource
    /// The issuer that it has to be from; nil for whichever takes tokens from a file.
    let issuer: String?
    /// What was handed over; nil where it has to be got first.
    let token: IdentityToken?
    /// Likewise, where the source is of assertions.
    let assertion: IdentityAssertion?

    private init(
        _ source: TokenSource,
        issuer: String?,
        token: IdentityToken?,
        assertion: IdentityAssertion? = nil
    ) {
        (self.source, self.issuer, self.token, self.assertion) = (source, issuer, token, assertion)
    }

    /// The same once more, with a token that has to be got anew.
    init(renewing identity: LaunchIdentity, from source: TokenSource) {
        self.init(source, issuer: identity.principal.issuer, token: nil)
    }

    /// What the command line named, or else what the environment of a job has for an issuer that is configured for it; nil
    /// where there is neither: then it is the local user.
    init?(_ order: LaunchOrder, _ issuers: [Issuer]) throws(LaunchRefusal) {
        do throws(TokenSourceFailure) {
            if let offer = order.identity {
                guard !issuers.isEmpty else {
                    throw TokenSourceFailure(
                        "there are no issuers in bailey.yaml, whose tokens or assertions would be taken"
                    )
                }
                self = try Self.claim(offer, order)
                return
            }
            guard let claim = try Self.claim(order, issuers) else { return nil }
            self = claim
        } catch {
            throw LaunchRefusal(Self.opening + error.reason)
        }
    }

    /// What a job lacks to be proven by an issuer that is configured for such; nil where it is none, or lacks nothing.
    static func shortcoming(of order: LaunchOrder, _ issuers: [Issuer]) -> String? {
        guard issuers.contains(where: { !$0.sources.subtracting([.file]).isEmpty }) else { return nil }
        let variables = order.variables
        for issuer in issuers {
            for kind in Issuer.Source.allCases where issuer.sources.contains(kind) {
                let missing = TokenSource.missing(kind, in: variables)
                guard !missing.isEmpty else { continue }
                return
                    "this is a job that issuer \(issuer.name) (from: \(kind.rawValue)) is for, and it has no "
                    + missing.joined(separator: " and ") + advice(for: kind)
            }
        }
        return nil
    }

    /// Without a colon behind a token's name, for which what follows would be masked on record.
    private static func advice(for kind: Issuer.Source) -> String {
        switch kind {
        case .gitHubActions: ", which a workflow gets whose permissions say write of id-token"
        case .gitLab: ", which a job gets that names it, with its aud, under id_tokens"
        case .buildkite, .file: ""
        }
    }

    /// What a refusal begins with.
    static let opening = "who launches could not be proven, and nothing runs: "

    private static func claim(
        _ offer: IdentityOffer,
        _ order: LaunchOrder
    ) throws(TokenSourceFailure) -> IdentityClaim {
        switch offer {
        case .file(let path, let token): return IdentityClaim(.file(path), issuer: nil, token: token)
        case .assertion(let path, let assertion):
            return IdentityClaim(.assertion(path), issuer: nil, token: nil, assertion: assertion)
        case .variable(let name):
            let source = try TokenSource(variable: name, in: order.variables)
            return IdentityClaim(source, issuer: nil, token: nil)
        }
    }

    private static func claim(
        _ order: LaunchOrder,
        _ issuers: [Issuer]
    ) throws(TokenSourceFailure) -> IdentityClaim? {
        let wanted = issuers.filter { !$0.sources.subtracting([.file]).isEmpty }
        guard !wanted.isEmpty else { return nil }
        let variables = order.variables
        var found: [(kind: Issuer.Source, claim: IdentityClaim)] = []
        for issuer in wanted {
            for kind in Issuer.Source.allCases where issuer.sources.contains(kind) {
                guard let source = try TokenSource(kind, in: variables, entries: order.environment) else {
                    continue
                }
                found.append((kind, IdentityClaim(source, issuer: issuer.name, token: nil)))
            }
        }
        guard found.count < 2 else {
            let names = found.map(\.kind.rawValue).joined(separator: " and ")
            throw TokenSourceFailure(
                "the environment is that of \(names) at once; name the token with --oidc-token-file"
            )
        }
        return found.first?.claim
    }
}

extension LaunchOrder {
    /// Its environment by name; of a repeated name the first, as getenv(3) has it.
    fileprivate var variables: [String: String] {
        Dictionary(
            environment.compactMap { entry in
                entry.firstPlace(of: "=").map { (String(entry[..<$0]), String(entry.rest(behind: $0))) }
            },
            uniquingKeysWith: { first, _ in first }
        )
    }
}
