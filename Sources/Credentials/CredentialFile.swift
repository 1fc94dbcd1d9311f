internal import Glibc
internal import Model
package import Profiles

/// Reads `credentials.yaml`.
///
/// What the format has and Bailey has not built is refused by name.
package enum CredentialFile {
    static let unbuiltSources: Set<String> = ["vault", "aws-sts", "ssh-ca", "kubernetes"]
    private static let keys = ["from", "as", "for", "placeholder", "lifetime"]

    /// Reads the text of a file.
    ///
    /// - Parameters:
    ///   - text: what the file holds.
    ///   - file: its name, for messages.
    ///   - home: what `~` stands for in a path.
    /// - Returns: the credentials, in the file's order.
    /// - Throws: `ProfileError` with every mistake and its place.
    package static func parse(
        _ text: String,
        file: String,
        home: String?
    ) throws(ProfileError) -> [CredentialDefinition] {
        let document = try YAMLDocument(text, file: file)
        var errors = Diagnostics(file: file)
        let definitions = Self.definitions(document.root, home, &errors)
        try errors.check()
        return definitions
    }

    private static func definitions(
        _ root: YAMLNode,
        _ home: String?,
        _ errors: inout Diagnostics
    ) -> [CredentialDefinition] {
        if case .null = root.content { return [] }
        guard let top = root.mapping("the credentials file", keys: ["bailey", "credentials"], &errors) else {
            return []
        }
        if let version = top["bailey"] {
            _ = version.integer("bailey (the format's version)", 1...1, &errors)
        } else {
            errors.report("\"bailey: 1\" (the format's version) is missing", at: top.position)
        }
        guard let credentials = top["credentials"], credentials.content != .null else { return [] }
        let entries = credentials.entries("credentials", &errors) ?? []
        if entries.count > CredentialLimits.maximumCredentials {
            errors.report(
                "more than \(CredentialLimits.maximumCredentials) credentials",
                at: credentials.position
            )
            return []
        }
        let ordinary = entries.filter { !makesRoles($0) }.compactMap { definition($0, home, &errors) }
        let makers = Dictionary(ordinary.map { ($0.name, $0) }) { first, _ in first }
        let roles = entries.filter { makesRoles($0) }.compactMap { role($0, makers: makers, &errors) }
        checkVariables(entries, &errors)
        let all = makers.merging(roles.map { ($0.name, $0) }) { first, _ in first }
        return entries.compactMap { all[$0.key] }
    }

    /// What an entry is made of; nil where it is no mapping.
    static func fields(of entry: YAMLEntry, _ errors: inout Diagnostics) -> YAMLMapping? {
        let name = entry.key
        if !isName(name) {
            errors.report(
                "a credential's name is 1 to \(CredentialLimits.maximumName) letters, digits, \"-\", \"_\" or "
                    + "\".\", not \"\(name)\"",
                at: entry.keyPosition
            )
        }
        guard let fields = entry.value.mapping("credential \(name)", keys: keys, &errors) else { return nil }
        for key in ["from", "as", "for"] where fields[key] == nil {
            errors.report("credential \(name) has no \"\(key)\"", at: entry.keyPosition)
        }
        return fields
    }

    private static func definition(
        _ entry: YAMLEntry,
        _ home: String?,
        _ errors: inout Diagnostics
    ) -> CredentialDefinition? {
        guard let fields = fields(of: entry, &errors) else { return nil }
        let source = fields["from"].flatMap { Self.source($0, home, &errors) }
        let position = fields["as"].flatMap { Self.position($0, &errors) }
        let hosts = fields["for"].map { Self.hosts($0, position?.place.scheme ?? .https, &errors) } ?? []
        let variable = fields["placeholder"].flatMap { Self.variable($0, "placeholder", &errors) }
        let lifetime = Self.lifetime(fields["lifetime"], of: source, &errors)
        guard let source, let position, !hosts.isEmpty else { return nil }
        checkMinted(source, position, entry, &errors)
        if case .token = source {
            if position != .bearer {
                errors.report("a token of from: oauth2 goes as: bearer", at: entry.keyPosition)
            }
            if let node = fields["lifetime"] {
                errors.report("a token's lifetime is what the server says", at: node.position)
            }
        }
        if position.isCertificate, let node = fields["placeholder"] {
            errors.report(
                "a client certificate is no part of a request, so no placeholder stands for it",
                at: node.position
            )
        }
        if let variable, !OwnVariables.areFree(for: variable), let node = fields["placeholder"] {
            errors.report(
                "placeholder: \(variable) is a variable that Bailey sets itself, or passes to no agent",
                at: node.position
            )
        }
        if position.place == .awsSignature, let variable,
            CredentialDefinition.secretVariable(beside: variable) == nil,
            let node = fields["placeholder"]
        {
            errors.report(
                "placeholder: the variable of an access key's id ends with ACCESS_KEY_ID; the one that ends with "
                    + "SECRET_ACCESS_KEY holds a look-alike as well",
                at: node.position,
                suggestion: "AWS_ACCESS_KEY_ID"
            )
        }
        return CredentialDefinition(
            name: entry.key,
            source: source,
            position: position,
            hosts: hosts,
            variable: variable,
            lifetime: lifetime
        )
    }

    private static func lifetime(
        _ node: YAMLNode?,
        of source: CredentialDefinition.Source?,
        _ errors: inout Diagnostics
    ) -> Int64 {
        if let source, source.isMinted { return mintedLifetime(source, node, &errors) }
        return node.map { lifetime($0, &errors) } ?? CredentialLimits.defaultLifetime
    }

    private static func source(
        _ node: YAMLNode,
        _ home: String?,
        _ errors: inout Diagnostics
    ) -> CredentialDefinition.Source? {
        source(node, "from", or: ["oauth2", "postgres-role"] + mintedWords, home, &errors)
    }

    /// A secret by one of the sources on this machine, or by another of these words.
    static func source(
        _ node: YAMLNode,
        _ what: String,
        or others: [String] = [],
        _ home: String?,
        _ errors: inout Diagnostics
    ) -> CredentialDefinition.Source? {
        let words = ["env", "file", "command"] + others
        guard let fields = node.mapping(what, keys: words, unbuilt: unbuiltSources, &errors) else {
            return nil
        }
        guard fields.entries.count == 1, let entry = fields.entries.first else {
            // A key that is unknown, or not built, has been reported already.
            if case .mapping(let written) = node.content, written.count == 1 { return nil }
            errors.report("\(what) names exactly one of \(words.joined(separator: ", "))", at: node.position)
            return nil
        }
        switch entry.key {
        case "env": return variable(entry.value, "\(what): env", &errors).map { .environment($0) }
        case "file":
            return path(entry.value, "\(what): file", "/etc/bailey/token", home, &errors).map { .file($0) }
        case "oauth2": return token(entry.value, home, &errors).map { .token($0) }
        case "agent-token": return agentToken(entry.value, &errors)
        case "agent-certificate": return agentCertificate(entry.value, &errors)
        default: return command(entry.value, home, &errors).map { .command($0) }
        }
    }

    /// Absolute, or below the operator's home: what stands in front of a profile's paths is the agents' place.
    private static func path(
        _ node: YAMLNode,
        _ what: String,
        _ example: String,
        _ home: String?,
        _ errors: inout Diagnostics
    ) -> String? {
        guard let text = node.text(what, &errors) else { return nil }
        guard text.begins(with: "/") || text == "~" || text.begins(with: "~/") else {
            errors.report(
                "\(what): \"\(text)\" is not an absolute path; write it out, away from where agents write, as in "
                    + example,
                at: node.position
            )
            return nil
        }
        do {
            return try PathText.parse(text, ProfileVariables(workspace: nil, home: home, temporary: nil))
        } catch {
            errors.report(error, in: node)
            return nil
        }
    }

    private static func command(_ node: YAMLNode, _ home: String?, _ errors: inout Diagnostics) -> [String]? {
        guard case .list = node.content else {
            errors.report(
                "from: command must be a list, as in [/usr/bin/pass, show, github]: no shell splits it",
                at: node.position
            )
            return nil
        }
        guard let arguments = node.texts("from: command", &errors), let program = arguments.first else {
            errors.report("from: command needs a program", at: node.position)
            return nil
        }
        let path = path(program.node, "from: command", "/usr/bin/pass", home, &errors)
        guard let path else { return nil }
        guard arguments.count <= CredentialLimits.maximumArguments else {
            errors.report(
                "from: command has more than \(CredentialLimits.maximumArguments) arguments",
                at: node.position
            )
            return nil
        }
        return [path] + arguments.dropFirst().map(\.text)
    }

    static func isName(_ name: String) -> Bool {
        (1...CredentialLimits.maximumName).contains(name.utf8.count)
            && name.utf8.allSatisfy { isLetterOrDigit($0) || [0x2d, 0x2e, 0x5f].contains($0) }
    }

    static func isLetterOrDigit(_ octet: UInt8) -> Bool {
        (0x30...0x39).contains(octet) || (0x41...0x5a).contains(octet) || (0x61...0x7a).contains(octet)
    }
}
