import Foundation
import Testing

extension EndToEnd {
    @Suite("Gateway: bad input", .serialized)
    struct GatewayInputTests {
        let place: Place
        let servers: Servers

        init() throws {
            place = try Place()
            servers = try Servers.started()
            try place.write(servers.operatorConfiguration, to: place.configuration + "/bailey.yaml")
            try place.profile(
                "web",
                """
                extends: [base]
                egress:
                  - {to: "http://allowed.test:\(servers.httpPort)", private: true, allow: ["* /v1/**"], deny: ["* /v1/admin/**"]}
                  - {to: "https://allowed.test:\(servers.tlsPort)", private: true, allow: ["* /v1/**"]}
                  - {to: "http://other.test:\(servers.httpPort)", private: true, allow: ["* /v1/**"]}

                """
            )
        }

        /// Sends bytes as they are, waits for the end of the answer, and prints it.
        private func sent(
            _ bytes: String,
            to host: String = "allowed.test",
            port: UInt16? = nil
        ) throws -> Outcome {
            try place.write(bytes, to: "workspace/bytes")
            return try place.agent(
                """
                python3 - <<'END'
                import socket
                peer = socket.create_connection(("\(host)", \(port ?? servers.httpPort)), timeout=30)
                peer.sendall(open("bytes", "rb").read())
                try:
                    while data := peer.recv(65536):
                        print(data.decode("latin-1"), end="")
                    print("<closed>")
                except TimeoutError:
                    print("<open>")
                except ConnectionResetError:
                    print("<reset>")
                END
                """,
                profile: "web"
            )
        }

        private func host(_ name: String) -> String { "Host: \(name):\(servers.httpPort)\r\n" }

        private func expectBadRequest(_ bytes: String, code: String = "400", marker: String) throws {
            let outcome = try sent(bytes)
            #expect(outcome.output.hasPrefix("HTTP/1.1 \(code) "), "\(outcome)")
            #expect(outcome.output.hasSuffix("<closed>\n"), "\(outcome)")
            #expect(try servers.requests(with: marker) == 0)
        }

        @Test("A valid request of the same raw client is answered: the control of what follows")
        func control() throws {
            let outcome = try sent(
                "GET /v1/raw-control HTTP/1.1\r\n\(host("allowed.test"))Connection: close\r\n\r\n"
            )
            #expect(outcome.output.hasPrefix("HTTP/1.1 200 "), "\(outcome)")
            #expect(try servers.requests(with: "/v1/raw-control") == 1)
        }

        @Test(
            "A garbage request gets 400 and the connection is closed",
            arguments: [
                "GET \r\n\r\n", "GET /v1/garbage\r\n\r\n",
                "GET /v1/garbage HTTP/9.9\r\nHost: allowed.test\r\n\r\n",
                "GET /v1/garbage HTTP/1.1\r\nno colon\r\n\r\n", "GET /v1/garbage HTTP/1.1\r\n\r\n",
            ]
        )
        func garbage(bytes: String) throws {
            try expectBadRequest(bytes, marker: "garbage")
        }

        @Test(
            "Bytes that are no protocol reach nobody and end the connection",
            arguments: ["\u{1}\u{2}\u{3}\u{4}\r\n\r\n", "\r\r\r\r"]
        )
        func noProtocol(bytes: String) throws {
            let outcome = try sent(bytes)
            #expect(!outcome.output.contains("200 OK") && !outcome.output.contains("<open>"), "\(outcome)")
            #expect(try place.records(["--denied"]).count == 1)
        }

        @Test("A header block over its limit is refused and the connection closed")
        func largeHeader() throws {
            let fields = (0..<90).map { "X-\($0): \(String(repeating: "a", count: 900))\r\n" }.joined()
            let outcome = try sent("GET /v1/large-block HTTP/1.1\r\n\(host("allowed.test"))\(fields)\r\n")
            #expect(outcome.output.hasPrefix("HTTP/1.1 4"), "\(outcome)")
            #expect(!outcome.output.contains("<open>"), "\(outcome)")
            #expect(try servers.requests(with: "large-block") == 0)
            let small =
                "GET /v1/small-block HTTP/1.1\r\n\(host("allowed.test"))X-A: aaa\r\nConnection: close\r\n\r\n"
            #expect(try sent(small).output.hasPrefix("HTTP/1.1 200 "))
        }

        @Test("C08: an absolute-form target that names another host than Host is refused")
        func disagreement() throws {
            let port = servers.httpPort
            try expectBadRequest(
                "GET http://allowed.test:\(port)/v1/c08 HTTP/1.1\r\n\(host("other.test"))\r\n",
                marker: "/v1/c08"
            )
        }

