internal import Foundation
internal import Linux
internal import Model
internal import PostgresLink
internal import Synchronization

/// Which principals other machines of a fleet have revoked, as their own signed logs in the database say.
///
/// Only the logs of keys that the operator trusts count, and of those only what their seals cover. A principal is cut off as long as
/// any of them has not lifted what it said.
final class FleetRevocations: Sendable {
    private struct State {
        /// The last record of its kind that was looked at, by chain.
        var reached: [String: Int64] = [:]
        /// What each chain said last of a principal; nil where that was lifted.
        var said: [String: [ByteText: RevokedPrincipals.Entry?]] = [:]
        /// When all was read last, by a clock that goes on while the machine sleeps; nil before that.
        var read: UInt64?
        /// Why it could not be read since.
        var trouble: String?
    }

    /// What is notified, and listened to.
    static let channel = "bailey_revocation"

    private let chains: [String]
    private let tell: @Sendable (RevokedPrincipals.Entry) -> Void
    private let state = Mutex(State())

    /// - Parameters:
    ///   - trust: the keys whose word counts; `own` is left out, whose log is here.
    ///   - own: this machine's.
    ///   - tell: hears of each that comes behind the first reading.
    init(trust: [String], own: String, tell: @escaping @Sendable (RevokedPrincipals.Entry) -> Void) {
        chains = trust.filter { !$0.isSame(as: own) }
        self.tell = tell
    }

    /// Whether there is anybody to hear.
    var isEmpty: Bool { chains.isEmpty }

    /// Reads what has come; blocks.
    func read(over connection: PostgresConnection) throws {
        do {
            for chain in chains { try read(chain, connection) }
            state.withLock { ($0.read, $0.trouble) = (Uptime.withSleep(), nil) }
        } catch {
            state.withLock { $0.trouble = "\(error)" }
            throw error
        }
    }

    /// What was said of a principal, by its octets; nil when nobody has revoked it.
    ///
    /// Before anything was read there is nothing to say: a launch is asked about again when it is on record, which comes behind
    /// the first reading.
    func entry(of subject: String) throws(AuditFailure) -> RevokedPrincipals.Entry? {
        let (entry, silence, trouble) = state.withLock { state in
            let silence = state.read.map { Uptime.withSleep() - min($0, Uptime.withSleep()) }
            let entry = chains.compactMap { state.said[$0]?[ByteText(subject)] ?? nil }.first
            return (entry, silence, state.trouble)
        }
        if let entry { return entry }
        guard let silence, silence > FleetLimits.silence else { return nil }
        throw AuditFailure(
            "what other machines of the fleet have revoked has not been read for \(silence / 1_000) s"
                + (trouble.map { ": \($0)" } ?? "")
        )
    }

    private func read(_ chain: String, _ connection: PostgresConnection) throws {
        var (reached, before): (Int64, Int64) = (state.withLock { $0.reached[chain] ?? 0 }, 0)
        var count = 0
        repeat {
            (before, count) = (reached, 0)
            try connection.run(Self.statement, [.text(chain), .number(reached)]) { row in
                guard let record = StoredRecord(Array(row.prefix(Self.recordColumns))) else {
                    throw forged(chain, nil)
                }
                try requireSealed(record, by: Seal(Array(row.dropFirst(Self.recordColumns))), chain)
                guard let entry = AuditRecord.revocation(record) else { throw forged(chain, record.sequence) }
                note(entry, of: record, chain)
                (reached, count) = (max(reached, record.sequence), count + 1)
            }
            // A server that says the same again is not asked for ever.
        } while count >= FleetLimits.revocationsAtOnce && reached > before
    }

    private static let recordColumns = 11
    /// Each with the seal over it, which is NULL where there is none; by the index of docs/audit.md.
    private static let statement = """
        SELECT \(FleetStatement.recordColumns), \(FleetStatement.sealColumns) FROM (SELECT * FROM \(FleetStatement.recordTable) \
        WHERE chain = $1 AND kind = '\(EntryColumns.revocation)' AND sequence > $2::bigint \
        ORDER BY sequence LIMIT \(FleetLimits.revocationsAtOnce)) r \
        LEFT JOIN LATERAL (SELECT \(FleetStatement.sealColumns) FROM \(FleetStatement.sealTable) \
        WHERE chain = r.chain AND last >= r.sequence ORDER BY last LIMIT 1) s ON true ORDER BY sequence
        """

    /// Two read the same, the writer and the watch: what is behind another of its chain's says nothing any more.
    private func note(_ revocation: RevocationRecord, of record: StoredRecord, _ chain: String) {
        let entry = RevokedPrincipals.entry(revocation, Timestamp(milliseconds: record.time))
        let mayTell: Bool = state.withLock { state in
            guard record.sequence > state.reached[chain] ?? 0 else { return false }
            state.reached[chain] = record.sequence
            // An agent lives on its own machine.
            guard revocation.lineage == nil else { return false }
            state.said[chain, default: [:]].updateValue(entry, forKey: ByteText(revocation.principal))
            // What was said before all was read once is asked about by each launch: they come behind that.
            return state.read != nil
        }
        if mayTell, let entry { tell(entry) }
    }

    /// Ends with what a machine did not write: whoever could change one may as well have hidden another.
    private func requireSealed(_ record: StoredRecord, by seal: Seal?, _ chain: String) throws {
        guard let seal, let octets = Data(hex: chain.utf8), let key = VerifyingKey(octets),
            seal.isGenuine(key), record.computedHash() == record.hash,
            seal.digest(of: record.sequence) == record.hash
        else { throw forged(chain, record.sequence) }
    }

    private func forged(_ chain: String, _ sequence: Int64?) -> AuditFailure {
        AuditFailure(
            "the revocation in record \(sequence.map { "\($0)" } ?? "?") of chain \(chain) is not what that machine wrote: "
                + "`bailey audit verify --fleet --chain \(chain)` looks"
        )
    }
}

extension AuditRecord {
    /// Nil for what is none.
    fileprivate static func revocation(_ record: StoredRecord) -> RevocationRecord? {
        try? JSONDecoder().decode(RevocationRecord.self, from: record.payload)
    }
}
