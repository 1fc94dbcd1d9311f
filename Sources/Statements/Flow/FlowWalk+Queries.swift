internal import Model

/// Queries, and the changes of rows.
extension FlowWalk {
    /// A statement about rows: the columns of its result.
    mutating func query(_ node: Node, _ scope: FlowScope) throws(StatementFault) -> FlowOutput {
        guard spend(1) else { return FlowOutput(rest: tables.masks, isExact: false) }
        let scope = try with(node, scope)
        switch node.shape.part {
        case .select: return try select(node, scope)
        case .insert: return try insert(node, scope)
        case .update: return try change(node, scope, more: "fromClause")
        case .delete: return try change(node, scope, more: "usingClause")
        case .merge: return try merge(node, scope)
        default: throw .unknown(node.shape.name)
        }
    }

    private mutating func with(_ node: Node, _ scope: FlowScope) throws(StatementFault) -> FlowScope {
        guard let with = tree.part("withClause", of: node) else { return scope }
        let isRecursive = tree.flag("recursive", of: with)
        let list = try tree.nodes(tree.member("ctes", of: with))
        let inner = FlowScope(in: scope)
        if isRecursive {
            // One that comes later may be anything; itself it is what a set of two queries gives, where nothing is masked.
            for table in list {
                inner.commonTables[name(table)] = FlowOutput(rest: tables.masks, isExact: false)
            }
        }
        for table in list {
            if isRecursive, try isUnion(table) {
                inner.commonTables[name(table)] = FlowOutput(isExact: false)
            }
            let queries = try tree.nodes(tree.member("ctequery", of: table))
            var output = FlowOutput()
            for body in queries { output = try query(body, inner) }
            try computeRest(of: table, except: ["ctequery", "aliascolnames"], scope)
            output = output.renamed(try names(tree.member("aliascolnames", of: table)))
            // They add columns of what is there.
            if tree.member("search_clause", of: table) != nil || tree.member("cycle_clause", of: table) != nil
            {
                output.isExact = false
                output.rest = output.masks
            }
            inner.commonTables[name(table)] = output
        }
        return inner
    }

    private func name(_ table: Node) -> ByteText { ByteText(tree.text("ctename", of: table) ?? "") }

    private func isUnion(_ table: Node) throws(StatementFault) -> Bool {
        for body in try tree.nodes(tree.member("ctequery", of: table)) where body.shape.part == .select {
            return isSetOperation(body)
        }
        return false
    }

    private func isSetOperation(_ node: Node) -> Bool {
        tree.text("op", of: node).map { !$0.isSame(as: "SETOP_NONE") } ?? false
    }

    // MARK: SELECT

    private mutating func select(_ node: Node, _ scope: FlowScope) throws(StatementFault) -> FlowOutput {
        let (output, looked): (FlowOutput, [String])
        if isSetOperation(node) {
            (output, looked) = (try union(node, scope), ["larg", "rarg", "sortClause"])
        } else if let rows = tree.member("valuesLists", of: node) {
            (output, looked) = (try values(rows, node, scope), ["valuesLists", "sortClause"])
        } else {
            (output, looked) = (try plainSelect(node, scope), Self.ofSelect)
        }
        if tree.part("intoClause", of: node) != nil { expose(output.masks) }
        // Locks name tables that are read.
        try computeRest(of: node, except: looked + ["withClause", "intoClause", "lockingClause"], scope)
        return output
    }

    private static let ofSelect = [
        "fromClause", "targetList", "whereClause", "havingClause", "windowClause", "groupClause",
        "sortClause", "distinctClause",
    ]

    /// Where the columns of a set of queries come from the server does not say.
    private mutating func union(_ node: Node, _ scope: FlowScope) throws(StatementFault) -> FlowOutput {
        var outputs: [FlowOutput] = []
        for field in ["larg", "rarg"] {
            guard let side = tree.part(field, of: node) else { throw .unknown("a set of queries") }
            let output = try query(side, scope)
            expose(output.masks)
            outputs.append(output)
        }
        var output = outputs.first ?? FlowOutput()
        output.columns = output.columns.map { FlowColumn(name: $0.name) }
        output.rest = []
        output.isExact = outputs.allSatisfy(\.isExact)
        let named = FlowScope([FlowRange(nil, output)], in: scope)
        for item in try tree.nodes(tree.member("sortClause", of: node)) { try order(item, output, named) }
        return output
    }

