/// The random name of one supervisor's life.
enum RunName {
    /// Hex digits of a name: 48 bits, so that a million runs in one store are all but sure to differ.
    private static let digits = 12

    /// Twelve lower-case hex digits.
    static func random() -> String {
        let text = String(UInt64.random(in: 0..<1 << (4 * UInt64(digits))), radix: 16)
        return String(repeating: "0", count: digits - text.count) + text
    }
}
