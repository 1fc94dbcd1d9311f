internal import Foundation
internal import Model

/// The signed end of the store: `sequence` records were durable, the last with this `hash`.
///
/// Kept outside the database, so that a database whose tail was cut is found out.
struct Head: Sendable, Hashable {
    let sequence: Int64
    let hash: Data

    /// Nothing was written yet.
    static let empty = Head(sequence: 0, hash: StoredRecord.genesis)

    fileprivate static let domain = "bailey-audit-head-v1"

    /// One line, padded with spaces to a fixed length: `DOMAIN SEQUENCE HASH PUBLIC-KEY SIGNATURE`.
    func line(_ key: SigningKey, _ signature: Data) -> Data {
        let fields = [Self.domain, "\(sequence)", hash.hex, key.publicKey.hex, signature.hex]
        var line = Data(fields.joined(separator: " ").utf8)
        line.append(Data(repeating: UInt8(ascii: " "), count: AuditLimits.headLength - line.count - 1))
        line.append(UInt8(ascii: "\n"))
        return line
    }

    /// What is signed.
    var message: Data { Data("\(Self.domain)\0".utf8) + sequence.octets + hash }
}

/// A head as it was read: what it says, under which key, and whether that key says so.
struct ReadHead: Sendable {
    let head: Head
    let key: VerifyingKey
    let signature: Data

    init(_ head: Head, _ key: SigningKey, _ signature: Data) {
        self.head = head
        self.key = key.verifying
        self.signature = signature
    }

    /// Nil when the text has not the shape of a head.
    init?(_ data: Data) {
        guard data.count == AuditLimits.headLength else { return nil }
        let separators: [UInt8] = [UInt8(ascii: " "), UInt8(ascii: "\n")]
        let fields = data.split(whereSeparator: separators.contains)
        guard fields.count == 5, fields[0].elementsEqual(Head.domain.utf8),
            let sequence = Int64(String(decoding: fields[1], as: UTF8.self)),
            let hash = Data(hex: fields[2]), let octets = Data(hex: fields[3]),
            let key = VerifyingKey(octets), let signature = Data(hex: fields[4])
        else { return nil }
        head = Head(sequence: sequence, hash: hash)
        self.key = key
        self.signature = signature
    }

    /// The key it names did sign it; whether that key is ours is for the caller to ask.
    var isGenuine: Bool { key.accepts(signature, of: head.message) }
}

extension Data {
    /// From digits in ASCII.
    init?(hex text: some Sequence<UInt8>) {
        let digits = Array(text)
        guard digits.count.isMultiple(of: 2) else { return nil }
        var octets = Data(capacity: digits.count / 2)
        for index in stride(from: 0, to: digits.count, by: 2) {
            guard let high = Self.value(digits[index]), let low = Self.value(digits[index + 1]) else {
                return nil
            }
            octets.append(high << 4 | low)
        }
        self = octets
    }

    private static func value(_ digit: UInt8) -> UInt8? {
        switch digit {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): digit - UInt8(ascii: "0")
        case UInt8(ascii: "a")...UInt8(ascii: "f"): digit - UInt8(ascii: "a") + 10
        default: nil
        }
    }
}
