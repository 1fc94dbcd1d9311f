/// Every size that is read from a WebSocket's wire, with its source.
package enum WebSocketLimits {
    /// Octets of a control frame's payload (RFC 6455 section 5.5).
    package static let control = 125
    /// Octets of a frame's payload that are held until they go on.
    ///
    /// A frame of this size goes on as one; a larger one in fragments of this size (RFC 6455 section 5.4 lets an
    /// intermediary), so that neither a frame nor a message has a size that must be refused: what a connection
    /// costs is this, whatever is sent. Twice nginx's and Apache's buffers, so that frames are rarely cut.
    package static let piece = 65_536
    /// Octets of the largest frame header (RFC 6455 section 5.2): two, a length of eight, a masking key of four.
    static let header = 14
}
