/// A moment of the wall clock: milliseconds since 1970-01-01T00:00:00Z.
package struct Timestamp: Sendable, Hashable, Comparable {
    package let milliseconds: Int64

    package init(milliseconds: Int64) {
        self.milliseconds = milliseconds
    }

    package static func < (left: Timestamp, right: Timestamp) -> Bool {
        left.milliseconds < right.milliseconds
    }
}

extension Timestamp {
    /// `2026-11-21T09:35:13.042Z` (RFC 3339), by the Gregorian calendar also before it began.
    package var text: String {
        let (days, rest) = Self.floor(milliseconds, by: 86_400_000)
        let (year, month, day) = Self.date(of: days)
        let (seconds, fraction) = rest.quotientAndRemainder(dividingBy: 1_000)
        return "\(Self.digits(year, 4))-\(Self.digits(month, 2))-\(Self.digits(day, 2))T"
            + "\(Self.digits(seconds / 3_600, 2)):\(Self.digits(seconds / 60 % 60, 2)):\(Self.digits(seconds % 60, 2))."
            + "\(Self.digits(fraction, 3))Z"
    }

    /// Of days since 1970-01-01: 400 years are 146,097 days, which are counted from a 1 March, so that the day that a leap
    /// year has more is a year's last.
    private static func date(of days: Int64) -> (year: Int64, month: Int64, day: Int64) {
        // From 1970-01-01 back to 0000-03-01.
        let (era, ofEra) = floor(days + 719_468, by: 146_097)
        let yearOfEra = (ofEra - ofEra / 1_460 + ofEra / 36_524 - ofEra / 146_096) / 365
        let ofYear = ofEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        // Months from March: 31, 30, 31, 30, 31, 31, 30, 31, 30, 31, 31 days.
        let fromMarch = (5 * ofYear + 2) / 153
        let month = fromMarch < 10 ? fromMarch + 3 : fromMarch - 9
        return (yearOfEra + 400 * era + (month <= 2 ? 1 : 0), month, ofYear - (153 * fromMarch + 2) / 5 + 1)
    }

    private static func floor(_ number: Int64, by divisor: Int64) -> (Int64, Int64) {
        let (quotient, rest) = number.quotientAndRemainder(dividingBy: divisor)
        return rest < 0 ? (quotient - 1, rest + divisor) : (quotient, rest)
    }

    private static func digits(_ number: Int64, _ count: Int) -> String {
        let text = "\(number)"
        return String(repeating: "0", count: max(0, count - text.utf8.count)) + text
    }
}
