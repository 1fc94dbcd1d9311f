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
    /// One of them is EXECUTE, which carries out what the protocol prepared by a name as well.
    package let executes: Bool
    /// One of them may change a setting by which the server reads texts: SET, ROLLBACK, FETCH, a function that is not known.
    package let changesSettings: Bool
    /// The text as it goes on record.
    package let recorded: RecordedText?
    /// Its parameters may be secrets.
    package let holdsSecrets: Bool
    /// Masks of columns that are used for more than to be shown: with these it is refused.
    package var exposes: Set<ColumnMask> = []
    /// It is a command of the replication protocol that streams: COPY in both directions may come.
    package var streams = false
    /// It has several statements.
    package var isBatch = false
    /// The columns of its only statement's result; nil where that cannot be said.
    package var results: [ResultMask]?
    /// How its COPY writes them; nil where that cannot be said.
    package var layout: CopyLayout?

    package init(
        action: Action,
        copies: Bool,
        leavesBehind: Bool,
        takesUp: Bool = false,
        executes: Bool = false,
        changesSettings: Bool,
        recorded: RecordedText? = nil,
        holdsSecrets: Bool = false
    ) {
        self.action = action
        self.copies = copies
        self.leavesBehind = leavesBehind
        self.takesUp = takesUp
        self.executes = executes
        self.changesSettings = changesSettings
        self.recorded = recorded
        self.holdsSecrets = holdsSecrets
    }
}

/// A text that is read elsewhere, and how.
package struct LongText: Sendable, Hashable {
    package let text: ByteBuffer
    package let syntax: StatementSyntax
}

/// What a column of a result is masked by.
package struct ResultMask: Sendable, Hashable {
    package let masks: Set<ColumnMask>
    package let isText: Bool

    package init(masks: Set<ColumnMask>, isText: Bool) {
        self.masks = masks
        self.isText = isText
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
    ) -> Result<ReadStatements, UnreadStatement>
    /// As what is refused without being understood a text goes on record.
    func recordedUnread(_ text: ByteBuffer, _ syntax: StatementSyntax) -> RecordedText?
    /// What is asked for the protocol's function call, which names a function by its number.
    var functionCall: Action { get }
}

extension StatementReading {
    package func recordedUnread(_ text: ByteBuffer, _ syntax: StatementSyntax) -> RecordedText? { nil }
}

/// How a statement ended.
package struct StatementOutcome: Sendable, Hashable {
    /// `SELECT 5`; of several statements `SELECT 5, DELETE 2`; nil where none came to its end.
    package private(set) var tag: String?
    /// SQLSTATE of the error that ended it.
    package var code: String?
    /// Rows that the tags say, each with its last word.
    package private(set) var rows: UInt64?
    /// What it was executed with.
    package var parameters: RecordedParameters?
    /// Of a stream of replication.
    package var messages: RecordedMessages?
    private var tags = 0

    /// Tags of one message that are named.
    private static let named = 16

    package init(parameters: RecordedParameters? = nil, messages: RecordedMessages? = nil) {
        (self.parameters, self.messages) = (parameters, messages)
    }

    /// A stream that neither its server nor its client brought to an end.
    package var isCutStream: Bool { messages != nil && tag == nil && code == nil }

    /// One statement has come to its end.
    mutating func add(_ next: String) {
        tags += 1
        if let count = next.cut(at: " ").last.flatMap({ UInt64($0) }) { rows = (rows ?? 0) &+ count }
        if tags <= Self.named { tag = tag.map { "\($0), \(next)" } ?? next }
        if tags == Self.named + 1 { tag = tag.map { $0 + ", …" } }
    }

    /// An error has undone what was before it.
    mutating func fail(_ code: String?) {
        (self.code, tag, rows) = (code, nil, nil)
    }
}

/// Where a session's transaction stands: the octet of ReadyForQuery.
package enum TransactionStatus: UInt8, Sendable, Hashable {
    case idle = 0x49
    case inTransaction = 0x54
    case failed = 0x45
}
