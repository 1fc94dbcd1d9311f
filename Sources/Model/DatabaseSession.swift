/// What a session with a database is bound to, by the rules for that database.
package struct DatabaseSession: Sendable, Hashable {
    /// How the upstream's certificate is checked, in the words of libpq's `sslmode`; a later one asks for more.
    package enum SSLMode: String, Sendable, Hashable, CaseIterable, Comparable {
        case disable
        case require
        case verifyCA = "verify-ca"
        case verifyFull = "verify-full"

        private var rank: Int {
            switch self {
            case .disable: 0
            case .require: 1
            case .verifyCA: 2
            case .verifyFull: 3
            }
        }

        package static func < (left: SSLMode, right: SSLMode) -> Bool { left.rank < right.rank }
    }

    /// The role that is set behind the login; nil for the login's own.
    package var role: ByteText?
    /// Schemas in which unqualified names are looked for; nil for the server's own.
    package var searchPath: [ByteText]?
    /// Milliseconds that a statement may take; nil for the server's own.
    package var statementTimeout: UInt64?
    /// Transactions read only.
    package var isReadOnly: Bool
    package var sslMode: SSLMode

    package init(
        role: ByteText? = nil,
        searchPath: [ByteText]? = nil,
        statementTimeout: UInt64? = nil,
        isReadOnly: Bool = false,
        sslMode: SSLMode = .verifyFull
    ) {
        self.role = role
        self.searchPath = searchPath
        self.statementTimeout = statementTimeout
        self.isReadOnly = isReadOnly
        self.sslMode = sslMode
    }

    /// The settings that it holds fast: a statement that sets one is denied, whatever rules say.
    package func pins(_ setting: ByteText) -> Bool {
        switch setting.text.lowercasedASCII {
        case "search_path": searchPath != nil
        case "statement_timeout": statementTimeout != nil
        case "transaction_read_only", "default_transaction_read_only": isReadOnly
        case "role", "session_authorization": role != nil
        default: false
        }
    }
}
