/// What a statement does, as rules name it.
package enum SQLKind: String, Sendable, Hashable, CaseIterable {
    case select
    case insert
    case update
    case delete
    case merge
    case copyIn = "copy in"
    case copyOut = "copy out"
    /// A program is run on the server.
    case copyProgram = "copy program"
    /// A file of the server's is read or written.
    case copyFile = "copy file"
    /// Something is made or changed: a table, a function, a schema.
    case ddl
    case drop
    case truncate
    /// Who may do what: rights, roles, owners, row security.
    case grant
    /// What the server reaches outside itself: foreign servers, subscriptions, publications.
    case foreign
    case `do`
    case call
    case set
    case setRole = "set role"
    case show
    case explain
    case prepare
    case execute
    case deallocate
    case declare
    case fetch
    case close
    case transaction
    case listen
    case notify
    case unlisten
    case lock
    case maintain
    case discard
    case load
    case checkpoint
    case alterSystem = "alter system"
    /// A session for replication is opened, or reads the state of it.
    case replication
    /// A replication slot is made or dropped.
    case replicationSlot = "replication slot"
    /// Changes, the log or the files of the server are streamed.
    case replicationStream = "replication stream"
    /// A function is called by its number (the protocol's FunctionCall).
    case functionCall = "function call"

    /// What `*` does not stand for: a rule has to name it.
    package var hasToBeNamed: Bool {
        switch self {
        case .copyProgram, .copyFile, .setRole, .load, .alterSystem, .replication, .replicationSlot,
            .replicationStream, .functionCall:
            true
        default: false
        }
    }
}

/// The name of a table, a function or a setting, in the server's own spelling: small letters unless it was quoted.
package struct SQLName: Sendable, Hashable, CustomStringConvertible {
    /// Nil where the statement names none.
    package let schema: ByteText?
    package let name: ByteText

    package init(schema: ByteText? = nil, name: ByteText) {
        (self.schema, self.name) = (schema, name)
    }

    /// `public.users`; in quotes, and without what would steer a terminal, where a name could be taken for another text.
    package var description: String { (schema.map { Self.shown($0) + "." } ?? "") + Self.shown(name) }

    private static func shown(_ name: ByteText) -> String {
        guard name.text.isEmpty || name.text.unicodeScalars.contains(where: isOdd) else { return name.text }
        let scalars = name.text.unicodeScalars.map {
            isHidden($0) ? "\u{FFFD}" : $0 == "\"" ? "\"\"" : "\($0)"
        }
        return "\"" + scalars.joined() + "\""
    }

    private static func isOdd(_ scalar: Unicode.Scalar) -> Bool {
        isHidden(scalar) || " \".,'*".unicodeScalars.contains(scalar)
    }

    /// Controls, and marks that change the direction of what follows.
    private static func isHidden(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.properties.generalCategory {
        case .control, .format, .lineSeparator, .paragraphSeparator, .unassigned: true
        default: false
        }
    }
}

/// One thing that a statement does.
package struct SQLDeed: Sendable, Hashable, CustomStringConvertible {
    /// To what it is done.
    package enum Target: Sendable, Hashable {
        /// To no object: `select 1`, `begin`.
        case nothing
        /// To something that the statement does not tell, or that has no name here.
        case unnamed
        case object(SQLName)
        /// This function is called; a built-in one may be known to do nothing but compute.
        case function(SQLName, isHarmless: Bool)
    }

    package let kind: SQLKind
    package let target: Target
    /// Whether a condition on its rows stands behind `where`.
    package let hasWhere: Bool

    package init(_ kind: SQLKind, _ target: Target = .nothing, hasWhere: Bool = false) {
        (self.kind, self.target, self.hasWhere) = (kind, target, hasWhere)
    }

    /// `delete on public.users without where`, `select calling pg_sleep`: never a literal.
    package var description: String {
        let place =
            switch target {
            case .nothing, .unnamed: ""
            case .object(let name): " on \(name)"
            case .function(let name, _): " calling \(name)"
            }
        switch kind {
        case .update, .delete: return "\(kind.rawValue)\(place) \(hasWhere ? "with" : "without") where"
        default: return kind.rawValue + place
        }
    }
}

/// What one message asks of a database; without deeds the opening of a session there.
package struct SQLRequest: Sendable, Hashable {
    package let database: ByteText
    /// Everything that the statements do: each of it has to be allowed.
    package let deeds: [SQLDeed]
    /// A session for replication is opened, which takes a rule that names it.
    package let opensReplication: Bool

    /// What a session for physical replication is with, as pg_hba.conf calls it: it shows every database of its server.
    package static let cluster = ByteText("replication")
    /// Deeds of one message: each is held against the rules of every level, on an event loop that serves other agents.
    package static let maximumDeeds = 256
    /// Deeds that a text about it names.
    private static let named = 8

    package init(database: ByteText, deeds: [SQLDeed], opensReplication: Bool = false) {
        (self.database, self.deeds, self.opensReplication) = (database, deeds, opensReplication)
    }

    /// A session is opened, and nothing done in it.
    package var opensSession: Bool { deeds.isEmpty || opensReplication }

    /// `select on public.t, delete on public.t with where`.
    package var summary: String {
        guard !deeds.isEmpty else { return "connect" }
        let more = deeds.count - Self.named
        return deeds.prefix(Self.named).map(\.description).joined(separator: ", ")
            + (more > 0 ? " and \(more) more" : "")
    }
}
