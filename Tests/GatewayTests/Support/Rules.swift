import Model
import Policy

/// A rule as a profile would say it.
func rule(
    _ scheme: Scheme,
    _ host: String,
    _ port: UInt16,
    allow: [String] = [],
    deny: [String] = [],
    privateAddresses: Bool = true,
    credential: String? = nil
) -> EgressRule {
    EgressRule(
        to: HostPattern(scheme: scheme, hosts: hosts(host), port: port),
        privateAddresses: privateAddresses,
        allow: allow.compactMap(action),
        deny: deny.compactMap(action),
        credential: credential,
        source: "test.yaml:1"
    )
}

/// `https` rule for GET and POST below `/v1`, the corpus's P0.
func web(_ scheme: Scheme, _ host: String, _ port: UInt16, credential: String? = nil) -> EgressRule {
    rule(scheme, host, port, allow: ["GET /v1/**", "POST /v1/**"], credential: credential)
}

private func hosts(_ text: String) -> HostPattern.Hosts {
    if let address = IPAddress(text) { return .address(address) }
    if text.hasPrefix("*."), let name = DNSName(text.dropFirst(2)) { return .oneLabel(below: name) }
    if let name = DNSName(text) { return .name(name) }
    preconditionFailure("\(text) is no host")
}

private func action(_ text: String) -> ActionPattern? {
    if text == "connect" { return ActionPattern(match: .connect, text: text, source: "test.yaml:2") }
    let words = text.split(separator: " ", maxSplits: 1).map(String.init)
    guard words.count == 2, let path = PathGlob(words[1]) else { return nil }
    let method = words[0] == "*" ? nil : words[0]
    return ActionPattern(match: .http(method: method, path: path), text: text, source: "test.yaml:2")
}
