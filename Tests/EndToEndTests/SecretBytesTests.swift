import Foundation
import TestSupport
import Testing

extension EndToEnd {
    /// Every byte that Bailey wrote, for every secret that it held.
    @Suite(
        "Secrets in what Bailey writes",
        .serialized,
        .enabled(
            if: DatabaseServer.isInstalled && WebSocketServers.available,
            "needs postgresql-15, postgresql-client and python3-websockets"
        )
    )
    struct SecretBytesTests {
        let place: Place
        let servers: Servers
        let mirror: Mirror
        let sockets: PythonServer
        let databases: DatabaseServer
        let database: String
        private static let token = "s3cr3t/REAL+7f31c2d9a5b8"
        private static let login = "svc:real-basic/9e02c11f7a34"
        private static let key = "real-header-b83310be55d9"
        private static let mark = "whsec-of-checkpoints-51fa7c20b9e1"
        /// What stands for each, as text: of a login its password alone as well.
        private static let secrets = [
            token, login, String(login.dropFirst(4)), key, DatabaseServer.account.password, mark,
        ]

        init() throws {
            place = try Place()
            servers = try Servers.started()
            mirror = try Mirror.started()
            sockets = try WebSocketServers.honest()
            databases = try DatabaseServer.started()
            database = try databases.database()
            // Nobody listens there: what cannot be posted is said, and tried again.
            let hook = "webhook: {url: \"https://127.0.0.1:1/hook\", secret-file: hook.key}"
            try place.write(Self.mark, to: place.configuration + "/hook.key", mode: 0o600)
            try place.write(
                servers.operatorConfiguration + "\naudit: {checkpoints: {\(hook), every: 1s}}\n",
                to: place.configuration + "/bailey.yaml"
            )
            try place.write(Self.login + "\n", to: "held/login", mode: 0o600)
            try place.write("#!/bin/sh\necho \(Self.key)\n", to: "held/vault", mode: 0o700)
            let web = [servers.tlsPort, servers.http2Port, mirror.port, sockets.port]
            let bound = web.map { "\"https://allowed.test:\($0)\"" }.joined(separator: ", ")
            let account = "password \(DatabaseServer.account.user)"
            try place.write(
                """
                bailey: 1
                credentials:
                  token: {from: {env: SERVICE_TOKEN}, as: bearer, for: [\(bound)], placeholder: SERVICE_TOKEN}
                  login: {from: {file: "\(place.root)/held/login"}, as: basic, for: [\(bound)]}
                  key: {from: {command: ["\(place.root)/held/vault"]}, as: header X-Api-Key, for: [\(bound)]}
                  db: {from: {env: DATABASE_PASSWORD}, as: \(account), for: ["postgres://allowed.test:\(databases.port)"]}

                """,
                to: place.configuration + "/credentials.yaml",
                mode: 0o600
            )
            let rules = web.flatMap { port in
                let own = "private: true, to: \"https://allowed.test:\(port)\""
                return [
                    "  - {\(own), allow: [\"* /basic/**\"], credential: login}\n",
                    "  - {\(own), allow: [\"* /header/**\"], credential: key}\n",
                    "  - {\(own), allow: [\"* /bearer/**\", \"GET /echo\", \"websocket /v1/**\"], credential: token}\n",
                ]
            }
            let own = "private: true, to: \"postgres://allowed.test:\(databases.port)/db_*\""
            try place.profile(
                "holding",
                "extends: [base]\nrecord: full\nchildren: {profiles: [holding], depth: 1, count: 4}\negress:\n"
                    + rules.joined() + "  - {\(own), credential: db, allow: [\"select on public.*\"]}\n"
            )
        }

        private var environment: [String: String] {
            ["SERVICE_TOKEN": Self.token, "DATABASE_PASSWORD": DatabaseServer.account.password]
        }

        /// One request of each kind, whose answers give the credential back in whatever form their server knows.
        private var script: String {
            let socket = """
                import asyncio, ssl, websockets
                async def main():
                    async with websockets.connect("wss://allowed.test:\(sockets.port)/v1/text",
                                                  ssl=ssl.create_default_context(), open_timeout=60, ping_interval=None) as peer:
                        print(await peer.recv())
                asyncio.run(main())
                """
            return """
                \(requests)
                cat > socket.py <<'END'
                \(socket)
                END
                /usr/bin/python3 socket.py
                export PGHOST=allowed.test PGPORT=\(databases.port) PGDATABASE=\(database) PGUSER=whoever PGSSLMODE=verify-full
                psql -XAtc 'SELECT name FROM people ORDER BY id LIMIT 1'; psql -XAtc 'SELECT * FROM private.salaries' || echo refused
                bailey run -p holding --name kid -- sh -c '\(child)'
                """
        }

        private var requests: String {
            let forms = [
                "plain", "base64", "base64url", "hex", "HEX", "url", "json", "slash", "html", "gzip",
            ]
            let curl = "curl -sS -m60 --compressed"
            let asked = forms.map { "\(curl) 'https://allowed.test:\(mirror.port)/echo?enc=\($0)'; echo" }
            let fields = [servers.tlsPort, servers.http2Port].flatMap { port in
                ["basic", "bearer", "header"].map { "\(curl) -d body https://allowed.test:\(port)/\($0)/x" }
            }
            return (asked + fields).joined(separator: "\n")
        }

