internal import Model

/// Walks through the parse trees of one text and notes what its statements do.
///
/// Every kind of node and every field has to be known: a part that is not may do anything.
struct FactsWalk {
    /// A node, and what stands in its kind.
    struct Node {
        let index: Int
        let shape: TreeShapes.Shape
    }

    /// Where a part of a statement stands.
    struct Context {
        /// What is done to tables that are named here.
        var tables = SQLKind.select
        /// In what functions are called here.
        var calls = SQLKind.select
        /// A condition on the rows of these tables stands behind `where`.
        var hasWhere = false
        /// Tables that are read are locked as well.
        var locks = false
        /// Names that mean a part of the statement, not a table.
        var scope: Set<ByteText> = []
    }

    let tape: TreeTape
    let shapes = TreeShapes.shared
    private(set) var deeds: [SQLDeed] = []
    private var known: Set<SQLDeed> = []
    /// Of all statements together.
    private var all: Set<SQLDeed> = []
    var columnCalls = ColumnCalls()

    init(_ tape: TreeTape) { self.tape = tape }

    /// What each statement does; and where masked columns go, where tables are known.
    mutating func statements(_ tables: KnownTables?) throws(StatementFault) -> [StatementFacts] {
        guard let list = member("stmts", of: 0) else { return [] }
        let statements = tape.items(list)
        guard statements.count <= StatementLimits.statements else {
            throw .tooMany(statements: statements.count)
        }
        var result: [StatementFacts] = []
        for statement in statements {
            guard let value = member("stmt", of: statement), let node = try node(value) else {
                throw .unknown("a statement")
            }
            (deeds, known, columnCalls) = ([], [], ColumnCalls())
            try visit(node, Context())
            try addColumnCalls()
            try addSettings(through: node)
            if !deeds.contains(where: \.isEffect) { try add(.select, .nothing) }
            var facts = try facts(of: node)
            if let tables { facts.flow = try FlowWalk.flow(of: node, self, tables) }
            result.append(facts)
        }
        return result
    }

    // MARK: What is noted

    mutating func add(
        _ kind: SQLKind,
        _ target: SQLDeed.Target,
        hasWhere: Bool = false
    ) throws(StatementFault) {
        let deed = SQLDeed(kind, target, hasWhere: hasWhere)
        guard known.insert(deed).inserted else { return }
        all.insert(deed)
        guard all.count <= StatementLimits.deeds else { throw .tooManyDeeds }
        deeds.append(deed)
    }

    /// What is done in a part of it, apart from the rest.
    func apart(
        _ visit: (inout FactsWalk) throws(StatementFault) -> Void
    ) throws(StatementFault) -> [SQLDeed] {
        var walk = self
        (walk.deeds, walk.known, walk.columnCalls) = ([], [], ColumnCalls())
        try visit(&walk)
        try walk.addColumnCalls()
        return walk.deeds
    }

    // MARK: The tree

    /// The value of a member; nil where it is not there.
    func member(_ name: String, of object: Int) -> Int? {
        guard tape.entries.indices.contains(object), tape.entries[object].sort == .object else { return nil }
        var place = object + 1
        let end = Int(tape.entries[object].next)
        while place + 1 < end {
            if tape.raw(place).elementsEqual(name.utf8) { return place + 1 }
            place = Int(tape.entries[place + 1].next)
        }
        return nil
    }

    func member(_ name: String, of node: Node) -> Int? { member(name, of: node.index) }

    func text(_ name: String, of node: Node) -> String? { member(name, of: node).flatMap { tape.text($0) } }

    func flag(_ name: String, of node: Node) -> Bool {
        member(name, of: node).map { tape.raw($0).elementsEqual("true".utf8) } ?? false
    }

    /// The node that stands there; nil for a place left empty.
    func node(_ index: Int) throws(StatementFault) -> Node? {
        let entry = tape.entries[index]
        if entry.sort == .plain, tape.raw(index).elementsEqual("null".utf8) { return nil }
        guard entry.sort == .object else { throw .unknown("a value in a node's place") }
        guard Int(entry.next) > index + 1 else { return nil }
        let name = tape.raw(index + 1)
        guard let place = shapes.place(of: name), index + 2 < tape.entries.count,
            tape.entries[index + 2].next == entry.next, tape.entries[index + 2].sort == .object
        else { throw .unknown(String(decoding: name, as: UTF8.self)) }
        return Node(index: index + 2, shape: shapes.shapes[place])
    }

