import Foundation
import Glibc
import TestSupport
import Testing

extension EndToEnd {
    /// Tokens and certificates that say who asks, before the demo's service and nginx.
    @Suite("Agent identity", .serialized)
    struct AgentIdentityTests {
        let place: Place
        let servers: Servers
        private let service: DelegationService

        init() throws {
            place = try Place()
            servers = try Servers.started()
            let configuration = servers.operatorConfiguration + "\ntrust-domain: example.org\n"
            try place.write(configuration, to: place.configuration + "/bailey.yaml")
            let outcome = try place.bailey(["identity", "bundle", "--output", place.root])
            try #require(outcome.code == 0, "\(outcome)")
            service = try DelegationService(place, servers)
            let port = service.port
            try place.write(
                """
                bailey: 1
                credentials:
                  orders:
                    from: {agent-token: {audience: "https://orders.test"}}
                    as: bearer
                    for: ["https://allowed.test:\(port)"]
                    placeholder: ORDERS_TOKEN
                  other:
                    from: {agent-token: {audience: "https://other.test"}}
                    as: bearer
                    for: ["https://allowed.test:\(port)"]
                  mutual:
                    from: {agent-certificate: {}}
                    as: client-cert
                    for: ["https://allowed.test:\(port)"]
                  shown:
                    from: {agent-token: {audience: "https://orders.test"}}
                    as: bearer
                    for: ["https://allowed.test:\(servers.tlsPort)"]

                """,
                to: place.configuration + "/credentials.yaml",
                mode: 0o600
            )
            let rules = """
                egress:
                  - {private: true, to: "https://allowed.test:\(port)", allow: ["GET /orders/**"], credential: orders}
                  - {private: true, to: "https://allowed.test:\(port)", allow: ["GET /other/**"], credential: other}
                  - {private: true, to: "https://allowed.test:\(port)", allow: ["GET /mutual/**"], credential: mutual}
                  - {private: true, to: "https://allowed.test:\(port)", allow: ["GET /none/**"]}
                  - {private: true, to: "https://allowed.test:\(servers.tlsPort)", allow: ["GET /shown/**"], credential: shown}

                """
            for (name, below) in [("ci", "[ci-child]"), ("ci-child", "[ci-child]")] {
                try place.profile(
                    name,
                    "extends: [base]\n\(rules)children: {profiles: \(below), depth: 3, count: 8}\n"
                )
            }
        }

        /// A line of `bailey audit --json`.
        private struct Line: Decodable {
            let kind: String
            let agent: String?
        }

        private var origin: String { "https://allowed.test:\(service.port)" }

        @Test(
            "G24: a service that verifies the chain learns on whose behalf and through whom it is asked, by each agent of the tree"
        )
        func chain() throws {
            let mark = UUID().uuidString
            let ask = "curl -sS -m30 \(origin)/orders/\(mark)"
            try place.write("bailey: 1\nname: ci-child\nextends: [ci-child]\n", to: "workspace/own.yaml")
            // What an agent calls its child, or a text of its own, is not who it is.
            let outcome = try place.agent(
                """
                \(ask)
                bailey run -p ci-child --name ci -- sh -c '\(ask); bailey run -p ci-child --name tool -- \(ask)'
                bailey run -p ./own.yaml --name ci -- \(ask)
                """,
                profile: "ci"
            )
            #expect(outcome.code == 0, "\(outcome)")
            let answers = try outcome.lines.map { try JSONDecoder().decode(Answer.self, from: Data($0.utf8)) }
            let user = "user:" + NSUserName()
            let top = "spiffe://example.org/user/\(NSUserName())/ci"
            #expect(answers.map(\.for) == [user, user, user, user])
            let names = answers.map { $0.by.map(Self.unnumbered) }
            #expect(
                names == [
                    [top], ["\(top)/ci-child", top],
                    ["\(top)/ci-child/ci-child", "\(top)/ci-child", top],
                    ["\(top)/_own-ci-child", top],
                ],
                "\(answers)"
            )
            // Each has one name, whoever says it.
            #expect(answers[1].by[1] == answers[0].by[0] && answers[2].by.suffix(2) == answers[1].by[...])
            #expect(try service.lines(with: "\(mark) 200").count == 4)
            // The last segment is the agent's id, which none of another run has.
            let records = try place.bailey(["audit", "--json"]).lines.map {
                try JSONDecoder().decode(Line.self, from: Data($0.utf8))
            }
            let ids = records.filter { $0.kind == "spawn" }.compactMap(\.agent)
            let last = answers.compactMap { $0.by.first?.components(separatedBy: "/").last }
            #expect(last == ids, "\(answers)")
        }

