/// What is kept of statements and their parameters.
package enum StatementRecordLimits {
    /// Octets of a text that are looked through for what is masked: as many as are kept of a head.
    package static let read = 8_192
    /// Octets of a text that are kept: as of every other text that an agent made.
    package static let text = 4_096
    /// Parameters of one execution: a row of a wide table; an INSERT of many rows has thousands.
    package static let parameters = 64
    /// Octets of one parameter that are looked through, and that are kept.
    package static let valueRead = 2_048
    package static let value = 512
}

/// A text that is kept to a bound; how much more there was is said behind it.
package struct RecordedText: Sendable, Hashable, Codable {
    package let text: String
    /// Octets that stood behind it.
    package let more: Int

    package init(_ text: String, more: Int = 0) {
        (self.text, self.more) = (text, more)
    }

    /// The beginning of a text, as UTF-8.
    package init(_ octets: some RandomAccessCollection<UInt8>, atMost most: Int) {
        self.init(String(decoding: octets.prefix(most), as: UTF8.self), more: max(0, octets.count - most))
    }

    /// What is neither shown nor counted.
    package static let hidden = RecordedText("***")

    /// The same, of no more than so many octets.
    package func cut(to most: Int) -> RecordedText {
        let count = text.utf8.count
        guard count > most else { return self }
        return RecordedText(
            String(decoding: text.utf8.prefix(most), as: UTF8.self),
            more: more &+ (count - most)
        )
    }

    /// With the mark of what is left off.
    package var shown: String { more > 0 ? "\(text)[cut: \(more) more octets]" : text }

    package init(from decoder: any Decoder) throws {
        self.init(try decoder.singleValueContainer().decode(String.self))
    }

    package func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(shown)
    }
}

/// The text of a message with statements, on record with what was decided on it.
package struct RecordedStatement: Sendable, Hashable, Codable {
    /// The number of the request that opened the session: what statements of one session have in common.
    package let session: UInt64
    package let text: RecordedText

    package init(session: UInt64, text: RecordedText) {
        (self.session, self.text) = (session, text)
    }
}

/// What a statement was executed with.
package struct RecordedParameters: Sendable, Hashable, Codable {
    /// In their order; nil for NULL.
    package let values: [RecordedText?]
    /// How many there are behind those.
    package let more: Int

    package init(_ values: [RecordedText?], more: Int = 0) {
        (self.values, self.more) = (values, more)
    }
}

/// How a statement was carried out.
package struct RecordedExecution: Sendable, Hashable, Codable {
    /// From its being allowed to its end.
    package let microseconds: UInt64
    /// Rows that it gave or changed; nil where its end says none.
    package let rows: UInt64?
    /// Nil for what has none.
    package let parameters: RecordedParameters?
    /// Of a stream of replication; nil for what is none.
    package let messages: RecordedMessages?

    package init(
        microseconds: UInt64,
        rows: UInt64?,
        parameters: RecordedParameters?,
        messages: RecordedMessages? = nil
    ) {
        (self.microseconds, self.rows) = (microseconds, rows)
        (self.parameters, self.messages) = (parameters, messages)
    }
}

/// How many messages of data went each way.
package struct RecordedMessages: Sendable, Hashable, Codable {
    package var sent: UInt64 = 0
    package var received: UInt64 = 0

    package init() {}
}
