internal import Model

/// A column that a part of a statement has: as it is in a table, or free of what is masked.
struct FlowColumn {
    /// Nil where the server makes one up.
    var name: ByteText?
    var masks: Set<ColumnPattern> = []
    var isText = false
}

/// The columns of a query.
struct FlowOutput {
    var columns: [FlowColumn] = []
    /// Masks of what else may be among them.
    var rest: Set<ColumnPattern> = []
    /// There are no others, and they stand in this order.
    var isExact = true
    /// It has whatever columns a table has: they are those that are known, unless somebody changed it since,
    /// or has made a temporary one of that name.
    var isElastic = false

    var masks: Set<ColumnPattern> { columns.reduce(into: rest) { $0.formUnion($1.masks) } }

    /// A server takes no result with more columns (MaxTupleAttributeNumber).
    private static let maximum = 1_664

    /// What stands behind the columns of a table is at no place for certain, where it is masked: what is
    /// before it may be more columns, or fewer, than are known.
    mutating func append(_ other: FlowOutput) {
        if isElastic, isExact {
            let shifted = other.masks
            if !shifted.isEmpty { (isExact, rest) = (false, rest.union(shifted)) }
        }
        isElastic = isElastic || other.isElastic
        rest.formUnion(other.rest)
        isExact = isExact && other.isExact
        let room = max(0, Self.maximum - columns.count)
        columns += other.columns.prefix(room)
        guard other.columns.count > room else { return }
        isExact = false
        for column in other.columns.dropFirst(room) { rest.formUnion(column.masks) }
    }

    /// The same with the first columns called otherwise.
    func renamed(_ names: [ByteText]) -> FlowOutput {
        guard !names.isEmpty else { return self }
        var result = self
        for (place, name) in names.enumerated() where place < columns.count {
            result.columns[place].name = name
        }
        // Which of them is called what is not known.
        if !isExact {
            let all = masks
            result.columns = result.columns.map { FlowColumn(name: $0.name, masks: all, isText: $0.isText) }
            result.columns += names.map { FlowColumn(name: $0, masks: all) }
            result.rest = all
        }
        return result
    }
}

/// What stands under a name behind FROM.
struct FlowRange {
    /// What a name means in it.
    enum Meaning {
        case column(FlowColumn)
        /// It may be a column, or none.
        case perhaps(Set<ColumnPattern>)
        case nothing
    }

    let name: ByteText?
    let output: FlowOutput
    /// All masks of what is in it.
    let masks: Set<ColumnPattern>
    /// Its columns are found behind its name alone.
    let needsName: Bool
    private var places: [ByteText: FlowColumn] = [:]
    /// It may have columns that are not known by name.
    private let isOpen: Bool

    /// `hidden` are columns that `*` does not mean; `doubtful` names are not known to be there.
    init(
        _ name: ByteText?,
        _ output: FlowOutput,
        hidden: [FlowColumn] = [],
        doubtful: Set<ByteText> = [],
        needsName: Bool = false
    ) {
        self.needsName = needsName
        self.name = name
        self.output = output
        var masks = output.masks
        var isOpen = !output.isExact
        for column in output.columns + hidden {
            masks.formUnion(column.masks)
            guard let name = column.name, !doubtful.contains(name) else {
                isOpen = true
                continue
            }
            places[name, default: FlowColumn(name: name, isText: column.isText)].masks.formUnion(column.masks)
        }
        self.masks = masks
        self.isOpen = isOpen
        unnamed = (output.columns + hidden).reduce(into: output.rest) { masks, column in
            if column.name.map({ doubtful.contains($0) }) ?? true { masks.formUnion(column.masks) }
        }
    }

    /// Masks of columns that are not known by name.
    private let unnamed: Set<ColumnPattern>

    func meaning(of name: ByteText) -> Meaning {
        if let column = places[name] { return .column(column) }
        return isOpen ? .perhaps(unnamed) : .nothing
    }
}

/// What names mean at a place of a statement.
final class FlowScope {
    let ranges: [FlowRange]
    /// Those of one WITH come one by one: each may read of those before it.
    var commonTables: [ByteText: FlowOutput] = [:]
    let outer: FlowScope?
    /// Masks of whatever is there and outside it; nil until somebody asked.
    var masks: Set<ColumnPattern>?

    init(_ ranges: [FlowRange] = [], in outer: FlowScope? = nil) {
        self.ranges = ranges
        self.outer = outer
    }

    /// From the inside to the outside.
    var levels: some Sequence<FlowScope> { sequence(first: self, next: \.outer) }
}
