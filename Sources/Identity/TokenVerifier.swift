internal import JWTKit
package import Model

/// Holds a token to one issuer's configuration, keys and the time; pure.
package struct TokenVerifier: Sendable {
    package let issuer: Issuer

    package init(_ issuer: Issuer) { self.issuer = issuer }

    /// A token that has passed every check but those of its key and signature.
    package struct Checked: Sendable {
        fileprivate let token: SignedToken
        fileprivate let algorithm: SignatureAlgorithm
        fileprivate let expiry: Timestamp
        /// The id of the key that it names (RFC 7515 section 4.1.4).
        package let keyID: String?
    }

    /// Which issuer a token says that it is from, `iss`; nothing is verified.
    package static func claimedIssuer(of token: IdentityToken) throws(TokenFault) -> String {
        guard let issuer = try SignedToken(token.text).payload["iss"]?.text else {
            throw TokenFault(.issuer, "it has no \"iss\" that is a text")
        }
        return issuer
    }

    /// Everything that needs no key: before anybody is asked for one.
    package func check(_ token: IdentityToken, now: Timestamp) throws(TokenFault) -> Checked {
        let token = try SignedToken(token.text)
        let algorithm = try checkHeader(token.header)
        guard let claimed = token.payload["iss"]?.text else {
            throw TokenFault(.issuer, "it has no \"iss\" that is a text, and has to be from \(issuer.url)")
        }
        guard claimed.isSame(as: issuer.url) else {
            throw TokenFault(
                .issuer,
                "it is from \(ShownText.quoted(claimed)), and has to be from \(issuer.url)"
            )
        }
        try checkAudience(token.payload["aud"])
        let expiry = try checkTimes(token.payload, now: now)
        return Checked(
            token: token,
            algorithm: algorithm,
            expiry: expiry,
            keyID: token.header["kid"]?.text
        )
    }

    /// The rest.
    package func verify(_ checked: Checked, keys: SigningKeys) async throws(TokenFault) -> ProvenIdentity {
        let key = try await keys.key(checked.keyID, for: checked.algorithm)
        let isSigned = try? key.verify(checked.token.signature, signs: checked.token.signed)
        guard isSigned == true else {
            throw TokenFault(.signature, "it was not signed with the issuer's key that it names")
        }
        return try TokenClaims(checked.token.payload, of: issuer)
            .identity(expiry: checked.expiry, key: checked.keyID)
    }

    /// All checks at once.
    package func verify(
        _ token: IdentityToken,
        keys: SigningKeys,
        now: Timestamp
    ) async throws(TokenFault) -> ProvenIdentity {
        try await verify(check(token, now: now), keys: keys)
    }

    private func checkHeader(_ header: JSONValue) throws(TokenFault) -> SignatureAlgorithm {
        if header["crit"] != nil {
            throw TokenFault(.header, "it demands extensions (\"crit\"), of which none is understood")
        }
        if let type = header["typ"], !(type.text.map { Self.types.contains($0.lowercasedASCII) } ?? false) {
            throw TokenFault(.header, "its type (\"typ\") is not JWT")
        }
        if header["cty"] != nil { throw TokenFault(.header, "what it signs is another token (\"cty\")") }
        if let id = header["kid"], id.text == nil { throw TokenFault(.header, "its \"kid\" is not a text") }
        guard let name = header["alg"]?.text else {
            throw TokenFault(.algorithm, "it names none, so that it is unsigned")
        }
        if name.lowercasedASCII == "none" { throw TokenFault(.algorithm, "it is unsigned (\"none\")") }
        if SignatureAlgorithm.symmetric.holds(bytes: name) {
            throw TokenFault(
                .algorithm,
                "it is signed symmetrically, which anybody could do who knows the public key"
            )
        }
        guard let algorithm = issuer.algorithms.first(where: { $0.rawValue.isSame(as: name) }) else {
            let taken = issuer.algorithms.map(\.rawValue).joined(separator: ", ")
            throw TokenFault(
                .algorithm,
                "it is signed otherwise than with \(taken)",
                remedy: "issuers.\(issuer.name).algorithms in bailey.yaml says what is taken"
            )
        }
        return algorithm
    }

    /// RFC 7519 section 5.1; what else there is has other rules (RFC 8725 section 3.11).
    private static let types = ["jwt", "application/jwt"]

    /// OpenID Connect Core section 3.1.3.7: the own one is among them, and none that is not trusted.
    private func checkAudience(_ value: JSONValue?) throws(TokenFault) {
        let audiences: [String?] =
            switch value {
            case .string(let text): [text]
            case .array(let items): items.map(\.text)
            default: []
            }
        guard !audiences.isEmpty, audiences.count <= TokenLimits.audiences else {
            throw TokenFault(
                .audience,
                "it has no \"aud\" that is a text or up to \(TokenLimits.audiences) of them"
            )
        }
        for audience in audiences {
            guard let audience, issuer.audiences.holds(bytes: audience) else {
                throw TokenFault(
                    .audience,
                    "it is for \(ShownText.list(audiences)), and has to be for "
                        + "\(issuer.audiences.joined(separator: " or ")) alone",
                    remedy: "ask the issuer for a token with that one alone, or "
                        + (issuer.audienceKey.map { "change \($0)" }
                            ?? "name its audience in issuers.\(issuer.name)") + " of bailey.yaml"
                )
            }
        }
    }

    /// When it expires.
    private func checkTimes(_ payload: JSONValue, now: Timestamp) throws(TokenFault) -> Timestamp {
        let (now, leeway) = (now.milliseconds, issuer.leeway)
        guard let expiry = try NumericDate.read(payload["exp"], "exp", .expiry) else {
            throw TokenFault(.expiry, "it has no \"exp\", so that it would be good for ever")
        }
        guard expiry + leeway > now else {
            throw TokenFault(.expiry, "it expired \(Self.span(now - expiry)) ago", remedy: "get a new one")
        }
        if let start = try NumericDate.read(payload["nbf"], "nbf", .notBefore), start > now + leeway {
            throw TokenFault(.notBefore, "it is not valid for another \(Self.span(start - now))")
        }
        guard let issued = try NumericDate.read(payload["iat"], "iat", .issuedAt) else {
            throw TokenFault(.issuedAt, "it does not say when it was issued (\"iat\")")
        }
        guard issued <= now + leeway else {
            throw TokenFault(
                .issuedAt,
                "it will be issued in \(Self.span(issued - now))",
                remedy: "compare this machine's clock with the issuer's"
            )
        }
        // What is accepted now is good for as long as it would be accepted.
        return Timestamp(milliseconds: expiry + leeway)
    }

    static func span(_ milliseconds: Int64) -> String {
        let seconds = max(1, milliseconds / 1_000)
        return seconds < 120
            ? "\(seconds) s" : seconds < 7_200 ? "\(seconds / 60) min" : "\(seconds / 3_600) h"
    }
}

/// NumericDate (RFC 7519 section 2): seconds, with a fraction or without.
enum NumericDate {
    /// Digits of the seconds: beyond the year 30000.
    private static let maximumDigits = 12

    /// Milliseconds since 1970; nil where there is none.
    static func read(
        _ value: JSONValue?,
        _ name: String,
        _ check: TokenFault.Check
    ) throws(TokenFault) -> Int64? {
        guard let value else { return nil }
        guard case .number(let text) = value else {
            throw TokenFault(check, "its \"\(name)\" is not a number")
        }
        let parts = text.cut(at: ".", omittingEmptySubsequences: false)
        guard let whole = parts.first, whole.utf8.count <= maximumDigits, let seconds = Int64(whole),
            seconds >= 0, parts.count < 2 || parts[1].utf8.allSatisfy({ (0x30...0x39).contains($0) })
        else { throw TokenFault(check, "its \"\(name)\" is no moment in seconds since 1970") }
        // What is behind the point makes no difference of a second.
        return seconds * 1_000
    }
}
