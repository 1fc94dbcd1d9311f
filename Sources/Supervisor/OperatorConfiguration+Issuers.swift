internal import Client
internal import Identity
internal import Linux
internal import Model
internal import Policy
internal import Profiles

/// `issuers` of `bailey.yaml`.
struct IssuerEntries {
    /// Issuers of one configuration; an organisation has a handful.
    static let maximumCount = 16
    /// Claims that one keeps.
    static let maximumClaims = 32
    /// Octets of an audience or of a claim's name.
    static let maximumWord = 1_024

    private static let keys = [
        "issuer", "audience", "from", "jwks", "algorithms", "subject", "groups", "claims", "leeway",
    ]

    /// Where relative paths begin: the configuration's folder.
    let folder: String
    private(set) var issuers: [Issuer] = []

    init(_ node: YAMLNode, folder: String, _ errors: inout Diagnostics) {
        self.folder = folder
        let entries = node.entries("issuers", &errors) ?? []
        if entries.count > Self.maximumCount {
            errors.report("issuers: more than \(Self.maximumCount)", at: node.position)
        }
        for entry in entries.prefix(Self.maximumCount) {
            guard ProfileName.isValid(entry.key) else {
                errors.report(
                    "issuers: \"\(entry.key)\" is not a name: lower-case letters, digits, \".\", \"_\", \"-\"",
                    at: entry.keyPosition
                )
                continue
            }
            let hasAssertions = Self.hasAssertions(entry)
            guard let issuer = hasAssertions ? assertionIssuer(entry, &errors) : issuer(entry, &errors) else {
                continue
            }
            checkDistinct(issuer, entry, &errors)
            issuers.append(issuer)
        }
    }

    /// A token names its issuer by the URL, and a job has one token for all.
    private func checkDistinct(_ issuer: Issuer, _ entry: YAMLEntry, _ errors: inout Diagnostics) {
        if let other = issuers.first(where: { $0.proof == issuer.proof && $0.url.isSame(as: issuer.url) }) {
            errors.report(
                "issuers: \(entry.key) and \(other.name) have one URL; an entry may have several audiences",
                at: entry.keyPosition
            )
        }
        for source in issuer.sources where source != .file {
            if let other = issuers.first(where: { $0.sources.contains(source) }) {
                errors.report(
                    "issuers: \(entry.key) and \(other.name) are both from \(source.rawValue), which has one",
                    at: entry.keyPosition
                )
            }
        }
    }

    private func issuer(_ entry: YAMLEntry, _ errors: inout Diagnostics) -> Issuer? {
        let name = entry.key
        guard let fields = entry.value.mapping("issuers.\(name)", keys: Self.keys, &errors) else {
            return nil
        }
        for key in ["issuer", "audience"] where fields[key] == nil {
            errors.report("issuers.\(name) has no \"\(key)\"", at: entry.keyPosition)
        }
        let url = fields["issuer"].flatMap { address($0, "issuers.\(name).issuer", &errors) }
        let audiences = fields["audience"].map { words($0, "issuers.\(name).audience", &errors) } ?? []
        let subject = fields["subject"].map { template($0, name, &errors) } ?? .standard
        guard let url, !audiences.isEmpty, let subject else { return nil }
        var issuer = Issuer(
            name: name,
            url: url.text,
            address: url.address,
            audiences: audiences,
            subject: subject
        )
        if let node = fields["jwks"] { issuer.keys = keys(node, name, &errors) ?? .discovered }
        if let node = fields["algorithms"] { issuer.algorithms = algorithms(node, name, &errors) }
        if let node = fields["groups"] { issuer.groups = claim(node, "issuers.\(name).groups", &errors) }
        if let node = fields["claims"] { issuer.claims = claims(node, name, &errors) }
        if let node = fields["leeway"] { issuer.leeway = leeway(node, name, &errors) }
        if let node = fields["from"] { issuer.sources = sources(node, name, &errors) }
        return issuer
    }

    private func address(
        _ node: YAMLNode,
        _ what: String,
        _ errors: inout Diagnostics
    ) -> (text: String, address: WebAddress)? {
        guard let text = node.text(what, &errors) else { return nil }
        guard let address = WebAddress(text) else {
            errors.report(
                "\(what): \"\(text)\" is not an https URL without user and fragment",
                at: node.position,
                suggestion: text.begins(with: "http://") ? "https://" + text.dropFirst(bytes: 7) : nil
            )
            return nil
        }
        return (text, address)
    }

