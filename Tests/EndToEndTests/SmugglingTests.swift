import Foundation
import Testing

extension EndToEnd {
    /// Messages that two readers would read differently, from clients and from servers: a server of our own keeps each octet
    /// that it got, and answers in whatever way its path names.
    @Suite("Gateway: smuggling", .serialized)
    struct SmugglingTests {
        let place: Place
        let server: PythonServer

        private static let shared = Result { try PythonServer("smuggling", program) }

        init() throws {
            place = try Place()
            server = try Self.shared.get()
            try place.write(Servers.started().operatorConfiguration, to: place.configuration + "/bailey.yaml")
            try place.profile(
                "raw",
                """
                extends: [base]
                egress:
                  - {to: "http://allowed.test:\(server.port)", private: true, allow: ["* /v1/**"], deny: ["* /v1/admin/**"]}

                """
            )
        }

        private static let program = #"""
            def body(size): return b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n" % size
            poison = b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\npoison"
            answers = {
                "fine": body(4) + b"\r\nfine",
                "behind": body(3) + b"\r\none" + poison, "behind-204": b"HTTP/1.1 204 No Content\r\n\r\n" + poison,
                "behind-304": b"HTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\n\r\n" + poison,
                "behind-chunks": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\none\r\n0\r\n\r\n" + poison,
                "length-204": b"HTTP/1.1 204 No Content\r\nContent-Length: 6\r\n\r\npoison",
                "two-lengths": body(3) + b"Content-Length: 40\r\n\r\none" + poison,
                "list-length": b"HTTP/1.1 200 OK\r\nContent-Length: 3, 40\r\n\r\none" + poison,
                "signed-length": b"HTTP/1.1 200 OK\r\nContent-Length: +3\r\n\r\none" + poison,
                "both": body(3) + b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + poison,
                "xchunked": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: xchunked\r\n\r\n0\r\n\r\n" + poison,
                "tab-chunked": b"HTTP/1.1 200 OK\r\nTransfer-Encoding:\x0bchunked\r\n\r\n0\r\n\r\n" + poison,
                "chunk-size": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\none" + poison,
                "chunk-sign": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n-1\r\none\r\n0\r\n\r\n" + poison,
                "chunk-end": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nonexx0\r\n\r\n" + poison,
                "folded": body(3) + b"X-A: a\r\n b: c\r\n\r\none" + poison, "nul": body(3) + b"X-A: a\0b\r\n\r\none",
                "return": body(3) + b"X-A: a\rX-B: b\r\n\r\none", "feed": body(3) + b"X-A: a\nSet-Cookie: b\r\n\r\none",
                "feeds": b"HTTP/1.1 200 OK\nContent-Length: 3\n\none" + poison, "space": body(3) + b"X-A : b\r\n\r\none",
                "version": b"HTTP/2.0 200 OK\r\nContent-Length: 3\r\n\r\none", "status": b"HTTP/1.1 20 OK\r\nContent-Length: 3\r\n\r\none",
                "status-999": b"HTTP/1.1 999 OK\r\nContent-Length: 3\r\n\r\none", "none": b"hello\r\n\r\n", "empty": b"",
                "hint": b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n" + body(4) + b"\r\nhint",
                "hint-body": b"HTTP/1.1 103 Early Hints\r\nContent-Length: 40\r\n\r\n" + body(4) + b"\r\nhint" + poison,
                "hints": b"HTTP/1.1 103 Early Hints\r\n\r\n" * 1000 + body(4) + b"\r\nhint",
                "continue": b"HTTP/1.1 100 Continue\r\n\r\n" + body(4) + b"\r\nfine",
                "switch": b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n" + poison,
                "trailers": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\none\r\n0\r\nExpect: x\r\n"
                    b"Upgrade: x\r\nSet-Cookie: a=b\r\nX-Sum: y\r\n\r\n",
                "many-fields": body(3) + b"".join(b"X-%d: a\r\n" % n for n in range(5000)) + b"\r\none",
                "long-field": body(3) + b"X: " + b"a" * 200000 + b"\r\n\r\none",
                "early": body(5) + b"\r\nearly", "head": body(6) + b"\r\npoison",
            }

