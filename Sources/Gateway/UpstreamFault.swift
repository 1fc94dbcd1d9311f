internal import FoundationEssentials
internal import Linux
internal import Model
internal import NIOCore
internal import NIOSSL
internal import PostgresProtocol
internal import X509

/// Why an upstream could not be had, in words.
///
/// The libraries' own texts hold error numbers and places in their sources, which mean nothing to who reads a denial.
struct UpstreamFault: Error, Sendable, Hashable {
    let words: String
    /// The certificate was the reason: its root may be one that only the operator trusts.
    let isDistrust: Bool

    /// Octets of an issuer's name that are repeated: the peer chose them.
    private static let maximumIssuer = 100

    /// - Parameters:
    ///   - error: what the connection failed with.
    ///   - certificate: what the server showed, where it came to that.
    init(_ error: any Error, certificate: Certificate? = nil) {
        isDistrust = Self.isDistrust(error)
        words = isDistrust ? Self.distrust(certificate) : Self.words(error)
    }

    private static func isDistrust(_ error: any Error) -> Bool {
        guard case .handshakeFailed(let failure)? = error as? NIOSSLError else { return false }
        return stack(failure).contains { $0.description.contains("CERTIFICATE_VERIFY_FAILED") }
    }

    private static func distrust(_ certificate: Certificate?) -> String {
        let opening = "its certificate could not be verified"
        guard let certificate else { return opening }
        let now = Date()
        if certificate.notValidAfter < now {
            return opening + ": it expired on \(day(certificate.notValidAfter))"
        }
        if certificate.notValidBefore > now {
            return opening + ": it is not valid before \(day(certificate.notValidBefore))"
        }
        if certificate.issuer == certificate.subject { return opening + ": it is signed by itself" }
        return opening + ": its issuer is unknown (\(text(certificate.issuer)))"
    }

    private static func text(_ issuer: DistinguishedName) -> String {
        let printable = issuer.description.unicodeScalars.filter { (0x20...0x7e).contains($0.value) }
        return String(String.UnicodeScalarView(printable.prefix(maximumIssuer)))
    }

    private static func words(_ error: any Error) -> String {
        switch error {
        case let error as NIOSSLError: return words(error)
        case let error as NIOSSLExtraError where error == .failedToValidateHostname:
            return "its certificate does not name this host"
        case is NIOSSLExtraError: return "TLS failed"
        // A server of TLS 1.3 looks at the client's certificate when the handshake is over for the client.
        case let error as BoringSSLError: return "TLS failed" + (reason(error).map { ": \($0)" } ?? "")
        case let error as IOError: return SystemCallError.text(error.errnoCode)
        case ChannelError.connectTimeout(let time):
            return "no answer within \(time.nanoseconds / 1_000_000_000) s"
        case ChannelError.eof: return "it closed the connection"
        default: return "\(error)"
        }
    }

    private static func words(_ error: NIOSSLError) -> String {
        switch error {
        case .handshakeFailed(let failure):
            "the TLS handshake failed" + (reason(failure).map { ": \($0)" } ?? "")
        case .uncleanShutdown: "it closed the connection"
        default: "TLS failed"
        }
    }

    /// `wrong version number`, of `Error: 268435703 error:100000f7:…:WRONG_VERSION_NUMBER at PLACE`.
    private static func reason(_ failure: BoringSSLError) -> String? {
        guard let text = stack(failure).first?.description else { return nil }
        if text.contains("EOF during handshake") { return "it closed the connection" }
        let word = text.split { " :".contains($0) }.first { $0.contains("_") && $0.utf8.allSatisfy(isUpper) }
        return word?.lowercased().cut(at: "_").joined(separator: " ")
    }

    /// A letter, digit or underscore as in the library's names of errors.
    private static func isUpper(_ octet: UInt8) -> Bool {
        (0x41...0x5a).contains(octet) || (0x30...0x39).contains(octet) || octet == 0x5f
    }

    private static func stack(_ failure: BoringSSLError) -> NIOBoringSSLErrorStack {
        switch failure {
        case .sslError(let stack), .unknownError(let stack), .invalidSNIName(let stack),
            .failedToSetALPN(let stack):
            stack
        default: []
        }
    }

    private static func day(_ date: Date) -> String { date.formatted(.iso8601.year().month().day()) }
}

extension UpstreamFault {
    /// What a client is told of a connection that was not made.
    static func denial(_ error: any Error, _ endpoint: Endpoint) -> Denial {
        switch error {
        case let failure as DialFailure: return failure.denial
        case let fault as PostgresFault: return fault.denial
        default: break
        }
        let fault = error as? UpstreamFault ?? UpstreamFault(error)
        return fault.isDistrust
            ? .upstreamDistrusted(endpoint, fault.words) : .upstreamFailed(endpoint, fault.words)
    }
}
