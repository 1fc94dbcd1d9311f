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

    /// Walks all of it, and looks at the order of its pages.
    ///
    /// - Parameters:
    ///   - readers: how many there are at a time at most.
    ///   - least: records that are worth a part of their own.
    /// - Returns: where it ends.
    /// - Throws: a `Stop` at the first record that is not as it was sealed.
    func walk(atMost readers: Int, ofLeast least: Int64) throws -> ChainEnd {
        if readers > 1, let end = walkedAtOnce(by: readers, ofLeast: least) { return end }
        let end = try walk(ChainStretch())
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
    private func walkedAtOnce(by readers: Int, ofLeast least: Int64) -> ChainEnd? {
        let most = readers * AuditLimits.partsOfReader
        let parts = try? reading { try ChainStretch.parts(of: $0, atMost: most, ofLeast: least) }
        guard let parts, parts.count > 1 else { return nil }
        let found = Mutex(Found(parts.count))
        DispatchQueue.concurrentPerform(iterations: readers) { _ in
            while let number = found.withLock({ $0.take() }) {
                if number == Found.order {
                    let isInOrder = (try? reading(Self.requireOrder)) != nil
                    found.withLock { $0.found(isInOrder) }
                } else {
                    let end = try? walk(parts[number])
                    found.withLock { $0.found(end, of: number) }
                }
            }
        }
        let (ends, isInOrder) = found.withLock { ($0.ends.compactMap(\.self), $0.isInOrder) }
        let areJoined = zip(ends, parts.dropFirst()).allSatisfy { $0.border == $1.border }
        guard isInOrder, ends.count == parts.count, areJoined, let first = ends.first else { return nil }
        return ends.dropFirst().reduce(first) { $0.followed(by: $1) }
    }

    /// What readers found by now, and what is left to look at.
    private struct Found {
        /// The order of the pages, in the place of a part's number: it takes longest, and is begun first, so that it is of what
        /// was there then.
        static let order = -1

        private(set) var ends: [ChainEnd?]
        private(set) var isInOrder = false
        private var next = order

        init(_ parts: Int) { ends = [ChainEnd?](repeating: nil, count: parts) }

        mutating func take() -> Int? {
            guard next < ends.count else { return nil }
            defer { next += 1 }
            return next
        }

        mutating func found(_ end: ChainEnd?, of part: Int) {
            ends[part] = end
            if end == nil { stop() }
        }

        mutating func found(_ isInOrder: Bool) {
            self.isInOrder = isInOrder
            if !isInOrder { stop() }
        }

        /// What is wrong is looked for from the first record on: nobody needs the rest.
        private mutating func stop() { next = ends.count }
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
