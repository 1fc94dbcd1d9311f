internal import HTTPProtocol

/// What answers the requests of a conversation, one at a time.
///
/// Lives on the conversation's loop, and tells it what comes: `received`, `upstreamEnded`.
protocol Upstream: AnyObject {
    /// It serves one exchange, and ends with it.
    var isStream: Bool { get }
    /// Whether an exchange was completed on it before the present one.
    var reused: Bool { get }
    /// Whether some of a response has come in the present exchange.
    var answered: Bool { get }
    /// Whether more of a request can be taken.
    var isWritable: Bool { get }

    /// Starts an exchange.
    func attach(_ conversation: HTTPConversation)
    /// Some of the request, which goes on with the next flush.
    func write(_ message: HTTPMessage)
    func flush()
    /// Goes on with what was held back while the client could not be written to.
    func resumeReading()
    /// It has changed protocols, as it was asked to.
    func turn()
    /// Ends the exchange; the connection, where it can take another one.
    func detach(complete: Bool) -> UpstreamLink?
    func close()
}
