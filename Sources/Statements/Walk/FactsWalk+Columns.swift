internal import Model

/// Functions that are called in the way of a column: `(value).name` and `x.name` mean `name(value)` and `name(x)` where no
/// column is called so (PostgreSQL 15, section 38.5.2).
///
/// Of a table's own columns nobody can tell; see docs/profiles.md.
struct ColumnCalls {
    struct Reference: Hashable {
        let source: ByteText
        let name: ByteText
        let kind: SQLKind
    }

    /// `source.name`, each once.
    var references: Set<Reference> = []
    /// What stands in FROM and is one value, not a row: its name, and what its column is or may be called.
    var values: [ByteText: Set<ByteText>] = [:]
    /// There is one whose name is not known.
    var hasUnnamed = false
}

extension FactsWalk {
    /// `x.name`.
    mutating func visitColumn(_ node: Node, _ context: Context) throws(StatementFault) {
        try visitFields(of: node, context)
        let fields = try nodes(member("fields", of: node))
        guard fields.count > 1, let last = fields.last, let name = string(last) else { return }
        if ValueFunctions.contains(name) {
            return try addCall(SQLName(name: name), context.calls)
        }
        guard fields.count == 2, let source = string(fields[0]) else { return }
        columnCalls.references.insert(.init(source: source, name: name, kind: context.calls))
    }

    /// `(value).name`, `(value)[1].name`.
    mutating func visitIndirection(_ node: Node, _ context: Context) throws(StatementFault) {
        try visitFields(of: node, context)
        guard let value = member("arg", of: node), let base = try self.node(value) else {
            throw .unknown("a value before a name")
        }
        var isFirst = true
        for step in try nodes(member("indirection", of: node)) {
            defer { isFirst = false }
            guard let name = string(step) else { continue }
            let isColumn = isFirst ? try gives(base, name) : false
            if !isColumn || ValueFunctions.contains(name) {
                try addCall(SQLName(name: name), context.calls)
            }
        }
    }

    /// Whether the column of that name is what a value has, or may be for all that can be told.
    private func gives(_ base: Node, _ name: ByteText) throws(StatementFault) -> Bool {
        switch base.shape.name {
        case "FuncCall":
            guard let function = try self.name(member("funcname", of: base)) else { return false }
            // What the columns of one are that somebody made, a rule's author has to know who allows to call it.
            return !HarmlessFunctions.contains(function) || ResultColumns.of(function).contains(name)
        // Of what information_schema._pg_expandarray gives: JDBC asks so for keys and indexes.
        case "ColumnRef": return name == ByteText("n") || name == ByteText("x")
        default: return false
        }
    }

    /// A function in FROM.
    mutating func visitRangeFunction(_ node: Node, _ context: Context) throws(StatementFault) {
        try visitFields(of: node, context)
        let functions = try nodes(member("functions", of: node))
        // With others or with a number beside it, it is a row.
        guard functions.count == 1, !flag("ordinality", of: node) else { return }
        let call = try nodes(member("items", of: functions[0])).first
        var function: SQLName?
        if let call, call.shape.name == "FuncCall" {
            function = try name(member("funcname", of: call))
            if let function, !HarmlessFunctions.contains(function) { return }
        }
        let alias = part("alias", of: node)
        let named = alias.flatMap { text("aliasname", of: $0) }.map { ByteText($0) }
        guard let source = named ?? function?.name else {
            columnCalls.hasUnnamed = true
            return
        }
        var columns = function.map { ResultColumns.of($0) } ?? []
        columns.insert(source)
        if let function { columns.insert(function.name) }
        if let alias {
            columns.formUnion(try nodes(member("colnames", of: alias)).compactMap { string($0) })
        }
        for column in try nodes(member("coldeflist", of: node)) {
            if let name = text("colname", of: column) { columns.insert(ByteText(name)) }
        }
        columnCalls.values[source] = columnCalls.values[source]?.intersection(columns) ?? columns
    }

    /// What `x.name` calls where `x` is one value.
    mutating func addColumnCalls() throws(StatementFault) {
        let calls = columnCalls.references.filter { reference in
            columnCalls.values[reference.source].map { !$0.contains(reference.name) }
                ?? columnCalls.hasUnnamed
        }
        // In an order that is the same each time.
        for call in calls.sorted(by: { ($0.name.text, $0.kind.rawValue) < ($1.name.text, $1.kind.rawValue) })
        {
            try addCall(SQLName(name: call.name), call.kind)
        }
    }

    private func string(_ node: Node) -> ByteText? {
        node.shape.name == "String" ? ByteText(text("sval", of: node) ?? "") : nil
    }
}
