import Foundation
import Testing

extension EndToEnd {
    /// Credentials in the query, in cookies and in the TLS handshake.
    @Suite("Placed credentials", .serialized)
    struct PlacedCredentialTests {
        let place: Place
        let servers: Servers
        private let parameter = "real/query+51fa7c20b9e1"
        private let session = "real-cookie-8d02c11f7a34"

        init() throws {
            place = try Place()
            servers = try Servers.started()
            let (port, mutual) = (servers.tlsPort, servers.mutualPort)
            try place.write(servers.operatorConfiguration, to: place.configuration + "/bailey.yaml")
            for name in ["a", "b"] {
                let pem = try String(contentsOfFile: servers.folder + "/client-\(name).pem", encoding: .utf8)
                try place.write(pem, to: "client-\(name).pem", mode: 0o600)
            }
            let bound = "for: [\"https://allowed.test:\(port)\", \"https://allowed.test:\(mutual)\"]"
            try place.write(
                """
                bailey: 1
                credentials:
                  parameter: {from: {env: SERVICE_KEY}, as: query api_key, \(bound), placeholder: SERVICE_KEY}
                  session: {from: {env: SERVICE_SESSION}, as: cookie sid, \(bound), placeholder: SERVICE_SESSION}
                  client-a: {from: {file: "\(place.root)/client-a.pem"}, as: client-cert, \(bound)}
                  rotated: {from: {file: "\(place.root)/client-a.pem"}, as: client-cert, \(bound), lifetime: 1s}
                  client-b: {from: {file: "\(place.root)/client-b.pem"}, as: client-cert, \(bound)}

                """,
                to: place.configuration + "/credentials.yaml",
                mode: 0o600
            )
            let own = "private: true, to: \"https://allowed.test:\(port)\""
            let shown = "private: true, to: \"https://allowed.test:\(mutual)\""
            try place.profile(
                "placed",
                """
                extends: [base]
                egress:
                  - {\(own), allow: ["* /query/**"], credential: parameter}
                  - {\(own), allow: ["* /cookie/**"], credential: session}
                  - {\(own), allow: ["* /none/**"]}
                  - {private: true, to: "https://other.test:\(port)", allow: ["* /**"]}
                  - {\(shown), allow: ["* /a/**"], credential: client-a}
                  - {\(shown), allow: ["* /b/**"], credential: client-b}
                  - {\(shown), allow: ["* /rotated/**"], credential: rotated}
                  - {\(shown), allow: ["* /none/**"]}

                """
            )
        }

        private var origin: String { "https://allowed.test:\(servers.tlsPort)" }

        private func run(_ script: String) throws -> Outcome {
            try place.agent(
                script,
                profile: "placed",
                environment: ["SERVICE_KEY": parameter, "SERVICE_SESSION": session]
            )
        }

        private func expectKept(_ outcome: Outcome) throws {
            let escaped = parameter.replacing("/", with: "%2F").replacing("+", with: "%2B")
            for secret in [parameter, escaped, session] {
                #expect(!outcome.output.contains(secret) && !outcome.errors.contains(secret), "\(outcome)")
                for folder in ["state", "run", "workspace", "home"] {
                    #expect(try place.files(holding: secret, below: folder).isEmpty)
                }
            }
        }

        @Test(
            "F08 F09 F17 F19: the parameter of the query is the real value at nginx, and masked where nginx says it again",
            arguments: ["?api_key=$SERVICE_KEY&a=1", "?a=1", "?api_key=mine&a=1"]
        )
        func query(parameters: String) throws {
            let mark = UUID().uuidString
            let outcome = try run("curl -sS -m30 \"\(origin)/query/\(mark)\(parameters)\"")
            let real = "api_key=real%2Fquery%2B51fa7c20b9e1"
            #expect(try servers.requests(with: mark) == 1, "\(outcome)")
            #expect(
                try servers.requests(
                    with: "/query/\(mark)?\(parameters == "?a=1" ? "a=1&" + real : real + "&a=1") "
                ) == 1
            )
            #expect(outcome.output.hasPrefix("GET allowed.test /query/\(mark)?"), "\(outcome)")
            #expect(outcome.output.contains("*****") && !outcome.output.contains("real"), "\(outcome)")
            #expect(try place.records().first?.record.credential == "parameter")
            try expectKept(outcome)
        }

