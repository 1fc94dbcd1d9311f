import Foundation
import TestSupport
import Testing

/// A PostgreSQL of the tests' own, as Debian installs it, in a temporary folder, run as an unprivileged user.
///
/// It ends with the test process: its input is a pipe of it.
final class Cluster: Sendable {
    /// Nil where PostgreSQL is not installed.
    static let binaries = ["15", "16", "17"].map { "/usr/lib/postgresql/\($0)/bin" }.first {
        FileManager.default.isExecutableFile(atPath: "\($0)/initdb")
    }

    static let shared = Result { try Cluster() }

    /// Packages of PyPI: `make deps-tests` puts them beside what is built.
    static let python = URL(
        filePath: ProcessInfo.processInfo.environment["BAILEY"] ?? ".build/release/bailey"
    )
    .deletingLastPathComponent().appending(path: "../python").standardizedFileURL.path
    static let hasDrivers = ["psycopg", "asyncpg"].allSatisfy {
        FileManager.default.fileExists(atPath: "\(python)/\($0)")
    }

    let folder: String
    let port: UInt16
    private let server: RunningCommand

    /// The superuser is `postgres`; `scram`, `md5` and `clear` have the password `secret`, and log in as they are named.
    private init() throws {
        let binaries = try #require(Self.binaries)
        folder = NSTemporaryDirectory() + "bailey-postgres-\(getpid())"
        port = try Loopback.freePort()
        try FileManager.default.createDirectory(
            atPath: folder,
            withIntermediateDirectories: true,
            attributes: [.posixPermissions: 0o777]
        )
        let script = """
            set -e
            cd '\(folder)'
            trap 'rm -rf "\(folder)"/*' EXIT
            '\(binaries)/initdb' -D data -U postgres --no-locale -E UTF8 -A trust --no-sync >initdb.log 2>&1
            printf '%s\\n' 'host all scram all scram-sha-256' 'host all md5 all md5' 'host all clear all password' \
                'host all all all trust' 'local all all trust' >data/pg_hba.conf
            '\(binaries)/postgres' -D data -p \(port) -c listen_addresses=127.0.0.1 -c unix_socket_directories='\(folder)' \
                -c fsync=off -c log_statement=all -c max_connections=50 >log 2>&1 &
            server=$!
            cat >/dev/null
            kill -INT $server
            wait $server || true
            """
        let unprivileged =
            geteuid() == 0 ? ["setpriv", "--reuid=nobody", "--regid=nogroup", "--clear-groups"] : []
        server = try RunningCommand(
            unprivileged + ["bash", "-c", script],
            environment: ["PATH": "/usr/bin:/bin", "HOME": folder],
            directory: "/"
        )
        let end = Date(timeIntervalSinceNow: 60)
        while true {
            let asked = try? run(["psql", "-Atc", "select 1"])
            if asked?.code == 0 { break }
            guard Date() < end else { throw Finding(what: "PostgreSQL does not start: \(log)") }
            Thread.sleep(forTimeInterval: 0.05)
        }
        let setUp = """
            set password_encryption = 'scram-sha-256'; create role scram login superuser password 'secret';
            set password_encryption = 'md5'; create role md5 login superuser password 'secret';
            create role clear login superuser password 'secret';
            create role agent login; grant create on schema public to agent;
            create table forbidden_table (id int); revoke all on forbidden_table from public;
            create table people (id int primary key, name text, email text, card int8, born date);
            insert into people values (1, 'Ada', 'ada@example.com', 4111111111111111, '1815-12-10'),
                (2, 'Bob', 'not given', 42, '1901-02-03'), (3, null, null, null, null);
            create table notes (id int); grant all on notes, people to agent;
            """
        let made = try run(["psql", "-v", "ON_ERROR_STOP=1", "-qc", setUp])
        guard made.code == 0 else { throw Finding(what: "\(made)") }
    }

    /// What the server has logged: every statement that reached it.
    var log: String { (try? String(contentsOfFile: "\(folder)/log", encoding: .utf8)) ?? "" }

    /// Runs a client against the server itself, or whatever listens on a port.
    func run(
        _ words: [String],
        port: UInt16? = nil,
        user: String = "postgres",
        input: String = ""
    ) throws -> Outcome {
        try Command.run(
            words,
            environment: [
                "PATH": "/usr/bin:/bin", "HOME": folder, "PYTHONPATH": Self.python, "PGHOST": "127.0.0.1",
                "PGPORT": "\(port ?? self.port)",
                "PGUSER": user, "PGDATABASE": "postgres", "PGCONNECT_TIMEOUT": "10", "LC_ALL": "C.UTF-8",
            ],
            directory: "/",
            input: Data(input.utf8)
        )
    }
}
