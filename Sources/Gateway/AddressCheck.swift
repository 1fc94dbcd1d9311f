internal import Model
internal import Policy

/// The last look before a connection: whether this very address may be dialled for this permitted request.
struct AddressCheck {
    let endpoint: Endpoint
    let privateAddresses: Bool
    /// Every level of the lineage has a rule whose pattern is the endpoint's very address.
    let namedExactly: Bool

    init(_ endpoint: Endpoint, obligations: Obligations, policy: LineagePolicy) {
        self.endpoint = endpoint
        privateAddresses = obligations.privateAddresses
        if case .address(let address) = endpoint.host {
            namedExactly = policy.levels.allSatisfy { level in
                level.profile.egress.contains { rule in
                    rule.to.hosts == .address(address) && rule.to.matches(endpoint)
                }
            }
        } else {
            namedExactly = false
        }
    }

    /// Why the address is not dialled; nil when it may be.
    func refusal(of address: IPAddress, host: HostAddresses) -> String? {
        switch address.scope {
        case .unusable:
            return "\(address) is not an address to connect to"
        case .metadata:
            return namedExactly
                ? nil
                : "\(address) is an instance metadata service, which only a rule for that address reaches"
        case .local:
            return reachesPrivate ? nil : "\(address) is a private, loopback or link-local address"
        case .global:
            return !host.contain(address) || reachesPrivate ? nil : "\(address) is this machine's own address"
        }
    }

    private var reachesPrivate: Bool {
        if case .address = endpoint.host { return true }
        return privateAddresses
    }
}
