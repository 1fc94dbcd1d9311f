import Foundation
import Testing

extension EndToEnd {
    @Suite("Gateway: trust and refusals", .serialized)
    struct GatewayTrustTests {
        let place: Place
        let servers: Servers

        init() throws {
            place = try Place()
            servers = try Servers.started()
            try place.write(servers.operatorConfiguration, to: place.configuration + "/bailey.yaml")
            let hosts = ["allowed", "selfsigned", "wrongname", "expired", "missing"].map {
                "  - {to: \"https://\($0).test:\(servers.tlsPort)\", private: true, allow: [\"* /**\"], deny: [\"* /denied/**\"]}\n"
            }
            try place.profile("web", "extends: [base]\negress:\n" + hosts.joined())
            try place.profile(
                "pinned",
                "extends: [base]\negress: [{to: \"tls://allowed.test:\(servers.tlsPort)\", private: true, allow: [connect]}]\n"
            )
        }

        private var origin: String { "https://allowed.test:\(servers.tlsPort)" }

        /// Runs a client on a page of its own: it must reach nginx through interception.
        private func expectReaches(_ page: String, _ script: (String) -> String) throws {
            let outcome = try place.agent(script("\(origin)/\(page)"), profile: "web")
            #expect(outcome.code == 0, "\(outcome)")
            #expect(outcome.output.contains("/\(page)"), "\(outcome)")
            #expect(try servers.requests(with: "/\(page) ") == 1)
            let outside = try place.control(
                script("https://127.0.0.1:\(servers.tlsPort)/\(page)"),
                environment: ["SSL_CERT_FILE": "/etc/ssl/certs/ca-certificates.crt"]
            )
            #expect(outside.code != 0, "its authority is trusted outside already\n\(outside)")
        }

        @Test(
            "curl, wget and Python trust the gateway without being told",
            arguments: ["curl", "wget", "python"]
        )
        func clients(name: String) throws {
            try expectReaches("trust-\(name)") { url in
                switch name {
                case "curl": "curl -sS -m30 \(url)"
                case "wget": "wget -q -T10 -t1 -O - \(url)"
                default:
                    "python3 -c 'import urllib.request as u; print(u.urlopen(\"\(url)\", timeout=30).read())'"
                }
            }
        }

        @Test(
            "Node's fetch trusts the gateway without being told",
            .enabled(if: Programs.has("node"), "needs node")
        )
        func node() throws {
            try expectReaches("trust-node") {
                "node -e 'fetch(\"\($0)\").then(r => r.text()).then(console.log)'"
            }
        }

        @Test(
            "Java trusts the gateway without being told",
            .enabled(if: Programs.has("javac"), "needs a JDK")
        )
        func java() throws {
            try place.write(
                """
                public class Get {
                    public static void main(String[] arguments) throws Exception {
                        try (var body = new java.net.URI(arguments[0]).toURL().openStream()) {
                            System.out.println(new String(body.readAllBytes()));
                        }
                    }
                }
                """,
                to: "workspace/Get.java"
            )
            try expectReaches("trust-java") { "java -XX:TieredStopAtLevel=1 Get.java \($0)" }
        }

        @Test("J01: git clones through the gateway without being told")
        func git() throws {
            let outcome = try place.agent(
                "git clone -q \(origin)/repository.git copy && cat copy/file",
                profile: "web"
            )
            #expect(outcome.output == "cloned\n", "\(outcome)")
            #expect(try servers.requests(with: "/repository.git/info/refs") == 1)
        }

        @Test("A refusal is 403 with the agent, its lineage, the rule, the reason and how to ask")
        func explained() throws {
            let outcome = try place.agent(
                "curl -sS -m30 -w '\\n%{http_code}\\n' \(origin)/denied/page",
                profile: "web"
            )
            let denial = try #require(Denial.first(in: outcome.output), "\(outcome)")
            #expect(outcome.output.hasSuffix("\n403\n"), "\(outcome)")
            #expect(denial.error == "denied" && denial.reason == "denied")
            #expect(denial.lineage.last == "web" && denial.lineage.first?.hasPrefix("user:") == true)
            #expect(denial.rule?.contains("* /denied/**") == true)
            #expect(denial.message.contains("/denied/page") && denial.remedy.contains("\"web\""))
            let record = try #require(try place.records(["--denied"]).first)
            #expect(record.agent == denial.agent)
            #expect(record.record.levels.last?.rule?.text.contains("/denied/**") == true)
            #expect(record.record.levels.last?.rule?.source.contains("web.yaml") == true)
            #expect(try servers.requests(with: "/denied/page") == 0)
        }

