internal import Foundation
internal import Model

/// The key and the signed head of a store, found to belong together; what is wrong with them ends with a `Stop`.
///
/// Read before the database is: a supervisor may be moving both forward, and the head is never ahead.
struct StoreTrust: Sendable {
    let key: VerifyingKey
    let head: Head

    init(key: VerifyingKey, head: Head) {
        (self.key, self.head) = (key, head)
    }

    /// - Parameters:
    ///   - state: the state directory.
    ///   - pinnedKey: hex of the key that must have signed; nil trusts the one beside the store.
    /// - Throws: a `Stop` that says what is wrong with them.
    init(_ state: borrowing StateDirectory, pinnedKey: String? = nil) throws {
        key = try Self.key(state, pinnedKey)
        head = try Self.head(state, key)
    }

    private static func key(_ state: borrowing StateDirectory, _ pinnedKey: String?) throws -> VerifyingKey {
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

    private static func head(_ state: borrowing StateDirectory, _ key: VerifyingKey) throws -> Head {
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
}
