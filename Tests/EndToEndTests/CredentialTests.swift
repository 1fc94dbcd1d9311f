import Foundation
import Testing

extension EndToEnd {
    @Suite("Credentials", .serialized)
    struct CredentialTests {
        let place: Place
        let servers: Servers
        private let token = "real-bearer-51fa7c20b9e1"
        private let password = "svc:real-basic-8d02c11f7a34"
        private let key = "real-header-c73310be55d9"

        init() throws {
            place = try Place()
            servers = try Servers.started()
            let port = servers.tlsPort
            try place.write(servers.operatorConfiguration, to: place.configuration + "/bailey.yaml")
            try place.write(password + "\n", to: "password", mode: 0o600)
            try place.write("#!/bin/sh\necho \(key)\n", to: "vault", mode: 0o700)
            try place.write(
                """
                bailey: 1
                credentials:
                  token:
                    from: {env: SERVICE_TOKEN}
                    as: bearer
                    for: ["https://allowed.test:\(port)", "https://selfsigned.test:\(port)"]
                    placeholder: SERVICE_TOKEN
                  password:
                    from: {file: "\(place.root)/password"}
                    as: basic
                    for: ["https://allowed.test:\(port)"]
                    placeholder: SERVICE_PASSWORD
                  key:
                    from: {command: ["\(place.root)/vault"]}
                    as: header X-Api-Key
                    for: ["https://allowed.test:\(port)"]
                    placeholder: SERVICE_KEY
                  absent:
                    from: {file: "\(place.root)/not-there"}
                    as: bearer
                    for: ["https://allowed.test:\(port)"]

                """,
                to: place.configuration + "/credentials.yaml",
                mode: 0o600
            )
            let own = "private: true, to: \"https://allowed.test:\(port)\""
            try place.profile(
                "service",
                """
                extends: [base]
                egress:
                  - {\(own), allow: ["* /bearer/**"], credential: token}
                  - {\(own), allow: ["* /basic/**"], credential: password}
                  - {\(own), allow: ["* /header/**"], credential: key}
                  - {\(own), allow: ["* /absent/**"], credential: absent}
                  - {\(own), allow: ["* /none/**"]}
                  - {private: true, to: "https://selfsigned.test:\(port)", allow: ["* /**"], credential: token}
                  - {private: true, to: "https://other.test:\(port)", allow: ["* /**"]}
                  - {private: true, to: "http://allowed.test:\(servers.httpPort)", allow: ["* /**"]}

                """
            )
        }

        private var origin: String { "https://allowed.test:\(servers.tlsPort)" }
        private var other: String { "https://other.test:\(servers.tlsPort)" }

        private func run(_ script: String) throws -> Outcome {
            try place.agent(script, profile: "service", environment: ["SERVICE_TOKEN": token])
        }

        /// Nothing that an agent or a reader of the records could find holds a real value.
        private func expectKept(_ outcome: Outcome) throws {
            for secret in [token, password, Data(password.utf8).base64EncodedString(), key] {
                #expect(!outcome.output.contains(secret) && !outcome.errors.contains(secret), "\(outcome)")
                for folder in ["state", "run", "workspace", "home"] {
                    #expect(try place.files(holding: secret, below: folder).isEmpty)
                }
            }
        }

        @Test("The agent holds placeholders, and the real values are in none of its files or processes")
        func placeholders() throws {
            let outcome = try run(
                "echo $SERVICE_TOKEN; echo $SERVICE_PASSWORD; echo $SERVICE_KEY; env; cat /proc/*/environ /proc/*/cmdline"
            )
            let lines = outcome.output.split(separator: "\n", omittingEmptySubsequences: false)
            #expect(
                lines.prefix(3).allSatisfy { $0.count > 8 } && Set(lines.prefix(3)).count == 3,
                "\(outcome)"
            )
            try expectKept(outcome)
        }

