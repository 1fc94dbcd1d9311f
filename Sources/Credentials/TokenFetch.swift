internal import Foundation
internal import Model
internal import Synchronization

/// Who sends the requests for tokens: known when the gateway is there.
final class TokenSender: Sendable {
    private let transport = Mutex<(any TokenTransport)?>(nil)

    func attach(_ transport: any TokenTransport) { self.transport.withLock { $0 = transport } }

    var attached: (any TokenTransport)? { transport.withLock { $0 } }
}

/// Gets a token from an authorisation server.
struct TokenFetch {
    let request: TokenRequest
    let credential: String
    let transport: any TokenTransport
    /// Gives the secret of a source on this machine.
    let secret: (CredentialDefinition.Source) throws(CredentialFailure) -> String

    /// RFC 6749 section 5.1.
    private struct Grant: Decodable {
        let token: String
        let type: String
        let seconds: Double?

        private enum CodingKeys: String, CodingKey {
            case token = "access_token"
            case type = "token_type"
            case seconds = "expires_in"
        }
    }

    /// RFC 6749 section 5.2.
    private struct Fault: Decodable {
        let error: String
    }

    /// The token, and the milliseconds for which it may be used.
    func fetch() throws(CredentialFailure) -> (token: String, lifetime: Int64) {
        let reply = try transport.post(try post())
        guard reply.status == 200 else { throw failure("it answered \(reply.status)\(Self.fault(reply))") }
        guard let grant = try? JSONDecoder().decode(Grant.self, from: Data(reply.body)) else {
            throw failure("its answer is no token")
        }
        guard grant.type.lowercasedASCII.isSame(as: "bearer") else {
            throw failure("its token is of another type than Bearer")
        }
        guard !grant.token.isEmpty, grant.token.utf8.count <= CredentialLimits.maximumSecret,
            grant.token.utf8.allSatisfy({ (0x21...0x7e).contains($0) })
        else { throw failure("its token is longer than a secret may be, or no plain text") }
        return (grant.token, try Self.lifetime(grant.seconds) ?? CredentialLimits.defaultLifetime)
    }

    /// Nil where the server does not say; half of it for what hardly lives longer than the margin.
    private static func lifetime(_ seconds: Double?) throws(CredentialFailure) -> Int64? {
        guard let seconds else { return nil }
        let milliseconds = Int64(min(max(seconds, 0), 86_400) * 1_000)
        return max(milliseconds - CredentialLimits.expiryMargin, milliseconds / 2)
    }

    private func post() throws(CredentialFailure) -> FormPost {
        var form: [(String, String)] = []
        if let subject = request.subject {
            form = [
                ("grant_type", "urn:ietf:params:oauth:grant-type:token-exchange"),
                ("subject_token", try secret(subject.token)), ("subject_token_type", subject.type.identifier),
            ]
        } else {
            form = [("grant_type", "client_credentials")]
        }
        if !request.scope.isEmpty { form.append(("scope", request.scope.joined(separator: " "))) }
        if let audience = request.audience { form.append(("audience", audience)) }
        // Section 2.3.1: both are escaped before they are joined.
        let pair = try
            "\(URLQuery.encoded(request.clientID)):\(URLQuery.encoded(secret(request.clientSecret)))"
        return FormPost(
            endpoint: request.endpoint,
            target: request.target,
            authorization: "Basic \(Data(pair.utf8).base64EncodedString())",
            body: form.map { "\(URLQuery.encoded($0.0))=\(URLQuery.encoded($0.1))" }.joined(separator: "&")
        )
    }

    /// The server's word for what went wrong, where it is one.
    private static func fault(_ reply: FormReply) -> String {
        guard let fault = try? JSONDecoder().decode(Fault.self, from: Data(reply.body)),
            fault.error.utf8.count <= 64,
            fault.error.utf8.allSatisfy({ CredentialFile.isLetterOrDigit($0) || $0 == UInt8(ascii: "_") })
        else { return "" }
        return " \(fault.error)"
    }

    private func failure(_ reason: String) -> CredentialFailure {
        CredentialFailure(
            "credential \(credential): token endpoint \(request.endpoint)\(request.target): \(reason)"
        )
    }
}
