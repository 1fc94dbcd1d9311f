import Foundation
import Testing

/// A server over TLS, as `allowed.test`, that returns the Authorization field it got in every way it knows, and logs
/// what else it was asked with.
final class Mirror: Sendable {
    let port: UInt16
    private let log: String
    private let process: Process

    private static let shared = Result { try Mirror() }

    /// Started once for all tests; it ends with the test process by its own standard input's end.
    static func started() throws -> Mirror { try shared.get() }

    private init() throws {
        let folder = try Servers.started().folder
        port = try Port.free()
        log = folder + "/mirror.log"
        try Self.program.write(toFile: folder + "/mirror.py", atomically: true, encoding: .utf8)
        process = Process()
        process.executableURL = URL(filePath: "/usr/bin/python3")
        process.arguments = [folder + "/mirror.py", folder, String(port)]
        process.standardInput = Pipe()
        try process.run()
        try Port.awaitOpen(port)
    }

    /// The request lines that held a text, with Accept-Encoding and Range behind them.
    func requests(with text: String) throws -> [String] {
        try String(contentsOfFile: log, encoding: .utf8).split(separator: "\n").map(String.init)
            .filter { $0.contains(text) }
    }

    /// `/echo?enc=X` codes the text or the body; the others say what they do.
    private static let program = #"""
        import base64, gzip, html, json, os, socket, ssl, subprocess, sys, threading, time, zlib
        folder, port = sys.argv[1], int(sys.argv[2])
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(folder + "/server.pem", folder + "/server.key")
        log = open(folder + "/mirror.log", "a", buffering=1)

        def tool(*command):
            return lambda data: subprocess.run(command, input=data, stdout=subprocess.PIPE, check=True).stdout

        def raw(data):
            coder = zlib.compressobj(wbits=-15)
            return coder.compress(data) + coder.flush()

        texts = {
            "plain": lambda s: s, "base64": lambda s: base64.b64encode(s.encode()).decode(),
            "base64url": lambda s: base64.urlsafe_b64encode(("?" + s).encode()).decode(),
            "hex": lambda s: s.encode().hex(), "HEX": lambda s: s.encode().hex().upper(),
            "url": lambda s: "".join("%%%02x" % b for b in s.encode()),
            "json": lambda s: "".join("\\u%04x" % b for b in s.encode()),
            "slash": lambda s: json.dumps({"auth": s}).replace("/", "\\/"), "html": html.escape,
            "reverse": lambda s: s[::-1],
        }
        codings = {
            "gzip": ("gzip", gzip.compress), "deflate": ("deflate", zlib.compress), "raw": ("deflate", raw),
            "br": ("br", tool("brotli", "-c")), "zstd": ("zstd", tool("zstd", "-qc")),
            "twice": ("gzip, br", lambda d: tool("brotli", "-c")(gzip.compress(d))),
            "thrice": ("gzip, gzip, gzip", lambda d: gzip.compress(gzip.compress(gzip.compress(d)))),
            "compress": ("compress", lambda d: d), "bomb": ("gzip", lambda d: gzip.compress(bytes(64 << 20))),
        }

        def chunk(data):
            return b"%x\r\n%s\r\n" % (len(data), data)

        kept = []

