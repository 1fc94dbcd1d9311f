internal import Model

/// What names of columns and tables mean.
extension FlowWalk {
    /// What a name may mean.
    struct Found {
        var masks: Set<ColumnPattern> = []
        /// A column for certain, as it is in its table.
        var isColumn = false
        /// It is not known to be none.
        var mayBeColumn = false
        var isText = false
    }

    /// The parts of a ColumnRef, and whether `*` stands at its end.
    func parts(_ reference: Node) throws(StatementFault) -> (names: [ByteText], isStar: Bool) {
        var names: [ByteText] = []
        for field in try tree.nodes(tree.member("fields", of: reference)) {
            guard field.shape.name == "String" else { return (names, true) }
            names.append(ByteText(tree.text("sval", of: field) ?? ""))
        }
        return (names, false)
    }

    mutating func resolve(_ names: [ByteText], _ scope: FlowScope) -> Found {
        guard let last = names.last else { return unknown(ByteText(""), scope) }
        guard names.count > 1 else { return resolve(last, scope) }
        return resolve(last, of: names[names.count - 2], scope, hasSchema: names.count > 2)
    }

    /// Without a table: a column, of the innermost level that has one; else a whole row.
    ///
    /// That a table which is known to have it has it still, nobody can tell: somebody may have taken it away,
    /// or made a temporary table of that name. Then the name means what is further out, so all that it may
    /// mean counts.
    private mutating func resolve(_ name: ByteText, _ scope: FlowScope) -> Found {
        var found = Found()
        var (isRow, isCertain) = (false, false)
        var rows: Set<ColumnPattern> = []
        for level in scope.levels {
            guard spend(level.ranges.count + 1) else { return found }
            let isOuter = isCertain
            for range in level.ranges {
                let meaning: FlowRange.Meaning = range.needsName ? .nothing : range.meaning(of: name)
                switch meaning {
                case .column(let column):
                    found.masks.formUnion(column.masks)
                    if !isOuter { found.isText = column.isText }
                    (isCertain, found.mayBeColumn) = (true, true)
                    continue
                case .perhaps(let masks):
                    found.masks.formUnion(masks)
                    found.mayBeColumn = true
                case .nothing: break
                }
                guard range.name == name else { continue }
                rows.formUnion(range.masks)
                isRow = true
            }
        }
        guard isRow || found.mayBeColumn else { return unknown(name, scope) }
        found.masks.formUnion(rows)
        found.isColumn = rows.isEmpty
        return found
    }

    /// Behind a table's name: its column; else a function of its row, which may be written so.
    ///
    /// With a schema before it the name means a table of any level, and nothing else that is called so: what
    /// is in a subquery's place or has an alias is passed over by the server (`scanNameSpaceForRelid`), so
    /// all that it may mean counts.
    private mutating func resolve(
        _ name: ByteText,
        of table: ByteText,
        _ scope: FlowScope,
        hasSchema: Bool
    ) -> Found {
        var (found, isFound) = (Found(isColumn: true), false)
        for level in scope.levels {
            guard spend(level.ranges.count + 1) else { return Found() }
            for range in level.ranges where range.name == table {
                isFound = true
                guard case .column(let column) = range.meaning(of: name) else {
                    found.masks.formUnion(range.masks)
                    found.isColumn = false
                    continue
                }
                found.masks.formUnion(column.masks)
                found.isText = column.isText
            }
            if isFound, !hasSchema { break }
        }
        return isFound ? found : unknown(name, scope)
    }

    private mutating func unknown(_ name: ByteText, _ scope: FlowScope) -> Found {
        Found(masks: masks(of: scope).union(tables.masks(named: name)))
    }

    /// Masks of whatever a scope and those outside it have: each is looked through once, however often it is named.
    mutating func masks(of scope: FlowScope) -> Set<ColumnPattern> {
        var masks: Set<ColumnPattern> = []
        var unseen: [FlowScope] = []
        for level in scope.levels {
            if let known = level.masks {
                masks = known
                break
            }
            unseen.append(level)
        }
        for level in unseen.reversed() {
            guard spend(level.ranges.count + 1) else { return tables.masks }
            for range in level.ranges { masks.formUnion(range.masks) }
            level.masks = masks
        }
        return masks
    }

    // MARK: Tables

    /// The columns of a table or a common table.
    mutating func range(_ node: Node, _ scope: FlowScope) throws(StatementFault) -> FlowRange {
        let name = try tree.tableName(node)
        let alias = tree.part("alias", of: node)
        let called = alias.flatMap { tree.text("aliasname", of: $0) }.map { ByteText($0) } ?? name.name
        let columns = try alias.map { part throws(StatementFault) in
            try names(tree.member("colnames", of: part))
        }
        if name.schema == nil, let output = commonTable(name.name, scope) {
            return FlowRange(called, output.renamed(columns ?? []))
        }
        return range(name, called: called, columns ?? [])
    }

    private mutating func commonTable(_ name: ByteText, _ scope: FlowScope) -> FlowOutput? {
        for level in scope.levels {
            let output = level.commonTables[name]
            guard spend(1 + (output?.columns.count ?? 0)) else {
                return FlowOutput(rest: tables.masks, isExact: false)
            }
            if let output { return output }
        }
        return nil
    }

    mutating func range(_ name: SQLName, called: ByteText, _ columns: [ByteText] = []) -> FlowRange {
        let candidates = tables.candidates(name)
        guard let first = candidates.first, spend(candidates.reduce(1) { $0 + $1.columns.count }) else {
            // It may be a table that was made since, or one that is not listed.
            return FlowRange(called, FlowOutput(rest: tables.masks, isExact: false).renamed(columns))
        }
        guard candidates.count > 1 else {
            var listed = FlowOutput(columns: first.columns.filter(\.isListed).map(FlowColumn.init))
            listed.isElastic = true
            let hidden = first.columns.filter { !$0.isListed }.map(FlowColumn.init)
            return FlowRange(called, listed.renamed(columns), hidden: hidden)
        }
        let names = candidates.map { Set($0.columns.map(\.name)) }
        let common = names.dropFirst().reduce(names[0]) { $0.intersection($1) }
        let isSame = candidates.dropFirst().allSatisfy { other in
            other.columns.map(\.name) == first.columns.map(\.name)
        }
        var masks: [ByteText: Set<ColumnPattern>] = [:]
        for column in candidates.lazy.flatMap(\.columns) {
            masks[column.name, default: []].formUnion(column.masks)
        }
        let merged = { (column: KnownTables.Column) in
            FlowColumn(name: column.name, masks: masks[column.name] ?? [])
        }
        var listed = FlowOutput(columns: first.columns.filter(\.isListed).map(merged))
        (listed.isExact, listed.isElastic) = (isSame, true)
        if !isSame { for mask in masks.values { listed.rest.formUnion(mask) } }
        return FlowRange(
            called,
            listed.renamed(columns),
            hidden: first.columns.filter { !$0.isListed }.map(merged),
            doubtful: columns.isEmpty ? Set(masks.keys).subtracting(common) : []
        )
    }
}

extension FlowColumn {
    init(_ column: KnownTables.Column) {
        self.init(name: column.name, masks: column.masks, isText: column.isText)
    }
}
