package import Foundation
internal import Glibc
internal import Model

/// Secrets that last, beside the key that seals the log: each made once; no agent can reach their files.
package enum KeptKeys {
    /// Reads one, or makes it: whoever is first, of several that try at once, makes it for all.
    ///
    /// - Parameters:
    ///   - name: of its file in `keys`.
    ///   - state: the state directory.
    ///   - limit: octets that it has at most.
    ///   - make: gives a new one.
    /// - Returns: what was kept.
    /// - Throws: when it cannot be read or kept, or may be read by others.
    package static func octets(
        named name: String,
        in state: String,
        atMost limit: Int,
        orMade make: () throws -> Data
    ) throws -> Data {
        let keys = try directory(state)
        if let known = try read(name, in: keys, atMost: limit) { return known }
        try keys.publish(try make(), as: name)
        guard let winner = try read(name, in: keys, atMost: limit) else {
            throw AuditStoreError(.key, "the key \(keys.path)/\(name) vanished; try again")
        }
        return winner
    }

    /// Reads one; nil where it is not there.
    package static func octets(named name: String, in state: String, atMost limit: Int) throws -> Data? {
        try read(name, in: directory(state), atMost: limit)
    }

    /// The names of the files in `keys`, in no order.
    package static func names(in state: String) throws -> [String] {
        let keys = try directory(state)
        do {
            return try FileManager.default.contentsOfDirectory(atPath: keys.path)
        } catch {
            throw AuditStoreError(.key, "cannot list \(keys.path): \(error); check its file system")
        }
    }

    /// Removes one that is of no use any more; whether it is gone.
    @discardableResult
    package static func remove(_ name: String, in state: String) throws -> Bool {
        let keys = try directory(state)
        return unsafe unlinkat(keys.descriptor, name, 0) == 0 || errno == ENOENT
    }

    private static func directory(_ state: String) throws(AuditStoreError) -> StateDirectory {
        try StateDirectory(state, create: true).directory("keys", create: true)
    }

    private static func read(
        _ name: String,
        in keys: borrowing StateDirectory,
        atMost limit: Int
    ) throws(AuditStoreError) -> Data? {
        guard let file = try PrivateFile.open(name, in: keys, .read) else { return nil }
        guard let octets = try file.read(atMost: limit), !octets.isEmpty else {
            throw AuditStoreError(
                .key,
                "the key \(file.path) is empty or longer than \(limit) octets; put the right one back"
            )
        }
        return octets
    }
}
