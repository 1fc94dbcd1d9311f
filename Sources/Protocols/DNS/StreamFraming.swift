/// Cuts a TCP stream into messages: two octets of length in front of each (RFC 1035 section 4.2.2, RFC 7766).
package struct DNSStreamFraming: Sendable {
    private var pending: [UInt8] = []

    package init() {}

    /// Reads on; every message that is complete.
    ///
    /// Throws for a length that no query has: the stream is to be closed.
    package mutating func received(_ bytes: some Sequence<UInt8>) throws(DNSFault) -> [[UInt8]] {
        var messages: [[UInt8]] = []
        for byte in bytes {
            pending.append(byte)
            guard pending.count >= 2 else { continue }
            let length = Int(pending[0]) << 8 | Int(pending[1])
            guard (12...DNSLimits.query).contains(length) else { throw .unanswerable }
            guard pending.count == length + 2 else { continue }
            messages.append(Array(pending.dropFirst(2)))
            pending.removeAll(keepingCapacity: true)
        }
        return messages
    }

    /// A message with its length in front; nil for one that has none.
    package static func framed(_ message: [UInt8]) -> [UInt8]? {
        guard let length = UInt16(exactly: message.count) else { return nil }
        return [UInt8(truncatingIfNeeded: length >> 8), UInt8(truncatingIfNeeded: length)] + message
    }
}