        @Test(
            "F08 F09 F19: the cookie is the real value at nginx, beside the agent's own, over both versions of HTTP"
        )
        func cookie() throws {
            for words in ["--http1.1", "--http2"] {
                let mark = UUID().uuidString
                let outcome = try run(
                    "curl -sS -m30 \(words) -b \"a=1; sid=$SERVICE_SESSION; b=2\" \(origin)/cookie/\(mark)"
                )
                #expect(try servers.requests(with: mark) == 1, "\(outcome)")
                #expect(
                    try servers.requests(
                        with:
                            "\(mark) HTTP/1.1\" 200 auth=\"-\" key=\"-\" body=\"-\" cookie=\"a=1; b=2; sid=\(session)\""
                    ) == 1
                )
                try expectKept(outcome)
            }
        }

        @Test(
            "F05 F07: a placeholder in another parameter, cookie, path or host is refused, and reaches nobody",
            arguments: [
                "ORIGIN/query/f07?other=$SERVICE_KEY", "ORIGIN/query/f07/$SERVICE_KEY",
                "-b \"api_key=$SERVICE_KEY\" ORIGIN/query/f07",
                "-b \"other=$SERVICE_SESSION\" ORIGIN/cookie/f07",
                "ORIGIN/cookie/f07?sid=$SERVICE_SESSION", "ORIGIN/none/f07?api_key=$SERVICE_KEY",
                "-H \"X-A: $SERVICE_SESSION\" ORIGIN/cookie/f07",
                "https://other.test:PORT/f07?api_key=$SERVICE_KEY",
                "-b \"sid=$SERVICE_SESSION\" https://other.test:PORT/f07",
            ]
        )
        func misused(arguments: String) throws {
            let words = arguments.replacing("ORIGIN", with: origin).replacing(
                "PORT",
                with: "\(servers.tlsPort)"
            )
            .replacing("https://", with: "\"https://")
            let before = try servers.requests(with: "/f07")
            let outcome = try run("curl -sS -m30 \(words)\"")
            #expect(Denial.first(in: outcome.output)?.reason == "placeholder-misused", "\(outcome)")
            #expect(try servers.requests(with: "/f07") == before)
            #expect(try place.records().map(\.record.reason) == ["placeholder-misused"])
        }

        @Test(
            "A client certificate is shown under its own rule alone, and no connection is shared with another's or with none",
            arguments: ["--http1.1", "--http2"]
        )
        func clientCertificate(version: String) throws {
            let paths = ["a", "none", "b", "a", "none", "b"]
            let base = "https://allowed.test:\(servers.mutualPort)"
            let outcome = try run(
                "curl -sS -m20 \(version) \(paths.map { "\(base)/\($0)/x" }.joined(separator: " "))"
            )
            let lines = outcome.output.split(separator: "\n").map {
                $0.split(separator: " ").map(String.init)
            }
            try #require(lines.count == 6 && lines.allSatisfy { $0.count >= 2 }, "\(outcome)")
            for (path, line) in zip(paths, lines) {
                let expected = path == "none" ? ["NONE"] : ["SUCCESS", "CN=client-\(path)"]
                #expect(Array(line.dropLast()) == expected, "\(outcome)")
            }
            let connections = Set(zip(paths, lines).map { "\($0) \($1.last ?? "")" })
            #expect(connections.count == 3, "each is used again for its own: \(connections)")
            #expect(Set(lines.map { $0.last ?? "" }).count == 3, "and for nothing else: \(connections)")
            #expect(
                try place.records().map(\.record.credential) == [
                    "client-a", nil, "client-b", "client-a", nil, "client-b",
                ]
            )
        }

        @Test("A rotated certificate is the one shown next, without a restart, on a connection of its own")
        func rotation() throws {
            let base = "https://allowed.test:\(servers.mutualPort)/rotated"
            let outcome = try run(
                """
                curl -sS -m30 \(base)/1; touch ready
                until [ -e rotated ]; do sleep 0.05; done
                n=0; until curl -sS -m30 \(base)/2 | grep client-b; do n=$((n+1)); [ $n -lt 200 ] || break; sleep 0.05; done
                """,
                whenReady: "ready"
            ) {
                let pem = try String(contentsOfFile: servers.folder + "/client-b.pem", encoding: .utf8)
                try place.write(pem, to: "client-a.pem", mode: 0o600)
                try place.write("", to: "workspace/rotated")
            }
            #expect(outcome.output.hasPrefix("SUCCESS CN=client-a "), "\(outcome)")
            #expect(outcome.output.contains("SUCCESS CN=client-b "), "\(outcome)")
        }

        private func run(
            _ script: String,
            whenReady mark: String,
            _ change: () throws -> Void
        ) throws -> Outcome {
            let running = try place.running(
                script,
                profile: "placed",
                environment: ["SERVICE_KEY": parameter, "SERVICE_SESSION": session]
            )
            for _ in 0..<3_000 where !FileManager.default.fileExists(atPath: place.workspace + "/" + mark) {
                Thread.sleep(forTimeInterval: 0.02)
            }
            #expect(FileManager.default.fileExists(atPath: place.workspace + "/" + mark))
            try change()
            return running.finish()
        }
    }
}