    private mutating func values(
        _ rows: Int,
        _ node: Node,
        _ scope: FlowScope
    ) throws(StatementFault) -> FlowOutput {
        var width = 0
        for row in try tree.nodes(rows) {
            let items = try tree.nodes(tree.member("items", of: row))
            width = items.count
            for item in items { try compute(item, scope) }
        }
        var output = FlowOutput()
        for place in 0..<width { output.columns.append(FlowColumn(name: ByteText("column\(place + 1)"))) }
        for item in try tree.nodes(tree.member("sortClause", of: node)) { try order(item, output, scope) }
        return output
    }

    private mutating func plainSelect(_ node: Node, _ outer: FlowScope) throws(StatementFault) -> FlowOutput {
        let source = try from(tree.member("fromClause", of: node), outer)
        let scope = FlowScope(source.ranges, in: outer)
        let output = try targets(tree.member("targetList", of: node), source, scope)
        for item in try tree.nodes(tree.member("whereClause", of: node)) { try condition(item, scope) }
        for field in ["havingClause", "windowClause"] {
            for item in try tree.nodes(tree.member(field, of: node)) { try compute(item, scope) }
        }
        for field in ["groupClause", "sortClause"] {
            for item in try tree.nodes(tree.member(field, of: node)) { try order(item, output, scope) }
        }
        if let distinct = tree.member("distinctClause", of: node) {
            let items = try tree.nodes(distinct)
            // Without ON, all columns are compared.
            if items.isEmpty { expose(output.masks) }
            for item in items { try order(item, output, scope) }
        }
        return output
    }

    /// What stands between SELECT and FROM, or behind RETURNING.
    mutating func targets(
        _ list: Int?,
        _ source: Source,
        _ scope: FlowScope
    ) throws(StatementFault) -> FlowOutput {
        var output = FlowOutput()
        for target in try tree.nodes(list) {
            try computeRest(of: target, except: ["val"], scope)
            guard let value = try tree.nodes(tree.member("val", of: target)).first else { continue }
            let name = tree.text("name", of: target).map { ByteText($0) }
            guard value.shape.name == "ColumnRef" else {
                try compute(value, scope)
                // How many columns a value in parentheses has is its type's matter.
                if try isSpread(value) {
                    output.append(FlowOutput(isExact: false))
                    continue
                }
                let own = try self.name(of: value)
                output.append(FlowOutput(columns: [FlowColumn(name: name ?? own)]))
                continue
            }
            let (names, isStar) = try parts(value)
            if isStar {
                output.append(star(names, source, scope))
                continue
            }
            let found = resolve(names, scope)
            if !found.isColumn { expose(found.masks) }
            let column = FlowColumn(
                name: name ?? names.last,
                masks: found.isColumn ? found.masks : [],
                isText: found.isText
            )
            output.append(FlowOutput(columns: [column]))
        }
        return output
    }

    /// Whether it is `(value).*`.
    private func isSpread(_ value: Node) throws(StatementFault) -> Bool {
        guard value.shape.part == .indirection else { return false }
        return try tree.nodes(tree.member("indirection", of: value)).last?.shape.name == "A_Star"
    }

    private mutating func star(_ names: [ByteText], _ source: Source, _ scope: FlowScope) -> FlowOutput {
        guard spend(source.output.columns.count + 1) else {
            return FlowOutput(rest: tables.masks, isExact: false)
        }
        guard let table = names.last else { return source.output }
        var ranges: [FlowRange] = []
        for level in scope.levels {
            guard spend(level.ranges.count + 1) else { return FlowOutput(rest: tables.masks, isExact: false) }
            ranges += level.ranges.lazy.filter { $0.name == table }
            // With a schema before it, it may be a table further out.
            if !ranges.isEmpty, names.count == 1 { break }
        }
        guard let first = ranges.first else {
            expose(masks(of: scope))
            return FlowOutput(isExact: false)
        }
        guard ranges.count == 1, spend(first.output.columns.count) else {
            return FlowOutput(rest: ranges.reduce(into: []) { $0.formUnion($1.masks) }, isExact: false)
        }
        return first.output
    }

