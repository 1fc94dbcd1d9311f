package import Model

/// What a rule says of a database's sessions.
package struct DatabaseRule: Sendable, Hashable {
    /// Which databases.
    package var name: WordGlob
    package var role: ByteText?
    package var searchPath: [ByteText]?
    /// Milliseconds.
    package var statementTimeout: UInt64?
    package var isReadOnly: Bool
    /// Nil where the rule says nothing: `verify-full`.
    package var sslMode: DatabaseSession.SSLMode?
    /// What is masked by its place.
    package var columns: Set<ColumnPattern>

    package init(
        name: WordGlob,
        role: ByteText? = nil,
        searchPath: [ByteText]? = nil,
        statementTimeout: UInt64? = nil,
        isReadOnly: Bool = false,
        sslMode: DatabaseSession.SSLMode? = nil,
        columns: Set<ColumnPattern> = []
    ) {
        self.name = name
        self.role = role
        self.searchPath = searchPath
        self.statementTimeout = statementTimeout
        self.isReadOnly = isReadOnly
        self.sslMode = sslMode
        self.columns = columns
    }
}

/// What one rule gives to sessions with its databases.
struct DatabaseAccess: Sendable, Hashable {
    let database: DatabaseRule
    let credential: String?
    let masks: MaskKinds
    let reachesPrivateAddresses: Bool
    /// Its pattern is the very address, not a network around it.
    let namesAddress: Bool

    /// Nil for a rule that allows nothing there, now or after an approval.
    init?(_ rule: EgressRule) {
        guard let database = rule.database, !(rule.allow.isEmpty && rule.ask.isEmpty) else { return nil }
        self.database = database
        credential = rule.credential
        masks = rule.masks
        reachesPrivateAddresses = rule.reachesPrivateAddresses
        namesAddress = if case .address = rule.to.hosts { true } else { false }
    }
}

/// What rules, together, bind a session to; `conflict` is the first key about which they disagree.
struct SessionBinding {
    private(set) var session = DatabaseSession()
    private var sslMode: DatabaseSession.SSLMode?
    private(set) var conflict: String?

    /// Of one level's rules.
    init(_ accesses: [DatabaseAccess]) {
        for access in accesses {
            bind(access.database)
            if let mode = access.database.sslMode { sslMode = max(sslMode ?? mode, mode) }
        }
        session.sslMode = sslMode ?? .verifyFull
    }

    /// Adds what another level binds it to.
    mutating func add(_ other: SessionBinding) {
        let theirs = other.session
        conflict = conflict ?? other.conflict
        bind(
            DatabaseRule(
                name: WordGlob(""),
                role: theirs.role,
                searchPath: theirs.searchPath,
                statementTimeout: theirs.statementTimeout,
                isReadOnly: theirs.isReadOnly
            )
        )
        session.sslMode = max(session.sslMode, theirs.sslMode)
    }

    private mutating func bind(_ rule: DatabaseRule) {
        if let role = rule.role {
            if session.role ?? role != role { conflict = conflict ?? "role" }
            session.role = role
        }
        if let path = rule.searchPath {
            if session.searchPath ?? path != path { conflict = conflict ?? "search_path" }
            session.searchPath = path
        }
        if let timeout = rule.statementTimeout {
            session.statementTimeout = min(session.statementTimeout ?? timeout, timeout)
        }
        session.isReadOnly = session.isReadOnly || rule.isReadOnly
    }
}
