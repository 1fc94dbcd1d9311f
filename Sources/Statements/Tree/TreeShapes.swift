internal import Model

/// What stands in each kind of node: `shapes.tsv`, made by `tools/statements/shapes` from what libpg_query declares.
struct TreeShapes: Sendable {
    enum Sort: Sendable {
        /// A number, a word, a text.
        case plain
        /// A node of any kind, or a list of them.
        case node
        /// This kind, by its place.
        case shape(Int)
    }

    struct Field: Sendable {
        let name: [UInt8]
        let sort: Sort
    }

    struct Shape: Sendable {
        let name: String
        let fields: [Field]
        /// What has to be looked at more closely than by walking through it; nil for what has not.
        let part: TreePart?
        let statement: StatementSort?
    }

    let shapes: [Shape]
    private let places: [ByteText: Int]

    static let shared = TreeShapes(PackageResources.shapes_tsv)

    private init(_ table: [UInt8]) {
        let rows = String(decoding: table, as: UTF8.self).cut(at: "\n").map { $0.cut(at: "\t") }
        var places: [ByteText: Int] = [:]
        for (place, row) in rows.enumerated() {
            // A statement of which nobody has said what it does is not known.
            guard let name = row.first, !name.ends(with: "Stmt") || Self.isSorted(String(name)) else {
                continue
            }
            places[ByteText(name)] = place
        }
        self.places = places
        shapes = rows.map { row in
            let name = row.first.map(String.init) ?? ""
            return Shape(
                name: name,
                fields: row.dropFirst().compactMap { Self.field($0, places) },
                part: TreePart(rawValue: name),
                statement: StatementSort.table[name]
            )
        }
    }

    private static func isSorted(_ statement: String) -> Bool {
        TreePart(rawValue: statement) != nil || StatementSort.table[statement] != nil
            // What a function's body returns: an expression.
            || statement == "ReturnStmt"
    }

    /// Nil, so that it is a fault where it turns up, for one of a kind that is not there.
    private static func field(_ text: Substring, _ places: [ByteText: Int]) -> Field? {
        guard let colon = text.lastPlace(of: ":") else { return nil }
        let (name, sort) = (Array(text[..<colon].utf8), text.rest(behind: colon))
        switch sort {
        case "-": return Field(name: name, sort: .plain)
        case "*": return Field(name: name, sort: .node)
        default: return places[ByteText(sort)].map { Field(name: name, sort: .shape($0)) }
        }
    }

    func place(of name: ArraySlice<UInt8>) -> Int? { places[ByteText(String(decoding: name, as: UTF8.self))] }
}

/// Nodes that are more than what is in them.
enum TreePart: String, Sendable {
    case select = "SelectStmt"
    case insert = "InsertStmt"
    case update = "UpdateStmt"
    case delete = "DeleteStmt"
    case merge = "MergeStmt"
    case copy = "CopyStmt"
    case explain = "ExplainStmt"
    case drop = "DropStmt"
    case truncate = "TruncateStmt"
    case alterTable = "AlterTableStmt"
    case setVariable = "VariableSetStmt"
    case showVariable = "VariableShowStmt"
    case transaction = "TransactionStmt"
    case prepare = "PrepareStmt"
    case execute = "ExecuteStmt"
    case deallocate = "DeallocateStmt"
    case call = "CallStmt"
    case discard = "DiscardStmt"
    case trigger = "CreateTrigStmt"
    case eventTrigger = "CreateEventTrigStmt"
    case rangeVar = "RangeVar"
    case function = "FuncCall"
    case sample = "RangeTableSample"
    case column = "ColumnRef"
    case indirection = "A_Indirection"
    case rangeFunction = "RangeFunction"
    case with = "WithClause"
    case commonTable = "CommonTableExpr"
}
