/// Answers requests from a session that is on record, in place of every server.
///
/// May wait for the disk: it is asked on threads that serve nothing else.
package protocol AnswerSource: Sendable {
    /// Which session: a run, or an agent.
    var session: String { get }

    /// Whether anything that was asked for in the session was of this host.
    func knows(_ name: DNSName) -> Bool

    /// The answer to a request: of equal ones that are on record the next, and the last again where there is no more.
    func answer(to request: RepeatedRequest) throws(UnansweredRequest) -> RecordedAnswer
}

/// A request that is made again, by what it is known again by.
package struct RepeatedRequest: Sendable, Hashable {
    /// As in `RequestRecord`, before anything in them is masked.
    package let action: String
    package let resource: String
    package let query: String?
    /// Which part is asked for (RFC 9110 section 14.2); nil for the whole.
    package let range: String?
    package let body: RepeatedBody

    package init(action: String, resource: String, query: String?, range: String?, body: RepeatedBody) {
        self.action = action
        self.resource = resource
        self.query = query
        self.range = range
        self.body = body
    }
}

/// What a request's body comes to on record.
package enum RepeatedBody: Sendable, Hashable {
    case none
    /// The SHA-256 of what is recorded of it, in lower-case hex.
    case digest(String)
    /// Why not all of it would be recorded.
    case unread(String)
}

/// What a server answered then.
package struct RecordedAnswer: Sendable {
    package let status: Int
    /// As they went to the agent, masked.
    package let fields: HeadFields
    package let trailers: HeadFields?
    /// Octets of the body, and of what it was as it was passed on.
    package let octets: UInt64
    package let received: UInt64
    /// It came in a content coding, and is without it.
    package let isDecoded: Bool
    package let body: any OctetSource

    package init(
        status: Int,
        fields: HeadFields,
        trailers: HeadFields?,
        octets: UInt64,
        received: UInt64,
        isDecoded: Bool,
        body: any OctetSource
    ) {
        self.status = status
        self.fields = fields
        self.trailers = trailers
        self.octets = octets
        self.received = received
        self.isDecoded = isDecoded
        self.body = body
    }
}

/// Octets that are read piece by piece, by one caller at a time.
package protocol OctetSource: Sendable {
    /// What comes next; nil when there is no more, and all of it is as it was recorded.
    func next() throws(UnansweredRequest) -> [UInt8]?
}

/// Why a request is not answered from the recording.
package struct UnansweredRequest: Error, Sendable, Hashable, CustomStringConvertible {
    package let message: String
    /// The same for the agent, where `message` names what is the operator's alone.
    package let told: String?

    package init(_ message: String, told: String? = nil) {
        (self.message, self.told) = (message, told)
    }

    package var description: String { message }
}
