internal import PostgresLink

/// Every bound of a log that goes to a database as well, with its reason.
enum FleetLimits {
    /// Milliseconds for a statement at the server: a batch of records, and so a denial, waits for it.
    static let statement = 3_000
    /// Milliseconds for all that is asked before a batch is answered: a connection, what is looked up over it, and statements.
    static let attempt: UInt64 = 15_000
    /// Milliseconds that a batch waits for what was written before it and has to go there first; the rest goes on behind its failure.
    static let patience: UInt64 = 5_000
    /// Milliseconds before a database that failed is asked again, at first and at most: until then records fail at once.
    static let pause: UInt64 = 500
    static let longestPause: UInt64 = 5_000
    /// Octets of payloads in one statement, beyond the last seal's: a second of a line of 10 Mbit/s.
    static let piece = 1 << 20
    /// Octets of what is under one seal: half of what a statement may have, for what is written around them.
    static let sealed = PostgresLimits.frame / 2
    /// Rows that are copied out of the database in one transaction of the private store.
    static let copiedAtOnce = 10_000
    /// Revocations that are read in one statement, each with its seal of 32 KiB at most.
    static let revocationsAtOnce = 64
    /// Milliseconds that a revocation which nobody was notified of is read later.
    static let listening = 5_000
    /// Milliseconds between two readings at least: any role of the database may notify.
    static let breath = 200
    /// Milliseconds since revocations elsewhere were read last, from which on nothing is launched: six times that.
    static let silence: UInt64 = 30_000
    /// Digits of a key in hex (RFC 8032 section 5.1.5).
    static let chain = 64
}
