import Foundation
import Testing

extension EndToEnd {
    /// `record: full`, with real clients and servers.
    @Suite("Records of bodies", .serialized)
    struct BodyRecordTests {
        let place: Place
        let servers: Servers
        let mirror: Mirror
        private let token = "s3cr3t/REAL+51fa7c20b9e1"
        private let shaped = "ghp_16C7e42F292c6912E7710c838347Ae178B4a"

        init() throws {
            place = try Place()
            servers = try Servers.started()
            mirror = try Mirror.started()
            try configure("")
            let ports = [mirror.port, servers.tlsPort, servers.http2Port]
            let bound = ports.map { "\"https://allowed.test:\($0)\"" }.joined(separator: ", ")
            try place.write(
                "bailey: 1\ncredentials:\n  token: {from: {env: SERVICE_TOKEN}, as: bearer, for: [\(bound)]}\n",
                to: place.configuration + "/credentials.yaml",
                mode: 0o600
            )
            func profile(_ name: String, _ more: String, _ record: String) throws {
                let rules = ports.map {
                    "  - {private: true, to: \"https://allowed.test:\($0)\", allow: [\"* /**\"]\(more)}\n"
                }
                let children = "children: {profiles: [\"*\"], depth: 1, count: 4}\n"
                try place.profile(name, "extends: [base]\n\(record)\(children)egress:\n\(rules.joined())")
            }
            try profile("full", "", "record: full\n")
            try profile("metadata", "", "record: metadata\n")
            try profile("injected", ", credential: token", "record: full\n")
            try profile("sending", ", send: [token]", "record: full\n")
            try profile("masked", ", mask: [pii]", "record: full\n")
        }

        private func configure(_ more: String) throws {
            try place.write(
                servers.operatorConfiguration + "\n" + more,
                to: place.configuration + "/bailey.yaml"
            )
        }

        func curl(
            _ words: String,
            _ port: UInt16,
            _ path: String,
            _ profile: String = "full"
        ) throws -> Outcome {
            try place.agent(
                "curl -sS -m60 \(words) 'https://allowed.test:\(port)\(path)'",
                profile: profile,
                environment: ["SERVICE_TOKEN": token]
            )
        }

        /// The last request's recorded body.
        private func body(_ side: String, of number: Int? = nil) throws -> Outcome {
            let record =
                try number ?? #require(try place.records().last { $0.record.message == nil }).sequence
            return try place.bailey(["audit", "show", "\(record)", "--body", side])
        }

        func expectVerified() throws {
            let outcome = try place.bailey(["audit", "verify"])
            #expect(outcome.code == 0, "\(outcome)")
        }

        @Test("Both bodies are recorded, over both HTTPs and through each coding decoded, and verify")
        func both() throws {
            for (words, port) in [("--http1.1", servers.tlsPort), ("--http2", servers.http2Port)] {
                let outcome = try curl("\(words) -d 'what I sent'", port, "/v1/x")
                #expect(try body("request").output == "what I sent")
                #expect(
                    try body("response").output == outcome.output && outcome.output.contains("POST"),
                    "\(outcome)"
                )
            }
            for kind in ["plain", "gzip", "deflate", "br", "zstd", "twice"] {
                let outcome = try curl("--compressed -H 'Authorization: x'", mirror.port, "/echo?enc=\(kind)")
                let shown = try body("response")
                #expect(shown.code == 0 && shown.output.hasPrefix("auth=x"), "\(kind) \(shown)")
                if kind != "twice" { #expect(shown.output == outcome.output, "\(kind)") }
            }
            let last = try #require(try place.records().last).sequence
            let text = try place.bailey(["audit", "show", "\(last)"]).output
            #expect(
                text.contains("body of the response recorded: ") && text.contains("which came in gzip, br"),
                "\(text)"
            )
            #expect(try body("request").errors.contains("the request had none"))
            try expectVerified()
        }

