internal import Foundation
internal import GRDB

/// The signature over one batch: which records it covers, and the hash of each.
///
/// One signature a batch keeps signing off the cost of a busy gateway; the list of hashes in it lets a
/// verifier name the very record that differs, even when the chain behind it was computed anew.
struct Seal: Sendable {
    let first: Int64
    let last: Int64
    /// 32 octets for each record, in order.
    let digests: Data
    let signature: Data

    init(_ records: [StoredRecord], first: Int64, key: SigningKey) throws {
        self.first = first
        last = first + Int64(records.count) - 1
        digests = records.reduce(into: Data()) { $0.append($1.hash) }
        signature = try key.sign(Self.message(first: first, last: last, digests: digests))
    }

    init(first: Int64, last: Int64, digests: Data, signature: Data) {
        (self.first, self.last, self.digests, self.signature) = (first, last, digests, signature)
    }

    /// Nil when a column has a type or a size that the store never writes.
    init?(row: Row) {
        let values = Array(row.databaseValues)
        guard values.count == 4, let last = Int64.fromDatabaseValue(values[0]),
            let first = Int64.fromDatabaseValue(values[1]),
            case .blob(let digests) = values[2].storage, case .blob(let signature) = values[3].storage,
            digests.count <= 32 * AuditLimits.maximumBatch
        else { return nil }
        self.first = first
        self.last = last
        self.digests = digests
        self.signature = signature
    }

    static let columns = "last, first, digests, signature"

    func insert(into database: Database) throws {
        let statement = try database.cachedStatement(sql: "INSERT INTO seals VALUES (?, ?, ?, ?)")
        try statement.execute(arguments: [last, first, digests, signature])
    }

    /// Signed by this key, and as many digests as records.
    func isGenuine(_ key: VerifyingKey) -> Bool {
        first >= 1 && last >= first && last - first < Int64(AuditLimits.maximumBatch)
            && (last - first + 1) * 32 == Int64(digests.count)
            && key.accepts(signature, of: Self.message(first: first, last: last, digests: digests))
    }

    /// The hash that was sealed for this record; nil outside the batch.
    func digest(of sequence: Int64) -> Data? {
        guard sequence >= first, sequence <= last else { return nil }
        let start = digests.startIndex + Int(sequence - first) * 32
        guard start + 32 <= digests.endIndex else { return nil }
        return Data(digests[start..<start + 32])
    }

    /// The same, to be compared with many.
    func hash(of sequence: Int64) -> RecordHash? {
        guard sequence >= first, sequence <= last else { return nil }
        let start = Int(sequence - first) * 32
        return unsafe digests.withUnsafeBytes { octets in
            guard start + 32 <= octets.count else { return nil }
            return unsafe RecordHash(UnsafeRawBufferPointer(rebasing: octets[start..<start + 32]))
        }
    }

    /// What is wrong with a record that is not the one that was sealed at its place.
    func difference(of record: StoredRecord, at expected: Int64) -> Stop {
        let other = (first...last).first { digest(of: $0) == record.hash }
        if let other, other != expected {
            return Stop(
                .reordered,
                record: expected,
                "record \(expected) is not in its place: the one that was written as record \(other) is"
            )
        }
        return Stop(
            .changed,
            record: expected,
            "record \(expected) was changed: it does not match the hash that was sealed"
        )
    }

    private static func message(first: Int64, last: Int64, digests: Data) -> Data {
        Data("bailey audit seal v1\0".utf8) + first.octets + last.octets + digests
    }
}
