internal import Foundation
internal import GRDB

/// Reads a whole store and says whether it is what its supervisors wrote, in memory that does not grow with it.
package struct AuditVerifier: Sendable {
    private let directory: String
    private let pinnedKey: String?

    /// - Parameters:
    ///   - directory: the state directory.
    ///   - publicKey: lower-case hex of the key that must have signed; nil trusts the one beside the store.
    package init(directory: String, publicKey: String? = nil) {
        self.directory = directory
        pinnedKey = publicKey
    }

    /// Throws when the store could not be looked at (no such directory, not ours); everything that is wrong
    /// with a store that could is a finding.
    package func verify() throws -> AuditVerification {
        let state = try StateDirectory(directory, create: false)
        do {
            let key = try trustedKey(state)
            // Before the database's snapshot: a supervisor may be moving both forward now.
            let head = try trustedHead(state, key)
            guard try PrivateFile.open(StoreFiles.databaseName, in: state, .read) != nil else {
                return try withoutDatabase(head, key)
            }
            return try walk(head, key)
        } catch let stop as Stop {
            return .broken(stop.finding)
        }
    }

    private func trustedKey(_ state: borrowing StateDirectory) throws -> VerifyingKey {
        let keys = try state.directory("keys", create: false)
        guard let key = try VerifyingKey(in: keys) else {
            throw Stop(.key, "the public key keys/\(SigningKey.publicName) is gone or damaged; restore it")
        }
        if let pinnedKey, key.octets.hex != pinnedKey.lowercased() {
            throw Stop(.key, "the store's public key is \(key.octets.hex), not the one that was asked for")
        }
        guard let own = try? SigningKey(in: keys, mayCreate: false), own.publicKey == key.octets else {
            throw Stop(
                .key,
                "keys/\(SigningKey.privateName) is gone or is not the key whose public half is "
                    + "keys/\(SigningKey.publicName): the key was replaced"
            )
        }
        return key
    }

    private func trustedHead(_ state: borrowing StateDirectory, _ key: VerifyingKey) throws -> Head {
        guard let file = try HeadFile(in: state, .read) else {
            throw Stop(.head, "the head file \(HeadFile.name) is gone, so a cut tail cannot be excluded")
        }
        guard let read = try? file.read() else {
            throw Stop(.head, "the head file \(HeadFile.name) is damaged, so a cut tail cannot be excluded")
        }
        guard read.key.octets == key.octets else {
            throw Stop(.key, "the head was signed by another key than keys/\(SigningKey.publicName)")
        }
        guard read.isGenuine else {
            throw Stop(.head, "the head file \(HeadFile.name) was changed: its signature does not fit")
        }
        return read.head
    }

    private func withoutDatabase(_ head: Head, _ key: VerifyingKey) throws -> AuditVerification {
        guard head.sequence == 0 else {
            throw Stop(
                .databaseMissing,
                record: 1,
                "the database \(StoreFiles.databaseName) is gone; its head says that it held "
                    + "\(head.sequence) records"
            )
        }
        return .verified(
            VerifiedHead(records: 0, hash: StoredRecord.genesis.hex, publicKey: key.octets.hex)
        )
    }

    private func walk(_ head: Head, _ key: VerifyingKey) throws -> AuditVerification {
        var chain = ChainCheck(key: key, head: head, bodies: BodyReader(directory: directory))
        do {
            let path = directory + "/" + StoreFiles.databaseName
            let database = try StoreFiles.openDatabase(at: path, readOnly: true)
            try database.read { try chain.run($0) }
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
        return .verified(chain.reached)
    }
}

/// Ends a verification with its finding.
struct Stop: Error {
    let finding: AuditFinding

    init(_ code: AuditFinding.Code, record: Int64? = nil, _ message: String) {
        finding = AuditFinding(code, record: record, message)
    }
}
