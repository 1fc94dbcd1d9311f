internal import Model
internal import Synchronization

/// Certificates and keys that were read lately, by their text: reading one takes work that is not the loop's.
final class ClientIdentities: Sendable {
    /// Kept at a time: an agent has one or two, each is some kilobytes.
    private static let capacity = 256

    private let known = Mutex<[String: ClientIdentity]>([:])

    /// Whether a secret that goes there can be put in without reading a certificate.
    func has(_ value: CredentialValue, for place: CredentialPlace) -> Bool {
        if let certificate = value.certificate { return holds(certificate.pem) }
        if case .clientCertificate = place { return holds(value.text) }
        return !place.isCertificate
    }

    /// Reads a certificate and its key, or gives what was read before.
    func identity(pem: String) throws(CredentialFailure) -> ClientIdentity {
        if let identity = known.withLock({ $0[pem] }) { return identity }
        let identity = try ClientIdentity(pem: pem)
        known.withLock { known in
            if known.count >= Self.capacity { known.removeAll(keepingCapacity: true) }
            known[pem] = identity
        }
        return identity
    }

    /// Drops all of them: those that are still good are read again.
    func forget() { known.withLock { $0.removeAll() } }

    private func holds(_ pem: String) -> Bool { known.withLock { $0[pem] != nil } }
}
