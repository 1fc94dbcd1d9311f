internal import Model
internal import NIOCore

/// A column of a result, as RowDescription says it.
struct ResultColumn {
    let name: String
    let place: ColumnPlace
    let type: UInt32
    let isBinary: Bool

    static func read(_ body: ByteBuffer) throws(PostgresFault) -> [ResultColumn] {
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
            columns.append(
                ResultColumn(
                    name: String(decoding: name.readableBytesView, as: Unicode.UTF8.self),
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
    private enum Treatment {
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

    /// Nil where no column is masked.
    init?(
        _ columns: [ResultColumn],
        kinds: MaskKinds,
        masks: ColumnMasks,
        _ catalog: [ColumnPlace: SourceColumn]
    ) {
        treatments = columns.map { column in
            if !masks.isEmpty, masks.holds(name: column.name, place: column.place, catalog) {
                return Self.whole(column)
            }
            return kinds.isEmpty ? .pass : Self.searched(column)
        }
        self.kinds = kinds
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

    /// Rows, each a whole DataRow, masked; and how many of each kind were found.
    func apply(_ rows: ByteBuffer) throws(PostgresFault) -> (rows: ByteBuffer, found: [MaskKind: Int]) {
        var survey = Survey()
        try survey.read(rows, treatments)
        let batch = try MaskBatch(survey.text, kinds)
        guard survey.isRewritten || !batch.isClean else { return (rows, [:]) }
        return (try survey.write(rows, batch, treatments.count), batch.found)
    }

    /// What is to be done to the fields of some rows.
    private struct Survey {
        private enum Deed {
            case null
            case fill
            case search(Range<Int>, orNull: Bool)
        }

        private struct Spot {
            let place: Int
            let length: Int
            let deed: Deed
        }

        private(set) var text = ByteBuffer()
        private var spots: [Spot] = []
        /// Whatever is found.
        private(set) var isRewritten = false

        mutating func read(_ rows: ByteBuffer, _ treatments: [Treatment]) throws(PostgresFault) {
            var place = rows.readerIndex
            while place < rows.writerIndex {
                let end = try RowPlan.end(of: rows, at: place)
                guard let count = rows.getInteger(at: place + FrameReader.header, as: UInt16.self),
                    Int(count) == treatments.count
                else { throw RowPlan.unread }
                place += FrameReader.header + 2
                for treatment in treatments {
                    guard let length = rows.getInteger(at: place, as: Int32.self) else {
                        throw RowPlan.unread
                    }
                    place += 4
                    guard length >= 0 else { continue }
                    guard Int(length) <= end - place else { throw RowPlan.unread }
                    note(treatment, rows, place, Int(length))
                    place += Int(length)
                }
                guard place == end else { throw RowPlan.unread }
            }
        }

        private mutating func note(_ treatment: Treatment, _ rows: ByteBuffer, _ place: Int, _ length: Int) {
            switch treatment {
            case .pass: return
            case .null: add(.null, place, length)
            case .fill: add(.fill, place, length)
            case .search: search(rows, place, length, orNull: false)
            case .searchOrNull: search(rows, place, length, orNull: true)
            case .number(let type):
                let octets = rows.getBytes(at: place, length: length) ?? []
                guard let number = BinaryNumber.text(octets, type: type) else {
                    return add(.null, place, length)
                }
                spots.append(Spot(place: place, length: length, deed: .search(enter(number), orNull: true)))
            case .guess:
                let octets = rows.getBytes(at: place, length: length) ?? []
                guard RowPlan.looksLikeText(octets) else { return add(.null, place, length) }
                search(rows, place, length, orNull: false)
            }
        }

        private mutating func add(_ deed: Deed, _ place: Int, _ length: Int) {
            isRewritten = true
            spots.append(Spot(place: place, length: length, deed: deed))
        }

        private mutating func search(_ rows: ByteBuffer, _ place: Int, _ length: Int, orNull: Bool) {
            guard let field = rows.getSlice(at: place, length: length) else { return }
            // Of a number the whole part: a card with a fraction is none to those who look for cards.
            let view = field.readableBytesView
            let range = orNull ? enter(view.prefix { $0 != UInt8(ascii: ".") }) : enter(view)
            spots.append(Spot(place: place, length: length, deed: .search(range, orNull: orNull)))
        }

        /// Where it stands in the text.
        private mutating func enter(_ octets: some Collection<UInt8>) -> Range<Int> {
            let start = text.readableBytes
            text.writeBytes(octets)
            defer { text.writeInteger(UInt8(ascii: "\n")) }
            return start..<text.readableBytes
        }

        /// The rows anew; what is not given has the length -1.
        func write(_ rows: ByteBuffer, _ batch: MaskBatch, _ columns: Int) throws(PostgresFault) -> ByteBuffer
        {
            var out = ByteBuffer()
            out.reserveCapacity(rows.readableBytes)
            var next = 0
            var place = rows.readerIndex
            while place < rows.writerIndex {
                let end = try RowPlan.end(of: rows, at: place)
                let start = out.writerIndex
                while next < spots.count, spots[next].place - 4 < end {
                    let spot = spots[next]
                    next += 1
                    guard let fresh = try replacement(spot, rows, batch) else { continue }
                    copy(rows, place..<spot.place - 4, &out)
                    out.writeInteger(fresh.map { Int32(truncatingIfNeeded: $0.readableBytes) } ?? -1)
                    if let fresh { out.writeImmutableBuffer(fresh) }
                    place = spot.place + spot.length
                }
                copy(rows, place..<end, &out)
                out.setInteger(UInt32(clamping: out.writerIndex - start - 1), at: start + 1)
                place = end
            }
            return out
        }

        /// What stands instead of a field: nil for what it was, and in it nil for NULL.
        private func replacement(
            _ spot: Spot,
            _ rows: ByteBuffer,
            _ batch: MaskBatch
        ) throws(PostgresFault) -> ByteBuffer?? {
            switch spot.deed {
            case .null: return .some(nil)
            case .fill: return .some(ByteBuffer(repeating: UInt8(ascii: "x"), count: spot.length))
            case .search(let range, let orNull):
                guard let masked = try batch.masked(range) else { return .none }
                return .some(orNull ? nil : masked)
            }
        }

        private func copy(_ rows: ByteBuffer, _ range: Range<Int>, _ out: inout ByteBuffer) {
            guard let part = rows.getSlice(at: range.lowerBound, length: range.count) else { return }
            out.writeImmutableBuffer(part)
        }
    }

    /// Where the message ends that begins here.
    private static func end(of rows: ByteBuffer, at place: Int) throws(PostgresFault) -> Int {
        guard let length = rows.getInteger(at: place + 1, as: UInt32.self),
            Int(length) < rows.writerIndex - place
        else { throw unread }
        return place + 1 + Int(length)
    }

    private static func looksLikeText(_ octets: [UInt8]) -> Bool {
        octets.allSatisfy { $0 >= 0x20 && $0 != 0x7F || (0x09...0x0D).contains($0) }
            && String(validating: octets, as: UTF8.self) != nil
    }

    private static let unread = PostgresFault.violation(
        "the database sent a row that is not what it described, so that it cannot be masked"
    )
}
