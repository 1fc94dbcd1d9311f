internal import Foundation
internal import Linux
internal import Model
internal import PostgresLink
internal import Synchronization

/// Brings what this machine's log has to a database that many machines write to, before anything rests on it.
///
/// The log on this machine stays the one that its own readers use, and is always ahead: a record is there first. Whoever writes
/// a batch brings all that the database has not yet, whoever wrote it, in its order: so the database has no gap, whatever
/// supervisor of this log dies in between, and what was missed while it was away comes before anything new.
final class FleetMirror: Sendable {
    private struct State {
        /// The last record that the database has; nil until it was asked.
        var reached: Int64?
        /// The last that it has to have.
        var wanted: Int64 = 0
        /// Why it could not be brought, and until when nobody tries again.
        var failure: (reason: any Error, until: UInt64)?
        var pause = FleetLimits.pause
    }

    private let connection: PostgresConnection
    private let chain: ChainWriter
    private let key: String
    /// Nil where nobody's word but this machine's counts.
    let revocations: FleetRevocations?
    private let state = Mutex(State())

    init(_ access: PostgresAccess, _ chain: ChainWriter, revocations: FleetRevocations? = nil) {
        connection = PostgresConnection(access, statement: FleetLimits.statement, takesChanges: true)
        self.chain = chain
        self.revocations = revocations
        key = chain.verifying.octets.hex
    }

    /// Milliseconds until what is missing should be tried again; nil where nothing is.
    var delay: Int? {
        state.withLock { state in
            guard (state.reached ?? 0) < state.wanted else { return nil }
            let now = Uptime.milliseconds()
            return state.failure.map { $0.until > now ? Int($0.until - now) : 0 } ?? 0
        }
    }

    /// Returns when the database has every record up to this one, which the disk has; on the writer's thread.
    ///
    /// Where it has failed a moment ago it is not asked again: who waits for a record hears it at once.
    func bring(upTo sequence: Int64) throws {
        let refusal: (any Error)? = state.withLock { state in
            state.wanted = max(state.wanted, sequence)
            return state.failure.flatMap { $0.until > Uptime.milliseconds() ? $0.reason : nil }
        }
        if let refusal { throw refusal }
        do {
            try connection.within(FleetLimits.attempt) { try bringMissing(upTo: sequence) }
            state.withLock { ($0.failure, $0.pause) = (nil, FleetLimits.pause) }
        } catch let missing as Missing {
            // Nothing has failed: what is missing goes on without a pause.
            state.withLock { ($0.failure, $0.pause) = (nil, FleetLimits.pause) }
            throw AuditFailure(
                "what is on record has to be in the database of audit.postgres as well, and \(missing.records) records that were "
                    + "written before it go there first, which is under way: try again, or let 'bailey serve' do it"
            )
        } catch {
            let failure = AuditFailure(
                "what is on record has to be in the database of audit.postgres as well, and cannot be: \(error)"
            )
            state.withLock { state in
                // What was there may be gone: by a failover, or a restore.
                state.reached = nil
                state.failure = (failure, Uptime.milliseconds() + state.pause)
                state.pause = min(2 * state.pause, FleetLimits.longestPause)
            }
            throw failure
        }
    }

    /// The same of all that is missing.
    func bringMissing() throws { try bring(upTo: state.withLock { $0.wanted }) }

    /// The same of all that is on record; `progress` hears how many records are missing still.
    func bringAll(_ progress: (Int64) -> Void) throws {
        var reached = try state.withLock { $0.reached } ?? begin()
        let end = try chain.settledEnd()
        while let piece = try chain.piece(behind: reached, upTo: end) {
            try add(piece)
            reached = piece.last
            progress(end - reached)
        }
    }

    /// So many records have to go there first.
    private struct Missing: Error { let records: Int64 }

    private func bringMissing(upTo sequence: Int64) throws {
        var reached = try state.withLock { $0.reached } ?? begin()
        let end = Uptime.milliseconds() + FleetLimits.patience
        while reached < sequence, let piece = try chain.piece(behind: reached, upTo: sequence) {
            try add(piece)
            reached = piece.last
            state.withLock { [reached] in $0.reached = reached }
            guard reached >= sequence || Uptime.milliseconds() < end else {
                throw Missing(records: sequence - reached)
            }
        }
        guard reached >= sequence else {
            throw AuditFailure(
                "the log ends at record \(reached), before record \(sequence), which was written"
            )
        }
    }

