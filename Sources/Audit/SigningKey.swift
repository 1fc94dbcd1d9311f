internal import Crypto
internal import Foundation

/// The Ed25519 key (RFC 8032) that seals the store.
///
/// Made once, at first use; no agent can reach its file.
struct SigningKey: Sendable {
    private let key: Curve25519.Signing.PrivateKey
    /// The public half.
    let verifying: VerifyingKey
    let publicKey: Data

    static let privateName = "audit.key"
    static let publicName = "audit.pub"

    func sign(_ message: Data) throws -> Data { try key.signature(for: message) }

    /// Reads the key.
    ///
    /// Makes one only when `mayCreate`: a store that has records and has lost its key must not be continued
    /// under another.
    init(in directory: borrowing StateDirectory, mayCreate: Bool) throws(AuditStoreError) {
        if let key = try Self.read(in: directory) {
            self.init(key)
            // Whoever made it may have been killed before its public half was there.
            if mayCreate { try directory.publish(publicKey, as: Self.publicName) }
        } else if mayCreate {
            self.init(try Self.create(in: directory))
        } else {
            throw AuditStoreError(
                .key,
                "the audit store has records but its key \(directory.path)/\(Self.privateName) is gone; put "
                    + "it back, or set the whole state directory aside to begin a new store"
            )
        }
    }

    private init(_ key: Curve25519.Signing.PrivateKey) {
        self.key = key
        verifying = VerifyingKey(key.publicKey)
        publicKey = key.publicKey.rawRepresentation
    }

    private static func read(
        in directory: borrowing StateDirectory
    ) throws(AuditStoreError) -> Curve25519.Signing.PrivateKey? {
        guard let file = try PrivateFile.open(privateName, in: directory, .read) else { return nil }
        guard let seed = try file.read(atMost: AuditLimits.keyLength), seed.count == AuditLimits.keyLength,
            let key = try? Curve25519.Signing.PrivateKey(rawRepresentation: seed)
        else {
            throw AuditStoreError(
                .key,
                "the audit key \(file.path) is not \(AuditLimits.keyLength) octets; put the right one back"
            )
        }
        return key
    }

    /// The key is written whole under a name of its own and then linked into place, which fails when another
    /// process was first: nobody ever reads half a key.
    private static func create(
        in directory: borrowing StateDirectory
    ) throws(AuditStoreError) -> Curve25519.Signing.PrivateKey {
        let key = Curve25519.Signing.PrivateKey()
        try directory.publish(key.rawRepresentation, as: privateName)
        guard let winner = try read(in: directory) else {
            throw AuditStoreError(.key, "the audit key \(directory.path)/\(privateName) vanished; try again")
        }
        try directory.publish(winner.publicKey.rawRepresentation, as: publicName)
        return winner
    }
}

/// The public half, which is all that a verifier needs.
struct VerifyingKey: Sendable {
    private let key: Curve25519.Signing.PublicKey

    fileprivate init(_ key: Curve25519.Signing.PublicKey) {
        self.key = key
    }

    init?(_ octets: Data) {
        guard let key = try? Curve25519.Signing.PublicKey(rawRepresentation: octets) else { return nil }
        self.key = key
    }

    /// Reads `audit.pub`; nil when there is none.
    init?(in directory: borrowing StateDirectory) throws(AuditStoreError) {
        guard let file = try PrivateFile.open(SigningKey.publicName, in: directory, .read),
            let octets = try file.read(atMost: AuditLimits.keyLength), let key = VerifyingKey(octets)
        else { return nil }
        self = key
    }

    var octets: Data { key.rawRepresentation }

    func accepts(_ signature: Data, of message: Data) -> Bool {
        key.isValidSignature(signature, for: message)
    }
}
