import Foundation
import TestSupport
import Testing

extension EndToEnd {
    /// How the gateway logs in to a real PostgreSQL, by every method that it takes.
    @Suite(
        "Gateway: logging in to PostgreSQL",
        .serialized,
        .enabled(if: DatabaseServer.isInstalled, "needs postgresql-15 and postgresql-client")
    )
    struct PostgresLoginTests {
        let place: Place
        let server: DatabaseServer
        let database: String

        init() throws {
            place = try Place()
            server = try DatabaseServer.started()
            _ = try Self.accounts.get()
            database = try server.database()
            try place.write(
                Servers.started().operatorConfiguration,
                to: place.configuration + "/bailey.yaml"
            )
        }

        /// Users of the server, each with how its password is kept and what it is; none is ever in the log.
        private static let accounts = Result {
            try DatabaseServer.started().run(
                "SET log_statement = none",
                "CREATE ROLE \"client-a\" LOGIN",
                "SET password_encryption = md5",
                "CREATE ROLE login_md5 LOGIN PASSWORD 'md5-REAL-5e1d77c0'",
                "SET password_encryption = 'scram-sha-256'",
                "CREATE ROLE login_clear LOGIN PASSWORD 'clear-REAL-77c05e1d'",
                "CREATE ROLE login_scram LOGIN PASSWORD 'p\u{E4}ss\u{2168}-REAL-c05e1d77'",
                "CREATE ROLE login_raw LOGIN PASSWORD '\u{627}1-REAL-c077e1d5'",
                in: "postgres"
            )
        }

        /// A profile for the server's databases, and the credentials that it may name.
        private func rules(
            credential: String?,
            _ credentials: String = "",
            port: UInt16? = nil,
            mode: String = "verify-full"
        ) throws {
            try place.write(
                "bailey: 1\ncredentials:\n\(credentials)",
                to: place.configuration + "/credentials.yaml",
                mode: 0o600
            )
            try place.profile(
                "login",
                """
                extends: [base]
                egress:
                  - to: "postgres://allowed.test:\(port ?? server.port)/*"
                    private: true
                    sslmode: \(mode)
                    allow: ["*"]
                    \(credential.map { "credential: \($0)" } ?? "")

                """
            )
        }

        /// Which hosts a credential is for.
        private var bound: String { bound(server.port) }
        private func bound(_ port: UInt16) -> String { "for: [\"postgres://allowed.test:\(port)\"]" }

        /// psql's answer to who it is, in an agent.
        private func whoAmI(
            _ environment: [String: String] = [:],
            port: UInt16? = nil
        ) throws -> Outcome {
            try place.agent(
                """
                exec 2>&1; export PGHOST=allowed.test PGPORT=\(port ?? server.port) PGDATABASE=\(database)
                export PGUSER=client-a PGSSLMODE=verify-full PGCONNECT_TIMEOUT=8
                psql -XAtc 'SELECT current_user'
                """,
                profile: "login",
                environment: environment
            )
        }

        private func expectAbsent(_ secrets: [String], _ outcome: Outcome) throws {
            for secret in secrets {
                #expect(!outcome.output.contains(secret) && !outcome.errors.contains(secret), "\(outcome)")
                #expect(try !server.hasLogged(secret))
                for folder in ["state", "run", "workspace", "home"] {
                    #expect(try place.files(holding: secret, below: folder).isEmpty, "\(folder)")
                }
            }
        }

