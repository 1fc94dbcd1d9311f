import Foundation
import Testing

extension EndToEnd {
    /// How connections begin: names, hellos, and protocols that are not spoken.
    @Suite(
        "Gateway: openings",
        .serialized,
        .enabled(if: Internet.available, "needs root: a network of the test's own")
    )
    struct OpeningTests {
        let place: Place
        let internet: Internet

        init() throws {
            place = try Place()
            internet = try Internet.started()
        }

        private func python(_ text: String) -> String { "python3 - <<'END'\n\(text)\nEND\n" }

        /// A TLS client whose octets a test cuts as it likes: `begin(cut)` sends a ClientHello in the pieces that `cut` makes of
        /// it, and gives what to go on with.
        private static let client = #"""
            import os, socket, ssl, struct
            def begin(cut, name='allowed.test', more=0):
                context = ssl.create_default_context()
                if more: context.set_alpn_protocols(['http/1.1'] + ['x' * 250] * more)
                read, write = ssl.MemoryBIO(), ssl.MemoryBIO()
                tls = context.wrap_bio(read, write, server_hostname=name)
                try: tls.do_handshake()
                except ssl.SSLWantReadError: pass
                peer = socket.create_connection((name, 443), timeout=30)
                peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                for piece in cut(write.read()): peer.sendall(piece)
                return tls, read, write, peer
            def finish(tls, read, write, peer):
                while True:
                    try:
                        tls.do_handshake()
                        break
                    except ssl.SSLWantReadError: pass
                    if write.pending: peer.sendall(write.read())
                    data = peer.recv(65536)
                    if not data: return 'ended'
                    read.write(data)
                tls.write(b'GET /v1/c05 HTTP/1.1\r\nHost: allowed.test\r\nConnection: close\r\n\r\n')
                peer.sendall(write.read())
                data = b''
                while True:
                    try:
                        more = tls.read()
                        if not more: return data.decode()
                        data += more
                    except ssl.SSLWantReadError:
                        got = peer.recv(65536)
                        if not got: return data.decode()
                        read.write(got)
                    except ssl.SSLError: return data.decode()
            def attempt(*words, **options):
                try: print(finish(*begin(*words, **options)))
                except OSError as error: print('ended', error)
            def octets(data): return [data[i:i + 1] for i in range(len(data))]
            def records(size):
                # The handshake message of one record, in many.
                def cut(data):
                    body = data[5:]
                    parts = [body[i:i + size] for i in range(0, len(body), size)]
                    return [b''.join(data[:3] + struct.pack('>H', len(part)) + part for part in parts)]
                return cut

