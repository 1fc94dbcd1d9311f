package import NIOHPACK
package import NIOHTTP1
import WebSocketProtocol

/// A request's head in both notations.
package enum HTTP2Request {
    /// Reads the field block that opens a stream, as the head of an HTTP/1.1 request (RFC 9113 sections 8.3.1, 8.8).
    ///
    /// - Parameters:
    ///   - block: as decoded.
    ///   - ends: whether the stream's side ends with it: there is no body.
    ///   - scheme: the connection's, which `:scheme` must be.
    /// - Returns: the head, with `Host`, one `Cookie` field, and `Transfer-Encoding` for a body without a length.
    /// - Throws: `HTTP2Fault` for a block that is no request's.
    package static func head(
        _ block: HPACKHeaders,
        ends: Bool,
        scheme: String
    ) throws(HTTP2Fault) -> HTTPRequestHead {
        let read = try FieldBlock(
            block,
            allowing: [":method", ":scheme", ":authority", ":path", ":protocol"]
        )
        guard let method = read.pseudo[":method"] else { throw HTTP2Fault("the request has no :method") }
        let isOpening = try isOpening(read, method, ends: ends)
        guard read.pseudo[":scheme"] == scheme else {
            throw HTTP2Fault("the request's :scheme is not that of its connection, \(scheme)")
        }
        let path = try path(read, method)
        var headers = try headers(read, ends: ends || isOpening)
        guard isOpening else {
            return HTTPRequestHead(
                version: .http1_1,
                method: HTTPMethod(rawValue: method),
                uri: path,
                headers: headers
            )
        }
        headers.remove(name: "sec-websocket-key")
        headers.add(name: "connection", value: "Upgrade")
        headers.add(name: "upgrade", value: "websocket")
        headers.add(name: "sec-websocket-key", value: WebSocketKey.random().text)
        return HTTPRequestHead(version: .http1_1, method: .GET, uri: path, headers: headers)
    }

    /// Whether the stream is to become a WebSocket (RFC 8441 section 4), which has no end yet and no key of its own.
    private static func isOpening(_ read: FieldBlock, _ method: String, ends: Bool) throws(HTTP2Fault) -> Bool
    {
        guard let spoken = read.pseudo[":protocol"] else {
            guard method != "CONNECT" else {
                throw HTTP2Fault("CONNECT inside a connection to one host leads nowhere")
            }
            return false
        }
        guard method == "CONNECT" else { throw HTTP2Fault("the request has a :protocol and is no CONNECT") }
        guard spoken == "websocket" else {
            throw HTTP2Fault("the request's :protocol is none that is supported; websocket is")
        }
        guard !ends else { throw HTTP2Fault("the opening of a WebSocket ends its stream") }
        return true
    }

    private static func path(_ read: FieldBlock, _ method: String) throws(HTTP2Fault) -> String {
        guard let path = read.pseudo[":path"] else { throw HTTP2Fault("the request has no :path") }
        guard path.utf8.first == UInt8(ascii: "/") || (path == "*" && method == "OPTIONS") else {
            throw HTTP2Fault("the request's :path is not a path")
        }
        return path
    }

    private static func headers(_ read: FieldBlock, ends: Bool) throws(HTTP2Fault) -> HTTPHeaders {
        var headers: HTTPHeaders = ["host": try authority(read)]
        headers.reserveCapacity(read.fields.count + 2)
        var cookies: [String] = []
        var hasLength = false
        for (name, value) in read.fields where name != "host" {
            // Section 8.2.3: several fields here are one field there.
            if name == "cookie" {
                cookies.append(value)
            } else {
                hasLength = hasLength || name == "content-length"
                headers.add(name: name, value: value)
            }
        }
        if !cookies.isEmpty { headers.add(name: "cookie", value: cookies.joined(separator: "; ")) }
        // A body without a length ends with its stream.
        if !ends, !hasLength { headers.add(name: "transfer-encoding", value: "chunked") }
        return headers
    }

    private static func authority(_ read: FieldBlock) throws(HTTP2Fault) -> String {
        let hosts = read.fields.filter { $0.0 == "host" }.map(\.1)
        guard let authority = read.pseudo[":authority"] ?? hosts.first, !authority.isEmpty else {
            throw HTTP2Fault("the request has no :authority")
        }
        // Section 8.3.1: they are the same, or the request is malformed.
        guard hosts.count <= 1, hosts.allSatisfy({ $0.utf8.elementsEqual(authority.utf8) }) else {
            throw HTTP2Fault("the request's :authority and host name different places")
        }
        return authority
    }

    /// Writes the head of an HTTP/1.1 request as the field block that opens a stream.
    package static func block(of head: HTTPRequestHead, scheme: String) -> HPACKHeaders {
        var pseudo = [(":method", head.method.rawValue), (":scheme", scheme)]
        if let host = head.headers.first(name: "host") { pseudo.append((":authority", host)) }
        pseudo.append((":path", head.uri))
        var block = FieldBlock.written(head.headers, behind: pseudo, dropping: ["host", "te", "expect"])
        // gRPC over HTTP/2, "Requests": to detect proxies that take trailers for something they may drop.
        if head.headers.first(name: "content-type")?.utf8.starts(with: "application/grpc".utf8) ?? false {
            block.add(name: "te", value: "trailers")
        }
        return block
    }
}
