internal import Model

/// Reads amounts with their units.
package enum Quantity {
    /// Bytes: a whole number and one of `B`, `KiB`, `MiB`, `GiB`, `TiB`.
    package static func size(_ text: String) throws(TextProblem) -> UInt64 {
        try amount(
            text,
            units: ["B": 1, "KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30, "TiB": 1 << 40],
            confused: [
                "K": "KiB", "KB": "KiB", "k": "KiB", "kB": "KiB", "M": "MiB", "MB": "MiB", "G": "GiB",
                "GB": "GiB",
                "T": "TiB", "TB": "TiB",
            ],
            example: "512MiB",
            nothing: "\"\(text)\" leaves room for nothing; leave it out or write more"
        )
    }

    /// Milliseconds: a whole number and one of `ms`, `s`, `m`, `h`; within a range, where there is one, which `bounds` says in words.
    package static func duration(
        _ text: String,
        in range: ClosedRange<UInt64>? = nil,
        _ bounds: String? = nil
    ) throws(TextProblem) -> UInt64 {
        let value = try duration(text, nothing: bounds ?? ofNothing)
        guard range?.contains(value) ?? true else {
            throw TextProblem(bounds ?? "\"\(text)\" is out of range")
        }
        return value
    }

    /// Of a limit of 0, which nobody can have meant.
    private static let ofNothing = "a limit of 0 lets nothing run; leave it out or write a positive one"

    private static func duration(_ text: String, nothing: String) throws(TextProblem) -> UInt64 {
        try amount(
            text,
            units: ["ms": 1, "s": 1000, "m": 60_000, "h": 3_600_000],
            confused: [
                "sec": "s", "secs": "s", "min": "m", "mins": "m", "minutes": "m", "hour": "h", "hours": "h",
            ],
            example: "30m",
            nothing: nothing
        )
    }

    /// Milliseconds of what is kept for long: a whole number and one of `s`, `m`, `h`, `d`.
    package static func age(_ text: String) throws(TextProblem) -> UInt64 {
        try amount(
            text,
            units: ["s": 1000, "m": 60_000, "h": 3_600_000, "d": 86_400_000],
            confused: ["day": "d", "days": "d", "hour": "h", "hours": "h", "min": "m"],
            example: "90d",
            nothing: "\"\(text)\" is no time; leave it out or write one, as in 90d"
        )
    }

    /// Thousandths of a CPU: a decimal number with at most three places.
    package static func milliCPUs(_ text: String) throws(TextProblem) -> UInt64 {
        let parts = text.cut(at: ".", maxSplits: 1, omittingEmptySubsequences: false)
        let places = parts.count == 2 ? parts[1] : "0"
        guard isDigits(parts[0]), isDigits(places), places.utf8.count <= 3, let whole = UInt64(parts[0]),
            let thousandths = UInt64(places + String(repeating: "0", count: 3 - places.utf8.count))
        else {
            throw TextProblem(
                "\"\(text)\" is not a number of CPUs, as in 2 or 0.5, with at most three places"
            )
        }
        let (product, overflow) = whole.multipliedReportingOverflow(by: 1000)
        let (sum, carry) = product.addingReportingOverflow(thousandths)
        guard !overflow, !carry else { throw TextProblem("\"\(text)\" is too large") }
        guard sum > 0 else { throw TextProblem(ofNothing) }
        return sum
    }

    /// A positive whole number without a unit.
    package static func count(_ text: String) throws(TextProblem) -> UInt64 {
        guard isDigits(text) else { throw TextProblem("\"\(text)\" is not a whole number") }
        guard let value = UInt64(text) else { throw TextProblem("\"\(text)\" is too large") }
        guard value > 0 else { throw TextProblem(ofNothing) }
        return value
    }

    private static func amount(
        _ text: String,
        units: [String: UInt64],
        confused: [String: String],
        example: String,
        nothing: String
    ) throws(TextProblem) -> UInt64 {
        let end = text.utf8.firstIndex { !(0x30...0x39).contains($0) } ?? text.endIndex
        let digits = text[..<end]
        let unit = String(text[end...])
        let known = units.sorted { $0.value < $1.value }.map(\.key).joined(separator: ", ")
        guard !digits.isEmpty, isDigits(digits) else {
            throw TextProblem("\"\(text)\" is not a whole number with a unit, as in \(example)")
        }
        guard let factor = units[unit] else {
            let meant = confused[unit] ?? NearestWord.nearest(to: unit, in: units.keys.sorted())
            throw TextProblem(
                unit.isEmpty
                    ? "\"\(text)\" has no unit; it may be \(known)"
                    : "unknown unit \"\(unit)\"; it may be \(known)",
                suggestion: meant.map { digits + $0 },
                offset: digits.count
            )
        }
        guard let value = UInt64(digits) else { throw TextProblem("\"\(text)\" is too large") }
        let (product, overflow) = value.multipliedReportingOverflow(by: factor)
        guard !overflow else { throw TextProblem("\"\(text)\" is too large") }
        guard product > 0 else { throw TextProblem(nothing) }
        return product
    }

    private static func isDigits(_ text: some StringProtocol) -> Bool {
        !text.isEmpty && text.utf8.allSatisfy { (0x30...0x39).contains($0) }
    }
}
