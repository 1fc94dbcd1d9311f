internal import Model
internal import NIOCore

/// How COPY writes rows for the client (PostgreSQL 15, "COPY", File Formats).
package enum CopyLayout: Sendable, Hashable {
    case text(delimiter: UInt8, null: [UInt8], hasHeader: Bool)
    case csv(delimiter: UInt8, quote: UInt8, escape: UInt8, null: [UInt8], hasHeader: Bool)
    case binary
}

/// Masks columns in what COPY sends: text is written over, and of other types no value is given.
///
/// The server sends each row in a message of its own; what is not so cannot be masked.
struct CopyMask {
    enum Treatment {
        case pass
        case fill
        case null
    }

    private let layout: CopyLayout
    private let treatments: [Treatment]
    /// What comes first is no row: names of columns, or the signature of the binary format.
    private var hasHeader: Bool
    private var rows: UInt64 = 0
    /// Names of those that are masked, as they go on record.
    let hidden: Set<String>

    init(_ layout: CopyLayout, _ treatments: [Treatment], hidden: Set<String>) {
        self.layout = layout
        self.treatments = treatments
        self.hidden = hidden
        hasHeader =
            switch layout {
            case .text(_, _, let header), .csv(_, _, _, _, let header): header
            case .binary: true
            }
    }

    var isBinary: Bool { if case .binary = layout { true } else { false } }

    /// Whole CopyData messages, masked, and how many rows are in them.
    mutating func apply(
        _ messages: ByteBuffer
    ) throws(PostgresFault) -> (messages: ByteBuffer, count: UInt64) {
        var messages = messages
        rows = 0
        var out = ByteBuffer()
        out.reserveCapacity(messages.readableBytes)
        while let (tag, length) = messages.readMultipleIntegers(as: (UInt8, UInt32).self) {
            guard tag == Tag.copyData, length >= 4, let row = messages.readSlice(length: Int(length) - 4)
            else {
                throw Self.unread
            }
            let masked = try mask(row)
            out.writeMultipleIntegers(Tag.copyData, UInt32(clamping: masked.readableBytes + 4))
            out.writeImmutableBuffer(masked)
        }
        return (out, rows)
    }

    private mutating func mask(_ row: ByteBuffer) throws(PostgresFault) -> ByteBuffer {
        let isFirst = hasHeader
        hasHeader = false
        switch layout {
        case .binary: return try maskBinary(row, isFirst: isFirst)
        case .text, .csv:
            guard !isFirst else { return row }
            rows &+= 1
            return try maskText(row)
        }
    }

    private static let unread = PostgresFault(
        .unsupported,
        "the database sent data of a COPY that are not what was expected, so that they cannot be masked",
        code: "42501",
        remedy: "select the rows instead"
    )

    // MARK: Text and CSV

    private func maskText(_ row: ByteBuffer) throws(PostgresFault) -> ByteBuffer {
        let octets = row.readableBytesView
        guard octets.last == UInt8(ascii: "\n") else { throw Self.unread }
        let fields = fields(octets.dropLast())
        // Without columns a row is an empty line.
        if treatments.isEmpty, octets.count == 1 { return row }
        guard fields.count == treatments.count else { throw Self.unread }
        var out = ByteBuffer()
        out.reserveCapacity(octets.count)
        for (place, field) in fields.enumerated() {
            if place > 0 { out.writeInteger(delimiter) }
            switch treatments[place] {
            case .pass: out.writeBytes(field)
            case _ where field.elementsEqual(null): out.writeBytes(field)
            case .fill: out.writeRepeatingByte(UInt8(ascii: "x"), count: field.count)
            case .null: out.writeBytes(null)
            }
        }
        out.writeInteger(UInt8(ascii: "\n"))
        return out
    }

    private var delimiter: UInt8 {
        switch layout {
        case .text(let delimiter, _, _), .csv(let delimiter, _, _, _, _): delimiter
        case .binary: 0
        }
    }

    private var null: [UInt8] {
        switch layout {
        case .text(_, let null, _), .csv(_, _, _, let null, _): null
        case .binary: []
        }
    }

    /// The fields of a row as they are written.
    private func fields(_ row: ByteBufferView.SubSequence) -> [ByteBufferView.SubSequence] {
        var fields: [ByteBufferView.SubSequence] = []
        var (start, place) = (row.startIndex, row.startIndex)
        var isQuoted = false
        while place < row.endIndex {
            let octet = row[place]
            let next = place + 1 < row.endIndex ? row[place + 1] : nil
            switch layout {
            case .text where octet == UInt8(ascii: "\\"): place += 1
            case .csv(_, let quote, let escape, _, _) where isQuoted:
                if octet == escape, next == quote || next == escape {
                    place += 1
                } else if octet == quote {
                    isQuoted = false
                }
            case .csv(_, let quote, _, _, _) where octet == quote: isQuoted = true
            case _ where octet == delimiter:
                fields.append(row[start..<place])
                start = place + 1
            default: break
            }
            place += 1
        }
        fields.append(row[start..<row.endIndex])
        return fields
    }

    // MARK: Binary

    /// `PGCOPY\n\377\r\n\0`, flags, the length of an extension.
    private static let signature: [UInt8] = Array("PGCOPY\n".utf8) + [0xFF, 0x0D, 0x0A, 0]

    private mutating func maskBinary(_ data: ByteBuffer, isFirst: Bool) throws(PostgresFault) -> ByteBuffer {
        var data = data
        var out = ByteBuffer()
        out.reserveCapacity(data.readableBytes)
        if isFirst {
            guard let head = data.readSlice(length: Self.signature.count + 8),
                head.readableBytesView.starts(with: Self.signature),
                head.getInteger(at: head.writerIndex - 8, as: UInt64.self) == 0
            else { throw Self.unread }
            out.writeImmutableBuffer(head)
        }
        while data.readableBytes > 0 {
            guard let count = data.readInteger(as: Int16.self) else { throw Self.unread }
            out.writeInteger(count)
            // The end.
            if count == -1, data.readableBytes == 0 { return out }
            guard Int(count) == treatments.count else { throw Self.unread }
            for treatment in treatments { try maskField(&data, treatment, &out) }
            rows &+= 1
        }
        return out
    }

    private func maskField(
        _ data: inout ByteBuffer,
        _ treatment: Treatment,
        _ out: inout ByteBuffer
    ) throws(PostgresFault) {
        guard let length = data.readInteger(as: Int32.self) else { throw Self.unread }
        guard length >= 0 else {
            out.writeInteger(Int32(-1))
            return
        }
        guard let value = data.readSlice(length: Int(length)) else { throw Self.unread }
        switch treatment {
        case .pass:
            out.writeInteger(length)
            out.writeImmutableBuffer(value)
        case .fill:
            out.writeInteger(length)
            out.writeRepeatingByte(UInt8(ascii: "x"), count: Int(length))
        case .null: out.writeInteger(Int32(-1))
        }
    }
}