        @Test(
            "A client certificate logs in as its user; without it, with another's and without TLS nobody does"
        )
        func clientCertificate() throws {
            let folder = try Servers.started().folder
            for name in ["a", "b"] {
                let pem = try String(contentsOfFile: folder + "/client-\(name).pem", encoding: .utf8)
                try place.write(pem, to: "client-\(name).pem", mode: 0o600)
            }
            let all = ["a", "b"].map {
                "  \($0): {from: {file: \"\(place.root)/client-\($0).pem\"}, as: client-cert client-a, \(bound)}\n"
            }.joined()
            try rules(credential: "a", all)
            let own = try whoAmI()
            #expect(own.code == 0 && own.lines == ["client-a"], "\(own)")
            #expect(
                try server.log(of: database).contains { $0.contains("identity=\"CN=client-a\" method=cert") }
            )
            let key = try #require(
                try String(contentsOfFile: folder + "/client-a.key", encoding: .utf8).split(separator: "\n")
                    .dropFirst().first
            )
            try expectAbsent([String(key)], own)
            #expect(try place.records().contains { $0.record.credential == "a" })
            try rules(credential: "b", all)
            let foreign = try whoAmI()
            #expect(foreign.code == 2 && foreign.output.contains("login (28000)"), "\(foreign)")
            try rules(credential: nil)
            let none = try whoAmI()
            #expect(none.code == 2 && none.output.contains("login (28000)"), "\(none)")
            try rules(credential: "a", all, mode: "disable")
            let clear = try whoAmI()
            #expect(clear.code == 2 && clear.output.contains("sslmode: disable"), "\(clear)")
        }

        @Test(
            "A certificate whose issuer the server does not know is refused, in words about the certificate"
        )
        func unknownIssuer() throws {
            let made = try Command.run(
                [
                    "sh", "-c",
                    """
                    umask 077; openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 \
                      -subj /CN=client-a -keyout own.key -out own.crt && cat own.crt own.key > own.pem
                    """,
                ],
                environment: place.environment,
                directory: place.root
            )
            try #require(made.code == 0, "\(made)")
            try rules(
                credential: "own",
                "  own: {from: {file: \"\(place.root)/own.pem\"}, as: client-cert client-a, \(bound)}\n"
            )
            let outcome = try whoAmI()
            #expect(outcome.code == 2 && outcome.output.contains("TLS"), "\(outcome)")
            let records = try place.records().map(\.record)
            #expect(records.contains { $0.message?.contains("unknown ca") == true }, "\(records)")
        }

        struct Account: Sendable, CustomTestStringConvertible {
            let user: String
            /// By the server's log.
            let method: String
            let password: String

            var testDescription: String { user }
        }

        static let passwords = [
            Account(user: "login_md5", method: "md5", password: "md5-REAL-5e1d77c0"),
            Account(user: "login_clear", method: "password", password: "clear-REAL-77c05e1d"),
            // The same to SASLprep: an accent that stands by itself, and a number of two letters.
            Account(user: "login_scram", method: "scram-sha-256", password: "pa\u{308}ssIX-REAL-c05e1d77"),
            // From right to left, and a digit: it goes as it is.
            Account(user: "login_raw", method: "scram-sha-256", password: "\u{627}1-REAL-c077e1d5"),
        ]

        @Test(
            "A password goes as the server asks for it, also one that is not ASCII; a wrong one does not do",
            arguments: passwords
        )
        func password(account: Account) throws {
            try rules(
                credential: "db",
                "  db: {from: {env: SECRET}, as: password \(account.user), \(bound)}\n"
            )
            let right = try whoAmI(["SECRET": account.password])
            #expect(right.code == 0 && right.lines == [account.user], "\(right)")
            #expect(
                try server.log(of: database).contains {
                    $0.contains("identity=\"\(account.user)\" method=\(account.method)")
                }
            )
            let wrong = try whoAmI(["SECRET": account.password + "x"])
            #expect(wrong.code == 2 && wrong.output.contains("login (28P01)"), "\(wrong)")
            try expectAbsent([account.password], right)
        }

        @Test("A password goes in the clear to no server that is not known by its certificate")
        func clear() throws {
            try rules(
                credential: "db",
                "  db: {from: {env: SECRET}, as: password login_clear, \(bound)}\n",
                mode: "require"
            )
            let outcome = try whoAmI(["SECRET": "clear-REAL-77c05e1d"])
            #expect(outcome.code == 2 && outcome.output.contains("password in the clear"), "\(outcome)")
            // With `verify-full` the same does: see above.
            #expect(try !server.log(of: database).contains { $0.contains("user=login_clear") })
        }

        /// Stands between, and ends TLS on both sides: with its first argument's certificate towards the client.
        private static let between = """
            import os, select, socket, ssl, struct, sys, threading
            chain, key, port, server = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
            inner = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH); inner.load_cert_chain(chain, key)
            outer = ssl.create_default_context(); outer.check_hostname = False; outer.verify_mode = ssl.CERT_NONE
            request = struct.pack("!II", 8, 80877103)
            def serve(client):
                try:
                    if client.recv(8, socket.MSG_WAITALL) != request: return
                    client.sendall(b"S"); client = inner.wrap_socket(client, server_side=True)
                    up = socket.create_connection(("127.0.0.1", server)); up.sendall(request)
                    if up.recv(1) != b"S": return
                    up = outer.wrap_socket(up)
                    other = {client: up, up: client}
                    while True:
                        for side in [s for s in other if s.pending()] or select.select(list(other), [], [])[0]:
                            side.setblocking(False)
                            try: data = side.recv(65536)
                            except ssl.SSLWantReadError: continue
                            finally: side.setblocking(True)
                            if not data: return
                            other[side].sendall(data)
                except OSError: pass
                finally:
                    client.close()
                    if "up" in locals(): up.close()
            listener = socket.create_server(("127.0.0.1", port))
            def listen():
                while True: threading.Thread(target=serve, args=(listener.accept()[0],), daemon=True).start()
            threading.Thread(target=listen, daemon=True).start()
            sys.stdin.read(); os._exit(0)

            """

        private func standBetween(_ name: String) throws -> (RunningCommand, port: UInt16) {
            let port = try Port.free()
            try place.write(Self.between, to: "between.py")
            let folder = try Servers.started().folder
            let running = try RunningCommand(
                [
                    "/usr/bin/python3", place.root + "/between.py", "\(folder)/\(name).pem",
                    "\(folder)/\(name).key",
                    "\(port)", "\(server.port)",
                ],
                environment: place.environment,
                directory: place.root
            )
            try Port.awaitOpen(port)
            return (running, port)
        }

        /// psql without Bailey, through who stands between.
        private func direct(port: UInt16, binding: String) throws -> Outcome {
            try place.control(
                "psql -XAtc 'SELECT current_user'",
                environment: [
                    "PGHOST": "127.0.0.1", "PGPORT": "\(port)", "PGDATABASE": database,
                    "PGUSER": DatabaseServer.account.user, "PGPASSWORD": DatabaseServer.account.password,
                    "PGSSLMODE": "require", "PGCHANNELBINDING": binding,
                ]
            )
        }

        @Test(
            "SCRAM is bound to the server's certificate: who stands between with another one is found out, by the server"
        )
        func binding() throws {
            let account = DatabaseServer.account
            for name in ["server", "self"] {
                let (between, port) = try standBetween(name)
                try rules(
                    credential: "db",
                    "  db: {from: {env: SECRET}, as: password \(account.user), \(bound(port))}\n",
                    port: port,
                    mode: "require"
                )
                let outcome = try whoAmI(["SECRET": account.password], port: port)
                let isSame = name == "server"
                if isSame {
                    #expect(outcome.code == 0 && outcome.lines == [account.user], "\(outcome)")
                } else {
                    #expect(outcome.code == 2 && outcome.output.contains("gateway's login ("), "\(outcome)")
                }
                #expect(
                    try server.log(of: database).contains { $0.contains("channel binding check failed") }
                        != isSame
                )
                // The controls: without the binding nobody would notice, and libpq's own binding does.
                let unbound = try direct(port: port, binding: "disable")
                #expect(unbound.code == 0 && unbound.lines == [account.user], "\(unbound)")
                let libpq = try direct(port: port, binding: "require")
                #expect((libpq.code == 0) == isSame, "\(libpq)")
                _ = between.finish()
            }
        }

        /// Begins with TLS, as libpq 17 does for `sslnegotiation=direct`, and asks who it is.
        private static let direct = #"""
            import os, socket, ssl, struct
            context = ssl.create_default_context(); context.set_alpn_protocols(["postgresql"])
            host, port = os.environ["PGHOST"], int(os.environ["PGPORT"])
            s = context.wrap_socket(socket.create_connection((host, port), 8), server_hostname=host)
            def exact(n):
                data = b""
                while len(data) < n:
                    more = s.recv(n - len(data))
                    if not more: raise EOFError
                    data += more
                return data
            def message():
                head = exact(5)
                return head[:1].decode(), exact(struct.unpack("!I", head[1:])[0] - 4)
            def until():
                while True:
                    kind, body = message()
                    if kind == "E": print("error", body.replace(b"\0", b" ").decode())
                    if kind == "D": print("row", body[6:].decode())
                    if kind in "ZE": return kind
            body = struct.pack("!I", 196608) + b"user\0x\0database\0" + os.environ["PGDATABASE"].encode() + b"\0\0"
            s.sendall(struct.pack("!I", len(body) + 4) + body)
            print(s.selected_alpn_protocol())
            if until() == "Z":
                query = b"SELECT current_user\0"
                s.sendall(b"Q" + struct.pack("!I", len(query) + 4) + query)
                until()

            """#

        @Test("A client may begin with TLS, without asking for it (sslnegotiation=direct)")
        func directTLS() throws {
            let account = DatabaseServer.account
            try rules(
                credential: "db",
                "  db: {from: {env: SECRET}, as: password \(account.user), \(bound)}\n"
            )
            try place.profile(
                "none",
                "extends: [base]\negress: [{to: \"https://allowed.test:\(server.port)\", private: true, allow: [GET]}]\n"
            )
            try place.write(Self.direct, to: place.workspace + "/direct.py")
            let ask = { (profile: String) in
                try place.agent(
                    """
                    export PGHOST=allowed.test PGPORT=\(server.port) PGDATABASE=\(database)
                    /usr/bin/python3 direct.py
                    """,
                    profile: profile,
                    environment: ["SECRET": account.password]
                )
            }
            let allowed = try ask("login")
            #expect(
                allowed.code == 0 && allowed.lines == ["postgresql", "row \(account.user)"],
                "\(allowed)"
            )
            let refused = try ask("none")
            #expect(
                refused.code == 0 && refused.output.hasPrefix("postgresql\nerror ")
                    && refused.output.contains("allowed by no postgres rule"),
                "\(refused)"
            )
        }
    }
}
