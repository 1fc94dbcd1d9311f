import Foundation
import Glibc
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
                    + "children: {profiles: [some, one], depth: 2, count: 204}\n"
            )
            try place.profile(
                "some",
                "extends: [base]\negress: [\(rule)]\nlimits: {processes: 1024}\n"
                    + "children: {profiles: [one], depth: 1, count: 50}\n"
            )
            try place.profile("one", "extends: [base]\negress: [\(rule)]\nlimits: {processes: 16}\n")
        }

        /// How many one process may have.
        private static var descriptors: rlim_t {
            var limit = rlimit()
            getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
            return limit.rlim_max
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

        /// An agent has 64 of its own at once at most, so they are four agents' children.
        @Test(
            "J18: two hundred children at once are each served, and leave nothing",
            .enabled(if: Self.descriptors >= 10_000, "needs ulimit -Hn of 10000")
        )
        func twoHundred() throws {
            let server = try RunningCommand(
                place.server,
                environment: place.environment,
                directory: place.root
            )
            try #require(server.awaitErrors("serving at"))
            let pid = server.processIdentifier
            func round(_ count: Int) throws -> Outcome {
                let url = "https://allowed.test:\(servers.tlsPort)/x"
                try place.write(
                    """
                    for child in $(seq \(count)); do
                        bailey run -p one -- curl -sS -m150 -o /dev/null -w '%{http_code}\\n' \(url) &
                    done
                    wait

                    """,
                    to: "workspace/some"
                )
                return try place.agent(
                    "for child in 1 2 3 4; do bailey run -p some -- sh some & done; wait",
                    profile: "many"
                )
            }
            let first = try round(1)
            #expect(first.lines == Array(repeating: "200", count: 4), "\(first)")
            let before = try held(by: pid)
            let outcome = try round(50)
            #expect(outcome.lines == Array(repeating: "200", count: 200), "\(outcome)")
            let asked = try place.records().filter { $0.verdict == "allow" && $0.record.action == "GET /x" }
            #expect(asked.count == 204)
            var after = try held(by: pid)
            let end = Date(timeIntervalSinceNow: 60)
            // The kernel takes namespaces down in its own time, and connections kept to a server go after theirs.
            while zip(after, before).contains(where: { $0 > $1 }), Date() < end { after = try held(by: pid) }
            #expect(after.count == 4 && !zip(after, before).contains { $0 > $1 }, "\(before) then \(after)")
            server.signal(SIGTERM)
            _ = server.finish()
        }
    }
}
