import Model
import NIOHTTP1

/// Host and port as written in a Host field, an absolute-form target or a CONNECT target.
struct Authority: Hashable {
    let host: Host
    /// Nil when none was written.
    let port: UInt16?

    /// Reads `uri-host [":" port]` (RFC 9110 section 7.2); no userinfo, no address spelled any other way than
    /// dotted quad or bracketed IPv6, no empty port.
    init(_ text: some StringProtocol) throws(HTTPFault) {
        let hostText: String
        let rest: Substring
        let whole = String(text)
        if whole.begins(with: "["), let end = whole.firstPlace(of: "]") {
            hostText = String(whole[..<end].dropFirst(bytes: 1))
            rest = whole.rest(behind: end)
            guard hostText.holds(":") else { throw Self.invalid }
        } else {
            let end = whole.firstPlace(of: ":") ?? whole.endIndex
            hostText = String(whole[..<end])
            rest = whole[end...]
            guard !hostText.isEmpty else { throw Self.invalid }
        }
        if let address = IPAddress(hostText) {
            host = .address(address)
        } else if let name = DNSName(hostText) {
            host = .name(name)
        } else {
            throw Self.invalid
        }
        port = try Self.port(rest)
    }

    private static func port(_ rest: Substring) throws(HTTPFault) -> UInt16? {
        guard !rest.isEmpty else { return nil }
        let digits = rest.dropFirst(bytes: 1)
        guard rest.begins(with: ":"), (1...5).contains(digits.utf8.count),
            digits.utf8.allSatisfy(Octets.isDigit),
            let port = UInt16(digits), port > 0
        else { throw invalid }
        return port
    }

    private static var invalid: HTTPFault {
        .malformed(
            "the host is not a DNS name or an address, with an optional port",
            remedy: "Write host or host:port, in A-labels, without user information."
        )
    }
}

/// Host and port that a connection was captured on its way to, spelled as a Host field does, so that a field that is
/// spelled so need not be read.
struct CapturedAuthority: Hashable {
    let endpoint: Endpoint
    let text: String
    let authority: Authority

    /// Nil on the proxy port, and for a host that cannot be read back.
    init?(_ connection: HTTPConnection) {
        guard case .captured(let host, _) = connection.origin else { return nil }
        endpoint = Endpoint(scheme: connection.scheme, host: host, port: connection.port)
        text = Self.text(endpoint)
        guard let authority = try? Authority(text), authority.host == host else { return nil }
        self.authority = authority
    }

    /// The endpoint without its scheme; the default port is left out.
    static func text(_ endpoint: Endpoint) -> String {
        String(endpoint.description.dropFirst(endpoint.scheme.rawValue.utf8.count + 3))
    }
}

/// A request target (RFC 9112 section 3.2), read once.
enum Target: Hashable {
    case origin(path: String, query: String?)
    case absolute(Scheme, Authority, path: String, query: String?)
    case authority(Authority)
    case asterisk

    init(_ raw: String, method: String) throws(HTTPFault) {
        guard raw.utf8.count <= HTTPLimits.target else {
            throw HTTPFault(
                .uriTooLong,
                .malformed,
                "the request target is longer than \(HTTPLimits.target) octets",
                remedy: "Send a shorter URL."
            )
        }
        guard !raw.isEmpty, raw.utf8.allSatisfy({ (0x21...0x7E).contains($0) }), !raw.utf8.contains(0x23)
        else {
            throw .malformed("the request target is empty or contains a character that a URL cannot")
        }
        if method == "CONNECT" {
            self = .authority(try Authority(raw))
        } else if raw == "*" {
            guard method == "OPTIONS" else { throw .malformed("the target * belongs to OPTIONS only") }
            self = .asterisk
        } else if raw.begins(with: "/") {
            let (path, query) = try Self.split(raw[...])
            self = .origin(path: path, query: query)
        } else {
            self = try Self.absolute(raw)
        }
    }

    /// The host and port that the target names by itself.
    var authority: Authority? {
        switch self {
        case .absolute(_, let authority, _, _), .authority(let authority): authority
        case .origin, .asterisk: nil
        }
    }

    private static func absolute(_ raw: String) throws(HTTPFault) -> Target {
        let lower = Octets.lowercased(raw.prefix(8))
        let scheme: Scheme
        if lower.begins(with: "http://") {
            scheme = .http
        } else if lower == "https://" {
            scheme = .https
        } else {
            throw .malformed("the request target is neither a path nor an http or https URL")
        }
        let rest = raw.dropFirst(bytes: scheme == .http ? 7 : 8)
        let end = rest.unicodeScalars.firstIndex { $0 == "/" || $0 == "?" } ?? rest.endIndex
        let authority = try Authority(rest[..<end])
        let tail = rest[end...]
        let (path, query) = try split(tail.begins(with: "/") ? tail : "/" + tail)
        return .absolute(scheme, authority, path: path, query: query)
    }

    private static func split(_ raw: Substring) throws(HTTPFault) -> (String, String?) {
        guard let mark = raw.firstPlace(of: "?") else { return (try PathNormalizer.normalized(raw), nil) }
        return (try PathNormalizer.normalized(raw[..<mark]), String(raw.rest(behind: mark)))
    }
}
