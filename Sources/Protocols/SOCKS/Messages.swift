import Model

/// Why a request failed (RFC 1928 section 6).
enum SOCKSReply: UInt8, Sendable, Hashable {
    case succeeded = 0
    case generalFailure = 1
    case notAllowed = 2
    case commandNotSupported = 7
    case addressTypeNotSupported = 8
}

/// A request that is not served, and the answer it gets.
struct SOCKSFault: Error {
    let reply: SOCKSReply
    let denial: Denial

    init(_ reply: SOCKSReply, _ reason: Denial.Reason, _ message: String, remedy: String) {
        self.reply = reply
        denial = Denial(reason: reason, message: message, rule: nil, decidedBy: nil, remedy: remedy)
    }
}

/// Tells whether a connection opens with a SOCKS greeting.
package enum SOCKSClassifier {
    /// The version, which no request line of HTTP begins with.
    package static func isOpening(_ first: UInt8) -> Bool { first == 5 }
}
