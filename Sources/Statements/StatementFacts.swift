package import Model

/// What one statement does, of everything that is nested in it as well.
package struct StatementFacts: Sendable, Hashable {
    /// At least one, none twice.
    package var deeds: [SQLDeed]
    /// `COPY` from or to the client.
    package var copies = false
    /// It leaves behind what later statements get results from: `PREPARE`, `DECLARE`.
    package var leavesBehind = false
    /// It may change a setting by which the server reads texts: `SET`, the end of a transaction that had one, a function
    /// of which nobody knows what it does, and what may call one: FETCH, ALTER TABLE.
    package var changesSettings = false
    /// Literals or parameters of it may be secrets: the password of a role, how a foreign server is logged in to, a key that
    /// something is encrypted with.
    package var holdsSecrets = false
    /// Where masked columns go, where tables are known.
    package var flow = ColumnFlow()

    package init(deeds: [SQLDeed]) {
        self.deeds = deeds
    }
}

extension [StatementFacts] {
    /// What statements do together, none twice.
    package var deeds: [SQLDeed] {
        guard count > 1 else { return first?.deeds ?? [] }
        var known: Set<SQLDeed> = []
        return flatMap(\.deeds).filter { known.insert($0).inserted }
    }
}

/// What a session has set that decides how a text is read.
package struct SessionSyntax: Sendable, Hashable {
    /// `client_encoding` and `server_encoding`, as the server's ParameterStatus spells them.
    package var clientEncoding: ByteText
    package var serverEncoding: ByteText
    /// `standard_conforming_strings`; nil where a statement under way may change it: then a text has to do the same
    /// however it is read.
    package var hasStandardStrings: Bool?

    package init(
        clientEncoding: ByteText = ByteText("UTF8"),
        serverEncoding: ByteText = ByteText("UTF8"),
        hasStandardStrings: Bool? = true
    ) {
        self.clientEncoding = clientEncoding
        self.serverEncoding = serverEncoding
        self.hasStandardStrings = hasStandardStrings
    }
}

/// Why nobody can tell what a text does: it is denied.
package enum StatementFault: Error, Sendable, Hashable, CustomStringConvertible {
    /// Octets over the limit.
    case tooLong(Int)
    case holdsNull
    case notUTF8
    /// The session's encoding, in which this text may mean something else.
    case encoding(ByteText)
    case syntax(SyntaxError)
    /// It does one thing or another, by a setting of the session that nobody knows.
    case ambiguous
    case tooDeep
    /// Runs of operators, at which the parser's scanner begins again for each of their octets.
    case tooManyOperators
    case tooMany(statements: Int)
    /// More deeds than one message may have.
    case tooManyDeeds
    /// A part of the parser's tree that is not known here.
    case unknown(String)
    case noMemory

    package var description: String {
        switch self {
        case .tooLong(let octets):
            "the text has \(octets) octets, and \(StatementLimits.text) are read"
        case .holdsNull: "the text holds a NUL"
        case .notUTF8: "the text is not UTF-8"
        case .encoding(let name):
            "the text cannot be read in the encoding \(name); set client_encoding to UTF8"
        case .syntax(let error): "PostgreSQL's parser does not take it: \(error.summary)"
        case .ambiguous:
            "what it does depends on standard_conforming_strings, which a statement under way may change"
        case .tooDeep: "it is nested deeper than \(StatementLimits.depth) levels"
        case .tooManyOperators: "it has runs of operators that are too long"
        case .tooMany(let statements):
            "it has \(statements) statements, and \(StatementLimits.statements) are read"
        case .tooManyDeeds: "it does more than \(StatementLimits.deeds) different things"
        case .unknown(let part): "a part of it is not known: \(part)"
        case .noMemory: "there is no memory to read it"
        }
    }
}

/// What PostgreSQL's parser says of a text that it does not take.
package struct SyntaxError: Sendable, Hashable {
    /// As it says it, with what it quotes of the text: for whoever wrote that.
    package let said: String
    /// Where it stopped, in characters from 1; nil where it does not say.
    package let position: Int?

    /// Without what it quotes: that may be a literal.
    package var summary: String {
        let near = said.firstPlace(ofText: " at or near \"")?.lowerBound ?? said.endIndex
        let quoted = said.firstPlace(of: "\"") ?? said.endIndex
        return String(said[..<min(near, quoted)])
    }
}

/// What is read of one message.
package enum StatementLimits {
    /// Octets of a text.
    ///
    /// The parser's tree takes up to 600 octets for each, all gone when the facts are there.
    package static let text = 262_144
    /// Statements of one text; `pg_dump --inserts` sends them one by one, migrations some hundred.
    package static let statements = 1_000
    /// Different deeds of one text.
    package static let deeds = SQLRequest.maximumDeeds
    /// Octets of runs of operators, squared and added up: what PostgreSQL's scanner takes for them at worst.
    ///
    /// A line of 80 dashes counts 6,400; all of it takes the scanner some 10 ms.
    package static let operators = 4 << 20
    /// Objects within objects of the parser's tree: some two for each level of an expression.
    ///
    /// PostgreSQL itself gives up at some 5,000 levels of an expression (max_stack_depth, 2 MB).
    package static let depth = 2_000
}
