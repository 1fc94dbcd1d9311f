import Foundation
import Testing

// Servers of HTTP/2 that break its rules, frame by frame.
extension EndToEnd.SmugglingTests {
    private static let sharedFrames = Result { try PythonServer("frames", framesProgram) }

    /// The path says what it does; `fine` is an answer as it should be.
    private static let framesProgram = #"""
        import hpack, struct
        context.set_alpn_protocols(["h2"])
        def frame(kind, flags, stream, body=b""):
            return struct.pack(">I", len(body))[1:] + bytes([kind, flags]) + struct.pack(">I", stream) + body
        def block(*fields):
            out = b""
            for name, value in fields: out += b"\0" + bytes([len(name)]) + name + bytes([len(value)]) + value
            return out
        def head(s, *fields, flags=4, status=b"200"): return frame(1, flags, s, block((b":status", status), *fields))
        def data(s, text, flags=1): return frame(0, flags, s, text)
        poison = b"poison"
        answers = {
            "fine": lambda s: head(s) + data(s, b"fine"),
            "upper": lambda s: head(s, (b"X-Upper", b"poison")) + data(s, b"one"),
            "connection": lambda s: head(s, (b"connection", b"poison")) + data(s, b"one"),
            "te": lambda s: head(s, (b"transfer-encoding", b"chunked")) + data(s, b"0\r\n\r\npoison"),
            "pseudo": lambda s: head(s, (b":path", b"/poison")) + data(s, b"one"),
            "pseudo-late": lambda s: frame(1, 4, s, block((b"a", b"poison"), (b":status", b"200"))) + data(s, b"one"),
            "status-101": lambda s: head(s, status=b"101") + data(s, poison),
            "status-word": lambda s: head(s, status=b"2 0") + data(s, poison),
            "status-none": lambda s: frame(1, 4, s, block((b"a", b"b"))) + data(s, poison),
            "status-twice": lambda s: head(s, (b":status", b"204")) + data(s, poison),
            "crlf": lambda s: head(s, (b"a", b"b\r\nset-cookie: poison")) + data(s, b"one"),
            "nul": lambda s: head(s, (b"a", b"b\0poison")) + data(s, b"one"),
            "name": lambda s: head(s, (b"a b", b"poison")) + data(s, b"one"),
            "long": lambda s: head(s, (b"content-length", b"3")) + data(s, b"onepoison"),
            "short": lambda s: head(s, (b"content-length", b"30")) + data(s, b"one"),
            "lengths": lambda s: head(s, (b"content-length", b"3"), (b"content-length", b"9")) + data(s, b"onepoison"),
            "data-first": lambda s: data(s, poison, 0) + head(s) + data(s, b"one"),
            "push": lambda s: frame(5, 4, s, struct.pack(">I", 2) + block((b":method", b"GET"), (b":scheme", b"https"),
                (b":authority", b"allowed.test"), (b":path", b"/v1/poison"))) + head(s) + data(s, b"one"),
            "hints": lambda s: head(s, (b"link", b"poison"), status=b"103") * 1000 + head(s) + data(s, b"one"),
            "bomb": lambda s: frame(1, 4, s, block((b":status", b"200")) + b"\x40\x01x\x64" + b"y" * 100 + b"\xbe" * 9000) + data(s, b"one"),
            "reset": lambda s: frame(3, 0, s, b"\0\0\0\x02"), "goaway": lambda s: frame(7, 0, 0, bytes(8)),
            "settings": lambda s: frame(4, 0, 0, b"\0\3\0\0\0\x64") * 20000 + head(s) + data(s, b"one"),
            "pings": lambda s: frame(6, 0, 0, b"12345678") * 20000 + head(s) + data(s, b"one"),
            "window": lambda s: frame(8, 0, 0, b"\x7f\xff\xff\xff") + head(s) + data(s, b"one"),
            "huge": lambda s: head(s) + frame(0, 1, s, bytes(1 << 20)),
            "stream": lambda s: head(s + 2) + data(s + 2, poison) + head(s) + data(s, b"one"),
        }

        def serve(raw):
            try:
                peer = context.wrap_socket(raw, server_side=True)
                peer.sendall(frame(4, 0, 0))
                decoder, got = hpack.Decoder(), b""
                while len(got) < 24: got += peer.recv(65536)
                got = got[24:]
                while True:
                    while len(got) < 9 or len(got) < 9 + int.from_bytes(got[:3], "big"):
                        more = peer.recv(65536)
                        if not more: return
                        got += more
                    size, kind, flags, stream = int.from_bytes(got[:3], "big"), got[3], got[4], int.from_bytes(got[5:9], "big")
                    body, got = got[9:9 + size], got[9 + size:]
                    if kind == 4 and not flags & 1: peer.sendall(frame(4, 1, 0))
                    if kind == 6 and not flags & 1: peer.sendall(frame(6, 1, 0, body))
                    if kind != 1: continue
                    if flags & 0x20: body = body[5:]
                    path = dict(decoder.decode(body))[":path"]
                    log.write(path + "\n")
                    peer.sendall(answers[path.rpartition("/")[2]](stream))
            except (OSError, ssl.SSLError): pass
            finally: raw.close()

        listener = socket.create_server(("127.0.0.1", ports[0]), backlog=64)
        while True:
            threading.Thread(target=serve, args=(listener.accept()[0],), daemon=True).start()
        """#

    /// Asks for an answer of that kind, then for one that is fine; what curl got of each, and how it ended.
    private func framed(_ kind: String) throws -> Outcome {
        let server = try Self.sharedFrames.get()
        let origin = "https://allowed.test:\(server.port)"
        try place.profile(
            "h2",
            "extends: [base]\negress: [{to: \"\(origin)\", private: true, allow: [\"* /v1/**\"]}]\n"
        )
        let curl = "curl -sS -m30 -i -w '\\n%{http_code} %{exitcode}\\n' \(origin)/v1"
        return try place.agent("\(curl)/\(kind); \(curl)/fine", profile: "h2")
    }

    @Test(
        "C28 C31 C39: an answer in frames that are none of HTTP/2's is a 502 or is cut, and the next request is served",
        arguments: [
            "upper", "connection", "te", "pseudo", "pseudo-late", "status-101", "status-word", "status-none",
            "status-twice",
            "crlf", "nul", "name", "long", "short", "lengths", "data-first", "push", "hints", "bomb", "reset",
            "goaway",
            "settings", "pings", "window", "huge", "stream",
        ]
    )
    func brokenFrames(kind: String) throws {
        let outcome = try framed(kind)
        let ends = outcome.lines.filter { $0.firstMatch(of: #/^\d{3} \d+$/#) != nil }
        #expect(ends.count == 2 && ends.last == "200 0", "\(outcome)")
        #expect(ends.first == "502 0" || ends.first?.hasSuffix(" 0") == false, "\(outcome)")
        #expect(!outcome.output.contains("poison"), "\(outcome)")
        #expect(outcome.output.contains("fine"), "\(outcome)")
    }

    @Test("The same server's answer as it should be arrives: the control of those")
    func soundFrames() throws {
        let outcome = try framed("fine")
        #expect(outcome.lines.count { $0 == "200 0" } == 2, "\(outcome)")
        #expect(outcome.lines.contains { $0.hasPrefix("HTTP/2 200") }, "\(outcome)")
    }
}
