internal import Audit
internal import Client
internal import Credentials
internal import Linux
internal import Model
package import PostgresLink
internal import Profiles

/// A database that `bailey.yaml` names, and what lets us in.
package struct OperatorDatabase: Sendable {
    package let access: PostgresAccess
    /// Nil where there is none: by a socket, or with a certificate.
    let password: OperatorSecret?

    /// Files that no agent may change, and those that none may see.
    var trustedFiles: [String] {
        [password?.program].compactMap(\.self)
            + access.location.files.filter { !secretFiles.holds(bytes: $0) }
    }
    var secretFiles: [String] { [password?.file].compactMap(\.self) + access.location.secretFiles }
}

extension OperatorConfiguration {
    private static let databaseKeys = ["url", "password"]
    /// Machines whose word counts: each costs a statement, every few seconds.
    private static let maximumTrust = 64

    /// `{url: postgresql://…, password: {file: …}}`.
    static func database(
        _ node: YAMLNode,
        _ name: String,
        also others: [String] = [],
        _ errors: inout Diagnostics
    ) -> OperatorDatabase? {
        guard let fields = node.mapping(name, keys: databaseKeys + others, &errors) else { return nil }
        guard let url = fields["url"] else {
            errors.report(
                "\(name) takes url, as in postgresql://bailey@db.example.com/audit, and password",
                at: node.position
            )
            return nil
        }
        guard let text = url.text("\(name).url", &errors) else { return nil }
        let location: PostgresLocation
        do throws(PostgresLocation.Problem) {
            location = try PostgresLocation(text)
        } catch {
            errors.report("\(name).url: \(error.message)", at: url.position)
            return nil
        }
        guard let password = fields["password"] else {
            return OperatorDatabase(
                access: PostgresAccess(location, password: nil, program: program),
                password: nil
            )
        }
        guard
            let secret = OperatorSecret(password, "\(name).password", home: HomeFolder.current, &errors)
        else { return nil }
        if let trouble = trouble(with: secret) {
            errors.report(trouble, at: password.position)
            return nil
        }
        return OperatorDatabase(
            access: PostgresAccess(
                location,
                password: {
                    try secret.octets(
                        environment: ProcessEnvironment.dictionary,
                        of: PostgresLimits.password
                    )
                },
                program: program
            ),
            password: secret
        )
    }

    /// The database that every record goes to, and whose revocations there count.
    mutating func readFleet(_ node: YAMLNode, _ errors: inout Diagnostics) {
        guard let database = Self.database(node, "audit.postgres", also: ["trust"], &errors) else { return }
        databases.append(database)
        var keys: [String] = []
        if case .mapping(let entries) = node.content,
            let list = entries.first(where: { $0.key.isSame(as: "trust") })?.value
        {
            keys = Self.items(list, "audit.postgres.trust", Self.maximumTrust, &errors) {
                item,
                name,
                errors in
                guard let text = item.text(name, &errors) else { return nil }
                if let key = FleetPlan.key(text) { return key }
                errors.report(
                    "\(name): \"\(text)\" is no public key, 64 hex digits, as `bailey audit verify` prints it after 'key' there",
                    at: item.position
                )
                return nil
            }
        }
        fleet = FleetPlan(database.access, trust: keys)
    }

    /// What is wrong with a file is known before anything is launched; a variable's or a command's is had when it is needed.
    private static func trouble(with secret: OperatorSecret) -> String? {
        guard secret.file != nil else { return nil }
        do throws(CredentialFailure) {
            _ = try secret.octets(environment: [:], of: PostgresLimits.password)
            return nil
        } catch {
            return error.message
        }
    }

    /// bailey-postgres, which lies beside this program.
    private static var program: String? {
        guard let own = PathText.target(of: "/proc/self/exe"), let end = own.lastPlace(of: "/") else {
            return nil
        }
        return "\(own[..<end])/bailey-postgres"
    }
}
