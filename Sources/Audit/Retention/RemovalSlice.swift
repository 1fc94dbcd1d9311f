internal import Foundation
internal import GRDB
internal import Model

/// A run whose records go, and whose it is.
struct LeavingRun {
    let run: StoredRun
    let principals: [String]
}

/// Records that go in one transaction, each held against its seal before it.
struct RemovalSlice {
    /// How many there may be.
    let room: Int
    private(set) var records: [(sequence: Int64, hash: Data, run: String)] = []
    /// Those that they are of.
    private(set) var runs: [LeavingRun] = []
    /// Runs of which nothing is left behind it.
    var finished: [String] = []
    /// Of payloads.
    private var octets = 0

    init(room: Int) {
        self.room = room
    }

    var isFull: Bool { records.count >= room || octets >= AuditLimits.prunedOctets }

    mutating func take(_ record: StoredRecord, of run: LeavingRun) {
        records.append((record.sequence, record.hash, run.run.run))
        octets += record.payload.count
        if runs.last?.run.run.isSame(as: run.run.run) != true { runs.append(run) }
    }

    /// Leaves a run's where they are.
    mutating func drop(_ run: String) {
        records.removeAll { $0.run.isSame(as: run) }
        runs.removeAll { $0.run.run.isSame(as: run) }
        finished.removeAll { $0.isSame(as: run) }
    }

    /// What stands in their place: a statement for each stretch.
    func statements(at time: Timestamp, _ key: SigningKey) throws -> [Pruning] {
        var stretches: [(first: Int64, hashes: [Data])] = []
        for record in records.sorted(by: { $0.sequence < $1.sequence }) {
            let place = stretches.count - 1
            if place >= 0, stretches[place].first + Int64(stretches[place].hashes.count) == record.sequence {
                stretches[place].hashes.append(record.hash)
            } else {
                stretches.append((record.sequence, [record.hash]))
            }
        }
        return try stretches.map { try Pruning($0.first, hashes: $0.hashes, at: time, key: key) }
    }

    /// Removes them, and leaves the statements.
    func remove(stating statements: [Pruning], _ database: Database) throws {
        let removal = try database.cachedStatement(sql: "DELETE FROM records WHERE sequence = ? AND hash = ?")
        for record in records {
            try removal.execute(arguments: [record.sequence, record.hash])
            guard database.changesCount == 1 else {
                throw AuditStoreError(
                    .database,
                    "record \(record.sequence) is gone already: another pruning is under way; try again when it is done"
                )
            }
        }
        for statement in statements { try statement.insert(into: database) }
    }
}

/// How many records go at once, and how long supervisors then have the log to themselves.
///
/// A supervisor that waits for the log looks now and then whether it is free, and is in no queue: what is held again and
/// again, with nothing in between, it would never get.
struct RemovalPace {
    private(set) var room = AuditLimits.prunedAtOnce
    private var pause = Duration.zero

    init() {}

    /// Before a transaction.
    func rest() { Thread.sleep(forTimeInterval: pause / .seconds(1)) }

    /// After one that held the log for so long.
    mutating func held(_ time: Duration) {
        pause = max(time, .milliseconds(AuditLimits.pruningPause))
        let isLong = time > .milliseconds(AuditLimits.pruningHold)
        room = isLong ? max(room / 2, 1) : min(room * 2, AuditLimits.prunedAtOnce)
    }
}
