/// What a rule's `to` and a credential's `for` say: scheme, host pattern and port.
package struct HostPattern: Sendable, Hashable, CustomStringConvertible {
    /// Which hosts.
    package enum Hosts: Sendable, Hashable {
        case name(DNSName)
        /// `*.SUFFIX`: exactly one label in front; never the apex.
        case oneLabel(below: DNSName)
        /// `**.SUFFIX`: one label or more in front; never the apex.
        case anyLabels(below: DNSName)
        case address(IPAddress)
        /// Network address and prefix length in bits.
        case network(IPAddress, prefix: Int)
    }

    package let scheme: Scheme
    package let hosts: Hosts
    package let port: UInt16

    package init(scheme: Scheme, hosts: Hosts, port: UInt16) {
        self.scheme = scheme
        self.hosts = hosts
        self.port = port
    }

    package func matches(_ endpoint: Endpoint) -> Bool {
        scheme == endpoint.scheme && port == endpoint.port && matches(endpoint.host)
    }

    /// Whether the host is covered, whatever the scheme and port.
    package func matches(_ host: Host) -> Bool {
        switch (hosts, host) {
        case (.name(let mine), .name(let theirs)):
            mine == theirs
        case (.oneLabel(let suffix), .name(let name)):
            name.prefixLength(above: suffix).map { !name.text.utf8.prefix($0).contains(UInt8(ascii: ".")) }
                ?? false
        case (.anyLabels(let suffix), .name(let name)):
            name.prefixLength(above: suffix) != nil
        case (.address(let mine), .address(let theirs)):
            mine == theirs
        case (.network(let network, let prefix), .address(let address)):
            address.isIn(network, prefix: prefix)
        case (.name, .address), (.oneLabel, .address), (.anyLabels, .address), (.address, .name),
            (.network, .name):
            false
        }
    }

    package var description: String {
        let text =
            switch hosts {
            case .name(let name): name.text
            case .oneLabel(let suffix): "*.\(suffix)"
            case .anyLabels(let suffix): "**.\(suffix)"
            case .address(let address): address.family == .v6 ? "[\(address)]" : address.description
            case .network(let address, let prefix):
                address.family == .v6 ? "[\(address)]/\(prefix)" : "\(address)/\(prefix)"
            }
        return port == scheme.defaultPort
            ? "\(scheme.rawValue)://\(text)" : "\(scheme.rawValue)://\(text):\(port)"
    }
}
