/// Amounts as a profile has them, in the largest unit that divides them.
enum AmountText {
    /// `4GiB`.
    static func size(_ bytes: UInt64) -> String {
        text(bytes, [("TiB", 1 << 40), ("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10)], "B")
    }

    /// `30m`.
    static func duration(_ milliseconds: UInt64) -> String {
        text(milliseconds, [("h", 3_600_000), ("m", 60_000), ("s", 1_000)], "ms")
    }

    /// `0.25`.
    static func milliCPUs(_ thousandths: UInt64) -> String {
        let (whole, rest) = thousandths.quotientAndRemainder(dividingBy: 1_000)
        guard rest > 0 else { return "\(whole)" }
        var digits = "\(1_000 + rest)".dropFirst()
        while digits.utf8.last == UInt8(ascii: "0") { digits = digits.dropLast() }
        return "\(whole).\(digits)"
    }

    private static func text(_ amount: UInt64, _ units: [(String, UInt64)], _ base: String) -> String {
        let unit = units.first { amount % $0.1 == 0 && amount > 0 }
        return unit.map { "\(amount / $0.1)\($0.0)" } ?? "\(amount)\(base)"
    }
}
