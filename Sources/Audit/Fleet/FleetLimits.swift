internal import PostgresLink

/// Every bound of a log that goes to a database as well, with its reason.
package enum FleetLimits {
    /// Milliseconds for a statement at the server: a batch of records, and so a denial, waits for it.
    static let statement = 3_000
    /// Milliseconds for all that is asked before a batch is answered: a connection, what is looked up over it, and statements.
    static let attempt: UInt64 = 15_000
    /// Milliseconds that a batch waits for what was written before it and has to go there first; the rest goes on behind its failure.
    static let patience: UInt64 = 5_000
    /// Milliseconds before a database that failed is asked again, at first and at most: until then records fail at once.
    package static let pause: UInt64 = 500
    package static let longestPause: UInt64 = 5_000
    /// Octets of payloads in one statement, beyond the last seal's: a second of a line of 10 Mbit/s.
    static let piece = 1 << 20
    /// Octets of what is under one seal: half of what a statement may have, for what is written around them.
    static let sealed = PostgresLimits.frame / 2
    /// Rows that are copied out of the database in one transaction of the private store.
    static let copiedAtOnce = 10_000
    /// Octets of them, beyond the last of them: what is held in memory.
    static let copiedOctets = 8 << 20
    /// Revocations that are read in one statement, each with its seal of 32 KiB at most.
    static let revocationsAtOnce = 64
    /// Milliseconds that a revocation or an answer which nobody was notified of is read later.
    package static let listening = 5_000
    /// Milliseconds between two readings of what is of no machine that is named, which is for the record alone, and after one that failed.
    package static let strangers: UInt64 = 5_000
    package static let strangersAgain: UInt64 = 30_000
    /// Milliseconds between two readings at least: any role of the database may notify.
    package static let breath = 200
    /// Milliseconds since revocations elsewhere were read last, from which on nothing is launched: six times that.
    static let silence: UInt64 = 30_000
    /// Octets of a message's text: a screen of a request, or what is cut of a launch, which fits into a socket's buffer.
    package static let text = 96 << 10
    /// Octets of all of a launch: as many as may be shown of one.
    package static let whole = 9 << 20
    /// Characters of a column that is no text: a key's 64 and one more.
    static let column = 80
    /// Octets of a question's id: twelve digits, a hyphen and twenty more.
    package static let question = 33
    /// Seconds that a message is looked for: the longest that a question waits (five minutes), and a minute.
    static let longestWait = 360
    /// Seconds that an end is looked for: as old as what is signed may be (five minutes and `skew`), and the error of two clocks
    /// (`skew` each).
    static let ended = 660
    /// Messages that are looked through for what waits, newest first: of eight machines all that one may show.
    static let listed = 8_192
    /// Those of one machine: four supervisors' 256 that may wait at a time; and octets of their texts.
    static let listedPerMachine = 1_024
    static let listedOctets = 8 << 20
    /// Those of one run: twice the 64 that may wait at a time.
    static let listedPerRun = 128
    /// Octets of the word that an end has, sixteen at random in hex, and of how a message begins that has its digest:
    /// `{"end":"`, 64 digits, and `"`.
    package static let word = 32
    static let asked = 73
    /// Messages that are read at once.
    package static let readAtOnce = 200
    /// Rows in one machine's name that are remembered as read: more than are looked at of it in `longestWait`.
    static let remembered = 2_000
    /// Milliseconds for which: as long as the database gives them (`longestWait`), and some.
    static let rememberedFor: UInt64 = 370_000
    /// Milliseconds between a moment that a machine says and this one's, beyond which the message is too old, or of a clock that
    /// is wrong: two minutes.
    package static let skew: Int64 = 120_000
    /// Digits of a key in hex (RFC 8032 section 5.1.5).
    static let chain = 64
}
