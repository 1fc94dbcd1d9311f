internal import Model
package import NIOCore
internal import Wire

/// A role that is made at a server for one session.
package struct PostgresRole: Sendable, Hashable {
    package let name: String
    /// Roles that it is a member of; the first is given what it owns when it is dropped.
    package let groups: [String]
    /// Milliseconds of the server's clock after which nobody can log in as it.
    package let lifetime: Int64

    package init(name: String, groups: [String], lifetime: Int64) {
        self.name = name
        self.groups = groups
        self.lifetime = lifetime
    }

    /// What the names of such roles begin with, and how many digits of hexadecimal stand behind it.
    package static let prefix = "bailey_"
    static let digits = 24
    /// What is written at such a role, so that none of another's is ever dropped.
    static let comment = "the role of one session, made by bailey"

    /// A name that there was never before.
    package static func freshName() -> String {
        let digits = [UInt8]("0123456789abcdef".utf8)
        let random = (0..<Self.digits).map { _ in digits.randomElement() ?? 0x30 }
        return prefix + String(decoding: random, as: Unicode.UTF8.self)
    }

    /// What an administrative session begins with: names mean the catalog's, whoever made what in the database, texts are
    /// read as they are written here, and nothing waits for long.
    package static let settings = [
        PostgresSetting("search_path", "pg_catalog, pg_temp"), PostgresSetting("client_encoding", "UTF8"),
        PostgresSetting("standard_conforming_strings", "on"), PostgresSetting("datestyle", "ISO"),
        PostgresSetting("lock_timeout", "10s"), PostgresSetting("statement_timeout", "10s"),
        PostgresSetting("application_name", "bailey"),
    ]
}

/// What is said over an administrative session that is logged in: makes a role and then drops those that were left behind, or drops
/// one.
///
/// ```
///   making ──► asking (time, dead roles) ──► making ──► made, then for each dead one:
///   dropping ─────────────────────────────────────────► ending ──► dropping ──► giving (if it owns something)
/// ```
///
/// A dead role is one of ours by its name and comment that has expired and has no session: its gateway is gone, or could not drop it.
package struct RoleScript: Sendable {
    package enum Outcome: Sendable {
        case more
        /// The role is there; the rest is for others, and nobody need wait for it.
        case made
        /// Close; the fault is why a role could not be dropped.
        case over(PostgresFault?)
        case failed(PostgresFault)
    }

    private enum Step {
        case asking
        case making
        /// Its session, if there still is one.
        case ending(String)
        case dropping(String)
        /// What it owns goes to its group, what it may goes away, and it is dropped.
        case giving(String)
    }

    /// Roles that are dropped on the way of one session: the others on that of the next.
    static let swept = 16

    private let role: PostgresRole
    /// Of its password.
    private let verifier: String
    private var step: Step
    private var left: [String] = []
    private var until: String?
    private var error: ErrorFields?
    private var failure: PostgresFault?
    private var isDone = false
    private var reader = FrameReader(from: .upstream)

    /// Makes a role.
    package init(making role: PostgresRole, verifier: String) {
        self.role = role
        self.verifier = verifier
        step = .asking
    }

    /// Drops it.
    package init(dropping role: PostgresRole) {
        self.role = role
        verifier = ""
        step = .ending(role.name)
    }

    /// The first statement.
    package var opening: ByteBuffer { query }

    /// Octets of the server's answers; what is to be sent to it, and what came of them.
    package mutating func received(_ octets: ByteBuffer) -> (send: ByteBuffer, outcome: Outcome) {
        reader.append(octets)
        do throws(PostgresFault) {
            while let piece = try reader.next(whole: true) {
                switch piece.tag {
                case Tag.error: error = error ?? ErrorFields(piece.body)
                case Tag.dataRow: if case .asking = step { try take(piece.body) }
                case Tag.rowDescription, Tag.commandComplete, Tag.notice, Tag.parameterStatus: break
                case Tag.ready:
                    let outcome = try answered()
                    return (isDone ? Outgoing.terminate : query, outcome)
                default: throw refused("it answered with a message of type \(piece.tag)", code: "08P01")
                }
            }
            return (ByteBuffer(), .more)
        } catch {
            return (ByteBuffer(), .failed(error))
        }
    }

    /// What comes behind the answer to a step.
    private mutating func answered() throws(PostgresFault) -> Outcome {
        let error = error
        self.error = nil
        switch step {
        case .asking:
            if let error { throw refused(error.message, code: error.code) }
            guard until != nil else { throw refused("it did not tell the time", code: "08P01") }
            step = .making
        case .making:
            if let error { throw refused(error.message, code: error.code) }
            return goOn(.made)
        case .ending(let name): step = .dropping(name)
        case .dropping(let name):
            switch error?.code {
            // Other objects depend on it.
            case "2BP01"?: step = .giving(name)
            // There is none of that name.
            case nil, "42704"?: return goOn(.more)
            default: return left(name, error)
            }
        case .giving(let name): return error == nil ? goOn(.more) : left(name, error)
        }
        return .more
    }

    private mutating func left(_ name: String, _ error: ErrorFields?) -> Outcome {
        failure = PostgresFault(
            .credentialUnavailable,
            "the database's role \(name) was not dropped: \(error?.message ?? "") (\(error?.code ?? ""))",
            code: error?.code ?? "08P01",
            remedy:
                "let who makes the roles be a member of \(role.groups.first ?? ""), or drop the role by hand"
        )
        return goOn(.more)
    }

    /// To the next role that is dropped.
    private mutating func goOn(_ outcome: Outcome) -> Outcome {
        guard let next = left.popLast() else {
            isDone = true
            if case .made = outcome { return .made }
            return .over(failure)
        }
        step = .ending(next)
        return outcome
    }

    /// A row of the question: what it is, and a text.
    private mutating func take(_ row: ByteBuffer) throws(PostgresFault) {
        var row = row
        guard row.readInteger(as: UInt16.self) == 2, let kind = Self.value(&row), let text = Self.value(&row),
            left.count < Self.swept
        else { throw refused("it answered with a row that cannot be read", code: "08P01") }
        if kind.isSame(as: "until"), Self.isTime(text) { until = text } else { left.append(text) }
    }

    private static func value(_ row: inout ByteBuffer) -> String? {
        guard let length = row.readInteger(as: Int32.self), length >= 0 else { return nil }
        return row.readBytes(length: Int(length)).flatMap { String(validating: $0, as: UTF8.self) }
    }

    /// It goes into the next statement.
    private static func isTime(_ text: String) -> Bool {
        text.utf8.allSatisfy { (0x30...0x39).contains($0) || " :.+-BC".utf8.contains($0) }
    }

    private func refused(_ words: String, code: String) -> PostgresFault {
        PostgresFault(
            .credentialUnavailable,
            "the database made no role for this session: \(words) (\(code))",
            code: code,
            told: "the database made no role for this session (\(code))",
            remedy:
                "ask the operator to look at the credential of this rule: who makes the roles needs CREATEROLE, "
                + "and to be able to grant those that they are members of"
        )
    }
}

