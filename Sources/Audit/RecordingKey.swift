internal import Crypto
internal import Foundation

/// A key of the supervisor's for recordings: none is sealed with it, each has a key of its own that is derived from it.
struct RecordingKey: Sendable {
    /// Its file in `keys`.
    enum Name: String, Sendable {
        case terminals = "terminals.key"
        case bodies = "recordings.key"

        /// Where that is, in a state directory.
        func path(in directory: String) -> String { "\(directory)/keys/\(rawValue)" }
    }

    private let key: SymmetricKey

    /// Nil for what is none.
    private init?(_ octets: Data?) {
        guard let octets, octets.count == AuditLimits.sealKey else { return nil }
        key = SymmetricKey(data: octets)
    }

    /// The key; made at first use, and never where something opens with another that is gone: nobody would hear of it.
    static func kept(_ name: Name, in directory: String) throws(AuditStoreError) -> RecordingKey {
        let octets: Data
        do {
            octets = try KeptKeys.octets(named: name.rawValue, in: directory, atMost: AuditLimits.sealKey) {
                try requireNothingSealed(name, in: directory)
                return unsafe SymmetricKey(size: .bits256).withUnsafeBytes { unsafe Data($0) }
            }
        } catch {
            throw error as? AuditStoreError ?? AuditStoreError(.key, "\(error)")
        }
        guard let key = RecordingKey(octets) else {
            throw AuditStoreError(
                .key,
                "the key \(name.path(in: directory)) is not \(AuditLimits.sealKey) octets; put the right one back"
            )
        }
        return key
    }

    private static func requireNothingSealed(_ name: Name, in directory: String) throws {
        guard let sealed = try name.sealedRecording(in: directory) else { return }
        // Another process may have made the key since it was looked for, and sealed that with it.
        guard try KeptKeys.octets(named: name.rawValue, in: directory, atMost: AuditLimits.sealKey) == nil
        else { return }
        throw AuditStoreError(
            .key,
            "the key \(name.path(in: directory)) is gone, and \(sealed) opens with no other; put it back, or, where what it sealed "
                + "may be lost, move \(directory)/\(name.folder) away"
        )
    }

    /// The key that is there; nil where it is gone, or is none.
    static func known(_ name: Name, in directory: String) throws(AuditStoreError) -> RecordingKey? {
        let keys = try StateDirectory(directory, create: false).directory("keys", create: false)
        return RecordingKey(
            try PrivateFile.open(name.rawValue, in: keys, .read)?.read(atMost: AuditLimits.sealKey)
        )
    }

    /// A key of its own for what `salt` and `info` name (HKDF, RFC 5869).
    func derived(salt: [UInt8] = [], _ info: String) -> SymmetricKey {
        derived(salt, info, AuditLimits.sealKey)
    }

    /// What tells it from another key, and says nothing of it.
    func id(salt: [UInt8] = [], _ info: String) -> [UInt8] {
        unsafe derived(salt, info, AuditLimits.sealKeyID).withUnsafeBytes { unsafe Array($0) }
    }

    private func derived(_ salt: [UInt8], _ info: String, _ count: Int) -> SymmetricKey {
        HKDF<SHA256>.deriveKey(
            inputKeyMaterial: key,
            salt: Data(salt),
            info: Data(info.utf8),
            outputByteCount: count
        )
    }
}
