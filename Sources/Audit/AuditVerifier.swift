internal import Foundation
internal import Model
package import PostgresLink

/// Reads a whole store and says whether it is what its supervisors wrote, in memory that does not grow with it.
package struct AuditVerifier: Sendable {
    private let directory: String
    private let pinnedKey: String?
    private let checkpoints: CheckpointCheck.Place?
    private let readers: Int
    private let least: Int64

    /// - Parameters:
    ///   - directory: the state directory.
    ///   - publicKey: lower-case hex of the key that must have signed; nil trusts the one beside the store.
    ///   - checkpoints: a file of checkpoints that the log has to agree with.
    ///   - database: one with a table of them, in its stead.
    ///   - readers: how many read it at a time at most.
    ///   - least: records that are worth a part of their own.
    package init(
        directory: String,
        publicKey: String? = nil,
        checkpoints: String? = nil,
        database: PostgresAccess? = nil,
        readers: Int = ProcessInfo.processInfo.activeProcessorCount,
        least: Int64 = AuditLimits.recordsOfPart
    ) {
        self.directory = directory
        self.readers = min(readers, AuditLimits.readers)
        self.least = least
        self.checkpoints = database.map { .table($0) } ?? checkpoints.map { .file($0) }
        pinnedKey = publicKey
    }

    /// Throws when the store could not be looked at (no such directory, not ours); everything that is wrong
    /// with a store that could is a finding.
    package func verify() throws -> AuditVerification {
        let state = try StateDirectory(directory, create: false)
        do {
            let trust = try StoreTrust(state, pinnedKey: pinnedKey)
            guard try PrivateFile.isThere(StoreFiles.databaseName, in: state) else {
                return try withoutDatabase(trust)
            }
            return try walk(trust)
        } catch let stop as Stop {
            return .broken(stop.finding)
        }
    }

    private func withoutDatabase(_ trust: StoreTrust) throws -> AuditVerification {
        guard trust.head.sequence == 0 else {
            throw Stop(
                .databaseMissing,
                record: 1,
                "the database \(StoreFiles.databaseName) is gone; its head says that it held "
                    + "\(trust.head.sequence) records"
            )
        }
        if let checkpoints {
            throw Stop(.checkpoint, "there is no record yet, and \(checkpoints) says that there were")
        }
        return .verified(VerifiedHead(ChainEnd(border: .genesis, pruned: 0), under: trust.key))
    }

    private func walk(_ trust: StoreTrust) throws -> AuditVerification {
        let parts = ChainParts(
            path: directory + "/" + StoreFiles.databaseName,
            trust: trust,
            bodies: BodyReader(directory: directory)
        )
        // Before the log is read: a supervisor may be writing both, and a checkpoint is never of what is not there yet.
        let check = checkpoints.map { place in
            Result { try CheckpointCheck(place, key: trust.key, now: AuditStore.wallClock()) }
        }
        let end = try parts.walk(atMost: readers, ofLeast: least)
        let agreeing = try check.map { check in
            let check = try check.get()
            return try parts.reading { try check.run($0, end: end.border.last) }
        }
        var reached = VerifiedHead(end, under: trust.key)
        reached.checkpoints = agreeing?.whole
        reached.begunCheckpoints = agreeing.flatMap { $0.begun > 0 ? $0.begun : nil }
        return .verified(reached)
    }
}

extension VerifiedHead {
    init(_ end: ChainEnd, under key: VerifyingKey) {
        self.init(
            records: end.border.last,
            hash: end.border.hash.data.hex,
            publicKey: key.octets.hex,
            pruned: end.pruned > 0 ? end.pruned : nil
        )
    }
}

/// Ends a verification with its finding.
struct Stop: Error {
    let finding: AuditFinding

    init(_ code: AuditFinding.Code, record: Int64? = nil, _ message: String) {
        finding = AuditFinding(code, record: record, message)
    }
}
