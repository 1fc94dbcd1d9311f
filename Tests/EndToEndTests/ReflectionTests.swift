import Foundation
import Testing

extension EndToEnd {
    /// Each attack is sent by a client outside as well, with the real credential: what that one gets shows that the
    /// server really returned it.
    @Suite("Reflection", .serialized)
    struct ReflectionTests {
        let place: Place
        let servers: Servers
        let mirror: Mirror
        private let token = "s3cr3t/REAL+51fa7c20b9e1"

        init() throws {
            place = try Place()
            servers = try Servers.started()
            mirror = try Mirror.started()
            try place.write(servers.operatorConfiguration, to: place.configuration + "/bailey.yaml")
            let bound = "for: [\"https://allowed.test:\(mirror.port)\"]"
            try place.write(
                """
                bailey: 1
                credentials:
                  token: {from: {env: SERVICE_TOKEN}, as: bearer, \(bound), placeholder: SERVICE_TOKEN}
                  short: {from: {env: SERVICE_SHORT}, as: bearer, \(bound)}
                  signer: {from: {env: SERVICE_KEY}, as: aws-sigv4 us-east-1 execute-api, \(bound)}

                """,
                to: place.configuration + "/credentials.yaml",
                mode: 0o600
            )
            for (profile, credential) in [("mirror", "token"), ("short", "short"), ("signed", "signer")] {
                let rule = "private: true, to: \"https://allowed.test:\(mirror.port)\", allow: [\"* /**\"]"
                try place.profile(
                    profile,
                    "extends: [base]\negress: [{\(rule), credential: \(credential)}]\n"
                )
            }
        }

        /// The replies to `curl WORDS URL` for each path, of the agent and of the client outside.
        private func replies(
            _ words: String,
            _ paths: [String]
        ) throws -> [(path: String, agent: String, outside: String)] {
            let curl = paths.map {
                "curl -sS -m60 \(words) 'ORIGIN\($0)' 2>&1 | tr -cd '[:print:]\\r\\n'; printf '\\036'"
            }
            .joined(separator: "\n")
            .replacing("ORIGIN", with: "https://allowed.test:\(mirror.port)")
            let agent = try place.agent(curl, profile: "mirror", environment: ["SERVICE_TOKEN": token])
            let direct = curl.replacing(
                "curl -sS",
                with:
                    "curl -sS --cacert \(servers.folder)/ca.pem --resolve allowed.test:\(mirror.port):127.0.0.1 "
                    + "-H 'Authorization: Bearer \(token)'"
            )
            let outside = try place.control(direct).output.split(
                separator: "\u{1E}",
                omittingEmptySubsequences: false
            )
            let inside = agent.output.split(separator: "\u{1E}", omittingEmptySubsequences: false)
            try #require(inside.count == paths.count + 1 && outside.count == inside.count, "\(agent)")
            return paths.indices.map { (paths[$0], String(inside[$0]), String(outside[$0])) }
        }

        private func hex(_ text: String, before: String = "") -> String {
            text.utf8.map { before + ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
        }

        /// How many records say that the credential came back there.
        private func records(of part: String) throws -> Int {
            try place.records().count {
                $0.record.credential == "token"
                    && $0.record.message?.contains("reply's \(part) and was masked") == true
            }
        }

        @Test("F09: the credential is masked in the reply's header fields and body, and that is on record")
        func plain() throws {
            for reply in try replies("-i", ["/echo?enc=plain", "/headers"]) {
                #expect(reply.outside.contains(token), "the control: \(reply)")
                #expect(!reply.agent.contains(token), "\(reply)")
                #expect(reply.agent.contains("Bearer ************************"), "\(reply)")
                #expect(reply.agent.hasPrefix("HTTP/2 200 "), "\(reply)")
            }
            #expect(try records(of: "body") == 1)
            #expect(try records(of: "header") == 1)
            let tree = try place.bailey(["tree"]).lines
            #expect(
                tree.filter { $0.contains(" note ") && $0.contains("was masked there") }.count == 2,
                "\(tree)"
            )
            #expect(try place.bailey(["tree", "--json"]).output.contains(#""counts":{"allow":2}"#))
            let note = try #require(try place.records().last { $0.record.message != nil }).sequence
            let shown = try place.bailey(["audit", "show", "\(note)"])
            #expect(shown.output.hasPrefix("GET /") && shown.output.contains("was masked there"), "\(shown)")
            #expect(try place.files(holding: token).isEmpty)
        }

