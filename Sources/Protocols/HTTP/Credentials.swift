import Model
import NIOHTTP1
import Wire

/// Where the client put placeholders, and where the gateway puts the real credential.
///
/// A placeholder may stand in one place only: alone in the field that the matched rule's credential will replace,
/// bare, behind a scheme word (`Bearer PH`), or as user or password of `Basic`. Anywhere else it is on its way
/// out, and the request is refused before anything is sent.
struct Credentials: Hashable {
    /// Lower-case names of the fields that hold a placeholder in a form that can be replaced.
    private(set) var declaredFields: Set<String> = []

    init(of head: HTTPRequestHead, _ patterns: PlaceholderPatterns) throws(HTTPFault) {
        guard !patterns.set.isEmpty else { return }
        if let found = patterns.find(in: head.method.rawValue) ?? patterns.find(in: head.uri) {
            throw Self.misused(found, "the request target")
        }
        for (name, value) in head.headers {
            if let found = patterns.find(in: name) { throw Self.misused(found, "a header field name") }
            if try Self.isReplaceable(value, field: name, patterns) {
                declaredFields.insert(Octets.lowercased(name))
            }
        }
    }

    /// Puts the credential in, in place of every field of its name; refuses a placeholder that would be sent.
    func apply(_ injection: Injection?, to head: inout HTTPRequestHead, scheme: Scheme) throws(HTTPFault) {
        guard declaredFields.allSatisfy({ $0 == injection?.field }) else {
            throw HTTPFault(
                .forbidden,
                .placeholderMisused,
                "a credential's placeholder is in a header field that the rule for this request does not replace",
                remedy: "Use the credential only on the hosts and in the field it is bound to."
            )
        }
        guard let injection else { return }
        guard scheme == .https, injection.value.utf8.allSatisfy(Octets.isFieldValue),
            !injection.field.isEmpty, injection.field.utf8.allSatisfy(Octets.isToken)
        else { throw Self.unavailable }
        head.headers.remove(name: injection.field)
        head.headers.add(name: injection.field, value: injection.value)
    }

    /// Whether a field holds nothing but a placeholder in one of the three forms.
    ///
    /// Throws when it holds one in any other way.
    private static func isReplaceable(
        _ value: String,
        field: String,
        _ patterns: PlaceholderPatterns
    ) throws(HTTPFault) -> Bool {
        guard let found = patterns.find(in: value) else { return false }
        let words = Octets.trimmed(value).cut(at: " ", omittingEmptySubsequences: false)
        switch words.count {
        case 1 where patterns.whole(words[0]) != nil:
            return true
        case 2 where Octets.lowercased(words[0]) == "basic" && isBasic(words[1], patterns):
            return true
        case 2
        where words[0].utf8.allSatisfy(Octets.isToken) && patterns.whole(words[1]) != nil
            && patterns.find(in: String(words[0])) == nil:
            return true
        default:
            throw misused(found, "header field \(Octets.lowercased(field))")
        }
    }

    /// `base64(user:password)` with a placeholder as one of the two and none in the other.
    private static func isBasic(_ text: Substring, _ patterns: PlaceholderPatterns) -> Bool {
        guard let octets = Base64.decoded(text) else { return false }
        let pair = String(decoding: octets, as: Unicode.UTF8.self)
        guard let colon = pair.firstPlace(of: ":") else { return false }
        let user = pair[..<colon]
        let password = pair.rest(behind: colon)
        if patterns.whole(password) != nil { return patterns.find(in: String(user)) == nil }
        return patterns.whole(user) != nil && patterns.find(in: String(password)) == nil
    }

    static func misused(_ placeholder: Placeholder, _ place: String) -> HTTPFault {
        HTTPFault(
            .forbidden,
            .placeholderMisused,
            "the placeholder of credential \(placeholder.credential) is in \(place)",
            remedy: "Send it only in the header field and to the hosts that the credential is bound to."
        )
    }

    private static var unavailable: HTTPFault {
        HTTPFault(
            .serviceUnavailable,
            .credentialUnavailable,
            "the credential for this request cannot be put into a header field of a TLS connection",
            remedy: "Ask the operator to check the credential and the rule that names it."
        )
    }
}
