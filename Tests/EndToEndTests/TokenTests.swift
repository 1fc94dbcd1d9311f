import Foundation
import Testing

extension EndToEnd {
    /// Tokens of an authorisation server, which the supervisor asks for and no agent sees.
    @Suite("OAuth 2", .serialized)
    struct TokenTests {
        let place: Place
        let servers: Servers
        let issuer: Issuer
        private let secret = "client:s3cr3t/+ \u{26}="

        init() throws {
            place = try Place()
            servers = try Servers.started()
            issuer = try Issuer()
            try place.write(servers.operatorConfiguration, to: place.configuration + "/bailey.yaml")
            try place.write("subject-one\n", to: "subject", mode: 0o600)
            let bound = "as: bearer, for: [\"https://allowed.test:\(servers.tlsPort)\"]"
            let client = "client-id: \"bailey agent\", client-secret: {env: CLIENT_SECRET}"
            func source(_ path: String, _ more: String = "", host: String = "allowed.test") -> String {
                "from: {oauth2: {token-url: \"https://\(host):\(issuer.port)/\(path)\", \(client)\(more)}}"
            }
            let subject = ", subject-token: {file: \"\(place.root)/subject\"}, subject-token-type: jwt"
            try place.write(
                """
                bailey: 1
                credentials:
                  long: {\(source("long", ", scope: [read, \"write:all\"], audience: \"https://api.test/x\"")), \(bound)}
                  short: {\(source("short")), \(bound)}
                  once: {\(source("once")), \(bound)}
                  exchanged: {\(source("short?exchange", subject)), \(bound)}
                  denied: {\(source("denied")), \(bound)}
                  odd: {\(source("odd")), \(bound)}
                  moved: {\(source("moved")), \(bound)}
                  large: {\(source("large")), \(bound)}
                  untrusted: {\(source("long", host: "wrongname.test")), \(bound)}

                """,
                to: place.configuration + "/credentials.yaml",
                mode: 0o600
            )
            let own = "private: true, to: \"https://allowed.test:\(servers.tlsPort)\""
            let names = [
                "long", "short", "once", "exchanged", "denied", "odd", "moved", "large", "untrusted",
            ]
            try place.profile(
                "tokens",
                "extends: [base]\negress:\n"
                    + names.map { "  - {\(own), allow: [\"* /\($0)/**\"], credential: \($0)}\n" }.joined()
            )
        }

        private var origin: String { "https://allowed.test:\(servers.tlsPort)" }

        private func run(_ script: String) throws -> Outcome {
            try place.agent(script, profile: "tokens", environment: ["CLIENT_SECRET": secret])
        }

        private func expectKept(_ outcome: Outcome) throws {
            for text in [secret, "issued-token"] {
                #expect(!outcome.output.contains(text) && !outcome.errors.contains(text), "\(outcome)")
                for folder in ["state", "run", "workspace", "home"] {
                    #expect(try place.files(holding: text, below: folder).isEmpty)
                }
            }
        }

        @Test(
            "A token is got once, by the client's own credentials, for requests that come together and one by one"
        )
        func once() throws {
            let mark = UUID().uuidString
            let outcome = try run(
                """
                for i in 1 2 3 4 5 6 7 8; do curl -sS -m20 -o /dev/null \(origin)/long/\(mark) & done; wait
                curl -sS -m20 \(origin)/long/\(mark)
                """
            )
            #expect(outcome.output.contains("auth=Bearer ****"), "\(outcome)")
            #expect(try servers.requests(with: "\(mark) HTTP/1.1\" 200 auth=\"Bearer issued-token-1\"") == 9)
            let asked = try issuer.requests()
            #expect(asked.count == 1, "\(asked)")
            #expect(asked.first?.contains("grant_type=client_credentials") == true, "\(asked)")
            #expect(asked.first?.contains("scope=read write:all") == true, "\(asked)")
            #expect(asked.first?.contains("audience=https://api.test/x") == true, "\(asked)")
            #expect(asked.first?.contains("id=bailey agent secret=\(secret)") == true, "\(asked)")
            #expect(try place.records().allSatisfy { $0.record.credential == "long" })
            try expectKept(outcome)
        }

