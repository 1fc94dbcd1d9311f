import Foundation

/// A PostgreSQL on loopback whose changes can be decoded, as Debian installs it; it ends with its owner.
final class ReplicatingServer {
    private static let programs = "/usr/lib/postgresql/15"
    static var isInstalled: Bool {
        ["bin/initdb", "bin/postgres", "bin/pg_isready", "lib/test_decoding.so"].allSatisfy {
            FileManager.default.fileExists(atPath: "\(programs)/\($0)")
        }
    }

    private(set) var port: UInt16 = 0
    private let scratch: Scratch
    private var process: Child?

    init() throws {
        scratch = try Scratch()
        let made = try Program.run(
            "/bin/sh",
            [
                "-c",
                """
                set -e; mkdir '\(scratch.path)/own'
                [ "$(id -u)" != 0 ] || chown nobody '\(scratch.path)/own'
                cd '\(scratch.path)/own'
                \(Self.user) \(Self.programs)/bin/initdb -D data -U postgres --no-locale -E UTF8 -A trust --no-sync
                """,
            ]
        )
        guard made.status == 0 else { throw CocoaError(.fileWriteUnknown) }
        // A free port can be taken before the server gets to it: then with others.
        for _ in 0..<5 where try !start() {}
        guard process != nil else { throw CocoaError(.executableLoad) }
    }

    /// PostgreSQL refuses to run as root.
    private static var user: String {
        geteuid() == 0 ? "setpriv --reuid=nobody --regid=nogroup --clear-groups" : ""
    }

    private func start() throws -> Bool {
        guard process == nil else { return true }
        port = try Sockets.freePort()
        let child = try Child(
            "/bin/sh",
            [
                "-c",
                // A bound of its own, should the tests be killed.
                """
                cd '\(scratch.path)/own'
                timeout -s KILL 900 \(Self.user) \(Self.programs)/bin/postgres -D data -p \(port) \
                    -c listen_addresses=127.0.0.1 -c unix_socket_directories= -c fsync=off -c wal_level=logical &
                server=$!; trap 'kill -INT $server' TERM
                wait $server; wait $server
                """,
            ]
        )
        for _ in 0..<6_000 where !child.hasEnded {
            let asked = try Program.run(
                Self.programs + "/bin/pg_isready",
                ["-h", "127.0.0.1", "-p", "\(port)"]
            )
            if asked.status == 0 {
                process = child
                return true
            }
            usleep(10_000)
        }
        return false
    }
}
