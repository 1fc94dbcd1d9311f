/// What a column's type says about masking its values, by its number in the catalog (pg_type.dat of PostgreSQL 15).
enum ColumnType {
    /// Its octets are its text, in either format.
    case text
    /// Text in which not every text is valid: JSON, XML, arrays of text.
    case structured
    /// A number with room for a card's or a person's.
    case number
    /// Holds nothing that could be found, in either format.
    case plain
    /// Anything else.
    case other

    init(_ number: UInt32) {
        self =
            switch number {
            // char, name, text, unknown, bpchar, varchar
            case 18, 19, 25, 705, 1042, 1043: .text
            // json, xml, jsonb, and arrays of text, bpchar, varchar
            case 114, 142, 3802, 1009, 1014, 1015: .structured
            // int8, money, numeric
            case 20, 790, 1700: .number
            // bool, bytea, int2, int4, oid, tid, xid, cid, xid8
            case 16, 17, 21, 23, 26, 27, 28, 29, 5069: .plain
            // point, lseg, path, box, polygon, line, circle, float4, float8
            case 600...604, 628, 718, 700, 701: .plain
            // macaddr8, macaddr, inet, cidr
            case 774, 829, 869, 650: .plain
            // date, time, timestamp, timestamptz, interval, timetz, bit, varbit, uuid, pg_lsn, void
            case 1082, 1083, 1114, 1184, 1186, 1266, 1560, 1562, 2950, 3220, 2278: .plain
            // regproc and its like, oidvector, int2vector
            case 24, 2202...2206, 3734, 3769, 4089, 4096, 4191, 22, 30: .plain
            default: .other
            }
    }
}

/// Numbers in the binary format, as text.
enum BinaryNumber {
    /// Of an int8 or a numeric; nil for anything else.
    static func text(_ octets: some RandomAccessCollection<UInt8>, type: UInt32) -> [UInt8]? {
        switch type {
        case 20, 790:
            guard octets.count == 8 else { return nil }
            return Array(String(Int64(bitPattern: octets.reduce(0) { $0 << 8 | UInt64($1) })).utf8)
        case 1700: return numeric(Array(octets))
        default: return nil
        }
    }

    /// `numeric_send`: count of digits to the base 10,000, weight of the first, sign, scale, digits; its whole part.
    private static func numeric(_ octets: [UInt8]) -> [UInt8]? {
        guard octets.count >= 8, octets.count % 2 == 0 else { return nil }
        let words = stride(from: 0, to: octets.count, by: 2).map {
            UInt16(octets[$0]) << 8 | UInt16(octets[$0 + 1])
        }
        guard words.count == 4 + Int(words[0]) else { return nil }
        let weight = Int(Int16(bitPattern: words[1]))
        let digits = words[4...]
        // No number that is looked for has so many.
        guard weight < 16 else { return [] }
        var text: [UInt8] = []
        for place in 0..<max(0, weight + 1) {
            let digit = place < digits.count ? digits[4 + place] : 0
            guard digit < 10_000 else { return nil }
            let group = Array(String(digit).utf8)
            if !text.isEmpty { text += [UInt8](repeating: 0x30, count: 4 - group.count) }
            if !text.isEmpty || digit > 0 { text += group }
        }
        return text
    }
}