            def serve(peer):
                try:
                    data = b""
                    while True:
                        while b"\r\n\r\n" not in data:
                            more = peer.recv(65536)
                            if not more: return
                            data += more
                        head, _, data = data.partition(b"\r\n\r\n")
                        length = [int(line[15:]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:")]
                        chunked = b"\r\ntransfer-encoding: chunked" in head.lower()
                        while len(data) < sum(length) or chunked and b"0\r\n\r\n" not in data and b"\r\n0\r\n" not in data:
                            more = peer.recv(65536)
                            if not more: return
                            data += more
                        log.write(repr(head + b"\r\n\r\n" + data) + "\n")
                        data = b""
                        kind = head.split(b" ")[1].decode().rpartition("/")[2].partition("?")[0]
                        peer.sendall(answers.get(kind, answers["fine"]))
                        if kind in ("none", "empty", "status"): return
                except OSError: pass
                finally: peer.close()

            listener = socket.create_server(("127.0.0.1", ports[0]), backlog=64)
            while True:
                threading.Thread(target=serve, args=(listener.accept()[0],), daemon=True).start()
            """#

        /// Asks for an answer of that kind, then for two that are fine: on the same connection where it is still there.
        private func answered(_ kind: String, method: String = "GET") throws -> Outcome {
            let client = """
                import http.client
                kept = http.client.HTTPConnection('allowed.test', \(server.port), timeout=30)
                for path, method in (('\(kind)', '\(method)'), ('fine', 'GET'), ('fine', 'GET')):
                    kept.request(method, '/v1/' + path)
                    try:
                        answer = kept.getresponse()
                        text = answer.read()
                        fields = sorted(name.lower() for name, _ in answer.getheaders())
                        print(answer.status, text[:40].decode('latin-1') if answer.status == 200 and text else '-', *[f for f in fields if f in
                            ('link', 'upgrade', 'x-b', 'set-cookie', 'x-a')])
                    except (http.client.HTTPException, OSError) as error:
                        print('cut', type(error).__name__)
                        kept.close()
                """
            try place.write(client, to: "workspace/client.py")
            return try place.agent("python3 client.py", profile: "raw")
        }

        @Test(
            "C39: an answer that two readers would end differently is a 502, or is cut, and no other request gets its rest",
            arguments: [
                "two-lengths", "list-length", "signed-length", "both", "xchunked", "tab-chunked", "folded",
                "nul", "return",
                "feed", "feeds", "space", "version", "status", "none", "empty", "hints", "switch",
                "many-fields", "long-field",
            ]
        )
        func refusedAnswer(kind: String) throws {
            let outcome = try answered(kind)
            #expect(outcome.lines == ["502 -", "200 fine", "200 fine"], "\(outcome)")
        }

        @Test(
            "C39: broken chunks end the answer where they are",
            arguments: ["chunk-size", "chunk-sign", "chunk-end"]
        )
        func brokenChunks(kind: String) throws {
            let outcome = try answered(kind)
            #expect(!outcome.output.contains("poison"), "\(outcome)")
            #expect(
                outcome.lines.first?.hasPrefix("cut ") == true || outcome.lines.first == "502 -",
                "\(outcome)"
            )
            #expect(outcome.lines.dropFirst() == ["200 fine", "200 fine"], "\(outcome)")
        }

        @Test(
            "C39: what a server sends behind its answer is no answer to the next request",
            arguments: [
                ("behind", "200 one"), ("behind-204", "204 -"), ("behind-304", "304 -"),
                ("behind-chunks", "200 one"),
                ("length-204", "204 -"), ("hint-body", "200 hint"),
            ]
        )
        func behind(kind: String, first: String) throws {
            let outcome = try answered(kind)
            #expect(outcome.lines.dropFirst() == ["200 fine", "200 fine"], "\(outcome)")
            #expect([first, "502 -"].contains(outcome.lines.first), "\(outcome)")
        }

        @Test(
            "C39: interim answers do not go on, nor do fields of trailers that frame, and an answer to HEAD has no body",
            arguments: [
                ("hint", "GET", "200 hint"), ("continue", "GET", "200 fine"), ("trailers", "GET", "200 one"),
                ("head", "HEAD", "200 -"),
            ]
        )
        func passed(kind: String, method: String, first: String) throws {
            let outcome = try answered(kind, method: method)
            #expect(
                outcome.lines
                    == [first, "200 fine", "200 fine"],
                "\(outcome)"
            )
        }
    }
}

extension EndToEnd.SmugglingTests {
    /// Sends octets as they are; what was answered, and what the server got of it.
    private func sent(_ bytes: String, mark: String) throws -> (outcome: Outcome, arrived: [String]) {
        try place.write(bytes.replacing("HOST", with: "allowed.test:\(server.port)"), to: "workspace/bytes")
        let outcome = try place.agent(
            """
            python3 - <<'END'
            import socket
            peer = socket.create_connection(('allowed.test', \(server.port)), timeout=30)
            try:
                peer.sendall(open('bytes', 'rb').read())
                peer.shutdown(socket.SHUT_WR)
                while data := peer.recv(65536): print(data.decode('latin-1'), end='')
            except OSError: print('<reset>')
            END
            """,
            profile: "raw"
        )
        return (outcome, try server.lines(with: mark))
    }

    @Test("A plain request of the same client arrives: the control of what follows")
    func control() throws {
        let (outcome, arrived) = try sent(
            "POST /v1/control HTTP/1.1\r\nHost: HOST\r\nContent-Length: 3\r\n\r\nabc",
            mark: "/v1/control"
        )
        #expect(outcome.output.hasPrefix("HTTP/1.1 200 OK"), "\(outcome)")
        #expect(arrived.count == 1 && arrived[0].hasSuffix("abc'"), "\(arrived)")
    }

    @Test(
        "C10 C13: heads that readers repair in different ways are refused, and nothing of them arrives",
        arguments: [
            "GET /v1/c10a HTTP/1.1\r\nHost: HOST\r\nHost: HOST\r\n\r\n",
            "GET /v1/c10a HTTP/1.1\r\nHost: HOST, denied.test\r\n\r\n",
            "GET /v1/c10a HTTP/1.1\r\nHost: HOST\r\nX: a\r\n b\r\n\r\n",
            "GET /v1/c10a HTTP/1.1\r\n Host: HOST\r\n\r\n",
            "GET /v1/c10a HTTP/1.1\r\nHost : HOST\r\n\r\n", "GET  /v1/c10a HTTP/1.1 \r\nHost: HOST\r\n\r\n",
            "GET /v1/c10a HTTP/1.1\r\nHost: HOST\r\n: empty\r\n\r\n",
            "GET\t/v1/c10a HTTP/1.1\r\nHost: HOST\r\n\r\n",
            "GET /v1/c10a HTTP/1.1\r\nHost: HOST@denied.test\r\n\r\n",
            "GET /v1/c10a HTTP/1.1\r\nHost: HOST/x\r\n\r\n",
            "GET /v1/c10a HTTP/01.1\r\nHost: HOST\r\n\r\n", "get /v1/c10a HTTP/1.1\r\nHost: HOST\r\n\r\n",
            "GET /v1/c10a#x HTTP/1.1\r\nHost: HOST\r\n\r\n", "GET v1/c10a HTTP/1.1\r\nHost: HOST\r\n\r\n",
            "GET /v1/c10a?x\u{B}y HTTP/1.1\r\nHost: HOST\r\n\r\n",
            "GET /v1/c10a HTTP/1.1\r\nHost: HOST\r\nX\u{E9}: y\r\n\r\n",
            "POST /v1/c10a HTTP/1.0\r\nHost: HOST\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
            "POST /v1/c10a HTTP/1.1\r\nHost: HOST\r\nContent_Length: 3\r\n\r\nabc",
            "POST /v1/c10a HTTP/1.1\r\nHost: HOST\r\nContent-Length: 3\r\nContent-Length: 3\r\n\r\nabc",
            "POST /v1/c10a HTTP/1.1\r\nHost: HOST\r\nContent-Length: \u{B}3\r\n\r\nabc",
            "POST /v1/c10a HTTP/1.1\r\nHost: HOST\r\nTransfer-Encoding:\u{B}chunked\r\n\r\n0\r\n\r\n",
            "POST /v1/c10a HTTP/1.1\r\nHost: HOST\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n0\r\n\r\n",
        ]
    )
    func heads(bytes: String) throws {
        let (outcome, arrived) = try sent(bytes, mark: "c10a")
        // What is no request line at all is no HTTP.
        let answers = ["HTTP/1.1 4", "HTTP/1.1 501", "<reset>"]
        #expect(answers.contains { outcome.output.hasPrefix($0) }, "\(outcome)")
        #expect(arrived.isEmpty, "\(arrived)")
    }

    @Test(
        "C10: chunks that are none end the request, and the server never has it whole",
        arguments: [
            "5;\u{A}\r\nabcde\r\n0\r\n\r\n", "0x5\r\nabcde\r\n0\r\n\r\n", "+5\r\nabcde\r\n0\r\n\r\n",
            "5 \r\nabcde\r\n0\r\n\r\n",
            "5\nabcde\n0\n\n", "5\r\nabcdeXX0\r\n\r\n", "fffffffffffffffff5\r\nabcde\r\n0\r\n\r\n",
            "-1\r\nabcde\r\n0\r\n\r\n",
            "5\r\nabcde\r\n0\r\nX: a\r\n b\r\n\r\n", "5\r\nabcde\r\n0\r\nX\u{0}: a\r\n\r\n",
        ]
    )
    func chunks(text: String) throws {
        let head = "POST /v1/c10b HTTP/1.1\r\nHost: HOST\r\nTransfer-Encoding: chunked\r\n\r\n"
        let (outcome, arrived) = try sent(
            head + text + "GET /v1/c10-next HTTP/1.1\r\nHost: HOST\r\n\r\n",
            mark: "c10"
        )
        #expect(!outcome.output.contains("200 OK"), "\(outcome)")
        #expect(arrived.allSatisfy { !$0.contains("c10b") && !$0.contains("c10-next") }, "\(arrived)")
    }

    @Test(
        "C10: extensions of chunks are gone behind the gateway, trailers that frame or route as well; the rest is the body"
    )
    func extensions() throws {
        let (outcome, arrived) = try sent(
            "POST /v1/c10c HTTP/1.1\r\nHost: HOST\r\nTransfer-Encoding: chunked\r\nTrailer: X-Sum\r\n\r\n"
                + "3;a=b;c=\"d\"\r\nabc\r\n2\r\nde\r\n0\r\nX-Sum: y\r\nHost: denied.test\r\n"
                + "Expect: x\r\nAuthorization: z\r\n\r\n",
            mark: "c10c"
        )
        let text = arrived.joined().lowercased()
        #expect(outcome.output.hasPrefix("HTTP/1.1 200 OK") && arrived.count == 1, "\(outcome)")
        #expect(!text.contains("a=b") && !text.contains("denied.test"), "\(text)")
        #expect(!text.contains("expect") && !text.contains("authorization"), "\(text)")
        #expect(text.contains("abc") && text.contains("de"), "\(text)")
    }

    @Test(
        "C08 C15: targets of other forms are decided as what they name, and arrive in origin form alone",
        arguments: [
            ("http://HOST/v1/c08?a=http://denied.test/", "/v1/c08?a=http://denied.test/"),
            ("HTTP://HOST/v1/c08", "/v1/c08"),
            ("/v1/%63%30%38", "/v1/c08"), ("/v1/x/../c08", "/v1/c08"), ("/v1/./c08", "/v1/c08"),
            ("//v1//c08", "/v1/c08"),
        ]
    )
    func targets(target: String, arrives: String) throws {
        let (outcome, arrived) = try sent(
            "GET \(target) HTTP/1.1\r\nHost: HOST\r\nConnection: close\r\n\r\n",
            mark: "c08"
        )
        #expect(outcome.output.hasPrefix("HTTP/1.1 200 OK"), "\(outcome)")
        #expect(arrived.last?.hasPrefix("b'GET \(arrives) HTTP/1.1\\r\\n") == true, "\(arrived)")
    }

    @Test(
        "C08 C15: targets that name another place, or are read differently by servers, are refused and do not arrive",
        arguments: [
            "http://denied.test/v1/c15s", "https://HOST/v1/c15s", "http://HOST@denied.test/v1/c15s",
            "ftp://HOST/v1/c15s",
            "http:///v1/c15s", "/v1/x/..;/admin/c15s", "/v1/%2e%2e%2fadmin/c15s",
            "/v1/%c0%ae%c0%ae/admin/c15s",
            "/v1/admin%00/c15s", "/v1/%25%32%65%25%32%65/admin/c15s", "/v1/admin;a/c15s",
            "/v1/x%5c..%5cadmin/c15s",
            "/v1/adm%69n/c15s", "/v1/admin/./c15s", "/v1/x/..//admin/c15s", "/v1/%u0061dmin/c15s", "*",
            "HOST",
        ]
    )
    func foreignTargets(target: String) throws {
        let (outcome, arrived) = try sent(
            "GET \(target) HTTP/1.1\r\nHost: HOST\r\nConnection: close\r\n\r\n",
            mark: "c15s"
        )
        #expect(!outcome.output.contains("200 OK"), "\(outcome)")
        #expect(
            outcome.output.hasPrefix("HTTP/1.1 4") || outcome.output.hasPrefix("HTTP/1.1 501"),
            "\(outcome)"
        )
        #expect(arrived.isEmpty, "\(arrived)")
    }

    /// Asks nginx for paths that a generator makes of what paths are hidden with, and counts those of which it read something
    /// else than stands there.
    private static let readings = #"""
        import http.client, random, sys, urllib.parse
        port, count = int(sys.argv[1]), int(sys.argv[2])
        parts = ["/", "/", "a", "admin", ".", "..", "%2e", "%2E%2e", "%2f", "%5c", "\\", ";", ";x", "%3b", "%25", "%252e", "%61",
                 "//", "/./", "/../", "%20", "+", "~", "%7e", "%3f", "%23", ":", "@", "%41", "&", "=", "%", "%2", "%zz"]
        source = random.Random(4)
        kept = http.client.HTTPConnection("reading.test" if len(sys.argv) == 3 else sys.argv[3], port, timeout=30)
        answered, other = 0, []
        for _ in range(count):
            path = "/" + "".join(source.choice(parts) for _ in range(source.randint(1, 9)))
            kept.request("GET", path, headers={"Host": "reading.test:%d" % port})
            answer = kept.getresponse()
            text = answer.read().decode()
            if answer.status != 200: continue
            answered += 1
            stands, _, read = text.strip("\n").partition("|")
            if urllib.parse.unquote(stands.partition("?")[0]) != read: other.append((path, stands, read))
        print(answered > count / 10, len(other), *other[:5])
        """#

    @Test("C15: nginx reads in a path what was decided on, of whatever parts it is made")
    func readings() throws {
        let servers = try Servers.started()
        try place.write(Self.readings, to: "workspace/readings.py")
        try place.profile(
            "reading",
            "extends: [base]\negress: [{to: \"http://reading.test:\(servers.httpPort)\", private: true, allow: [GET]}]\n"
        )
        let outcome = try place.agent("python3 readings.py \(servers.httpPort) 600", profile: "reading")
        #expect(outcome.lines == ["True 0"], "\(outcome)")
        let control = try place.control("python3 readings.py \(servers.httpPort) 600 127.0.0.1")
        #expect(control.output.hasPrefix("True ") && !control.output.hasPrefix("True 0"), "\(control)")
    }

    @Test("C12: what follows a request that says how long it is, is the next one, decided for itself")
    func pipelined() throws {
        let (outcome, arrived) = try sent(
            "POST /v1/c12s-one HTTP/1.1\r\nHost: HOST\r\nContent-Length: 0\r\n\r\n"
                + "GET /v1/admin/c12s-two HTTP/1.1\r\nHost: HOST\r\n\r\nGET /v1/c12s-three HTTP/1.1\r\nHost: HOST\r\n\r\n",
            mark: "c12s"
        )
        #expect(arrived.count == 2 && !arrived.joined().contains("c12s-two"), "\(arrived)")
        #expect(outcome.output.contains("HTTP/1.1 403"), "\(outcome)")
    }
}
