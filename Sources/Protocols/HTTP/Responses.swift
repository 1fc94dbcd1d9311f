import Model
import NIOHTTP1

/// A response head that has been understood, and how it is passed on.
struct CheckedResponse {
    var head: HTTPResponseHead
    let framing: Framing
    /// Neither side uses its connection after this response.
    let closes: Bool
    let hasBody: Bool

    /// Reads the final response to a request; a fault for one that two readers could frame differently (C39).
    ///
    /// `isDecoded` says that its content coding is undone on the way, so that its length is not known.
    init(_ raw: HTTPResponseHead, to request: CheckedRequest, isDecoded: Bool = false) throws(HTTPFault) {
        try Fields.check(raw.headers)
        let framing = try Framing(raw.headers, isHTTP11: raw.version == .http1_1)
        hasBody = Self.hasBody(raw, to: request)
        // The end of such a response is the end of the connection, and an HTTP/1.0 client cannot read chunks.
        let endsByClosing = hasBody && (framing == .none || (framing == .chunked && !request.isHTTP11))
        closes =
            request.closes || endsByClosing || raw.version != .http1_1
            || Fields.connectionTokens(raw.headers).contains("close")
        self.framing = framing
        var headers = Fields.passedOn(raw.headers, from: .response)
        if isDecoded { ReplySearch.forgetCoding(&headers) }
        switch framing {
        case .length where isDecoded:
            if hasBody && request.isHTTP11 { Framing.chunked.write(to: &headers) }
        case .length where raw.status != .noContent: framing.write(to: &headers)
        case .chunked where hasBody && request.isHTTP11: framing.write(to: &headers)
        case .none, .length, .chunked: break
        }
        if closes { headers.add(name: "connection", value: "close") }
        // The reason phrase is dropped: nothing may read it (RFC 9112 section 4).
        let status = HTTPResponseStatus(statusCode: Int(raw.status.code))
        head = HTTPResponseHead(version: .http1_1, status: status, headers: headers)
    }

    /// Whether a body follows the head (RFC 9110 section 6.4.1).
    static func hasBody(_ raw: HTTPResponseHead, to request: CheckedRequest) -> Bool {
        !request.isHead && raw.status != .noContent && raw.status != .notModified
    }

    /// Whether a trailer section can be passed on to this client.
    func takesTrailers(for request: CheckedRequest) -> Bool {
        hasBody && framing == .chunked && request.isHTTP11
    }
}
