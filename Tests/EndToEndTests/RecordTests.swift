import Foundation
import Testing

extension EndToEnd {
    /// What is on record of requests and replies, with real clients and servers.
    @Suite("Records of heads", .serialized)
    struct RecordTests {
        let place: Place
        let servers: Servers
        let mirror: Mirror
        private let token = "s3cr3t/REAL+51fa7c20b9e1"

        init() throws {
            place = try Place()
            servers = try Servers.started()
            mirror = try Mirror.started()
            try place.write(servers.operatorConfiguration, to: place.configuration + "/bailey.yaml")
            let ports = [mirror.port, servers.tlsPort, servers.http2Port]
            let bound = ports.map { "\"https://allowed.test:\($0)\"" }.joined(separator: ", ")
            try place.write(
                "bailey: 1\ncredentials:\n  token: {from: {env: SERVICE_TOKEN}, as: bearer, for: [\(bound)]}\n",
                to: place.configuration + "/credentials.yaml",
                mode: 0o600
            )
            let rules = ports.map {
                "  - {private: true, to: \"https://allowed.test:\($0)\", allow: [\"* /**\"], deny: [\"* /denied\"], "
                    + "credential: token}\n"
            }
            let other =
                "  - {private: true, to: \"tls://other.test:\(servers.tlsPort)\", allow: [connect]}\n"
                + "  - {private: true, to: \"https://allowed.test:1\", allow: [GET]}\n"
            try place.profile("heads", "extends: [base]\negress:\n\(rules.joined())\(other)")
        }

        private func curl(_ words: String, _ port: UInt16, _ path: String) throws -> Outcome {
            try place.agent(
                "curl -sS -m20 \(words) 'https://allowed.test:\(port)\(path)'",
                profile: "heads",
                environment: ["SERVICE_TOKEN": token]
            )
        }

        /// The last request that was allowed, as it is shown; what was masked in its reply has a record of its own.
        private func shown(_ words: [String] = []) throws -> (number: String, text: String) {
            let number = "\(try #require(try place.records().last { $0.record.message == nil }).sequence)"
            return (number, try place.bailey(["audit", "show", number] + words).output)
        }

        @Test(
            "The heads of request and reply are on record, over both HTTPs, without the query's and the fields' secrets"
        )
        func heads() throws {
            for (words, port) in [("--http1.1", servers.tlsPort), ("--http2", servers.http2Port)] {
                // In a file: what stands in a command line is on record as such.
                try place.write(
                    "url = \"https://allowed.test:\(port)/v1/x?a=b&token=hunter2\"\nheader = \"X-Api-Key: hunter2\"\n"
                        + "cookie = \"sid=hunter2\"\n",
                    to: "workspace/curlrc"
                )
                let outcome = try place.agent(
                    "curl -sS -m20 \(words) -K curlrc -A agent/1 -H 'X-Trace: one' -d body",
                    profile: "heads",
                    environment: ["SERVICE_TOKEN": token]
                )
                #expect(outcome.output.contains("POST allowed.test /v1/x?a=b&token=hunter2"), "\(outcome)")
                let shown = try shown().text
                for line in [
                    "POST /v1/x?a=b&token=***  allow", "    x-trace: one", "    x-api-key: ***",
                    "    cookie: ***",
                    "    user-agent: agent/1", "  with credential token", "    server: nginx",
                ] {
                    #expect(shown.lowercased().contains(line.lowercased()), "\(line) in \(shown)")
                }
                // HTTP/2 has no such field, and the server sent none.
                #expect(
                    !words.contains("--http2") || !shown.lowercased().contains("transfer-encoding"),
                    "\(shown)"
                )
                #expect(shown.contains("\n200, ") && shown.contains("  4 octets of body sent, "), "\(shown)")
                #expect(!shown.contains("hunter2") && !shown.contains(token), "\(shown)")
            }
            #expect(try place.files(holding: "hunter2", below: "state").isEmpty)
            #expect(try place.files(holding: token, below: "state").isEmpty)
            #expect(try place.bailey(["audit", "verify"]).code == 0)
        }

        @Test("F09 F12: what a reply brings back is masked on record as well, in fields and trailers")
        func reflected() throws {
            for (path, line) in [
                ("/headers", "    x-echo: "), ("/trailers", "    x-echo: "), ("/redirect", "    location: "),
            ] {
                let outcome = try curl("-i", mirror.port, path)
                #expect(outcome.output.contains("***"), "\(outcome)")
                let number = try #require(try place.records().first { $0.record.action == "GET \(path)" })
                    .sequence
                let shown = try place.bailey(["audit", "show", "\(number)"]).output.lowercased()
                #expect(shown.contains(line), "\(shown)")
            }
            #expect(try place.files(holding: token, below: "state").isEmpty)
            #expect(try place.files(holding: Data(token.utf8).base64EncodedString(), below: "state").isEmpty)
        }

