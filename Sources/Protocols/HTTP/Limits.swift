internal import Model
package import NIOHTTP1

/// Every size that this engine reads from a wire, with its source.
package enum HTTPLimits {
    /// Octets of a request target.
    ///
    /// RFC 9112 section 3 asks for at least 8000 octets of request line; nginx and Apache default to 8 KiB.
    package static let target = 8192
    /// Octets of a method token.
    ///
    /// RFC 9110 section 16.1.1: the longest registered is `UPDATEREDIRECTREF` (17).
    package static let method = 32
    /// Octets of one field, name and value together; Apache's `LimitRequestFieldSize` doubled, for large tokens
    /// and cookies.
    package static let field = 16_384
    /// Octets of all fields of one message together: Go's `DefaultMaxHeaderBytes` is 1 MiB, Node's 16 KiB, and
    /// 64 KiB holds every header block a browser is known to send.
    package static let fieldBlock = 65_536
    /// Fields of one message; Apache's `LimitRequestFields`.
    package static let fieldCount = 100
    /// Octets of a trailer section; no protocol in use sends more than a few status and digest fields.
    package static let trailerBlock = 8192
    /// Digits of a `Content-Length`: 2^63-1 has 19.
    package static let contentLengthDigits = 19
    /// Octets of a request body that are read and thrown away after a refusal, so that the client gets to read
    /// the answer (RFC 9112 section 9.6) and can keep the connection; over it the connection is closed.
    package static let drained = 262_144
    /// The same of a push, which git sends whole before it reads why it is refused: one that a person would wait for.
    package static let drainedPush = 67_108_864
    /// Octets of one side's messages held while a ruling or an earlier response is outstanding, or what came before them is
    /// looked through: the four reads of 256 KiB that NIO makes of a socket at a time, after which the driver has stopped
    /// reading, and four TLS records of which parts had come before.
    package static let held = 1_114_112
    /// Client messages held, for the same reason: a message can be smaller than its bookkeeping.
    package static let heldCount = 16_384
    /// Octets of a request body that are held until it is decided on.
    package static let gathered = RequestBody.maximumRead
    /// Octets of the fields of one head that are recorded: eight times what a browser sends without cookies, of which only
    /// the name is recorded, and what an audit store can hold of 16,384 requests at a time (128 MiB).
    package static let recorded = 8192
    /// Octets of a message that our own status lines say: what Go's and curl's buffers for a first line take without growing,
    /// 4096, is far off, and a terminal shows it in a few lines.
    package static let reasonPhrase = 512
    /// Octets of a name of the upstream's that an error says: RFC 6838 section 4.2 allows 127 for either part of a type.
    package static let toldName = 255
    /// Interim (1xx) responses dropped before one final response (RFC 9110 section 15.2 names no bound).
    package static let interimResponses = 16
}

extension HTTPLimits {
    /// The same limits for NIOHTTP1's decoders, which meet a message first; name, value and target count apart.
    package static var decoder: NIOHTTPDecoderLimitConfiguration {
        var limits = NIOHTTPDecoderLimitConfiguration()
        limits.maxHeaderFieldSize = field
        limits.maxHeaderListSize = fieldBlock + target
        limits.maxHeaderFieldCount = fieldCount
        return limits
    }
}

extension HTTPMessage.Unreadable {
    /// What a decoder of NIOHTTP1 threw; nil for an error that is not a decoder's.
    package init?(_ error: any Error) {
        switch error {
        case HTTPParserError.headerOverflow: self = .fieldsTooLarge
        case let known as HTTPParserError: self = .malformed("\(known)")
        case let known as NIOHTTPDecoderError: self = .malformed("\(known)")
        default: return nil
        }
    }
}