        @Test(
            "The token and the certificate's key are no agent's and on no record; what an agent claims is replaced"
        )
        func kept() throws {
            let mark = UUID().uuidString
            let outcome = try place.agent(
                """
                env; find / -xdev -name 'agent-*' -path '*keys*' 2>/dev/null
                curl -sS -m30 -H "Authorization: Bearer $ORDERS_TOKEN" \(origin)/orders/\(mark)
                curl -sS -m30 -H 'Authorization: Bearer mine' \(origin)/orders/\(mark)
                curl -sS -m30 -H 'Authorization: Bearer mine' https://allowed.test:\(servers.tlsPort)/shown/\(mark)
                """,
                profile: "ci"
            )
            #expect(outcome.code == 0, "\(outcome)")
            #expect(try service.lines(with: "\(mark) 200").count == 2, "\(outcome)")
            // nginx says which it got: the log has it, the agent does not.
            let line = try #require(try servers.lines(with: "/shown/\(mark)").first)
            let token = try #require(
                line.split(separator: "Bearer ").last?.split(separator: "\"").first.map(String.init)
            )
            #expect(token.hasPrefix("eyJ") && token.split(separator: ".").count == 3, "\(line)")
            #expect(outcome.output.contains("auth=Bearer ****"), "\(outcome)")
            for secret in [token, token.split(separator: ".").last.map(String.init) ?? token] {
                #expect(!outcome.output.contains(secret) && !outcome.errors.contains(secret))
                for folder in ["state", "run", "workspace", "home"] {
                    #expect(try place.files(holding: secret, below: folder).isEmpty)
                }
            }
            #expect(try place.files(holding: "PRIVATE KEY", below: "workspace").isEmpty)
        }

        @Test(
            "A token that was copied is of no use without the certificate; one for another service, or none, is refused"
        )
        func bound() throws {
            let mark = UUID().uuidString
            let outcome = try place.agent(
                "curl -sS -m30 \(origin)/orders/\(mark); curl -sS -m30 https://allowed.test:\(servers.tlsPort)/shown/\(mark)",
                profile: "ci"
            )
            #expect(outcome.code == 0, "\(outcome)")
            let line = try #require(try servers.lines(with: "/shown/\(mark)").first)
            let token = try #require(
                line.split(separator: "Bearer ").last?.split(separator: "\"").first.map(String.init)
            )
            // Outside every agent, as a thief would: the control of the test is the agent's own request above.
            let thief = try outside(
                [
                    "curl", "-sS", "-m30", "--cacert", "\(servers.folder)/ca.pem", "--resolve",
                    "allowed.test:\(service.port):127.0.0.1", "-H", "Authorization: Bearer \(token)",
                    "\(origin)/orders/thief-\(mark)",
                ]
            )
            #expect(thief.code == 0 && thief.output.contains("does not show the certificate"), "\(thief)")
            let other = try place.agent("curl -sS -m30 \(origin)/other/\(mark)", profile: "ci")
            #expect(other.output.contains("refused") && other.output.contains("udience"), "\(other)")
            let none = try place.agent("curl -sS -m30 \(origin)/none/\(mark)", profile: "ci")
            #expect(none.output.contains("there is no bearer token"), "\(none)")
            #expect(try service.lines(with: "\(mark) 200").count == 1)
        }

        @Test(
            "A certificate is shown to a server that asks for one: of this agent's name, signed by the published authority"
        )
        func certificate() throws {
            let mark = UUID().uuidString
            let outcome = try place.agent(
                "curl -sS -m30 -o /dev/null \(origin)/mutual/\(mark); bailey run -p ci-child --name tool -- curl -sS -m30 -o /dev/null \(origin)/mutual/\(mark)",
                profile: "ci"
            )
            #expect(outcome.code == 0, "\(outcome)")
            let top = "spiffe://example.org/user/\(NSUserName())/ci"
            let shown = try service.lines(with: "/mutual/\(mark)")
            #expect(shown.count == 2, "\(shown)")
            for (line, name) in zip(shown, [top, "\(top)/ci-child"]) {
                #expect(line.contains("shown=[\"\(name)/"), "\(line)")
            }
        }

        @Test(
            "The keys are this user's and last: made once, published as files, by command and by `bailey serve`"
        )
        func published() throws {
            let printed = try place.bailey(["identity", "bundle"])
            let set = try String(contentsOfFile: place.root + "/jwks.json", encoding: .utf8)
            #expect(printed.output == set && set.contains("\"ES256\""), "\(printed)")
            for (form, name) in [("spiffe", "bundle.json"), ("pem", "bundle.pem")] {
                let text = try String(contentsOfFile: "\(place.root)/\(name)", encoding: .utf8)
                #expect(try place.bailey(["identity", "bundle", "--form", form]).output == text)
            }
            let port = try Port.free()
            let configuration = servers.operatorConfiguration
            try place.write(
                configuration + "\ntrust-domain: example.org\nidentity: {publish: \"127.0.0.1:\(port)\"}\n",
                to: place.configuration + "/bailey.yaml"
            )
            let server = try RunningCommand(
                place.server,
                environment: place.environment,
                directory: place.root
            )
            #expect(server.awaitErrors("serving at"))
            let url = "http://127.0.0.1:\(port)"
            for path in ["/.well-known/jwks.json", "/jwks.json"] {
                let fetched = try outside(["curl", "-sSf", "-m30", url + path])
                #expect(fetched.output == set, "\(fetched)")
            }
            for (words, code) in [
                (["\(url)/none"], "404"), (["-X", "POST", "\(url)/jwks.json"], "405"),
                (["-I", "\(url)/bundle.pem"], "200"),
            ] {
                let fetched = try outside(
                    ["curl", "-sS", "-m30", "-o", "/dev/null", "-w", "%{http_code}"] + words
                )
                #expect(fetched.output == code, "\(words) \(fetched)")
            }
            kill(server.processIdentifier, SIGTERM)
            #expect(server.finish().code == 0)
        }

        @Test(
            "Keys of another trust domain, or damaged ones, refuse the launch that needs them and say what to do"
        )
        func damaged() throws {
            let healthy = try place.agent("true", profile: "ci")
            #expect(healthy.code == 0, "\(healthy)")
            try place.write(
                servers.operatorConfiguration + "\ntrust-domain: example.com\n",
                to: place.configuration + "/bailey.yaml"
            )
            let outcome = try place.agent("true", profile: "ci")
            #expect(outcome.code == 125, "\(outcome)")
            let words = "is of another trust domain: example.org. Either say `trust-domain: example.org`"
            #expect(outcome.errors.contains("the trust domain is example.com, and"), "\(outcome)")
            #expect(outcome.errors.contains(words) && !outcome.errors.contains("LaunchRefusal"), "\(outcome)")
            let bundle = try place.bailey(["identity", "bundle"])
            #expect(bundle.code != 0 && bundle.output.isEmpty && bundle.errors.contains(words), "\(bundle)")
            #expect(!bundle.errors.contains("LaunchRefusal"), "\(bundle)")
            // Both say it before a launch does.
            let check = try place.bailey(["profile", "check", "base"])
            #expect(
                check.errors.contains("every launch is refused") && check.errors.contains(words),
                "\(check)"
            )
            let doctor = try place.bailey(["doctor"])
            #expect(doctor.code == 1 && doctor.output.contains("MISSING   configuration: "), "\(doctor)")
            #expect(doctor.output.contains(words), "\(doctor)")
            // What the error says to do.
            let certificate = place.root + "/state/bailey/keys/agent-authority.crt"
            #expect(try place.control("mv '\(certificate)' '\(certificate).old'").code == 0)
            #expect(try place.agent("true", profile: "ci").code == 0)
        }

        @Test("The folder for the bundle is made; where it cannot be, that is said, with 74")
        func bundleFolder() throws {
            let folder = place.root + "/made/keys"
            let outcome = try place.bailey(["identity", "bundle", "--output", folder])
            #expect(outcome.code == 0, "\(outcome)")
            for name in ["jwks.json", "bundle.json", "bundle.pem"] {
                #expect(FileManager.default.fileExists(atPath: "\(folder)/\(name)"))
            }
            try place.write("", to: "file")
            let refused = try place.bailey(["identity", "bundle", "--output", place.root + "/file/keys"])
            #expect(refused.code == 74, "\(refused)")
            #expect(refused.errors.contains("cannot make the folder \(place.root)/file/keys: "), "\(refused)")
            #expect(refused.errors.contains("name another with --output"), "\(refused)")
        }

        @Test(
            "The example shows the chain of each agent that asks, that none of them sees a token, and that a copy of one is refused"
        )
        func example() throws {
            let outcome = try Command.run(
                [Checkout.path + "/examples/delegation/run"],
                environment: place.environment.merging(["BAILEY": place.binary]) { $1 },
                directory: place.root
            )
            #expect(outcome.code == 0, "\(outcome)")
            #expect(outcome.output.contains("/clerk/assistant/"), "\(outcome)")
            #expect(outcome.output.contains("assistant, of order 17: 403"), "\(outcome)")
            #expect(outcome.output.contains("tokens that the agent can see: 0"), "\(outcome)")
            #expect(
                outcome.output.contains(
                    "{\"refused\": \"the connection does not show the certificate that the token is bound to\"}\nstatus 401\n"
                ),
                "\(outcome)"
            )
        }

        /// Without the agent's number, which its supervisor counts.
        private static func unnumbered(_ name: String) -> String {
            name.split(separator: "/", omittingEmptySubsequences: false).dropLast().joined(separator: "/")
        }

        private func outside(_ command: [String]) throws -> Outcome {
            try Command.run(command, environment: place.environment, directory: place.root)
        }

        private struct Answer: Decodable {
            let `for`: String
            let by: [String]
        }
    }
}

