import Foundation
import Testing

extension EndToEnd {
    /// Nothing waits for what has not come: each event is at the agent before the server sends the next one, which it does
    /// when another connection says so.
    @Suite("Gateway: streams", .serialized)
    struct StreamTests {
        let place: Place
        let servers: Servers
        let server: PythonServer
        private let token = "s3cr3t/REAL+51fa7c20b9e1"

        private static let shared = Result { try PythonServer("events", program, ports: 2) }

        init() throws {
            place = try Place()
            servers = try Servers.started()
            server = try Self.shared.get()
            try place.write(servers.operatorConfiguration, to: place.configuration + "/bailey.yaml")
            let origins = server.ports.map { "https://allowed.test:\($0)" }
            try place.write(
                """
                bailey: 1
                credentials:
                  token: {from: {env: SERVICE_TOKEN}, as: bearer, for: ["\(origins[0])", "\(origins[1])"]}

                """,
                to: place.configuration + "/credentials.yaml",
                mode: 0o600
            )
            let rules = origins.map {
                "  - {to: \"\($0)\", private: true, allow: [\"* /**\"], credential: token}\n"
            }
            try place.profile("events", "extends: [base]\negress:\n" + rules.joined())
        }

        @Test(
            "F11: an event is there before the server sends the next, masked, over both versions on either side, coded too",
            arguments: [0, 1],
            ["--http1.1", "--http2", "--http1.1 --compressed", "--http2 --compressed"]
        )
        func events(server index: Int, options: String) throws {
            let origin = "https://allowed.test:\(server.ports[index])"
            // curl writes what it has got; the next event is asked for when the last one has been read from it.
            let script = """
                import subprocess
                source = subprocess.Popen(['curl', '-sSN', '-m30', *'\(options)'.split(), '\(origin)/events?x'], stdout=subprocess.PIPE)
                for number in range(4):
                    line = source.stdout.readline().decode().strip()
                    print(line)
                    source.stdout.readline()
                    subprocess.run(['curl', '-sS', '-m30', '\(origin)/next'], check=True, stdout=subprocess.DEVNULL)
                print(source.stdout.read(), source.wait())
                """
            try place.write(script, to: "workspace/events.py")
            let outcome = try place.agent(
                "python3 events.py",
                profile: "events",
                environment: ["SERVICE_TOKEN": token]
            )
            let stars = String(repeating: "*", count: token.count)
            let events = (0..<4).map { "data: \($0) Bearer \(stars) \($0)" }
            #expect(outcome.lines == events + ["b'' 0"], "\(outcome)")
        }

        /// Over TLS: HTTP/1.1 on the first port, HTTP/2 as well on the second.
        private static let program = #"""
            import h2.config, h2.connection, h2.events, queue, zlib
            go = queue.Queue()

            def events(auth, coded, send):
                coder = zlib.compressobj(wbits=31)
                for number in range(4):
                    data = b"data: %d %s %d\n\n" % (number, auth, number)
                    send(coder.compress(data) + coder.flush(zlib.Z_SYNC_FLUSH) if coded else data)
                    go.get(timeout=30)
                if coded: send(coder.flush())

            def first(peer):
                data = b""
                while b"\r\n\r\n" not in data:
                    more = peer.recv(65536)
                    if not more: return
                    data += more
                line, *rest = data.split(b"\r\n")
                fields = {k.lower(): v.strip() for k, _, v in (f.partition(b":") for f in rest)}
                if b"/next" in line:
                    go.put(1)
                    return peer.sendall(b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok")
                coded = b"gzip" in fields.get(b"accept-encoding", b"")
                peer.sendall(b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Type: text/event-stream\r\n"
                    b"Transfer-Encoding: chunked\r\n" + (b"Content-Encoding: gzip\r\n" if coded else b"") + b"\r\n")
                def chunk(data): peer.sendall(b"%x\r\n%s\r\n" % (len(data), data))
                events(fields.get(b"authorization", b"-"), coded, chunk)
                chunk(b"")

            def second(peer):
                link = h2.connection.H2Connection(h2.config.H2Configuration(client_side=False, header_encoding="utf-8"))
                lock = threading.Lock()
                def do(action, *words, **options):
                    with lock:
                        if action: action(*words, **options)
                        peer.sendall(link.data_to_send())
                do(link.initiate_connection)
                def answer(stream, fields):
                    if fields[":path"] == "/next":
                        go.put(1)
                        do(link.send_headers, stream, [(":status", "200"), ("content-length", "2")])
                        return do(link.send_data, stream, b"ok", end_stream=True)
                    coded = "gzip" in fields.get("accept-encoding", "")
                    do(link.send_headers, stream, [(":status", "200"), ("content-type", "text/event-stream")]
                        + ([("content-encoding", "gzip")] if coded else []))
                    events(fields.get("authorization", "-").encode(), coded, lambda d: do(link.send_data, stream, d))
                    do(link.end_stream, stream)
                while data := peer.recv(65536):
                    with lock: seen = link.receive_data(data)
                    do(None)
                    for event in seen:
                        if isinstance(event, h2.events.RequestReceived):
                            threading.Thread(target=answer, args=(event.stream_id, dict(event.headers)), daemon=True).start()

            def serve(port, *protocols):
                tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
                tls.load_cert_chain(folder + "/server.pem", folder + "/server.key")
                tls.set_alpn_protocols(protocols)
                listener = socket.create_server(("127.0.0.1", port), backlog=64)
                def run(raw):
                    try:
                        with tls.wrap_socket(raw, server_side=True) as peer:
                            (second if peer.selected_alpn_protocol() == "h2" else first)(peer)
                    except (OSError, ssl.SSLError):
                        pass
                while True:
                    threading.Thread(target=run, args=(listener.accept()[0],), daemon=True).start()

            threading.Thread(target=serve, args=(ports[1], "h2", "http/1.1"), daemon=True).start()
            serve(ports[0], "http/1.1")
            """#
    }
}
