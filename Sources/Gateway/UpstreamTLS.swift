internal import Glibc
internal import Linux
internal import Model
internal import NIOCore
internal import NIOSSL
internal import Synchronization

/// How the gateway speaks TLS to upstreams: verified, chain and name, unless the rules for a database say otherwise.
///
/// Reading the system's roots takes milliseconds: it waits for the first upstream, so that a launch that dials none
/// does not pay for it.
final class UpstreamTLS: Sendable {
    private let furtherRoots: [NIOSSLCertificate]
    /// What sets one context apart from another.
    struct Kind: Sendable, Hashable {
        /// What is offered (ALPN, RFC 7301), the more capable one first; none for what has no name there.
        let protocols: [String]
        /// Shown to a server that asks for a certificate; nil for none.
        let identity: ClientIdentity?
        let verification: CertificateVerification

        /// HTTP, always verified.
        static func http(offersHTTP2: Bool, identity: ClientIdentity? = nil) -> Kind {
            let protocols = offersHTTP2 ? [Negotiation.http2, Negotiation.http1] : [Negotiation.http1]
            return Kind(protocols: protocols, identity: identity, verification: .fullVerification)
        }

        /// PostgreSQL, verified as the rules say.
        static func postgres(_ mode: DatabaseSession.SSLMode, identity: ClientIdentity?) -> Kind {
            let verification: CertificateVerification =
                switch mode {
                case .verifyFull: .fullVerification
                case .verifyCA: .noHostnameVerification
                case .require, .disable: .none
                }
            return Kind(protocols: [], identity: identity, verification: verification)
        }
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
            configuration.certificateVerification = kind.verification
            configuration.trustRoots = .default
            configuration.applicationProtocols = kind.protocols
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
