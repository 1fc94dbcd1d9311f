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
        let together = parts.flatMap { $0.count > 1 ? walkedAtOnce($0) : nil }
        let end = try together ?? walk(ChainStretch())
        try reading(Self.requireOrder)
        return end
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
        guard ends.count == parts.count, areJoined, let first = ends.first else { return nil }
        return ends.dropFirst().reduce(first) { $0.followed(by: $1) }
    }

    /// Throws where a table's pages are not in their order.
    ///
    /// Every walk begins at a place of the table's tree: of a leaf that no such place leads to it reads nothing, and other
    /// queries do (sqlite.org/pragma.html#pragma_quick_check).
    private static func requireOrder(in database: Database) throws {
        for table in ["records", "seals", "prunings"] where try database.tableExists(table) {
            let found = try String.fetchOne(database, sql: "PRAGMA quick_check('\(table)')")
            guard found != "ok" else { continue }
            throw Stop(
                .unreadable,
                record: 1,
                "the pages of the table \(table) are not in order: \(TerminalText.escaped(found ?? "no answer"))"
            )
        }
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
