import Foundation

/// A server over TLS, as `allowed.test`, that counts how often each path was asked for, and logs each connection; and a port at
/// which it only accepts.
enum CountingServer {
    static func start() throws -> PythonServer {
        try PythonServer("counting-\(UUID().uuidString)", program, ports: 2)
    }

    /// `/large` is 4.8 million octets, or what Range asks for of them; every other reply says what was asked, and how often.
    private static let program = #"""
        import http.server
        counts = {}

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *words):
                pass

            def answer(self):
                body = self.rfile.read(int(self.headers.get("content-length") or 0))
                log.write("request %s %s\n" % (self.command, self.path))
                counts[self.path] = counts.get(self.path, 0) + 1
                text = ("%s %s %d %s auth=%s\n" % (self.command, self.path, counts[self.path], body.decode("latin1"),
                    self.headers.get("authorization"))).encode()
                status, part = 200, self.headers.get("range")
                if self.path == "/large":
                    text = b"0123456789abcdef" * 300000
                    if part:
                        first, last = [int(number) for number in part.split("=")[1].split("-")]
                        status, text = 206, text[first:last + 1]
                if self.path == "/missing":
                    status = 404
                self.send_response(status)
                self.send_header("Content-Type", "text/plain")
                self.send_header("Content-Length", str(len(text)))
                if status == 206:
                    self.send_header("Content-Range", "bytes %d-%d/4800000" % (first, last))
                self.end_headers()
                if self.command != "HEAD":
                    self.wfile.write(text)

            do_GET = do_POST = do_PUT = do_HEAD = answer

        class Server(http.server.ThreadingHTTPServer):
            daemon_threads = True

            def get_request(self):
                peer, address = super().get_request()
                log.write("connection\n")
                return context.wrap_socket(peer, server_side=True, do_handshake_on_connect=False), address

            def handle_error(self, request, address):
                pass

        def greet():
            listener = socket.create_server(("127.0.0.1", ports[1]))
            while True:
                peer, address = listener.accept()
                log.write("connection\n")
                peer.sendall(b"hello\n")
                peer.close()

        threading.Thread(target=greet, daemon=True).start()
        Server(("127.0.0.1", ports[0]), Handler).serve_forever()
        """#
}