        @Test("A refused request is on record with its fields, one that fails with why, a tunnel as such")
        func others() throws {
            _ = try curl("-H 'X-Trace: two'", servers.tlsPort, "/denied")
            _ = try curl("-H 'X-Trace: three'", 1, "/x")
            // The server's own certificate is what an agent sees in a tunnel.
            let authority = try String(contentsOfFile: servers.folder + "/ca.pem", encoding: .utf8)
            try place.write(authority, to: "workspace/authority.pem")
            let tunnel = try place.agent(
                "curl -sS -m20 -o /dev/null --cacert authority.pem https://other.test:\(servers.tlsPort)/",
                profile: "heads"
            )
            #expect(tunnel.code == 0, "\(tunnel)")
            let shown = try place.records().map {
                try place.bailey(["audit", "show", "\($0.sequence)"]).output
            }
            #expect(
                shown.contains {
                    $0.contains("x-trace: two") && $0.contains("It was refused: nothing was sent.")
                },
                "\(shown)"
            )
            #expect(
                shown.contains {
                    $0.contains("x-trace: three") && $0.contains("no reply")
                        && $0.contains("could not be reached")
                },
                "\(shown)"
            )
            #expect(shown.contains { $0.contains("A tunnel: what goes through it is not read") }, "\(shown)")
        }

        @Test("Each number of the list can be shown, as text and as JSON, and a reply's names its request")
        func everyNumber() throws {
            _ = try curl("", servers.tlsPort, "/v1/x")
            _ = try curl("", servers.tlsPort, "/nowhere/x")
            let list = try place.bailey(["audit"]).lines
            let numbers = list.compactMap { $0.split(separator: " ").first.map(String.init) }
            #expect(Set(numbers).count >= 6 && numbers.count == list.count, "\(list)")
            for (number, line) in zip(numbers, list) {
                let text = try place.bailey(["audit", "show", number])
                // What befell a request is shown with it.
                let isNote = line.contains("  note  ")
                #expect(
                    text.code == 0 && (isNote || text.output.contains("record \(number),")),
                    "\(number) \(text)"
                )
                let json = try place.bailey(["audit", "show", number, "--json"])
                #expect(json.code == 0, "\(number) \(json)")
                #expect(try JSONSerialization.jsonObject(with: Data(json.output.utf8)) is [String: Any])
            }
            let request = try #require(try place.records().first).sequence
            for word in [" reply ", " process "] {
                let line = try #require(list.first { $0.contains(word) }, "\(list)")
                #expect(line.hasSuffix(", request \(request)"), "\(line)")
            }
            let reply = try #require(list.first { $0.contains(" reply ") }?.split(separator: " ").first)
            let body = try place.bailey(["audit", "show", String(reply), "--body", "response"])
            #expect(
                body.code == 1 && body.errors.contains("name the one that it is about: \(request)"),
                "\(body)"
            )
        }

        @Test("The list has a line for each reply; JSON has both heads")
        func listed() throws {
            _ = try curl("", servers.tlsPort, "/v1/x")
            let list = try place.bailey(["audit"]).lines
            #expect(
                list.count { $0.contains("200 to GET /v1/x https://allowed.test:\(servers.tlsPort), ") } == 1,
                "\(list)"
            )
            let json = try shown(["--json"]).text
            let shown = try JSONSerialization.jsonObject(with: Data(json.utf8)) as? [String: Any]
            #expect((shown?["reply"] as? [String: Any])?["status"] as? Int == 200, "\(json)")
            #expect(shown?["notes"] is [String], "\(json)")
            let request = (shown?["request"] as? [String: Any])?["record"] as? [String: Any]
            #expect(
                (request?["fields"] as? [String])?.contains { $0.lowercased() == "accept: */*" } == true,
                "\(json)"
            )
            for (record, words) in [
                ("99", "there is no record 99"), ("x", "audit show --help"),
            ] {
                let refused = try place.bailey(["audit", "show", record])
                #expect(refused.code != 0 && refused.errors.contains(words), "\(refused)")
            }
        }

        @Test("A request whose connection is cut in the middle of its reply is on record with why")
        func cut() throws {
            let running = try place.running(
                "curl -sS -m150 --limit-rate 100k -o out https://allowed.test:\(servers.tlsPort)/v1/sparse",
                profile: "heads",
                environment: ["SERVICE_TOKEN": token]
            )
            var polls = 0
            while (place.read("workspace/out") ?? "").isEmpty, polls < 6_000 {
                polls += 1
                Thread.sleep(forTimeInterval: 0.01)
            }
            kill(running.processIdentifier, SIGTERM)
            _ = running.finish()
            let number = try #require(try place.records().first).sequence
            let shown = try place.bailey(["audit", "show", "\(number)"]).output
            #expect(shown.contains("\n200, ") && shown.contains("ended"), "\(shown)")
            let kinds = try place.bailey(["audit", "--json"]).lines.map { $0.contains("\"kind\":\"exit\"") }
            #expect(kinds.last == true, "the end comes last")
        }
    }
}