        @Test("F15: a token is got anew before it expires, and the agent sees neither")
        func refreshed() throws {
            let mark = UUID().uuidString
            let outcome = try run(
                "n=0; until [ $n -ge 300 ]; do curl -sS -m20 -o /dev/null \(origin)/short/\(mark); n=$((n+1)); "
                    + "[ -e stop ] && break; sleep 0.1; [ $n -ge 30 ] && touch stop; done"
            )
            // One that is got while nobody asks for a while may be used by no request.
            let tokens = try (1...30).map {
                try servers.requests(with: "\(mark) HTTP/1.1\" 200 auth=\"Bearer issued-token-\($0)\"")
            }
            #expect(tokens[0] > 0 && tokens.count { $0 > 0 } > 1, "\(tokens) \(outcome)")
            #expect(try issuer.requests().count >= 2)
            try expectKept(outcome)
        }

        @Test("F21: when the server fails, the request is denied by name, also where an older token is known")
        func failing() throws {
            let mark = UUID().uuidString
            let outcome = try run(
                """
                curl -sS -m20 -o /dev/null -w '%{http_code}\\n' \(origin)/once/\(mark)
                n=0; until [ $n -ge 100 ]; do code=$(curl -sS -m20 -o last -w '%{http_code}' \(origin)/once/\(mark)); n=$((n+1)); [ $code = 503 ] && break; sleep 0.1; done
                echo $code; cat last
                """
            )
            #expect(outcome.output.hasPrefix("200\n503\n"), "\(outcome)")
            #expect(Denial.first(in: outcome.output)?.reason == "credential-unavailable", "\(outcome)")
            #expect(
                !outcome.output.contains("\(issuer.port)"),
                "an agent hears where tokens come from: \(outcome)"
            )
            let denied = try #require(try place.records(["--denied"]).first?.record.message)
            #expect(
                denied.contains("token endpoint https://allowed.test:\(issuer.port)/once: it answered 500"),
                "\(denied)"
            )
            #expect(try servers.requests(with: "\(mark) HTTP/1.1\" 200 auth=\"-\"") == 0)
            try expectKept(outcome)
        }

        @Test(
            "What is no token, or comes from somebody else, is refused by name",
            arguments: [
                ("denied", "it answered 401 invalid_client"), ("odd", "of another type than Bearer"),
                ("moved", "it answered 302"), ("large", "more than 65536 octets"),
                ("untrusted", "the certificate does not name wrongname.test"),
            ]
        )
        func refused(path: String, says: String) throws {
            let mark = UUID().uuidString
            let outcome = try run("curl -sS -m20 -w '%{http_code}' \(origin)/\(path)/\(mark)")
            #expect(outcome.output.hasSuffix("503"), "\(outcome)")
            let denied = try #require(try place.records(["--denied"]).first?.record.message)
            #expect(denied.contains(says), "\(denied)")
            #expect(try servers.requests(with: mark) == 0)
            if path == "untrusted" { #expect(try issuer.requests().isEmpty) }
            try expectKept(outcome)
        }

        @Test("A subject's token is exchanged, and the rotated one next, without a restart")
        func exchanged() throws {
            let mark = UUID().uuidString
            let running = try place.running(
                """
                curl -sS -m20 -o /dev/null \(origin)/exchanged/\(mark); touch ready
                until [ -e rotated ]; do sleep 0.05; done
                n=0; until [ $n -ge 1000 ] || [ -e stop ]; do curl -sS -m20 -o /dev/null \(origin)/exchanged/\(mark); n=$((n+1)); sleep 0.1; done
                """,
                profile: "tokens",
                environment: ["CLIENT_SECRET": secret]
            )
            for _ in 0..<3_000 where !FileManager.default.fileExists(atPath: place.workspace + "/ready") {
                Thread.sleep(forTimeInterval: 0.02)
            }
            #expect(FileManager.default.fileExists(atPath: place.workspace + "/ready"))
            try place.write("subject-two\n", to: "subject", mode: 0o600)
            try place.write("", to: place.workspace + "/rotated")
            for _ in 0..<3_000
            where try issuer.requests().allSatisfy({ !$0.contains("subject_token=subject-two") }) {
                Thread.sleep(forTimeInterval: 0.02)
            }
            try place.write("", to: place.workspace + "/stop")
            let outcome = running.finish()
            let asked = try issuer.requests()
            let exchange = "grant_type=urn:ietf:params:oauth:grant-type:token-exchange"
            #expect(
                asked.allSatisfy {
                    $0.contains(exchange)
                        && $0.contains("subject_token_type=urn:ietf:params:oauth:token-type:jwt")
                }
            )
            #expect(asked.first?.contains("subject_token=subject-one") == true, "\(asked) \(outcome)")
            #expect(asked.last?.contains("subject_token=subject-two") == true, "\(asked) \(outcome)")
            try expectKept(outcome)
        }
    }
}