        private var child: String {
            "curl -sS -m60 https://allowed.test:\(servers.tlsPort)/bearer/kid; echo \"$SERVICE_TOKEN\"; "
                + "curl -sS -m60 -H \"X: $SERVICE_TOKEN\" https://allowed.test:\(servers.tlsPort)/bearer/misused"
        }

        /// What a secret may look like: raw, and as the encodings write it that texts are put into.
        private static func forms(of secret: String) -> [String: Data] {
            let octets = Data(secret.utf8)
            let hex = octets.map { String($0 >> 4, radix: 16) + String($0 & 15, radix: 16) }.joined()
            var forms = [
                "raw": octets, "hex": Data(hex.utf8), "HEX": Data(hex.uppercased().utf8),
                "reversed": Data(octets.reversed()), "UTF-16": Data(octets.flatMap { [$0, 0] }),
                "percent": Data(octets.map { "%" + String(format: "%02X", $0) }.joined().utf8),
            ]
            // Whatever stands before it: what of it depends on nothing but itself, at each of three places.
            for lead in 0..<3 {
                let text = (Data(repeating: 0x61, count: lead) + octets).base64EncodedString()
                let own = text.dropFirst(lead == 0 ? 0 : 4).prefix((octets.count - 3) / 3 * 4)
                forms["base64 \(lead)"] = Data(own.utf8)
                let other = own.replacing("+", with: "-").replacing("/", with: "_")
                forms["base64url \(lead)"] = Data(other.utf8)
            }
            return forms
        }

        /// Which secrets are in some octets, and how.
        private static func found(in data: Data) -> [String] {
            secrets.flatMap { secret in
                forms(of: secret).filter { data.range(of: $0.value) != nil }.map {
                    "\(secret.prefix(6))… \($0.key)"
                }
            }
        }

        /// Every file below the place but those that the test put secrets into.
        private func files() -> [String] {
            let all = FileManager.default.enumerator(atPath: place.root)?.compactMap { $0 as? String } ?? []
            return all.filter { !$0.hasPrefix("held/") && !$0.hasSuffix("/hook.key") }
        }

        /// What each way to read the log and the runs gives.
        private func readings() throws -> [String: Outcome] {
            let run = try #require(try place.records().first).agent.prefix { $0 != "." }
            var commands = [
                ["audit"], ["audit", "--json"], ["audit", "verify"], ["tree"],
                ["audit", "export", "--receipts"],
                ["trace", "\(run)"], ["trace", "\(run)", "--json"], ["trace", "\(run)", "--svg"],
                ["replay", "\(run)"], ["replay", "\(run)", "--json"], ["ps"],
            ]
            commands += ["jsonl", "ocsf", "otlp"].map { ["audit", "export", "--format", $0] }
            for line in try place.records() {
                commands.append(["audit", "show", "\(line.sequence)"])
                for side in ["request", "response"] {
                    commands.append(["audit", "show", "\(line.sequence)", "--body", side])
                }
            }
            return Dictionary(
                try commands.map {
                    ($0.joined(separator: " "), try place.bailey($0, environment: environment))
                }
            ) { first, _ in first }
        }

        @Test(
            "No byte that Bailey wrote is of a secret that it held, raw or encoded; outside all of them come"
        )
        func bytes() throws {
            // The control: what is looked for would be found.
            for secret in Self.secrets {
                for (name, form) in Self.forms(of: secret) {
                    #expect(!Self.found(in: Data("xy".utf8) + form + Data("z".utf8)).isEmpty, "\(name)")
                }
            }
            let outcome = try place.agent(script, profile: "holding", environment: environment)
            #expect(outcome.code == 0 && outcome.lines.contains("Ann"), "\(outcome)")
            #expect(
                outcome.output.contains("refused") && outcome.output.contains("placeholder"),
                "\(outcome)"
            )
            // The servers did get them.
            #expect(try servers.requests(with: "Bearer \(Self.token)") >= 3)
            #expect(try servers.requests(with: Data(Self.login.utf8).base64EncodedString()) == 2)
            #expect(try servers.requests(with: "key=\"\(Self.key)\"") == 2)
            #expect(try sockets.lines(with: "open /v1/text").contains { $0.contains(Self.token) })
            #expect(Self.found(in: Data((outcome.output + outcome.errors).utf8)).isEmpty, "\(outcome)")
            for (command, reading) in try readings() {
                let found = Self.found(in: Data((reading.output + reading.errors).utf8))
                #expect(found.isEmpty, "\(command): \(found)")
            }
            for file in files() {
                let data = FileManager.default.contents(atPath: place.root + "/" + file) ?? Data()
                let found = Self.found(in: data)
                #expect(found.isEmpty, "\(file): \(found)")
            }
            #expect(files().contains { $0.hasSuffix("audit.sqlite") })
        }
    }
}
