internal import Model

/// Holds what a signed assertion says to one issuer's configuration and the time; pure.
///
/// SAML core section 2; Profiles section 4.1.4.3, as far as it is about an assertion that nobody asked for.
struct AssertionVerifier {
    let issuer: Issuer

    /// What bailey-saml read of the octets that were signed, and with which certificate's key.
    func identity(
        _ assertion: JSONValue,
        key: String?,
        now: Timestamp
    ) throws(TokenFault) -> ProvenIdentity {
        guard let version = assertion["version"]?.text, version.isSame(as: "2.0") else {
            throw TokenFault.assertion(.form, "it is not of SAML 2.0")
        }
        guard let entity = assertion["issuer"]?.text, entity.isSame(as: issuer.url) else {
            throw TokenFault.assertion(.issuer, "it is not from \(issuer.url)")
        }
        try checkAudience(assertion["audiences"])
        let expiry = try checkTimes(assertion, now: now.milliseconds)
        try checkConfirmations(assertion["subject"]?["confirmations"]?.items ?? [], now: now.milliseconds)
        let payload = try payload(of: assertion)
        do throws(TokenFault) {
            return try TokenClaims(payload, of: issuer).identity(expiry: expiry, key: key)
        } catch {
            throw error.ofAssertion
        }
    }

    /// Each restriction has to be met (section 2.5.1.4), and as with a token none names an audience that is not trusted.
    private func checkAudience(_ value: JSONValue?) throws(TokenFault) {
        let restrictions = value?.items ?? []
        guard !restrictions.isEmpty else {
            throw TokenFault.assertion(
                .audience,
                "it is for no audience in particular, so that it would be good for anybody"
            )
        }
        for restriction in restrictions {
            let audiences = restriction.items ?? []
            guard !audiences.isEmpty, audiences.count <= TokenLimits.audiences,
                audiences.allSatisfy({ $0.text.map { issuer.audiences.holds(bytes: $0) } ?? false })
            else {
                throw TokenFault.assertion(
                    .audience,
                    "it is for \(ShownText.list(audiences.map(\.text))), and has to be for "
                        + "\(issuer.audiences.joined(separator: " or ")) alone",
                    remedy: "let the identity provider make one for that alone"
                )
            }
        }
    }

    /// When it is over: its conditions' end, or that of the session that it is about, whichever comes first.
    private func checkTimes(_ assertion: JSONValue, now: Int64) throws(TokenFault) -> Timestamp {
        guard var end = try Self.moment(assertion["NotOnOrAfter"], "NotOnOrAfter", .expiry) else {
            throw TokenFault.assertion(
                .expiry,
                "its conditions have no \"NotOnOrAfter\", so that it would be good for ever"
            )
        }
        for session in assertion["sessions"]?.items ?? [] {
            end = min(end, try Self.moment(session, "SessionNotOnOrAfter", .expiry) ?? end)
        }
        guard end + issuer.leeway > now else {
            throw TokenFault.assertion(
                .expiry,
                "it expired \(TokenVerifier.span(now - end)) ago",
                remedy: "get a new one"
            )
        }
        if let start = try Self.moment(assertion["NotBefore"], "NotBefore", .notBefore),
            start > now + issuer.leeway
        {
            throw TokenFault.assertion(
                .notBefore,
                "it is not valid for another \(TokenVerifier.span(start - now))"
            )
        }
        guard let issued = try Self.moment(assertion["issued"], "IssueInstant", .issuedAt) else {
            throw TokenFault.assertion(.issuedAt, "it does not say when it was issued (\"IssueInstant\")")
        }
        guard issued <= now + issuer.leeway else {
            throw TokenFault.assertion(
                .issuedAt,
                "it will be issued in \(TokenVerifier.span(issued - now))",
                remedy: "compare this machine's clock with the identity provider's"
            )
        }
        return Timestamp(milliseconds: end + issuer.leeway)
    }

    private static let bearer = "urn:oasis:names:tc:SAML:2.0:cm:bearer"

    /// Whoever holds it is its subject: one confirmation has to say so, and to hold now.
    private func checkConfirmations(_ confirmations: [JSONValue], now: Int64) throws(TokenFault) {
        var fault = TokenFault.assertion(
            .confirmation,
            "it does not say that whoever holds it is its subject (bearer)"
        )
        for confirmation in confirmations {
            guard let method = confirmation["method"]?.text, method.isSame(as: Self.bearer) else { continue }
            do throws(TokenFault) { return try check(confirmation, now: now) } catch { fault = error }
        }
        throw fault
    }

    private func check(_ confirmation: JSONValue, now: Int64) throws(TokenFault) {
        guard let end = try Self.moment(confirmation["NotOnOrAfter"], "NotOnOrAfter", .confirmation) else {
            throw TokenFault.assertion(
                .confirmation,
                "it does not say until when it may be handed over (\"NotOnOrAfter\")"
            )
        }
        guard end + issuer.leeway > now else {
            throw TokenFault.assertion(
                .confirmation,
                "it had to be handed over until \(TokenVerifier.span(now - end)) ago",
                remedy: "get a new one"
            )
        }
        if let start = try Self.moment(confirmation["NotBefore"], "NotBefore", .confirmation),
            start > now + issuer.leeway
        {
            throw TokenFault.assertion(
                .confirmation,
                "it may not be handed over for another \(TokenVerifier.span(start - now))"
            )
        }
        guard let recipient = issuer.recipient else { return }
        guard let named = confirmation["Recipient"]?.text, named.isSame(as: recipient) else {
            throw TokenFault.assertion(.confirmation, "it is not for the recipient \(recipient)")
        }
    }

    private static func moment(
        _ value: JSONValue?,
        _ name: String,
        _ check: TokenFault.Check
    ) throws(TokenFault) -> Int64? {
        guard let value, value != .null else { return nil }
        guard let text = value.text, let moment = UTCInstant.milliseconds(text) else {
            throw TokenFault.assertion(
                check,
                "its \"\(name)\" is no moment in UTC, as in 2027-01-31T12:00:00Z"
            )
        }
        return moment
    }

    /// What claims are to a token: the attributes, one under several elements as one, and the name of the subject.
    private func payload(of assertion: JSONValue) throws(TokenFault) -> JSONValue {
        var values: [ByteText: [JSONValue]] = [:]
        for attribute in assertion["attributes"]?.items ?? [] {
            guard let name = attribute["name"]?.text else { continue }
            // A value that is not one text is none that anybody could ask for.
            values[ByteText(name), default: []] += (attribute["values"]?.items ?? []).map {
                $0 == .null ? .object([]) : $0
            }
        }
        values[ByteText(SubjectTemplate.nameID)] = try name(of: assertion).map { [.string($0)] }
        return .object(
            values.map {
                JSONMember(name: $0.key.text, value: $0.value.count == 1 ? $0.value[0] : .array($0.value))
            }
        )
    }

    private static let transient = "urn:oasis:names:tc:SAML:2.0:nameid-format:transient"

    /// A transient name is another one each time (section 8.3.8): it names no principal.
    private func name(of assertion: JSONValue) throws(TokenFault) -> String? {
        guard let name = assertion["subject"]?["name"]?.text else { return nil }
        let isAsked = issuer.subject.claims.holds(bytes: SubjectTemplate.nameID)
        if isAsked, let format = assertion["subject"]?["format"]?.text, format.isSame(as: Self.transient) {
            throw TokenFault.assertion(
                .subject,
                "its NameID is transient, another one each time",
                remedy: "let the identity provider send a persistent one, or name an attribute in "
                    + "issuers.\(issuer.name).subject"
            )
        }
        return name
    }
}
