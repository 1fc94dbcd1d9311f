internal import Model
internal import Profiles

/// `from: {postgres-role: …}`: a role of a database that is made for each session, by another credential of the file.
extension CredentialFile {
    private static let roleKeys = ["by", "member-of"]

    /// What such an entry says of its source.
    struct RoleSource {
        let maker: String
        let groups: [String]
    }

    /// Whether an entry is one, as far as it can be read.
    static func makesRoles(_ entry: YAMLEntry) -> Bool {
        guard case .mapping(let fields) = entry.value.content,
            case .mapping(let source)? = fields.first(where: { $0.key == "from" })?.value.content
        else { return false }
        return source.contains { $0.key == "postgres-role" }
    }

    /// A credential that has roles made; those that make them have been read.
    static func role(
        _ entry: YAMLEntry,
        makers: [String: CredentialDefinition],
        _ errors: inout Diagnostics
    ) -> CredentialDefinition? {
        guard let fields = fields(of: entry, &errors) else { return nil }
        let source = fields["from"].flatMap { roleSource($0, &errors) }
        if let node = fields["as"], let text = node.text("as", &errors), !text.isSame(as: "password") {
            errors.report(
                "a role that is made has a password of its own: as: password, without a user",
                at: node.position,
                suggestion: "password"
            )
        }
        let hosts = fields["for"].map { Self.hosts($0, .postgres, &errors) } ?? []
        if let node = fields["placeholder"] {
            errors.report(
                "a role that is made has no secret for a placeholder to stand for",
                at: node.position
            )
        }
        let lifetime = fields["lifetime"].map { roleLifetime($0, &errors) }
        guard let source, let login = login(of: source.maker, makers, entry, &errors), !hosts.isEmpty else {
            return nil
        }
        let role = SessionRole(
            maker: source.maker,
            hosts: makers[source.maker]?.hosts ?? [],
            login: login,
            groups: source.groups,
            lifetime: lifetime ?? CredentialLimits.defaultLifetime
        )
        return CredentialDefinition(
            name: entry.key,
            source: .role(maker: source.maker),
            position: .sessionRole(role),
            hosts: hosts,
            variable: nil,
            lifetime: role.lifetime
        )
    }

    /// How the credential that makes roles logs in.
    private static func login(
        of maker: String,
        _ makers: [String: CredentialDefinition],
        _ entry: YAMLEntry,
        _ errors: inout Diagnostics
    ) -> SessionRole.Login? {
        switch makers[maker]?.position {
        case .password(let user): return .password(user: user)
        case .loginCertificate(let user): return .certificate(user: user)
        case nil:
            errors.report(
                "postgres-role: by: there is no credential \"\(maker)\" in this file, or it is wrong, or a role itself",
                at: entry.keyPosition,
                suggestion: NearestWord.nearest(to: maker, in: makers.keys.sorted())
            )
        default:
            errors.report(
                "postgres-role: by: the credential \"\(maker)\" logs in to no database; its as: is password USER or "
                    + "client-cert USER",
                at: entry.keyPosition
            )
        }
        return nil
    }

    private static func roleSource(_ node: YAMLNode, _ errors: inout Diagnostics) -> RoleSource? {
        guard let source = node.mapping("from", keys: ["postgres-role"], &errors)?["postgres-role"],
            let fields = source.mapping("from: postgres-role", keys: roleKeys, &errors)
        else { return nil }
        for key in roleKeys where fields[key] == nil {
            errors.report("from: postgres-role has no \"\(key)\"", at: source.position)
        }
        guard let maker = fields["by"]?.text("by", &errors),
            let groups = fields["member-of"].flatMap({ Self.groups($0, &errors) })
        else { return nil }
        return RoleSource(maker: maker, groups: groups)
    }

    private static func groups(_ node: YAMLNode, _ errors: inout Diagnostics) -> [String]? {
        guard let texts = node.texts("member-of", &errors) else { return nil }
        guard (1...CredentialLimits.maximumGroups).contains(texts.count) else {
            errors.report("member-of names 1 to \(CredentialLimits.maximumGroups) roles", at: node.position)
            return nil
        }
        for text in texts
        where !(1...CredentialLimits.maximumUser).contains(text.text.utf8.count)
            || !text.text.utf8.allSatisfy({ $0 >= 0x20 && $0 != 0x7f })
        {
            errors.report(
                "member-of: \"\(text.text)\" is not a role's name: 1 to \(CredentialLimits.maximumUser) octets",
                at: text.position
            )
            return nil
        }
        return texts.map(\.text)
    }

    private static func roleLifetime(_ node: YAMLNode, _ errors: inout Diagnostics) -> Int64 {
        let lifetime = Self.lifetime(node, &errors)
        if lifetime > 0, lifetime < CredentialLimits.shortestRole {
            errors.report(
                "the lifetime of a role that is made is \(CredentialLimits.shortestRole / 1_000)s at least: it is logged in as "
                    + "within that time",
                at: node.position
            )
        }
        return lifetime
    }
}