        @Test(
            "A body on its way out is at the server as it was, and recorded as it was: random octets, pieces, none"
        )
        func upload() throws {
            let script = """
                head -c 5000000 /dev/urandom > large; sha256sum < large
                for words in '--http1.1' '--http1.1 -H Transfer-Encoding:chunked' '--http2'; do
                    port=\(servers.tlsPort); [ "$words" = --http2 ] && port=\(servers.http2Port)
                    curl -sS -m60 $words -o /dev/null -w '%{http_code}\\n' -T large https://allowed.test:$port/v1/read/up
                done
                curl -sS -m60 -o /dev/null -w '%{http_code}\\n' -X POST -H 'Content-Length: 0' https://allowed.test:\(servers.tlsPort)/v1/read/none
                """
            let outcome = try place.agent(script, profile: "full")
            #expect(outcome.lines.dropFirst().prefix(3) == ["200", "200", "200"], "\(outcome)")
            let digest = outcome.lines.first?.split(separator: " ").first.map(String.init) ?? "-"
            for record in try place.records().prefix(3) {
                let shown = try place.bailey(["audit", "show", "\(record.sequence)"]).output
                #expect(
                    shown.contains("body of the request recorded: 5000000 octets, SHA-256 \(digest)"),
                    "\(shown)"
                )
                let control = try place.control(
                    "'\(Binary.path)' audit show \(record.sequence) --body request | sha256sum"
                )
                #expect(control.output.hasPrefix(digest), "\(control)")
            }
            #expect(try body("request").errors.contains("the request had none"))
            try expectVerified()
        }

        @Test(
            "F09: a credential that comes back is not recorded, in no spelling; a token that may pass is masked on record"
        )
        func secrets() throws {
            for kind in ["plain", "base64", "json", "gzip", "br"] {
                let outcome = try curl("--compressed", mirror.port, "/echo?enc=\(kind)", "injected")
                #expect(
                    try body("response").output == outcome.output && outcome.output.hasPrefix("auth="),
                    "\(outcome)"
                )
            }
            let sent = "x=\(shaped)&y=1"
            let outcome = try curl("-d '\(sent)'", servers.tlsPort, "/v1/\(shaped)", "sending")
            #expect(outcome.output.contains(shaped), "the control: \(outcome)")
            #expect(try body("request").output == "x=ghp_\(String(repeating: "x", count: 36))&y=1")
            #expect(try body("response").output.contains("/v1/ghp_xxxx"))
            for text in [token, Data(token.utf8).base64EncodedString(), String(shaped.dropFirst(4))] {
                #expect(try place.files(holding: text, below: "state").isEmpty, "\(text)")
            }
            try expectVerified()
        }

        @Test(
            "What the profile masks in replies is masked in what is recorded of both sides; the server gets what was sent"
        )
        func masks() throws {
            // In files: what stands in a command line is on record as such.
            try place.write("{\"m\":\"bob@example.org\"}", to: "workspace/mail")
            try place.write("Authorization: amy@example.org\n", to: "workspace/fields")
            let outcome = try curl(
                "-H 'Content-Type: application/json' -H @fields -d @mail",
                servers.tlsPort,
                "/v1/read/a",
                "masked"
            )
            #expect(outcome.output.contains("auth=xxx@xxxxxxx.xxx"), "\(outcome)")
            #expect(try servers.requests(with: "POST /v1/read/a ") == 1)
            #expect(try body("request").output == "{\"m\":\"xxx@xxxxxxx.xxx\"}")
            #expect(try body("response").output == outcome.output)
            let opaque = try curl(
                "-H 'Content-Type: application/zip' -d @mail",
                servers.tlsPort,
                "/v1/read/zip",
                "masked"
            )
            #expect(opaque.output.contains("/zip"), "\(opaque)")
            let shown = try body("request")
            #expect(
                shown.code == 1 && shown.output.isEmpty && shown.errors.contains("application/zip"),
                "\(shown)"
            )
            for name in ["amy", "bob"] {
                #expect(try place.files(holding: "\(name)@example.org", below: "state").isEmpty)
            }
            try expectVerified()
        }

        @Test("A child has its parent's recording; without any there is none, and that is said")
        func lineage() throws {
            let outcome = try place.agent(
                "bailey run -p metadata -- curl -sS -m20 -d kid https://allowed.test:\(servers.tlsPort)/v1/kid",
                profile: "full"
            )
            #expect(outcome.output.contains("/v1/kid"), "\(outcome)")
            #expect(try body("request").output == "kid")
            _ = try curl("-d alone", servers.tlsPort, "/v1/alone", "metadata")
            let shown = try body("request")
            #expect(shown.code == 1 && shown.errors.contains("no profile of its lineage says"), "\(shown)")
            // Nor is a parent's turned off from below, and a child's own is its alone.
            let under = try place.agent(
                """
                bailey run -p full -- curl -sS -m20 -d one https://allowed.test:\(servers.tlsPort)/v1/one
                curl -sS -m20 -d two https://allowed.test:\(servers.tlsPort)/v1/two
                """,
                profile: "metadata"
            )
            #expect(under.lines.count == 2, "\(under)")
            let numbers = try place.records().suffix(2).map(\.sequence)
            #expect(try body("request", of: numbers[0]).output == "one")
            #expect(try body("request", of: numbers[1]).code == 1)
            try expectVerified()
        }

        @Test(
            "Events are recorded as they come, and messages of a WebSocket as lines of JSON",
            .enabled(if: WebSocketServers.available, "needs python3-websockets")
        )
        func streams() throws {
            let events = try curl("-H 'Authorization: abc'", mirror.port, "/events")
            #expect(
                try body("response").output == events.output && events.output.contains("data: abc"),
                "\(events)"
            )
            let server = try WebSocketServers.honest()
            try place.profile(
                "socket",
                "extends: [base]\nrecord: full\negress: [{to: \"https://allowed.test:\(server.port)\", private: true, "
                    + "allow: [websocket], mask: []}]\n".replacing(", mask: []", with: "")
            )
            let client = """
                import asyncio, ssl, websockets
                async def main():
                    tls = ssl.create_default_context()
                    async def parts():
                        for part in ['é ', 'and ', 'more']: yield part
                    async with websockets.connect('wss://allowed.test:\(server.port)/v1/recorded', ssl=tls, max_size=None) as peer:
                        for message in ['one \\u20ac', b'\\x00\\xff', parts(), 'z' * 200000]:
                            await peer.send(message)
                            await peer.recv()
                        await peer.close(4000, 'done')
                asyncio.run(main())
                """
            try place.write(client, to: "workspace/client.py")
            let outcome = try place.agent("python3 client.py", profile: "socket")
            #expect(outcome.code == 0, "\(outcome)")
            for side in ["request", "response"] {
                let shown = try body(side)
                let lines = try shown.lines.map {
                    try #require(try JSONSerialization.jsonObject(with: Data($0.utf8)) as? [String: Any])
                }
                let texts = lines.filter { $0["kind"] as? String == "text" }.compactMap {
                    $0["payload"] as? String
                }
                #expect(
                    texts.joined() == "one \u{20AC}é and more" + String(repeating: "z", count: 200_000),
                    "\(shown)"
                )
                #expect(lines.contains { $0["base64"] as? String == "AP8=" }, "\(shown)")
                #expect(
                    lines.contains { $0["kind"] as? String == "close" && $0["status"] as? Int == 4000 },
                    "\(shown)"
                )
            }
            #expect(try server.lines(with: "close /v1/recorded 4000 done", count: 1).count == 1)
            try expectVerified()
        }

        @Test("Beyond the run's limit nothing goes on unrecorded, by name; another run has its own")
        func limit() throws {
            try configure("recordings: 1MiB")
            let script = """
                head -c 5000000 /dev/zero > large
                curl -sS -m60 -w ' %{http_code}\\n' -d small https://allowed.test:\(servers.tlsPort)/v1/read/room
                curl -sS -m60 -w ' %{http_code}\\n' -T large https://allowed.test:\(servers.tlsPort)/v1/read/over
                head -c 1040000 large > rest
                curl -sS -m60 -w ' %{http_code}\\n' -T rest https://allowed.test:\(servers.tlsPort)/v1/read/over
                curl -sS -m60 -w ' %{http_code}\\n' -d small https://allowed.test:\(servers.tlsPort)/v1/read/after
                """
            let outcome = try place.agent(script, profile: "full")
            #expect(outcome.output.contains("room 200\n") || outcome.output.contains(" 200\n"), "\(outcome)")
            #expect(outcome.output.contains("audit-unavailable"), "\(outcome)")
            #expect(try servers.requests(with: " /over ") == 0)
            let denied = try place.records(["--denied"])
            #expect(
                !denied.isEmpty && denied.allSatisfy { $0.record.reason == "audit-unavailable" },
                "\(denied)"
            )
            #expect(
                denied.first?.record.message?.contains("raise recordings in bailey.yaml") == true,
                "\(denied)"
            )
            for record in try place.records() where record.record.action == "PUT /v1/read/over" {
                let reply = try place.reply(to: record)
                let recorded = reply.bodies.first { $0.side == "request" }?.octets ?? 0
                #expect(reply.sent <= recorded, "what went out is recorded before it goes: \(reply)")
            }
            let next = try curl("-d more", servers.tlsPort, "/v1/read/next")
            #expect(next.output.contains("/next"), "\(next)")
            try expectVerified()
        }

        @Test(
            "I06: a supervisor that is killed in the middle of a body leaves what there was, says so, and verifies"
        )
        func killed() throws {
            let running = try place.running(
                "curl -sS -m150 --limit-rate 200k -o /dev/null https://allowed.test:\(servers.tlsPort)/v1/sparse",
                profile: "full"
            )
            let folder = place.root + "/state/bailey/recordings"
            func size() -> Int {
                let names = (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
                let status = names.first.flatMap {
                    try? FileManager.default.attributesOfItem(atPath: "\(folder)/\($0)")
                }
                return status?[.size] as? Int ?? 0
            }
            var polls = 0
            while size() == 0, polls < 6_000 {
                polls += 1
                Thread.sleep(forTimeInterval: 0.01)
            }
            running.signal(SIGKILL)
            _ = running.finish()
            let shown = try body("response")
            #expect(shown.code == 1 && shown.errors.contains("its end is not on record"), "\(shown.errors)")
            #expect(
                !shown.output.isEmpty && shown.output.utf8.allSatisfy { $0 == 0 },
                "\(shown.output.utf8.count)"
            )
            let number = try #require(try place.records().last).sequence
            #expect(
                try place.bailey(["audit", "show", "\(number)"]).output.contains(
                    "or the supervisor was killed"
                )
            )
            try expectVerified()
        }

        @Test("A recorded body that was changed, cut or removed afterwards is found by name")
        func tampered() throws {
            _ = try curl("-d 'what I sent'", servers.tlsPort, "/v1/x")
            let folder = place.root + "/state/bailey/recordings"
            let name = try #require(try FileManager.default.contentsOfDirectory(atPath: folder).first)
            let path = "\(folder)/\(name)"
            let whole = try Data(contentsOf: URL(filePath: path))
            #expect(
                try FileManager.default.attributesOfItem(atPath: path)[.posixPermissions] as? Int == 0o600
            )
            var changed = whole
            // Of what was sent, behind a header and the nonce, the first.
            changed[44] ^= 1
            for data in [changed, whole.dropLast(), Data(), nil] {
                if let data {
                    let file = try FileHandle(forWritingTo: URL(filePath: path))
                    try file.truncate(atOffset: 0)
                    try file.write(contentsOf: data)
                } else {
                    try FileManager.default.removeItem(atPath: path)
                }
                let outcome = try place.bailey(["audit", "verify"])
                #expect(outcome.code == 1 && outcome.output.contains("names the body of a re"), "\(outcome)")
            }
            #expect(try body("request").code == 1)
        }
    }
}
