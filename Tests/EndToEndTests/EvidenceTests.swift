import Foundation
import Glibc
import TestSupport
import Testing

extension EndToEnd {
    /// Which process opened a connection: on record as evidence, and grounds for nothing.
    @Suite("Evidence of processes", .serialized)
    struct EvidenceTests {
        /// `evidence` of `bailey audit show --json`.
        struct Evidence: Decodable {
            struct Process: Decodable {
                let pid: Int
                let program: String?
                let programDigest: String?
                let argv: [String]
            }
            let processes: [Process]
            let missing: String?
        }

        let servers: Servers

        init() throws { servers = try Servers.started() }

        private var origin: String { "http://allowed.test:\(servers.httpPort)" }

        private func place(_ starter: Starter) throws -> Place {
            let place = try Place(for: starter)
            try place.write(servers.operatorConfiguration, to: place.configuration + "/bailey.yaml")
            for (name, children) in [
                ("parent", "children: {profiles: [child], depth: 1, count: 4}\n"), ("child", ""),
            ] {
                try place.profile(
                    name,
                    "extends: [base]\negress: [{to: \"\(origin)\", private: true, allow: [GET]}]\n" + children
                )
            }
            return place
        }

        /// Waits until the evidence of a request is on record.
        private func evidence(of path: String, in place: Place) throws -> Evidence {
            struct Shown: Decodable { let evidence: Evidence? }
            let end = Date(timeIntervalSinceNow: 60)
            while Date() < end {
                if let record = try place.records().first(where: { $0.record.action == "GET \(path)" }) {
                    let shown = try place.bailey(["audit", "show", "\(record.sequence)", "--json"])
                    let decoded = try JSONDecoder().decode(Shown.self, from: Data(shown.output.utf8))
                    if let evidence = decoded.evidence { return evidence }
                }
                usleep(20_000)
            }
            throw NoEvidence(path: path)
        }

        /// One thing that was found out, of all connections that it is true of.
        private struct Piece: Decodable {
            let connections: [Int]
            let missing: String?
        }

        private func pieces(in place: Place) throws -> [Piece] {
            struct Line: Decodable {
                struct Entry: Decodable { let evidence: [Piece]? }
                let record: Entry
            }
            return try place.bailey(["audit", "--json"]).lines.flatMap { line in
                (try? JSONDecoder().decode(Line.self, from: Data(line.utf8)))?.record.evidence ?? []
            }
        }

        private struct NoEvidence: Error { let path: String }

        /// Asks for a path, says so, and keeps the connection until it is told to end.
        private static let asking = """
            import socket, sys
            up = socket.create_connection(("allowed.test", int(sys.argv[1])))
            up.sendall(b"GET %s HTTP/1.1\\r\\nHost: allowed.test:%s\\r\\n\\r\\n" % (sys.argv[2].encode(), sys.argv[1].encode()))
            print(up.recv(4096).split()[1].decode(), flush=True)
            sys.stdin.read()

            """

        @Test(
            "A request's record shows which process held its connection, with program, digest, arguments and its parents",
            arguments: Starter.possible
        )
        func process(starter: Starter) throws {
            let place = try place(starter)
            try place.write(Self.asking, to: "workspace/asks.py")
            let token = "ghp_" + "0123456789abcdefABCDEF0123456789abcd"
            let running = try place.running(
                "sh -c 'sleep 600 & exec 3<&0; bailey run -p child -- python3 ./asks.py \(servers.httpPort) /e1 \(token) <&3; true'",
                profile: "parent"
            )
            try #require(running.awaitOutput("200"))
            let found = try evidence(of: "/e1", in: place)
            let holder = try #require(found.processes.first, "\(found)")
            #expect(found.missing == nil)
            #expect(
                holder.argv.prefix(4) == ["python3", "./asks.py", "\(servers.httpPort)", "/e1"],
                "\(holder)"
            )
            #expect(holder.argv.count == 5 && holder.argv.last?.contains(token) == false, "masked: \(holder)")
            let python = try place.control(
                "readlink -f \"$(command -v python3)\"; sha256sum \"$(command -v python3)\""
            )
            #expect(holder.program == python.lines.first, "\(holder)")
            #expect(holder.programDigest == python.lines.last.map { String($0.prefix(64)) }, "\(holder)")
            // The child's own init, and nothing of the agent above it.
            #expect(found.processes.map(\.pid) == [holder.pid, 1], "\(found)")
            #expect(found.processes.last?.program?.hasSuffix("/init") == true, "\(found)")
            let record = try #require(try place.records().last)
            let shown = try place.bailey(["audit", "show", "\(record.sequence)"]).output
            #expect(shown.contains("  process \(holder.pid): python3 ./asks.py"), "\(shown)")
            #expect(shown.contains("evidence, which decided nothing"), "\(shown)")
            #expect(try place.bailey(["audit"]).output.contains("  process  "))
            #expect(running.finish().code == 0)
            #expect(try place.bailey(["audit", "verify"]).code == 0)
        }