/// A token endpoint over TLS, as `allowed.test`, that says in a file what it was asked.
final class Issuer: Sendable {
    let port: UInt16
    private let log: String
    private let process: Process

    init() throws {
        let folder = try Servers.started().folder
        port = try Port.free()
        log = "\(folder)/issuer-\(port).log"
        try Self.program.write(toFile: folder + "/issuer.py", atomically: true, encoding: .utf8)
        process = Process()
        process.executableURL = URL(filePath: "/usr/bin/python3")
        process.arguments = [folder + "/issuer.py", folder, String(port), log]
        process.standardInput = Pipe()
        process.standardError = FileHandle.nullDevice
        try process.run()
        try Port.awaitOpen(port)
    }

    deinit { process.terminate() }

    func requests() throws -> [String] {
        ((try? String(contentsOfFile: log, encoding: .utf8)) ?? "").split(separator: "\n").map(String.init)
    }

    private static let program = #"""
        import base64, http.server, json, os, ssl, sys, threading, urllib.parse
        folder, port, path = sys.argv[1], int(sys.argv[2]), sys.argv[3]
        lock, issued = threading.Lock(), {}

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                form = dict(urllib.parse.parse_qsl(self.rfile.read(int(self.headers["Content-Length"])).decode()))
                kind, _, pair = self.headers["Authorization"].partition(" ")
                id, _, secret = base64.b64decode(pair).decode().partition(":")
                unquote = urllib.parse.unquote_plus
                name = self.path.strip("/").partition("?")[0]
                with lock:
                    issued[name] = number = issued.get(name, 0) + 1
                    with open(path, "a") as log:
                        log.write("%s %s id=%s secret=%s\n" % (self.path, " ".join("%s=%s" % p for p in form.items()), unquote(id), unquote(secret)))
                status, reply = 200, {"access_token": "issued-token-%d" % number, "token_type": "bearer", "expires_in": 3600}
                if name == "short": reply["expires_in"] = 2
                if name == "once": reply["expires_in"], status = 1, 200 if number == 1 else 500
                if name == "denied": status, reply = 401, {"error": "invalid_client", "error_description": "issued-token"}
                if name == "odd": reply["token_type"] = "mac"
                if name == "moved": status = 302
                if name == "large": reply["more"] = "x" * 70000
                body = json.dumps(reply).encode()
                self.send_response(status)
                if status == 302: self.send_header("Location", "/long")
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)
            def log_message(self, *words): pass

        server = http.server.ThreadingHTTPServer(("127.0.0.1", port), Handler)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(folder + "/server.pem", folder + "/server.key")
        server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
        threading.Thread(target=lambda: (sys.stdin.read(), os._exit(0)), daemon=True).start()
        server.serve_forever()
        """#
}
