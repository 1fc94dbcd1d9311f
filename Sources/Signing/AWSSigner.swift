internal import Crypto
package import Model

/// Signs a request by AWS Signature Version 4 (IAM User Guide, "Create a signed AWS API request").
///
/// Pure: the moment is given.
package struct AWSSigner: Sendable {
    private let key: AWSKey
    private let scope: AWSScope
    private let time: AWSTime

    package static let algorithm = "AWS4-HMAC-SHA256"

    package init(_ key: AWSKey, _ scope: AWSScope, at time: AWSTime) {
        self.key = key
        self.scope = scope
        self.time = time
    }

    /// What is signed of a request.
    package struct Parts: Sendable {
        package let method: String
        /// As it is sent.
        package let path: String
        package let query: String?
        /// Those that are signed: `host`, `x-amz-date`; names in any case, several of one name in their order.
        package let fields: [(name: String, value: String)]
        /// The hexadecimal SHA-256 of the body, or the word that stands for it.
        package let payload: String

        package init(
            method: String,
            path: String,
            query: String?,
            fields: [(name: String, value: String)],
            payload: String
        ) {
            self.method = method
            self.path = path
            self.query = query
            self.fields = fields
            self.payload = payload
        }
    }

    /// The value of the Authorization field.
    package func authorization(for parts: Parts) -> String {
        let fields = Self.canonicalFields(parts.fields)
        let names = fields.map(\.name).joined(separator: ";")
        let canonical = canonicalRequest(parts)
        let credential = "\(time.day)/\(scope.region)/\(scope.service)/aws4_request"
        let digest = SHA256.hash(data: Array(canonical.utf8)).hex
        let toSign = "\(Self.algorithm)\n\(time.text)\n\(credential)\n\(digest)"
        let signature = HMAC<SHA256>.authenticationCode(for: Array(toSign.utf8), using: signingKey()).hex
        return
            "\(Self.algorithm) Credential=\(key.id)/\(credential), SignedHeaders=\(names), Signature=\(signature)"
    }

    /// What the signature is made of; for tests as well.
    package func canonicalRequest(_ parts: Parts) -> String {
        let fields = Self.canonicalFields(parts.fields)
        return [
            parts.method, Self.canonicalPath(parts.path, scope.service),
            Self.canonicalQuery(parts.query ?? ""),
            fields.map { "\($0.name):\($0.value)\n" }.joined(), fields.map(\.name).joined(separator: ";"),
            parts.payload,
        ].joined(separator: "\n")
    }

    private func signingKey() -> SymmetricKey {
        var key = SymmetricKey(data: Array("AWS4\(self.key.secret)".utf8))
        for text in [String(time.day), scope.region, scope.service, "aws4_request"] {
            key = SymmetricKey(data: HMAC<SHA256>.authenticationCode(for: Array(text.utf8), using: key))
        }
        return key
    }

    /// S3 encodes what the path means once; the other services encode once more what was sent.
    private static func canonicalPath(_ path: String, _ service: String) -> String {
        let octets =
            service.begins(with: "s3")
            ? URLQuery.decoded(Array(path.utf8), plus: UInt8(ascii: "+")) : Array(path.utf8)
        return octets.split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false)
            .map { URLQuery.encoded($0) }.joined(separator: "/")
    }

    private static func canonicalQuery(_ query: String) -> String {
        let pairs = URLQuery.parameters(query).map { parameter in
            (name: URLQuery.encoded(parameter.name), value: URLQuery.encoded(parameter.value))
        }
        return pairs.sorted { left, right in
            left.name.isSame(as: right.name)
                ? left.value.precedes(right.value) : left.name.precedes(right.name)
        }
        .map { "\($0.name)=\($0.value)" }.joined(separator: "&")
    }

    /// Names in lower case and in order, each once, values without needless blanks.
    private static func canonicalFields(
        _ fields: [(name: String, value: String)]
    ) -> [(name: String, value: String)] {
        var values: [String: [String]] = [:]
        for (name, value) in fields {
            values[name.lowercasedASCII, default: []].append(value.cut(at: " ").joined(separator: " "))
        }
        return values.map { (name: $0, value: $1.joined(separator: ",")) }
            .sorted { $0.name.precedes($1.name) }
    }

    /// The hexadecimal SHA-256 of pieces, one after the other.
    package static func digest(_ pieces: some Sequence<some Sequence<UInt8>>) -> String {
        var hash = SHA256()
        for piece in pieces { hash.update(data: Array(piece)) }
        return hash.finalize().hex
    }
}
