import Model
import NIOCore
import NIOHTTP1
import Signing
import Wire

/// What the client's own signature of AWS says, in the Authorization field or in the query of a presigned URL.
///
/// It was made with look-alike keys, so that nothing of it is verified: what matters is for which region and service.
struct AWSClaim: Hashable {
    let keyID: String
    let scope: AWSScope
    let isPresigned: Bool

    /// Reads the value of an Authorization field: `AWS4-HMAC-SHA256 Credential=…, SignedHeaders=…, Signature=…`.
    init?(authorization value: String) {
        let text = Octets.trimmed(value)
        guard text.begins(with: AWSSigner.algorithm + " ") else { return nil }
        let fields = text.dropFirst(bytes: AWSSigner.algorithm.utf8.count).cut(at: ",").map {
            Octets.trimmed($0)
        }
        let credentials = fields.filter { $0.begins(with: "Credential=") }
        guard credentials.count == 1, let credential = credentials.first else { return nil }
        self.init(credential: credential.dropFirst(bytes: 11), isPresigned: false)
    }

    /// Reads a whole target with its query.
    init?(target: String) {
        let found = URLQuery.parameters(URLQuery.cut(target).query ?? "").filter {
            $0.name.elementsEqual("X-Amz-Credential".utf8)
        }
        guard found.count == 1, let parameter = found.first else { return nil }
        self.init(
            credential: String(decoding: parameter.value, as: Unicode.UTF8.self)[...],
            isPresigned: true
        )
    }

    /// `AKIDEXAMPLE/20150830/us-east-1/iam/aws4_request`.
    private init?(credential: Substring, isPresigned: Bool) {
        let parts = credential.cut(at: "/", omittingEmptySubsequences: false)
        guard parts.count == 5, parts[4].isSame(as: "aws4_request"),
            let scope = AWSScope(region: parts[2], service: parts[3])
        else { return nil }
        keyID = String(parts[0])
        self.scope = scope
        self.isPresigned = isPresigned
    }
}

/// Takes the client's signature of AWS out of a request, and signs it anew with the real key.
struct AWSRequest {
    let key: AWSKey
    let signing: Injection.Signing
    let host: Host
    /// All of the body, where it was read for its digest.
    let body: [ByteBuffer]?

    /// Fields and parameters that are a signature's.
    private static let fields = ["authorization", "x-amz-date", "x-amz-security-token"]
    private static let parameters = [
        "X-Amz-Algorithm", "X-Amz-Credential", "X-Amz-Date", "X-Amz-Expires", "X-Amz-SignedHeaders",
        "X-Amz-Signature", "X-Amz-Security-Token",
    ]
    static let digest = "x-amz-content-sha256"

    /// Whether the digest of the body has to be made: the client has not said it, and S3 does not go without in a URL.
    static func needsBody(_ head: HTTPRequestHead) -> Bool {
        guard !head.headers.contains(name: digest) else { return false }
        guard let claim = AWSClaim(target: head.uri) else { return true }
        return !claim.scope.service.begins(with: "s3")
    }

    /// Whether a signed request is one of S3's; those of its Object Lambda (`s3-object-lambda`) go to programs.
    static func isSignedForS3(_ head: HTTPRequestHead) -> Bool {
        head.headers.first(name: "authorization").flatMap { AWSClaim(authorization: $0) }?
            .scope.service.isSame(as: "s3") ?? false
    }

    func sign(_ head: inout HTTPRequestHead) throws(HTTPFault) {
        let claim = try claim(of: head)
        let scope = try scope(claim)
        let payload = try payload(of: head, claim, scope)
        Self.removeSignature(from: &head)
        let time = AWSTime(seconds: signing.seconds)
        head.headers.add(name: "x-amz-date", value: time.text)
        if let token = key.token { head.headers.add(name: "x-amz-security-token", value: token) }
        if scope.service.begins(with: "s3") { head.headers.replaceOrAdd(name: Self.digest, value: payload) }
        let (path, query) = URLQuery.cut(head.uri)
        let signed = head.headers.filter { name, _ in
            let key = Octets.lowercased(name)
            return key == "host" || key == "content-type" || key == "content-md5"
                || key.begins(with: "x-amz-")
        }
        let parts = AWSSigner.Parts(
            method: head.method.rawValue,
            path: String(path),
            query: query.map(String.init),
            fields: signed.map { (name: $0.name, value: $0.value) },
            payload: payload
        )
        let value = AWSSigner(key, scope, at: time).authorization(for: parts)
        head.headers.add(name: "authorization", value: value)
    }

