internal import Model

/// Statements about rows.
extension FactsWalk {
    /// Whether a condition stands behind `where` that says something of the rows.
    private func hasWhere(_ node: Node) -> Bool { namesColumn("whereClause", of: node) }

    private func namesColumn(_ field: String, of node: Node) -> Bool {
        member(field, of: node).map { tape.namesColumn($0) } ?? false
    }

    /// Whose rule calls `set_config`: everybody may update it.
    private static let settings = ByteText("pg_settings")

    private static func isSettings(_ target: SQLDeed.Target) -> Bool {
        guard case .object(let name) = target, name.name == settings else { return false }
        return name.schema.map { $0 == ByteText("pg_catalog") } ?? true
    }

    /// The table whose rows are changed.
    private mutating func changed(_ node: Node) throws(StatementFault) -> SQLDeed.Target {
        let target = try target(node)
        // Which of them its rows say; `role` is none of the view's.
        if Self.isSettings(target) { try add(.set, .unnamed) }
        return target
    }

    /// Statements that may make a view: of a rule of an empty table the server makes one as well.
    private static let viewMakers: Set = ["ViewStmt", "RuleStmt", "CreateSchemaStmt"]

    /// Whoever makes a view of the settings has one more that may be updated, under any name.
    mutating func addSettings(through node: Node) throws(StatementFault) {
        guard Self.viewMakers.contains(node.shape.name) else { return }
        if deeds.contains(where: { $0.kind == .select && Self.isSettings($0.target) }) {
            try add(.set, .unnamed)
        }
    }

    /// The context behind a statement's `with`.
    private mutating func visitWith(_ node: Node, _ context: Context) throws(StatementFault) -> Context {
        guard let with = part("withClause", of: node) else { return context }
        var outer = context
        let tables = try nodes(member("ctes", of: with))
        let isRecursive = flag("recursive", of: with)
        let names = tables.map { ByteText(text("ctename", of: $0) ?? "") }
        if isRecursive { outer.scope.formUnion(names) }
        // One set for all of them, which is not copied each time a name comes to it.
        var inner = outer
        outer.scope = []
        (inner.tables, inner.calls, inner.hasWhere, inner.locks) = (.select, .select, false, false)
        for (table, name) in zip(tables, names) {
            guard table.shape.part == .commonTable else { throw .unknown(table.shape.name) }
            try visitFields(of: table, inner)
            inner.scope.insert(name)
        }
        outer.scope = inner.scope
        return outer
    }

    mutating func visitSelect(_ node: Node, _ context: Context) throws(StatementFault) {
        var inner = try visitWith(node, context)
        let isOfInsert = context.tables == .insert && member("valuesLists", of: node) != nil
        (inner.tables, inner.calls) = (.select, isOfInsert ? .insert : .select)
        (inner.hasWhere, inner.locks) = (hasWhere(node), false)
        for table in try tables("intoClause", of: node) { try add(.ddl, .object(table)) }
        var from = inner
        from.locks = context.locks || member("lockingClause", of: node) != nil
        try visitNodes(member("fromClause", of: node), from)
        try visitFields(of: node, inner, except: ["withClause", "intoClause", "fromClause"])
    }

    mutating func visitInsert(_ node: Node, _ context: Context) throws(StatementFault) {
        var inner = try visitWith(node, context)
        let target = try changed(node)
        try add(.insert, target)
        (inner.tables, inner.calls, inner.hasWhere) = (.select, .insert, true)
        if let conflict = part("onConflictClause", of: node),
            text("action", of: conflict) == "ONCONFLICT_UPDATE"
        {
            try add(.update, target, hasWhere: true)
        }
        if member("returningList", of: node) != nil { try add(.select, target, hasWhere: true) }
        try visitFields(of: node, inner, except: ["withClause", "relation", "selectStmt"])
        inner.tables = .insert
        try visitNodes(member("selectStmt", of: node), inner)
    }

    /// `UPDATE` and `DELETE`.
    mutating func visitChange(_ node: Node, _ kind: SQLKind, _ context: Context) throws(StatementFault) {
        var inner = try visitWith(node, context)
        let target = try changed(node)
        (inner.tables, inner.calls, inner.hasWhere) = (.select, kind, hasWhere(node))
        try add(kind, target, hasWhere: inner.hasWhere)
        if member("returningList", of: node) != nil { try add(.select, target, hasWhere: inner.hasWhere) }
        try visitFields(of: node, inner, except: ["withClause", "relation"])
    }

    mutating func visitMerge(_ node: Node, _ context: Context) throws(StatementFault) {
        var inner = try visitWith(node, context)
        let target = try changed(node)
        try add(.merge, target)
        // What is joined on no column is every row; a clause may choose among them all the same.
        let isJoined = namesColumn("joinCondition", of: node)
        for clause in try nodes(member("mergeWhenClauses", of: node)) {
            let hasWhere = isJoined || namesColumn("condition", of: clause)
            switch text("commandType", of: clause) {
            case "CMD_INSERT": try add(.insert, target)
            case "CMD_UPDATE": try add(.update, target, hasWhere: hasWhere)
            case "CMD_DELETE": try add(.delete, target, hasWhere: hasWhere)
            case "CMD_NOTHING": continue
            default: throw .unknown("a clause of MERGE")
            }
        }
        (inner.tables, inner.calls, inner.hasWhere) = (.select, .merge, isJoined)
        try visitFields(of: node, inner, except: ["withClause", "relation"])
    }

    mutating func visitCopy(_ node: Node, _ context: Context) throws(StatementFault) {
        let kind = flag("is_from", of: node) ? SQLKind.copyIn : .copyOut
        let table = try part("relation", of: node).map { part throws(StatementFault) in
            SQLDeed.Target.object(try tableName(part))
        }
        // The rows of a query are what the query is allowed to read.
        try add(kind, table ?? .nothing)
        if flag("is_program", of: node) {
            try add(.copyProgram, table ?? .unnamed)
        } else if text("filename", of: node) != nil {
            try add(.copyFile, table ?? .unnamed)
        }
        var inner = context
        inner.calls = kind
        try visitFields(of: node, inner, except: ["relation"])
    }
}
