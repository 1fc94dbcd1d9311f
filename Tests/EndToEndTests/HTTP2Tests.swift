import Foundation
import Testing

extension EndToEnd {
    @Suite("Gateway: HTTP/2", .serialized)
    struct HTTP2Tests {
        let place: Place
        let servers: Servers

        init() throws {
            place = try Place()
            servers = try Servers.started()
            try place.write(servers.operatorConfiguration, to: place.configuration + "/bailey.yaml")
            func rule(_ host: String, _ port: UInt16) -> String {
                "  - {to: \"https://\(host):\(port)\", private: true, allow: [\"* /v1/**\"]}\n"
            }
            try place.profile(
                "web",
                "extends: [base]\negress:\n" + rule("allowed.test", servers.http2Port)
                    + rule("other.test", servers.http2Port) + rule("allowed.test", servers.tlsPort)
            )
        }

        private var origin: String { "https://allowed.test:\(servers.http2Port)" }

        @Test("HTTP/2 is spoken on both sides where both take it, and each request is decided")
        func bothSides() throws {
            let outcome = try place.agent(
                """
                curl -sS -m30 -o answer -w '%{http_version} %{http_code}\\n' \(origin)/v1/both?q=1; cat answer
                curl -sS -m30 -o answer -w '%{http_version} %{http_code}\\n' \(origin)/v2/both; cat answer
                """,
                profile: "web"
            )
            let first = ["2 200", "GET allowed.test /v1/both?q=1 auth="]
            #expect(outcome.lines.prefix(2) == first[...], "\(outcome)")
            #expect(outcome.lines.dropFirst(2).first == "2 403")
            #expect(outcome.output.contains("no rule"), "\(outcome)")
            #expect(try servers.requests(with: "\"GET /v1/both?q=1 HTTP/2.0\" 200") == 1)
            #expect(try servers.requests(with: "/v2/both") == 0)
            #expect(
                try place.records().map { $0.record.action.prefix { $0 != "?" } }
                    == ["GET /v1/both", "GET /v2/both"]
            )
        }

        @Test("A server that speaks HTTP/1.1 alone is spoken to in HTTP/1.1, a client without ALPN as well")
        func oneSide() throws {
            let outcome = try place.agent(
                """
                curl -sS -m30 -o /dev/null -w '%{http_version} %{http_code}\\n' https://allowed.test:\(servers.tlsPort)/v1/down
                curl -sS -m30 --no-alpn -o /dev/null -w '%{http_version} %{http_code}\\n' \(origin)/v1/up
                curl -sS -m30 --http1.1 -o /dev/null -w '%{http_version} %{http_code}\\n' \(origin)/v1/one
                """,
                profile: "web"
            )
            #expect(outcome.lines == ["2 200", "1.1 200", "1.1 200"], "\(outcome)")
            #expect(try servers.requests(with: "\"GET /v1/down HTTP/1.1\" 200") == 1)
            #expect(try servers.requests(with: "\"GET /v1/up HTTP/1.1\" 200") == 1)
        }

        @Test(
            "A server that speaks HTTP/2 alone serves clients of HTTP/2; one of HTTP/1.1 is told why not",
            .enabled(if: Programs.has("nghttpd"), "needs nghttp2-server")
        )
        func http2Alone() throws {
            let port = try Port.free()
            let server = try RunningCommand(
                [
                    "nghttpd", "-a", "127.0.0.1", "-d", servers.folder + "/alone", "\(port)",
                    servers.folder + "/server.key", servers.folder + "/server.pem",
                ],
                environment: place.environment,
                directory: "/"
            )
            defer {
                server.signal(SIGTERM)
                _ = server.finish()
            }
            try place.write("alone\n", to: servers.folder + "/alone/v1/page")
            try Port.awaitOpen(port)
            try place.profile(
                "alone",
                "extends: [base]\negress: [{to: \"https://allowed.test:\(port)\", private: true, allow: [GET]}]\n"
            )
            let outcome = try place.agent(
                """
                curl -sS -m30 -w '%{http_version} %{http_code}\\n' https://allowed.test:\(port)/v1/page
                curl -sS -m30 --http1.1 -w '%{http_version} %{http_code}\\n' https://allowed.test:\(port)/v1/page
                """,
                profile: "alone"
            )
            #expect(outcome.lines.prefix(2) == ["alone", "2 200"], "\(outcome)")
            #expect(outcome.lines.last == "1.1 502", "\(outcome)")
            #expect(Denial.first(in: outcome.output)?.reason == "upstream-failed", "\(outcome)")
        }

