package import Model

/// A column of a table.
package struct SourceColumn: Sendable, Hashable {
    package let schema: ByteText
    package let table: ByteText
    package let column: ByteText
    /// Its type's number in the catalog.
    package let type: UInt32
    /// `GENERATED ALWAYS AS`.
    package let isGenerated: Bool
    /// Masks of other columns from which it is made.
    package internal(set) var inherited: Set<ColumnMask> = []

    package init(
        schema: String,
        table: String,
        column: String,
        type: UInt32 = 0,
        isGenerated: Bool = false
    ) {
        self.schema = ByteText(schema)
        self.table = ByteText(table)
        self.column = ByteText(column)
        self.type = type
        self.isGenerated = isGenerated
    }

    /// Those of some masks that hold for what is in it.
    package func held(by masks: Set<ColumnMask>) -> Set<ColumnMask> {
        masks.filter { $0.holds(self) || inherited.contains($0) }
    }

    /// `public.users.ssn`.
    var name: String { [schema, table, column].map(\.text).joined(separator: ".") }

    /// Its values are text.
    package var isText: Bool { if case .text = ColumnType(type) { true } else { false } }
}

/// Where a column of a result comes from, as the server counts.
package struct ColumnPlace: Sendable, Hashable {
    package let table: UInt32
    package let number: Int16

    package init(table: UInt32, number: Int16) {
        self.table = table
        self.number = number
    }
}

/// Columns that a rule masks whole.
package struct ColumnMask: Sendable, Hashable, CustomStringConvertible {
    /// Nil for every schema.
    package let schema: ByteText?
    /// Nil for every table.
    package let table: ByteText?
    package let column: ByteText

    package init(schema: String? = nil, table: String? = nil, column: String) {
        self.schema = schema.map { ByteText($0) }
        self.table = table.map { ByteText($0) }
        self.column = ByteText(column)
    }

    package var description: String { "column \(name)" }

    /// `users.ssn`.
    var name: String { [schema, table, column].compactMap { $0?.text }.joined(separator: ".") }

    func holds(_ source: SourceColumn) -> Bool {
        column == source.column && table.map { $0 == source.table } ?? true
            && schema.map { $0 == source.schema } ?? true
    }
}

/// Which columns of a result are masked whole: by the source, and, where a mask names no table, by the name in the result.
struct ColumnMasks {
    private(set) var masks: Set<ColumnMask> = []
    private var names: Set<ByteText> = []

    init() {}

    var isEmpty: Bool { masks.isEmpty }

    mutating func formUnion(_ others: Set<ColumnMask>) {
        masks.formUnion(others)
        names.formUnion(others.lazy.filter { $0.table == nil && $0.schema == nil }.map(\.column))
    }

    /// Whether a column is; what comes from a table that the catalog did not have may be any.
    func holds(name: String, place: ColumnPlace, _ catalog: [ColumnPlace: SourceColumn]) -> Bool {
        if names.contains(ByteText(name)) { return true }
        // A computed one has no source.
        guard place.table != 0, place.number != 0 else { return false }
        guard let source = catalog[place] else { return true }
        return masks.contains { $0.holds(source) } || !masks.isDisjoint(with: source.inherited)
    }
}