        @Test("C07: a second request on a kept-alive connection is decided anew")
        func secondRequest() throws {
            let outcome = try sent(
                "GET /v1/c07-first HTTP/1.1\r\n\(host("allowed.test"))\r\n"
                    + "GET /v1/admin/c07 HTTP/1.1\r\n\(host("allowed.test"))\r\n"
                    + "GET /v1/c07-other HTTP/1.1\r\n\(host("other.test"))Connection: close\r\n\r\n"
            )
            #expect(outcome.output.contains("GET allowed.test /v1/c07-first"), "\(outcome)")
            #expect(outcome.output.contains("HTTP/1.1 403 "), "\(outcome)")
            #expect(outcome.output.contains("HTTP/1.1 421 "), "\(outcome)")
            #expect(try servers.requests(with: "c07") == 1)
        }

        @Test("C01: Host must be the name that was connected to, under TLS the server name as well")
        func fronting() throws {
            let port = servers.tlsPort
            let outcome = try place.agent(
                """
                curl -sS -m30 -o /dev/null -w '%{http_code}\\n' -H 'Host: other.test:\(port)' https://allowed.test:\(port)/v1/c01
                curl -sS -m30 -o /dev/null -w '%{http_code}\\n' https://allowed.test:\(port)/v1/c01-twin
                curl -sSk -m30 -w '%{http_code}\\n' --connect-to other.test:\(port):allowed.test:\(port) https://other.test:\(port)/v1/c01
                """,
                profile: "web"
            )
            let codes = outcome.output.split(separator: "\n").compactMap { Int($0) }
            #expect(codes.starts(with: [421, 200]) && !codes.dropFirst(2).contains(200), "\(outcome)")
            #expect(try servers.requests(with: "/v1/c01 ") == 0)
            #expect(try servers.requests(with: "/v1/c01-twin") == 1)
        }

        @Test(
            "C10: bodies that two readers would end differently are refused, and no tail arrives",
            arguments: [
                "Content-Length: 6\r\nTransfer-Encoding: chunked\r\n",
                "Transfer-Encoding: chunked\r\nContent-Length: 6\r\n",
                "Transfer-Encoding: xchunked\r\n", "Transfer-Encoding: chunked, chunked\r\n",
                "Transfer-Encoding: identity\r\n", "Transfer-Encoding : chunked\r\n",
                "Transfer-Encoding: chunked\r\nTransfer-Encoding: x\r\n",
                "Transfer-Encoding: gzip, chunked\r\n",
            ]
        )
        func smuggling(fields: String) throws {
            try expectRefusedFraming(fields)
        }

        @Test(
            "C11: a Content-Length that is not one plain number is refused",
            arguments: [
                "Content-Length: 5\r\nContent-Length: 6\r\n", "Content-Length: 5, 6\r\n",
                "Content-Length: -5\r\n",
                "Content-Length: +5\r\n", "Content-Length: 0x5\r\n",
                "Content-Length: 99999999999999999999999\r\n",
                "Content-Length: 5 5\r\n", "Content-Length:\r\n",
            ]
        )
        func contentLength(fields: String) throws {
            try expectRefusedFraming(fields)
        }

        private func expectRefusedFraming(_ fields: String) throws {
            let tail = "0\r\n\r\nGET /v1/smuggled HTTP/1.1\r\n\(host("allowed.test"))\r\n"
            let outcome = try sent("POST /v1/carrier HTTP/1.1\r\n\(host("allowed.test"))\(fields)\r\n\(tail)")
            #expect(
                outcome.output.hasPrefix("HTTP/1.1 4") || outcome.output.hasPrefix("HTTP/1.1 501"),
                "\(outcome)"
            )
            #expect(outcome.output.hasSuffix("<closed>\n"), "\(outcome)")
            #expect(!outcome.output.contains("200 OK"), "\(outcome)")
            #expect(try servers.requests(with: "/v1/smuggled") == 0)
            #expect(try servers.requests(with: "/v1/carrier") == 0)
        }

        @Test("C12: a body that looks like a request is a body")
        func hiddenInBody() throws {
            let hidden = "GET /v1/c12-hidden HTTP/1.1\r\n\(host("allowed.test"))\r\n"
            let outcome = try sent(
                "GET /v1/c12 HTTP/1.1\r\n\(host("allowed.test"))Content-Length: \(hidden.utf8.count)\r\n"
                    + "Connection: close\r\n\r\n\(hidden)"
            )
            #expect(outcome.output.contains("<closed>"), "\(outcome)")
            #expect(try servers.requests(with: "c12-hidden") == 0)
            #expect(try place.records().count == 1)
        }

