internal import Model

/// A moment as assertions have it: xs:dateTime in UTC, `2027-01-31T12:00:00.5Z` (SAML core section 1.3.3).
enum UTCInstant {
    /// Octets of one: nanoseconds and more.
    private static let maximumLength = 40

    /// Milliseconds since 1970, of whole seconds; nil for anything else, also with an offset.
    static func milliseconds(_ text: String) -> Int64? {
        let octets = Array(text.utf8)
        guard (20...maximumLength).contains(octets.count), octets.last == UInt8(ascii: "Z"),
            octets[4] == UInt8(ascii: "-"), octets[7] == UInt8(ascii: "-"), octets[10] == UInt8(ascii: "T"),
            octets[13] == UInt8(ascii: ":"), octets[16] == UInt8(ascii: ":"),
            isFraction(octets[19..<octets.count - 1]),
            let year = number(octets[0..<4]), let month = number(octets[5..<7]),
            let day = number(octets[8..<10]),
            let hour = number(octets[11..<13]), let minute = number(octets[14..<16]),
            let second = number(octets[17..<19]),
            year >= 1970, (1...12).contains(month), (1...days(of: month, in: year)).contains(day), hour < 24,
            minute < 60,
            second < 60
        else { return nil }
        return (((days(until: year, month) + day - 1) * 24 + hour) * 60 + minute) * 60_000 + second * 1_000
    }

    /// Nothing, or a point with digits behind it.
    private static func isFraction(_ octets: ArraySlice<UInt8>) -> Bool {
        guard let first = octets.first else { return true }
        return first == UInt8(ascii: ".") && octets.count > 1 && octets.dropFirst().allSatisfy(isDigit)
    }

    private static func isDigit(_ octet: UInt8) -> Bool { (0x30...0x39).contains(octet) }

    private static func number(_ octets: ArraySlice<UInt8>) -> Int64? {
        guard octets.allSatisfy(isDigit) else { return nil }
        return octets.reduce(0) { $0 * 10 + Int64($1 - 0x30) }
    }

    private static func isLeap(_ year: Int64) -> Bool {
        year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
    }

    private static func days(of month: Int64, in year: Int64) -> Int64 {
        switch month {
        case 2: isLeap(year) ? 29 : 28
        case 4, 6, 9, 11: 30
        default: 31
        }
    }

    /// From 1970 to the first of a month.
    private static func days(until year: Int64, _ month: Int64) -> Int64 {
        let past = year - 1
        let leaps = past / 4 - past / 100 + past / 400 - 477
        return (1..<month).reduce((year - 1970) * 365 + leaps) { $0 + days(of: $1, in: year) }
    }
}
