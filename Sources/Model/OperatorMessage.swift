/// Sends the operator's own messages, records to a collector and checkpoints to a webhook, which no agent's policy has a
/// say in.
package protocol MessageTransport: Sendable {
    /// Posts one, over verified TLS or to this machine's own loopback, and gives the answer. Follows no redirect.
    ///
    /// Blocks for a bounded time; never called on an event loop.
    func post(_ message: OperatorMessage) throws(MessageFailure) -> MessageReply
}

/// A message for a server of the operator's.
///
/// Has no description: its fields may hold a secret.
package struct OperatorMessage: Sendable, CustomStringConvertible, CustomReflectable {
    package let address: WebAddress
    /// Names in lower case, without `host` and `content-length`.
    package let fields: [(name: String, value: String)]
    package let body: String
    /// Milliseconds for the whole answer.
    package let timeout: Int64

    package init(
        _ address: WebAddress,
        fields: [(name: String, value: String)],
        body: String,
        timeout: Int64
    ) {
        (self.address, self.fields, self.body, self.timeout) = (address, fields, body, timeout)
    }

    package var description: String { "OperatorMessage(\(address.endpoint))" }
    package var customMirror: Mirror { Mirror(self, children: []) }
}

/// What the server answered.
package struct MessageReply: Sendable {
    package let status: Int
    /// Seconds that it wants to be left alone (RFC 9110 section 10.2.3); nil where it does not say, or says a date.
    package let retryAfter: Int?
    package let body: [UInt8]

    package init(status: Int, retryAfter: Int? = nil, body: [UInt8]) {
        self.status = status
        self.retryAfter = retryAfter
        self.body = body
    }
}

/// There was no answer.
package struct MessageFailure: Error, Sendable, Hashable, CustomStringConvertible {
    package let message: String

    package init(_ message: String) {
        self.message = message
    }

    package var description: String { message }
}
