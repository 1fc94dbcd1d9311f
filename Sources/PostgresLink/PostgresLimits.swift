/// Every bound of what is said to a PostgreSQL server, with its reason.
package enum PostgresLimits {
    /// Seconds for a connection to one address, a login included (libpq, `connect_timeout`: 2 at the least).
    static let connect = 3
    /// Milliseconds for all of a connection, of a server with several addresses too: an operator's command waits for it, and a
    /// batch of records.
    static let connection: UInt64 = 10_000
    /// Milliseconds for a statement, at the server; a record waits for it.
    package static let statement = 5_000
    /// Milliseconds for one that reads a whole table: none.
    package static let unbounded = 0
    /// Milliseconds that an answer may come later than the server's own bound.
    static let slack: UInt64 = 2_000
    /// Milliseconds between two rows of a table that is read.
    static let row: UInt64 = 60_000
    /// Seconds of silence until a probe, between probes, and how many are unanswered until the server is gone (tcp(7)).
    static let keepaliveIdle = 10
    static let keepaliveInterval = 5
    static let keepaliveCount = 3
    /// Milliseconds that sent octets may be unacknowledged (tcp(7), TCP_USER_TIMEOUT).
    static let unacknowledged = 10_000
    /// Octets of one order or answer: a batch of records, each as long as one may be, with room.
    package static let frame = 64 << 20
    /// Octets that are taken from the program at a time.
    static let piece = 64 << 10
    /// Octets of what a server says of an error that are told.
    static let words = 400
    /// Octets of a password.
    package static let password = 1...4_096
    /// Octets of a URL.
    static let url = 4_096
}
