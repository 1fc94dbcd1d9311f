import Foundation
import Testing

extension EndToEnd {
    /// One agent does its worst while another, of the same supervisor, is served; memory stays bounded.
    @Suite("Gateway: floods", .serialized)
    struct FloodTests {
        let place: Place
        let servers: Servers

        init() throws {
            place = try Place()
            servers = try Servers.started()
            try place.write(servers.operatorConfiguration, to: place.configuration + "/bailey.yaml")
            let rules = [servers.http2Port, servers.tlsPort].map {
                "  - {to: \"https://allowed.test:\($0)\", private: true, allow: [\"* /v1/**\"]}\n"
            }
            try place.profile("child", "extends: [base]\negress:\n" + rules.joined())
            try place.profile(
                "web",
                "extends: [base]\nchildren: {profiles: [child], depth: 1, count: 2}\negress:\n"
                    + rules.joined()
            )
        }

        /// Speaks TLS, and HTTP/2 by hand.
        static let client = #"""
            import select, socket, ssl, struct, sys, time
            tls = ssl.create_default_context()
            def connect(*alpn):
                context = ssl.create_default_context()
                if alpn: context.set_alpn_protocols(alpn)
                # Small, so that little of what is not read is the kernel's.
                raw = socket.socket()
                raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
                raw.settimeout(60)
                raw.connect(('allowed.test', PORT))
                return context.wrap_socket(raw, server_hostname='allowed.test')
            def frame(kind, flags, stream, body=b''):
                return struct.pack('>I', len(body))[1:] + bytes([kind, flags]) + struct.pack('>I', stream) + body
            def text(value):
                data = value.encode()
                assert len(data) < 127
                return bytes([len(data)]) + data
            def literal(name, value, first=0): return bytes([first]) + text(name) + text(value)
            def request(path):
                return b''.join(literal(*field) for field in [(':method', 'GET'), (':scheme', 'https'),
                    (':authority', 'allowed.test:PORT'), (':path', path)])
            def modern(settings=b''):
                peer = connect('h2')
                peer.sendall(b'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n' + frame(4, 0, 0, settings))
                return peer
            def drain(peer, seconds=60):
                # What comes until the end, or for so long.
                data, until = b'', time.monotonic() + seconds
                peer.settimeout(seconds)
                try:
                    while time.monotonic() < until:
                        more = peer.recv(65536)
                        if not more: return data, True
                        data += more
                except TimeoutError: return data, False
                except OSError: return data, True
                return data, False
            def drained(peer, isEnough):
                # What comes until it is enough, or the end.
                data, ended = b'', False
                for _ in range(60):
                    more, ended = drain(peer, 1)
                    data += more
                    if ended or isEnough(data): break
                return data, ended
            def codes(data):
                # Error codes of RST_STREAM and GOAWAY.
                found, at = [], 0
                while at + 9 <= len(data):
                    size, kind = int.from_bytes(data[at:at + 3], 'big'), data[at + 3]
                    body = data[at + 9:at + 9 + size]
                    if kind == 3: found.append(('reset', int.from_bytes(body[:4], 'big')))
                    if kind == 7: found.append(('goaway', int.from_bytes(body[4:8], 'big')))
                    at += 9 + size
                return found

