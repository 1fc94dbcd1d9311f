/// Names of header fields, found whatever their case, without a lower-case copy of what is looked for: every field of
/// every message is.
struct FieldNames: Sendable {
    /// By their length, in octets of lower case.
    private let byLength: [[[UInt8]]]
    /// Whether `_` counts as `-`, as CGI and WSGI servers have it.
    private let foldsUnderscore: Bool

    init(_ names: [String], foldingUnderscore: Bool = false) {
        var byLength = [[[UInt8]]](repeating: [], count: 1 + (names.map(\.utf8.count).max() ?? 0))
        for name in names { byLength[name.utf8.count].append(Array(name.utf8)) }
        self.byLength = byLength
        foldsUnderscore = foldingUnderscore
    }

    func contains(_ name: String) -> Bool {
        let count = name.utf8.count
        guard count < byLength.count else { return false }
        return byLength[count].contains { begins(name, with: $0) }
    }

    /// Whether one of these stands at the front of `name`.
    func beginAny(_ name: String) -> Bool {
        byLength.contains { $0.contains { begins(name, with: $0) } }
    }

    private func begins(_ name: String, with known: [UInt8]) -> Bool {
        var octets = name.utf8.makeIterator()
        for octet in known {
            guard let next = octets.next(), folded(next) == octet else { return false }
        }
        return true
    }

    private func folded(_ octet: UInt8) -> UInt8 {
        switch octet {
        case UInt8(ascii: "A")...UInt8(ascii: "Z"): octet | 0x20
        case UInt8(ascii: "_") where foldsUnderscore: UInt8(ascii: "-")
        default: octet
        }
    }
}
