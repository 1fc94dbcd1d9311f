import Model
import NIOHTTP1
import Signing
import Wire

/// Where the client put placeholders, and where the gateway puts the real credential.
///
/// A placeholder may stand in one place only: alone in the field, the query parameter or the cookie that the matched
/// rule's credential will replace. In a field it stands bare, behind a scheme word (`Bearer PH`), or as user or password
/// of `Basic`. Anywhere else it is on its way out, and the request is refused before anything is sent.
struct Credentials: Hashable {
    /// Where a placeholder stands in a form that can be replaced.
    private(set) var declared: Set<CredentialPlace> = []

    init(of head: HTTPRequestHead, _ patterns: PlaceholderPatterns) throws(HTTPFault) {
        guard !patterns.set.isEmpty else { return }
        if let found = patterns.find(in: head.method.rawValue) {
            throw Self.misused(found, "the request target")
        }
        if let found = patterns.find(in: head.uri) { try readTarget(head.uri, found, patterns) }
        for (name, value) in head.headers {
            if let found = patterns.find(in: name) { throw Self.misused(found, "a header field name") }
            guard let found = patterns.find(in: value) else { continue }
            try readField(Octets.lowercased(name), value, found, patterns)
        }
    }

    /// Puts the credential in, in place of everything of its name; refuses a placeholder that would be sent.
    func apply(
        _ injection: Injection?,
        to head: inout HTTPRequestHead,
        of asking: Asking
    ) throws(HTTPFault) {
        guard declared.allSatisfy({ $0 == injection?.place }) else {
            throw HTTPFault(
                .forbidden,
                .placeholderMisused,
                "a credential's placeholder is in a place that the rule for this request does not replace",
                remedy: "Use the credential only on the hosts and in the place it is bound to."
            )
        }
        guard let injection else { return }
        guard !injection.isWithheld else {
            head = Self.rest(of: head, besides: injection.place)
            return
        }
        let endpoint = asking.checked.request.endpoint
        guard endpoint.scheme == .https, injection.value.utf8.allSatisfy(Octets.isFieldValue) else {
            throw Self.unavailable
        }
        switch injection.place {
        case .field(let name):
            guard !name.isEmpty, name.utf8.allSatisfy(Octets.isToken) else { throw Self.unavailable }
            head.headers.remove(name: name)
            head.headers.add(name: name, value: injection.value)
        case .query(let name):
            head.uri = try Self.replacing(name, by: injection.value, in: head.uri)
        case .cookie(let name):
            let others = head.headers["cookie"].flatMap(Self.cookies).filter { !$0.name.isSame(as: name) }
            let whole = others.map(\.text) + ["\(name)=\(injection.value)"]
            head.headers.remove(name: "cookie")
            head.headers.add(name: "cookie", value: whole.joined(separator: "; "))
        case .awsSignature:
            guard let key = AWSKey(injection.value), let signing = injection.signing else {
                throw Self.unavailable
            }
            let request = AWSRequest(
                key: key,
                signing: signing,
                host: endpoint.host,
                body: asking.gathered?.pieces ?? []
            )
            try request.sign(&head)
        case .clientCertificate, .password, .loginCertificate, .sessionRole: throw Self.unavailable
        }
    }

    /// A head without what stands where a credential is put in: nothing of that goes out.
    static func rest(of head: HTTPRequestHead, besides place: CredentialPlace?) -> HTTPRequestHead {
        var head = head
        switch place {
        case .field(let name): head.headers.remove(name: name)
        case .query(let name):
            let (path, query) = URLQuery.cut(head.uri)
            let others = URLQuery.parameters(query ?? "").filter { !$0.name.elementsEqual(name.utf8) }
            head.uri = "\(path)?\(others.map { String($0.text) }.joined(separator: "&"))"
        case .cookie(let name):
            let others = head.headers["cookie"].flatMap(cookies).filter { !$0.name.isSame(as: name) }
            head.headers.replaceOrAdd(name: "cookie", value: others.map(\.text).joined(separator: "; "))
        case .awsSignature: AWSRequest.removeSignature(from: &head)
        case .clientCertificate, .password, .loginCertificate, .sessionRole, nil: break
        }
        return head
    }

    static func misused(_ placeholder: Placeholder, _ place: String) -> HTTPFault {
        HTTPFault(
            .forbidden,
            .placeholderMisused,
            "the placeholder of credential \(placeholder.credential) is in \(place)",
            remedy: "Send it only in the place and to the hosts that the credential is bound to."
        )
    }

    private static var unavailable: HTTPFault {
        HTTPFault(
            .serviceUnavailable,
            .credentialUnavailable,
            "the credential for this request cannot be put where it belongs, into a request over TLS",
            remedy: "Ask the operator to check the credential and the rule that names it."
        )
    }
}

extension Credentials {
    /// A target whose query has this value under this name, once, where the first one was or at the end.
    private static func replacing(
        _ name: String,
        by value: String,
        in target: String
    ) throws(HTTPFault) -> String {
        let (path, query) = URLQuery.cut(target)
        let own = "\(URLQuery.encoded(name))=\(URLQuery.encoded(value))"
        var parts: [String] = []
        var isPlaced = false
        for parameter in URLQuery.parameters(query ?? "") {
            guard !parameter.name.elementsEqual(name.utf8) else {
                if !isPlaced { parts.append(own) }
                isPlaced = true
                continue
            }
            // Some servers end a parameter at `;` as well: to them this would be a second one of the name.
            let behind = parameter.text.cut(at: ";", omittingEmptySubsequences: false).dropFirst()
            guard !behind.flatMap(URLQuery.parameters).contains(where: { $0.name.elementsEqual(name.utf8) })
            else {
                throw HTTPFault(
                    .forbidden,
                    .placeholderMisused,
                    "the query has the credential's parameter \(name) behind a semicolon",
                    remedy: "Leave the parameter out: the gateway puts it in."
                )
            }
            parts.append(String(parameter.text))
        }
        if !isPlaced { parts.append(own) }
        return "\(path)?\(parts.joined(separator: "&"))"
    }
}

