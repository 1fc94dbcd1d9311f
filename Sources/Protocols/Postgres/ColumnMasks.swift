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

    /// `public.users.ssn`; a part with a dot of its own is quoted, and is not taken for several.
    var name: String {
        [schema, table, column].map { part in
            part.text.utf8.contains { $0 == UInt8(ascii: ".") || $0 == UInt8(ascii: "\"") }
                ? PostgresText.identifier(part.text) : part.text
        }.joined(separator: ".")
    }

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

    /// Of every table.
    fileprivate init(ofAny column: ByteText) {
        schema = nil
        table = nil
        self.column = column
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

    /// What a masked column goes on record as; empty for one that is not.
    ///
    /// Its own name in the catalog, and those of the masks that hold for it and are not said by that; never the name in the
    /// result, which the statement chooses. That is nil where it cannot be read. `read` are masks of which the statement's
    /// text says that they hold.
    func names(
        ofColumn name: String?,
        at place: ColumnPlace,
        _ catalog: [ColumnPlace: SourceColumn],
        read: Set<ColumnMask>
    ) -> Set<String> {
        guard !masks.isEmpty else { return [] }
        let held = held(name: name, place: place, catalog).union(read.intersection(masks))
        guard !held.isEmpty, let source = catalog[place] else { return Set(held.map(\.name)) }
        let unsaid = held.filter { !$0.holds(source) || source.inherited.contains($0) }
        return Set(unsaid.map(\.name)).union([source.name])
    }

    /// Masks that hold for a column; what comes from a table that the catalog did not have may be any.
    private func held(
        name: String?,
        place: ColumnPlace,
        _ catalog: [ColumnPlace: SourceColumn]
    ) -> Set<ColumnMask> {
        let named = held(name: name)
        // A computed one has no source.
        guard place.table != 0, place.number != 0 else { return named }
        guard let source = catalog[place] else { return masks }
        return source.held(by: masks).union(named)
    }

    /// Those without a table; a name that cannot be read may be any that is not ASCII.
    private func held(name: String?) -> Set<ColumnMask> {
        guard let name = name.map({ ByteText($0) }) else {
            let others = names.filter { $0.text.utf8.contains { $0 >= 0x80 } }
            return Set(others.map { ColumnMask(ofAny: $0) })
        }
        return names.contains(name) ? [ColumnMask(ofAny: name)] : []
    }
}
