/// The header fields of one message as they are recorded: `name: value`, a line each, without the last line's end.
///
/// A value has no line ends (RFC 9110 section 5.5): the gateway passes none on.
package struct HeadFields: Sendable, Hashable, Codable {
    package let text: String

    package init(text: String) {
        self.text = text
    }

    package init(from decoder: any Decoder) throws {
        text = try [String](from: decoder).joined(separator: "\n")
    }

    package func encode(to encoder: any Encoder) throws {
        try lines.map(String.init).encode(to: encoder)
    }

    package var lines: [Substring] { text.isEmpty ? [] : text.cut(at: "\n") }

    /// The values of the fields of a name, given in lower case, behind one another; nil where there is none.
    package func value(of name: String) -> String? {
        let values = lines.compactMap { line -> Substring? in
            guard let colon = line.firstPlace(ofText: ": ") else { return nil }
            return line[..<colon.lowerBound].lowercasedASCII.isSame(as: name)
                ? line[colon.upperBound...] : nil
        }
        return values.isEmpty ? nil : values.joined(separator: ", ")
    }

    /// Whether it is known what the fields of a name, given in lower case, were, or that there was none: behind the others there may
    /// have been no room for some (`[3 more fields]`), or for a value.
    package func isWhole(_ name: String) -> Bool {
        // No name of a field has a bracket (RFC 9110 section 5.6.2).
        guard lines.last?.begins(with: "[") != true else { return false }
        return !lines.contains { line in
            guard let colon = line.firstPlace(ofText: ": ") else { return false }
            return line[..<colon.lowerBound].lowercasedASCII.isSame(as: name)
                && Self.isLeftOff(line[colon.upperBound...])
        }
    }

    /// Whether a text stands for a value for which there was no room: `[9000 octets]`.
    package static func isLeftOff(_ value: Substring) -> Bool {
        let end = " octets]"
        guard value.begins(with: "["), value.ends(with: end) else { return false }
        let digits = value.utf8.dropFirst().dropLast(end.utf8.count)
        return !digits.isEmpty && digits.allSatisfy { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }
    }
}

/// Which body of an exchange.
package enum BodySide: String, Sendable, Hashable, Codable, CaseIterable {
    case request
    case response
}

/// What came of requests that were allowed, and what processes opened connections.
///
/// Nothing waits for it: what comes shortly after one another of the same agent is one record.
package struct RepliesRecord: Sendable, Hashable, Codable {
    package let lineage: Lineage
    package var replies: [Reply]
    /// Nil where there are none.
    package var evidence: [ConnectionEvidence]?

    package init(lineage: Lineage, replies: [Reply], evidence: [ConnectionEvidence]? = nil) {
        self.lineage = lineage
        self.replies = replies
        self.evidence = evidence
    }
}

/// The reply to one request, or why there is none.
package struct Reply: Sendable, Hashable, Codable {
    /// That of the request's record, in the same run.
    package let exchange: UInt64
    package let action: String
    package let resource: String
    /// Nil when no head came.
    package var status: Int?
    /// How a statement ended: `SELECT 5`, `ERROR 23505`; nil for what is none.
    package var outcome: String?
    /// How it was carried out; nil for what is none.
    package var execution: RecordedExecution?
    /// As they went to the agent.
    package var fields: HeadFields?
    package var trailers: HeadFields?
    /// Octets of the bodies, as they were passed on.
    package var sent: UInt64
    package var received: UInt64
    /// Why it ended before it was complete; nil when it was.
    package var cause: String?
    /// What is kept of the bodies; nil where the profile does not demand it.
    package var bodies: [RecordedBody]?

    /// What it begins with: the status, or how the statement ended.
    package var heading: String? { status.map { "\($0)" } ?? outcome }

    package init(exchange: UInt64, action: String, resource: String, cause: String? = nil) {
        self.exchange = exchange
        self.action = action
        self.resource = resource
        self.cause = cause
        sent = 0
        received = 0
    }
}
