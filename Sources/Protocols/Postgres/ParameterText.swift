internal import Model
internal import NIOCore

/// One parameter as text.
struct ParameterText {
    let octets: [UInt8]
    /// Octets that are left off.
    let more: Int
    /// Nothing that rules name can be in it.
    let isPlain: Bool

    static let hidden = ParameterText("***")

    private init(_ text: String) {
        (octets, more, isPlain) = (Array(text.utf8), 0, true)
    }

    private init(text: some RandomAccessCollection<UInt8>) {
        let start = text.prefix(StatementRecordLimits.valueRead)
        octets = Array(start)
        more = text.count - start.count
        isPlain = octets.count < Self.shortest && !octets.contains(UInt8(ascii: "@"))
    }

    /// Octets of the shortest thing that a rule names, but for addresses of mail: DNI and NINO have nine.
    private static let shortest = 9

    /// - Parameters:
    ///   - value: as it came.
    ///   - type: 0 where it is not known.
    ///   - isBinary: its format.
    ///   - isSearched: rules mask something: what cannot be read is not shown.
    init(_ value: ByteBuffer, type: UInt32, isBinary: Bool, isSearched: Bool) {
        guard isBinary else {
            self.init(text: value.readableBytesView)
            return
        }
        self.init(binary: value, type: type, isSearched: isSearched)
    }

    /// The same of one in binary; `isWhole` leaves nothing off.
    init(binary value: ByteBuffer, type: UInt32, isSearched: Bool = false, isWhole: Bool = false) {
        let view = value.readableBytesView
        if let text = BinaryValue.text(view, type: type) {
            self.init(text: text)
        } else if BinaryValue.isText(view, type: type) {
            let text = type == BinaryValue.jsonb ? view.dropFirst() : view
            self = isWhole ? ParameterText(whole: text) : ParameterText(text: text)
        } else if isWhole {
            self.init("\\x" + view.hex)
        } else if isSearched || BinaryValue.holdsWords(view) {
            self.init("[binary: \(view.count) octets]")
        } else {
            let start = view.prefix(Self.shownInHex)
            let rest = view.count > start.count ? "[cut: \(view.count - start.count) more octets]" : ""
            self.init("\\x" + start.hex + rest)
        }
    }

    /// Octets of a value in hexadecimal.
    private static let shownInHex = 64

    private init(whole text: some Collection<UInt8>) {
        (octets, more, isPlain) = (Array(text), 0, false)
    }
}

/// Values in the binary format, by their types' numbers in the catalog (pg_type.dat of PostgreSQL 15).
enum BinaryValue {
    static let jsonb: UInt32 = 3802

    /// As the server writes it; nil for what is left as it is.
    static func text(_ octets: ByteBufferView, type: UInt32) -> [UInt8]? {
        switch (type, octets.count) {
        case (16, 1): return Array((octets.first == 1 ? "t" : "f").utf8)
        case (21, 2), (23, 4), (20, 8): return Array(String(signed(octets)).utf8)
        case (26, 4): return Array(String(number(octets)).utf8)
        case (700, 4): return Array("\(Float(bitPattern: UInt32(truncatingIfNeeded: number(octets))))".utf8)
        case (701, 8): return Array("\(Double(bitPattern: number(octets)))".utf8)
        case (1082, 4): return Moment.date(signed(octets)).map { Array($0.utf8) }
        case (1114, 8): return Moment.timestamp(signed(octets)).map { Array($0.utf8) }
        case (1184, 8): return Moment.timestamp(signed(octets)).map { Array(($0 + "+00").utf8) }
        case (2950, 16): return Array(uuid(octets).utf8)
        case (1700, _): return Numeric.text(Array(octets))
        default: return nil
        }
    }

    /// Whether its octets are its text: of such a type, or of one that is not known and it looks so.
    static func isText(_ octets: ByteBufferView, type: UInt32) -> Bool {
        switch ColumnType(type) {
        case .text: true
        case .structured: type == 114 || type == 142 || (type == jsonb && octets.first == 1)
        case .other:
            !octets.isEmpty && octets.allSatisfy(isPrintable)
                && String(validating: octets, as: Unicode.UTF8.self) != nil
        case .number, .plain: false
        }
    }

    /// Whether somebody could read something in it: what is not known may be a text within.
    static func holdsWords(_ octets: ByteBufferView) -> Bool {
        var run = 0
        for octet in octets {
            run = isPrintable(octet) ? run + 1 : 0
            if run >= wordLength { return true }
        }
        return false
    }

