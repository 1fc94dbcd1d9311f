import Foundation
import Glibc
import TestSupport
import Testing

extension EndToEnd.FleetTests {
    private func machine(trusting keys: [String]) throws -> Place {
        let machine = try Place()
        let settings = String(try database.settings(in: machine).dropLast())
        try configure(machine, settings + ", trust: [\(keys.joined(separator: ", "))]}")
        #expect(try machine.agent("true").code == 0)
        return machine
    }

    /// Until it is so, two minutes long.
    func awaits(_ condition: () throws -> Bool) rethrows -> Bool {
        let end = Date(timeIntervalSinceNow: 120)
        while Date() < end {
            if try condition() { return true }
            Thread.sleep(forTimeInterval: 0.2)
        }
        return false
    }

    private var user: String { "user:" + ((try? place.control("id -un").lines.first) ?? "") }

    @Test(
        "Whom a trusted machine revokes loses its agents on another, and launches nothing there until it is lifted"
    )
    func revoked() throws {
        #expect(try place.agent("true").code == 0)
        let other = try machine(trusting: [key(of: place)])
        let stranger = try machine(trusting: [])
        let running = try other.running("echo ready; sleep 60")
        #expect(running.awaitOutput("ready"))
        let revoke = try place.bailey(["revoke", user, "--reason", "the key leaked"])
        #expect(revoke.code == 0, "\(revoke)")
        let ended = running.finish()
        #expect(ended.code != 0, "\(ended)")
        #expect(ended.errors.contains("the key leaked"), "\(ended)")
        let refused = try other.agent("touch ran")
        #expect(refused.code == 125 && refused.errors.contains("the key leaked"), "\(refused)")
        #expect(refused.errors.contains("on the machine where it was said"), "\(refused)")
        #expect(!FileManager.default.fileExists(atPath: other.workspace + "/ran"))
        #expect(try stranger.agent("true").code == 0, "the control: one that trusts nobody")
        let lift = try place.bailey(["revoke", "--lift", user, "--reason", "a new key"])
        #expect(lift.code == 0, "\(lift)")
        let launched = try other.agent("touch ran")
        #expect(launched.code == 0, "\(launched)")
        #expect(try place.bailey(["audit", "verify", "--fleet"]).code == 0)
    }

    @Test(
        "A revocation that a trusted machine did not sign cuts nobody off, and is no answer either: nothing is launched"
    )
    func forged() throws {
        #expect(try place.agent("true").code == 0)
        let key = try key(of: place)
        let other = try machine(trusting: [key])
        let running = try other.running("echo ready; until [ -e go ]; do sleep 0.1; done; echo went on")
        #expect(running.awaitOutput("ready"))
        try database.run(
            "INSERT INTO bailey_record SELECT chain, sequence + 1000, run, time, 'revocation', NULL, '\(user)', '', NULL, '{\"principal\":\"\(user)\"}', previous, hash FROM bailey_record WHERE chain = '\(key)' AND sequence = 1"
        )
        let refused = try other.agent("touch ran")
        #expect(
            refused.code == 125 && refused.errors.contains("is not what that machine wrote"),
            "\(refused)"
        )
        #expect(!FileManager.default.fileExists(atPath: other.workspace + "/ran"))
        // The agent's own supervisor has read it, too.
        let before = try readings()
        #expect(try awaits { try readings() > before })
        try other.write("", to: other.workspace + "/go")
        let outcome = running.finish()
        #expect(outcome.code == 0 && outcome.output.contains("went on"), "\(outcome)")
        try database.run("DELETE FROM bailey_record WHERE sequence = 1001")
        #expect(try other.agent("touch ran").code == 0, "the control")
    }

    /// How often anybody has read what was revoked, of this database.
    private func readings() throws -> Int {
        try database.server.log(of: database.name).count { $0.contains("LEFT JOIN LATERAL") }
    }

    @Test("What is notified is read at once, and not when it is read in any case")
    func notified() throws {
        #expect(try place.agent("true").code == 0)
        let other = try machine(trusting: [key(of: place)])
        let running = try other.running("echo ready; until [ -e go ]; do sleep 0.1; done")
        #expect(running.awaitOutput("ready"))
        let start = Date()
        for _ in 0..<6 {
            let before = try readings()
            // One that comes while it reads is heard behind that.
            try database.run("SELECT pg_notify('bailey_revocation', '')")
            #expect(try awaits { try readings() > before })
        }
        // Without notifications each comes five seconds behind the one before.
        #expect(Date().timeIntervalSince(start) < 20)
        try other.write("", to: other.workspace + "/go")
        let outcome = running.finish()
        #expect(outcome.code == 0, "\(outcome)")
    }

    @Test(
        "A revocation that the database cannot have holds here, and it is said that others do not hear of it"
    )
    func unshared() throws {
        #expect(try place.agent("true").code == 0)
        let other = try machine(trusting: [key(of: place)])
        try configure(place, database.settings(in: place, database.url(port: Port.free())))
        let revoke = try place.bailey(["revoke", user, "--reason", "the key leaked"])
        #expect(revoke.code == 1 && revoke.errors.contains("do not hear of it"), "\(revoke)")
        #expect(try other.agent("true").code == 0)
        try configure(place)
        let refused = try place.agent("true")
        #expect(refused.code == 125 && refused.errors.contains("the key leaked"), "\(refused)")
        // That a launch was refused is a record, and what was missed goes before it.
        #expect(try awaits { try other.agent("true").code == 125 })
    }

    @Test(
        "What is wrong with trust in bailey.yaml is named",
        arguments: [("[x]", "no public key"), ("x", "a list")]
    )
    func trust(written: String, complaint: String) throws {
        let settings = String(try database.settings(in: place).dropLast())
        try configure(place, settings + ", trust: \(written)}")
        let outcome = try place.agent("true")
        #expect(outcome.code == 125 && outcome.errors.contains(complaint), "\(outcome)")
    }

    @Test("What a machine with a long log has revoked is found by an index")
    func indexed() throws {
        #expect(try place.agent("true").code == 0)
        let key = try key(of: place)
        try database.run(
            """
            INSERT INTO bailey_record SELECT chain, sequence + g, run, time, kind, agent, lineage, ancestry, verdict, payload, previous, hash
            FROM bailey_record, generate_series(1000, 101000) g WHERE chain = '\(key)' AND sequence = 1
            """,
            "ANALYZE bailey_record"
        )
        _ = try machine(trusting: [key])
        let scans =
            "SELECT coalesce(max(idx_scan), 0) FROM pg_stat_user_indexes WHERE indexrelname = 'bailey_revocation'"
        #expect(try awaits { try database.run(scans) != ["0"] })
    }
}
