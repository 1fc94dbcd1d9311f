internal import Model
internal import PostgresProtocol

extension PostgresLoginSettings {
    /// Of whom makes roles in a database.
    init(_ maker: DatabaseAccount, in database: String, _ security: PostgresSecurity) {
        self.init(
            user: maker.user,
            database: database,
            password: maker.password,
            settings: PostgresRole.settings,
            isTrusted: security.isVerified,
            binding: security.binding
        )
    }

    /// What the client wants set, and what the rules bind the session to, as the credential's user.
    ///
    /// Without a credential it is the client's own user, and no password.
    init(
        _ startup: PostgresStartup,
        _ account: DatabaseAccount?,
        _ session: DatabaseSession,
        _ security: PostgresSecurity
    ) {
        self.init(
            user: account?.user ?? startup.user,
            database: startup.database,
            password: account?.password,
            settings: startup.settings + session.settings + (startup.replication.map { [$0.setting] } ?? []),
            isTrusted: security.isVerified,
            binding: security.binding
        )
    }
}

extension DatabaseSession {
    /// Those that a session begins with, so that RESET comes back to them.
    fileprivate var settings: [PostgresSetting] {
        var settings: [PostgresSetting] = []
        if let role { settings.append(PostgresSetting("role", role.text)) }
        if let searchPath {
            let names = searchPath.map { PostgresText.identifier($0.text) }.joined(separator: ", ")
            settings.append(PostgresSetting("search_path", names))
        }
        if let statementTimeout {
            settings.append(PostgresSetting("statement_timeout", String(statementTimeout)))
        }
        if isReadOnly { settings.append(PostgresSetting("default_transaction_read_only", "on")) }
        return settings
    }
}
