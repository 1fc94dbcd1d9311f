internal import Model

/// Follows masked columns through one statement, by the names in its parse tree and the tables that are known.
///
/// A masked column may be a plain column of a result, through subqueries and common tables as well: there the server says
/// where it comes from, and it is masked. It may stand in `WHERE` beside `=` and a constant. Wherever else it may be read it
/// is exposed; and what cannot be told from the text counts as that.
struct FlowWalk {
    typealias Node = FactsWalk.Node

    let tree: FactsWalk
    let tables: KnownTables
    private(set) var flow = ColumnFlow()
    /// What it may still cost, in columns that are looked at.
    private var budget = 2_000_000

    init(_ tree: FactsWalk, _ tables: KnownTables) {
        self.tree = tree
        self.tables = tables
    }

    /// Where masked columns go in a statement.
    static func flow(
        of statement: Node,
        _ tree: FactsWalk,
        _ tables: KnownTables
    ) throws(StatementFault) -> ColumnFlow {
        var walk = FlowWalk(tree, tables)
        try walk.visit(statement)
        return walk.flow
    }

    mutating func expose(_ masks: Set<ColumnPattern>) {
        if !masks.isEmpty { flow.exposes.formUnion(masks) }
    }

    /// What nobody can follow.
    mutating func exposeAll() { flow.exposes = tables.masks }

    /// Whether it may go on; what is too much to follow is not followed.
    mutating func spend(_ steps: Int) -> Bool {
        budget -= steps
        // Once all is exposed there is nothing more to find.
        guard budget < 0 || flow.exposes.count >= tables.masks.count else { return true }
        exposeAll()
        return false
    }

    mutating func setResults(_ output: FlowOutput, copy: CopyFormat? = nil) {
        flow.copy = copy
        guard output.isExact else { return }
        flow.results = output.columns.map { FlowResult(masks: $0.masks, isText: $0.isText) }
    }

    /// The nodes that stand in a node's fields.
    func children(of node: Node, except left: [String] = []) throws(StatementFault) -> [Node] {
        var children: [Node] = []
        for field in node.shape.fields {
            if case .plain = field.sort { continue }
            let name = String(decoding: field.name, as: UTF8.self)
            guard !left.contains(where: { $0.isSame(as: name) }), let value = tree.member(name, of: node)
            else {
                continue
            }
            switch field.sort {
            case .plain: continue
            case .node: children += try tree.nodes(value)
            case .shape: if let part = tree.part(name, of: node) { children.append(part) }
            }
        }
        return children
    }

    /// What stands in fields that are not looked at otherwise, whatever it is: none is passed over.
    mutating func computeRest(
        of node: Node,
        except looked: [String],
        _ scope: FlowScope
    ) throws(StatementFault) {
        for child in try children(of: node, except: looked) { try compute(child, scope) }
    }

    /// The texts of a list of names.
    func names(_ list: Int?) throws(StatementFault) -> [ByteText] {
        try tree.nodes(list).map { ByteText(tree.text("sval", of: $0) ?? "") }
    }

    // MARK: Statements

    private mutating func visit(_ node: Node) throws(StatementFault) {
        switch node.shape.part {
        case .select, .insert, .update, .delete, .merge: setResults(try query(node, FlowScope()))
        case .copy: try visitCopy(node)
        case .explain, .prepare: try visitHeld(node)
        // What it is executed with is computed.
        case .execute: try define(node)
        case .setVariable, .showVariable, .transaction, .deallocate, .discard, .drop, .truncate:
            return
        case .alterTable:
            // What is read under its name from then on nobody can tell.
            if try tree.isForeign(node) { exposeAll() } else { try define(node) }
        case .call, .trigger, .eventTrigger, .rangeVar, .function, .sample, .with, .commonTable, .column,
            .indirection, .rangeFunction:
            exposeAll()
        case nil: try visitOther(node)
        }
    }

    /// What is planned, or run later: its result comes as it is described then.
    private mutating func visitHeld(_ node: Node) throws(StatementFault) {
        for inner in try tree.nodes(tree.member("query", of: node)) { try visit(inner) }
        try define(node, except: ["query"])
        flow.results = nil
        flow.copy = nil
    }

    private mutating func visitOther(_ node: Node) throws(StatementFault) {
        switch node.shape.name {
        case "DeclareCursorStmt": try visitHeld(node)
        case "CreateTableAsStmt", "ViewStmt": try visitMade(node)
        case "CreateStmt": try define(node, except: ["relation"])
        case "CreateSchemaStmt":
            for element in try tree.nodes(tree.member("schemaElts", of: node)) { try visit(element) }
            try define(node, except: ["schemaElts"])
        case "RenameStmt":
            // What lies in a schema is meant by its new name.
            tree.part("relation", of: node) == nil ? exposeAll() : try define(node)
        // What they make has no rows yet.
        case "CreateSeqStmt": try define(node, except: ["sequence"])
        case "CompositeTypeStmt": try define(node, except: ["typevar"])
        case let name where Self.defining.contains(name): try define(node)
        case let name where Self.harmless.contains(name): return
        default: exposeAll()
        }
    }

    /// A table or a view made from a query: its columns have another name from then on.
    private mutating func visitMade(_ node: Node) throws(StatementFault) {
        for inner in try tree.nodes(tree.member("query", of: node)) {
            guard inner.shape.part != .execute else { return exposeAll() }
            expose(try query(inner, FlowScope()).masks)
        }
        try define(node, except: ["query", "into", "view"])
    }

    /// What is made or changed: nothing of a table with masked columns, nor with what is read of one.
    private mutating func define(_ node: Node, except left: [String] = []) throws(StatementFault) {
        try computeRest(of: node, except: left, FlowScope())
    }

    private static let defining: Set = [
        "IndexStmt", "CreateEnumStmt", "CreateRangeStmt", "CreateDomainStmt",
        "AlterEnumStmt", "CreateStatsStmt", "ClusterStmt",
    ]

    /// Statements in which no value of a column goes anywhere.
    private static let harmless: Set = [
        "CommentStmt", "GrantStmt", "GrantRoleStmt", "AlterDefaultPrivilegesStmt", "CreateRoleStmt",
        "AlterRoleStmt",
        "DropRoleStmt", "DropOwnedStmt", "AlterOwnerStmt", "DropdbStmt", "LockStmt", "VacuumStmt",
        "ReindexStmt",
        "RefreshMatViewStmt", "AlterSeqStmt", "FetchStmt", "ClosePortalStmt", "CheckPointStmt",
        "ConstraintsSetStmt", "ListenStmt",
        "NotifyStmt", "UnlistenStmt", "DropTableSpaceStmt",
    ]
}
