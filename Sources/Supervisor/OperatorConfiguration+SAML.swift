internal import Client
internal import Identity
internal import Model
internal import Profiles

/// An issuer of assertions: an entry of `issuers` with `saml`.
extension IssuerEntries {
    private static let assertionKeys = ["saml", "audience", "subject", "groups", "claims", "leeway"]
    private static let providerKeys = ["entity", "certificate", "recipient"]
    /// Files of certificates of one identity provider: the one in use and the next.
    private static let maximumCertificates = 4

    static func hasAssertions(_ entry: YAMLEntry) -> Bool {
        guard case .mapping(let fields) = entry.value.content else { return false }
        return fields.contains { $0.key.isSame(as: "saml") }
    }

    func assertionIssuer(_ entry: YAMLEntry, _ errors: inout Diagnostics) -> Issuer? {
        let name = entry.key
        guard let fields = entry.value.mapping("issuers.\(name) with saml", keys: Self.assertionKeys, &errors)
        else { return nil }
        guard let node = fields["saml"],
            let provider = node.mapping("issuers.\(name).saml", keys: Self.providerKeys, &errors)
        else { return nil }
        for key in ["entity", "certificate"] where provider[key] == nil {
            errors.report("issuers.\(name).saml has no \"\(key)\"", at: node.position)
        }
        if fields["audience"] == nil {
            errors.report("issuers.\(name) has no \"audience\"", at: entry.keyPosition)
        }
        let entity = provider["entity"].flatMap { claim($0, "issuers.\(name).saml.entity", &errors) }
        let certificates = provider["certificate"].map { files($0, name, &errors) } ?? []
        let audiences = fields["audience"].map { words($0, "issuers.\(name).audience", &errors) } ?? []
        let subject = fields["subject"].map { template($0, name, &errors) } ?? .assertion
        guard let entity, !certificates.isEmpty, !audiences.isEmpty, let subject else { return nil }
        var issuer = Issuer(name: name, url: entity, audiences: audiences, subject: subject)
        issuer.keys = .certificates(certificates)
        issuer.recipient = provider["recipient"].flatMap {
            claim($0, "issuers.\(name).saml.recipient", &errors)
        }
        if let node = fields["groups"] { issuer.groups = attribute(node, "issuers.\(name).groups", &errors) }
        if let node = fields["claims"] {
            issuer.claims = claims(node, name, &errors)
            checkNames(issuer.claims, "issuers.\(name).claims", node, &errors)
        }
        if let node = fields["leeway"] { issuer.leeway = leeway(node, name, &errors) }
        return issuer
    }

    private func attribute(_ node: YAMLNode, _ what: String, _ errors: inout Diagnostics) -> String? {
        let name = claim(node, what, &errors)
        checkNames([name].compactMap(\.self), what, node, &errors)
        return name
    }

    /// In a token such a name leads into objects, of which an assertion has none.
    private func checkNames(_ names: [String], _ what: String, _ node: YAMLNode, _ errors: inout Diagnostics)
    {
        guard names.contains(where: { $0.begins(with: "/") }) else { return }
        errors.report(
            "\(what): an attribute of an assertion is named without a slash in front",
            at: node.position
        )
    }

    private func files(_ node: YAMLNode, _ name: String, _ errors: inout Diagnostics) -> [String] {
        let what = "issuers.\(name).saml.certificate"
        let paths = words(node, what, &errors)
        if paths.count > Self.maximumCertificates {
            errors.report("\(what): more than \(Self.maximumCertificates) files", at: node.position)
        }
        return paths.prefix(Self.maximumCertificates).map { path in
            let path = path.begins(with: "~/") ? HomeFolder.current + path.dropFirst(bytes: 1) : path
            return WorkingDirectory.absolute(path, from: folder)
        }
    }
}
