package import Model
package import NIOCore

/// What of a session decides how the server reads a text (PostgreSQL 15, "Lexical Structure").
package struct StatementSyntax: Sendable, Hashable {
    /// `standard_conforming_strings`: a backslash in '…' is a backslash; nil while that may be changing.
    package var hasStandardStrings: Bool? = true
    /// `client_encoding`, as the server says it.
    package var encoding = "UTF8"
    /// `server_encoding`.
    package var serverEncoding = "UTF8"

    package init() {}
}

/// What the statements of one message do.
package struct ReadStatements: Sendable, Hashable {
    /// What is asked.
    package let action: Action
    /// One of them is COPY from or to the client: what follows waits for the answer.
    package let copies: Bool
    /// One of them leaves behind what later statements get results from (PREPARE, DECLARE).
    package let leavesBehind: Bool
    /// One of them gives results of what is there by a name: EXECUTE, FETCH.
    package let takesUp: Bool
    /// One of them may change a setting by which the server reads texts: SET, ROLLBACK, a function that is not known.
    package let changesSettings: Bool

    package init(
        action: Action,
        copies: Bool,
        leavesBehind: Bool,
        takesUp: Bool = false,
        changesSettings: Bool
    ) {
        self.action = action
        self.copies = copies
        self.leavesBehind = leavesBehind
        self.takesUp = takesUp
        self.changesSettings = changesSettings
    }
}

/// A text of which nobody can say for certain what it does.
package struct UnreadStatement: Error, Sendable, Hashable {
    package let denial: Denial
    /// Where in the text, in characters from 1; nil where it is nowhere in particular.
    package let position: Int?

    package init(_ denial: Denial, position: Int? = nil) {
        self.denial = denial
        self.position = position
    }
}

/// Reads the statements of a message, as the server would.
package protocol StatementReading {
    /// What they do; the denial where that cannot be said for certain.
    mutating func read(
        _ text: ByteBuffer,
        _ syntax: StatementSyntax
    ) -> Result<
        ReadStatements, UnreadStatement
    >
    /// What is asked for the protocol's function call, which names a function by its number.
    var functionCall: Action { get }
}

/// How a statement ended.
package struct StatementOutcome: Sendable, Hashable {
    /// `SELECT 5`; nil where it did not come to its end.
    package var tag: String?
    /// SQLSTATE of the error that ended it.
    package var code: String?

    /// Rows that the tag says, its last word.
    package var rows: UInt64? { tag?.cut(at: " ").last.flatMap { UInt64($0) } }
}

/// Where a session's transaction stands: the octet of ReadyForQuery.
package enum TransactionStatus: UInt8, Sendable, Hashable {
    case idle = 0x49
    case inTransaction = 0x54
    case failed = 0x45
}
