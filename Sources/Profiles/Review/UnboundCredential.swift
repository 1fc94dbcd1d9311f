package import Model
package import Policy

/// A rule whose credential is not sent to all of its hosts.
package enum UnboundCredential {
    /// What to say of it; nil where the credential is sent wherever the rule leads.
    package static func message(_ rule: EgressRule, sentTo hosts: [HostPattern]) -> String? {
        guard let name = rule.credential, !rule.allow.isEmpty else { return nil }
        let bound = hosts.map {
            EgressRule(to: $0, privateAddresses: true, allow: rule.allow, source: rule.source)
        }
        let alone = EgressRule(to: rule.to, allow: rule.allow, source: rule.source)
        let isCovered = excess(
            of: Profile(name: "rule", egress: [alone]),
            over: Profile(name: "credential", egress: bound)
        ).isEmpty
        guard !isCovered else { return nil }
        return "\(rule.to) names credential \(name), which credentials.yaml sends only to "
            + "\(hosts.map(\.description).joined(separator: ", ")); other requests will be refused: widen its for:, "
            + "or narrow the rule"
    }
}

extension IPAddress {
    /// Why a rule for a name that resolves to it does not reach it; nil when it does.
    func unreached(private isPrivate: Bool) -> String? {
        switch scope {
        case .global: nil
        case .local: isPrivate ? nil : "a private address, which is refused without private: true"
        case .metadata: "a metadata service, which only a rule for the very address reaches"
        case .unusable: "no address that may be dialled"
        }
    }
}
