package import Model

/// Which deeds an action word means: `delete on public.* without where`, `select calling app.*`.
package struct SQLPattern: Sendable, Hashable {
    package enum Target: Sendable, Hashable {
        /// Whatever it is done to; to allow a call takes `functions`, unless it is known to do nothing but compute.
        case any
        /// Of a table also its schema; nil for what lies in none.
        case objects(NamePattern)
        case functions(NamePattern)
    }

    /// Nil for `*`.
    package let kind: SQLKind?
    package let target: Target
    /// `with where`, `without where`; nil for both.
    package let hasWhere: Bool?

    package init(_ kind: SQLKind?, _ target: Target = .any, hasWhere: Bool? = nil) {
        (self.kind, self.target, self.hasWhere) = (kind, target, hasWhere)
    }

    /// What it costs at most to hold one message against it, in steps over single bytes.
    package var cost: Int {
        switch target {
        case .any: SQLRequest.maximumDeeds
        case .objects(let name), .functions(let name): SQLRequest.maximumDeeds * (name.cost + 1)
        }
    }

    /// Whether a rule under `effect` means this kind by it.
    func means(_ other: SQLKind, as effect: Effect) -> Bool {
        kind.map { $0 == other } ?? (effect == .deny || !other.hasToBeNamed)
    }
}

/// Globs over a name and its schema.
package struct NamePattern: Sendable, Hashable {
    /// Nil where none is written: whatever it is, or none.
    package let schema: WordGlob?
    package let name: WordGlob

    package init(schema: WordGlob? = nil, name: WordGlob) {
        (self.schema, self.name) = (schema, name)
    }

    /// What one name costs at most, in steps over single bytes.
    var cost: Int { (schema.map(Self.cost) ?? 0) + Self.cost(name) }

    /// Only between two stars something is searched for in the whole name.
    private static func cost(_ glob: WordGlob) -> Int {
        let stars = glob.text.utf8.count { $0 == UInt8(ascii: "*") }
        return glob.text.utf8.count + (stars > 1 ? maximumName : 1)
    }

    /// Octets of a name in PostgreSQL (NAMEDATALEN, less its NUL); longer ones are cut.
    package static let maximumName = 63
}

/// The deeds of one message, as every level's rules are asked about them.
struct SoughtStatements {
    let database: [UInt8]
    let deeds: [SoughtDeed]

    init(_ request: SQLRequest, in session: DatabaseSession) {
        database = Array(request.database.text.utf8)
        deeds = request.deeds.map { SoughtDeed($0, searchPath: session.searchPath) }
    }
}

/// One deed, with the schemas that its name may mean.
struct SoughtDeed {
    /// Where a name without a schema may lie.
    enum Schemas {
        case these([[UInt8]])
        case anyOne
        /// Names of settings and channels lie in none.
        case none
    }

    let deed: SQLDeed
    let key: SoughtKey
    let name: [UInt8]
    let schemas: Schemas
    /// A call of what does nothing but compute: allowed unless a rule forbids it.
    let isHarmless: Bool

    static let catalog = Array("pg_catalog".utf8)

    init(_ deed: SQLDeed, searchPath: [ByteText]?) {
        self.deed = deed
        key = SoughtKey(method: LeadingOctets.of(deed.kind.rawValue.utf8))
        switch deed.target {
        case .nothing, .unnamed: (name, schemas, isHarmless) = ([], .none, false)
        case .object(let object):
            name = Array(object.name.text.utf8)
            isHarmless = false
            schemas =
                deed.kind.objects == .plain
                ? .none : Self.schemas(of: object, searchPath, inCatalog: name.starts(with: "pg_".utf8))
        case .function(let function, let harmless):
            name = Array(function.name.text.utf8)
            isHarmless = harmless
            schemas = Self.schemas(of: function, searchPath, inCatalog: true)
        }
    }

