internal import Model

/// A column that may hold what is in another.
struct ColumnOrigin {
    /// Number 0 for every column of it, -1 for the one of the same name.
    let column: ColumnPlace
    let source: ColumnPlace
}

/// Which masks hold for columns that are made from masked ones: of views, of partitions and what inherits, and generated
/// ones.
struct ColumnOrigins {
    private(set) var columns: [ColumnPlace: SourceColumn]
    private var tables: [UInt32: [ColumnPlace]] = [:]
    private let masks: Set<ColumnMask>

    init(_ columns: [ColumnPlace: SourceColumn], _ origins: [ColumnOrigin], _ masks: Set<ColumnMask>) {
        self.columns = columns
        self.masks = masks
        guard !masks.isEmpty else { return }
        for place in columns.keys { tables[place.table, default: []].append(place) }
        maskStatistics()
        // Views of views: until nothing changes, which is as often as they are deep.
        while origins.reduce(false, { carry($1) || $0 }) {}
    }

    /// What the server keeps of the values of every column.
    private static let statistics: Set<ByteText> = Set(
        ["pg_statistic", "pg_stats", "pg_statistic_ext_data", "pg_stats_ext", "pg_stats_ext_exprs"].map {
            ByteText($0)
        }
    )

    private mutating func maskStatistics() {
        let catalog = ByteText("pg_catalog")
        for (place, column) in columns
        where column.schema == catalog && Self.statistics.contains(column.table) {
            columns[place]?.inherited = masks
        }
    }

    /// Whether something changed.
    private mutating func carry(_ origin: ColumnOrigin) -> Bool {
        if origin.column.number == -1 {
            let (heir, parent) = (origin.column.table, origin.source.table)
            let isChanged = carryNames(from: parent, to: heir)
            let isChangedAbove = carryNames(from: heir, to: parent)
            return holdFast(parent, above: heir) || isChanged || isChangedAbove
        }
        let sources = origin.source.number == 0 ? tables[origin.source.table] ?? [] : [origin.source]
        let more = sources.reduce(into: Set<ColumnMask>()) { $0.formUnion(held($1)) }
        guard !more.isEmpty else { return false }
        let targets = origin.column.number == 0 ? tables[origin.column.table] ?? [] : [origin.column]
        return targets.reduce(false) { add(more, to: $1) || $0 }
    }

    /// A column of the system's own, of which no statement has need: `cmax`.
    static let idle: Int16 = -5

    /// Who changes what columns a table has changes those of its heirs, and so the places of masked ones: it
    /// is a table with a masked column of its own, whatever it shows.
    private mutating func holdFast(_ parent: UInt32, above heir: UInt32) -> Bool {
        let beneath = (tables[heir] ?? []).reduce(into: Set<ColumnMask>()) { $0.formUnion(held($1)) }
        return !beneath.isEmpty && add(beneath, to: ColumnPlace(table: parent, number: Self.idle))
    }

    private mutating func carryNames(from source: UInt32, to target: UInt32) -> Bool {
        var names: [ByteText: Set<ColumnMask>] = [:]
        for place in tables[source] ?? [] where place.number > 0 {
            guard let column = columns[place] else { continue }
            let own = held(place)
            if !own.isEmpty { names[column.column] = own }
        }
        guard !names.isEmpty else { return false }
        var isChanged = false
        for place in tables[target] ?? [] {
            guard let name = columns[place]?.column, let held = names[name] else { continue }
            isChanged = add(held, to: place) || isChanged
        }
        return isChanged
    }

    private func held(_ place: ColumnPlace) -> Set<ColumnMask> { columns[place]?.held(by: masks) ?? [] }

    private mutating func add(_ more: Set<ColumnMask>, to place: ColumnPlace) -> Bool {
        guard let column = columns[place], !more.isSubset(of: column.inherited) else { return false }
        columns[place]?.inherited.formUnion(more)
        return true
    }
}
