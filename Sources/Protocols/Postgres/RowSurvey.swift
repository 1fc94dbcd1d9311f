internal import Glibc
internal import NIOCore

/// Some rows, with what is to be done to their fields.
///
/// What is searched is searched in one pass, in a copy of the rows in which everything else is line ends: so each text stands
/// where it stands in the rows.
struct RowSurvey {
    private enum Deed {
        case null
        case fill
        /// In place.
        case search
        /// Not given where something is found.
        case searchOrNull
        /// The same of a number, by its place among the numbers.
        case number(Range<Int>)
    }

    private struct Spot {
        let place: Int
        let length: Int
        let deed: Deed

        var range: Range<Int> { place..<place + length }
    }

    private(set) var texts: ByteBuffer
    /// Those that are text only here, each with a line's end behind it.
    private(set) var numbers = ByteBuffer()
    private var spots: [Spot] = []
    /// Whatever is found.
    private(set) var isRewritten = false
    private(set) var rows: UInt64 = 0

    /// Nil where a row is not what was described.
    init?(_ rows: ByteBuffer, _ treatments: [RowPlan.Treatment]) {
        texts = rows
        var copy = rows
        let isRead = unsafe copy.withUnsafeMutableReadableBytes { text in
            unsafe rows.withUnsafeReadableBytes { unsafe read($0, text, treatments) }
        }
        guard isRead else { return nil }
        texts = copy
    }

    private mutating func read(
        _ rows: UnsafeRawBufferPointer,
        _ text: UnsafeMutableRawBufferPointer,
        _ treatments: [RowPlan.Treatment]
    ) -> Bool {
        var place = 0
        while place < rows.count {
            guard let end = unsafe Self.end(rows, place), end - place >= FrameReader.header + 2,
                unsafe Int(Self.integer(rows, place + FrameReader.header, as: UInt16.self))
                    == treatments.count
            else { return false }
            unsafe Self.blank(text, place, FrameReader.header + 2)
            place += FrameReader.header + 2
            for treatment in treatments {
                guard end - place >= 4 else { return false }
                let length = unsafe Int(Self.integer(rows, place, as: Int32.self))
                unsafe Self.blank(text, place, 4)
                place += 4
                guard length >= 0 else { continue }
                guard length <= end - place else { return false }
                let field = unsafe UnsafeRawBufferPointer(rebasing: rows[place..<place + length])
                unsafe note(treatment, field, place)
                if case .search = spots.last?.deed, spots.last?.place == place {
                } else if case .searchOrNull = spots.last?.deed, spots.last?.place == place {
                    // Of a number the whole part: a card with a fraction is none to those who look for cards.
                    let whole = unsafe field.firstIndex(of: UInt8(ascii: ".")) ?? length
                    unsafe Self.blank(text, place + whole, length - whole)
                } else {
                    unsafe Self.blank(text, place, length)
                }
                place += length
            }
            guard place == end else { return false }
            self.rows &+= 1
        }
        return true
    }

    private mutating func note(_ treatment: RowPlan.Treatment, _ field: UnsafeRawBufferPointer, _ place: Int)
    {
        switch treatment {
        case .pass: return
        case .null: add(.null, place, field.count)
        case .fill: add(.fill, place, field.count)
        case .search: add(.search, place, field.count)
        case .searchOrNull: add(.searchOrNull, place, field.count)
        case .guess: unsafe add(Self.looksLikeText(field) ? .search : .null, place, field.count)
        case .number(let type):
            guard let number = unsafe BinaryNumber.text(field, type: type) else {
                return add(.null, place, field.count)
            }
            let start = numbers.readableBytes
            numbers.writeBytes(number)
            numbers.writeInteger(UInt8(ascii: "\n"))
            add(.number(start..<start + number.count), place, field.count)
        }
    }

    private mutating func add(_ deed: Deed, _ place: Int, _ length: Int) {
        switch deed {
        case .null, .fill: isRewritten = true
        case .search, .searchOrNull, .number: break
        }
        spots.append(Spot(place: place, length: length, deed: deed))
    }

    // MARK: Writing

