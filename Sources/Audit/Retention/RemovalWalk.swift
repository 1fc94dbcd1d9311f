internal import Foundation
internal import GRDB
internal import Model

/// Goes through the records of runs in the order in which they may go.
///
/// Of a run first its requests and replies, then all else of its agents' lives, the last first, and then their ends. So
/// what is left when somebody is killed, or the run is held, says whose it was, has the launch of every agent that is in it
/// and of those above, and lacks no end of an agent whose launch is left.
struct RemovalWalk {
    private enum Step {
        case traffic
        case lives
        case ends
    }

    private let key: VerifyingKey
    private var rest: ArraySlice<StoredRun>
    private var current: LeavingRun?
    private var step = Step.traffic
    /// The next that is looked at: upwards in traffic, else downwards.
    private var cursor: Int64 = 0
    private var seal: Seal?
    /// How many runs were begun, or set aside.
    private(set) var taken = 0

    init(_ runs: [StoredRun], key: VerifyingKey) {
        (rest, self.key) = (runs[...], key)
    }

    var isDone: Bool { current == nil && rest.isEmpty }

    /// The run that has to be begun; nil while one is under way.
    var next: StoredRun? { current == nil ? rest.first : nil }

    mutating func begin(_ run: LeavingRun) {
        rest = rest.dropFirst()
        taken += 1
        current = run
        (step, cursor) = (.traffic, run.run.sequences.lowerBound)
    }

    /// Sets the run aside that is under way, or the next where none is; returns its name.
    mutating func skip() -> String? {
        // What is wrong with the run may be its seal.
        seal = nil
        if let run = current?.run.run {
            current = nil
            return run
        }
        guard let run = rest.popFirst()?.run else { return nil }
        taken += 1
        return run
    }

    /// Sets a run aside where it is the one under way, or the next.
    mutating func leave(_ run: String) {
        guard let at = current?.run.run ?? rest.first?.run, at.isSame(as: run) else { return }
        _ = skip()
    }

    /// Looks through some records of the run that is under way, and takes what goes next.
    mutating func fill(_ slice: inout RemovalSlice, _ database: Database) throws {
        guard let current else { return }
        switch step {
        case .traffic: try takeTraffic(of: current, &slice, database)
        case .lives:
            try take(Self.inLife("<>"), life(of: current), of: current, &slice, database)
            if !slice.isFull { (step, cursor) = (.ends, current.run.sequences.upperBound) }
        case .ends:
            try take(Self.inLife("="), life(of: current), of: current, &slice, database)
            guard !slice.isFull else { return }
            slice.finished.append(current.run.run)
            self.current = nil
        }
    }

    /// Others' records lie in between: so many of them at a time.
    private mutating func takeTraffic(
        of current: LeavingRun,
        _ slice: inout RemovalSlice,
        _ database: Database
    ) throws {
        let last = current.run.sequences.upperBound
        let end = try Int64.fetchOne(
            database,
            sql: "SELECT max(sequence) FROM "
                + "(SELECT sequence FROM records WHERE sequence BETWEEN ? AND ? ORDER BY sequence LIMIT ?)",
            arguments: [cursor, last, AuditLimits.lookedAtOnce]
        )
        if let end {
            let condition = "run = ? AND sequence BETWEEN ? AND ? AND \(Schema.isOfTraffic) ORDER BY sequence"
            try take(condition, [current.run.run, cursor, end], of: current, &slice, database)
        }
        guard !slice.isFull else { return }
        if let end, end < last { cursor = end + 1 } else { (step, cursor) = (.lives, last) }
    }

    private static func inLife(_ comparison: String) -> String {
        "run = ? AND \(Schema.isOfLife) AND kind \(comparison) 'exit' AND sequence BETWEEN ? AND ? "
            + "ORDER BY sequence DESC"
    }

    private func life(of current: LeavingRun) -> StatementArguments {
        [current.run.run, current.run.sequences.lowerBound, cursor]
    }

    private mutating func take(
        _ condition: String,
        _ arguments: StatementArguments,
        of current: LeavingRun,
        _ slice: inout RemovalSlice,
        _ database: Database
    ) throws {
        let rows = try Row.fetchCursor(
            database,
            sql: "SELECT \(StoredRecord.columns) FROM records WHERE \(condition)",
            arguments: arguments
        )
        while !slice.isFull, let row = try rows.next() {
            guard let record = StoredRecord(row: row) else {
                throw Stop(.changed, "a record of run \(current.run.run) has a column of another type")
            }
            try requireSealed(record, database)
            slice.take(record, of: current)
            cursor = step == .traffic ? record.sequence &+ 1 : record.sequence &- 1
        }
    }

    /// What was changed is not taken away: it is what somebody will look for.
    private mutating func requireSealed(_ record: StoredRecord, _ database: Database) throws {
        if seal?.digest(of: record.sequence) == nil {
            let statement = try database.cachedStatement(
                sql: "SELECT \(Seal.columns) FROM seals WHERE last >= ? ORDER BY last LIMIT 1"
            )
            seal = try Row.fetchOne(statement, arguments: [record.sequence]).flatMap { Seal(row: $0) }
            guard seal?.isGenuine(key) == true else {
                throw Stop(
                    .seal,
                    record: record.sequence,
                    "the seal over record \(record.sequence) is not genuine"
                )
            }
        }
        guard let sealed = seal?.digest(of: record.sequence), record.hash == sealed,
            record.computedHash() == sealed
        else {
            throw Stop(
                .changed,
                record: record.sequence,
                "record \(record.sequence) was changed: it does not match the hash that was sealed"
            )
        }
    }
}