/// The demo's service.
private final class DelegationService: Sendable {
    let port: UInt16
    private let log: String
    private let process: Process

    init(_ place: Place, _ servers: Servers) throws {
        port = try Port.free()
        log = place.root + "/service.log"
        let file = try #require(FileManager.default.createFile(atPath: log, contents: nil) ? log : nil)
        process = Process()
        process.executableURL = URL(filePath: "/usr/bin/python3")
        process.arguments = [
            Checkout.path + "/examples/delegation/service.py", "--port", "\(port)", "--certificate",
            servers.folder + "/server.pem", "--key", servers.folder + "/server.key", "--jwks",
            place.root + "/jwks.json", "--authority", place.root + "/bundle.pem", "--audience",
            "https://orders.test", "--issuer", "spiffe://example.org",
        ]
        process.standardInput = Pipe()
        process.standardOutput = FileHandle(forWritingAtPath: file)
        process.standardError = FileHandle(forWritingAtPath: file)
        try process.run()
        try Port.awaitOpen(port)
    }

    /// Nobody waits for it: Foundation's wait is for a run loop, which no thread of a test has.
    deinit { process.terminate() }

    /// The lines of its log that hold a text.
    func lines(with text: String) throws -> [String] {
        try String(contentsOfFile: log, encoding: .utf8).split(separator: "\n").map(String.init)
            .filter { $0.contains(text) }
    }
}
