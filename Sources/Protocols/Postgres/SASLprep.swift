internal import Foundation
internal import Model

/// Prepares a password for SCRAM (RFC 4013), so that one that is written in another way is the same.
///
/// As PostgreSQL does on both sides (`pg_saslprep` of its saslprep.c): the password goes as it is where it has a character that must not be
/// there, or is only such as are left out.
package enum SASLprep {
    package static func prepared(_ password: String) -> String {
        // Of ASCII nothing changes.
        guard !password.utf8.allSatisfy({ $0 < 0x80 }) else { return password }
        var mapped = String.UnicodeScalarView()
        for scalar in password.unicodeScalars {
            // In PostgreSQL's order: U+200B is in both tables.
            if Tables.shared.space.holds(scalar) {
                mapped.append(" ")
            } else if !Tables.shared.nothing.holds(scalar) {
                mapped.append(scalar)
            }
        }
        guard !mapped.isEmpty else { return password }
        // Foundation leaves some marks by themselves (U+FF76 U+FF9E): what is composed already stays.
        let normalised = String(mapped).precomposedStringWithCompatibilityMapping
            .precomposedStringWithCanonicalMapping
        return isSound(normalised.unicodeScalars) ? normalised : password
    }

    /// RFC 4013 sections 2.3 to 2.5.
    private static func isSound(_ text: String.UnicodeScalarView) -> Bool {
        let tables = Tables.shared
        guard !text.contains(where: { tables.prohibited.holds($0) || tables.unassigned.holds($0) }) else {
            return false
        }
        // RFC 3454 section 6.
        guard text.contains(where: tables.right.holds) else { return true }
        guard !text.contains(where: tables.left.holds), let first = text.first, let last = text.last else {
            return false
        }
        return tables.right.holds(first) && tables.right.holds(last)
    }

    /// Characters of one table.
    private struct Table {
        /// In order, none next to another.
        var ranges: [ClosedRange<UInt32>] = []

        func holds(_ scalar: Unicode.Scalar) -> Bool {
            var (low, high) = (0, ranges.count)
            while low < high {
                let middle = low + (high - low) / 2
                if ranges[middle].upperBound < scalar.value { low = middle + 1 } else { high = middle }
            }
            return low < ranges.count && ranges[low].contains(scalar.value)
        }
    }

    /// Those of `saslprep.tsv`.
    private struct Tables {
        private(set) var space = Table()
        private(set) var nothing = Table()
        private(set) var prohibited = Table()
        private(set) var unassigned = Table()
        private(set) var right = Table()
        private(set) var left = Table()

        static let shared = Tables(PackageResources.saslprep_tsv)

        private init(_ text: [UInt8]) {
            for line in String(decoding: text, as: Unicode.UTF8.self).cut(at: "\n") {
                let words = line.cut(at: "\t")
                guard words.count == 3, let first = UInt32(words[1], radix: 16),
                    let last = UInt32(words[2], radix: 16), first <= last
                else { continue }
                switch String(words[0]) {
                case "space": space.ranges.append(first...last)
                case "nothing": nothing.ranges.append(first...last)
                case "prohibited": prohibited.ranges.append(first...last)
                case "unassigned": unassigned.ranges.append(first...last)
                case "right": right.ranges.append(first...last)
                case "left": left.ranges.append(first...last)
                default: break
                }
            }
        }
    }
}