    /// Takes out what is the client's own signature.
    static func removeSignature(from head: inout HTTPRequestHead) {
        for name in fields { head.headers.remove(name: name) }
        head.uri = withoutSignature(head.uri)
    }

    private func claim(of head: HTTPRequestHead) throws(HTTPFault) -> AWSClaim? {
        let fields = head.headers["authorization"]
        let inQuery = AWSClaim(target: head.uri)
        guard fields.count <= 1, fields.isEmpty || inQuery == nil else {
            throw .malformed(
                "the request is signed twice",
                remedy: "Sign it once, in Authorization or in the URL."
            )
        }
        guard let field = fields.first else { return inQuery }
        guard let claim = AWSClaim(authorization: field) else {
            throw Self.unsupported(
                "a signature other than \(AWSSigner.algorithm)",
                "Sign by Signature Version 4."
            )
        }
        return claim
    }

    /// What the credential says, or else what the client's signature says, if that is the host's.
    private func scope(_ claim: AWSClaim?) throws(HTTPFault) -> AWSScope {
        if let pinned = signing.scope {
            guard let scope = claim?.scope, scope != pinned else { return pinned }
            throw Self.mismatch(
                "the request is signed for \(scope.service) in \(scope.region), and the credential is for "
                    + "\(pinned.service) in \(pinned.region)"
            )
        }
        guard let scope = claim?.scope else {
            throw .malformed(
                "the request is not signed, so that its region and service are not known",
                remedy: "Sign it with the look-alike keys of the environment, as every AWS SDK does."
            )
        }
        if let objection = AWSHost.objection(to: scope, at: host) { throw Self.mismatch(objection) }
        return scope
    }

    /// The digest that the client gives, or that of the body; the server compares it with what it gets.
    private func payload(
        of head: HTTPRequestHead,
        _ claim: AWSClaim?,
        _ scope: AWSScope
    ) throws(HTTPFault) -> String {
        guard !scope.service.isSame(as: "s3express") else {
            throw Self.unsupported(
                "S3 Express, whose sessions have keys of their own",
                "Use another storage class."
            )
        }
        let given = head.headers[Self.digest]
        guard given.count <= 1 else { throw .malformed("\(Self.digest) is repeated") }
        guard let word = given.first else {
            if let claim, claim.isPresigned, scope.service.begins(with: "s3") { return "UNSIGNED-PAYLOAD" }
            return AWSSigner.digest((body ?? []).map(\.readableBytesView))
        }
        if word == "UNSIGNED-PAYLOAD" || word == "STREAMING-UNSIGNED-PAYLOAD-TRAILER" { return word }
        guard !word.begins(with: "STREAMING-") else {
            throw Self.unsupported(
                "a body whose chunks are signed one by one (\(word)): the real key would have to sign each",
                "Have the client sign the body whole or not at all; over TLS that is what SDKs do by default."
            )
        }
        guard word.utf8.count == 64, word.utf8.allSatisfy({ Octets.hexValue($0) != nil }) else {
            throw .malformed("\(Self.digest) is no SHA-256")
        }
        return word
    }

    /// The target without the parameters of a presigned URL, the others spelled as they are signed.
    private static func withoutSignature(_ target: String) -> String {
        let (path, query) = URLQuery.cut(target)
        guard let query else { return target }
        let kept = URLQuery.parameters(query).filter { parameter in
            !parameters.contains { parameter.name.elementsEqual($0.utf8) }
        }
        guard !kept.isEmpty else { return String(path) }
        let texts = kept.map { parameter in
            let name = URLQuery.encoded(parameter.name)
            return parameter.text.holds("=") ? "\(name)=\(URLQuery.encoded(parameter.value))" : name
        }
        return "\(path)?\(texts.joined(separator: "&"))"
    }

    private static func unsupported(_ what: String, _ remedy: String) -> HTTPFault {
        HTTPFault(.notImplemented, .unsupported, "the gateway does not sign \(what)", remedy: remedy)
    }

    private static func mismatch(_ message: String) -> HTTPFault {
        HTTPFault(
            .forbidden,
            .nameMismatch,
            message,
            remedy:
                "Sign for the host's own region and service, or have the operator write them in credentials.yaml."
        )
    }
}