    /// A name without a schema is looked for in `pg_catalog` first, where all tables are called `pg_…`, and then in
    /// those of `search_path`.
    private static func schemas(of name: SQLName, _ path: [ByteText]?, inCatalog: Bool) -> Schemas {
        if let schema = name.schema { return .these([Array(schema.text.utf8)]) }
        guard let path else { return .anyOne }
        return .these(path.map { Array($0.text.utf8) } + (inCatalog ? [catalog] : []))
    }

    /// Whether it is what a pattern names, for a rule that has it under `effect`: what is allowed has to be it in every
    /// schema that may be meant, what is forbidden in one.
    func isNamed(by pattern: NamePattern, as effect: Effect) -> Bool {
        guard pattern.name.matches(name) else { return false }
        guard let schema = pattern.schema else { return true }
        switch schemas {
        // A setting, where a table is meant.
        case .none: return false
        case .anyOne: return effect != .allow || schema.text.isSame(as: "*")
        case .these(let those):
            return effect == .allow
                ? !those.isEmpty && those.allSatisfy { schema.matches($0) }
                : those.contains { schema.matches($0) }
        }
    }
}

extension CompiledAction {
    /// Whether this rule's word means the deed there.
    func means(_ sought: SoughtDeed, _ statements: SoughtStatements) -> Bool {
        guard let sql, sql.means(sought.deed.kind, as: effect),
            database?.name.matches(statements.database) == true
        else { return false }
        let isMeant =
            switch (sql.target, sought.deed.target) {
            case (.any, .function): effect != .allow || sought.isHarmless
            case (.any, _): true
            case (.objects(let pattern), .object): sought.isNamed(by: pattern, as: effect)
            // What it is done to nobody knows.
            case (.objects, .unnamed): effect != .allow
            case (.objects, .function): effect == .allow && sought.isHarmless
            case (.objects, .nothing): effect == .allow
            case (.functions(let pattern), .function): sought.isNamed(by: pattern, as: effect)
            case (.functions, .nothing): effect == .allow
            case (.functions, .object), (.functions, .unnamed): false
            }
        guard isMeant, let hasWhere = sql.hasWhere else { return isMeant }
        if case .function = sought.deed.target { return effect == .allow && sought.isHarmless }
        return sought.deed.hasWhere == hasWhere
    }
}

extension SQLDeed {
    /// Whether it may read what no deed of its statement names as read: rows of the table that it changes or explains, the
    /// server's statistics of them, or whatever a function that is called reads.
    var readsUnnamed: Bool {
        if case .function(_, let isHarmless) = target { return !isHarmless }
        return switch kind {
        case .insert, .update, .delete, .merge, .copyIn, .copyProgram, .copyFile, .ddl, .grant, .foreign,
            .maintain,
            .explain, .do, .call, .functionCall:
            true
        case .select, .copyOut, .drop, .truncate, .lock, .set, .setRole, .show, .prepare, .execute,
            .deallocate, .declare, .fetch, .close, .transaction, .listen, .notify, .unlisten, .discard, .load,
            .checkpoint, .alterSystem, .replication, .replicationSlot, .replicationStream:
            false
        }
    }
}

extension SQLKind {
    /// What `on` names, of a kind for which it may stand.
    package enum Objects: Sendable {
        /// `schema.name`.
        case inSchemas
        /// A setting or a channel.
        case plain
        case none
    }

    package var objects: Objects {
        switch self {
        case .select, .insert, .update, .delete, .merge, .copyIn, .copyOut, .copyProgram, .copyFile, .ddl,
            .drop,
            .truncate, .lock, .maintain, .call, .explain, .grant:
            .inSchemas
        case .set, .show, .listen, .notify, .unlisten: .plain
        case .foreign, .do, .setRole, .prepare, .execute, .deallocate, .declare, .fetch, .close, .transaction,
            .discard, .load, .checkpoint, .alterSystem, .replication, .replicationSlot, .replicationStream,
            .functionCall:
            .none
        }
    }

    /// Whether `with where` may stand behind it.
    package var takesWhere: Bool { self == .select || self == .update || self == .delete }
}
