/// A parse tree in JSON, read once from its first octet to its last: what stands where, and where each part ends.
struct TreeTape {
    /// One value, or the key before a member's value.
    struct Entry {
        enum Sort: UInt8 {
            case object
            case array
            case string
            case key
            /// A number, `true`, `false` or `null`.
            case plain
        }

        let sort: Sort
        /// The octets, of a string and a key without their quotes.
        let start: Int32
        var end: Int32
        /// The entry behind it and everything in it.
        var next: Int32
        /// Entries before this one that are the key `ColumnRef` or `CurrentOfExpr`.
        let columns: Int32
    }

    let octets: [UInt8]
    private(set) var entries: [Entry] = []

    /// Nil for what is no such tree; throws where it is too deep.
    init?(_ json: [UInt8]) throws(StatementFault) {
        octets = json
        // Some twelve octets for each in what the parser writes.
        entries.reserveCapacity(json.count / 12 + 8)
        guard json.count < Int32.max, try scan() else { return nil }
    }

    private static let columnKeys = [Array("ColumnRef".utf8), Array("CurrentOfExpr".utf8)]

    /// Whether it is one whole value.
    private mutating func scan() throws(StatementFault) -> Bool {
        var open: [Int] = []
        var (place, columns) = (0, Int32(0))
        while place < octets.count {
            let octet = octets[place]
            switch octet {
            case UInt8(ascii: "{"), UInt8(ascii: "["):
                guard open.count < StatementLimits.depth else { throw .tooDeep }
                open.append(entries.count)
                add(octet == UInt8(ascii: "{") ? .object : .array, place, place + 1, columns)
                place += 1
            case UInt8(ascii: "}"), UInt8(ascii: "]"):
                guard let start = open.popLast() else { return false }
                entries[start].end = Int32(truncatingIfNeeded: place + 1)
                entries[start].next = Int32(truncatingIfNeeded: entries.count)
                place += 1
            case UInt8(ascii: ","), UInt8(ascii: ":"), UInt8(ascii: " "):
                place += 1
            case UInt8(ascii: "\""):
                guard let end = stringEnd(place + 1) else { return false }
                let isKey = end + 1 < octets.count && octets[end + 1] == UInt8(ascii: ":")
                add(isKey ? .key : .string, place + 1, end, columns)
                if isKey, Self.columnKeys.contains(where: { octets[(place + 1)..<end].elementsEqual($0) }) {
                    columns += 1
                }
                place = end + 1
            default:
                let end = octets[place...].firstIndex { ",}]".utf8.contains($0) } ?? octets.count
                add(.plain, place, end, columns)
                place = end
            }
        }
        return open.isEmpty && !entries.isEmpty && Int(entries[0].next) == entries.count
    }

    private mutating func add(_ sort: Entry.Sort, _ start: Int, _ end: Int, _ columns: Int32) {
        entries.append(
            Entry(
                sort: sort,
                start: Int32(truncatingIfNeeded: start),
                end: Int32(truncatingIfNeeded: end),
                next: Int32(truncatingIfNeeded: entries.count + 1),
                columns: columns
            )
        )
    }

    /// Where the quote stands that ends the string that begins here.
    private func stringEnd(_ start: Int) -> Int? {
        var place = start
        while place < octets.count {
            switch octets[place] {
            case UInt8(ascii: "\""): return place
            case UInt8(ascii: "\\"): place += 2
            default: place += 1
            }
        }
        return nil
    }

    /// The octets of a key, or of a string as they stand there.
    func raw(_ index: Int) -> ArraySlice<UInt8> {
        octets[Int(entries[index].start)..<Int(entries[index].end)]
    }

    /// A string's text; nil for what is none.
    func text(_ index: Int) -> String? {
        guard entries[index].sort == .string else { return nil }
        let raw = raw(index)
        guard raw.contains(UInt8(ascii: "\\")) else { return String(decoding: raw, as: UTF8.self) }
        return Self.unescaped(raw)
    }

    /// The escapes that libpg_query writes: of control characters, quotes, backslashes, `<` and `>`.
    private static func unescaped(_ raw: ArraySlice<UInt8>) -> String? {
        var result: [UInt8] = []
        var rest = raw
        while let octet = rest.popFirst() {
            guard octet == UInt8(ascii: "\\") else {
                result.append(octet)
                continue
            }
            guard let escape = rest.popFirst() else { return nil }
            switch escape {
            case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): result.append(escape)
            case UInt8(ascii: "b"): result.append(0x08)
            case UInt8(ascii: "f"): result.append(0x0C)
            case UInt8(ascii: "n"): result.append(0x0A)
            case UInt8(ascii: "r"): result.append(0x0D)
            case UInt8(ascii: "t"): result.append(0x09)
            case UInt8(ascii: "u"):
                guard rest.count >= 4,
                    let value = UInt8(String(decoding: rest.prefix(4), as: UTF8.self), radix: 16),
                    value < 0x80
                else { return nil }
                result.append(value)
                rest = rest.dropFirst(4)
            default: return nil
            }
        }
        return String(decoding: result, as: UTF8.self)
    }

    /// The values of an array.
    func items(_ index: Int) -> [Int] {
        var items: [Int] = []
        var place = index + 1
        while place < Int(entries[index].next) {
            items.append(place)
            place = Int(entries[place].next)
        }
        return items
    }

    /// Whether a column is named somewhere in it.
    func namesColumn(_ index: Int) -> Bool {
        let next = Int(entries[index].next)
        let behind = next < entries.count ? entries[next].columns : total
        return behind > entries[index].columns
    }

    /// Of the last entry nothing is behind: what it holds is counted by its own.
    private var total: Int32 {
        guard let last = entries.last else { return 0 }
        return last.columns
    }
}