        @Test("F10: it is masked in base64, hex, URL, JSON and HTML escapes; a document keeps its length")
        func encoded() throws {
            let encodings = ["base64", "base64url", "hex", "HEX", "url", "json", "slash", "html"]
            let base64 = Data("Bearer \(token)".utf8).base64EncodedString()
            let shown = [
                "base64": base64, "hex": hex(token), "HEX": hex(token).uppercased(),
                "url": hex(token, before: "%"), "json": hex(token, before: "\\u00"),
                "slash": token.replacing("/", with: "\\/"), "html": token,
            ]
            for reply in try replies("", encodings.map { "/echo?enc=\($0)" }) {
                let encoding = String(reply.path.split(separator: "=").last ?? "")
                let inner = shown[encoding] ?? Data(token.utf8.dropFirst(1)).base64EncodedString()
                #expect(encoding == "base64url" || reply.outside.contains(inner), "the control: \(reply)")
                #expect(reply.agent.count == reply.outside.count && reply.agent != reply.outside, "\(reply)")
                #expect(!reply.agent.contains(inner.prefix(24).suffix(16)), "\(reply)")
                let filler = ["base64", "base64url"].contains(encoding) ? "AAAAAAAAAAAAAAAAAAAA" : "*"
                let fillers = [filler, "00000000", "%2A%2A", "\\u002A"]
                #expect(fillers.contains { reply.agent.contains($0) }, "\(reply)")
            }
        }

        @Test(
            "F10: it is masked through gzip, deflate in both forms, br, zstd and two codings; the agent gets plain text"
        )
        func compressed() throws {
            let kinds = ["gzip", "deflate", "raw", "br", "zstd", "twice"]
            let paths = kinds.map { "/echo?enc=\($0)" }
            let asked = try mirror.requests(with: "/echo?enc=gzip ").count
            // Not decoded by the client inside: what it gets is plain. Outside curl decodes, all but the bare form.
            let inside = try replies("-i -H 'Accept-Encoding: gzip, deflate, br, zstd, dcb'", paths)
            let outside = try replies("--compressed", paths)
            for (reply, control) in zip(inside, outside) {
                #expect(control.outside.contains("auth=Bearer \(token)"), "the control: \(control)")
                #expect(reply.agent.contains("auth=Bearer ************************; ;"), "\(reply)")
                #expect(!reply.agent.lowercased().contains("content-encoding"), "\(reply)")
                #expect(reply.agent.lowercased().contains("etag: w/\"one\""), "\(reply)")
                #expect(control.agent.contains("auth=Bearer *****"), "\(control)")
            }
            let lines = try mirror.requests(with: "/echo?enc=gzip ").dropFirst(asked)
            #expect(lines.contains { $0.contains("accept=gzip, deflate, br, zstd range") }, "\(lines)")
            #expect(lines.contains { $0.contains("dcb") }, "the control: \(lines)")
        }

        @Test("F10: what cannot be decoded, or is a bomb, does not reach the agent")
        func undecodable() throws {
            for reply in try replies(
                "-o - -w '%{http_code} %{size_download}'",
                ["thrice", "compress", "bomb"].map { "/echo?enc=\($0)" }
            ) {
                #expect(
                    reply.outside.contains("200 ") && !reply.outside.contains("curl: ("),
                    "the control: \(reply.path)"
                )
                if reply.path.hasSuffix("bomb") {
                    #expect(!reply.agent.hasSuffix("200 67108864"), "\(reply.agent.suffix(200))")
                    #expect(reply.agent.contains("curl: ("), "\(reply.agent.suffix(200))")
                } else {
                    #expect(reply.agent.contains("502 "), "\(reply)")
                    #expect(reply.agent.contains("cannot be searched"), "\(reply)")
                    #expect(!reply.agent.contains(token), "\(reply)")
                }
            }
            #expect(try place.records(["--denied"]).count == 3)
        }

