internal import Model
internal import NIOCore
internal import NIOSSL

/// How the gateway speaks TLS to upstreams: always verified, chain and name, HTTP/1.1 only.
struct UpstreamTLS: Sendable {
    private let context: NIOSSLContext

    /// Reads the system's roots and those of the operator's file; a file that cannot be read is an error.
    init(furtherRoots: String?) throws {
        var configuration = TLSConfiguration.makeClientConfiguration()
        configuration.minimumTLSVersion = .tlsv12
        configuration.certificateVerification = .fullVerification
        configuration.trustRoots = .default
        configuration.applicationProtocols = ["http/1.1"]
        if let furtherRoots {
            do {
                configuration.additionalTrustRoots = [
                    .certificates(try NIOSSLCertificate.fromPEMFile(furtherRoots))
                ]
            } catch {
                throw GatewayFailure(
                    "read upstream-ca \(furtherRoots): \(error); give a PEM file with certificates, or leave it out"
                )
            }
        }
        context = try NIOSSLContext(configuration: configuration)
    }

    /// The handler for one upstream.
    ///
    /// A name is sent as server name and checked against the certificate; for an address the certificate
    /// must name the address that was dialled.
    func handler(for host: Host) throws -> NIOSSLClientHandler {
        switch host {
        case .name(let name): try NIOSSLClientHandler(context: context, serverHostname: name.text)
        case .address: try NIOSSLClientHandler(context: context, serverHostname: nil)
        }
    }
}
