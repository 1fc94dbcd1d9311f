package import NIOHPACK
package import NIOHTTP1

/// A response's head in both notations.
package enum HTTP2Response {
    /// Reads a response's field block as the head of an HTTP/1.1 response (RFC 9113 section 8.3.2).
    ///
    /// - Parameters:
    ///   - block: as decoded.
    ///   - ends: whether the stream's side ends with it: there is no body.
    ///   - hasBody: whether a response to this request can have one: not one to HEAD.
    /// - Returns: the head, with `Transfer-Encoding` for a body without a length.
    /// - Throws: `HTTP2Fault` for a block that is no response's.
    package static func head(
        _ block: HPACKHeaders,
        ends: Bool,
        hasBody: Bool
    ) throws(HTTP2Fault) -> HTTPResponseHead {
        let read = try FieldBlock(block, allowing: [":status"])
        guard let text = read.pseudo[":status"], text.utf8.count == 3, let code = Int(text),
            (100..<600).contains(code)
        else { throw HTTP2Fault("the response's :status is not a status") }
        var headers = HTTPHeaders(read.fields)
        let mayHaveBody = hasBody && code >= 200 && code != 204 && code != 304
        if mayHaveBody, !headers.contains(name: "content-length") {
            if ends {
                headers.add(name: "content-length", value: "0")
            } else {
                // A body without a length ends with its stream.
                headers.add(name: "transfer-encoding", value: "chunked")
            }
        }
        return HTTPResponseHead(
            version: .http1_1,
            status: HTTPResponseStatus(statusCode: code),
            headers: headers
        )
    }

    /// Writes the head of an HTTP/1.1 response as a field block; consent to a WebSocket is a 200 (RFC 8441 section 5).
    package static func block(of head: HTTPResponseHead) -> HPACKHeaders {
        guard head.status == .switchingProtocols else {
            return FieldBlock.written(head.headers, behind: [(":status", String(head.status.code))])
        }
        return FieldBlock.written(
            head.headers,
            behind: [(":status", "200")],
            dropping: ["sec-websocket-accept"]
        )
    }
}

/// A trailer section in both notations (RFC 9113 section 8.1).
package enum HTTP2Trailers {
    package static func fields(_ block: HPACKHeaders) throws(HTTP2Fault) -> HTTPHeaders {
        HTTPHeaders(try FieldBlock(block, allowing: []).fields)
    }

    package static func block(of fields: HTTPHeaders) -> HPACKHeaders {
        FieldBlock.written(fields, behind: [])
    }
}
