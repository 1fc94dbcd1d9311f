internal import Model

/// A database could not be asked, or would not answer: of which, why, and what to do now.
package struct PostgresFailure: Error, Sendable, Hashable, CustomStringConvertible {
    /// Its SQLSTATE; empty where no server said one.
    package let state: String
    /// Where the database is is told beside it.
    package let reason: String
    private let location: PostgresLocation
    /// The server or the library said so, and not this machine.
    let isSaid: Bool
    /// There was no connection, so that nothing was sent.
    var isUnsent = false
    /// It is of what was run once more: the first may have been done.
    var isSecond = false

    package init(_ location: PostgresLocation, _ reason: String, remedy: String) {
        (state, isSaid) = ("", false)
        self.location = location
        self.reason = "\(reason); \(remedy)"
    }

    /// As the server, or the library on the way to it, says.
    init(_ location: PostgresLocation, state: String, words: String) {
        (self.state, isSaid) = (state, true)
        let code = state.isEmpty ? "" : " (SQLSTATE \(state))"
        self.location = location
        reason = "\(Self.plain(words))\(code); \(Self.remedy(state))"
    }

    package var description: String { "\(location): \(reason)" }

    /// Whether what was asked may go on over this connection.
    ///
    /// A server that takes no changes is no primary any more: where that is is looked up anew.
    var leavesConnection: Bool {
        !state.isEmpty && !["08", "25006", "57P", "XX"].contains { state.begins(with: $0) }
    }

    /// Whether nothing was done of what was asked: it was not sent, or the server said so, and not that it, or the connection, was at
    /// its end.
    package var isCertain: Bool {
        let isRefused = !state.isEmpty && !["08", "40003", "57P", "XX"].contains { state.begins(with: $0) }
        return !isSecond && (isUnsent || isRefused)
    }

    /// By the classes of PostgreSQL 15, appendix A.
    private static func remedy(_ state: String) -> String {
        switch state {
        case "42P01": "make the table as docs/audit.md says"
        case "42703", "42804", "42P10": "its tables are not as docs/audit.md says: make them anew"
        case "42501": "grant the role what docs/audit.md says"
        case "53100": "free space on the server's disk"
        case "25006": "name the primary server: this one takes no changes"
        case "57014": "the server takes too long: see what it is busy with"
        case let state where state.begins(with: "28"):
            "check user and password in bailey.yaml, and the server's pg_hba.conf"
        case let state where state.begins(with: "3D"): "make the database, or name another in bailey.yaml"
        case let state where state.begins(with: "53"): "see what the server is short of, in its log"
        case "":
            "check that the server runs, takes changes and has a connection free, that its pg_hba.conf lets the role in, and that host, "
                + "port, database, user, password and TLS in bailey.yaml are right"
        default: "see the server's log"
        }
    }

    /// On one line, without what a terminal takes as an order.
    private static func plain(_ words: String) -> String {
        let parts = words.unicodeScalars.split {
            $0.value < 0x21 || (0x7F...0x9F).contains($0.value) || $0.properties.isBidiControl
        }
        let text = parts.map { String($0) }.joined(separator: " ")
        guard text.utf8.count > PostgresLimits.words else {
            return text.isEmpty ? "no reason was given" : text
        }
        return String(decoding: text.utf8.prefix(PostgresLimits.words), as: UTF8.self) + "…"
    }
}