        @Test("The streams of one connection are decided one by one")
        func streams() throws {
            let outcome = try place.agent(
                """
                curl -sS -m30 --parallel --parallel-max 50 -o /dev/null -w '%{http_code} %{num_connects}\\n' \
                    '\(origin)/v[1-2]/stream/[1-30]'
                """,
                profile: "web"
            )
            let codes = outcome.lines.map { $0.prefix { $0 != " " } }
            #expect(codes.count { $0 == "200" } == 30 && codes.count { $0 == "403" } == 30, "\(outcome)")
            let connections = outcome.lines.compactMap { $0.split(separator: " ").last.flatMap { Int($0) } }
            #expect(connections.reduce(0, +) < 60, "some shared a connection: \(outcome)")
            #expect(try servers.requests(with: "/v1/stream/") == 30)
            #expect(try servers.requests(with: "/v2/stream/") == 0)
        }

        @Test("A large body goes up and its answer comes down; a denied one is not waited for")
        func upload() throws {
            let outcome = try place.agent(
                """
                head -c 20000000 /dev/zero >body
                curl -sS -m30 -T body -o /dev/null -w '%{http_version} %{http_code} %{size_upload}\\n' \(origin)/v1/read/late
                curl -sS -m30 -T body -o /dev/null -w '%{http_version} %{http_code}\\n' \(origin)/v2/denied
                """,
                profile: "web"
            )
            #expect(outcome.lines == ["2 200 20000000", "2 403"], "\(outcome)")
        }
    }
}

extension EndToEnd.HTTP2Tests {
    /// A client in the agent that writes frames by hand: `open()`, `headers(stream, fields)`, `answers()`.
    private static let client = """
        import socket, ssl, struct, sys
        def frame(kind, flags, stream, body=b''):
            return struct.pack('>I', len(body))[1:] + bytes([kind, flags]) + struct.pack('>I', stream) + body
        def block(fields):
            out = b''
            for name, value in fields:
                name, value = name.encode(), value.encode()
                assert len(name) < 127 and len(value) < 127
                out += b'\\x00' + bytes([len(name)]) + name + bytes([len(value)]) + value
            return out
        def headers(stream, fields, flags=5):
            return frame(1, flags, stream, block(fields))
        def open():
            context = ssl.create_default_context()
            context.set_alpn_protocols(['h2'])
            peer = context.wrap_socket(socket.create_connection(('allowed.test', PORT), timeout=30), server_hostname='allowed.test')
            assert peer.selected_alpn_protocol() == 'h2'
            peer.sendall(b'PRI * HTTP/2.0\\r\\n\\r\\nSM\\r\\n\\r\\n' + frame(4, 0, 0))
            return peer
        def answers(peer, until):
            # What came on streams until `until` of them ended, or the connection did: (kind, stream, first bytes).
            seen, data, ended = [], b'', 0
            try:
                while ended < until:
                    more = peer.recv(65536)
                    if not more:
                        seen.append(('closed', 0, b''))
                        break
                    data += more
                    while len(data) >= 9 and len(data) >= 9 + int.from_bytes(data[:3], 'big'):
                        size = int.from_bytes(data[:3], 'big')
                        kind, flags, stream = data[3], data[4], int.from_bytes(data[5:9], 'big')
                        body, data = data[9:9 + size], data[9 + size:]
                        if kind in (0, 1, 3, 7): seen.append((kind, stream, body[:400]))
                        if kind == 3 or kind in (0, 1) and flags & 1: ended += 1
                        if kind == 7: ended = until
            except OSError as error:
                seen.append(('closed', 0, str(error).encode()))
            return seen
        def request(path='/v1/raw', authority='allowed.test:PORT', method='GET', scheme='https', more=()):
            return [(':method', method), (':scheme', scheme), (':authority', authority), (':path', path), *more]
        """

    private func hostile(_ script: String) throws -> Outcome {
        let client = Self.client.replacing("PORT", with: "\(servers.http2Port)")
        try place.write(
            client + "\n" + script.replacing("PORT", with: "\(servers.http2Port)"),
            to: "workspace/client.py"
        )
        return try place.agent("python3 client.py", profile: "web")
    }

    @Test(
        "A client that writes frames by hand gets its answer: what the cases below change is what is refused"
    )
    func control() throws {
        let outcome = try hostile(
            """
            peer = open(); peer.sendall(headers(1, request('/v1/h2-control')))
            print(any(b'/v1/h2-control' in body for kind, stream, body in answers(peer, 1) if kind == 0))
            """
        )
        #expect(outcome.lines == ["True"], "\(outcome)")
        #expect(try servers.requests(with: "/v1/h2-control HTTP/2.0\" 200") == 1)
    }

