internal import Glibc
internal import Linux
internal import Model
internal import NIOCore
internal import NIOSSL
internal import Synchronization

/// How the gateway speaks TLS to upstreams: always verified, chain and name.
///
/// Reading the system's roots takes milliseconds: it waits for the first upstream, so that a launch that dials none
/// does not pay for it.
final class UpstreamTLS: Sendable {
    private let furtherRoots: [NIOSSLCertificate]
    /// What sets one context apart from another.
    struct Kind: Sendable, Hashable {
        /// Before HTTP/1.1.
        let offersHTTP2: Bool
        /// Shown to a server that asks for a certificate; nil for none.
        let identity: ClientIdentity?
    }

    /// Those used last come last.
    private let contexts = Mutex<[(kind: Kind, context: NIOSSLContext)]>([])

    /// Contexts kept: both of those without a client certificate, and of certificates that are in use more than a profile
    /// names; each holds the system's roots.
    private static let kept = 16

    /// Reads the operator's file of further roots; one that cannot be read is an error.
    init(furtherRoots: String?) throws {
        guard let furtherRoots else {
            self.furtherRoots = []
            return
        }
        self.furtherRoots = try Self.certificates(in: furtherRoots)
    }

    /// A PEM file's certificates, at least one.
    private static func certificates(in file: String) throws -> [NIOSSLCertificate] {
        let isReadable = unsafe access(file, R_OK) == 0
        let reason = isReadable ? "it holds no certificates in PEM" : SystemCallError.text(errno)
        guard isReadable, let found = try? NIOSSLCertificate.fromPEMFile(file), !found.isEmpty else {
            throw GatewayFailure(
                "read upstream-ca \(file): \(reason); give a PEM file with certificates, or leave it out"
            )
        }
        return found
    }

    /// The handler for one upstream.
    ///
    /// A name is sent as server name and checked against the certificate; for an address the certificate
    /// must name the address that was dialled.
    func handler(for host: Host, _ kind: Kind) throws -> NIOSSLClientHandler {
        let context = try verifyingContext(kind)
        switch host {
        case .name(let name): return try NIOSSLClientHandler(context: context, serverHostname: name.text)
        case .address: return try NIOSSLClientHandler(context: context, serverHostname: nil)
        }
    }

    private func verifyingContext(_ kind: Kind) throws -> NIOSSLContext {
        try contexts.withLock { contexts in
            if let index = contexts.lastIndex(where: { $0.kind == kind }) {
                if index != contexts.count - 1 { contexts.append(contexts.remove(at: index)) }
                return contexts[contexts.count - 1].context
            }
            var configuration = TLSConfiguration.makeClientConfiguration()
            configuration.minimumTLSVersion = .tlsv12
            configuration.certificateVerification = .fullVerification
            configuration.trustRoots = .default
            configuration.applicationProtocols =
                kind.offersHTTP2 ? [Negotiation.http2, Negotiation.http1] : [Negotiation.http1]
            if !furtherRoots.isEmpty { configuration.additionalTrustRoots = [.certificates(furtherRoots)] }
            if let identity = kind.identity {
                configuration.certificateChain = identity.chain.map { .certificate($0) }
                configuration.privateKey = .privateKey(identity.key)
            }
            let made = try NIOSSLContext(configuration: configuration)
            if contexts.count >= Self.kept { contexts.removeFirst() }
            contexts.append((kind, made))
            return made
        }
    }
}