        @Test("The real value from env reaches nginx on the bound host, as bearer", arguments: [true, false])
        func bearer(named: Bool) throws {
            let header = named ? "-H \"Authorization: Bearer $SERVICE_TOKEN\"" : ""
            let outcome = try run(
                "curl -sS -m30 -o /dev/null -w '%{http_code}' \(header) \(origin)/bearer/f\(named)"
            )
            #expect(outcome.output == "200", "\(outcome)")
            #expect(
                try servers.requests(with: "/bearer/f\(named) HTTP/1.1\" 200 auth=\"Bearer \(token)\"") == 1
            )
            #expect(try place.records().first?.record.credential == "token")
            try expectKept(outcome)
        }

        @Test("The real value from a file reaches nginx as basic authentication")
        func basic() throws {
            let outcome = try run("curl -sS -m30 -o /dev/null -w '%{http_code}' \(origin)/basic/page")
            let encoded = Data(password.utf8).base64EncodedString()
            #expect(outcome.output == "200", "\(outcome)")
            #expect(try servers.requests(with: "/basic/page HTTP/1.1\" 200 auth=\"Basic \(encoded)\"") == 1)
            try expectKept(outcome)
        }

        @Test("The real value from a command reaches nginx in the declared header")
        func header() throws {
            let outcome = try run(
                "curl -sS -m30 -H \"X-Api-Key: $SERVICE_KEY\" -w '%{http_code}' \(origin)/header/page"
            )
            #expect(outcome.output.hasSuffix("200"), "\(outcome)")
            #expect(try servers.requests(with: "/header/page HTTP/1.1\" 200 auth=\"-\" key=\"\(key)\"") == 1)
            try expectKept(outcome)
        }

        @Test("A rule without the credential does not get it")
        func unboundRule() throws {
            let outcome = try run("curl -sS -m30 \(origin)/none/page; curl -sS -m30 \(other)/unbound")
            #expect(
                outcome.output.contains("/none/page auth=\n") && outcome.output.contains("/unbound auth=\n")
            )
            #expect(try servers.requests(with: "/none/page HTTP/1.1\" 200 auth=\"-\"") == 1)
        }

        @Test(
            "C26: a redirect to another host takes no credential there, not even where the client would take its own"
        )
        func redirected() throws {
            let outcome = try run(
                "curl -sS -m30 -L --location-trusted -H 'Authorization: Bearer own' "
                    + "'\(origin)/bearer/redirect?to=\(other)/redirected'; curl -sS -m30 -L '\(origin)/bearer/redirect?to=\(other)/followed'"
            )
            #expect(outcome.output.contains("/followed auth=\n"), "\(outcome)")
            #expect(
                try servers.requests(
                    with: "/bearer/redirect?to=\(other)/followed",
                    and: "auth=\"Bearer \(token)\""
                ) == 1
            )
            #expect(try servers.requests(with: "other.test \"GET /followed HTTP/1.1\" 200 auth=\"-\"") == 1)
            #expect(try servers.requests(with: "other.test \"GET /redirected", and: token) == 0)
            try expectKept(outcome)
        }

        @Test("C38: what Connection names is taken out of the agent's fields, never what the gateway puts in")
        func hopByHop() throws {
            let outcome = try run(
                """
                curl -sS -m30 --http1.1 -o /dev/null -w '%{http_code}' -H 'Connection: Authorization, X-Api-Key, Cookie, close' \
                    -H 'X-Api-Key: mine' \(origin)/bearer/c38
                """
            )
            #expect(outcome.output == "200", "\(outcome)")
            #expect(
                try servers.requests(with: "/bearer/c38 HTTP/1.1\" 200 auth=\"Bearer \(token)\" key=\"-\"")
                    == 1
            )
        }

        @Test("Without a verified certificate the real value is not sent")
        func unverified() throws {
            let outcome = try run(
                "curl -sSk -m30 -w '%{http_code}' https://selfsigned.test:\(servers.tlsPort)/bearer/s"
            )
            #expect(outcome.output.hasSuffix("502"), "\(outcome)")
            #expect(try servers.requests(with: "/bearer/s ") == 0)
        }

        @Test("F21: a source that fails denies the request; nothing is forwarded without the value")
        func failingSource() throws {
            let outcome = try run("curl -sS -m30 -w '\\n%{http_code}' \(origin)/absent/page")
            #expect(outcome.output.hasSuffix("503"), "\(outcome)")
            #expect(Denial.first(in: outcome.output)?.reason == "credential-unavailable", "\(outcome)")
            #expect(!outcome.output.contains("not-there"), "an agent hears where secrets are: \(outcome)")
            #expect(try place.records(["--denied"]).first?.record.message?.contains("not-there") == true)
            #expect(outcome.errors.contains("not-there"), "the operator does not: \(outcome)")
            #expect(try servers.requests(with: "/absent/page") == 0)
        }

        /// The last that the agent said: behind it stands the run's own word about what was refused.
        private func lastLine(of outcome: Outcome) -> Substring? {
            outcome.errors.split(separator: "\n").last { !$0.hasPrefix("bailey: ") }
        }

        @Test(
            "F05 F07: a placeholder anywhere but in its place is refused and recorded, and reaches nobody",
            arguments: [
                "-H \"Authorization: Bearer $SERVICE_TOKEN\" OTHER/f05", "OTHER/f07?q=$SERVICE_TOKEN",
                "OTHER/f07/$SERVICE_TOKEN", "-A \"$SERVICE_TOKEN\" OTHER/f07",
                "-H \"X-A: $SERVICE_TOKEN\" ORIGIN/bearer/f07",
                "-H \"Cookie: a=$SERVICE_KEY\" ORIGIN/header/f07",
                "--http1.1 -d \"a=$SERVICE_TOKEN\" OTHER/f07",
                "-u \"a:$SERVICE_TOKEN\" OTHER/f07", "-H \"Authorization: Bearer $SERVICE_TOKEN\" CLEAR/f07",
                "-H \"Authorization: Bearer $SERVICE_TOKEN\" ORIGIN/none/f07",
                "-H \"X-A: $(printf %s $SERVICE_TOKEN | base64 -w0)\" OTHER/f07",
            ]
        )
        func misused(arguments: String) throws {
            let words = arguments.replacing("OTHER", with: other).replacing("ORIGIN", with: origin)
                .replacing("CLEAR", with: "http://allowed.test:\(servers.httpPort)")
            let before = (try servers.requests(with: "/f05"), try servers.requests(with: "/f07"))
            let outcome = try run("curl -sS -m30 \(words); echo; echo $SERVICE_TOKEN $SERVICE_KEY >&2")
            #expect(Denial.first(in: outcome.output)?.reason == "placeholder-misused", "\(outcome)")
            #expect(try servers.requests(with: "/f05") == before.0)
            #expect(try servers.requests(with: "/f07") == before.1)
            let denied = try place.records(["--denied"])
            #expect(denied.count == 1 && denied.first?.record.reason == "placeholder-misused", "\(denied)")
            // In the head it is seen before the request counts as allowed; a body comes later.
            if !arguments.contains("-d ") { #expect(try place.records().map(\.verdict) == ["deny"]) }
            let placeholders = lastLine(of: outcome)?.split(separator: " ") ?? []
            #expect(placeholders.count == 2, "\(outcome)")
            for placeholder in placeholders {
                #expect(try place.files(holding: String(placeholder), below: "state").isEmpty)
            }
            try expectKept(outcome)
        }

        /// Over HTTP/2 a body comes behind its head, which may be on its way by then.
        @Test("F07: a placeholder in a body that comes behind its head is not passed on, nor is what follows")
        func misusedInStream() throws {
            let outcome = try run(
                """
                curl -sS -m30 -d a=plain \(other)/v1/read/f07-control; echo
                curl -sS -m30 -d "a=$SERVICE_TOKEN" \(other)/v1/read/f07-stream; echo; echo $SERVICE_TOKEN >&2
                """
            )
            let placeholder = try #require(lastLine(of: outcome))
            #expect(try servers.requests(with: "body=\"a=plain\"") >= 1, "\(outcome)")
            #expect(try servers.requests(with: String(placeholder)) == 0)
            #expect(try place.records(["--denied"]).map(\.record.reason) == ["placeholder-misused"])
        }

        @Test("F07: a placeholder as a host name is refused before anything is resolved")
        func asHostName() throws {
            let outcome = try run(
                """
                name=$(printf %s "$SERVICE_TOKEN" | tr '[:upper:]_' '[:lower:]-').other.test
                curl -sSk -m30 https://$name:\(servers.tlsPort)/host; curl -sSk -m30 -x http://127.0.0.1:3128 https://$name/
                """
            )
            #expect(!outcome.output.contains("GET "), "\(outcome)")
            #expect(try place.records(["--denied"]).count == 2)
        }

        @Test("A launch warns of credentials that it lacks or that are not sent where a rule needs them")
        func warnings() throws {
            let other = "https://other.test:\(servers.tlsPort)"
            try place.profile(
                "wanting",
                """
                extends: [base]
                egress:
                  - {to: "\(origin)", allow: [GET], credential: absent}
                  - {to: "\(other)", allow: [GET], credential: key}

                """
            )
            let outcome = try place.agent("echo ran", profile: "wanting")
            #expect(outcome.code == 0 && outcome.output == "ran\n", "\(outcome)")
            let lines = outcome.errors.split(separator: "\n")
            #expect(lines.count == 2 && lines.allSatisfy { $0.hasPrefix("bailey: warning: ") }, "\(outcome)")
            #expect(lines.first?.contains("/not-there: No such file or directory") == true, "\(outcome)")
            #expect(
                lines.last?.contains("\(other) names credential key, which credentials.yaml sends only to")
                    == true,
                "\(outcome)"
            )
        }

        @Test(
            "A variable that is not set, or empty, is warned of; one that is set is not",
            arguments: ["", nil, "x"]
        )
        func variable(value: String?) throws {
            try place.profile(
                "one",
                "extends: [base]\negress: [{to: \"\(origin)\", allow: [GET], credential: token}]\n"
            )
            let environment = value.map { ["SERVICE_TOKEN": $0] } ?? [:]
            let outcome = try place.agent("true", profile: "one", environment: environment)
            #expect(outcome.code == 0, "\(outcome)")
            let warned = outcome.errors.contains(
                "bailey: warning: credential token: the variable SERVICE_TOKEN is not set, or empty"
            )
            #expect(warned == (value != "x"), "\(outcome)")
            // One that is there, and too short to be found in replies.
            let isUseless = outcome.errors.contains("warning: credential token: what is secret of it")
            #expect(isUseless == (value == "x"), "\(outcome)")
        }

        @Test("A credential that is not defined refuses the launch, with the file and what to do")
        func undefined() throws {
            try place.profile(
                "undefined",
                "extends: [base]\negress: [{to: \"\(origin)\", allow: [GET], credential: nosuch}]\n"
            )
            let outcome = try place.agent("true", profile: "undefined")
            let file = place.configuration + "/credentials.yaml"
            #expect(
                outcome.code == 125 && outcome.errors.contains("\(file) lacks; define it there"),
                "\(outcome)"
            )
            try FileManager.default.removeItem(atPath: file)
            let none = try place.agent("true", profile: "undefined").errors
            #expect(none.contains("\(file) lacks, since there is no such file"), "\(none)")
        }

        @Test("A credentials file with a mistake is refused with its place, and nothing runs")
        func badFile() throws {
            try place.write(
                "bailey: 1\ncredentials:\n  a:\n    form: {env: A}\n",
                to: place.configuration + "/credentials.yaml",
                mode: 0o600
            )
            let outcome = try run("touch ran")
            #expect(outcome.code == 125, "\(outcome)")
            #expect(
                outcome.errors.contains("credentials.yaml:4:5: ") && outcome.errors.contains("\"from\""),
                "\(outcome)"
            )
            #expect(!FileManager.default.fileExists(atPath: place.workspace + "/ran"))
        }
    }
}
