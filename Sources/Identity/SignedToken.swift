internal import Model

/// A token in its three parts (RFC 7515 section 3.1), read and not verified.
struct SignedToken: Sendable {
    let header: JSONValue
    let payload: JSONValue
    let signature: [UInt8]
    /// What is signed.
    let signed: [UInt8]

    init(_ text: String) throws(TokenFault) {
        let octets = Array(text.utf8)
        guard octets.count <= IdentityToken.maximumLength else {
            throw TokenFault(.size, "it is longer than \(IdentityToken.maximumLength >> 10) KiB")
        }
        let parts = octets.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
        guard parts.count == 3 else {
            throw TokenFault(
                .form,
                parts.count == 5
                    ? "it is encrypted (RFC 7516), and only signed ones are read"
                    : "it is not three parts with dots in between (RFC 7519)"
            )
        }
        guard parts[0].count <= TokenLimits.header else {
            throw TokenFault(.size, "its header is longer than \(TokenLimits.header >> 10) KiB")
        }
        header = try Self.object(parts[0], "header")
        payload = try Self.object(parts[1], "payload")
        guard let signature = Base64URL.decoded(parts[2]) else {
            throw TokenFault(.form, "its signature is not base64url")
        }
        self.signature = signature
        signed = Array(parts[0]) + [UInt8(ascii: ".")] + Array(parts[1])
    }

    private static func object(_ part: ArraySlice<UInt8>, _ name: String) throws(TokenFault) -> JSONValue {
        guard let octets = Base64URL.decoded(part) else {
            throw TokenFault(.form, "its \(name) is not base64url")
        }
        let value: JSONValue
        do {
            value = try JSONValue(octets)
        } catch {
            throw TokenFault(.form, "its \(name) does not read: \(error.reason)")
        }
        guard value.isObject else { throw TokenFault(.form, "its \(name) is not a JSON object") }
        return value
    }
}
