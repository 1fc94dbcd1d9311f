package import Model
package import NIOHTTP1

/// A reply that is on record, as messages of a server.
package enum RecordedReply {
    /// Its head; nil where not all of its fields are on record, or its status is none that a reply ends with.
    ///
    /// The body behind it is whole, decoded and masked, whatever the fields said of it.
    package static func head(of answer: RecordedAnswer, to method: HTTPMethod) -> HTTPResponseHead? {
        // Whoever changed the record may have put any number there (RFC 9110 section 15).
        guard (200..<600).contains(answer.status), var headers = fields(answer.fields) else { return nil }
        let status = HTTPResponseStatus(statusCode: answer.status)
        headers.remove(name: "connection")
        guard hasBody(status, to: method) else {
            headers.remove(name: "transfer-encoding")
            return HTTPResponseHead(version: .http1_1, status: status, headers: headers)
        }
        if answer.isDecoded || answer.octets != answer.received { ReplySearch.forgetCoding(&headers) }
        // Trailers stand behind chunks alone (RFC 9112 section 7.1.2).
        let framing = answer.trailers == nil ? Framing.length(answer.octets) : .chunked
        framing.write(to: &headers)
        return HTTPResponseHead(version: .http1_1, status: status, headers: headers)
    }

    /// Whether a body follows the head (RFC 9110 section 6.4.1).
    package static func hasBody(_ status: HTTPResponseStatus, to method: HTTPMethod) -> Bool {
        method != .HEAD && status != .noContent && status != .notModified
    }

    /// Fields as they are on record; nil where some are not, or not whole.
    package static func fields(_ fields: HeadFields) -> HTTPHeaders? {
        var headers = HTTPHeaders()
        for line in fields.lines {
            guard let colon = line.firstPlace(ofText: ": ") else { return nil }
            let value = line[colon.upperBound...]
            guard !HeadFields.isLeftOff(value) else { return nil }
            headers.add(name: String(line[..<colon.lowerBound]), value: String(value))
        }
        return headers
    }
}
