import Model
import NIOHTTP1
import Wire

/// A request head that has been understood whole: what is asked, and what will be sent when it is allowed.
struct CheckedRequest: Sendable {
    var request: Request
    /// Re-serialised: normalised target, canonical Host, our framing, no hop-by-hop field.
    let head: HTTPRequestHead
    let framing: Framing
    let credentials: Credentials
    let isHTTP11: Bool
    /// The client waits for `100 Continue` before it sends the body.
    var wantsContinue: Bool
    /// The connection ends after the response.
    let closes: Bool
    /// What the request asks to become; nil for one that stays HTTP.
    let opening: WebSocketOpening?
    /// How its client is told of a refusal.
    var manner: ReplyManner

    var isHead: Bool { head.method == .HEAD }
}

/// What the client wants of this connection.
enum ReadRequest: Sendable {
    case request(CheckedRequest)
    /// `CONNECT` on the proxy port.
    case tunnel(Host, port: UInt16)
}

/// Reads request heads for one connection: strictly, once, in the order that finds the most telling fault first.
struct RequestReader: Sendable {
    let connection: HTTPConnection
    let patterns: PlaceholderPatterns
    /// What the connection was made to, as most requests on it spell it; nil on the proxy port.
    private let captured: CapturedAuthority?

    init(connection: HTTPConnection, patterns: PlaceholderPatterns) {
        self.connection = connection
        self.patterns = patterns
        captured = CapturedAuthority(connection)
    }

    func read(_ raw: HTTPRequestHead) throws(HTTPFault) -> ReadRequest {
        try Fields.check(raw.headers)
        try checkLine(raw)
        let target = try Target(raw.uri, method: raw.method.rawValue)
        let credentials = try Credentials(of: raw, patterns)
        let host = try hostField(raw, target)
        if case .authority(let authority) = target {
            return try tunnel(to: authority, host: host, raw)
        }
        var request = try request(raw, target, host)
        request.placeholders = credentials.declared
        do {
            return .request(try checked(raw, request, credentials))
        } catch {
            throw error.about(request)
        }
    }

    private func checkLine(_ raw: HTTPRequestHead) throws(HTTPFault) {
        guard raw.version == .http1_1 || raw.version == .http1_0 else {
            throw .malformed("the request is neither HTTP/1.1 nor HTTP/1.0")
        }
        let method = raw.method.rawValue
        guard (1...HTTPLimits.method).contains(method.utf8.count),
            method.utf8.allSatisfy({ (0x41...0x5A).contains($0) || $0 == 0x2D })
        else { throw .malformed("the method is not a token of upper-case letters") }
        guard raw.method != .TRACE else {
            throw Self.unsupported("TRACE, which would show the credentials that the gateway puts in")
        }
    }

    private func hostField(_ raw: HTTPRequestHead, _ target: Target) throws(HTTPFault) -> Authority {
        let fields = raw.headers["host"]
        // HTTP/1.0 has no Host: Python's clients open tunnels by it until 3.12.
        if fields.isEmpty, raw.version == .http1_0, let named = target.authority { return named }
        guard fields.count == 1, let field = fields.first else {
            throw .malformed("the request has \(fields.count) Host fields; one is needed")
        }
        if let captured, captured.text == field { return captured.authority }
        return try Authority(field)
    }

    private func tunnel(
        to authority: Authority,
        host: Authority,
        _ raw: HTTPRequestHead
    ) throws(HTTPFault) -> ReadRequest {
        guard case .proxyPort = connection.origin else {
            throw Self.unsupported("CONNECT outside the proxy port")
        }
        guard let port = authority.port else { throw .malformed("CONNECT names no port") }
        guard host.host == authority.host, host.port == nil || host.port == port else {
            throw mismatch("the CONNECT target and the Host field differ")
        }
        guard try Framing(raw.headers, isHTTP11: raw.version == .http1_1) == .none else {
            throw .malformed("CONNECT with a body")
        }
        return .tunnel(authority.host, port: port)
    }

    /// Every name that the request and the connection bear must be the same one (RFC 9110 section 7.4).
    private func request(
        _ raw: HTTPRequestHead,
        _ target: Target,
        _ host: Authority
    ) throws(HTTPFault) -> Request {
        let scheme = connection.scheme
        let action: Action
        let named: Endpoint
        switch target {
        case .origin(let path, let query):
            guard case .captured = connection.origin else {
                throw .malformed("a request to the proxy port must name a whole http URL")
            }
            action = Self.action(raw, path, query)
            named = endpoint(scheme, host)
        case .absolute(let claimed, let authority, let path, let query):
            action = Self.action(raw, path, query)
            named = endpoint(claimed, authority)
            guard named.host == host.host, named.port == endpoint(claimed, host).port else {
                throw .malformed("the URL and the Host field name different hosts").about(
                    Request(endpoint: named, action: action)
                )
            }
        case .asterisk, .authority:
            action = .http(method: raw.method.rawValue, path: "*", query: nil)
            named = endpoint(scheme, host)
        }
        let request = Request(endpoint: named, action: action)
        do {
            try checkAgreement(named)
        } catch {
            throw error.about(request)
        }
        return request
    }

