/// The random name of one supervisor's life.
enum RunName {
    /// Eight lower-case hex digits.
    static func random() -> String {
        let digits = String(UInt32.random(in: .min ... .max), radix: 16)
        return String(repeating: "0", count: 8 - digits.count) + digits
    }
}
