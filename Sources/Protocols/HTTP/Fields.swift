import Model
import NIOHTTP1

/// Which header fields are read, which are passed on, and which never are.
enum Fields {
    /// Refuses names and values outside RFC 9110 section 5, and blocks over their limits.
    static func check(_ headers: HTTPHeaders, block: Int = HTTPLimits.fieldBlock) throws(HTTPFault) {
        var total = 0
        var count = 0
        for (name, value) in headers {
            try checkName(name)
            guard value.utf8.allSatisfy(Octets.isFieldValue) else {
                throw .malformed("a header field value contains a control character or a line break")
            }
            let size = name.utf8.count + value.utf8.count
            total += size
            count += 1
            guard size <= HTTPLimits.field, total <= block, count <= HTTPLimits.fieldCount else {
                throw tooLarge
            }
        }
    }

    private static func checkName(_ name: String) throws(HTTPFault) {
        guard !name.isEmpty, name.utf8.allSatisfy(Octets.isToken) else {
            throw .malformed("a header field name is not a token")
        }
        // CGI and WSGI servers read `_` as `-`: such a name would be a second framing field behind our back.
        guard name.utf8.contains(UInt8(ascii: "_")) else { return }
        guard !framing.contains(name) else {
            throw .malformed("a header field imitates a framing field with an underscore")
        }
    }

    static var tooLarge: HTTPFault {
        HTTPFault(
            .requestHeaderFieldsTooLarge,
            .malformed,
            "the header fields are larger than \(HTTPLimits.field) octets for one, "
                + "\(HTTPLimits.fieldBlock) octets or \(HTTPLimits.fieldCount) fields together",
            remedy: "Send fewer or smaller header fields."
        )
    }

    /// The fields that go on to the other side: no hop-by-hop field, none that Connection names, none that
    /// claims an identity.
    ///
    /// Framing and Host are the caller's to write.
    static func passedOn(_ headers: HTTPHeaders, from side: Direction) -> HTTPHeaders {
        let named = connectionTokens(headers)
        var result = HTTPHeaders()
        result.reserveCapacity(headers.count)
        for (name, value) in headers where !hopByHop.contains(name) {
            guard named.isEmpty || !named.contains(Octets.lowercased(name)) || endToEnd.contains(name) else {
                continue
            }
            guard side == .response || !claimsIdentity(name) else { continue }
            result.add(name: name, value: value)
        }
        return result
    }

    /// Trailer fields that may be passed on: none that frames, routes or authenticates (RFC 9110 section 6.5.1).
    static func passedOnTrailers(
        _ trailers: HTTPHeaders,
        from side: Direction
    ) throws(HTTPFault) -> HTTPHeaders {
        try check(trailers, block: HTTPLimits.trailerBlock)
        var result = passedOn(trailers, from: side)
        for name in forbiddenInTrailers { result.remove(name: name) }
        return result
    }

    /// The lower-case tokens of all Connection fields.
    static func connectionTokens(_ headers: HTTPHeaders) -> [String] {
        tokens("connection", of: headers)
    }

    /// The lower-case tokens of all fields of a name.
    static func tokens(_ name: String, of headers: HTTPHeaders) -> [String] {
        listed(name, of: headers).map { Octets.lowercased($0) }
    }

    /// The elements of all fields of a name that are a list (RFC 9110 section 5.6.1).
    static func listed(_ name: String, of headers: HTTPHeaders) -> [String] {
        headers[name].flatMap { $0.cut(at: ",") }.map { Octets.trimmed($0) }
    }

    /// Which way a message travels.
    enum Direction: Hashable {
        case request
        case response
    }

    /// RFC 9110 section 7.6.1, the historical ones with it, and what this gateway answers itself.
    private static let hopByHop = FieldNames([
        "connection", "keep-alive", "proxy-connection", "proxy-authorization", "proxy-authenticate",
        "proxy-authentication-info", "te", "trailer", "transfer-encoding", "upgrade", "http2-settings",
        "expect",
        "content-length", "host", "alt-svc",
    ])

    /// What a Connection field may not take away: it would change the meaning of the request.
    private static let endToEnd = FieldNames([
        "authorization", "cookie", "content-type", "content-encoding", "range", "cache-control",
    ])

    private static let forbiddenInTrailers = [
        "authorization", "cookie", "set-cookie", "content-type", "content-encoding", "content-range", "range",
        "cache-control", "www-authenticate", "location", "max-forwards", "if-match", "if-none-match",
    ]

    /// Says who is asking: only the gateway knows that, and it never says it in bytes.
    private static func claimsIdentity(_ name: String) -> Bool {
        identity.contains(name) || identityPrefixes.beginAny(name)
    }

    private static let identity = FieldNames(
        [
            "forwarded", "via", "x-real-ip", "x-client-ip", "true-client-ip", "x-agent", "txn-token",
            "baggage",
            "remote-user", "x-remote-user", "x-authenticated-user", "x-spiffe-id", "client-cert",
            "client-cert-chain", "x-original-url", "x-rewrite-url", "x-http-method-override", "x-http-method",
            "x-method-override", "x-original-host", "x-host",
        ],
        foldingUnderscore: true
    )

    private static let identityPrefixes = FieldNames(
        ["x-forwarded-", "x-agent-", "x-bailey-", "proxy-"],
        foldingUnderscore: true
    )

    private static let framing = FieldNames(
        ["content-length", "transfer-encoding", "host"],
        foldingUnderscore: true
    )
}
