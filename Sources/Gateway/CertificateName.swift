internal import Model
internal import NIOCore
internal import NIOSSL
internal import NIOTLS
internal import SwiftASN1
internal import X509

/// Refuses an upstream whose certificate does not name the host that was asked for.
///
/// NIOSSL also takes a certificate for the address that was dialled, whatever the name: who answers at an address
/// and holds a certificate for it could then stand in for every name. Where a name is asked for, only a dNSName
/// counts (RFC 9525 section 6.1), and never the subject's common name.
final class CertificateName: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer

    private let name: DNSName

    init(_ name: DNSName) {
        self.name = name
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if case .some(.handshakeCompleted) = event as? TLSUserEvent, !isNamed(context) {
            context.fireErrorCaught(GatewayFailure("the certificate does not name \(name)"))
            context.close(promise: nil)
        } else {
            context.fireUserInboundEventTriggered(event)
        }
    }

    private func isNamed(_ context: ChannelHandlerContext) -> Bool {
        guard let found = try? context.pipeline.syncOperations.nioSSL_peerCertificate(),
            let certificate = try? Certificate(derEncoded: found.toDERBytes()),
            let names = try? certificate.extensions.subjectAlternativeNames
        else { return false }
        return names.contains { entry in
            if case .dnsName(let pattern) = entry { matches(pattern.lowercasedASCII) } else { false }
        }
    }

    /// A whole name, or `*` for exactly the first label (RFC 9525 section 6.3).
    private func matches(_ pattern: String) -> Bool {
        guard pattern.begins(with: "*.") else { return pattern.isSame(as: name.text) }
        return name.text.cut(at: ".").dropFirst().joined(separator: ".").isSame(
            as: pattern.dropFirst(bytes: 2)
        )
    }
}
