/// Every size that is read from PostgreSQL's wire, with its source.
package enum PostgresLimits {
    /// Octets of a first packet: MAX_STARTUP_PACKET_LENGTH of the server's pqcomm.h.
    package static let startup = 10_000
    /// Octets of a client's message that has no text or data: PQ_SMALL_MESSAGE_LIMIT of the server's libpq.h.
    package static let small = 10_000
    /// Octets of what a server says in short: libpq takes no longer ones but of a few types (VALID_LONG_MESSAGE_TYPE of
    /// fe-protocol3.c).
    package static let short = 30_000
    /// Octets of a message that is read whole: a statement, its parameters, a description, a row of which something is
    /// masked.
    ///
    /// The server takes 1 GiB; a connection of the gateway's costs no more than this. The longest line of a dump with
    /// `--inserts` is a row.
    package static let held = 16_777_216
    /// Octets of the largest message there is: PQ_LARGE_MESSAGE_LIMIT, which is MaxAllocSize - 1.
    package static let largest = 0x3FFF_FFFE
    /// Octets of a message of the server's while it authenticates: libpq takes 2,000, and 30,000 of an error.
    static let authentication = short
    /// Rounds of SCRAM: at least those of RFC 7677 section 4; at most what takes a second, since the server chooses.
    static let rounds = 4_096...1_000_000
    /// Questions open at one time: below those of the ledger.
    static let openRulings = 100
    /// Messages under way to the server that have not been answered.
    static let unanswered = 1_024
    /// Prepared statements of one session, and octets of their texts: what drivers keep is 256 (JDBC), 100 (asyncpg, psycopg).
    static let statements = 4_096
    static let statementOctets = held
    /// Octets of a prepared statement's or a portal's name: NAMEDATALEN, less its NUL.
    static let name = 63
    /// Portals of one session that were bound by name.
    static let portals = 256
    /// Portals that were approved and are not executed yet, each under a question of its own: pipelines bind one at a time.
    static let approvedPortals = 16
    /// Columns of a result: MaxTupleAttributeNumber is 1,664.
    static let columns = 1_664
    /// Names of masked columns in one note, beyond those of the last result: a record of some kilobytes.
    static let hiddenColumns = 64
    /// Settings in a first packet, which are far fewer than its octets.
    static let settings = 64
}
