import Foundation
import Testing

extension EndToEnd {
    @Suite("Gateway: transfers", .serialized)
    struct TransferTests {
        let place: Place
        let servers: Servers
        let server: PythonServer

        private static let shared = Result { try PythonServer("transfers", program) }

        init() throws {
            place = try Place()
            servers = try Servers.started()
            server = try Self.shared.get()
            try place.write(servers.operatorConfiguration, to: place.configuration + "/bailey.yaml")
            let rules = [server.port, servers.tlsPort, servers.http2Port].map {
                "  - {to: \"https://allowed.test:\($0)\", private: true, allow: [\"* /v1/**\"]}\n"
            }
            try place.profile("transfers", "extends: [base]\negress:\n" + rules.joined())
        }

        private var origin: String { "https://allowed.test:\(server.port)/v1" }

        @Test("J12: 2 GiB go up and down, in lengths and in chunks, over both versions, in constant memory")
        func large() throws {
            let (plain, modern) = (servers.tlsPort, servers.http2Port)
            let write = "-o /dev/null -w '%{http_version} %{http_code} %{size_upload} %{size_download}\\n'"
            func transfers(_ size: String, _ sparse: String) -> String {
                """
                truncate -s \(size) upload
                curl -sS -m900 --http1.1 \(write) -T upload \(origin)/count
                curl -sS -m900 --http2 \(write) -T upload https://allowed.test:\(modern)/v1/read/x
                cat upload | curl -sS -m900 --http1.1 \(write) -T - \(origin)/count
                cat upload | curl -sS -m900 --http2 \(write) -T - \(origin)/count
                curl -sS -m900 --http1.1 \(write) \(sparse) https://allowed.test:\(plain)/v1/sparse
                curl -sS -m900 --http2 \(write) \(sparse) https://allowed.test:\(modern)/v1/sparse
                curl -sS -m900 --http2 \(write) '\(origin)/chunks?\(size)'

                """
            }
            let running = try place.running(
                transfers("2000000", "-r 0-1999999") + "echo warm; read line\n" + transfers("2147483648", "")
                    + "echo done; read line\n",
                profile: "transfers"
            )
            try #require(running.awaitOutput("warm", within: 300), "\(running.outputSoFar)")
            let before = try Memory.peak(of: running.processIdentifier)
            running.write(Data("\n".utf8))
            try #require(running.awaitOutput("done", within: 3_600), "\(running.outputSoFar)")
            let after = try Memory.peak(of: running.processIdentifier)
            let outcome = running.finish(bound: 60)
            let lines = outcome.lines.drop { $0 != "warm" }.dropFirst().prefix { $0 != "done" }
            // What curl says of an upload in chunks counts their sizes; the server's answer is as long as its count.
            let sizes = lines.map { $0.split(separator: " ").dropFirst(2).compactMap { Int($0) } }
            #expect(
                sizes.count == 7 && sizes.allSatisfy { $0.contains { $0 >= 2_147_483_648 } },
                "\(outcome)"
            )
            #expect(sizes.count { $0.last == 26 } == 3, "\(outcome)")
            #expect(
                lines.count { $0.hasPrefix("2 200") } == 4 && lines.count { $0.hasPrefix("1.1 200") } == 3,
                "\(outcome)"
            )
            #expect(after - before < 64, "\(before) MiB before, \(after) after")
        }

        @Test("J12: a client of HTTP/1.0 is served, and keeps its connection for one answer only")
        func oldClient() throws {
            let outcome = try place.agent(
                """
                curl -sS -m30 -0 -w ' %{http_version} %{http_code}\\n' \(origin)/plain
                curl -sS -m30 -0 -w ' %{http_version} %{http_code}\\n' '\(origin)/chunks?1000' -o /dev/null
                curl -sS -m30 -0 -H 'Connection: keep-alive' -w ' %{http_code} %{num_connects}\\n' \(origin)/plain \(origin)/plain
                """,
                profile: "transfers"
            )
            #expect(
                outcome.lines == ["plain 1.1 200", " 1.1 200", "plain 200 1", "plain 200 1"],
                "\(outcome)"
            )
        }

        @Test(
            "J12: HEAD, 204 and 304 have no body, and what follows on the connection is served",
            arguments: ["--http1.1", "--http2"]
        )
        func bodiless(version: String) throws {
            let outcome = try place.agent(
                """
                curl -sS -m30 \(version) -w '%{http_code} %{size_download} %{num_connects}\\n' \
                    -I \(origin)/plain -o /dev/null --next -sS -m30 \(version) -w '%{http_code} %{size_download} %{num_connects}\\n' \
                    \(origin)/204 --next -sS -m30 \(version) -w '%{http_code} %{size_download} %{num_connects}\\n' \
                    -H 'If-None-Match: "a"' \(origin)/304 --next -sS -m30 \(version) -w ' %{http_code} %{num_connects}\\n' \(origin)/plain
                """,
                profile: "transfers"
            )
            #expect(outcome.lines == ["200 0 1", "204 0 0", "304 0 0", "plain 200 0"], "\(outcome)")
        }

        @Test(
            "J12: Expect: 100-continue is answered when the request is allowed, and not passed on; a denied one sends no body"
        )
        func expectation() throws {
            let outcome = try place.agent(
                """
                head -c 3000000 /dev/zero >body
                curl -sSv -m20 --http1.1 --expect100-timeout 15 -H 'Expect: 100-continue' -T body \(origin)/count 2>&1 |
                    grep -aE '^< HTTP|^count' | tr -d '\\r'
                curl -sS -m20 --http1.1 --expect100-timeout 15 -H 'Expect: 100-continue' -T body -o /dev/null \
                    -w '%{http_code} %{size_upload}\\n' https://allowed.test:\(server.port)/v2/count
                """,
                profile: "transfers"
            )
            #expect(
                outcome.lines == [
                    "< HTTP/1.1 100 Continue", "< HTTP/1.1 200 OK", "count 3000000 expect=-", "403 0",
                ],
                "\(outcome)"
            )
        }

        @Test("Trailers go on in both directions, over both versions", arguments: ["http/1.1", "h2"])
        func trailers(version: String) throws {
            let client = """
                import socket, ssl, sys
                tls = ssl.create_default_context(); tls.set_alpn_protocols(['\(version)'])
                peer = tls.wrap_socket(socket.create_connection(('allowed.test', \(server.port)), timeout=30), server_hostname='allowed.test')
                if peer.selected_alpn_protocol() == 'h2':
                    import h2.connection, h2.events
                    link = h2.connection.H2Connection()
                    link.initiate_connection()
                    link.send_headers(1, [(':method', 'POST'), (':scheme', 'https'), (':authority', 'allowed.test:\(server.port)'), (':path', '/v1/trailers')])
                    link.send_data(1, b'hello')
                    link.send_headers(1, [('x-sum', 'up')], end_stream=True)
                    peer.sendall(link.data_to_send())
                    ended = False
                    while not ended:
                        for event in link.receive_data(peer.recv(65536)):
                            if isinstance(event, h2.events.DataReceived): print(event.data.decode().strip())
                            if isinstance(event, h2.events.TrailersReceived): print(*[b': '.join(f).decode() if isinstance(f[0], bytes) else ': '.join(f) for f in event.headers])
                            ended = ended or isinstance(event, h2.events.StreamEnded)
                        peer.sendall(link.data_to_send())
                else:
                    peer.sendall(b'POST /v1/trailers HTTP/1.1\\r\\nHost: allowed.test:\(server.port)\\r\\nTransfer-Encoding: chunked\\r\\n\\r\\n'
                        b'5\\r\\nhello\\r\\n0\\r\\nX-Sum: up\\r\\n\\r\\n')
                    data = b''
                    while b'down' not in data: data += peer.recv(65536)
                    body = data.partition(b'\\r\\n\\r\\n')[2].decode().split('\\r\\n')
                    print(body[1]); print(body[3].lower())
                """
            try place.write(client, to: "workspace/trailers.py")
            let outcome = try place.agent("python3 trailers.py", profile: "transfers")
            #expect(outcome.lines == ["hello up", "x-sum: down"], "\(outcome)")
        }

        /// Over TLS, HTTP/1.1: reads bodies to their end, in lengths and chunks.
        private static let program = #"""
            def serve(raw):
                try:
                    with context.wrap_socket(raw, server_side=True) as peer: talk(peer, peer.makefile("rb", 1 << 20))
                except (OSError, ssl.SSLError, ValueError):
                    pass

            def body(fields, stream):
                if "content-length" in fields:
                    left = int(fields["content-length"])
                    while left:
                        data = stream.read(min(left, 1 << 20))
                        if not data: raise ValueError
                        left -= len(data)
                        yield data
                elif fields.get("transfer-encoding") == "chunked":
                    while size := int(stream.readline(), 16):
                        data = stream.read(size)
                        if len(data) < size: raise ValueError
                        yield data
                        stream.readline()
                    while (line := stream.readline().strip()):
                        fields["trailer " + line.decode().partition(":")[0].lower()] = line.decode().partition(":")[2].strip()

            def talk(peer, stream):
                while line := stream.readline().decode():
                    fields = {}
                    while (field := stream.readline().decode().strip()):
                        fields[field.partition(":")[0].lower()] = field.partition(":")[2].strip()
                    method, path, _ = line.split(" ")
                    def answer(status, text=b"", *more):
                        head = ["HTTP/1.1 " + status, *more]
                        if not status.startswith(("204", "304")): head.append("Content-Length: %d" % len(text))
                        peer.sendall("\r\n".join(head + ["", ""]).encode() + (b"" if method == "HEAD" else text))
                    if path.startswith("/v1/count"):
                        size = 0
                        for data in body(fields, stream): size += len(data)
                        answer("200 OK", b"count %d expect=%s\n" % (size, fields.get("expect", "-").encode()))
                    elif path.startswith("/v1/trailers"):
                        data = b"".join(body(fields, stream))
                        text = data + b" " + fields.get("trailer x-sum", "-").encode()
                        peer.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-Sum\r\n\r\n"
                            b"%x\r\n%s\r\n0\r\nX-Sum: down\r\n\r\n" % (len(text), text))
                    elif path.startswith("/v1/chunks?"):
                        left, block = int(path.partition("?")[2]), bytes(1 << 20)
                        peer.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
                        while left:
                            data = block[:left]
                            left -= len(data)
                            peer.sendall(b"%x\r\n%s\r\n" % (len(data), data))
                        peer.sendall(b"0\r\n\r\n")
                    elif path == "/v1/204": answer("204 No Content")
                    elif path == "/v1/304": answer("304 Not Modified", b"", 'ETag: "a"')
                    else: answer("200 OK", b"plain")

            listener = socket.create_server(("127.0.0.1", ports[0]), backlog=64)
            while True:
                threading.Thread(target=serve, args=(listener.accept()[0],), daemon=True).start()
            """#
    }
}
