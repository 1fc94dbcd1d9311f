import Foundation
import TestSupport
import Testing

/// Answers to what waits elsewhere whose giver leaves before they are on their way.
extension EndToEnd.FleetApprovalTests {
    /// How an answer is given.
    enum Way: CaseIterable {
        case command, http
    }

    @Test("An answer whose giver has left before it was on its way is not sent", arguments: Way.allCases)
    func left(by way: Way) throws {
        try configure(people: ["\"user:desk:alice\""])
        let server = try desk.serving()
        let running = try asking(path())
        let id = try #require(try desk.held(1).first).id
        var isSeen = false
        // What waits is looked for within three seconds: once more where this machine was too slow for that.
        for _ in 0..<10 where !isSeen { isSeen = try leaves(id, by: way) }
        #expect(isSeen)
        // Behind it on the same queue.
        #expect(try desk.held(1).first?.id == id)
        #expect(try desk.custody("answer-sent").isEmpty)
        #expect(try post(id, "approve", as: "alice").status == "200", "the control")
        #expect(try desk.custody("answer-sent").count == 1)
        #expect(running.finish().output == "200")
        desk.end(server)
    }

    /// Gives an answer while the table is locked, and leaves: whether what waits was looked for until then.
    private func leaves(_ id: String, by way: Way) throws -> Bool {
        let lock = try RunningCommand(
            ["psql", "-XAtq", "-c", "BEGIN; LOCK TABLE bailey_approval; SELECT pg_sleep(600)"],
            environment: [
                "PATH": "/usr/bin:/bin", "PGHOST": "127.0.0.1", "PGPORT": "\(database.server.port)",
                "PGDATABASE": database.name, "PGUSER": DatabaseServer.account.user,
                "PGPASSWORD": DatabaseServer.account.password,
            ],
            directory: build.place.workspace
        )
        let isLocked =
            "SELECT count(*) FROM pg_locks WHERE relation = 'bailey_approval'::regclass AND mode = 'AccessExclusiveLock' AND granted"
        #expect(try build.place.awaits { try database.run(isLocked) == ["1"] })
        let giver =
            switch way {
            case .command:
                try RunningCommand(
                    desk.place.starter.prefix + [desk.place.binary, "approvals", "approve", id, "--fleet"],
                    environment: desk.place.environment,
                    directory: desk.place.workspace
                )
            case .http: try desk.requesting("POST", "/v1/approvals/\(id)/approve?fleet", as: "alice")
            }
        let looks =
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock' AND query LIKE 'WITH ended%'"
        let hasLooked = try build.place.awaits({ try database.run(looks) == ["1"] }, within: 20)
        giver.signal(SIGKILL)
        _ = giver.finish()
        switch way {
        // Behind its end on the same thread.
        case .command: _ = try desk.place.bailey(["approvals"])
        case .http: #expect(try build.place.awaits { try !desk.hasVisitors() })
        }
        let isLooking = try database.run(looks) == ["1"]
        try database.run(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE '%pg_sleep(600)%' AND pid <> pg_backend_pid() AND datname = current_database()"
        )
        _ = lock.finish()
        return hasLooked && isLooking
    }
}
