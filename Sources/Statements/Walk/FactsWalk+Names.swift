internal import Model

extension FactsWalk {
    /// The name in a list of its parts, the last one last; nil for what is none.
    func name(_ list: Int?) throws(StatementFault) -> SQLName? {
        var parts: [ByteText] = []
        for node in try nodes(list) {
            guard node.shape.name == "String" else { return nil }
            parts.append(ByteText(text("sval", of: node) ?? ""))
        }
        guard let last = parts.last, parts.count <= 3 else { return nil }
        return SQLName(schema: parts.count > 1 ? parts[parts.count - 2] : nil, name: last)
    }

    func tableName(_ node: Node) throws(StatementFault) -> SQLName {
        guard let name = text("relname", of: node) else { throw .unknown("a table without a name") }
        return SQLName(schema: text("schemaname", of: node).map { ByteText($0) }, name: ByteText(name))
    }

    /// The table in a field of a statement.
    func target(_ node: Node) throws(StatementFault) -> SQLDeed.Target {
        guard let table = part("relation", of: node) else { return .unnamed }
        return .object(try tableName(table))
    }

    /// The tables in a field: itself, a list of them, what holds one.
    func tables(_ field: String, of node: Node) throws(StatementFault) -> [SQLName] {
        if let part = part(field, of: node) {
            let table = part.shape.name == "IntoClause" ? self.part("rel", of: part) : part
            return try table.map { table throws(StatementFault) in [try tableName(table)] } ?? []
        }
        var names: [SQLName] = []
        for item in try nodes(member(field, of: node)) {
            switch item.shape.name {
            case "RangeVar": names.append(try tableName(item))
            case "VacuumRelation":
                if let table = part("relation", of: item) { names.append(try tableName(table)) }
            default: continue
            }
        }
        return names
    }

    mutating func visitTable(_ node: Node, _ context: Context) throws(StatementFault) {
        try visitFields(of: node, context)
        let name = try tableName(node)
        if context.tables == .select, name.schema == nil, context.scope.contains(name.name) { return }
        try add(context.tables, .object(name), hasWhere: context.hasWhere)
        if context.locks { try add(.lock, .object(name)) }
    }

    // MARK: Functions

    mutating func visitCall(_ node: Node, _ context: Context) throws(StatementFault) {
        guard let name = try name(member("funcname", of: node)) else { throw .unknown("a function's name") }
        try addCall(name, context.calls)
        if name.name == ByteText("set_config") { try addSetting(node) }
        var inner = context
        (inner.tables, inner.locks) = (.select, false)
        try visitFields(of: node, inner)
    }

    mutating func addCall(_ name: SQLName, _ kind: SQLKind) throws(StatementFault) {
        try add(kind, .function(name, isHarmless: HarmlessFunctions.contains(name)))
    }

    /// What `set_config` sets, where the text says it.
    private mutating func addSetting(_ node: Node) throws(StatementFault) {
        if let first = try nodes(member("args", of: node)).first, first.shape.name == "A_Const",
            let value = part("sval", of: first)
        {
            return try addSetting(text("sval", of: value) ?? "")
        }
        try add(.set, .unnamed)
        try add(.setRole, .nothing)
    }

    mutating func addSetting(_ name: String) throws(StatementFault) {
        let name = ByteText(name.lowercasedASCII)
        let isRole = name == ByteText("role") || name == ByteText("session_authorization")
        try isRole ? add(.setRole, .nothing) : add(.set, .object(SQLName(name: name)))
    }

    /// `TABLESAMPLE`, whose methods are functions.
    mutating func visitSample(_ node: Node, _ context: Context) throws(StatementFault) {
        guard let method = try name(member("method", of: node)) else { throw .unknown("a sampling method") }
        let isBuiltIn = ["system", "bernoulli"].contains { method.name == ByteText($0) }
        if !isBuiltIn || method.schema.map({ $0 != ByteText("pg_catalog") }) ?? false {
            try add(context.calls, .function(method, isHarmless: false))
        }
        try visitFields(of: node, context)
    }
}