extension RoleScript {
    private var query: ByteBuffer {
        let text = text
        return Outgoing.message(Tag.query) { Outgoing.text(text, to: &$0) }
    }

    private var text: String {
        let own = Self.identifier(role.name)
        switch step {
        case .asking: return question
        case .making:
            let groups = role.groups.map { "GRANT \(Self.identifier($0)) TO \(own); " }.joined()
            return """
                CREATE ROLE \(own) LOGIN CONNECTION LIMIT 1 PASSWORD \(Self.literal(verifier)) \
                VALID UNTIL \(Self.literal(until ?? "")); \(groups)GRANT \(own) TO CURRENT_USER; \
                COMMENT ON ROLE \(own) IS \(Self.literal(PostgresRole.comment))
                """
        case .ending(let name):
            return
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = \(Self.literal(name))"
        case .dropping(let name): return "DROP ROLE \(Self.identifier(name))"
        case .giving(let name):
            let (left, group) = (Self.identifier(name), Self.identifier(role.groups.first ?? ""))
            return "REASSIGN OWNED BY \(left) TO \(group); DROP OWNED BY \(left); DROP ROLE \(left)"
        }
    }

    /// The end of a role's time by the server's clock, and those that are past theirs.
    private var question: String {
        """
        SELECT 'until', (now() + \(Self.literal("\(role.lifetime) milliseconds"))::interval)::text UNION ALL \
        (SELECT 'dead', rolname::text FROM pg_roles \
        WHERE rolname::text ~ \(Self.literal("^\(PostgresRole.prefix)[0-9a-f]{\(PostgresRole.digits)}$")) \
        AND rolvaliduntil < now() \
        AND shobj_description(oid, 'pg_authid') = \(Self.literal(PostgresRole.comment)) \
        AND NOT EXISTS (SELECT FROM pg_stat_activity WHERE usesysid = pg_roles.oid) \
        ORDER BY rolvaliduntil LIMIT \(Self.swept - 1))
        """
    }

    private static func identifier(_ name: String) -> String { PostgresText.identifier(name) }

    /// A string constant, where backslashes are nothing special.
    private static func literal(_ text: String) -> String { PostgresText.quoted(text, by: "'") }
}

/// Texts within statements.
package enum PostgresText {
    /// A delimited identifier (PostgreSQL 15, "Identifiers and Key Words").
    package static func identifier(_ name: String) -> String { quoted(name, by: "\"") }

    /// Between two marks, each of those within written twice.
    static func quoted(_ text: String, by mark: Unicode.Scalar) -> String {
        let parts = text.cut(at: mark, omittingEmptySubsequences: false)
        return "\(mark)\(parts.joined(separator: "\(mark)\(mark)"))\(mark)"
    }
}