            """#

        /// Runs an attack as an agent that then waits; what it said, what a sibling got meanwhile, and by how many MiB
        /// the supervisor's memory grew at most.
        private func attack(
            _ script: String,
            port: UInt16
        ) throws -> (said: [String], other: String, grown: Int) {
            let origin = "https://allowed.test:\(servers.http2Port)"
            let text = (Self.client + script).replacing("PORT", with: "\(port)")
            try place.write(
                text + "\nprint('attacking', flush=True); sys.stdin.readline()\n",
                to: "workspace/attack.py"
            )
            let running = try place.running(
                """
                curl -sS -m60 -o /dev/null \(origin)/v1/warm; echo warm; read line
                mkfifo hold; exec 3<>hold
                python3 attack.py <hold >said 2>&1 &
                while ! grep -q attacking said; do kill -0 $! || break; sleep 0.05; done
                bailey run -p child -- \
                    curl -sS -m60 -o /dev/null -w 'other %{http_code}\\n' \(origin)/v1/other
                echo measured; read line
                echo >&3; wait; cat said
                """,
                profile: "web"
            )
            try #require(running.awaitOutput("warm", within: 120), "\(running.outputSoFar)")
            let before = try Memory.peak(of: running.processIdentifier)
            running.write(Data("\n".utf8))
            #expect(running.awaitOutput("measured", within: 300))
            let after = try Memory.peak(of: running.processIdentifier)
            running.write(Data("\n".utf8))
            let outcome = running.finish(bound: 300)
            let other = outcome.lines.first { $0.hasPrefix("other") } ?? "\(outcome)"
            let said = outcome.lines.drop { $0 != "measured" }.dropFirst().filter { $0 != "attacking" }
            return (Array(said), other, after - before)
        }

        @Test("A reader that gives no window holds no more than a stream's window of what it asked for")
        func zeroWindow() throws {
            let attack = try attack(
                """
                peers = []
                for _ in range(4):
                    peer = modern(b'\\0\\4\\0\\0\\0\\0')
                    for number in range(1, 101, 2): peer.sendall(frame(1, 5, number, request('/v1/sparse')))
                    peers.append(peer)
                time.sleep(3)
                """,
                port: servers.http2Port
            )
            // Two hundred streams: a window on its way in, one on its way out, and the reads that these are parts of.
            #expect(attack.other == "other 200" && attack.grown < 200 * 2, "\(attack)")
        }

        @Test("An agent's streams are bounded together, in any number of connections")
        func streamBudget() throws {
            let attack = try attack(
                """
                peers, data = [], []
                for _ in range(12):
                    peer = modern(b'\\0\\4\\0\\0\\0\\0')
                    for number in range(1, 201, 2): peer.sendall(frame(1, 5, number, request('/v1/small')))
                    peers.append(peer)
                for peer in peers: data.append(drain(peer, 1.5)[0])
                print(sum(code[0] == 'reset' for each in data for code in codes(each)) >= 200)
                """,
                port: servers.http2Port
            )
            #expect(attack.other == "other 200" && attack.said == ["True"], "\(attack)")
        }

        @Test("A reader of HTTP/1.1 that does not read holds no more than a watermark of what it asked for")
        func slowReader() throws {
            let attack = try attack(
                """
                peers = []
                for _ in range(20):
                    peer = connect()
                    peer.sendall(b'GET /v1/sparse HTTP/1.1\\r\\nHost: allowed.test:PORT\\r\\n\\r\\n')
                    peers.append(peer)
                time.sleep(3)
                """,
                port: servers.tlsPort
            )
            #expect(attack.other == "other 200" && attack.grown < 20 * 2 + 48, "\(attack)")
        }

        @Test("More streams than were agreed on are refused")
        func manyStreams() throws {
            let attack = try attack(
                """
                peer = modern(b'\\0\\4\\0\\0\\0\\0')
                for number in range(1, 401, 2): peer.sendall(frame(1, 5, number, request('/v1/sparse')))
                def enough(data): return len([code for code in codes(data) if code[0] == 'reset' and code[1] == 7]) >= 100
                data, ended = drained(peer, enough)
                print(ended or enough(data))
                """,
                port: servers.http2Port
            )
            #expect(attack.other == "other 200" && attack.said == ["True"], "\(attack)")
        }

        @Test(
            "C31: a field of 100 octets that is named 10,000 times is a header list over its limit, and costs no memory"
        )
        func headerBomb() throws {
            let attack = try attack(
                """
                peer = modern()
                for number in range(1, 41, 2):
                    # The last entry of the dynamic table is 62 (RFC 7541 section 2.3.3).
                    block = request('/v1/bomb') + literal('x', 'y' * 100, 0x40) + bytes([0x80 | 62]) * 10000
                    try: peer.sendall(frame(1, 5, number, block))
                    except OSError: break
                data, ended = drained(peer, codes)
                print(b'GET allowed' in data, ended or len(codes(data)) > 0)
                """,
                port: servers.http2Port
            )
            #expect(attack.other == "other 200" && attack.said == ["False True"], "\(attack)")
            #expect(attack.grown < 48, "\(attack)")
            #expect(try servers.requests(with: "/v1/bomb") == 0)
        }

        @Test(
            "Rapid resets (CVE-2023-44487) and CONTINUATION without end (CVE-2024-27316) end their connection"
        )
        func cves() throws {
            let attack = try attack(
                """
                resets = b''.join(frame(1, 5, n, request('/v1/reset')) + frame(3, 0, n, b'\\0\\0\\0\\x08') for n in range(1, 20001, 2))
                headers = frame(1, 1, 1, request('/v1/never')) + frame(9, 0, 1, literal('a', 'b' * 100)) * 100000
                for flood in [resets, headers]:
                    peer = modern()
                    try: peer.sendall(flood)
                    except OSError: pass
                    print(drain(peer)[1])
                """,
                port: servers.http2Port
            )
            #expect(attack.other == "other 200" && attack.said == ["True", "True"], "\(attack)")
            #expect(attack.grown < 64, "\(attack)")
            #expect(try servers.requests(with: "/v1/never") == 0)
            #expect(try servers.requests(with: "/v1/reset") < 1_000)
        }

        @Test(
            "A head that never ends is cut off in time, in any number of connections",
            arguments: ["connect()", "connect('h2')"]
        )
        func slowHeads(opening: String) throws {
            let attack = try attack(
                """
                peers = [\(opening) for _ in range(50)]
                for peer in peers: peer.sendall(b'PRI * HTTP/2.0\\r\\n\\r\\nSM\\r\\n\\r\\n' if peer.selected_alpn_protocol() else b'GET /v1/slow HTT')
                print(all(drain(peer)[1] for peer in peers))
                """,
                port: servers.http2Port
            )
            #expect(attack.other == "other 200" && attack.said == ["True"], "\(attack)")
        }
    }
}

/// What the kernel says of a process's memory.
enum Memory {
    /// MiB that it had resident at most (proc(5), `VmHWM`).
    static func peak(of process: pid_t) throws -> Int {
        let status = try String(contentsOfFile: "/proc/\(process)/status", encoding: .utf8)
        let line = try #require(status.split(separator: "\n").first { $0.hasPrefix("VmHWM:") })
        return try #require(line.split { $0 == " " || $0 == "\t" }.dropFirst().first.flatMap { Int($0) })
            / 1024
    }
}
