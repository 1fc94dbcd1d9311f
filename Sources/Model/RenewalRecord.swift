/// A run rests on a fresh token or assertion of its principal from here on.
package struct RenewalRecord: Sendable, Hashable, Codable {
    /// That of the root agent.
    package let lineage: Lineage
    /// Who was proven anew: groups and claims are what they were at the launch, and the expiry is the new one.
    package let principal: Principal
    /// Which key of the issuer signed: its id (RFC 7515 section 4.1.4), or `sha256:` and the digest of an identity provider's
    /// certificate; nil for a token that names none.
    package let key: String?
    /// When what the run rested on before expires.
    package let previous: Timestamp

    package init(lineage: Lineage, principal: Principal, key: String?, previous: Timestamp) {
        self.lineage = lineage
        self.principal = principal
        self.key = key
        self.previous = previous
    }

    private enum CodingKeys: String, CodingKey {
        case lineage, principal, key, previous
    }

    package init(from decoder: any Decoder) throws {
        let values = try decoder.container(keyedBy: CodingKeys.self)
        self.init(
            lineage: try values.decode(Lineage.self, forKey: .lineage),
            principal: try values.decode(Principal.self, forKey: .principal),
            key: try values.decodeIfPresent(String.self, forKey: .key),
            previous: Timestamp(milliseconds: try values.decode(Int64.self, forKey: .previous))
        )
    }

    package func encode(to encoder: any Encoder) throws {
        var values = encoder.container(keyedBy: CodingKeys.self)
        try values.encode(lineage, forKey: .lineage)
        try values.encode(principal, forKey: .principal)
        try values.encodeIfPresent(key, forKey: .key)
        try values.encode(previous.milliseconds, forKey: .previous)
    }
}