    /// The nodes of a list, and the one of what is none.
    func nodes(_ index: Int?) throws(StatementFault) -> [Node] {
        guard let index else { return [] }
        let items = tape.entries[index].sort == .array ? tape.items(index) : [index]
        var nodes: [Node] = []
        for item in items { if let node = try node(item) { nodes.append(node) } }
        return nodes
    }

    /// The node in a field of one kind; nil where it is not there.
    func part(_ name: String, of node: Node) -> Node? {
        guard let index = member(name, of: node), tape.entries[index].sort == .object,
            let field = node.shape.fields.first(where: { $0.name.elementsEqual(name.utf8) }),
            case .shape(let place) = field.sort
        else { return nil }
        return Node(index: index, shape: shapes.shapes[place])
    }

    // MARK: The walk

    /// Visits what stands in the fields of a node but for those left out.
    mutating func visitFields(
        of node: Node,
        _ context: Context,
        except left: [String] = []
    ) throws(StatementFault) {
        var place = node.index + 1
        let end = Int(tape.entries[node.index].next)
        // The parser writes them in the order of the table.
        var expected = 0
        while place + 1 < end {
            guard tape.entries[place].sort == .key,
                let field = find(tape.raw(place), in: node.shape.fields, from: &expected)
            else {
                throw .unknown("\(node.shape.name).\(String(decoding: tape.raw(place), as: UTF8.self))")
            }
            if !left.contains(where: { field.name.elementsEqual($0.utf8) }) {
                try visit(place + 1, field.sort, context)
            }
            place = Int(tape.entries[place + 1].next)
        }
    }

    private func find(
        _ name: ArraySlice<UInt8>,
        in fields: [TreeShapes.Field],
        from expected: inout Int
    ) -> TreeShapes.Field? {
        for step in 0..<fields.count {
            let place = (expected + step) % fields.count
            guard fields[place].name.elementsEqual(name) else { continue }
            expected = (place + 1) % fields.count
            return fields[place]
        }
        return nil
    }

    private mutating func visit(
        _ value: Int,
        _ sort: TreeShapes.Sort,
        _ context: Context
    ) throws(StatementFault) {
        switch sort {
        case .plain: return
        case .node: try visitNodes(value, context)
        case .shape(let place):
            guard tape.entries[value].sort == .object else {
                throw .unknown("a value in the place of \(shapes.shapes[place].name)")
            }
            try visit(Node(index: value, shape: shapes.shapes[place]), context)
        }
    }

    /// Visits a node, or each of a list.
    mutating func visitNodes(_ value: Int?, _ context: Context) throws(StatementFault) {
        guard let value else { return }
        guard tape.entries[value].sort == .array else {
            if let node = try node(value) { try visit(node, context) }
            return
        }
        var place = value + 1
        let end = Int(tape.entries[value].next)
        while place < end {
            if let node = try node(place) { try visit(node, context) }
            place = Int(tape.entries[place].next)
        }
    }

    mutating func visit(_ node: Node, _ context: Context) throws(StatementFault) {
        if let statement = node.shape.statement { return try visit(statement, node, context) }
        guard let part = node.shape.part else { return try visitFields(of: node, context) }
        switch part {
        case .select: try visitSelect(node, context)
        case .insert: try visitInsert(node, context)
        case .update: try visitChange(node, .update, context)
        case .delete: try visitChange(node, .delete, context)
        case .merge: try visitMerge(node, context)
        case .copy: try visitCopy(node, context)
        case .rangeVar: try visitTable(node, context)
        case .function: try visitCall(node, context)
        case .sample: try visitSample(node, context)
        case .column: try visitColumn(node, context)
        case .indirection: try visitIndirection(node, context)
        case .rangeFunction: try visitRangeFunction(node, context)
        case .explain: try visitExplain(node, context)
        case .drop: try visitDrop(node, context)
        case .truncate: try visitTruncate(node)
        case .alterTable: try visitAlterTable(node, context)
        case .trigger, .eventTrigger: try visitTrigger(node, context)
        case .setVariable: try visitSet(node)
        case .showVariable: try visitShow(node)
        case .transaction: try visitTransaction(node)
        case .prepare: try visitPrepare(node, context)
        case .execute: try visitExecute(node, context)
        case .deallocate: try add(.deallocate, .nothing)
        case .call: try visitProcedure(node, context)
        case .discard:
            // With all of it the role goes that a rule may have set.
            try add(.discard, text("target", of: node) == "DISCARD_ALL" ? .unnamed : .nothing)
        // They are read with what they belong to.
        case .with, .commonTable: throw .unknown(node.shape.name)
        }
    }
}

extension SQLDeed {
    /// It is more than a call.
    fileprivate var isEffect: Bool { if case .function = target { false } else { true } }
}
