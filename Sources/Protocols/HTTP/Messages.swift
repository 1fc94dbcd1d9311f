package import Model
package import NIOCore
package import NIOHTTP1

/// One unit of an HTTP/1.1 conversation, as NIOHTTP1's decoders deliver and its encoders take it.
package enum HTTPMessage: Sendable, Equatable {
    case requestHead(HTTPRequestHead)
    case responseHead(HTTPResponseHead)
    case body(ByteBuffer)
    /// The message is complete; trailer fields if it had any.
    case end(HTTPHeaders?)
    /// The decoder gave up on this side's bytes. Nothing of that side follows.
    case unreadable(Unreadable)

    /// Why a decoder gave up.
    package enum Unreadable: Sendable, Hashable {
        /// A field, the field block or the field count is over its limit.
        case fieldsTooLarge
        /// The decoder's own words; none of the peer's bytes.
        case malformed(String)
    }
}

/// What is known of a connection before its first request, from outside its bytes.
package struct HTTPConnection: Sendable {
    /// How the connection came to the gateway.
    package enum Origin: Sendable, Hashable {
        /// Caught on its way to this host (the name our resolver issued for the address, the address itself
        /// otherwise), or tunnelled to it by `CONNECT`. `serverName` is the TLS server name, nil without one.
        case captured(Host, serverName: DNSName?)
        /// Made to the explicit proxy port: each request names its own host.
        case proxyPort
    }

    package let origin: Origin
    /// `http` or `https`; always `http` on the proxy port.
    package let scheme: Scheme
    /// The port that was connected to; of no meaning on the proxy port.
    package let port: UInt16
    /// Who is asking, for the text of refusals.
    package let lineage: Lineage
    /// The client's side is a stream of an HTTP/2 connection: it carries one request, and ends without the connection.
    package var isStream = false

    package init(origin: Origin, scheme: Scheme, port: UInt16, lineage: Lineage) {
        self.origin = origin
        self.scheme = scheme
        self.port = port
        self.lineage = lineage
    }
}

/// A request that is not passed on, and the answer it gets.
struct HTTPFault: Error {
    var status: HTTPResponseStatus
    var denial: Denial
    /// What had been understood of the request, for the record.
    var request: Request?

    init(_ status: HTTPResponseStatus, _ reason: Denial.Reason, _ message: String, remedy: String) {
        self.status = status
        denial = Denial(reason: reason, message: message, rule: nil, decidedBy: nil, remedy: remedy)
    }

    /// What is denied for a reason of the driver's.
    init(_ denial: Denial) {
        status = Replies.status(for: denial.reason)
        self.denial = denial
    }

    static func malformed(_ message: String, remedy: String = "Send a valid HTTP/1.1 request.") -> HTTPFault {
        HTTPFault(.badRequest, .malformed, message, remedy: remedy)
    }

    func about(_ request: Request?) -> HTTPFault {
        var fault = self
        fault.request = request
        return fault
    }
}