    /// Octets of text behind one another that chance seldom makes.
    private static let wordLength = 6

    private static func isPrintable(_ octet: UInt8) -> Bool {
        octet >= 0x20 && octet != 0x7F || (0x09...0x0D).contains(octet)
    }

    private static func number(_ octets: ByteBufferView) -> UInt64 {
        octets.reduce(0) { $0 << 8 | UInt64($1) }
    }

    /// Of as many octets as there are.
    private static func signed(_ octets: ByteBufferView) -> Int64 {
        let shift = Int64(64 - 8 * octets.count)
        return Int64(bitPattern: number(octets) << UInt64(shift)) >> shift
    }

    private static func uuid(_ octets: ByteBufferView) -> String {
        var rest = octets[...]
        let parts = [4, 2, 2, 2, 6].map { count in
            defer { rest = rest.dropFirst(count) }
            return rest.prefix(count).hex
        }
        return parts.joined(separator: "-")
    }
}

/// Dates, as the server counts them: from the first day of 2000, in the Gregorian calendar.
private enum Moment {
    /// Days from the first of 1970 to that of 2000.
    private static let epoch: Int64 = 10_957
    private static let day: Int64 = 86_400_000_000

    /// Nil for what is no day of the years that are written with four digits, `infinity` too.
    static func date(_ days: Int64) -> String? {
        guard (-730_119...2_921_939).contains(days) else { return nil }
        // Years begin in March, so that the day of a leap year is the last (proleptic Gregorian, 400 years are 146,097 days).
        let shifted = days + epoch + 719_468
        let (era, dayOfEra) = shifted.quotientAndRemainder(dividingBy: 146_097)
        let yearOfEra = (dayOfEra - dayOfEra / 1_460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let month = (5 * dayOfYear + 2) / 153
        let civil = month < 10 ? month + 3 : month - 9
        let year = era * 400 + yearOfEra + (civil <= 2 ? 1 : 0)
        return "\(padded(year, 4))-\(padded(civil, 2))-\(padded(dayOfYear - (153 * month + 2) / 5 + 1, 2))"
    }

    static func timestamp(_ microseconds: Int64) -> String? {
        var (days, rest) = microseconds.quotientAndRemainder(dividingBy: day)
        if rest < 0 { (days, rest) = (days - 1, rest + day) }
        guard let date = date(days) else { return nil }
        let (seconds, fraction) = rest.quotientAndRemainder(dividingBy: 1_000_000)
        let time = "\(padded(seconds / 3_600, 2)):\(padded(seconds / 60 % 60, 2)):\(padded(seconds % 60, 2))"
        return "\(date) \(time)" + (fraction == 0 ? "" : ".\(padded(fraction, 6))")
    }

    private static func padded(_ number: Int64, _ width: Int) -> String {
        let digits = String(number)
        return String(repeating: "0", count: max(0, width - digits.utf8.count)) + digits
    }
}

/// `numeric_send`: count of digits to the base 10,000, weight of the first, sign, digits behind the point, digits.
private enum Numeric {
    /// Digits of a number that is shown.
    private static let most = 64

    static func text(_ octets: [UInt8]) -> [UInt8]? {
        guard octets.count >= 8, octets.count % 2 == 0 else { return nil }
        let words = stride(from: 0, to: octets.count, by: 2).map {
            UInt16(octets[$0]) << 8 | UInt16(octets[$0 + 1])
        }
        let weight = Int(Int16(bitPattern: words[1]))
        let scale = Int(words[3])
        guard words.count == 4 + Int(words[0]), words[2] == 0 || words[2] == 0x4000,
            weight * 4 + scale < most, weight > -most
        else { return nil }
        let digits = words[4...]
        let group = { (place: Int) -> String in
            let digit = place >= 0 && place < digits.count ? digits[4 + place] : 0
            let text = String(digit)
            return String(repeating: "0", count: max(0, 4 - text.utf8.count)) + text
        }
        let whole = weight < 0 ? "0" : (0...weight).map(group).joined()
        let trimmed = whole.utf8.drop { $0 == UInt8(ascii: "0") }
        var text = words[2] == 0 ? [] : Array("-".utf8)
        text += trimmed.isEmpty ? Array("0".utf8) : Array(trimmed)
        guard scale > 0 else { return text }
        let groups = (scale + 3) / 4
        let fraction = (weight + 1..<weight + 1 + groups).map(group).joined()
        return text + Array(".".utf8) + Array(fraction.utf8.prefix(scale))
    }
}
