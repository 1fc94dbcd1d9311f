internal import Model
internal import NIOCore

/// A column of a result, as RowDescription says it.
package struct ResultColumn: Sendable {
    /// What is not UTF-8 in it mended.
    let name: String
    /// Whether that is its name for certain.
    let isLegible: Bool
    let place: ColumnPlace
    let type: UInt32
    let isBinary: Bool

    package init(name: String, isLegible: Bool = true, place: ColumnPlace, type: UInt32, isBinary: Bool) {
        (self.name, self.isLegible, self.place) = (name, isLegible, place)
        (self.type, self.isBinary) = (type, isBinary)
    }

    /// `isUTF8` says whether names are; ASCII is itself in every encoding.
    static func read(_ body: ByteBuffer, isUTF8: Bool) throws(PostgresFault) -> [ResultColumn] {
        var body = body
        guard let count = body.readInteger(as: UInt16.self), Int(count) <= PostgresLimits.columns else {
            throw unread
        }
        var columns: [ResultColumn] = []
        for _ in 0..<count {
            guard let name = body.readTerminated(),
                let (table, number, type, _, _, format) = body.readMultipleIntegers(
                    as: (UInt32, Int16, UInt32, Int16, Int32, Int16).self
                ), format == 0 || format == 1
            else { throw unread }
            let octets = name.readableBytesView
            let isText = isUTF8 && String(validating: octets, as: Unicode.UTF8.self) != nil
            columns.append(
                ResultColumn(
                    name: String(decoding: octets, as: Unicode.UTF8.self),
                    isLegible: isText || octets.allSatisfy { $0 < 0x80 },
                    place: ColumnPlace(table: table, number: number),
                    type: type,
                    isBinary: format == 1
                )
            )
        }
        guard body.readableBytes == 0 else { throw unread }
        return columns
    }

    private static let unread = PostgresFault.violation(
        "the database sent a RowDescription that cannot be read"
    )
}

/// What is done to each column of a result.
struct RowPlan {
    enum Treatment {
        case pass
        /// Its value is not given.
        case null
        /// Every character is written over.
        case fill
        /// Searched, and written over where something is found.
        case search
        /// Searched, and not given where something is found.
        case searchOrNull
        /// A number in binary: searched as text.
        case number(UInt32)
        /// In binary, of a type that is not known: searched where it looks like text, and not given otherwise.
        case guess
    }

    private let treatments: [Treatment]
    private let kinds: MaskKinds
    /// Names of those that are masked whole, as they go on record.
    let hidden: Set<String>

    /// Nil where no column is masked; `read` is what the statement's text says of them, where it says it.
    init?(
        _ columns: [ResultColumn],
        kinds: MaskKinds,
        masks: ColumnMasks,
        _ catalog: [ColumnPlace: SourceColumn],
        read: [ResultMask]?
    ) {
        let read = read?.count == columns.count ? read : nil
        var hidden: Set<String> = []
        treatments = columns.enumerated().map { place, column in
            let names = masks.names(
                ofColumn: column.isLegible ? column.name : nil,
                at: column.place,
                catalog,
                read: read?[place].masks ?? []
            )
            guard names.isEmpty else {
                hidden.formUnion(names)
                return Self.whole(column)
            }
            return kinds.isEmpty ? .pass : Self.searched(column)
        }
        self.kinds = kinds
        self.hidden = hidden
        guard treatments.contains(where: { if case .pass = $0 { false } else { true } }) else { return nil }
    }

    private static func whole(_ column: ResultColumn) -> Treatment {
        if case .text = ColumnType(column.type) { .fill } else { .null }
    }

    private static func searched(_ column: ResultColumn) -> Treatment {
        switch ColumnType(column.type) {
        case .text, .structured: .search
        case .number: column.isBinary ? .number(column.type) : .searchOrNull
        case .plain: .pass
        case .other: column.isBinary ? .guess : .search
        }
    }

    /// Rows, each a whole DataRow, masked; and how many of each kind were found in how many rows.
    func apply(
        _ rows: ByteBuffer
    ) throws(PostgresFault) -> (rows: ByteBuffer, found: [MaskKind: Int], count: UInt64) {
        guard let survey = RowSurvey(rows, treatments) else { throw Self.unread }
        let texts = try MaskBatch(survey.texts, kinds)
        let numbers = try MaskBatch(survey.numbers, kinds)
        guard survey.isRewritten || !texts.isClean || !numbers.isClean else {
            return (rows, [:], survey.rows)
        }
        let masked = try survey.write(rows, texts, numbers)
        return (masked, texts.found.merging(numbers.found) { $0 &+ $1 }, survey.rows)
    }

    private static let unread = PostgresFault.violation(
        "the database sent a row that is not what it described, so that it cannot be masked"
    )
}
