/// A parameter of a statement, or a column of a row.
package enum PostgresValue: Sendable, Hashable {
    case null
    /// UTF-8, in the server's text form.
    case text([UInt8])
    /// In the server's binary form.
    case octets([UInt8])

    package static func text(_ text: some StringProtocol) -> PostgresValue { .text(Array(text.utf8)) }
    package static func number(_ number: Int64) -> PostgresValue { .text(Array("\(number)".utf8)) }

    /// What there is of it; nil for NULL.
    package var octets: [UInt8]? {
        switch self {
        case .null: nil
        case .text(let octets), .octets(let octets): octets
        }
    }

    /// A `bigint` of a row: eight octets, most significant first (protocol version 3.0, "binary").
    package var number: Int64? {
        guard let octets, octets.count == 8 else { return nil }
        return Int64(bitPattern: octets.reduce(0) { $0 << 8 | UInt64($1) })
    }

    /// A `text` of a row.
    package var string: String? { octets.flatMap { String(validating: $0, as: UTF8.self) } }

    /// A `boolean` of a row.
    package var isTrue: Bool { octets == [1] }
}
