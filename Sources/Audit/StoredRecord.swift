internal import Crypto
internal import Foundation
internal import GRDB

/// One row of `records`: what is hashed, in the order it is hashed.
///
/// Text is kept as octets so that nothing a text decoder would drop (a NUL and what follows it) escapes the
/// hash.
struct StoredRecord: Sendable, Hashable {
    var sequence: Int64
    var run: Data
    var time: Int64
    var kind: Data
    var agent: Data?
    var lineage: Data
    /// `/RUN.1/RUN.3/`: the ids of the lineage, root first; empty when there is no agent.
    var ancestry: Data
    var verdict: Data?
    var payload: Data
    var previous: Data
    var hash: Data

    /// What stands before the first record.
    static let genesis = Data(SHA256.hash(data: Data("bailey audit genesis v1".utf8)))

    /// SHA-256 over a domain name and every column but `hash`, each with its length in front (8 octets, big
    /// endian; all ones for NULL), so that no two different rows have the same encoding.
    func computedHash() -> Data {
        var message = HashedColumns(capacity: payload.count + lineage.count + ancestry.count)
        return computedHash(&message)
    }

    /// The same in a place that many are hashed in, one after the other.
    func computedHash(_ message: inout HashedColumns) -> Data {
        message.take(self)
        return message.digest?.data ?? Data()
    }
}

/// What a record's hash is of, in one piece.
struct HashedColumns {
    private var octets: [UInt8] = []
    /// Where each column lies in it, in the order of the table; nil for NULL.
    private(set) var places: [Range<Int>?] = []

    func withOctets<Value>(_ body: (UnsafeRawBufferPointer) -> Value) -> Value {
        unsafe octets.withUnsafeBytes(body)
    }

    /// SHA-256 of it.
    var digest: RecordHash? {
        var hash = SHA256()
        unsafe octets.withUnsafeBytes { unsafe hash.update(bufferPointer: $0) }
        return unsafe hash.finalize().withUnsafeBytes { unsafe RecordHash($0) }
    }

    /// Room for the domain, the lengths and the short columns.
    private static let room = 256

    init(capacity: Int) {
        octets.reserveCapacity(capacity + Self.room)
    }

    /// For another record, in the same place.
    mutating func begin() {
        octets.removeAll(keepingCapacity: true)
        places.removeAll(keepingCapacity: true)
        octets += "bailey audit record v1\0".utf8
    }

    /// A record's, but for its hash.
    mutating func take(_ record: StoredRecord) {
        begin()
        append(record.sequence)
        append(record.run)
        append(record.time)
        append(record.kind)
        append(record.agent)
        append(record.lineage)
        append(record.ancestry)
        append(record.verdict)
        append(record.payload)
        append(record.previous)
    }

    mutating func append(_ column: UnsafeRawBufferPointer?) {
        guard let column = unsafe column else { return appendNull() }
        append(bigEndian: Int64(column.count))
        unsafe octets.append(contentsOf: column)
        places.append(octets.count - column.count..<octets.count)
    }

    mutating func append(_ column: Data?) {
        guard let column else { return appendNull() }
        unsafe column.withUnsafeBytes { unsafe append($0) }
    }

    mutating func append(_ column: Int64) {
        append(bigEndian: 8)
        append(bigEndian: column)
        places.append(octets.count - 8..<octets.count)
    }

    private mutating func appendNull() {
        append(bigEndian: -1)
        places.append(nil)
    }

    private mutating func append(bigEndian number: Int64) {
        unsafe withUnsafeBytes(of: number.bigEndian) { unsafe octets.append(contentsOf: $0) }
    }
}

extension StoredRecord {
    static let columns = """
        sequence, CAST(run AS BLOB), time, CAST(kind AS BLOB), CAST(agent AS BLOB), CAST(lineage AS BLOB), \
        CAST(ancestry AS BLOB), CAST(verdict AS BLOB), CAST(payload AS BLOB), previous, hash
        """

    /// Nil when a column has a type that the store never writes.
    init?(row: Row) {
        let values = Array(row.databaseValues)
        guard values.count == 11, let sequence = Int64.fromDatabaseValue(values[0]),
            let run = values[1].octets, let time = Int64.fromDatabaseValue(values[2]),
            let kind = values[3].octets, let lineage = values[5].octets, let ancestry = values[6].octets,
            let payload = values[8].octets, let previous = values[9].octets, let hash = values[10].octets
        else { return nil }
        self.sequence = sequence
        self.run = run
        self.time = time
        self.kind = kind
        agent = values[4].octets
        self.lineage = lineage
        self.ancestry = ancestry
        verdict = values[7].octets
        self.payload = payload
        self.previous = previous
        self.hash = hash
    }
}

extension DatabaseValue {
    /// The octets of a BLOB; nil for NULL and every other type.
    ///
    /// An empty BLOB is empty octets.
    fileprivate var octets: Data? {
        if case .blob(let data) = storage { data } else { nil }
    }
}

extension Int64 {
    /// Eight octets, big endian.
    var octets: Data {
        Data((0..<8).map { UInt8(truncatingIfNeeded: self >> Int64(56 - 8 * $0)) })
    }
}

extension StoredRecord {
    /// The text of a column's octets, which are UTF-8, as all that the store writes are.
    func string(_ octets: Data) throws -> String {
        guard let text = String(validating: octets, as: UTF8.self) else {
            throw Stop(.changed, record: sequence, "record \(sequence) has a text that is not UTF-8")
        }
        return text
    }
}
