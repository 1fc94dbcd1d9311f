import Foundation
import TestSupport
import Testing

extension EndToEnd {
    /// Children by the hundred, each with something to ask outside.
    @Suite("Children at once", .serialized)
    struct ChildrenTests {
        let place: Place
        let servers: Servers

        init() throws {
            place = try .nesting()
            place.isServed = true
            servers = try Servers.started()
            try place.write(servers.operatorConfiguration, to: place.configuration + "/bailey.yaml")
            let rule = "{to: \"https://allowed.test:\(servers.tlsPort)\", private: true, allow: [GET]}"
            try place.profile(
                "many",
                "extends: [base]\negress: [\(rule)]\nlimits: {processes: 4096}\n"
                    + "children: {profiles: [one], depth: 1, count: 200}\n"
            )
            try place.profile("one", "extends: [base]\negress: [\(rule)]\nlimits: {processes: 16}\n")
        }

        /// Descriptors, threads, mounts and files of a supervisor.
        private func held(by pid: pid_t) throws -> [Int] {
            try place.control(
                """
                ls /proc/\(pid)/fd | wc -l; ls /proc/\(pid)/task | wc -l; wc -l < /proc/\(pid)/mountinfo
                find '\(place.root)/state' '\(place.root)/run' ! -name 'audit*' | wc -l
                """
            ).lines.compactMap { Int($0) }
        }

        @Test("J18: two hundred children of one agent at once are each served, and leave nothing")
        func twoHundred() throws {
            let server = try RunningCommand(
                place.server,
                environment: place.environment,
                directory: place.root
            )
            try #require(server.awaitErrors("serving at"))
            let pid = server.processIdentifier
            func round(_ count: Int) throws -> Outcome {
                try place.agent(
                    """
                    for child in $(seq \(count)); do
                        bailey run -p one -- curl -sS -m60 -o /dev/null -w '%{http_code}\\n' https://allowed.test:\(servers.tlsPort)/x &
                    done
                    wait
                    """,
                    profile: "many"
                )
            }
            let first = try round(4)
            #expect(first.lines == Array(repeating: "200", count: 4), "\(first)")
            let before = try held(by: pid)
            let outcome = try round(200)
            #expect(outcome.lines == Array(repeating: "200", count: 200), "\(outcome)")
            let asked = try place.records().filter { $0.verdict == "allow" && $0.record.action == "GET /x" }
            #expect(asked.count == 204)
            var after = try held(by: pid)
            let end = Date(timeIntervalSinceNow: 20)
            // The kernel takes namespaces down in its own time, and connections kept to a server go after theirs.
            while zip(after, before).contains(where: { $0 > $1 }), Date() < end { after = try held(by: pid) }
            #expect(after.count == 4 && !zip(after, before).contains { $0 > $1 }, "\(before) then \(after)")
            server.signal(SIGTERM)
            _ = server.finish()
        }
    }
}