        @Test(
            "C40: an upstream certificate that does not hold gives 502, never a page",
            arguments: [
                ("selfsigned", "self", "its certificate could not be verified: it is signed by itself"),
                ("wrongname", "GET", "the certificate does not name wrongname.test"),
                ("expired", "expired", "its certificate could not be verified: it expired on 20"),
            ]
        )
        func upstreamCertificate(name: String, page: String, reason: String) throws {
            let url = "https://\(name).test:\(servers.tlsPort)/c40"
            let outcome = try place.agent("curl -sS -m30 -w '\\n%{http_code}\\n' \(url)", profile: "web")
            #expect(outcome.output.hasSuffix("\n502\n"), "\(outcome)")
            let denial = try #require(Denial.first(in: outcome.output), "\(outcome)")
            #expect(denial.reason == "upstream-failed" && denial.message.contains(reason), "\(outcome)")
            #expect(denial.remedy.contains("upstream-ca") == reason.contains("verified"), "\(outcome)")
            #expect(!outcome.output.contains("SSL") && !outcome.output.contains(".cc"), "\(outcome)")
            #expect(try servers.requests(with: "\(name).test \"GET /c40") == 0)
            let control = try place.control(
                "curl -sSk -m30 --resolve \(name).test:\(servers.tlsPort):127.0.0.1 \(url)-control"
            )
            #expect(control.output.hasPrefix(page), "\(control)")
        }

        @Test("A root that only the operator could trust is named, with what to do")
        func unknownIssuer() throws {
            let configuration = servers.operatorConfiguration.split(separator: "\n")
                .filter { !$0.hasPrefix("upstream-ca") }.joined(separator: "\n")
            try place.write(configuration + "\n", to: place.configuration + "/bailey.yaml")
            let outcome = try place.agent(
                "curl -sS -m30 -w '\\n%{http_code}\\n' https://allowed.test:\(servers.tlsPort)/",
                profile: "web"
            )
            let denial = try #require(Denial.first(in: outcome.output), "\(outcome)")
            #expect(denial.message.contains("its issuer is unknown (CN=test-root)"), "\(outcome)")
            #expect(denial.remedy.contains("upstream-ca in bailey.yaml"), "\(outcome)")
        }

        @Test("An upstream that does not speak TLS is told so in words")
        func noTLS() throws {
            let port = servers.httpPort
            try place.profile(
                "plain",
                "extends: [base]\n"
                    + "egress: [{private: true, to: \"https://allowed.test:\(port)\", allow: [GET]}]\n"
            )
            let outcome = try place.agent(
                "curl -sS -m30 -w '\\n%{http_code}\\n' https://allowed.test:\(port)/",
                profile: "plain"
            )
            let denial = try #require(Denial.first(in: outcome.output), "\(outcome)")
            #expect(denial.message.contains("the TLS handshake failed: wrong version number"), "\(outcome)")
        }

        @Test("Further roots that cannot be read refuse the launch with why", arguments: [false, true])
        func upstreamAuthority(exists: Bool) throws {
            if exists { try place.write("no certificate\n", to: place.configuration + "/roots.pem") }
            try place.write("bailey: 1\nupstream-ca: roots.pem\n", to: place.configuration + "/bailey.yaml")
            let outcome = try place.agent("true")
            let reason = exists ? "it holds no certificates in PEM" : "No such file or directory"
            #expect(outcome.code == 125, "\(outcome)")
            #expect(outcome.errors.contains("roots.pem: \(reason)"), "\(outcome)")
            #expect(!outcome.errors.contains("SSL"), "\(outcome)")
        }

