internal import Crypto
internal import Glibc
internal import Model
internal import NIOSSL

/// A certificate with its chain and key that a credential has the gateway show to a server.
///
/// Has no description of its own: it holds a key.
struct ClientIdentity: Sendable, Hashable {
    /// SHA-256 of the PEM text it was read from: another certificate or key is another identity, and no connection that was
    /// made under the one is ever used under the other.
    let fingerprint: SHA256Digest
    let chain: [NIOSSLCertificate]
    let key: NIOSSLPrivateKey

    /// Reads the first private key and all certificates of a PEM text, the client's own first.
    init(pem: String) throws(CredentialFailure) {
        fingerprint = SHA256.hash(data: Array(pem.utf8))
        let octets = Array(pem.utf8)
        guard let chain = try? NIOSSLCertificate.fromPEMBytes(octets), let own = chain.first else {
            throw CredentialFailure("its certificates are no certificates in PEM")
        }
        guard let key = try? NIOSSLPrivateKey(bytes: octets, format: .pem) else {
            throw CredentialFailure("its private key is none in PEM, or is kept under a passphrase")
        }
        // A pair that does not belong together would otherwise fail in the handshake, in words about the server.
        var trial = TLSConfiguration.makeClientConfiguration()
        trial.trustRoots = .certificates([own])
        trial.certificateChain = chain.map { .certificate($0) }
        trial.privateKey = .privateKey(key)
        guard (try? NIOSSLContext(configuration: trial)) != nil else {
            throw CredentialFailure("its private key does not belong to its first certificate")
        }
        self.chain = chain
        self.key = key
    }

    static func == (left: ClientIdentity, right: ClientIdentity) -> Bool {
        left.fingerprint == right.fingerprint
    }

    func hash(into hasher: inout Hasher) { hasher.combine(fingerprint) }
}