    /// How far the database is, which must be a part of this very log.
    private func begin() throws -> Int64 {
        // Before anything rests on a record that nobody who is revoked elsewhere could have had.
        try revocations?.read(over: connection)
        try connection.requireRole(for: [FleetStatement.recordTable, FleetStatement.sealTable])
        try connection.requireOrder()
        let row = try connection.rows(
            "SELECT last, digests FROM \(FleetStatement.sealTable) WHERE chain = $1 ORDER BY last DESC LIMIT 1",
            [.text(key)]
        ).first
        var last: Int64 = 0
        if let row {
            guard row.count == 2, let number = row[0].number, let digests = row[1].octets else {
                throw malformed
            }
            guard let own = try chain.hash(of: number), own.elementsEqual(digests.suffix(own.count)) else {
                throw AuditFailure(
                    "\(connection.location) has record \(number) of this log, and here there is none or another in its place: "
                        + "\(chain.path) was cut, put back to an earlier state, or written anew, or another machine has its "
                        + "key. Nothing is added to either; `bailey audit verify --fleet --chain \(key)` looks at what is there"
                )
            }
            last = number
        }
        state.withLock { [last] in $0.reached = last }
        return last
    }

    private func add(_ piece: FleetPiece) throws {
        try insert(piece)
        guard piece.records.contains(where: { $0.kind.elementsEqual(EntryColumns.revocation.utf8) }) else {
            return
        }
        // Whoever does not hear it reads it some seconds later.
        _ = try? connection.run("SELECT pg_notify($1, $2)", [.text(FleetRevocations.channel), .text(key)])
    }

    private func insert(_ piece: FleetPiece) throws {
        do {
            try run(FleetStatement(adding: piece, to: key, passesOver: false))
        } catch let failure as PostgresFailure where failure.state.isSame(as: Self.uniqueViolation) {
            // Another supervisor of this log was first, or an answer was lost. What is there has to be this; the rest is added.
            guard try present(of: piece).isPart else { throw foreign(piece) }
            try run(FleetStatement(adding: piece, to: key, passesOver: true))
            guard try present(of: piece).isAll else { throw foreign(piece) }
        }
    }

    /// PostgreSQL 15, appendix A.
    private static let uniqueViolation = "23505"

    private func run(_ statement: FleetStatement) throws {
        try connection.run(statement.text, statement.parameters)
    }

    /// Whether what the database has in a piece's place is a part of it, and all of it.
    private func present(of piece: FleetPiece) throws -> (isPart: Bool, isAll: Bool) {
        let first = piece.last - Int64(piece.records.count) + 1
        let range: [PostgresValue] = [.text(key), .number(first), .number(piece.last)]
        let records = try connection.rows(
            "SELECT sequence, hash FROM \(FleetStatement.recordTable) "
                + "WHERE chain = $1 AND sequence BETWEEN $2::bigint AND $3::bigint",
            range
        )
        let own = Set(piece.records.map { Self.row($0.sequence, $0.hash) })
        let seals = try connection.rows(
            "SELECT last, signature FROM \(FleetStatement.sealTable) "
                + "WHERE chain = $1 AND last BETWEEN $2::bigint AND $3::bigint",
            range
        )
        let ownSeals = Set(piece.seals.map { Self.row($0.last, $0.signature) })
        let isPart = records.allSatisfy(own.contains) && seals.allSatisfy(ownSeals.contains)
        return (isPart, isPart && records.count == own.count && seals.count == ownSeals.count)
    }

    private static func row(_ number: Int64, _ octets: Data) -> PostgresConnection.Row {
        [.octets(Array(number.octets)), .octets(Array(octets))]
    }

    private func foreign(_ piece: FleetPiece) -> AuditFailure {
        AuditFailure(
            "\(connection.location) has other records than this log up to \(piece.last) of chain \(key): somebody wrote there in "
                + "this machine's name. Nothing is allowed until its administrator has looked who did, and taken them away"
        )
    }

    private var malformed: AuditFailure {
        AuditFailure("\(connection.location) answered something else: make its tables as docs/audit.md says")
    }
}