        @Test("An upstream that cannot be reached gives 502 and says why")
        func unreachable() throws {
            try place.write(
                servers.operatorConfiguration.replacing(
                    "resolve: {",
                    with: "resolve: {missing.test: 127.0.0.3, "
                ),
                to: place.configuration + "/bailey.yaml"
            )
            let outcome = try place.agent(
                "curl -sS -m30 -w '\\n%{http_code}\\n' https://missing.test:\(servers.tlsPort)/",
                profile: "web"
            )
            #expect(outcome.output.hasSuffix("\n502\n"), "\(outcome)")
            #expect(Denial.first(in: outcome.output)?.message.contains("missing.test") == true)
        }

        private func issuer(profile: String) throws -> String {
            try place.agent(
                "openssl s_client -connect allowed.test:\(servers.tlsPort) -servername allowed.test </dev/null 2>/dev/null"
                    + " | openssl x509 -noout -issuer",
                profile: profile
            ).output
        }

        @Test("A tls rule forwards without interception: the client sees the upstream's own certificate")
        func forwarded() throws {
            #expect(try issuer(profile: "pinned").contains("test-root"))
            let intercepted = try issuer(profile: "web")
            #expect(!intercepted.isEmpty && !intercepted.contains("test-root"), "\(intercepted)")
        }

        @Test(
            "J13: a client that pins its server's certificate gives up, the record says what would help, and it does"
        )
        func pinned() throws {
            let script = "curl -sS -m30 --cacert \(place.workspace)/pinned.pem \(origin)/v1/j13"
            let authority = try String(contentsOfFile: servers.folder + "/ca.pem", encoding: .utf8)
            try place.write(authority, to: "workspace/pinned.pem")
            let outcome = try place.agent(script, profile: "web")
            #expect(outcome.code == 60, "\(outcome)")
            let message = try place.records(["--denied"]).first?.record.message
            #expect(message?.contains("a tls rule for the host") == true, "\(message ?? "-")")
            let forwarded = try place.agent(script, profile: "pinned")
            #expect(forwarded.output.contains("/v1/j13"), "\(forwarded)")
        }

        @Test("A tls rule still checks the server name")
        func forwardedName() throws {
            let curl =
                "curl -sSk -m30 --connect-to other.test:\(servers.tlsPort):allowed.test:\(servers.tlsPort)"
            let outcome = try place.agent(
                "curl -sSk -m30 \(origin)/pinned-own; \(curl) https://other.test:\(servers.tlsPort)/pinned-other",
                profile: "pinned"
            )
            #expect(outcome.output.contains("/pinned-own"), "\(outcome)")
            #expect(outcome.code != 0)
            #expect(try servers.requests(with: "/pinned-own") == 1)
            #expect(try servers.requests(with: "/pinned-other") == 0)
            #expect(try place.records(["--denied"]).first?.record.reason == "name-mismatch")
        }

        @Test("C03: TLS without a server name is not forwarded by a tls rule")
        func withoutServerName() throws {
            let client =
                "openssl s_client -brief -noservername -connect allowed.test:\(servers.tlsPort) </dev/null"
            let outcome = try place.agent("timeout 60 \(client)", profile: "pinned")
            #expect(outcome.code != 0, "\(outcome)")
            #expect(try place.records(["--denied"]).count == 1)
            #expect(
                try place.agent(
                    "timeout 60 \(client.replacing("-noservername", with: "-servername allowed.test"))",
                    profile: "pinned"
                ).code == 0
            )
        }

        @Test("C41: the authority is this supervisor's own, and its key is in no file an agent can read")
        func authority() throws {
            let script =
                "awk '/BEGIN CERT/{n++} {if(n>0) c[n]=c[n] $0 \"\\n\"} END{printf \"%s\", c[n]}' "
                + "/etc/ssl/certs/ca-certificates.crt | openssl x509 -noout -fingerprint"
            let first = try place.agent(script).output
            let second = try place.agent(script).output
            #expect(first.contains("Fingerprint=") && first != second, "\(first)\(second)")
            let keys = try place.agent(
                "grep -rlE -e '-----BEGIN .*PRIVATE KEY' /etc/ssl /.bailey --exclude=bailey /run /tmp \"$HOME\" 2>/dev/null"
            )
            #expect(keys.output.isEmpty, "\(keys)")
        }
    }
}