            """#

        @Test(
            "C05: a ClientHello in octets, in fragments of records or of several kilobytes is read whole, and served",
            arguments: ["octets", "records(1)", "records(7)", "records(300)"]
        )
        func pieces(cut: String) throws {
            let attempt = try place.attempt(
                python(Self.client + "attempt(\(cut))\nattempt(\(cut), more=20)"),
                in: internet
            )
            let pages = attempt.output.components(separatedBy: "reached allowed.test /v1/c05").count - 1
            #expect(pages == 2, "\(attempt)")
            #expect(attempt.records.map(\.verdict) == ["allow", "allow"])
        }

        @Test(
            "C05: one that has no end, or is longer than any is, ends its connection by name, and reaches nobody"
        )
        func endless() throws {
            let attempt = try place.attempt(
                python(
                    Self.client + """
                        attempt(lambda data: [data[:-1]])
                        attempt(lambda data: [b'\\x16\\x03\\x01\\x40\\x00\\x01\\x01\\x00\\x00' + os.urandom(16380)] + [b'\\x16\\x03\\x01\\x40\\x00' + bytes(16384)] * 4)
                        """
                ),
                in: internet
            )
            #expect(!attempt.output.contains("reached") && attempt.queries.isEmpty, "\(attempt)")
            #expect(attempt.denied.count == 2 && attempt.records.count == 2, "\(attempt)")
        }

        @Test(
            "C19: a name is compared as it goes over the wire; letters that look alike, labels too long and other signs are none",
            arguments: [
                "xn--llowed-2fg.test", "аllowed.test", "allowed\u{3002}test", "ａllowed.test", "_allowed.test",
                "allowed_.test", String(repeating: "a", count: 64) + ".test", "allowed.test\u{301}",
                "allowed..test", ".allowed.test",
            ]
        )
        func homograph(name: String) throws {
            try place.write(
                "GET http://\(name)/v1/c19 HTTP/1.1\r\nHost: \(name)\r\nConnection: close\r\n\r\n",
                to: "workspace/bytes"
            )
            let attempt = try place.attempt(
                python(
                    """
                    import socket
                    peer = socket.create_connection(('127.0.0.1', 3128), timeout=30)
                    peer.sendall(open('bytes', 'rb').read())
                    print(peer.recv(65536).decode('latin-1'))
                    """
                ),
                in: internet
            )
            #expect(attempt.output.hasPrefix("HTTP/1.1 40"), "\(attempt)")
            #expect(
                attempt.queries.isEmpty && attempt.sink.isEmpty && attempt.denied.count == 1,
                "\(attempt)"
            )
        }

        @Test(
            "C19: case and a final dot do not make another name of it",
            arguments: ["ALLOWED.test", "allowed.TEST."]
        )
        func sameName(name: String) throws {
            let attempt = try place.attempt(
                "curl -sS -m30 -x http://127.0.0.1:3128 http://\(name)/c19",
                in: internet
            )
            #expect(attempt.output.contains("reached allowed.test /c19"), "\(attempt)")
        }

        @Test(
            "C26: a redirect is not followed here; the client's next request is decided anew, wherever it leads",
            arguments: [
                "http://denied.test/x", "http://169.254.169.254/latest/", "http://allowed.test:8081/",
                "https://allowed.test/v2/x",
            ]
        )
        func redirect(target: String) throws {
            let attempt = try place.attempt(
                """
                for code in 302 307; do
                    curl -sS -m30 -o /dev/null -w '%{http_code} %{num_redirects}\\n' "http://allowed.test/redirect-$code?to=\(target)"
                    curl -sSL -m30 -d a=b -o /dev/null -w '%{http_code}\\n' "http://allowed.test/redirect-$code?to=\(target)"
                done; true
                """,
                in: internet
            )
            #expect(attempt.outcome.lines.filter { $0.hasSuffix(" 0") } == ["302 0", "307 0"], "\(attempt)")
            #expect(attempt.sink.isEmpty, "\(attempt)")
            #expect(attempt.records.count == 6 && attempt.denied.count == 2, "\(attempt)")
        }

        @Test(
            "D10: what other protocols begin with reaches nobody where no rule forwards it, and the record says what it was",
            arguments: [
                ("SSH-2.0-OpenSSH_9.2\\r\\n", "SSH"), ("EHLO a.test\\r\\n", "malformed"),
                ("AMQP\\x00\\x00\\x09\\x01", "AMQP"),
                ("@RSYNCD: 31.0\\n", "rsync"), ("\\x13BitTorrent protocol", "BitTorrent"),
                ("\\x30\\x0c\\x02\\x01\\x01\\x60\\x07\\x02\\x01\\x03\\x04\\x00\\x80\\x00", "LDAP"),
                ("USER anonymous\\r\\n", "malformed"),
                ("*1\\r\\n$4\\r\\nPING\\r\\n", "Redis"), ("\\x05\\x01\\x00", "a connection"),
                ("", "cut short"),
            ]
        )
        func foreign(bytes: String, word: String) throws {
            let script = "/usr/bin/printf '\(bytes)' | timeout 60 nc -q2 -w20 denied.test 443"
            let control = try place.unconfined(script, in: internet)
            #expect(!control.sink.isEmpty, "\(control)")
            let attempt = try place.attempt(script, in: internet)
            #expect(attempt.sink.isEmpty && attempt.queries.isEmpty, "\(attempt)")
            #expect(attempt.denied.count == 1, "\(attempt)")
            let record = try #require(attempt.denied.first?.record)
            #expect("\(record.reason ?? "") \(record.message ?? "")".contains(word), "\(attempt)")
        }

        @Test(
            "D01 D02 D03 D04: without a rule no octet of a database's client leaves; a rule for one that is not spoken is refused by name",
            arguments: [
                ("postgres", 5432, "\\x00\\x00\\x00\\x08\\x04\\xd2\\x16\\x2f", "PostgreSQL"),
                (
                    "postgres", 5432, "\\x00\\x00\\x00\\x13\\x00\\x03\\x00\\x00user\\x00a\\x00\\x00",
                    "PostgreSQL"
                ),
                ("redis", 6379, "*3\\r\\n$6\\r\\nCONFIG\\r\\n$3\\r\\nSET\\r\\n$1\\r\\na\\r\\n", "Redis"),
                ("redis", 6379, "SLAVEOF denied.test 1\\r\\n", "malformed"),
            ]
        )
        func databases(scheme: String, port: Int, bytes: String, word: String) throws {
            let attempt = try place.attempt(
                "/usr/bin/printf '\(bytes)' | timeout 60 nc -q2 -w20 allowed.test \(port)",
                in: internet
            )
            #expect(
                attempt.sink.isEmpty && attempt.queries.isEmpty && attempt.denied.count == 1,
                "\(attempt)"
            )
            let record = try #require(attempt.denied.first?.record)
            #expect("\(record.reason ?? "") \(record.message ?? "")".contains(word), "\(attempt)")
            let database = scheme == "postgres" ? "/*" : ""
            try place.profile(
                "spoken",
                "extends: [base]\negress: [{to: \"\(scheme)://allowed.test\(database)\", allow: [\"*\"]}]\n"
            )
            let launched = try place.agent("touch ran", profile: "spoken")
            let isRefused = launched.code == 125 && launched.errors.contains(scheme)
            #expect(scheme == "postgres" ? launched.code == 0 : isRefused, "\(launched)")
        }

        @Test(
            "D03: psql shows its user why it is refused; one that insists on TLS is told that there is none",
            .enabled(if: Programs.has("psql"), "needs postgresql-client"),
            arguments: [
                ("prefer", "FATAL:  PostgreSQL to allowed.test"),
                ("disable", "FATAL:  PostgreSQL to allowed.test"), ("require", "does not support SSL"),
            ]
        )
        func psql(mode: String, words: String) throws {
            let attempt = try place.attempt(
                "psql 'host=allowed.test sslmode=\(mode) user=a dbname=b connect_timeout=8' -c 'SELECT 1' 2>&1",
                in: internet
            )
            #expect(attempt.output.contains(words), "\(attempt)")
            #expect(attempt.sink.isEmpty && attempt.queries.isEmpty, "\(attempt)")
            #expect(Set(attempt.denied.map(\.record.reason)) == ["protocol-mismatch"], "\(attempt)")
        }

        @Test(
            "D03: what follows a request for encryption in the clear, a second one, and what is no first message end it"
        )
        func hostilePostgres() throws {
            let attempt = try place.attempt(
                python(
                    """
                    import socket, struct
                    tls = struct.pack('>II', 8, 80877103)
                    start = struct.pack('>II', 15, 196608) + b'user\\0a\\0'
                    for pieces in ([tls, start], [tls + start], [tls, tls], [tls[:5], tls[5:] + start], [tls, b'\\0' * 8], [struct.pack('>II', 1 << 30, 196608)]):
                        peer = socket.create_connection(('allowed.test', 5432), timeout=30)
                        peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                        got = b''
                        try:
                            for piece in pieces:
                                peer.sendall(piece)
                                if len(piece) >= 8: got += peer.recv(4096)
                            print(got[:2])
                        except OSError: print('reset')
                    """
                ),
                in: internet
            )
            #expect(
                attempt.outcome.lines
                    == ["b'NE'", "b'E\\x00'", "b'NE'", "b'E\\x00'", "b'NE'", "reset"],
                "\(attempt)"
            )
            #expect(attempt.denied.count == 6, "\(attempt)")
        }

        @Test("B14: when names run out, those in use keep their address, and no address leads to another's")
        func names() throws {
            let attempt = try place.attempt(
                python(
                    """
                    import http.client, socket, struct
                    def query(name):
                        question = b''.join(bytes([len(l)]) + l.encode() for l in name.split('.')) + b'\\0\\0\\1\\0\\1'
                        server.send(struct.pack('>6H', 1, 256, 1, 0, 0, 0) + question)
                        return socket.inet_ntoa(server.recv(512)[-4:])
                    server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
                    server.connect(('198.18.0.53', 53))
                    server.settimeout(30)
                    kept = http.client.HTTPConnection('allowed.test', 80, timeout=30)
                    kept.request('GET', '/b14-before')
                    kept.getresponse().read()
                    address, idle = kept.sock.getpeername()[0], query('plain.test')
                    seen = set()
                    for number in range(70000):
                        seen.add(query('n%d.denied.test' % number))
                        # Used, so that no end of patience with an idle connection comes in between.
                        if number % 5000 == 0:
                            kept.request('GET', '/b14-meanwhile')
                            kept.getresponse().read()
                    print(len(seen) > 60000, address in seen, idle in seen)
                    kept.request('GET', '/b14-after')
                    print(kept.getresponse().read().decode().strip())
                    for place in (address, idle):
                        other = http.client.HTTPConnection(place, 80, timeout=30)
                        other.request('GET', '/b14-other', headers={'Host': 'allowed.test'})
                        answer = other.getresponse()
                        print(answer.status)
                    """
                ),
                in: internet
            )
            #expect(
                attempt.outcome.lines == [
                    "True False True", "reached allowed.test /b14-after", "200", "421",
                ],
                "\(attempt)"
            )
            #expect(attempt.queries.filter { $0 != "allowed.test" }.isEmpty, "\(attempt)")
        }
    }
}
