import Foundation
import Glibc
import Testing

extension EndToEnd {
    /// Connections that are open and say nothing, by the thousand.
    @Suite("Gateway: idle connections", .serialized)
    struct IdleTests {
        let place: Place
        let servers: Servers

        init() throws {
            place = try Place()
            servers = try Servers.started()
            try place.write(servers.operatorConfiguration, to: place.configuration + "/bailey.yaml")
            try place.write(
                """
                bailey: 1
                name: idle
                extends: [base]
                limits: {open-files: 20000}
                egress: [{to: "http://allowed.test:\(servers.httpPort)", private: true, allow: ["GET /v1/**"]}]

                """,
                to: "config/bailey/profiles/idle.yaml"
            )
            try place.write(
                Self.client.replacing("PORT", with: "\(servers.httpPort)"),
                to: "workspace/hold.py"
            )
        }

        /// Opens so many connections, asks on each and leaves it open; says how many were answered, and at the end how many of
        /// them still are.
        private static let client = #"""
            import select, socket, sys
            request = b'GET /v1/idle HTTP/1.1\r\nHost: allowed.test:PORT\r\n\r\n'
            def answered(peer, *place):
                try:
                    if place: peer.connect(place)
                    peer.sendall(request)
                    data = b''
                    while not data.endswith(b'\n') or b'\r\n\r\n' not in data:
                        more = peer.recv(65536)
                        if not more: return False
                        data += more
                    return data.startswith(b'HTTP/1.1 200')
                except OSError: return False
            address, held, refused = socket.gethostbyname('allowed.test'), [], 0
            for _ in range(int(sys.argv[1])):
                peer = socket.socket()
                peer.settimeout(20)
                if answered(peer, address, PORT): held.append(peer)
                else: refused += 1
            print('held', len(held), 'refused', refused, flush=True)
            sys.stdin.readline()
            closed = select.select(held[:500], [], [], 0)[0]
            print('ended', len(closed), 'again', all(answered(peer) for peer in held[::50]))
            """#

        private func command(_ words: [String]) throws -> RunningCommand {
            try RunningCommand(words, environment: place.environment, directory: place.workspace)
        }

        private func serving(_ descriptors: Int) throws -> RunningCommand {
            let server = try command(["bash", "-c", "ulimit -n \(descriptors); exec '\(place.binary)' serve"])
            try #require(server.awaitErrors("serving at"))
            return server
        }

        private func holding(_ count: Int) throws -> RunningCommand {
            try command([place.binary, "run", "-p", "idle", "--", "python3", "hold.py", "\(count)"])
        }

        /// How many of fifty requests of another agent, one after the other on connections of their own, are answered.
        private func neighbour() throws -> Int {
            let url = "http://allowed.test:\(servers.httpPort)/v1/neighbour?[1-50]"
            let outcome = try place.bailey([
                "run", "-p", "idle", "--", "curl", "-sS", "-m", "20", "-H", "Connection: close", "-o",
                "/dev/null",
                "-w", "%{http_code}\\n", url,
            ])
            return outcome.lines.count { $0 == "200" }
        }

        private func released(_ running: RunningCommand) -> Outcome {
            running.write(Data("\n".utf8))
            return running.finish()
        }

        private func open(_ server: RunningCommand) throws -> Int {
            try FileManager.default.contentsOfDirectory(atPath: "/proc/\(server.processIdentifier)/fd").count
        }

        @Test(
            "Ten thousand attempts of one agent get it its share, are on record in a sum, and cost another agent nothing"
        )
        func greedy() throws {
            let server = try serving(Self.descriptors)
            defer { end(server) }
            #expect(try neighbour() == 50)
            let memory = try Memory.peak(of: server.processIdentifier)
            let greedy = try holding(10_000)
            defer { greedy.signal(SIGTERM) }
            try #require(greedy.awaitOutput("\n", within: 300), "\(greedy.outputSoFar)")
            #expect(greedy.outputSoFar == "held 512 refused 9488\n")
            #expect(try open(server) < 512 * 2 + 400)
            #expect(try neighbour() == 50)
            #expect(try Memory.peak(of: server.processIdentifier) - memory < 64)
            let end = released(greedy)
            #expect(end.lines.last == "ended 0 again True", "\(end)")
            let refused = try place.records(["--denied"])
            #expect(refused.allSatisfy { $0.record.reason == "over-budget" }, "\(refused.prefix(3))")
            #expect(!refused.isEmpty && refused.count < 600, "\(refused.count)")
            let sums = refused.compactMap { $0.record.action == "further requests" ? $0.record.message : nil }
            let counted = sums.compactMap { $0.split(separator: " ").first.flatMap { Int($0) } }.reduce(0, +)
            #expect(counted + refused.count - sums.count == 9_488, "\(sums)")
        }

        @Test(
            "Of ten thousand connections of twenty agents each gets its share, held idle while another agent is served"
        )
        func crowd() throws {
            let descriptors = Self.descriptors
            let server = try serving(descriptors)
            defer { end(server) }
            #expect(try neighbour() == 50)
            let memory = try Memory.peak(of: server.processIdentifier)
            let crowd = try (0..<20).map { _ in try holding(500) }
            defer { for one in crowd { one.signal(SIGTERM) } }
            for one in crowd { try #require(one.awaitOutput("\n", within: 300)) }
            let held = crowd.compactMap {
                $0.outputSoFar.split(separator: " ").dropFirst().first.flatMap { Int($0) }
            }
            // An eighth is for such connections (`DescriptorLimit`); of that one agent gets no more than twice what is left.
            let all = min(10_000, (descriptors - 128) / 8 * 40 / 42)
            #expect(held.count == 20 && held.reduce(0, +) >= all * 9 / 10, "\(held)")
            #expect((held.max() ?? 0) <= (held.min() ?? 0) * 2, "\(held)")
            #expect(try neighbour() == 50)
            // 60 MB for a thousand, under TLS, is what is promised (`make bench-http`).
            #expect(try Memory.peak(of: server.processIdentifier) - memory < 600)
            for one in crowd {
                let end = released(one)
                #expect(end.lines.last == "ended 0 again True", "\(end)")
            }
        }

        /// As many as this process may have: on most machines enough for all of them.
        private static let descriptors: Int = {
            var limit = rlimit()
            getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
            return Int(clamping: min(limit.rlim_max, 200_000))
        }()

        private func end(_ server: RunningCommand) {
            server.signal(SIGTERM)
            _ = server.finish()
        }
    }
}
