/// Why a field block is no message head: the stream it came on is not served (RFC 9113 section 8.1.1).
package struct HTTP2Fault: Error, Sendable, Hashable, CustomStringConvertible {
    /// What is wrong, for who sent it.
    package let description: String

    init(_ description: String) {
        self.description = description
    }
}
