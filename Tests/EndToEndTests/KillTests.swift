import Foundation
import Glibc
import TestSupport
import Testing

extension EndToEnd {
    /// A supervisor that is killed while its agents are busy.
    @Suite("Killed under load", .serialized)
    struct KillTests {
        let place: Place
        let servers: Servers
        /// In every path of this test.
        private let mark = "kill-\(getpid())-\(UInt32.random(in: 100_000...999_999))"
        /// Two hundred with `BAILEY_KILLS=200`, as `make kills` has it.
        private static let kills = Int(ProcessInfo.processInfo.environment["BAILEY_KILLS"] ?? "") ?? 12

        init() throws {
            place = try Place()
            servers = try Servers.started()
            try place.write(servers.operatorConfiguration, to: place.configuration + "/bailey.yaml")
            try place.profile(
                "busy",
                """
                extends: [base]
                record: full
                children: {profiles: [busy], depth: 1, count: 4}
                egress:
                  - {to: "https://allowed.test:\(servers.tlsPort)", private: true, allow: ["* /v1/**"]}

                """
            )
            try place.write(
                """
                import http.client, itertools, ssl, sys, threading
                name, port = sys.argv[1], int(sys.argv[2])
                tls = ssl.create_default_context()
                def ask(thread):
                    link = http.client.HTTPSConnection("allowed.test", port, context=tls)
                    for number in itertools.count():
                        path = "/v1/%s-%d-%d" % (name, thread, number)
                        link.request("POST", path, body=path)
                        assert link.getresponse().read()
                        if number == 3: print("busy", flush=True)
                for thread in range(4): threading.Thread(target=ask, args=(thread,)).start()

                """,
                to: "workspace/load.py"
            )
        }

        private func load(_ name: String) -> String {
            "/usr/bin/python3 load.py \(mark)-\(name) \(servers.tlsPort)"
        }

        /// The paths of this test that nginx has answered.
        private func arrived() throws -> Set<String> {
            Set(
                try servers.lines(with: mark).compactMap { line in
                    line.split(separator: " ").first { $0.hasPrefix("/v1/\(mark)") }.map(String.init)
                }
            )
        }

        @Test(
            "SIGKILL at any moment under load: whatever reached the server is allowed on record, and the log verifies"
        )
        func killed() throws {
            for attempt in 0..<Self.kills {
                let script = "\(load("\(attempt)-a")) & bailey run -p busy -- \(load("\(attempt)-b")) & wait"
                let running = try place.running(script, profile: "busy")
                #expect(running.awaitOutput("busy"), "attempt \(attempt)")
                Thread.sleep(forTimeInterval: Double.random(in: 0...0.25))
                running.signal(SIGKILL)
                let outcome = running.finish()
                #expect(outcome.code == 137, "\(outcome)")
            }
            #expect(HostProcesses.left(with: mark, within: 60).isEmpty)
            let verified = try place.bailey(["audit", "verify"])
            #expect(verified.code == 0, "\(verified)")
            let allowed = Set(
                try place.records().filter { $0.verdict == "allow" }
                    .compactMap { $0.record.action.split(separator: " ").last.map(String.init) }
            )
            let there = try arrived()
            // Of each attempt at least what its agent waited for.
            #expect(there.count >= Self.kills * 4, "\(there.count)")
            let missing = there.subtracting(allowed)
            #expect(missing.isEmpty, "\(missing.count) of \(there.count): \(missing.sorted().prefix(5))")
        }
    }
}