    /// What the server calls a column that is no other's (FigureColname of parse_target.c), where that is certain.
    private func name(of value: Node) throws(StatementFault) -> ByteText? {
        switch value.shape.name {
        case "FuncCall": return try tree.name(tree.member("funcname", of: value))?.name
        case "CoalesceExpr": return ByteText("coalesce")
        case "TypeCast":
            guard let arg = try tree.nodes(tree.member("arg", of: value)).first else { return nil }
            guard arg.shape.name == "ColumnRef" else { return try name(of: arg) }
            return try parts(arg).names.last
        default: return nil
        }
    }

    // MARK: Changes

    private func target(_ node: Node) throws(StatementFault) -> (name: SQLName, called: ByteText) {
        guard let table = tree.part("relation", of: node) else { throw .unknown("a change of nothing") }
        let name = try tree.tableName(table)
        let alias = tree.part("alias", of: table).flatMap { tree.text("aliasname", of: $0) }
        return (name, alias.map { ByteText($0) } ?? name.name)
    }

    private mutating func insert(_ node: Node, _ scope: FlowScope) throws(StatementFault) -> FlowOutput {
        let (name, called) = try target(node)
        for rows in try tree.nodes(tree.member("selectStmt", of: node)) {
            expose(try query(rows, scope).masks)
        }
        // Names of columns, and what is between brackets behind them.
        try computeRest(of: node, except: Self.ofInsert, scope)
        let table = range(name, called: called)
        if let conflict = tree.part("onConflictClause", of: node) {
            // What was to be written is the statement's own.
            let own = table.output.columns.map { FlowColumn(name: $0.name) }
            let excluded = FlowRange(
                ByteText("excluded"),
                FlowOutput(columns: own, isExact: table.output.isExact),
                needsName: true
            )
            let inner = FlowScope([table, excluded], in: scope)
            try assign(tree.member("targetList", of: conflict), inner)
            for item in try tree.nodes(tree.member("whereClause", of: conflict)) {
                try condition(item, inner)
            }
            if let infer = tree.part("infer", of: conflict) {
                try computeRest(of: infer, except: [], FlowScope([table], in: scope))
            }
            try computeRest(of: conflict, except: ["targetList", "whereClause", "infer"], inner)
        }
        return try returning(node, Source(ranges: [table], output: table.output), scope)
    }

    private static let ofInsert = [
        "relation", "selectStmt", "onConflictClause", "returningList", "withClause",
    ]

    private mutating func change(
        _ node: Node,
        _ scope: FlowScope,
        more: String
    ) throws(StatementFault) -> FlowOutput {
        let (name, called) = try target(node)
        let table = range(name, called: called)
        let others = try from(tree.member(more, of: node), scope)
        var source = Source(ranges: [table] + others.ranges, output: table.output)
        source.output.append(others.output)
        let inner = FlowScope(source.ranges, in: scope)
        try assign(tree.member("targetList", of: node), inner)
        for item in try tree.nodes(tree.member("whereClause", of: node)) { try condition(item, inner) }
        try computeRest(of: node, except: Self.ofChange + [more], inner)
        return try returning(node, source, scope)
    }

    private static let ofChange = [
        "relation", "targetList", "whereClause", "returningList", "withClause",
    ]

    private mutating func merge(_ node: Node, _ scope: FlowScope) throws(StatementFault) -> FlowOutput {
        let (name, called) = try target(node)
        let others = try from(tree.member("sourceRelation", of: node), scope)
        let inner = FlowScope([range(name, called: called)] + others.ranges, in: scope)
        for item in try tree.nodes(tree.member("joinCondition", of: node)) { try compute(item, inner) }
        for clause in try tree.nodes(tree.member("mergeWhenClauses", of: node)) {
            try assign(tree.member("targetList", of: clause), inner)
            try computeRest(of: clause, except: ["targetList"], inner)
        }
        try computeRest(of: node, except: Self.ofMerge, inner)
        return FlowOutput()
    }

    private static let ofMerge = [
        "relation", "sourceRelation", "joinCondition", "mergeWhenClauses", "withClause",
    ]

    /// What is written is computed with: it may be a masked column, under another name from then on.
    private mutating func assign(_ list: Int?, _ scope: FlowScope) throws(StatementFault) {
        for target in try tree.nodes(list) { try compute(target, scope) }
    }

    private mutating func returning(
        _ node: Node,
        _ source: Source,
        _ scope: FlowScope
    ) throws(StatementFault) -> FlowOutput {
        try targets(tree.member("returningList", of: node), source, FlowScope(source.ranges, in: scope))
    }
}
