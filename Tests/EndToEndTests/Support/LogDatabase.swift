import Foundation
import TestSupport
import Testing

/// A database for the log, in the tests' PostgreSQL, with the tables of docs/audit.md and the role that may add to them.
struct LogDatabase {
    static let role = (name: "bailey", password: "l0g-REAL-3d9f20aa")

    let server: DatabaseServer
    let name: String

    /// One of its own for a test.
    init() throws {
        server = try DatabaseServer.started()
        _ = try Self.roles.get()
        name = "log_" + UUID().uuidString.prefix(8).lowercased()
        try server.run("CREATE DATABASE \(name)", in: "postgres")
        for statement in try Self.documented() { try server.run(statement, in: name) }
    }

    /// The role of docs/audit.md, and one that may do nothing.
    private static let roles = Result {
        try DatabaseServer.started().run(
            "SET log_statement = none",
            "CREATE ROLE \(role.name) LOGIN PASSWORD '\(role.password)'",
            "CREATE ROLE bailey_nobody LOGIN PASSWORD '\(role.password)'",
            in: "postgres"
        )
    }

    /// What the page says that the tables are made with.
    private static func documented() throws -> [String] {
        try blocks().filter { $0.hasPrefix("sql\n") }.map { String($0.dropFirst(4)) }
    }

    /// Each begins with the name of its language.
    private static func blocks() throws -> [String] {
        let page = try String(contentsOfFile: Checkout.path + "/docs/audit.md", encoding: .utf8)
        let parts = page.components(separatedBy: "```").enumerated()
        let blocks = parts.filter { $0.offset % 2 == 1 }.map(\.element)
        try #require(blocks.contains { $0.hasPrefix("sql\n") })
        return blocks
    }

    /// With the policies of the page as well, by which a machine's role writes in that machine's name alone.
    func separate() throws {
        let policies = try Self.blocks().filter { $0.hasPrefix("\n") && $0.contains("ROW LEVEL SECURITY") }
        try #require(policies.count == 2)
        for policy in policies {
            // The page's example of a machine's role is not one of these.
            let lines = policy.split(separator: "\n").filter {
                !$0.hasPrefix("CREATE ROLE") && !$0.hasPrefix("INSERT INTO")
            }
            try run(lines.joined(separator: "\n"))
        }
    }

    /// A role of the machine that has this key, as the page makes one.
    func role(for key: String) throws -> String {
        let role = "bailey_" + UUID().uuidString.prefix(8).lowercased()
        try server.run(
            "SET log_statement = none",
            "CREATE ROLE \(role) LOGIN PASSWORD '\(Self.role.password)' IN ROLE \(Self.role.name)",
            "INSERT INTO bailey_machine VALUES ('\(role)', '\(key)')",
            in: name
        )
        return role
    }

    /// What comes of a statement of some role's.
    func run(_ statement: String, as role: String) throws -> Outcome {
        try server.client(
            ["psql", "-XAtq", "-v", "ON_ERROR_STOP=1", "-c", "SET ROLE \(role)", "-c", statement],
            in: name
        )
    }

    /// Its URL, as one of the server's users.
    func url(
        as user: String = role.name,
        port: UInt16? = nil,
        roots: String? = nil
    ) throws -> String {
        let file = try roots ?? Servers.started().folder + "/ca.pem"
        return "postgresql://\(user)@127.0.0.1:\(port ?? server.port)/\(name)?sslrootcert=\(file)"
    }

    /// `{url: …, password: {file: …}}`, with the password's file in a place.
    func settings(
        in place: Place,
        _ url: String? = nil,
        password: String = role.password
    ) throws -> String {
        try place.write(password + "\n", to: place.root + "/database-password", mode: 0o600)
        return "{url: \"\(try url ?? self.url())\", password: {file: \(place.root)/database-password}}"
    }

    /// What statements give, as the server's own user.
    @discardableResult
    func run(_ statements: String...) throws -> [String] {
        try statements.flatMap { try server.run($0, in: name) }
    }
}
