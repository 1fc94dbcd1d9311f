import Foundation
import Testing

extension EndToEnd {
    /// Rules on the query, the size of a body and what stands in it.
    @Suite("Rules on query and body", .serialized)
    struct BodyRuleTests {
        let place: Place
        let servers: Servers

        init() throws {
            place = try Place()
            servers = try Servers.started()
            try place.write(servers.operatorConfiguration, to: place.configuration + "/bailey.yaml")
            let own = "private: true"
            let rules = [servers.tlsPort, servers.http2Port].map {
                """
                  - to: "https://allowed.test:\($0)"
                    \(own)
                    allow:
                      - "GET /search?q=*"
                      - "POST /v1/read/small body <= 1KiB"
                      - 'POST /v1/read/chat body /model = "gpt-*" and body <= 64KiB'
                      - "POST /v1/read/any"
                    deny:
                      - 'POST /v1/read/any body /tools/0/type = "exec"'

                """
            }
            try place.profile("conditions", "extends: [base]\negress:\n" + rules.joined())
        }

        private static let versions = ["--http1.1", "--http2"]

        private func origin(_ version: String) -> String {
            "https://allowed.test:\(version == "--http2" ? servers.http2Port : servers.tlsPort)"
        }

        /// Status codes, one for each request.
        private func codes(_ version: String, _ requests: [String]) throws -> [String] {
            let curl = requests.map {
                "curl -sS -m20 \(version) -o last -w '%{http_code}\\n' \($0.replacing("ORIGIN", with: origin(version)))"
            }
            return try place.agent(curl.joined(separator: "\n"), profile: "conditions").output.split(
                separator: "\n"
            ).map(String.init)
        }

        @Test("A query with the named parameter alone passes", arguments: versions)
        func query(version: String) throws {
            let got = try codes(
                version,
                [
                    "'ORIGIN/search?q=cats'", "'ORIGIN/search?q=cats&page=2'", "ORIGIN/search",
                    "'ORIGIN/search?q=a&q=b'",
                ]
            )
            #expect(got == ["200", "403", "403", "403"])
            #expect(
                try place.records().map(\.record.action) == Array(repeating: "GET /search", count: 4),
                "no query is on record"
            )
        }

        @Test(
            "C35 J12: a body within its size passes, one beyond it does not reach the server",
            arguments: versions
        )
        func size(version: String) throws {
            let mark = UUID().uuidString
            let got = try codes(
                version,
                [
                    "-d \(mark)-small ORIGIN/v1/read/small",
                    "-d \(mark)-$(head -c 2000 /dev/zero | tr '\\0' x) ORIGIN/v1/read/small",
                    "-H 'Transfer-Encoding: chunked' -d \(mark)-chunked ORIGIN/v1/read/small",
                ]
            )
            #expect(got == ["200", "403", "200"])
            #expect(try servers.requests(with: "body=\"\(mark)-small\"") == 1)
            #expect(try servers.requests(with: "body=\"\(mark)-xx") == 0)
            let large = try codes(
                version,
                ["-H 'Transfer-Encoding: chunked' -T - ORIGIN/v1/read/small -X POST < /usr/bin/curl"]
            )
            #expect(large.first?.hasPrefix("2") != true, "\(large)")
            #expect(
                try place.records(["--denied"]).contains {
                    $0.record.message?.contains("larger than the rules") == true
                }
            )
        }

        @Test(
            "C34 C36: a model that the rule names passes; another, one that is there twice or hidden does not",
            arguments: versions
        )
        func member(version: String) throws {
            let mark = UUID().uuidString
            let bodies: [(String, String, String)] = [
                ("200", "application/json", #"{"model":"gpt-4","x":"MARK"}"#),
                ("200", "application/json", #"{"x":"MARK","model":"\u0067pt-5"}"#),
                ("403", "application/json", #"{"model":"o1","x":"MARK-no"}"#),
                ("403", "application/json", #"{"model":"gpt-4","model":"o1","x":"MARK-no"}"#),
                ("403", "application/json", #"{"model":"gpt-4","Model":"o1","x":"MARK-no"}"#),
                ("403", "text/plain", #"{"model":"gpt-4","x":"MARK-no"}"#),
                ("403", "application/json", #"{"model":"gpt-4","x":"MARK-no""#),
                ("403", "application/json", ""),
            ]
            for (index, body) in bodies.enumerated() {
                try place.write(body.2.replacing("MARK", with: mark), to: "workspace/body-\(index)")
            }
            let got = try codes(
                version,
                bodies.enumerated().map {
                    "-H 'Content-Type: \($1.1)' --data-binary @body-\($0) ORIGIN/v1/read/chat"
                }
            )
            #expect(got == bodies.map(\.0))
            #expect(
                try servers.requests(
                    with: "body=\"{\\x22model\\x22:\\x22gpt-4\\x22,\\x22x\\x22:\\x22\(mark)\\x22}\""
                ) == 1
            )
            #expect(
                try servers.requests(
                    with: "{\\x22x\\x22:\\x22\(mark)\\x22,\\x22model\\x22:\\x22\\x5Cu0067pt-5\\x22}"
                ) == 1,
                "the very octets"
            )
            #expect(try servers.requests(with: "\(mark)-no") == 0)
        }

        @Test("C34 C36: a denied member is refused, and so is a body that could hide it", arguments: versions)
        func denied(version: String) throws {
            let json = "-H 'Content-Type: application/json'"
            let got = try codes(
                version,
                [
                    "\(json) -d '{\"tools\":[{\"type\":\"search\"}]}' ORIGIN/v1/read/any",
                    "\(json) -d '{\"tools\":[{\"type\":\"exec\"}]}' ORIGIN/v1/read/any",
                    "\(json) -d '{\"tools\":[' ORIGIN/v1/read/any",
                    "-d 'tools=1' ORIGIN/v1/read/any", "-X POST ORIGIN/v1/read/any",
                    "\(json) -H 'Content-Encoding: gzip' -d '{}' ORIGIN/v1/read/any",
                ]
            )
            #expect(got == ["200", "403", "403", "403", "200", "403"])
        }

        @Test("explain says what a rule on a body makes of a request")
        func explain() throws {
            let base = "https://allowed.test:\(servers.tlsPort)"
            for (request, code) in [
                ("POST \(base)/v1/read/chat body {\"model\":\"gpt-4\"}", 0),
                ("POST \(base)/v1/read/chat body {\"model\":\"o1\"}", 1),
                ("GET \(base)/search?q=x", 0), ("GET \(base)/search?q=x&y=1", 1),
            ] {
                let outcome = try place.bailey([
                    "profile", "explain", "--profiles", place.root + "/profiles", "conditions", request,
                ])
                #expect(outcome.code == Int32(code), "\(request): \(outcome)")
            }
        }
    }
}
