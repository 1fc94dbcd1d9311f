internal import Model

/// Statements about what a database has in it.
extension FactsWalk {
    /// One whose fields say all that it does.
    mutating func visit(
        _ statement: StatementSort,
        _ node: Node,
        _ context: Context
    ) throws(StatementFault) {
        for target in try targets(of: statement, node) { try add(statement.kind, target) }
        if let other = StatementSort.also[node.shape.name] { try add(other, .unnamed) }
        if let other = StatementSort.kind(ofObject: text("renameType", of: node)) { try add(other, .unnamed) }
        var inner = context
        (inner.tables, inner.calls, inner.hasWhere) = (statement.kind, statement.kind, false)
        try visitFields(of: node, inner)
    }

    private func targets(
        of statement: StatementSort,
        _ node: Node
    ) throws(StatementFault) -> [SQLDeed.Target] {
        if statement.isNothing { return [.nothing] }
        if let field = statement.plain {
            return [text(field, of: node).map { .object(SQLName(name: ByteText($0))) } ?? .nothing]
        }
        var targets: [SQLDeed.Target] = []
        for field in statement.tables { targets += try tables(field, of: node).map { .object($0) } }
        if let field = statement.name, let name = try name(member(field, of: node)) {
            targets.append(.object(name))
        }
        return targets.isEmpty ? [.unnamed] : targets
    }

    private static let cascade = "DROP_CASCADE"
    /// Whose names are of one schema.
    static let dropped: Set = [
        "OBJECT_TABLE", "OBJECT_VIEW", "OBJECT_MATVIEW", "OBJECT_SEQUENCE", "OBJECT_INDEX",
        "OBJECT_FOREIGN_TABLE",
        "OBJECT_STATISTIC_EXT", "OBJECT_TYPE", "OBJECT_DOMAIN", "OBJECT_FUNCTION", "OBJECT_PROCEDURE",
        "OBJECT_ROUTINE", "OBJECT_AGGREGATE",
    ]

    mutating func visitDrop(_ node: Node, _ context: Context) throws(StatementFault) {
        let isNamed = text("removeType", of: node).map { Self.dropped.contains($0) } ?? false
        for object in try nodes(member("objects", of: node)) {
            let list =
                switch object.shape.name {
                case "List": member("items", of: object)
                case "TypeName": member("names", of: object)
                case "ObjectWithArgs": member("objname", of: object)
                default: Int?.none
                }
            let name = isNamed ? try name(list) : nil
            try add(.drop, name.map { .object($0) } ?? .unnamed)
        }
        // Without a policy there are rows that others showed to nobody.
        if let other = StatementSort.kind(ofObject: text("removeType", of: node)) { try add(other, .unnamed) }
        // What depends on it lies anywhere.
        if text("behavior", of: node) == Self.cascade { try add(.drop, .unnamed) }
        var inner = context
        (inner.tables, inner.calls) = (.drop, .drop)
        try visitFields(of: node, inner)
    }

    mutating func visitTruncate(_ node: Node) throws(StatementFault) {
        for table in try tables("relations", of: node) { try add(.truncate, .object(table)) }
        if text("behavior", of: node) == Self.cascade { try add(.truncate, .unnamed) }
        var inner = Context()
        inner.tables = .truncate
        try visitFields(of: node, inner)
    }

    private static let rights: Set = [
        "AT_ChangeOwner", "AT_EnableRowSecurity", "AT_DisableRowSecurity", "AT_ForceRowSecurity",
        "AT_NoForceRowSecurity",
    ]

    mutating func visitAlterTable(_ node: Node, _ context: Context) throws(StatementFault) {
        let target = try target(node)
        try add(.ddl, target)
        if try isForeign(node) { try add(.foreign, .unnamed) }
        for command in try nodes(member("cmds", of: node)) {
            guard let sort = text("subtype", of: command) else { throw .unknown("a part of ALTER TABLE") }
            if sort == "AT_DropColumn" || sort == "AT_DropConstraint" { try add(.drop, target) }
            if text("behavior", of: command) == Self.cascade { try add(.drop, .unnamed) }
            if Self.rights.contains(sort) { try add(.grant, target) }
        }
        var inner = context
        (inner.tables, inner.calls) = (.ddl, .ddl)
        try visitFields(of: node, inner)
    }

    /// Whether ALTER TABLE may say what of another server a table is: only of foreign ones, whatever it calls them, there are
    /// such options, of the table and of each column.
    func isForeign(_ node: Node) throws(StatementFault) -> Bool {
        guard text("objtype", of: node) != "OBJECT_FOREIGN_TABLE" else { return true }
        return try hasForeignOptions(node)
    }

    private static let options: Set = ["AT_GenericOptions", "AT_AlterColumnGenericOptions"]

    /// Whether a statement about tables has options for another server (`OPTIONS`): of the table, or of a column.
    ///
    /// PostgreSQL's parser takes them of any table, also where it is made in a schema.
    func hasForeignOptions(_ node: Node) throws(StatementFault) -> Bool {
        switch node.shape.name {
        case "AlterTableStmt":
            for command in try nodes(member("cmds", of: node)) {
                if Self.options.contains(text("subtype", of: command) ?? "") { return true }
                let definition = try nodes(member("def", of: command)).first
                if let definition, member("fdwoptions", of: definition) != nil { return true }
            }
            return false
        case "CreateStmt":
            return try nodes(member("tableElts", of: node)).contains {
                member("fdwoptions", of: $0) != nil
            }
        case "CreateSchemaStmt":
            for element in try nodes(member("schemaElts", of: node)) {
                let isOne = try hasForeignOptions(element)
                if isOne { return true }
            }
            return false
        default: return false
        }
    }

    /// What a trigger calls, it calls whenever somebody makes it.
    mutating func visitTrigger(_ node: Node, _ context: Context) throws(StatementFault) {
        try add(.ddl, try target(node))
        guard let function = try name(member("funcname", of: node)) else {
            throw .unknown("a trigger's function")
        }
        try addCall(function, .ddl)
        var inner = context
        (inner.tables, inner.calls) = (.ddl, .ddl)
        try visitFields(of: node, inner)
    }

    mutating func visitProcedure(_ node: Node, _ context: Context) throws(StatementFault) {
        guard let call = part("funccall", of: node), let name = try name(member("funcname", of: call)) else {
            throw .unknown("a procedure's name")
        }
        try add(.call, .object(name))
        var inner = context
        inner.calls = .call
        try visitFields(of: call, inner, except: ["funcname"])
        try visitFields(of: node, inner, except: ["funccall"])
    }
}
