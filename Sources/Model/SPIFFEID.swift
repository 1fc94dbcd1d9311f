/// The administrative domain whose keys vouch for its agents, `bailey.yaml`'s `trust-domain`.
///
/// Shape: 1 to 255 lower-case letters, digits, `.`, `-` and `_` (SPIFFE-ID section 2.1).
package struct TrustDomain: Sendable, Hashable, CustomStringConvertible {
    /// Octets of its name (SPIFFE-ID section 2.3, Maximum SPIFFE ID Length).
    package static let maximumLength = 255
    /// Where the operator names none: `.internal` is reserved for private use, by ICANN.
    package static let standard = TrustDomain(known: "bailey.internal")

    package let name: String

    package init?(_ name: String) {
        guard (1...Self.maximumLength).contains(name.utf8.count), name.utf8.allSatisfy(Self.isDomainOctet)
        else { return nil }
        self.name = name
    }

    private init(known name: String) {
        self.name = name
    }

    package var description: String { name }

    private static func isDomainOctet(_ octet: UInt8) -> Bool {
        SPIFFEID.isPlain(octet) && !(UInt8(ascii: "A")...UInt8(ascii: "Z")).contains(octet)
            || octet == UInt8(ascii: "_")
    }
}

/// The name of an agent towards services: `spiffe://TRUST-DOMAIN/PRINCIPAL/ci/test-runner/1f2e3d4c5b6a.3`.
///
/// Behind the principal stand the names of the profiles of its lineage, root first, and then its own id, which no other agent of
/// any run has. What an agent calls its child (`--name`) is no part of it, and a profile that is a text of an agent's own stands
/// there as `_own-NAME`, as which no profile of the operator's can: a service decides by the operator's words. Of two lineages
/// no two have one name: what a path segment may not hold, and the mark `_` itself, is written as `_` and two hexadecimal digits
/// (SPIFFE-ID section 2.2: letters, digits, `.`, `-`, `_`).
package struct SPIFFEID: Sendable, Hashable, CustomStringConvertible {
    /// Octets of a whole id (SPIFFE-ID section 2.3, Maximum SPIFFE ID Length).
    package static let maximumLength = 2_048

    package let text: String

    /// Nil where it would be longer than services have to take.
    package init?(of lineage: Lineage, in domain: TrustDomain) {
        let segments =
            Self.segments(of: lineage.principal) + lineage.hops.map(Self.segment)
            + [Self.segment(lineage.agent.agent.text)]
        self.init(domain, segments)
    }

    private init?(_ domain: TrustDomain, _ segments: [String]) {
        let text = "spiffe://\(domain.name)/" + segments.joined(separator: "/")
        guard text.utf8.count <= Self.maximumLength else { return nil }
        self.text = text
    }

    package var description: String { text }

    /// The kind of a subject, `user`, and what comes behind its colon; `oidc` or `saml`, the issuer's name, and the rest.
    private static func segments(of principal: Principal) -> [String] {
        let count = principal.issuer == nil ? 1 : 2
        return principal.subject.cut(at: ":", maxSplits: count, omittingEmptySubsequences: false).map(segment)
    }

    /// What a text of an agent's own is marked by: behind `_` stand two hexadecimal digits elsewhere, which `ow` is not.
    private static let ownMark = "_own-"

    private static func segment(_ hop: Hop) -> String {
        (hop.isOwnText ? ownMark : "") + segment(hop.profile)
    }

    /// One segment of a path: never empty, `.` or `..`.
    private static func segment(_ text: some StringProtocol) -> String {
        guard !text.isEmpty else { return "_" }
        let hasDotsAlone = text.utf8.allSatisfy { $0 == UInt8(ascii: ".") }
        var octets: [UInt8] = []
        for octet in text.utf8 {
            if isPlain(octet), !hasDotsAlone {
                octets.append(octet)
            } else {
                octets += "_\(CollectionOfOne(octet).hex)".utf8
            }
        }
        return String(decoding: octets, as: UTF8.self)
    }

    fileprivate static func isPlain(_ octet: UInt8) -> Bool {
        switch octet {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "."), UInt8(ascii: "-"):
            true
        default: false
        }
    }
}
