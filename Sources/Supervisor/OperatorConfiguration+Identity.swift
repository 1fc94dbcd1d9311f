internal import Foundation
internal import Identity
internal import Model
internal import Profiles

/// `identity`: how services learn to verify agents.
extension OperatorConfiguration {
    private static let identityKeys = ["issuer", "key-life", "publish"]
    /// Octets of an issuer: as long as a SPIFFE id may be.
    private static let maximumIssuer = SPIFFEID.maximumLength

    mutating func readIdentity(_ top: YAMLMapping, _ errors: inout Diagnostics) {
        guard let node = top["identity"],
            let fields = node.mapping("identity", keys: Self.identityKeys, &errors)
        else { return }
        tokenIssuer = fields["issuer"].flatMap { Self.issuer($0, &errors) }
        if let schedule = fields["key-life"].flatMap({ Self.keySchedule($0, &errors) }) {
            keySchedule = schedule
        }
        publication = fields["publish"].flatMap { Self.publication($0, &errors) }
    }

    /// A StringOrURI (RFC 7519 section 2).
    private static func issuer(_ node: YAMLNode, _ errors: inout Diagnostics) -> String? {
        guard let text = node.text("identity.issuer", &errors) else { return nil }
        guard (1...maximumIssuer).contains(text.utf8.count),
            text.utf8.allSatisfy({ (0x21...0x7e).contains($0) })
        else {
            errors.report(
                "identity.issuer is 1 to \(maximumIssuer) printable ASCII characters without a space, as in "
                    + "https://agents.example.org",
                at: node.position
            )
            return nil
        }
        return text
    }

    private static func keySchedule(_ node: YAMLNode, _ errors: inout Diagnostics) -> KeySchedule? {
        guard let text = node.text("identity.key-life", &errors) else { return nil }
        let life: UInt64
        do throws(TextProblem) { life = try Quantity.age(text) } catch {
            errors.report(error, in: node)
            return nil
        }
        let seconds = TimeInterval(life) / 1_000
        let (shortest, longest) = (KeySchedule.shortestLife, KeySchedule.longestLife)
        guard (shortest...longest).contains(seconds) else {
            errors.report(
                "identity.key-life is \(days(shortest)) to \(days(longest)), not \(text): the next key is published for half "
                    + "of it before it signs",
                at: node.position
            )
            return nil
        }
        return KeySchedule(life: seconds)
    }

    private static func days(_ seconds: TimeInterval) -> String { "\(Int(seconds) / 86_400)d" }

    /// Public keys in the clear prove nothing to who fetches them over a network: this machine's own only.
    private static func publication(
        _ node: YAMLNode,
        _ errors: inout Diagnostics
    ) -> (address: IPAddress, port: UInt16)? {
        guard let text = node.text("identity.publish", &errors) else { return nil }
        guard let place = LoopbackPlace.parse(text) else {
            errors.report(
                "identity.publish: \"\(text)\" is not a loopback address and a port, as in 127.0.0.1:8790 or [::1]:8790; "
                    + "to publish elsewhere, put a web server with TLS in front of it, or copy the files of "
                    + "`bailey identity bundle`",
                at: node.position
            )
            return nil
        }
        return place
    }
}