    private static func action(_ raw: HTTPRequestHead, _ path: String, _ query: String?) -> Action {
        WebSocketOpening.isNamed(raw.headers)
            ? .webSocket(path: path, query: query)
            : .http(method: raw.method.rawValue, path: path, query: query)
    }

    private func endpoint(_ scheme: Scheme, _ authority: Authority) -> Endpoint {
        Endpoint(
            scheme: scheme,
            host: authority.host,
            port: authority.port ?? scheme.defaultPort ?? connection.port
        )
    }

    private func checkAgreement(_ named: Endpoint) throws(HTTPFault) {
        guard named.scheme == connection.scheme else {
            throw mismatch("the URL's scheme is not that of the connection")
        }
        guard case .captured(let host, let serverName) = connection.origin else { return }
        guard named.host == host, named.port == connection.port else {
            throw mismatch("the request names \(named), the connection was made to \(destination(host))")
        }
        guard connection.scheme == .https else { return }
        switch host {
        case .name(let name):
            guard serverName == name else {
                throw mismatch("the TLS server name is not \(name), to which the connection was made")
            }
        case .address(let address):
            guard serverName == nil else {
                throw mismatch(
                    "the TLS server name does not belong to \(address), to which the connection was made"
                )
            }
        }
    }

    private func destination(_ host: Host) -> Endpoint {
        Endpoint(scheme: connection.scheme, host: host, port: connection.port)
    }

    private func checked(
        _ raw: HTTPRequestHead,
        _ request: Request,
        _ credentials: Credentials
    ) throws(HTTPFault) -> CheckedRequest {
        let isHTTP11 = raw.version == .http1_1
        let framing = try Framing(raw.headers, isHTTP11: isHTTP11)
        let opening = try WebSocketOpening.isAsked(raw.headers) ? WebSocketOpening(raw, framing) : nil
        let expectations = raw.headers["expect"]
        guard expectations.allSatisfy({ Octets.lowercased($0) == "100-continue" }) else {
            throw HTTPFault(
                .expectationFailed,
                .unsupported,
                "the request expects something other than 100-continue",
                remedy: "Leave the Expect field out."
            )
        }
        var request = request
        request.body.length = framing.octets
        request.kind = RequestKind(raw.headers, request.action)
        request.body.isDigested = framing == .none || !AWSRequest.needsBody(raw)
        return CheckedRequest(
            request: request,
            head: head(raw, request, framing, opening),
            framing: framing,
            credentials: credentials,
            isHTTP11: isHTTP11,
            wantsContinue: !expectations.isEmpty && isHTTP11 && framing != .none,
            // The decoder reads nothing behind a request to change protocols.
            closes: !isHTTP11
                || Fields.connectionTokens(raw.headers).contains { $0 == "close" || $0 == "upgrade" },
            opening: opening,
            manner: ReplyManner(to: raw, isStream: connection.isStream, request.kind)
        )
    }

    private func head(
        _ raw: HTTPRequestHead,
        _ request: Request,
        _ framing: Framing,
        _ opening: WebSocketOpening?
    ) -> HTTPRequestHead {
        var headers = Fields.passedOn(raw.headers, from: .request)
        opening?.write(to: &headers)
        var framing = framing
        if framing == .none, raw.method == .POST || raw.method == .PUT || raw.method == .PATCH {
            // RFC 9110 section 8.6: a method that anticipates content says that there is none.
            framing = .length(0)
        }
        framing.write(to: &headers)
        var whole: HTTPHeaders = ["host": hostText(request.endpoint)]
        whole.add(contentsOf: headers)
        return HTTPRequestHead(
            version: .http1_1,
            method: raw.method,
            uri: Self.target(request),
            headers: whole
        )
    }

    private static func target(_ request: Request) -> String {
        switch request.action {
        case .http(_, let path, let query), .webSocket(let path, let query):
            query.map { "\(path)?\($0)" } ?? path
        case .connect, .sql: "*"
        }
    }

    private func hostText(_ endpoint: Endpoint) -> String {
        if let captured, captured.endpoint == endpoint { return captured.text }
        return CapturedAuthority.text(endpoint)
    }

    private func mismatch(_ message: String) -> HTTPFault {
        HTTPFault(
            .misdirectedRequest,
            .nameMismatch,
            message,
            remedy: "Make a connection of its own for each host."
        )
    }

    static func unsupported(_ what: String) -> HTTPFault {
        HTTPFault(
            .notImplemented,
            .unsupported,
            "the gateway does not support \(what)",
            remedy: "Use plain HTTP/1.1 requests."
        )
    }
}