    /// The rows anew.
    func write(
        _ rows: ByteBuffer,
        _ texts: MaskBatch,
        _ numbers: MaskBatch
    ) throws(PostgresFault) -> ByteBuffer {
        if !texts.holdsKey, try !hidesAny(texts, numbers) { return overwritten(rows, texts.octets) }
        var changes: [(spot: Spot, fresh: ByteBuffer?)] = []
        for spot in spots {
            switch spot.deed {
            case .null: changes.append((spot, nil))
            case .fill: changes.append((spot, ByteBuffer(repeating: UInt8(ascii: "x"), count: spot.length)))
            case .search:
                if let fresh = try texts.masked(spot.range) { changes.append((spot, fresh)) }
            case .searchOrNull:
                if try texts.masked(spot.range) != nil { changes.append((spot, nil)) }
            case .number(let range):
                if try numbers.masked(range) != nil { changes.append((spot, nil)) }
            }
        }
        return rewritten(rows, changes)
    }

    /// Whether a field becomes NULL, and the lengths change.
    private func hidesAny(_ texts: MaskBatch, _ numbers: MaskBatch) throws(PostgresFault) -> Bool {
        for spot in spots {
            switch spot.deed {
            case .null: return true
            case .fill, .search: continue
            case .searchOrNull: if try texts.masked(spot.range) != nil { return true }
            case .number(let range): if try numbers.masked(range) != nil { return true }
            }
        }
        return false
    }

    /// With the same lengths.
    private func overwritten(_ rows: ByteBuffer, _ masked: ByteBuffer) -> ByteBuffer {
        var out = rows
        unsafe out.withUnsafeMutableReadableBytes { target in
            unsafe masked.withUnsafeReadableBytes { source in
                guard let target = target.baseAddress, let source = source.baseAddress else { return }
                for spot in spots {
                    switch spot.deed {
                    case .fill: unsafe memset(target + spot.place, Int32(UInt8(ascii: "x")), spot.length)
                    case .search: unsafe memcpy(target + spot.place, source + spot.place, spot.length)
                    case .null, .searchOrNull, .number: continue
                    }
                }
            }
        }
        return out
    }

    /// With other lengths: what is not given has the length -1.
    private func rewritten(_ rows: ByteBuffer, _ changes: [(spot: Spot, fresh: ByteBuffer?)]) -> ByteBuffer {
        var out = ByteBuffer()
        out.reserveCapacity(rows.readableBytes)
        var next = 0
        var place = 0
        while place < rows.readableBytes,
            let end = unsafe rows.withUnsafeReadableBytes({ unsafe Self.end($0, place) })
        {
            let begin = out.writerIndex
            while next < changes.count, changes[next].spot.place - 4 < end {
                let (spot, fresh) = changes[next]
                next += 1
                copy(rows, place..<spot.place - 4, &out)
                out.writeInteger(fresh.map { Int32(truncatingIfNeeded: $0.readableBytes) } ?? -1)
                if let fresh { out.writeImmutableBuffer(fresh) }
                place = spot.place + spot.length
            }
            copy(rows, place..<end, &out)
            out.setInteger(UInt32(clamping: out.writerIndex - begin - 1), at: begin + 1)
            place = end
        }
        return out
    }

    private func copy(_ rows: ByteBuffer, _ range: Range<Int>, _ out: inout ByteBuffer) {
        guard let part = rows.getSlice(at: rows.readerIndex + range.lowerBound, length: range.count) else {
            return
        }
        out.writeImmutableBuffer(part)
    }

    // MARK: Octets

    /// Where the message ends that begins here; nil where it is not whole.
    private static func end(_ rows: UnsafeRawBufferPointer, _ place: Int) -> Int? {
        guard rows.count - place >= FrameReader.header else { return nil }
        let length = unsafe Int(integer(rows, place + 1, as: UInt32.self))
        return length < rows.count - place ? place + 1 + length : nil
    }

    /// Within the rows: the caller has looked.
    private static func integer<Integer: FixedWidthInteger>(
        _ rows: UnsafeRawBufferPointer,
        _ place: Int,
        as type: Integer.Type
    ) -> Integer {
        unsafe Integer(bigEndian: rows.loadUnaligned(fromByteOffset: place, as: type))
    }

    private static func blank(_ text: UnsafeMutableRawBufferPointer, _ place: Int, _ length: Int) {
        guard length > 0, let base = text.baseAddress else { return }
        unsafe memset(base + place, 0x0A, length)
    }

    private static func looksLikeText(_ octets: UnsafeRawBufferPointer) -> Bool {
        unsafe octets.allSatisfy { $0 >= 0x20 && $0 != 0x7F || (0x09...0x0D).contains($0) }
            && String(validating: octets, as: UTF8.self) != nil
    }
}