    func template(_ node: YAMLNode, _ name: String, _ errors: inout Diagnostics) -> SubjectTemplate? {
        guard let text = node.text("issuers.\(name).subject", &errors) else { return nil }
        guard let template = SubjectTemplate(text) else {
            errors.report(
                "issuers.\(name).subject: \"\(text)\" is neither a claim nor text with claims in braces, where there are "
                    + "several with something between any two and no %, as in \"{repository}@{ref}\"",
                at: node.position
            )
            return nil
        }
        return template
    }

    private func keys(_ node: YAMLNode, _ name: String, _ errors: inout Diagnostics) -> Issuer.Keys? {
        guard let text = node.text("issuers.\(name).jwks", &errors) else { return nil }
        if text.holds(":") { return address(node, "issuers.\(name).jwks", &errors).map { .url($0.address) } }
        let path = text.begins(with: "~/") ? HomeFolder.current + text.dropFirst(bytes: 1) : text
        return .file(WorkingDirectory.absolute(path, from: folder))
    }

    private func algorithms(
        _ node: YAMLNode,
        _ name: String,
        _ errors: inout Diagnostics
    ) -> [SignatureAlgorithm] {
        let known = SignatureAlgorithm.allCases.map(\.rawValue)
        let items = node.texts("issuers.\(name).algorithms", &errors) ?? []
        if items.isEmpty {
            errors.report(
                "issuers.\(name).algorithms is empty, so that no token would be taken",
                at: node.position
            )
        }
        return items.compactMap { item in
            let algorithm = SignatureAlgorithm(rawValue: item.text)
            if algorithm == nil {
                errors.report(
                    "issuers.\(name).algorithms: \"\(item.text)\" is not one of \(known.joined(separator: ", "))",
                    at: item.position,
                    suggestion: NearestWord.nearest(to: item.text, in: known)
                )
            }
            return algorithm
        }
    }

    func claims(_ node: YAMLNode, _ name: String, _ errors: inout Diagnostics) -> [String] {
        let items = node.texts("issuers.\(name).claims", &errors) ?? []
        guard items.count <= Self.maximumClaims else {
            errors.report("issuers.\(name).claims: more than \(Self.maximumClaims)", at: node.position)
            return []
        }
        return items.compactMap { claim($0.node, "issuers.\(name).claims", &errors) }
    }

    func claim(_ node: YAMLNode, _ what: String, _ errors: inout Diagnostics) -> String? {
        guard let text = node.text(what, &errors) else { return nil }
        return word(text, what, node.position, &errors)
    }

    func words(_ node: YAMLNode, _ what: String, _ errors: inout Diagnostics) -> [String] {
        guard case .list = node.content else {
            return node.text(what, &errors).flatMap { word($0, what, node.position, &errors) }.map { [$0] }
                ?? []
        }
        let items = node.texts(what, &errors) ?? []
        if items.isEmpty { errors.report("\(what) is empty", at: node.position) }
        return items.prefix(Self.maximumCount).compactMap { word($0.text, what, $0.position, &errors) }
    }

    private func word(
        _ text: String,
        _ what: String,
        _ position: TextPosition,
        _ errors: inout Diagnostics
    ) -> String? {
        guard (1...Self.maximumWord).contains(text.utf8.count), Principal.isPlain(text) else {
            errors.report(
                "\(what) is 1 to \(Self.maximumWord) octets without control characters",
                at: position
            )
            return nil
        }
        return text
    }

    func leeway(_ node: YAMLNode, _ name: String, _ errors: inout Diagnostics) -> Int64 {
        guard let text = node.text("issuers.\(name).leeway", &errors) else { return Issuer.standardLeeway }
        do throws(TextProblem) {
            let leeway = Int64(clamping: try Quantity.duration(text))
            guard leeway <= Issuer.maximumLeeway else {
                throw TextProblem("leeway is \(Issuer.maximumLeeway / 60_000)m at most")
            }
            return leeway
        } catch {
            errors.report(error, in: node)
            return Issuer.standardLeeway
        }
    }

    private func sources(_ node: YAMLNode, _ name: String, _ errors: inout Diagnostics) -> Set<Issuer.Source>
    {
        let known = Issuer.Source.allCases.map(\.rawValue)
        let what = "issuers.\(name).from"
        let nodes: [YAMLNode]
        if case .list(let items) = node.content { nodes = items } else { nodes = [node] }
        let sources = nodes.compactMap { item in
            item.word(what, of: known, &errors).flatMap(Issuer.Source.init(rawValue:))
        }
        if nodes.isEmpty {
            errors.report("\(what) is empty, so that no token would be taken", at: node.position)
        }
        return Set(sources)
    }
}
