import Foundation
import Glibc
import TestSupport
import Testing

/// A real PostgreSQL on loopback, over TLS, that takes SCRAM passwords, but of the users that `logins` names; each test has a
/// database of its own.
final class DatabaseServer: Sendable {
    let port: UInt16
    /// With its socket in it.
    let folder: String
    private let process: Process

    /// The user that the gateway logs in as; no agent has the password.
    static let account = (user: "app", password: "pa55-REAL-91c4f0de")

    /// Who logs in otherwise.
    private static let logins = """
        hostssl all client-a all cert
        host all login_md5 all md5
        host all login_clear all password
        """

    private static let shared = Result { try DatabaseServer("postgres") }

    /// Started once for all tests; it ends with the test process by its own standard input's end.
    static func started() throws -> DatabaseServer { try shared.get() }

    private static let replicated = Result {
        try DatabaseServer(
            "postgres-replicated",
            settings: """
                wal_level = logical
                max_wal_senders = 20
                max_replication_slots = 20
                log_replication_commands = on
                """
        )
    }

    /// Another one, whose changes can be decoded, and which logs what is said to replicate.
    static func replicating() throws -> DatabaseServer { try replicated.get() }

    static let programs = "/usr/lib/postgresql/15/bin"
    static var isInstalled: Bool {
        FileManager.default.isExecutableFile(atPath: programs + "/postgres") && Programs.has("psql")
    }

    /// What PostgreSQL's clients for replication are, and how a test reads what is decoded.
    static var canReplicate: Bool {
        let clients = ["pg_recvlogical", "pg_receivewal", "pg_basebackup", "pg_verifybackup", "pg_waldump"]
        return isInstalled
            && clients.allSatisfy { FileManager.default.isExecutableFile(atPath: programs + "/" + $0) }
            && FileManager.default.fileExists(atPath: programs + "/../lib/test_decoding.so")
    }

    private init(_ name: String, settings: String = "") throws {
        let servers = try Servers.started()
        folder = servers.folder + "/" + name
        port = try Port.free()
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        // PostgreSQL refuses to run as root.
        let user = getuid() == 0 ? "setpriv --reuid=65534 --regid=65534 --clear-groups" : ""
        let made = try Command.run(
            [
                "sh", "-c",
                """
                set -e; cp ../server.pem ../server.key ../ca.pem .; printf '%s' '\(Self.account.password)' > password
                [ "$(id -u)" != 0 ] || chown -R 65534:65534 .
                chmod 600 server.key
                \(user) \(Self.programs)/initdb -D data -U \(Self.account.user) --pwfile=password -A scram-sha-256 \
                  --locale=C.UTF-8 -E UTF8 >/dev/null
                { printf '%s\\n' '\(Self.logins)'; cat data/pg_hba.conf; } > hba; cat hba > data/pg_hba.conf
                cat >> data/postgresql.conf <<'END'
                listen_addresses = '127.0.0.1'
                port = \(port)
                unix_socket_directories = '\(folder)'
                ssl = on
                ssl_cert_file = '\(folder)/server.pem'
                ssl_key_file = '\(folder)/server.key'
                ssl_ca_file = '\(folder)/ca.pem'
                fsync = off
                log_statement = all
                log_connections = on
                log_line_prefix = '%d %u '
                logging_collector = off
                \(settings)
                END
                """,
            ],
            environment: ["PATH": "/usr/bin:/bin", "LANG": "C.UTF-8"],
            directory: folder
        )
        try #require(made.code == 0, "\(made)")
        process = Process()
        process.executableURL = URL(filePath: "/bin/sh")
        // The shell ends the server when this process is gone, however it went.
        process.arguments = [
            "-c",
            """
            cd \(folder); \(user) \(Self.programs)/postgres -D data 2> log & cat >/dev/null
            kill -INT $!; wait $!
            """,
        ]
        process.standardInput = Pipe()
        try process.run()
        try awaitReady()
    }

    /// Waits, with a bound, until it takes sessions: it listens before, and answers that it is starting up (57P03).
    private func awaitReady() throws {
        let end = Date(timeIntervalSinceNow: 120)
        while Date() < end {
            // 1 is an answer of that kind, 2 none.
            let asked = try client([Self.programs + "/pg_isready", "-q"], in: "postgres")
            if asked.code == 0 { return }
            try #require(asked.code == 1 || asked.code == 2, "\(asked)")
            Thread.sleep(forTimeInterval: 0.02)
        }
        let log = try? String(contentsOfFile: folder + "/log", encoding: .utf8)
        try #require(Bool(false), "PostgreSQL does not start: \(log ?? "no log")")
    }

    /// A new database, with a table of people.
    func database() throws -> String {
        let name = "db_" + UUID().uuidString.prefix(8).lowercased()
        try run("CREATE DATABASE \(name)", in: "postgres")
        try run(
            """
            CREATE TABLE people (id int PRIMARY KEY, name text, email text);
            INSERT INTO people VALUES (1, 'Ann', 'ann@example.com'), (2, 'Bob', 'bob@example.com');
            CREATE SCHEMA private; CREATE TABLE private.salaries (id int, amount numeric);
            INSERT INTO private.salaries VALUES (1, 1000);
            """,
            in: name
        )
        return name
    }

    /// What statements give outside, in one session of the gateway's user.
    @discardableResult
    func run(_ statements: String..., in database: String) throws -> [String] {
        let outcome = try client(
            ["psql", "-XAtq", "-v", "ON_ERROR_STOP=1"] + statements.flatMap { ["-c", $0] },
            in: database
        )
        try #require(outcome.code == 0, "\(outcome)")
        return outcome.lines
    }

    /// A client outside, as the gateway's user.
    func client(_ words: [String], in database: String) throws -> Outcome {
        try Command.run(
            words,
            environment: [
                "PATH": "/usr/bin:/bin", "LANG": "C.UTF-8", "PGHOST": "127.0.0.1", "PGPORT": "\(port)",
                "PGDATABASE": database, "PGUSER": Self.account.user, "PGPASSWORD": Self.account.password,
            ],
            directory: folder
        )
    }

    /// Whether a text was in any statement that reached the server, or in what it said of one.
    func hasLogged(_ text: String) throws -> Bool {
        try !lines(["-F", "-m", "1", "-e", text]).isEmpty
    }

    /// The lines of the server's log for a database.
    func log(of database: String) throws -> [String] { try lines(["-e", "^\(database) "]) }

    /// Those of all databases that hold a text.
    func log(holding text: String) throws -> [String] { try lines(["-F", "-e", text]) }

    /// By grep(1): behind all tests of databases the log has some hundred MiB.
    private func lines(_ pattern: [String]) throws -> [String] {
        let found = try Command.run(
            ["grep", "-a"] + pattern + ["--", folder + "/log"],
            environment: ["PATH": "/usr/bin:/bin", "LC_ALL": "C"],
            directory: folder
        )
        try #require(found.code <= 1, "\(found)")
        return found.lines
    }
}
