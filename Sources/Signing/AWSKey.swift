internal import Model

/// An access key of AWS: what signs.
///
/// Has no description: it is a secret.
package struct AWSKey: Sendable, CustomStringConvertible, CustomReflectable {
    package let id: String
    package let secret: String
    /// Of temporary keys.
    package let token: String?

    /// Reads `ID:SECRET` or `ID:SECRET:TOKEN`, as the credential store gives it; nil for anything else.
    package init?(_ text: String) {
        let parts = text.cut(at: ":", maxSplits: 2, omittingEmptySubsequences: false)
        guard parts.count >= 2, parts.allSatisfy({ !$0.isEmpty }) else { return nil }
        id = String(parts[0])
        secret = String(parts[1])
        token = parts.count == 3 ? String(parts[2]) : nil
    }

    package var description: String { "AWSKey" }
    package var customMirror: Mirror { Mirror(self, children: []) }
}

/// A moment as AWS writes it: `20150830T123600Z`.
package struct AWSTime: Sendable, Hashable {
    package let text: String

    /// `20150830`.
    package var day: Substring { text.prefix(8) }

    /// Seconds since 1970; years 1970 to 9999.
    package init(seconds: Int64) {
        let moment = min(max(seconds, 0), 253_402_300_799)
        let (days, second) = (moment / 86_400, moment % 86_400)
        // From days to a date of the Gregorian calendar, in eras of 400 years that begin in March (Hinnant, "chrono-Compatible
        // Low-Level Date Algorithms", civil_from_days).
        let shifted = days + 719_468
        let era = shifted / 146_097
        let dayOfEra = shifted % 146_097
        let yearOfEra = (dayOfEra - dayOfEra / 1_460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let part = (5 * dayOfYear + 2) / 153
        let month = part < 10 ? part + 3 : part - 9
        let year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0)
        let day = dayOfYear - (153 * part + 2) / 5 + 1
        let date = Self.digits(year, 4) + Self.digits(month, 2) + Self.digits(day, 2)
        let time =
            Self.digits(second / 3_600, 2) + Self.digits(second / 60 % 60, 2) + Self.digits(second % 60, 2)
        text = "\(date)T\(time)Z"
    }

    private static func digits(_ number: Int64, _ count: Int) -> String {
        let text = String(number)
        return String(repeating: "0", count: max(0, count - text.utf8.count)) + text
    }
}
