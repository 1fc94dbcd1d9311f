import Model
import NIOHTTP1
import WebSocketProtocol

/// The opening handshake of a WebSocket (RFC 6455 section 4.1), read from a request; the gateway's own goes on.
struct WebSocketOpening: Sendable {
    let key: WebSocketKey
    /// That of the request that goes on.
    let ownKey = WebSocketKey.random()
    /// The subprotocols that the client offers, in its order.
    let protocols: [String]

    /// Whether a request asks for a WebSocket.
    static func isNamed(_ headers: HTTPHeaders) -> Bool { upgrades(headers) == ["websocket"] }

    /// Whether it asks for anything but HTTP.
    ///
    /// HTTP/2 in the clear is not spoken here, and a server may stay with what it speaks (RFC 9110 section 7.8): Java's
    /// client asks for it with every first request.
    static func isAsked(_ headers: HTTPHeaders) -> Bool {
        upgrades(headers).contains { $0 != "h2c" }
    }

    private static func upgrades(_ headers: HTTPHeaders) -> [String] { Fields.tokens("upgrade", of: headers) }

    init(_ raw: HTTPRequestHead, _ framing: Framing) throws(HTTPFault) {
        guard Self.isNamed(raw.headers) else {
            throw RequestReader.unsupported(
                "changing the protocol of the connection (Upgrade) to anything but websocket"
            )
        }
        guard raw.version == .http1_1, raw.method == .GET, framing == .none else {
            throw Self.malformed("is not a GET of HTTP/1.1 without a body")
        }
        guard Fields.connectionTokens(raw.headers).contains("upgrade") else {
            throw Self.malformed("has no Upgrade in its Connection field")
        }
        guard raw.headers["sec-websocket-version"] == ["13"] else {
            throw Self.malformed("has another Sec-WebSocket-Version than 13, the only one there is")
        }
        let keys = raw.headers["sec-websocket-key"]
        guard keys.count == 1, let key = keys.first.flatMap({ WebSocketKey($0) }) else {
            throw Self.malformed("has not one Sec-WebSocket-Key of 16 octets in base64")
        }
        let offered = Fields.listed("sec-websocket-protocol", of: raw.headers)
        guard offered.allSatisfy({ !$0.isEmpty && $0.utf8.allSatisfy(Octets.isToken) }),
            Set(offered).count == offered.count
        else { throw Self.malformed("offers a subprotocol that is no token, or one twice") }
        self.key = key
        protocols = offered
    }

    private static func malformed(_ what: String) -> HTTPFault {
        .malformed("the opening of a WebSocket \(what)", remedy: "Use a client of RFC 6455.")
    }

    /// The fields of the gateway's own request, in place of the client's.
    ///
    /// Extensions are not offered: what a server deflates could not be read.
    func write(to headers: inout HTTPHeaders) {
        Self.remove(from: &headers)
        headers.add(name: "connection", value: "Upgrade")
        headers.add(name: "upgrade", value: "websocket")
        headers.add(name: "sec-websocket-version", value: "13")
        headers.add(name: "sec-websocket-key", value: ownKey.text)
        guard !protocols.isEmpty else { return }
        headers.add(name: "sec-websocket-protocol", value: protocols.joined(separator: ", "))
    }

    private static func remove(from headers: inout HTTPHeaders) {
        for suffix in ["key", "accept", "version", "extensions", "protocol"] {
            headers.remove(name: "sec-websocket-" + suffix)
        }
    }

    /// Reads the server's consent (RFC 6455 section 4.2.2), and gives the client its own.
    func answer(to raw: HTTPResponseHead) throws(HTTPFault) -> HTTPResponseHead {
        try Fields.check(raw.headers)
        guard Self.isNamed(raw.headers),
            Fields.connectionTokens(raw.headers).contains("upgrade")
        else { throw Self.refused("changes to another protocol than websocket") }
        guard raw.headers["sec-websocket-accept"].map({ Octets.trimmed($0) }) == [ownKey.accept] else {
            throw Self.refused("has a Sec-WebSocket-Accept that is not for this request")
        }
        guard !raw.headers.contains(name: "sec-websocket-extensions") else {
            throw Self.refused("takes an extension that was not offered")
        }
        let chosen = Fields.listed("sec-websocket-protocol", of: raw.headers)
        guard chosen.isEmpty || (chosen.count == 1 && chosen.allSatisfy(protocols.contains)) else {
            throw Self.refused("takes a subprotocol that was not offered")
        }
        var headers = Fields.passedOn(raw.headers, from: .response)
        Self.remove(from: &headers)
        headers.add(name: "connection", value: "Upgrade")
        headers.add(name: "upgrade", value: "websocket")
        headers.add(name: "sec-websocket-accept", value: key.accept)
        for name in chosen { headers.add(name: "sec-websocket-protocol", value: name) }
        return HTTPResponseHead(version: .http1_1, status: .switchingProtocols, headers: headers)
    }

    private static func refused(_ what: String) -> HTTPFault { .malformed(what) }
}
