import Foundation
import Testing

extension EndToEnd {
    /// Programs that say what they want and are gone.
    @Suite("Last attempts", .serialized)
    struct LastAttemptTests {
        let place: Place

        init() throws {
            place = try Place()
            try place.profile("brief", "extends: [base]\nlimits: {time: 8s}\n")
        }

        /// One record of any kind.
        private struct Line: Decodable {
            let kind: String
            let verdict: String?
            let record: Details

            struct Details: Decodable {
                let action: String?
                let resource: String?
                let status: Int?
            }
        }

        private func log() throws -> [Line] {
            try place.bailey(["audit", "--json"]).output.split(separator: "\n").map {
                try JSONDecoder().decode(Line.self, from: Data($0.utf8))
            }
        }

        /// The command itself connects, sends and exits without waiting for anything.
        private func hit(_ scheme: String, _ port: Int, _ text: String, then last: String) -> String {
            let wrap = "ssl._create_unverified_context().wrap_socket(peer, server_hostname='denied.test')"
            return """
                exec python3 -c "
                import os, socket, ssl, time
                peer = socket.create_connection(('denied.test', \(port)))
                peer = \(scheme == "https" ? wrap : "peer")
                peer.sendall(b'\(text)')
                \(last)"
                """
        }

        private func request(_ path: String) -> String {
            "GET \(path) HTTP/1.1\\r\\nHost: denied.test\\r\\n\\r\\n"
        }

        /// Without evidence of processes, which is there where somebody got to look before they were gone.
        private func kinds(of lines: [Line]) -> [String] {
            lines.map(\.kind).filter { $0 != "replies" }
        }

        @Test(
            "A program that asks and exits at once leaves its request on record",
            arguments: ["http", "https"]
        )
        func exits(scheme: String) throws {
            let port = scheme == "http" ? 80 : 443
            for round in 0..<20 {
                let outcome = try place.agent(
                    hit(scheme, port, request("/last/\(round)"), then: "os._exit(7)")
                )
                #expect(outcome.code == 7, "\(outcome)")
            }
            let lines = try log()
            let asked = lines.filter { $0.kind == "request" }
            #expect(asked.map(\.record.action) == (0..<20).map { "GET /last/\($0)" })
            #expect(
                asked.allSatisfy { $0.verdict == "deny" && $0.record.resource == "\(scheme)://denied.test" }
            )
            // Each agent's end comes after what it did.
            #expect(kinds(of: lines) == (0..<20).flatMap { _ in ["spawn", "request", "exit"] })
        }

        @Test("Many connections that nobody waits for are all on record before the agent's end")
        func many() throws {
            let script = """
                exec python3 -c "
                import os, socket
                for number in range(60):
                    peer = socket.create_connection(('denied.test', 80))
                    peer.sendall(b'GET /many/%d HTTP/1.1\\r\\nHost: denied.test\\r\\n\\r\\n' % number)
                os._exit(0)"
                """
            #expect(try place.agent(script).code == 0)
            let lines = try log()
            let actions = lines.filter { $0.kind == "request" }.compactMap(\.record.action)
            #expect(Set(actions) == Set((0..<60).map { "GET /many/\($0)" }))
            #expect(actions.count == 60)
            #expect(lines.last?.kind == "exit")
        }

        @Test("A request that the time limit cuts short leaves its connection on record, before the end")
        func timeLimit() throws {
            let script = hit("http", 80, "GET /unfini", then: "time.sleep(60)")
            #expect(try place.agent(script, profile: "brief").code == 124)
            let lines = try log()
            #expect(kinds(of: lines) == ["spawn", "request", "exit"])
            #expect(lines.dropFirst().first?.record.resource == "tcp://denied.test:80")
            #expect(lines.last?.record.status == 124)
        }
    }
}
