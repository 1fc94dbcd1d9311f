internal import Model

/// What stands behind FROM.
extension FlowWalk {
    /// Tables side by side, or joined.
    struct Source {
        var ranges: [FlowRange] = []
        /// What `*` means.
        var output = FlowOutput()
    }

    /// The items of a list, each of which may look at those before it where it says LATERAL.
    mutating func from(_ list: Int?, _ scope: FlowScope) throws(StatementFault) -> Source {
        var source = Source()
        for item in try tree.nodes(list) { source.add(try self.source(item, source.ranges, scope)) }
        return source
    }

    private mutating func source(
        _ node: Node,
        _ before: [FlowRange],
        _ scope: FlowScope
    ) throws(StatementFault) -> Source {
        switch node.shape.name {
        case "RangeVar": return Source(try range(node, scope))
        case "RangeSubselect": return try subquery(node, before, scope)
        case "JoinExpr": return try join(node, before, scope)
        case "RangeTableSample":
            try computeRest(of: node, except: ["relation"], FlowScope(before, in: scope))
            return try from(tree.member("relation", of: node), scope)
        case "RangeFunction", "RangeTableFunc":
            // Their arguments may look at what is before them in any case.
            try computeRest(of: node, except: ["alias"], FlowScope(before, in: scope))
            let own = try functionName(node)
            return Source(FlowRange(alias(of: node)?.name ?? own, FlowOutput(isExact: false)))
        default: throw .unknown(node.shape.name)
        }
    }

    private func alias(of node: Node) -> (name: ByteText, node: Node)? {
        guard let alias = tree.part("alias", of: node), let name = tree.text("aliasname", of: alias) else {
            return nil
        }
        return (ByteText(name), alias)
    }

    /// By which the rows of a function without an alias are known: the first one's name, where it is called
    /// by one.
    private func functionName(_ node: Node) throws(StatementFault) -> ByteText? {
        guard let list = try tree.nodes(tree.member("functions", of: node)).first,
            let call = try tree.nodes(tree.member("items", of: list)).first, call.shape.part == .function
        else { return nil }
        return try tree.name(tree.member("funcname", of: call))?.name
    }

    private mutating func subquery(
        _ node: Node,
        _ before: [FlowRange],
        _ scope: FlowScope
    ) throws(StatementFault) -> Source {
        let inner = tree.flag("lateral", of: node) ? FlowScope(before, in: scope) : scope
        var output = FlowOutput()
        for query in try tree.nodes(tree.member("subquery", of: node)) {
            output = try self.query(query, inner)
        }
        try computeRest(of: node, except: ["subquery", "alias"], inner)
        let alias = alias(of: node)
        if let alias { output = output.renamed(try names(tree.member("colnames", of: alias.node))) }
        return Source(FlowRange(alias?.name, output))
    }

    private mutating func join(
        _ node: Node,
        _ before: [FlowRange],
        _ scope: FlowScope
    ) throws(StatementFault) -> Source {
        var (left, right) = (Source(), Source())
        for item in try tree.nodes(tree.member("larg", of: node)) { left = try source(item, before, scope) }
        guard spend(before.count + left.ranges.count) else { return Source() }
        for item in try tree.nodes(tree.member("rarg", of: node)) {
            right = try source(item, before + left.ranges, scope)
        }
        guard spend(left.output.columns.count + right.output.columns.count) else { return Source() }
        var joined = Source()
        joined.ranges = left.ranges + right.ranges
        let using = try names(tree.member("usingClause", of: node))
        let isNatural = tree.flag("isNatural", of: node)
        let merged = isNatural ? common(left.output, right.output) : using
        joined.output = merge(left.output, right.output, merged, isNatural: isNatural)
        for condition in try tree.nodes(tree.member("quals", of: node)) {
            try self.condition(condition, FlowScope(joined.ranges, in: scope))
        }
        try computeRest(of: node, except: Self.ofJoin, scope)
        if let alias = tree.part("join_using_alias", of: node), let name = tree.text("aliasname", of: alias) {
            joined.ranges.append(
                FlowRange(
                    ByteText(name),
                    FlowOutput(columns: merged.map { FlowColumn(name: $0) }),
                    needsName: true
                )
            )
        }
        guard let alias = alias(of: node) else { return joined }
        let output = joined.output.renamed(try names(tree.member("colnames", of: alias.node)))
        return Source(FlowRange(alias.name, output))
    }

    private static let ofJoin = ["larg", "rarg", "quals", "usingClause", "join_using_alias", "alias"]

    private func common(_ left: FlowOutput, _ right: FlowOutput) -> [ByteText] {
        let names = Set(right.columns.compactMap(\.name))
        return left.columns.compactMap(\.name).filter { names.contains($0) }
    }

    /// The merged columns first, and then those of either side: what is merged is compared.
    private mutating func merge(
        _ left: FlowOutput,
        _ right: FlowOutput,
        _ names: [ByteText],
        isNatural: Bool
    ) -> FlowOutput {
        var output = FlowOutput()
        guard spend(names.count) else { return output }
        let merged = Set(names)
        let sides = [left, right].map { side in
            let named = side.columns.compactMap { column in column.name.map { ($0, column.masks) } }
            return (masks: Dictionary(named) { $0.union($1) }, rest: side.rest)
        }
        // Either side may have columns by now that are not known: any masked one may be compared.
        if isNatural { expose(left.masks.union(right.masks)) }
        for name in names {
            var masks: Set<ColumnPattern> = []
            for side in sides { masks.formUnion(side.masks[name] ?? side.rest) }
            expose(masks)
            output.columns.append(FlowColumn(name: name))
        }
        for side in [left, right] {
            var rest = side
            rest.columns.removeAll { $0.name.map { merged.contains($0) } ?? false }
            if !merged.isEmpty, !side.isExact { output.isExact = false }
            output.append(rest)
        }
        return output
    }
}

extension FlowWalk.Source {
    fileprivate init(_ range: FlowRange) {
        ranges = [range]
        output = range.output
    }

    fileprivate mutating func add(_ other: FlowWalk.Source) {
        ranges += other.ranges
        output.append(other.output)
    }
}
