internal import Model
internal import PostgresProtocol
internal import Statements

extension KnownTables {
    /// What a session's server said of its columns.
    init(_ columns: [ColumnPlace: SourceColumn], masks: Set<ColumnPattern>) {
        let patterns = Dictionary(masks.map { (ColumnMask($0), $0) }) { first, _ in first }
        let held = Set(patterns.keys)
        let tables = Dictionary(grouping: columns) { $0.key.table }
        self.init(
            tables.values.compactMap { members in
                guard let first = members.first?.value else { return nil }
                let columns = members.sorted { $0.key.number < $1.key.number }
                return Table(
                    schema: first.schema,
                    name: first.table,
                    columns: columns.map { place, column in
                        Column(
                            name: column.column,
                            masks: Set(column.held(by: held).compactMap { patterns[$0] }),
                            isText: column.isText,
                            isListed: place.number > 0,
                            isGenerated: column.isGenerated
                        )
                    }
                )
            },
            masks: masks
        )
    }
}

extension CopyLayout {
    init(_ format: CopyFormat) {
        self =
            switch format {
            case .text(let delimiter, let null, let hasHeader):
                .text(delimiter: delimiter, null: null, hasHeader: hasHeader)
            case .csv(let delimiter, let quote, let escape, let null, let hasHeader):
                .csv(delimiter: delimiter, quote: quote, escape: escape, null: null, hasHeader: hasHeader)
            case .binary: .binary
            }
    }
}
