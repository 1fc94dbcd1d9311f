/// What an agent's own network namespace keeps to itself.
extension Host {
    /// Whether an agent's connections to it stay within the agent: 127.0.0.0/8, ::1, `localhost` and names below it
    /// (RFC 6761 section 6.3).
    package var isLoopback: Bool {
        switch self {
        case .name(let name): name.text == "localhost" || name.text.ends(with: ".localhost")
        case .address(let address): address.isLoopback
        }
    }
}

extension HostPattern.Hosts {
    /// Whether nothing else matches.
    package var isLoopback: Bool {
        switch self {
        case .name(let name), .oneLabel(let name), .anyLabels(let name): Host.name(name).isLoopback
        case .address(let address): address.isLoopback
        case .network(let address, let prefix): prefix >= 8 && address.isLoopback
        }
    }
}

extension HostPattern {
    /// What to say of a rule for it.
    package static let loopbackNote =
        "an agent's loopback is its own, and what goes there never reaches the gateway; for a server on the host's, give"
        + " it a name in bailey.yaml (resolve: {server.internal: 127.0.0.1}) and name that in the rule, with private: true"
}

extension IPAddress {
    fileprivate var isLoopback: Bool {
        let networks = [(IPAddress("127.0.0.0"), 8), (IPAddress("::1"), 128)]
        return networks.contains { network, prefix in network.map { isIn($0, prefix: prefix) } ?? false }
    }
}
