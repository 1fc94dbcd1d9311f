internal import Model

/// The host part of a pattern: a name, `*.NAME`, `**.NAME`, an address or a network.
struct HostsText {
    let text: String
    /// Where it begins in the whole pattern.
    let offset: Int

    func parse() throws(TextProblem) -> HostPattern.Hosts {
        guard !text.isEmpty else { throw problem("the host is missing") }
        if text.begins(with: "[") || text.holds("/") { return try addressOrNetwork() }
        if let address = IPAddress(text) { return .address(address) }
        if text == "*" || text == "**" {
            throw problem("a pattern for every host does not exist; name the hosts, as in **.example.com")
        }
        if text.begins(with: "**.") {
            return .anyLabels(below: try name(String(text.dropFirst(bytes: 3)), at: 3))
        }
        if text.begins(with: "*.") {
            return .oneLabel(below: try name(String(text.dropFirst(bytes: 2)), at: 2))
        }
        return .name(try name(text, at: 0))
    }

    private func name(_ name: String, at start: Int) throws(TextProblem) -> DNSName {
        if let parsed = DNSName(name) { return parsed }
        func place(_ index: String.Index) -> Int { start + name[..<index].unicodeScalars.count }
        if let star = name.firstPlace(of: "*") {
            throw problem(
                "* stands only for whole labels in front, as in *.example.com (one) or **.example.com (any number)",
                at: place(star)
            )
        }
        if let foreign = name.unicodeScalars.firstIndex(where: { !$0.isASCII }) {
            throw problem(
                "\"\(name)\" is not ASCII; write the A-labels (xn--…), so that no look-alike passes review",
                at: place(foreign)
            )
        }
        let labels = name.cut(at: ".", omittingEmptySubsequences: false)
        if labels.contains(where: \.isEmpty) { throw problem("\"\(name)\" has an empty label", at: start) }
        if let last = labels.last,
            last.utf8.allSatisfy({ (0x30...0x39).contains($0) }) || last.begins(with: "0x")
        {
            throw problem("\"\(name)\" looks like an address but is not four decimal parts", at: start)
        }
        throw problem("\"\(name)\" is not a host name", at: start)
    }

    private func addressOrNetwork() throws(TextProblem) -> HostPattern.Hosts {
        let parts = text.cut(at: "/", maxSplits: 1, omittingEmptySubsequences: false)
        var bare = parts[0]
        if bare.begins(with: "[") {
            guard bare.ends(with: "]"), bare.holds(":") else {
                throw problem("\"\(bare)\" is not an IPv6 address")
            }
            bare = bare.dropFirst(bytes: 1).dropLast(bytes: 1)
        }
        guard let address = IPAddress(bare) else {
            throw parts.count == 2
                ? problem(
                    "a path is not part of \"to\"; write it in allow, as in \"GET /\(parts[1])\"",
                    at: parts[0].unicodeScalars.count
                ) : problem("\"\(bare)\" is not an IPv6 address")
        }
        guard parts.count == 2 else { return .address(address) }
        let width = address.family == .v4 ? 32 : 128
        let digits = parts[1]
        guard (1...3).contains(digits.utf8.count), digits.utf8.allSatisfy({ (0x30...0x39).contains($0) }),
            let prefix = Int(digits), prefix <= width
        else {
            throw problem(
                "\"\(digits)\" is not a prefix length from 0 to \(width)",
                at: parts[0].unicodeScalars.count + 1
            )
        }
        let network = address.masked(to: prefix)
        guard network == address else {
            throw problem("\(text) has bits beyond its prefix", suggestion: "\(network)/\(prefix)")
        }
        return .network(network, prefix: prefix)
    }

    private func problem(_ message: String, suggestion: String? = nil, at inner: Int = 0) -> TextProblem {
        TextProblem(message, suggestion: suggestion, offset: offset + inner)
    }
}