        def reply(send, path, fields, auth):
            secret = auth.encode()
            def head(status, *lines, body=None):
                length = [] if body is None else ["Content-Length: %d" % len(body)]
                send("\r\n".join(["HTTP/1.1 " + status, "Connection: close", *lines, *length, "", ""]).encode())
                if body is not None: send(body)
            kind = path.partition("enc=")[2]
            if kind in codings:
                token, code = codings[kind]
                body = code(b"auth=" + secret + b"; " * 50)
                head("200 OK", "Content-Encoding: " + token, 'ETag: "one"', body=body)
            elif kind in texts:
                head("200 OK", body=("auth=" + texts[kind](auth) + "\n").encode())
            elif path.startswith("/typed?"):
                body = json.dumps({"auth": auth, "n": [1, 4111111111111111]}).encode()
                head("200 OK", "Content-Type: " + path.partition("?")[2], body=body)
            elif path.startswith("/wide?"):
                charset, _, label = path.partition("?")[2].partition("&")
                body = json.dumps({"auth": auth, "token": fields.get("x-amz-security-token", "-")}).encode(charset)
                head("200 OK", "Content-Type: text/plain" + ("; charset=" + label if label else ""), body=body)
            elif path == "/meanwhile":
                head("200 OK", "Content-Type: text/event-stream", "Transfer-Encoding: chunked")
                before = len(kept)
                send(chunk(b"data: begun\n\n"))
                while len(kept) == before: time.sleep(0.01)
                send(chunk(b"data: " + kept[-1] + b"\n\n") + b"0\r\n\r\n")
            elif path == "/keep":
                kept.append(secret)
                head("200 OK", body=b"kept\n")
            elif path == "/kept":
                head("200 OK", "X-Kept: " + kept[-1].decode(), body=b"auth=" + kept[-1] + b"\n")
            elif path == "/headers":
                head("200 OK", "X-Echo: " + auth, "X-Base64: " + texts["base64"](auth), body=b"headers\n")
            elif path == "/octets":
                head("200 OK", "Transfer-Encoding: chunked")
                for octet in b"auth=" + secret + b"\n": send(chunk(bytes([octet])))
                send(b"0\r\n\r\n")
            elif path == "/events":
                head("200 OK", "Content-Type: text/event-stream", "Transfer-Encoding: chunked")
                middle = len(secret) // 2
                for part in [b"data: one\n\n", b"data: " + secret[:middle], secret[middle:] + b"\n\n"]: send(chunk(part))
                send(b"0\r\n\r\n")
            elif path == "/redirect":
                token = auth.partition(" ")[2]
                head("302 Found", "Location: https://denied.test/?t=" + texts["url"](token),
                     "Set-Cookie: t=" + token, "WWW-Authenticate: Bearer error=\"" + token + "\"", body=b"")
            elif path == "/drip":
                # Octet by octet, each in a record of its own, for as long as somebody takes them.
                head("200 OK", "Content-Type: text/event-stream", "Transfer-Encoding: chunked")
                for _ in range(150000):
                    send(chunk(b"x"))
                    time.sleep(0.00002)
                send(b"0\r\n\r\n")
            elif path == "/trailers":
                head("200 OK", "Transfer-Encoding: chunked", "Trailer: X-Echo")
                send(chunk(b"trailers\n") + b"0\r\nX-Echo: " + secret + b"\r\n\r\n")
            elif path == "/hint":
                send(b"HTTP/1.1 103 Early Hints\r\nLink: <" + secret + b">\r\n\r\n")
                head("500 Internal " + auth.replace(" ", "-"), body=b"error: " + secret + b"\n")
            elif path == "/broken":
                send(b"HTTP/1.1 200 OK\r\nContent-Length: " + secret + b"\r\n\r\n")
            elif path == "/range":
                whole = b"auth=" + secret + b"\n"
                if "range" in fields:
                    first, last = (int(n) for n in fields["range"].partition("=")[2].split("-"))
                    head("206 Partial Content", "Content-Range: bytes %d-%d/%d" % (first, last, len(whole)),
                         body=whole[first:last + 1])
                else:
                    head("200 OK", "Accept-Ranges: bytes", body=whole)
            else:
                head("404 Not Found", body=b"")

        def serve(connection):
            try:
                with context.wrap_socket(connection, server_side=True) as stream:
                    data = b""
                    while b"\r\n\r\n" not in data:
                        more = stream.recv(65536)
                        if not more: return
                        data += more
                    line, *rest = data.decode().partition("\r\n\r\n")[0].split("\r\n")
                    fields = {k.lower(): v.strip() for k, _, v in (f.partition(":") for f in rest)}
                    log.write("%s accept=%s range=%s auth=%s\n" % (line, fields.get("accept-encoding", "-"),
                              fields.get("range", "-"), fields.get("authorization", "-")))
                    reply(stream.sendall, line.split(" ")[1], fields, fields.get("authorization", ""))
                    stream.unwrap()
            except OSError:
                pass

        listener = socket.create_server(("127.0.0.1", port), backlog=64)
        threading.Thread(target=lambda: (sys.stdin.read(), os._exit(0)), daemon=True).start()
        while True:
            connection, _ = listener.accept()
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            threading.Thread(target=serve, args=(connection,), daemon=True).start()
        """#
}
