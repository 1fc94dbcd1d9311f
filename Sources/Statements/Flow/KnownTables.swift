package import Model

/// What is known of a database's tables where rules mask columns: which columns each has, in their order, and which
/// masks hold for what is in them.
package struct KnownTables: Sendable {
    package struct Column: Sendable, Hashable {
        package let name: ByteText
        /// Masks of what may be in it, whether it is named by them or made from what is.
        package let masks: Set<ColumnPattern>
        /// Its values are text.
        package let isText: Bool
        /// `*` means it too: it is none of the system's own.
        package let isListed: Bool
        /// COPY of the whole table leaves it out.
        package let isGenerated: Bool

        package init(
            name: ByteText,
            masks: Set<ColumnPattern> = [],
            isText: Bool = false,
            isListed: Bool = true,
            isGenerated: Bool = false
        ) {
            self.name = name
            self.masks = masks
            self.isText = isText
            self.isListed = isListed
            self.isGenerated = isGenerated
        }
    }

    package struct Table: Sendable {
        package let schema: ByteText
        package let name: ByteText
        package let columns: [Column]

        package init(schema: ByteText, name: ByteText, columns: [Column]) {
            self.schema = schema
            self.name = name
            self.columns = columns
        }
    }

    /// Every mask that a rule for the database has.
    let masks: Set<ColumnPattern>
    private let tables: [ByteText: [Table]]

    package init(_ tables: [Table], masks: Set<ColumnPattern>) {
        self.masks = masks
        self.tables = Dictionary(grouping: tables, by: \.name)
    }

    /// Those that a name may mean: without a schema it may lie in any.
    func candidates(_ name: SQLName) -> [Table] {
        let named = tables[name.name] ?? []
        guard let schema = name.schema else { return named }
        return named.filter { $0.schema == schema }
    }

    /// Masks that hold for whatever has this name.
    func masks(named name: ByteText) -> Set<ColumnPattern> { masks.filter { $0.column == name } }
}

/// Where masked columns go in one statement.
package struct ColumnFlow: Sendable, Hashable {
    /// Masks of columns that are used for more than to be shown as they are: compared, computed with, written elsewhere.
    package var exposes: Set<ColumnPattern> = []
    /// The columns of its result, or of what COPY sends; nil where that cannot be said for certain.
    package var results: [FlowResult]?
    /// How COPY writes them.
    package var copy: CopyFormat?

    package init() {}
}

/// A column of a result.
package struct FlowResult: Sendable, Hashable {
    package let masks: Set<ColumnPattern>
    package let isText: Bool

    package init(masks: Set<ColumnPattern>, isText: Bool) {
        self.masks = masks
        self.isText = isText
    }
}

/// How COPY writes rows for the client.
package enum CopyFormat: Sendable, Hashable {
    case text(delimiter: UInt8, null: [UInt8], hasHeader: Bool)
    case csv(delimiter: UInt8, quote: UInt8, escape: UInt8, null: [UInt8], hasHeader: Bool)
    case binary
}
