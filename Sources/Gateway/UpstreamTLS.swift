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
    /// One that offers HTTP/2 before HTTP/1.1, and one that does not.
    private let contexts = Mutex<[Bool: NIOSSLContext]>([:])

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
    func handler(for host: Host, offersHTTP2: Bool) throws -> NIOSSLClientHandler {
        let context = try verifyingContext(offersHTTP2)
        switch host {
        case .name(let name): return try NIOSSLClientHandler(context: context, serverHostname: name.text)
        case .address: return try NIOSSLClientHandler(context: context, serverHostname: nil)
        }
    }

    private func verifyingContext(_ offersHTTP2: Bool) throws -> NIOSSLContext {
        try contexts.withLock { contexts in
            if let context = contexts[offersHTTP2] { return context }
            var configuration = TLSConfiguration.makeClientConfiguration()
            configuration.minimumTLSVersion = .tlsv12
            configuration.certificateVerification = .fullVerification
            configuration.trustRoots = .default
            configuration.applicationProtocols =
                offersHTTP2 ? [Negotiation.http2, Negotiation.http1] : [Negotiation.http1]
            if !furtherRoots.isEmpty { configuration.additionalTrustRoots = [.certificates(furtherRoots)] }
            let made = try NIOSSLContext(configuration: configuration)
            contexts[offersHTTP2] = made
            return made
        }
    }
}
