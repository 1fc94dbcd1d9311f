internal import GRDB
internal import Model

/// A part of a log that is walked by itself: the records behind a border, up to one.
struct ChainStretch: Sendable {
    /// Where one seal ends: the last record under it, and that one's hash.
    struct Border: Sendable, Equatable {
        let last: Int64
        let hash: RecordHash

        /// Before the first record.
        static let genesis = Border(last: 0, hash: .genesis)
    }

    let border: Border
    /// Of its records; those of the first and the last stretch are all that there are, whatever their numbers.
    let sequences: ClosedRange<Int64>

    /// All of a log.
    init() { self.init(from: .genesis, to: nil) }

    init(from border: Border, to end: Border?) {
        self.border = border
        let first = border == .genesis ? Int64.min : border.last + 1
        sequences = first...(end?.last ?? .max)
    }

    var arguments: StatementArguments { [sequences.lowerBound, sequences.upperBound] }

    /// Cuts a log where seals end, into parts of about as many records.
    ///
    /// - Parameters:
    ///   - database: the log, of which nothing is believed yet.
    ///   - most: how many parts there are at most.
    ///   - least: records of each part.
    /// - Returns: the parts in their order; one where there are too few records.
    /// - Throws: a `DatabaseError` when the log cannot be read.
    static func parts(
        of database: Database,
        atMost most: Int,
        ofLeast least: Int64
    ) throws -> [ChainStretch] {
        let last = try Int64.fetchOne(database, sql: "SELECT max(last) FROM seals") ?? 0
        let count = min(Int64(most), last / max(1, least))
        guard count > 1 else { return [ChainStretch()] }
        var borders: [Border] = []
        for part in 1..<count {
            guard let border = try border(behind: last / count * part, in: database), border.last < last,
                border.last > borders.last?.last ?? 0
            else { continue }
            borders.append(border)
        }
        let starts = [.genesis] + borders
        return starts.indices.map { index in
            ChainStretch(from: starts[index], to: index < borders.count ? borders[index] : nil)
        }
    }

    /// The end of the seal over a record; nil where it is within what was pruned, whose statement is over all of it.
    private static func border(behind sequence: Int64, in database: Database) throws -> Border? {
        let row = try Row.fetchOne(
            database,
            sql: "SELECT \(Seal.columns) FROM seals WHERE last >= ? ORDER BY last LIMIT 1",
            arguments: [sequence]
        )
        // Whose it is nobody knows yet: nothing is computed of its numbers.
        guard let seal = row.flatMap({ Seal(row: $0) }), let hash = RecordHash(seal.digests.suffix(32)) else {
            return nil
        }
        guard try database.tableExists("prunings") else { return Border(last: seal.last, hash: hash) }
        let isPruned = try Bool.fetchOne(
            database,
            sql: "SELECT 1 FROM prunings WHERE first <= ? AND last > ? LIMIT 1",
            arguments: [seal.last, seal.last]
        )
        return isPruned == nil ? Border(last: seal.last, hash: hash) : nil
    }
}
