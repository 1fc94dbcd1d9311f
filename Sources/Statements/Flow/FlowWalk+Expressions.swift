internal import Model

/// Expressions, in which a masked column is exposed.
extension FlowWalk {
    /// Whatever it names is used.
    mutating func compute(_ node: Node, _ scope: FlowScope) throws(StatementFault) {
        guard spend(1) else { return }
        switch node.shape.name {
        case "ColumnRef":
            let (names, isStar) = try parts(node)
            guard isStar else { return expose(resolve(names, scope).masks) }
            // `row(t.*)`, `f(t.*)`
            expose(masks(of: scope))
        case "SubLink":
            try computeRest(of: node, except: ["subselect"], scope)
            let exists = tree.text("subLinkType", of: node)?.isSame(as: "EXISTS_SUBLINK") ?? false
            for query in try tree.nodes(tree.member("subselect", of: node)) {
                let output = try self.query(query, scope)
                if !exists { expose(output.masks) }
            }
        case "SelectStmt", "InsertStmt", "UpdateStmt", "DeleteStmt", "MergeStmt":
            expose(try query(node, scope).masks)
        case "RangeVar":
            let name = try tree.tableName(node)
            expose(range(name, called: name.name).masks)
        default:
            if node.shape.part == .function { try check(node) }
            for child in try children(of: node) { try compute(child, scope) }
        }
    }

    /// What a function does that is not known to do nothing but compute cannot be followed.
    private mutating func check(_ call: Node) throws(StatementFault) {
        guard let name = try tree.name(tree.member("funcname", of: call)) else {
            throw .unknown("a function's name")
        }
        guard !HarmlessFunctions.contains(name), !Self.isWithoutData(name) else { return }
        exposeAll()
    }

    private static func isWithoutData(_ name: SQLName) -> Bool {
        (name.schema == nil || name.schema == ByteText("pg_catalog")) && withoutData.contains(name.name)
    }

    /// Functions that do more than compute, and read no table.
    private static let withoutData: Set<ByteText> = Set(
        [
            "clock_timestamp", "currval", "gen_random_uuid", "lastval", "nextval", "pg_advisory_lock",
            "pg_advisory_lock_shared", "pg_advisory_unlock", "pg_advisory_unlock_all",
            "pg_advisory_unlock_shared",
            "pg_advisory_xact_lock", "pg_advisory_xact_lock_shared", "pg_cancel_backend", "pg_notify",
            "pg_sleep",
            "pg_sleep_for", "pg_sleep_until", "pg_terminate_backend", "pg_try_advisory_lock",
            "pg_try_advisory_lock_shared", "pg_try_advisory_xact_lock", "pg_try_advisory_xact_lock_shared",
            "random",
            "set_config", "setseed", "setval", "timeofday", "txid_current",
        ].map { ByteText($0) }
    )

    // MARK: Conditions

    /// A condition on rows: of what has to hold together, a masked column may be equal to a constant.
    mutating func condition(_ node: Node, _ scope: FlowScope) throws(StatementFault) {
        if node.shape.name == "BoolExpr", tree.text("boolop", of: node)?.isSame(as: "AND_EXPR") ?? false {
            for part in try tree.nodes(tree.member("args", of: node)) { try condition(part, scope) }
            return
        }
        guard let column = try comparedColumn(node) else { return try compute(node, scope) }
        let found = resolve(try parts(column).names, scope)
        if !found.isColumn { expose(found.masks) }
    }

    /// The column of `column = constant`, either way round.
    private func comparedColumn(_ node: Node) throws(StatementFault) -> Node? {
        guard node.shape.name == "A_Expr", tree.text("kind", of: node)?.isSame(as: "AEXPR_OP") ?? false,
            try names(tree.member("name", of: node)) == [ByteText("=")],
            let left = try tree.nodes(tree.member("lexpr", of: node)).first,
            let right = try tree.nodes(tree.member("rexpr", of: node)).first
        else { return nil }
        for (column, value) in [(left, right), (right, left)] {
            guard column.shape.name == "ColumnRef", try !parts(column).isStar, try isConstant(value) else {
                continue
            }
            return column
        }
        return nil
    }

    private func isConstant(_ node: Node) throws(StatementFault) -> Bool {
        switch node.shape.name {
        case "A_Const", "ParamRef": return true
        case "TypeCast":
            guard let inner = try tree.nodes(tree.member("arg", of: node)).first else { return false }
            return try isConstant(inner)
        default: return false
        }
    }

    // MARK: Order

    /// What rows are ordered, grouped or told apart by: a place in the result, a name in it, or an expression.
    mutating func order(_ node: Node, _ output: FlowOutput, _ scope: FlowScope) throws(StatementFault) {
        switch node.shape.name {
        case "SortBy", "GroupingSet", "RowExpr":
            for child in try children(of: node) { try order(child, output, scope) }
        case "A_Const":
            guard spend(output.columns.count + 1) else { return }
            guard output.isExact, let value = tree.part("ival", of: node),
                let text = tree.member("ival", of: value),
                let place = Int(String(decoding: tree.tape.raw(text), as: UTF8.self)),
                output.columns.indices.contains(place - 1)
            else { return expose(output.masks) }
            expose(output.columns[place - 1].masks)
        case "ColumnRef":
            let (names, isStar) = try parts(node)
            guard !isStar, names.count == 1 else { return try compute(node, scope) }
            guard spend(output.columns.count + 1) else { return }
            let named = output.columns.filter { $0.name == names.last }
            for column in named { expose(column.masks) }
            guard !named.isEmpty, output.isExact else { return try compute(node, scope) }
            // GROUP BY takes it for a table's column first.
            let found = resolve(names, scope)
            if found.mayBeColumn { expose(found.masks) }
        default: try compute(node, scope)
        }
    }
}
