import Foundation
import Testing

extension EndToEnd {
    /// Octets that come one by one, each in a TLS record of its own: a buffer of 32 KiB was read for each.
    @Suite("Gateway: pieces", .serialized)
    struct PieceTests {
        let place: Place
        let servers: Servers
        let mirror: Mirror

        init() throws {
            place = try Place()
            servers = try Servers.started()
            mirror = try Mirror.started()
            try place.write(servers.operatorConfiguration, to: place.configuration + "/bailey.yaml")
            let deny = "deny: [\"POST /gather body /model = \\\"forbidden\\\"\"]"
            let rule = "private: true, to: \"https://allowed.test:\(mirror.port)\", allow: [\"* /**\"]"
            try place.profile("pieces", "extends: [base]\negress: [{\(rule), \(deny)}]\n")
        }

        /// Waits between what starts and what is measured.
        private static let client =
            FloodTests.client + #"""

                HOST = b'Host: allowed.test:PORT\r\n'
                print('warm', flush=True)
                sys.stdin.readline()

                """#

        /// By how many MiB the supervisor's memory grew at most, and what the agent said.
        private func grown(by script: String) throws -> (grown: Int, said: [String]) {
            let text = (Self.client + script).replacing("PORT", with: "\(mirror.port)")
            try place.write(
                text + "\nprint('measured', flush=True); sys.stdin.readline()\n",
                to: "workspace/pieces.py"
            )
            let running = try place.running("exec python3 pieces.py", profile: "pieces")
            try #require(running.awaitOutput("warm", within: 120), "\(running.outputSoFar)")
            let before = try Memory.peak(of: running.processIdentifier)
            running.write(Data("\n".utf8))
            #expect(running.awaitOutput("measured", within: 300), "\(running.outputSoFar)")
            let after = try Memory.peak(of: running.processIdentifier)
            running.write(Data("\n".utf8))
            let said = running.finish(bound: 120).lines.filter { $0 != "warm" && $0 != "measured" }
            return (after - before, said)
        }

        @Test("A body that is decided on costs what it is, octet by octet as well")
        func gathered() throws {
            let outcome = try grown(
                by: #"""
                    for first in [b'', b'y' * 900000]:
                        peer = connect()
                        peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                        begin = b'{"x": "' + first
                        end = b'"}'
                        length = len(begin) + 4000 + len(end)
                        peer.sendall(b'POST /gather HTTP/1.1\r\n' + HOST + b'Content-Type: application/json\r\n'
                            + b'Content-Length: %d\r\n\r\n' % length + begin)
                        time.sleep(0.3)
                        for _ in range(4000):
                            peer.send(b'y')
                            time.sleep(0.0001)
                        peer.sendall(end)
                        print(peer.recv(12).decode(), flush=True)
                    """#
            )
            // It came whole to a server that has no such page.
            #expect(outcome.said == ["HTTP/1.1 404", "HTTP/1.1 404"], "\(outcome)")
            #expect(outcome.grown < 32, "\(outcome)")
        }

        @Test("A client that reads nothing of what comes octet by octet has a watermark kept at most")
        func unread() throws {
            let outcome = try grown(
                by: #"""
                    peers = []
                    for _ in range(2):
                        peer = connect()
                        peer.sendall(b'GET /drip HTTP/1.1\r\n' + HOST + b'\r\n')
                        peers.append(peer)
                    time.sleep(12)
                    """#
            )
            #expect(outcome.grown < 32, "\(outcome)")
        }

        @Test("A stream that gives no window has a window kept of what comes octet by octet, at most")
        func noWindow() throws {
            let outcome = try grown(
                by: #"""
                    peer = modern(b'\0\4\0\0\0\0')
                    for number in range(1, 5, 2): peer.sendall(frame(1, 5, number, request('/drip')))
                    time.sleep(12)
                    """#
            )
            #expect(outcome.grown < 32, "\(outcome)")
        }

        @Test("What was joined for a client that read nothing comes whole, and in order, once it reads")
        func readLate() throws {
            let outcome = try grown(
                by: #"""
                    peer = connect()
                    peer.sendall(b'GET /drip HTTP/1.1\r\n' + HOST + b'Connection: close\r\n\r\n')
                    time.sleep(8)
                    got = b''
                    while True:
                        more = peer.recv(65536)
                        if not more: break
                        got += more
                    head, _, body = got.partition(b'\r\n\r\n')
                    count, at = 0, 0
                    while True:
                        end = body.index(b'\r\n', at)
                        size, at = int(body[at:end], 16), end + 2
                        if size == 0: break
                        assert body[at:at + size] == b'x' * size and body[at + size:at + size + 2] == b'\r\n'
                        count, at = count + size, at + size + 2
                    print(head[:15].decode(), count, flush=True)
                    """#
            )
            #expect(outcome.said == ["HTTP/1.1 200 OK 150000"], "\(outcome)")
        }
    }
}
