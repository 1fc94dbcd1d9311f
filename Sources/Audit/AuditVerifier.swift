internal import Foundation
internal import GRDB
internal import Model
package import PostgresLink

/// Reads a whole store and says whether it is what its supervisors wrote, in memory that does not grow with it.
package struct AuditVerifier: Sendable {
    private let directory: String
    private let pinnedKey: String?
    private let checkpoints: CheckpointCheck.Place?

    /// - Parameters:
    ///   - directory: the state directory.
    ///   - publicKey: lower-case hex of the key that must have signed; nil trusts the one beside the store.
    ///   - checkpoints: a file of checkpoints that the log has to agree with.
    ///   - database: one with a table of them, in its stead.
    package init(
        directory: String,
        publicKey: String? = nil,
        checkpoints: String? = nil,
        database: PostgresAccess? = nil
    ) {
        self.directory = directory
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
        return .verified(
            VerifiedHead(records: 0, hash: StoredRecord.genesis.hex, publicKey: trust.key.octets.hex)
        )
    }

    private func walk(_ trust: StoreTrust) throws -> AuditVerification {
        var chain = ChainCheck(trust, bodies: BodyReader(directory: directory))
        var agreeing: (whole: Int64, begun: Int64)?
        do {
            let path = directory + "/" + StoreFiles.databaseName
            let database = try StoreFiles.openDatabase(at: path, readOnly: true)
            try database.read { database in
                try chain.run(database)
                agreeing = try checkpoints.map {
                    try CheckpointCheck($0, key: trust.key, now: AuditStore.wallClock())
                        .run(database, end: chain.expected - 1)
                }
            }
        } catch let error as DatabaseError {
            throw Stop(
                .unreadable,
                record: chain.expected,
                "SQLite cannot read the store from record \(chain.expected) on: "
                    + "\(error.message ?? "error") (SQLite \(error.extendedResultCode.rawValue))"
            )
        } catch let error as AuditStoreError where error.code == .database {
            throw Stop(.unreadable, record: 1, error.message)
        }
        var reached = chain.reached
        reached.checkpoints = agreeing?.whole
        reached.begunCheckpoints = agreeing.flatMap { $0.begun > 0 ? $0.begun : nil }
        return .verified(reached)
    }
}

/// Ends a verification with its finding.
struct Stop: Error {
    let finding: AuditFinding

    init(_ code: AuditFinding.Code, record: Int64? = nil, _ message: String) {
        finding = AuditFinding(code, record: record, message)
    }
}
