import Foundation
import Testing

extension EndToEnd {
    /// What people use, as it comes: each is run unchanged, once as it is and once by a proxy that it is told of.
    @Suite("Clients", .serialized)
    struct ClientTests {
        let place: Place
        let servers: Servers
        var origin: String { "https://allowed.test:\(servers.http2Port)" }

        init() throws {
            place = try Place()
            servers = try Servers.started()
            try place.write(servers.operatorConfiguration, to: place.configuration + "/bailey.yaml")
            try place.profile(
                "web",
                """
                extends: [base]
                egress:
                  - {to: "https://allowed.test:\(servers.http2Port)", private: true, allow: ["GET /v1/**", "POST /v1/**"]}

                """
            )
        }

        /// What a client does: reads, writes, reads what comes compressed, and is refused.
        private func visits(_ client: HTTPClient, _ way: String) -> String {
            """
            echo '== \(way) get'; fetch GET \(origin)/v1/\(client.name)/\(way) 2>&1
            echo '== \(way) post'; fetch POST \(origin)/v1/\(client.name)/\(way) 2>&1
            echo '== \(way) zip'; fetch GET \(origin)/v1/zip/\(client.name)-\(way) 2>&1
            echo '== \(way) denied'; fetch GET \(origin)/v2/\(client.name)/\(way) 2>&1

            """
        }

        private func exercise(_ client: HTTPClient) throws {
            for (name, text) in client.files { try place.write(text, to: "workspace/\(name)") }
            var script = "fetch() { \(client.command); }\n" + visits(client, "plain")
            if let proxy = client.proxy {
                // Where the variables lead nowhere nothing arrives: they are heeded.
                script += proxy.replacing("3128", with: "1") + "\necho '== nowhere'; "
                script += "fetch GET \(origin)/v1/\(client.name)/nowhere 2>&1\n"
                script += proxy + "\n" + visits(client, "proxied")
            }
            let outcome = try place.agent(script, profile: "web")
            let said = Self.sections(outcome.output)
            for way in client.proxy == nil ? ["plain"] : ["plain", "proxied"] {
                try expectServed(client, way, said, outcome)
            }
            #expect(try servers.requests(with: "/v1/\(client.name)/nowhere") == 0, "\(outcome)")
            let records = try place.records()
            #expect(records.count == (client.proxy == nil ? 4 : 8), "\(outcome)\n\(records)")
            #expect(records.count { $0.verdict == "deny" } == (client.proxy == nil ? 1 : 2), "\(records)")
        }

        private func expectServed(
            _ client: HTTPClient,
            _ way: String,
            _ said: [String: String],
            _ outcome: Outcome
        ) throws {
            let page = "allowed.test /v1/\(client.name)/\(way) "
            #expect(said["\(way) get"]?.contains("GET \(page)") == true, "\(outcome)")
            #expect(said["\(way) post"]?.contains("POST \(page)") == true, "\(outcome)")
            #expect(said["\(way) zip"]?.contains("zipped zipped") == true, "\(outcome)")
            #expect(said["\(way) denied"]?.contains("no rule of") == client.showsReason, "\(outcome)")
            for method in ["GET", "POST"] {
                let line = "\"\(method) /v1/\(client.name)/\(way) HTTP/\(client.version)\" 200"
                #expect(try servers.requests(with: line) == 1)
            }
            #expect(try servers.requests(with: "/v1/zip/\(client.name)-\(way)", and: "coding=\"gzip\"") == 1)
            #expect(try servers.requests(with: "/v2/\(client.name)/\(way)") == 0)
        }

        /// What was printed behind each `== NAME`.
        private static func sections(_ output: String) -> [String: String] {
            let parts = ("\n" + output).components(separatedBy: "\n== ").dropFirst()
            return Dictionary(
                parts.map { part in
                    let lines = part.split(separator: "\n", maxSplits: 1, omittingEmptySubsequences: false)
                    return (String(lines[0]), lines.count > 1 ? String(lines[1]) : "")
                },
                uniquingKeysWith: { $0 + $1 }
            )
        }

        @Test("J01: curl") func curl() throws { try exercise(.curl) }
        @Test("J01: wget") func wget() throws { try exercise(.wget) }
        @Test("J06: Python's urllib") func urllib() throws { try exercise(.urllib) }

        @Test("J06: requests", .enabled(if: Programs.hasPython("requests"), "needs python3-requests"))
        func requests() throws { try exercise(.requests) }

        @Test("J06: aiohttp", .enabled(if: Programs.hasPython("aiohttp"), "needs python3-aiohttp"))
        func aiohttp() throws { try exercise(.aiohttp) }

        @Test("J06: httpx, over HTTP/2", .enabled(if: Programs.hasPython("httpx"), "needs python3-httpx"))
        func httpx() throws { try exercise(.httpx) }

        @Test(
            "Perl's LWP",
            .enabled(if: Programs.hasPerl("LWP/Protocol/https.pm"), "needs liblwp-protocol-https-perl")
        )
        func perl() throws { try exercise(.perl) }

        @Test("Ruby's Net::HTTP", .enabled(if: Programs.has("ruby"), "needs ruby"))
        func ruby() throws { try exercise(.ruby) }

        @Test("PHP's streams", .enabled(if: Programs.has("php"), "needs php-cli"))
        func php() throws { try exercise(.php) }

        @Test("J03: Node's fetch", .enabled(if: Programs.has("node"), "needs node"))
        func node() throws { try exercise(.node) }

        @Test("J04: Java's HttpClient, over HTTP/2", .enabled(if: Programs.has("javac"), "needs a JDK"))
        func java() throws { try exercise(.java) }

        @Test("J04: Java's HttpURLConnection", .enabled(if: Programs.has("javac"), "needs a JDK"))
        func javaConnection() throws { try exercise(.javaConnection) }

        @Test("J05: Go's net/http, over HTTP/2", .enabled(if: Programs.has("go"), "needs golang-go"))
        func go() throws {
            for (name, text) in HTTPClient.go.files { try place.write(text, to: "workspace/\(name)") }
            let built = try place.control("CGO_ENABLED=0 go build -o go-client client.go")
            try #require(built.code == 0, "\(built)")
            try exercise(.go)
        }
    }
}