    @Test(
        "C28 C30 a request whose fields are not those of one request ends its stream, and reaches nobody",
        arguments: [
            "request('https://allowed.test/v1/c28')", "request('/v1/c28', scheme='file')",
            "request('/v1/c28', method='CONNECT')", "request('/v1/c28', more=[('host', 'other.test')])",
            "request('/v1/c28', more=[(':path', '/v1/c28')])", "request('/v1/c28', more=[('X-Upper', 'a')])",
            "request('/v1/c28', more=[('transfer-encoding', 'chunked')])",
            "request('/v1/c28', more=[('x', 'a\\r\\nb: c')])",
            "request('/v1/c28', more=[('connection', 'x')])",
            "request('/v1/c28', more=[('content-length', '5')])", "request('/v1/../c28')",
            "request('/v1/c28', authority='allowed.test:PORT@denied.test')",
            "request('/v1/c28', authority='')",
            "request('/v1/c28', authority='allowed.test:1')", "request('/v1/c28', authority='denied.test')",
            "request('/v1/c28', authority='allowed.test:PORT, denied.test')",
            "request('/v1/c28', scheme='http')",
            "request('/v1/c28', method='get')", "request('/v1/c28', method='GET /v1/c28 HTTP/1.1')",
            "request('/v1/c28 HTTP/1.1')", "request('/v1/c28\\\\x')", "request('/v1/c28#x')", "request('*')",
            "request('/v1/c28', more=[('te', 'gzip')])", "request('/v1/c28', more=[('a:b', 'c')])",
            "request('/v1/c28', more=[('a b', 'c')])", "request('/v1/c28', more=[('content_length', '5')])",
            "request('/v1/c28', more=[('a', 'b\\0c')])",
            "request('/v1/c28', more=[(':protocol', 'websocket')])",
            "request('/v1/c28', more=[('', 'a')])", "request('/v1/c28', more=[('upgrade', 'h2c')])",
            "request('/v1/c28', more=[('host', 'allowed.test:PORT'), ('host', 'allowed.test:PORT')])",
            "request('/v1/c28', more=[('content-length', '0'), ('content-length', '5')])",
            "request('/v1/c28', more=[('x-http-method-override', 'POST')])[1:]",
        ]
    )
    func malformed(fields: String) throws {
        let outcome = try hostile(
            """
            peer = open(); peer.sendall(headers(1, \(fields)))
            got = answers(peer, 1)
            print('answered' if any(b'GET allowed.test' in body for _, _, body in got) else 'refused')
            """
        )
        #expect(outcome.lines == ["refused"], "\(outcome)")
        #expect(try servers.requests(with: "c28") == 0)
    }

    @Test("C29 another host on the same connection is answered 421, and its neighbours are served")
    func coalescing() throws {
        let outcome = try hostile(
            """
            peer = open()
            peer.sendall(headers(1, request('/v1/c29', authority='other.test:PORT')) + headers(3, request('/v1/c29-own')))
            got = answers(peer, 2)
            print(any(stream == 1 and b'name-mismatch' in body for kind, stream, body in got),
                any(stream == 3 and b'/v1/c29-own' in body for kind, stream, body in got))
            """
        )
        #expect(outcome.lines == ["True True"], "\(outcome)")
        #expect(try servers.requests(with: "other.test \"GET /v1/c29") == 0)
    }

    @Test(
        "C31 a flood of resets, settings, pings, continuations or empty frames ends the connection; others are served",
        arguments: [
            "b''.join(headers(n, request('/v1/c31'), 5) + frame(3, 0, n, b'\\0\\0\\0\\x08') for n in range(1, 4001, 2))",
            "frame(4, 0, 0, b'\\0\\3\\0\\0\\0\\x64') * 20000", "frame(6, 0, 0, b'12345678') * 20000",
            "frame(1, 1, 1, block(request('/v1/c31'))) + frame(9, 0, 1, block([('a', 'b')])) * 5000",
            "headers(1, request('/v1/c31', method='POST'), 4) + frame(0, 0, 1) * 5000",
        ]
    )
    func floods(flood: String) throws {
        let outcome = try hostile(
            """
            peer = open()
            try:
                peer.sendall(\(flood))
                while peer.recv(65536): pass
                print('ended')
            except TimeoutError:
                print('open')
            except OSError:
                print('ended')
            other = open(); other.sendall(headers(1, request('/v1/c31-other')))
            print(any(b'/v1/c31-other' in body for kind, stream, body in answers(other, 1) if kind == 0))
            """
        )
        #expect(outcome.lines == ["ended", "True"], "\(outcome)")
    }
}
