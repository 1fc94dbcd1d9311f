internal import Foundation
package import Model

/// A signed statement that the log had reached a record: kept elsewhere it shows, later, that a tail was cut off or the log
/// written anew.
///
/// One line, `DOMAIN SEQUENCE HASH TIME PUBLIC-KEY SIGNATURE`, numbers decimal and octets lower-case hex; signed (Ed25519, RFC 8032) is
/// all that stands before the last space.
package struct Checkpoint: Sendable, Hashable {
    /// The last record, and its hash.
    package let sequence: Int64
    let hash: Data
    package let time: Timestamp
    let key: Data
    private let signature: Data

    private static let domain = "bailey-audit-checkpoint-v1"

    init(_ head: Head, at time: Timestamp, key: SigningKey) throws {
        (sequence, hash, self.time, self.key) = (head.sequence, head.hash, time, key.publicKey)
        let text = Self.text(sequence, hash, time, key.publicKey)
        signature = try key.sign(Data(text.utf8))
    }

    /// Of the end of a store as its signed head names it, at this moment.
    package init(ofStore directory: String, at time: Timestamp = AuditStore.wallClock()) throws {
        let state = try StateDirectory(directory, create: false)
        let trust: StoreTrust
        do {
            trust = try StoreTrust(state)
        } catch let stop as Stop {
            throw BrokenStore(finding: stop.finding, path: directory)
        }
        let keys = try state.directory("keys", create: false)
        try self.init(trust.head, at: time, key: SigningKey(in: keys, mayCreate: false))
    }

    /// Nil for what is none; who signed it is for the caller to ask.
    init?(line: some Collection<UInt8>) {
        let fields = line.split(separator: UInt8(ascii: " "), omittingEmptySubsequences: false)
        guard fields.count == 6, fields[0].elementsEqual(Self.domain.utf8),
            let sequence = Int64(String(decoding: fields[1], as: UTF8.self)), sequence >= 0,
            let time = Int64(String(decoding: fields[3], as: UTF8.self)),
            let hash = Data(hex: fields[2]), let key = Data(hex: fields[4]),
            let signature = Data(hex: fields[5])
        else { return nil }
        (self.sequence, self.hash, self.time) = (sequence, hash, Timestamp(milliseconds: time))
        (self.key, self.signature) = (key, signature)
        // One way to write each: the text that was signed.
        guard self.line.utf8.elementsEqual(line) else { return nil }
    }

    /// Whether it may be the first part of one, of a writer that died in the middle of it: a proper prefix of the form.
    static func isBegun(_ line: some Collection<UInt8>) -> Bool {
        let fields = line.split(separator: UInt8(ascii: " "), omittingEmptySubsequences: false)
        guard !line.isEmpty, fields.count <= form.count, let last = fields.last else { return false }
        for (field, shape) in zip(fields.dropLast(), form) {
            guard shape.isWhole(field) else { return false }
        }
        let shape = form[fields.count - 1]
        return shape.begins(with: last) && !(fields.count == form.count && shape.isWhole(last))
    }

    /// What each field is made of.
    private enum Shape {
        case domain
        case number
        case octets(Int)

        /// Digits of an `Int64`.
        private static let longest = 19

        func begins(with field: some Collection<UInt8>) -> Bool {
            switch self {
            case .domain: Checkpoint.domain.utf8.starts(with: field)
            case .number: field.count <= Self.longest && field.allSatisfy { (0x30...0x39).contains($0) }
            case .octets(let count):
                field.count <= 2 * count
                    && field.allSatisfy { (0x30...0x39).contains($0) || (0x61...0x66).contains($0) }
            }
        }

        func isWhole(_ field: some Collection<UInt8>) -> Bool {
            guard begins(with: field) else { return false }
            return switch self {
            case .domain: field.count == Checkpoint.domain.utf8.count
            case .number: !field.isEmpty
            case .octets(let count): field.count == 2 * count
            }
        }
    }

    /// `DOMAIN SEQUENCE HASH TIME PUBLIC-KEY SIGNATURE`, with a SHA-256, and Ed25519's lengths (RFC 8032 section 5.1).
    private static let form: [Shape] = [.domain, .number, .octets(32), .number, .octets(32), .octets(64)]

    package var line: String { "\(Self.text(sequence, hash, time, key)) \(signature.hex)" }

    /// A key signed all that it says.
    func isGenuine(_ verifying: VerifyingKey) -> Bool {
        key == verifying.octets
            && verifying.accepts(signature, of: Data(Self.text(sequence, hash, time, key).utf8))
    }

    private static func text(_ sequence: Int64, _ hash: Data, _ time: Timestamp, _ key: Data) -> String {
        "\(domain) \(sequence) \(hash.hex) \(time.milliseconds) \(key.hex)"
    }
}
