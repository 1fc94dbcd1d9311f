internal import Dispatch
internal import GRDB
internal import Synchronization

/// The log of a state directory, walked by several readers at once, each a stretch of its seals.
///
/// That nothing is wrong is all that they can say. What is wrong, and is wrong first, a walk from the first record on says.
struct ChainParts: Sendable {
    /// Of the database.
    let path: String
    let trust: StoreTrust
    let bodies: BodyReader

    /// Walks all of it.
    ///
    /// - Parameters:
    ///   - readers: how many there are at most.
    ///   - least: records that are worth a reader of their own.
    /// - Returns: where it ends.
    /// - Throws: a `Stop` at the first record that is not as it was sealed.
    func walk(atMost readers: Int, ofLeast least: Int64) throws -> ChainEnd {
        let parts = try? reading { try ChainStretch.parts(of: $0, atMost: readers, ofLeast: least) }
        if let parts, parts.count > 1, let end = walkedAtOnce(parts) { return end }
        return try walk(ChainStretch())
    }

    /// Reads in one transaction; what cannot be read ends with a `Stop`.
    func reading<Value>(_ body: (Database) throws -> Value) throws -> Value {
        do {
            return try StoreFiles.openDatabase(at: path, readOnly: true).read(body)
        } catch let error as DatabaseError {
            throw Self.unreadable(error, from: 1)
        } catch let error as AuditStoreError where error.code == .database {
            throw Stop(.unreadable, record: 1, error.message)
        }
    }

    private func walk(_ stretch: ChainStretch) throws -> ChainEnd {
        try reading { database in
            var check = ChainCheck(trust, bodies: bodies, of: stretch)
            do {
                try check.run(database)
            } catch let error as DatabaseError {
                throw Self.unreadable(error, from: check.expected)
            }
            return check.end
        }
    }

    /// Nil where one of them found something, or a part does not begin where the one before ended.
    private func walkedAtOnce(_ parts: [ChainStretch]) -> ChainEnd? {
        let found = Mutex([ChainEnd?](repeating: nil, count: parts.count))
        DispatchQueue.concurrentPerform(iterations: parts.count) { number in
            let end = try? walk(parts[number])
            found.withLock { $0[number] = end }
        }
        let ends = found.withLock { $0 }.compactMap(\.self)
        let areJoined = zip(ends, parts.dropFirst()).allSatisfy { $0.border == $1.border }
        guard ends.count == parts.count, areJoined, let first = ends.first,
            (try? reading(Self.isCounted)) == true
        else { return nil }
        return ends.dropFirst().reduce(first) { $0.followed(by: $1) }
    }

    /// Whether there are as many records as seals say, less what was pruned.
    ///
    /// A reader begins at a place of the table's tree and ends at another: of a leaf that was put between those of two readers,
    /// not in its order, neither has read anything.
    private static func isCounted(_ database: Database) throws -> Bool {
        let pruned =
            try database.tableExists("prunings")
            ? "(SELECT coalesce(sum(last - first + 1), 0) FROM prunings)" : "0"
        return try Bool.fetchOne(
            database,
            sql: """
                SELECT (SELECT count(*) FROM records) = (SELECT max(last) FROM seals) - \(pruned)
                """
        ) ?? false
    }

    private static func unreadable(_ error: DatabaseError, from record: Int64) -> Stop {
        Stop(
            .unreadable,
            record: record,
            "SQLite cannot read the store from record \(record) on: "
                + "\(error.message ?? "error") (SQLite \(error.extendedResultCode.rawValue))"
        )
    }
}

/// Where a walk that found nothing wrong ended.
struct ChainEnd: Sendable {
    let border: ChainStretch.Border
    /// How many of the records were removed by a pruning.
    let pruned: Int64

    fileprivate func followed(by next: ChainEnd) -> ChainEnd {
        ChainEnd(border: next.border, pruned: pruned + next.pruned)
    }
}
