/// What is known of a request's body when it is decided on.
package struct RequestBody: Sendable, Hashable {
    /// Octets; nil where the head does not say.
    package var length: UInt64? = 0
    /// The digest that a signature needs is there, or can be made.
    package var isDigested = true
    /// What it says at the pointers that were asked for; nil before it was read for them.
    package var json: JSONFacts?
    /// What it asks for as a push of git's; nil before it was read for that.
    package var push: GitPush?
    /// What an approval is bound to; nil before it was read for that.
    package var content: RequestContent?

    /// Octets of a body that is held until it is decided on: the largest requests of the interfaces that rules on bodies and
    /// signatures are for (Anthropic's Messages API takes 32 MB, DynamoDB 16 MB).
    package static let maximumRead = 32 << 20

    package init() {}

    /// Whether this is known.
    package func tells(_ interest: BodyInterest) -> Bool {
        switch interest {
        case .digest: isDigested
        case .json(let pointers): json.map { facts in pointers.allSatisfy { facts.knows($0) } } ?? false
        case .push: push != nil
        case .content: content != nil
        }
    }
}

/// What has to be read of a body before its request can be decided on, or sent.
package enum BodyInterest: Sendable, Hashable {
    /// All of it, to be signed.
    case digest
    /// All of it, for what stands at these pointers.
    case json([JSONPointer])
    /// The list of commands at its beginning, of a push of git's.
    case push
    /// All of it, for an approval to be bound to.
    case content
}
