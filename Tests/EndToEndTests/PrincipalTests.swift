import Foundation
import Glibc
import TestSupport
import Testing

extension EndToEnd {
    /// Who launches, by tokens of a real provider.
    @Suite(
        "Principals",
        .serialized,
        .enabled(if: Python.has("oidc_provider_mock"), "needs oidc-provider-mock of PyPI (make deps-tests)")
    )
    struct PrincipalTests {
        let place: Place
        let servers: Servers
        let provider: IdentityProvider

        init() throws {
            place = try .nesting()
            servers = try Servers.started()
            provider = try IdentityProvider()
            try configure()
        }

        /// `bailey.yaml` with the provider as an issuer.
        func configure(_ more: String = "") throws {
            try place.write(
                servers.operatorConfiguration + "\ntrust-domain: example.org\nissuers:\n"
                    + provider.configuration(more),
                to: place.configuration + "/bailey.yaml"
            )
        }

        /// `bailey run` with a token in a file outside of the workspace.
        func run(
            _ script: String,
            token: String?,
            profile: String = "base",
            environment: [String: String] = [:]
        ) throws -> Outcome {
            var options: [String] = []
            if let token {
                try place.write(token + "\n", to: "token", mode: 0o600)
                options = ["--oidc-token-file", place.root + "/token"]
            }
            return try place.bailey(
                ["run", "-p", profile] + options + ["--", "sh", "-c", script],
                environment: environment
            )
        }

        @Test(
            "A served launch goes by bailey.yaml as it is: one that changed since the start of bailey serve is read anew"
        )
        func changedConfiguration() throws {
            try place.write(servers.operatorConfiguration, to: place.configuration + "/bailey.yaml")
            let server = try RunningCommand(
                place.server,
                environment: place.environment,
                directory: place.root
            )
            #expect(server.awaitErrors("serving at"))
            let early = try run("echo ran", token: provider.token())
            #expect(early.code == 125 && early.errors.contains("no issuers in bailey.yaml"), "\(early)")
            try configure()
            for _ in 0..<2 {
                let outcome = try run("echo ran", token: provider.token())
                #expect(outcome.code == 0 && outcome.output == "ran\n", "\(outcome)")
            }
            #expect(server.awaitErrors("bailey.yaml changed since the start: launches stand alone"))
            kill(server.processIdentifier, SIGTERM)
            let end = server.finish()
            #expect(end.code == 0 && end.errors.components(separatedBy: "changed since").count == 2, "\(end)")
        }

        /// What the log says of one launch.
        struct Launch: Decodable {
            let kind: String
            let lineage: String
            let record: Record

            struct Record: Decodable {
                let principal: Proven?
                let spiffe: String?
                let key: String?
                let reason: String?
                let cause: String?
            }

            struct Proven: Decodable {
                let subject: String
                let groups: [String]?
                let claims: [String: [String]]?
                let expiry: Int64?
            }
        }

        func launches() throws -> [Launch] {
            let outcome = try place.bailey(["audit", "--json"])
            return outcome.lines.compactMap { try? JSONDecoder().decode(Launch.self, from: Data($0.utf8)) }
        }

        @Test(
            "bailey run says who starts the root agent: the subject of a token, in audit, tree and ps, with its SPIFFE id"
        )
        func subject() throws {
            let token = try provider.token(
                claims: #"{"groups": ["payments", "admins"], "ref": "main", "other": "x"}"#
            )
            try place.write(token, to: "token", mode: 0o600)
            let running = try RunningCommand(
                place.launcher + ["-p", "top", "--oidc-token-file", "../token", "--", "sh", "-c"]
                    + ["bailey run -p leaf -- sh -c 'touch there; until [ -e stop ]; do sleep 0.05; done'"],
                environment: place.environment,
                directory: place.workspace
            )
            #expect(isThere("there"))
            let shown = try place.bailey(["ps", "--json"])
            try place.write("", to: "workspace/stop")
            let outcome = running.finish()
            #expect(outcome.code == 0, "\(outcome)")
            #expect(
                shown.lines.count == 2
                    && shown.lines.allSatisfy { $0.contains(#""principal":"oidc:idp:alice""#) }
            )
            #expect(
                shown.output.contains(#""spiffe":"spiffe://example.org/oidc/idp/alice/top/leaf/"#),
                "\(shown)"
            )
            let spawns = try launches().filter { $0.kind == "spawn" }
            #expect(spawns.count == 2)
            for spawn in spawns {
                let proven = try #require(spawn.record.principal)
                #expect(proven.subject == "oidc:idp:alice" && proven.groups == ["admins", "payments"])
                #expect(proven.claims == ["ref": ["main"]] && proven.expiry != nil)
                #expect(spawn.lineage.hasPrefix("oidc:idp:alice > top"))
                #expect(spawn.record.spiffe?.hasPrefix("spiffe://example.org/oidc/idp/alice/top/") == true)
            }
            let tree = try place.bailey(["tree"])
            #expect(
                tree.lines[0].contains("oidc:idp:alice  groups [admins, payments], ref [main], until 2"),
                "\(tree)"
            )
            let json = try place.bailey(["tree", "--json"])
            #expect(
                json.output.contains(#""spiffe":"spiffe://example.org/oidc/idp/alice/top/leaf/"#),
                "\(json)"
            )
            #expect(try place.bailey(["audit", "verify"]).code == 0)
        }

