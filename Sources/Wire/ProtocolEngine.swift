package import Model

/// The side of a connection that a message came from or goes to.
package enum Side: Sendable, Hashable {
    case client
    case upstream
}

/// Names one question that an engine asked.
///
/// Made by the engine, unique within it.
package struct RulingID: Sendable, Hashable {
    package let number: UInt64

    package init(_ number: UInt64) {
        self.number = number
    }
}

/// The answer to `EngineAction.ask`.
package enum Ruling: Sendable, Hashable {
    /// Permitted; `injection` is the credential to put in, when the rule names one, `masks` what is masked in the reply,
    /// `sending` which secrets the request may carry, `maximumBody` the octets that a body of unknown length may have,
    /// where there is a bound.
    case allowed(
        injection: Injection?,
        masks: MaskKinds = [],
        sending: Sending = Sending(),
        maximumBody: UInt64? = nil
    )
    case denied(Denial)
    /// Not yet decided: ask again when this much of the request has been read. The id is spent.
    case read(BodyInterest)
}

/// What to put into a request, in place of anything of the same name there.
///
/// Has no description: it is a secret.
package struct Injection: Sendable, Hashable, CustomStringConvertible, CustomDebugStringConvertible,
    CustomReflectable
{
    /// What a signature is made with besides the key.
    package struct Signing: Sendable, Hashable {
        /// Nil where the request says it.
        package let scope: AWSScope?
        /// Seconds since 1970.
        package let seconds: Int64

        package init(scope: AWSScope?, seconds: Int64) {
            self.scope = scope
            self.seconds = seconds
        }
    }

    package let place: CredentialPlace
    package let value: String
    /// Of what signs.
    package let signing: Signing?
    /// Nothing is put in: whatever stands there is taken out.
    package let isWithheld: Bool

    package init(_ place: CredentialPlace, value: String, signing: Signing? = nil) {
        self.place = place
        self.value = value
        self.signing = signing
        isWithheld = false
    }

    /// What takes the place of a credential that is not looked up.
    package init(withheldAt place: CredentialPlace) {
        self.place = place
        value = ""
        signing = nil
        isWithheld = true
    }

    package var description: String { "Injection(\(place))" }
    package var debugDescription: String { description }
    package var customMirror: Mirror { Mirror(self, children: ["place": place]) }
}

/// A part of a reply.
package enum ReplyPart: String, Sendable, Hashable {
    case header
    case body
    case trailer
}

/// What was masked in a reply.
package enum MaskNote: Sendable, Hashable {
    /// The credential put into the request came back in this part. Said once for each part, at the first of them.
    case credential(ReplyPart)
    /// How many of each kind the body had. Said once, at its end.
    case kinds([MaskKind: Int])
    /// In how many rows that were passed on columns were masked whole, by their names: `public.users.ssn`. Said once, however
    /// the results end; of many columns in parts.
    case columns([String: UInt64])
}

/// What an engine wants done.
///
/// Plain values: no promises, channels or closures, so that a conversation is tested as a table of events
/// and expected actions.
package enum EngineAction<Message> {
    /// Decide this request. The driver stops reading from the client until it has called `ruled`.
    case ask(RulingID, Request)
    /// Send a message on, under a ruling that allowed it. The driver refuses an id that was not allowed.
    case forward(Message, to: Side, under: RulingID)
    /// Send the client a message of our own.
    case reply(Message)
    /// Something was masked in the reply to the request under this id.
    case masked(RulingID, MaskNote)
    /// The request under this id is complete in both directions; its ruling is spent.
    case finished(RulingID)
    /// The request under this id failed a check that is not policy's; record it as denied. The id may be new, or
    /// one that was allowed and is now spent.
    case refused(RulingID, Request?, Denial)
    /// The rest of the client's bytes are a connection of their own to this host and port (`CONNECT`): after what
    /// was replied has been flushed, treat them as if they had been captured. The engine is done.
    case handOver(Host, port: UInt16)
    /// Close both sides after what was sent has been flushed.
    case close
}

extension EngineAction: Equatable where Message: Equatable {}
extension EngineAction: Sendable where Message: Sendable {}

/// One protocol's conversation between a client and an upstream: events in, actions out; no I/O, no clock.
///
/// A peer's mistake poisons the engine (it closes); it never traps the process. Engines belong to one event loop.
package protocol ProtocolEngine<Message>: ~Copyable {
    associatedtype Message

    /// A whole message unit arrived.
    mutating func received(_ message: Message, from side: Side) -> [EngineAction<Message>]

    /// The answer to an `ask`; called exactly once for each.
    mutating func ruled(_ id: RulingID, _ ruling: Ruling) -> [EngineAction<Message>]

    /// A side will send no more. An end of the upstream between two requests is no event of the conversation:
    /// the driver dials again for the next one.
    mutating func ended(_ side: Side) -> [EngineAction<Message>]

    /// Whether the driver should read more from the client. What was decoded from one read may still be
    /// delivered: the engine holds it, within a bound.
    var wantsClientMessages: Bool { get }
}

/// Whether a prefix of a connection opens a protocol.
package enum Classification: Sendable, Hashable {
    case match
    case noMatch
    /// Undecided; at most this many more bytes settle it.
    case needsMore(atMost: Int)
}
