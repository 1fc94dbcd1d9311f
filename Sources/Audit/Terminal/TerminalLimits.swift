/// Bounds of recordings of terminals.
package enum TerminalLimits {
    /// Octets of a chunk before it is sealed: what one write brings to the file.
    static let chunk = 32 << 10
    /// Milliseconds that something decided waits for more before it is written.
    package static let delay: Int64 = 250
    /// Octets of the value that makes a recording's key its own.
    static let salt = 16
}
