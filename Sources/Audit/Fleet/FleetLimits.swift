/// Every bound of a log that goes to a database as well, with its reason.
enum FleetLimits {
    /// Milliseconds for a statement at the server: a batch of records, and so a denial, waits for it.
    static let statement = 3_000
    /// Milliseconds before a database that failed is asked again, at first and at most: until then records fail at once.
    static let pause: UInt64 = 500
    static let longestPause: UInt64 = 5_000
    /// Octets of payloads in one statement, beyond the last of them.
    static let piece = 8 << 20
    /// Rows that are copied out of the database in one transaction of the private store.
    static let copiedAtOnce = 10_000
    /// Milliseconds that a revocation which nobody was notified of is read later.
    static let listening = 5_000
    /// Milliseconds since revocations elsewhere were read last, from which on nothing is launched: six times that.
    static let silence: UInt64 = 30_000
    /// Digits of a key in hex (RFC 8032 section 5.1.5).
    static let chain = 64
}