        @Test("Parents are named up to the agent's init, whoever forked, and only the agent's")
        func parents() throws {
            let place = try place(.this)
            try place.write(Self.asking, to: "workspace/asks.py")
            let running = try place.running(
                "sh -c 'sh -c \"python3 ./asks.py \(servers.httpPort) /e2; true\"; true'",
                profile: "child"
            )
            try #require(running.awaitOutput("200"))
            let found = try evidence(of: "/e2", in: place)
            #expect(
                found.processes.map { $0.argv.first }.dropLast() == ["python3", "sh", "sh", "sh"],
                "\(found)"
            )
            #expect(found.processes.last?.pid == 1)
            #expect(running.finish().code == 0)
        }

        @Test("G09: what the record says of a process decides nothing: another program, handed on, or gone")
        func decidesNothing() throws {
            let place = try place(.this)
            try place.write(Self.asking, to: "workspace/asks.py")
            // The same requests by two programs, one of which is a stranger's: the answers are the rules'.
            let outcome = try place.agent(
                """
                cp "$(readlink -f "$(command -v python3)")" ./trusted
                for program in python3 ./trusted; do
                    for path in /e3 /e4; do PYTHONHOME=/usr $program ./asks.py \(servers.httpPort) $path </dev/null; done
                done
                curl -sS -m60 -o /dev/null -X POST -w '%{http_code}\\n' \(origin)/e5
                """,
                profile: "child"
            )
            #expect(outcome.lines == ["200", "200", "200", "200", "403"], "\(outcome)")
            let records = try place.records()
            #expect(records.map(\.verdict) == ["allow", "allow", "allow", "allow", "deny"], "\(records)")
            #expect(Set(records.map { $0.record.levels.map(\.rule?.text) }).count == 2, "\(records)")
        }

        @Test("What an agent tries that is revoked and left running has evidence, or says why not")
        func revoked() throws {
            struct Line: Decodable { let agent: String }
            let place = try place(.this)
            try place.write(Self.asking, to: "workspace/asks.py")
            let running = try place.running(
                "echo up; until [ -e go ]; do sleep 0.02; done; exec python3 ./asks.py \(servers.httpPort) /e7",
                profile: "child"
            )
            try #require(running.awaitOutput("up"))
            let living = try place.bailey(["ps", "--json"]).output
            let agent = try JSONDecoder().decode(Line.self, from: Data(living.utf8)).agent
            #expect(try place.bailey(["revoke", agent, "--keep-running"]).code == 0)
            try place.write("", to: "workspace/go")
            try #require(running.awaitOutput("403"))
            let found = try evidence(of: "/e7", in: place)
            #expect(found.processes.isEmpty == (found.missing != nil), "\(found)")
            _ = running.finish()
        }

        @Test(
            "Who only connects leaves evidence of no more than its refusals that are on record, which are bounded"
        )
        func silent() throws {
            let place = try place(.this)
            try place.write(Self.asking, to: "workspace/asks.py")
            let outcome = try place.agent(
                """
                python3 -c 'import socket
                for _ in range(300): socket.create_connection(("allowed.test", \(servers.httpPort))).close()'
                python3 ./asks.py \(servers.httpPort) /e6 </dev/null
                """,
                profile: "child"
            )
            #expect(outcome.lines == ["200"], "\(outcome)")
            #expect(try evidence(of: "/e6", in: place).processes.first?.argv.first == "python3")
            let (numbers, records) = (try pieces(in: place).flatMap(\.connections), try place.records())
            #expect(
                numbers.count <= records.count && records.count < 200,
                "\(numbers.count) \(records.count)"
            )
        }

        @Test("A burst of connections is served whole; whose process was not looked for, the record says so")
        func burst() throws {
            let place = try place(.this)
            try place.write(
                """
                import socket, sys
                ups = [socket.create_connection(("allowed.test", \(servers.httpPort))) for _ in range(200)]
                for up in ups: up.sendall(b"GET /burst HTTP/1.1\\r\\nHost: allowed.test:\(servers.httpPort)\\r\\n\\r\\n")
                print(sum(up.recv(4096).split()[1] == b"200" for up in ups), flush=True)
                sys.stdin.read()

                """,
                to: "workspace/burst.py"
            )
            let running = try place.running("python3 ./burst.py", profile: "child")
            try #require(running.awaitOutput("200"))
            var seen: [Piece] = []
            let end = Date(timeIntervalSinceNow: 60)
            while seen.flatMap(\.connections).count < 200, Date() < end {
                seen = try pieces(in: place)
                usleep(20_000)
            }
            let numbers = seen.flatMap(\.connections)
            #expect(numbers.count == 200 && Set(numbers).count == 200, "\(numbers)")
            #expect(seen.contains { $0.missing == nil })
            #expect(
                seen.compactMap(\.missing).allSatisfy { $0.contains("too many connections") },
                "\(Set(seen.compactMap(\.missing)))"
            )
            #expect(running.finish().code == 0)
        }
    }
}