        private func isThere(_ name: String) -> Bool {
            let end = Date(timeIntervalSinceNow: 60)
            while Date() < end {
                if FileManager.default.fileExists(atPath: "\(place.workspace)/\(name)") { return true }
                Thread.sleep(forTimeInterval: 0.02)
            }
            return false
        }

        @Test("Without a token it is the local user, as before")
        func localUser() throws {
            #expect(try run("true", token: nil).code == 0)
            let spawn = try #require(try launches().first { $0.kind == "spawn" })
            #expect(spawn.lineage.hasPrefix("user:") && spawn.record.principal == nil)
            #expect(spawn.record.spiffe?.hasPrefix("spiffe://example.org/user/") == true)
        }

        @Test(
            "The token is the agent's neither in its environment, its files nor the log, wherever the user keeps it"
        )
        func unseen() throws {
            let token = try provider.token()
            let signature = try #require(token.split(separator: ".").last.map(String.init))
            try place.profile("curious", "extends: [base]\nenv: {pass: [MY_TOKEN, BAILEY_ID_TOKEN, SEEN]}\n")
            try place.write(token, to: "workspace/token", mode: 0o600)
            let script =
                "env; cat token; cp token copy; grep -rs \(signature.prefix(20)) . /proc/self/environ; true"
            #expect(try place.control("cat workspace/token || cat token").output.contains(signature))
            let words = ["-p", "curious", "--profiles", place.profiles]
            for option in [["--oidc-token-file", "token"], ["--oidc-token-env", "MY_TOKEN"]] {
                let name = option[0].hasSuffix("file") ? "BAILEY_ID_TOKEN" : "MY_TOKEN"
                let outcome = try place.bailey(
                    ["run"] + words + option + ["--", "sh", "-c", script],
                    environment: [name: token, "SEEN": "seen"]
                )
                #expect(outcome.code == 0 && outcome.output.contains("SEEN=seen"), "\(outcome)")
                #expect(!outcome.output.contains("TOKEN="), "\(outcome)")
                if option[0].hasSuffix("file") {
                    #expect(
                        !outcome.output.contains(signature) && !outcome.errors.contains(signature),
                        "\(outcome)"
                    )
                    #expect(place.read("workspace/copy")?.contains(signature) != true)
                }
            }
            for folder in ["state", "run", "home"] {
                #expect(try place.files(holding: signature, below: folder).isEmpty)
            }
        }

        /// Changes a part of a token.
        private func forged(_ token: String, header: String? = nil, payload: String? = nil) -> String {
            var parts = token.split(separator: ".").map(String.init)
            func encoded(_ text: String) -> String {
                Data(text.utf8).base64EncodedString().replacing("+", with: "-").replacing("/", with: "_")
                    .replacing("=", with: "")
            }
            if let header { parts[0] = encoded(header) }
            if let payload { parts[1] = encoded(payload) }
            return parts.joined(separator: ".")
        }