// Where placeholders stand.
extension Credentials {
    /// A target with a placeholder somewhere: alone as the value of a parameter, or out of place.
    private mutating func readTarget(
        _ target: String,
        _ found: Placeholder,
        _ patterns: PlaceholderPatterns
    ) throws(HTTPFault) {
        let (path, query) = URLQuery.cut(target)
        guard let query, patterns.find(in: String(path)) == nil else {
            throw Self.misused(found, "the request target")
        }
        let holders = URLQuery.parameters(query).filter { patterns.find(in: String($0.text)) != nil }
        let places = holders.compactMap { parameter -> CredentialPlace? in
            if parameter.name.elementsEqual("X-Amz-Credential".utf8) {
                return Self.signature(AWSClaim(target: target), in: String(parameter.text), patterns)
            }
            let value = String(decoding: parameter.value, as: Unicode.UTF8.self)
            return patterns.whole(value) == nil
                ? nil : Self.name(parameter.name, patterns).map { CredentialPlace.query($0) }
        }
        guard !holders.isEmpty, places.count == holders.count else { throw Self.misused(found, "the query") }
        declared.formUnion(places)
    }

    /// The name of a parameter or a cookie that holds a placeholder: ASCII, in which no two texts are the same to Swift.
    private static func name(_ name: some Collection<UInt8>, _ patterns: PlaceholderPatterns) -> String? {
        let text = String(decoding: name, as: Unicode.UTF8.self)
        return name.allSatisfy { $0 < 0x80 } && patterns.find(in: text) == nil ? text : nil
    }

    /// A field with a placeholder somewhere in its value.
    private mutating func readField(
        _ name: String,
        _ value: String,
        _ found: Placeholder,
        _ patterns: PlaceholderPatterns
    ) throws(HTTPFault) {
        guard name == "cookie", value.holds("=") else {
            if name == "authorization",
                let place = Self.signature(AWSClaim(authorization: value), in: value, patterns)
            {
                declared.insert(place)
                return
            }
            guard Self.isReplaceable(value, patterns) else {
                throw Self.misused(found, "header field \(name)")
            }
            declared.insert(.field(name))
            return
        }
        let holders = Self.cookies(value).filter { patterns.find(in: $0.text) != nil }
        let places = holders.compactMap { cookie in
            patterns.whole(cookie.value) == nil
                ? nil : Self.name(cookie.name.utf8, patterns).map { CredentialPlace.cookie($0) }
        }
        guard !holders.isEmpty, places.count == holders.count else {
            throw Self.misused(found, "header field cookie")
        }
        declared.formUnion(places)
    }

    /// A signature of AWS in whose credential the placeholder is the key's id, and nowhere else in the text.
    private static func signature(
        _ claim: AWSClaim?,
        in text: String,
        _ patterns: PlaceholderPatterns
    ) -> CredentialPlace? {
        guard let claim, patterns.whole(claim.keyID) != nil, let place = text.firstPlace(ofText: claim.keyID),
            patterns.find(in: String(text[..<place.lowerBound])) == nil,
            patterns.find(in: String(text[place.upperBound...])) == nil
        else { return nil }
        return .awsSignature
    }

    /// Whether a field holds nothing but a placeholder in one of the three forms.
    private static func isReplaceable(_ value: String, _ patterns: PlaceholderPatterns) -> Bool {
        let words = Octets.trimmed(value).cut(at: " ", omittingEmptySubsequences: false)
        switch words.count {
        case 1: return patterns.whole(words[0]) != nil
        case 2 where Octets.lowercased(words[0]) == "basic": return isBasic(words[1], patterns)
        case 2:
            return words[0].utf8.allSatisfy(Octets.isToken) && patterns.whole(words[1]) != nil
                && patterns.find(in: String(words[0])) == nil
        default: return false
        }
    }

    /// `base64(user:password)` with a placeholder as one of the two and none in the other; or the bare placeholder.
    private static func isBasic(_ text: Substring, _ patterns: PlaceholderPatterns) -> Bool {
        if patterns.whole(text) != nil { return true }
        guard let octets = Base64.decoded(text) else { return false }
        let pair = String(decoding: octets, as: Unicode.UTF8.self)
        guard let colon = pair.firstPlace(of: ":") else { return false }
        let user = pair[..<colon]
        let password = pair.rest(behind: colon)
        if patterns.whole(password) != nil { return patterns.find(in: String(user)) == nil }
        return patterns.whole(user) != nil && patterns.find(in: String(password)) == nil
    }

    /// One pair of a Cookie field (RFC 6265 section 4.2.1); a quoted value without its quotes.
    private struct Cookie {
        let text: String
        let name: String
        let value: String
    }

    private static func cookies(_ field: String) -> [Cookie] {
        field.cut(at: ";").compactMap { part in
            let text = Octets.trimmed(part)
            guard !text.isEmpty else { return nil }
            guard let equals = text.firstPlace(of: "=") else {
                return Cookie(text: text, name: "", value: text)
            }
            let value = Octets.trimmed(text.rest(behind: equals))
            let isQuoted = value.utf8.count >= 2 && value.begins(with: "\"") && value.ends(with: "\"")
            return Cookie(
                text: text,
                name: Octets.trimmed(text[..<equals]),
                value: isQuoted ? String(value.dropFirst(bytes: 1).dropLast(bytes: 1)) : value
            )
        }
    }
}