        @Test(
            "F11: it is masked when each octet is a chunk, when an event is split, and when ranges are asked for"
        )
        func split() throws {
            for reply in try replies("", ["/octets", "/events"]) {
                #expect(reply.outside.contains(token), "the control: \(reply)")
                #expect(
                    reply.agent == reply.outside.replacing(token, with: "************************"),
                    "\(reply)"
                )
            }
            let ranges = (12..<36).map { "-r \($0)-\($0)" }
            var outside = ""
            for range in ranges.prefix(8) {
                let reply = try #require(try replies(range, ["/range"]).first)
                outside += reply.outside
                #expect(reply.agent == "auth=Bearer ************************\n", "\(reply)")
            }
            #expect(outside == String(token.prefix(8)), "the control")
            let lines = try mirror.requests(with: "/range")
            #expect(lines.count { $0.contains("range=-") } == 8, "\(lines)")
        }

        @Test(
            "F12: it is masked in redirects, cookies, challenges and trailers, and dropped with 1xx and reasons"
        )
        func elsewhere() throws {
            let shown = ["/redirect": token, "/trailers": token, "/hint": token, "/broken": token]
            for reply in try replies("-i", ["/redirect", "/trailers", "/hint", "/broken"]) {
                let secret = shown[reply.path] ?? ""
                if reply.path != "/broken" {
                    #expect(reply.outside.contains(secret), "the control: \(reply)")
                }
                #expect(!reply.agent.contains(secret), "\(reply)")
                #expect(!reply.agent.contains(hex(token, before: "%")), "\(reply)")
                switch reply.path {
                case "/redirect":
                    #expect(reply.outside.contains(hex(token, before: "%")), "the control: \(reply)")
                    #expect(reply.agent.contains("https://denied.test/?t=%2A%2A"), "\(reply)")
                    #expect(
                        reply.agent.contains("t=*****") && reply.agent.contains("error=\"*****"),
                        "\(reply)"
                    )
                case "/trailers": #expect(reply.agent.contains("Bearer *****"), "\(reply)")
                case "/hint":
                    #expect(reply.agent.hasSuffix("error: Bearer ************************\n"), "\(reply)")
                default: #expect(reply.agent.contains("502"), "\(reply)")
                }
            }
            #expect(try mirror.requests(with: "/broken").contains { $0.contains("auth=Bearer \(token)") })
            #expect(try records(of: "header") == 1)
            #expect(try records(of: "trailer") == 1)
            #expect(try records(of: "body") == 1)
        }

        @Test(
            "F09: what a host was sent is masked in its replies to other requests, which carry no credential"
        )
        func later() throws {
            let rule = "private: true, to: \"https://allowed.test:\(mirror.port)\""
            try place.profile(
                "two",
                "extends: [base]\negress: [{\(rule), allow: [GET /keep], credential: token}, "
                    + "{\(rule), allow: [GET /kept]}]\nchildren: {profiles: [kept], depth: 1, count: 1}\n"
            )
            try place.profile("kept", "extends: [base]\negress: [{\(rule), allow: [GET /kept]}]\n")
            let url = "https://allowed.test:\(mirror.port)"
            let outcome = try place.agent(
                "curl -sS -m30 \(url)/keep; curl -sSi -m30 \(url)/kept; bailey run -p kept -- curl -sSi -m30 \(url)/kept",
                profile: "two",
                environment: ["SERVICE_TOKEN": token]
            )
            let masked = "Bearer " + String(repeating: "*", count: token.count)
            #expect(outcome.output.ranges(of: "x-kept: \(masked)").count == 2, "\(outcome)")
            #expect(outcome.output.ranges(of: "auth=\(masked)").count == 2, "\(outcome)")
            let ca = "--cacert \(servers.folder)/ca.pem --resolve allowed.test:\(mirror.port):127.0.0.1"
            let outside = try place.control("curl -sS -m30 \(ca) \(url)/kept")
            #expect(outside.output == "auth=Bearer \(token)\n", "the control")
        }

        @Test(
            "F10: it is masked in UTF-16, with and without a label, and a charset that would hide it is refused"
        )
        func wide() throws {
            let paths = ["utf-16-le", "utf-16-be&utf-16be", "utf-16&UTF-16", "utf-8&utf-8"]
            // What is shown has no octets of zero.
            for reply in try replies("", paths.map { "/wide?\($0)" }) {
                #expect(reply.outside.contains("Bearer \(token)"), "the control: \(reply)")
                #expect(
                    reply.agent == reply.outside.replacing(token, with: "************************"),
                    "\(reply)"
                )
            }
            for reply in try replies("", ["/wide?utf-32&utf-32", "/wide?cp037&ibm037"]) {
                #expect(
                    !reply.outside.isEmpty && !reply.outside.contains("would not be found"),
                    "the control"
                )
                #expect(
                    reply.agent.contains("in which a credential that this host was sent would not be found")
                )
            }
        }

        @Test("F09: the token of temporary AWS keys is masked in the reply, in any spelling")
        func sessionToken() throws {
            let session = "FwoGZXIvYXdzE/t0k3n+REAL=="
            let paths = ["/wide?utf-8", "/wide?utf-16-be"].map { "https://allowed.test:\(mirror.port)\($0)" }
            let read = "| tr -cd '[:print:]'; echo"
            let outcome = try place.agent(
                paths.map { "curl -sS -m30 '\($0)' \(read)" }.joined(separator: "\n"),
                profile: "signed",
                environment: ["SERVICE_KEY": "ASIA2345672345672345:the-secret-that-signs:\(session)"]
            )
            let stars = "\"token\": \"\(String(repeating: "*", count: session.count))\""
            #expect(outcome.lines.count == 2 && outcome.lines.allSatisfy { $0.contains(stars) }, "\(outcome)")
            #expect(
                outcome.lines.allSatisfy { $0.contains("AWS4-HMAC-SHA256 Credential=ASIA2345672345672345/") }
            )
            let ca = "--cacert \(servers.folder)/ca.pem --resolve allowed.test:\(mirror.port):127.0.0.1"
            let control = try place.control(
                paths.map { "curl -sS -m30 \(ca) -H 'X-Amz-Security-Token: \(session)' '\($0)' \(read)" }
                    .joined(separator: "\n")
            )
            #expect(control.lines.allSatisfy { $0.contains(session) }, "the control: \(control)")
            #expect(
                try place.records().count {
                    $0.record.credential == "signer" && $0.record.message?.contains("was masked") == true
                } == 2
            )
            for folder in ["state", "run", "workspace", "home"] {
                #expect(try place.files(holding: session, below: folder).isEmpty)
            }
        }

        @Test(
            "F09: a reply that is under way when its host is first sent the credential does not bring it back"
        )
        func meanwhile() throws {
            let rule = "private: true, to: \"https://allowed.test:\(mirror.port)\""
            try place.profile(
                "both",
                "extends: [base]\nrecord: full\negress: [{\(rule), allow: [GET /keep], credential: token}, "
                    + "{\(rule), allow: [GET /meanwhile]}]\n"
            )
            let url = "https://allowed.test:\(mirror.port)"
            func script(_ ca: String, _ auth: String) -> String {
                """
                rm -f stream; curl -sSN -m20 \(ca) \(url)/meanwhile > stream & stream=$!
                until grep -q begun stream 2>/dev/null; do :; done
                curl -sS -m20 \(ca) \(auth) \(url)/keep; wait $stream; cat stream
                """
            }
            let outcome = try place.agent(
                script("", ""),
                profile: "both",
                environment: ["SERVICE_TOKEN": token]
            )
            let stars = String(repeating: "*", count: token.count)
            #expect(outcome.output == "kept\ndata: begun\n\ndata: Bearer \(stars)\n\n", "\(outcome)")
            for folder in ["state", "run", "workspace", "home"] {
                #expect(try place.files(holding: token, below: folder).isEmpty)
            }
            // What is recorded of bodies is sealed: it is looked through as it is shown.
            let shown = try place.records().map {
                try place.bailey(["audit", "show", "\($0.sequence)", "--body", "response"]).output
            }
            #expect(shown.contains { $0.contains("data: Bearer \(stars)") }, "\(shown)")
            #expect(shown.allSatisfy { !$0.contains(token) }, "\(shown)")
            let ca = "--cacert \(servers.folder)/ca.pem --resolve allowed.test:\(mirror.port):127.0.0.1"
            let control = try place.control(script(ca, "-H 'Authorization: Bearer \(token)'"))
            #expect(control.output.contains("data: Bearer \(token)\n"), "the control: \(control)")
        }

        @Test("F10: the limit: an encoding that is not looked for passes")
        func reverse() throws {
            let reply = try #require(try replies("", ["/echo?enc=reverse"]).first)
            #expect(reply.agent == reply.outside && reply.agent.contains(String(token.reversed())))
        }

        @Test("A credential that is too short to be looked for is not sent")
        func tooShort() throws {
            let request = "curl -sS -m30 -w '%{http_code}' https://allowed.test:\(mirror.port)/headers?short"
            for (value, status) in [("12345", "503"), ("123456", "404")] {
                let outcome = try place.agent(
                    request,
                    profile: "short",
                    environment: ["SERVICE_SHORT": value]
                )
                #expect(outcome.output.hasSuffix(status), "\(outcome)")
            }
            #expect(try mirror.requests(with: "/headers?short").count == 1)
        }
    }
}