        @Test(
            "What bad input gets: refused before anything is launched, with which check failed and never the token itself"
        )
        func refused() throws {
            let good = try provider.token()
            let payload =
                #"{"iss":"\#(provider.url)","aud":"bailey","sub":"root","exp":4000000000,"iat":1000000000"#
            let deep =
                "\"deep\":" + String(repeating: "[", count: 1_000) + String(repeating: "]", count: 1_000)
            let cases = [
                (try provider.token(seconds: -5), "expiry check failed: it expired"),
                (try provider.token(for: "other"), "audience check failed"),
                (forged(good, header: #"{"alg":"none"}"#), "algorithm check failed: it is unsigned"),
                (
                    forged(good, header: #"{"alg":"HS256"}"#),
                    "algorithm check failed: it is signed symmetrically"
                ),
                (forged(good, payload: payload + "}"), "signature check failed"),
                (forged(good, payload: payload + ",\"nbf\":3999999999}"), "not-before check failed"),
                (
                    forged(good, payload: payload + "," + deep + "}"),
                    "form check failed: its payload does not read: it is nested deeper"
                ),
                (
                    forged(good, payload: "sub=root"),
                    "form check failed: its payload does not read: it is not JSON"
                ),
                (
                    forged(good, payload: payload + ",\"sub\":\"x\"}"),
                    "form check failed: its payload does not read: a member is there twice"
                ),
                (
                    forged(good, payload: payload.replacing(provider.url, with: "https://evil.test") + "}"),
                    "issuer check failed"
                ),
                ("not-a-token", "form check failed"),
                (good + String(repeating: "A", count: 16 << 10), "longer than 16 KiB"),
            ]
            for (token, says) in cases {
                let outcome = try run("echo ran", token: token)
                #expect(outcome.code == 125 && outcome.output.isEmpty, "\(says): \(outcome)")
                #expect(outcome.errors.contains(says), "\(says): \(outcome)")
                for part in token.split(separator: ".") where part.utf8.count > 40 {
                    #expect(!outcome.errors.contains(part), "\(says): \(outcome)")
                    #expect(try place.files(holding: String(part), below: "state").isEmpty, "\(says)")
                }
            }
            // What is on record is found there: why each was refused.
            #expect(try !place.files(holding: "expiry check failed: it expired", below: "state").isEmpty)
            let records = try launches()
            #expect(records.allSatisfy { $0.kind == "spawn-refused" } && records.count == cases.count - 1)
            #expect(try run("echo ran", token: good).output == "ran\n")
        }

        @Test("Where no issuer is configured, a token is refused; and inside an agent it changes nothing")
        func elsewhere() throws {
            let token = try provider.token()
            let inside = try run(
                "printf %s \(token) > t; bailey run -p leaf --oidc-token-file t -- true; echo $?; bailey run -p leaf -- true; echo $?",
                token: nil,
                profile: "top"
            )
            #expect(inside.output == "125\n0\n" && inside.errors.contains("inside an agent"), "\(inside)")
            try place.write(servers.operatorConfiguration, to: place.configuration + "/bailey.yaml")
            let outcome = try run("echo ran", token: token)
            #expect(outcome.code == 125 && outcome.errors.contains("no issuers in bailey.yaml"), "\(outcome)")
        }

        @Test("An issuer that does not answer: refused after its time-out")
        func silent() throws {
            let token = try provider.token()
            try provider.silence(true)
            let outcome = try run("echo ran", token: token)
            #expect(outcome.code == 125 && outcome.errors.contains("did not answer within 5 s"), "\(outcome)")
            try provider.silence(false)
            #expect(try run("echo ran", token: token).code == 0)
        }

        @Test(
            "Under bailey serve: keys are fetched once, used within their life when the issuer is silent, and rotate"
        )
        func serving() throws {
            place.isServed = true
            let server = try RunningCommand(
                place.server,
                environment: place.environment,
                directory: place.root
            )
            #expect(server.awaitErrors("serving at"))
            let token = try provider.token()
            for _ in 0..<3 { #expect(try run("true", token: token).code == 0) }
            #expect(try provider.asked("GET /jwks").count == 1)
            try provider.silence(true)
            #expect(try run("true", token: token).code == 0)
            try provider.silence(false)
            try provider.rotate()
            #expect(try run("true", token: provider.token()).code == 0)
            #expect(try provider.asked("GET /jwks").count == 2)
            // The old key is gone, and for a while nobody is asked again.
            for _ in 0..<3 {
                let outcome = try run("true", token: token)
                #expect(outcome.code == 125 && outcome.errors.contains("the token's"), "\(outcome)")
            }
            #expect(try provider.asked("GET /jwks").count == 2)
            #expect(
                try launches().filter { $0.kind == "spawn" }.allSatisfy {
                    $0.lineage.hasPrefix("oidc:idp:alice")
                }
            )
            kill(server.processIdentifier, SIGTERM)
            #expect(server.finish().code == 0)
        }
    }
}