        @Test(
            "C13: bare line feeds, NUL and CR in a header or path are refused",
            arguments: [
                "GET /v1/c13 HTTP/1.1\nHost: allowed.test:PORT\n\n",
                "GET /v1/c13\u{0} HTTP/1.1\r\nHost: allowed.test:PORT\r\n\r\n",
                "GET /v1/c13 HTTP/1.1\r\nHost: allowed.test:PORT\r\nX: a\u{0}b\r\n\r\n",
                "GET /v1/c13 HTTP/1.1\r\nHost: allowed.test:PORT\r\nX: a\rb: c\r\n\r\n",
                "GET /v1/c13 HTTP/1.1\r\nHost: allowed.test:PORT\r\nX: a\nX-B: c\r\n\r\n",
            ]
        )
        func controlCharacters(bytes: String) throws {
            let outcome = try sent(bytes.replacing("PORT", with: "\(servers.httpPort)"))
            #expect(outcome.output.hasPrefix("HTTP/1.1 400 "), "\(outcome)")
            #expect(try servers.requests(with: "/v1/c13") == 0)
        }

        @Test(
            "C15: a path is decided as it will be read: dot segments and doubled slashes do not hide it",
            arguments: [
                "/v1/x/../admin/c15", "/v1/%61dmin/c15", "/v1//admin/c15", "/v1/./admin/c15",
                "/v1/%2e/admin/c15",
                "/v1/x/%2e%2e/admin/c15", "/v1/../admin/c15", "/v1/%2e%2e/admin/c15",
                "/v1/%252e%252e/admin/c15",
                "/v1/..%2fadmin/c15", "/v1/x\\..\\admin/c15", "/v1;x/../admin/c15", "/v1/x;/..;/admin/c15",
            ]
        )
        func paths(path: String) throws {
            let outcome = try sent("GET \(path) HTTP/1.1\r\n\(host("allowed.test"))Connection: close\r\n\r\n")
            #expect(outcome.output.hasPrefix("HTTP/1.1 40"), "\(outcome)")
            #expect(try servers.requests(with: "c15") == 0)
        }

        @Test(
            "C17: a NUL in the host of CONNECT or Host is refused",
            arguments: [
                "CONNECT denied.test\u{0}.allowed.test:443 HTTP/1.1\r\nHost: allowed.test\r\n\r\n",
                "GET /v1/c17 HTTP/1.1\r\nHost: denied.test\u{0}.allowed.test\r\n\r\n",
            ]
        )
        func nulInHost(bytes: String) throws {
            let outcome = try sent(bytes, to: "127.0.0.1", port: 3128)
            #expect(outcome.output.hasPrefix("HTTP/1.1 400 "), "\(outcome)")
            #expect(try place.records().allSatisfy { $0.verdict == "deny" })
        }

        @Test("A bad request of one agent leaves another agent, and another connection, untouched")
        func others() throws {
            try place.write("GET /v1/bad HTTP/1.1\r\nno colon\r\n\r\n", to: "workspace/bad")
            let outcome = try place.control(
                """
                run() { \(Binary.path) run -p web --profiles '\(place.profiles)' -- "$@"; }
                run python3 -c '
                import http.client, socket
                kept = http.client.HTTPConnection("allowed.test", \(servers.httpPort), timeout=30)
                for turn in range(20):
                    kept.request("GET", "/v1/kept"); answer = kept.getresponse(); answer.read()
                    bad = socket.create_connection(("allowed.test", \(servers.httpPort)), timeout=30)
                    bad.sendall(open("bad", "rb").read()); first = bad.recv(64); bad.close()
                    print(answer.status, first[9:12].decode())
                ' > one & run python3 -c '
                import http.client
                kept = http.client.HTTPConnection("allowed.test", \(servers.httpPort), timeout=30)
                for turn in range(20):
                    kept.request("GET", "/v1/kept"); answer = kept.getresponse(); answer.read(); print(answer.status)
                ' > two; wait; sort one | uniq -c; sort two | uniq -c
                """.replacing("\n                ", with: "\n")
            )
            let lines = outcome.output.split(separator: "\n").map { $0.trimmingCharacters(in: .whitespaces) }
            #expect(lines == ["20 200 400", "20 200"], "\(outcome)")
            #expect(try servers.requests(with: "/v1/kept") == 40)
        }
    }
}
