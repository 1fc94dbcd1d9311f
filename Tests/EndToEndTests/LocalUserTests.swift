import Foundation
import Glibc
import TestSupport
import Testing

extension EndToEnd {
    /// Who somebody is whose entry in the user database is another's as well.
    @Suite("The local user", .serialized, .enabled(if: getuid() == 0, "needs root, which can be other users"))
    struct LocalUserTests {
        let place: Place

        init() throws {
            place = try Place()
            let own = try String(contentsOfFile: "/etc/passwd", encoding: .utf8)
            // As from two sources of users, of which both have a deploy, and one has somebody who is called as another is numbered.
            let entries = [("deploy", 60_500), ("deploy", 60_600), ("60700", 60_701)].map { name, uid in
                "\(name):x:\(uid):\(uid)::/:/bin/sh\n"
            }
            try place.write(own + entries.joined(), to: "passwd")
        }

        /// A command of somebody's, where that, or another file, is the user database.
        private func bailey(
            as uid: Int,
            _ words: [String],
            database: String = "passwd"
        ) throws -> Outcome {
            let user = """
                import os, sys
                os.setgroups([]); os.setgid(\(uid)); os.setuid(\(uid))
                os.execv(sys.argv[1], sys.argv[1:])
                """
            let given = try place.control("chown -R \(uid) '\(place.root)'")
            try #require(given.code == 0, "\(given)")
            let file = place.root + "/" + database
            let script = "mount --bind '\(file)' /etc/passwd && exec python3 -c \"$0\" \"$@\""
            return try Command.run(
                ["unshare", "-m", "sh", "-c", script, user, Binary.path(for: .plainUser)] + words,
                environment: place.environment,
                directory: place.workspace
            )
        }

        @Test(
            "Whom a name does not lead back to is known by the number, and never by what is another's name",
            arguments: [
                (60_500, "user:deploy"), (60_600, "user:60600"), (60_700, "user:#60700"),
                (60_701, "user:60700"),
            ]
        )
        func known(uid: Int, subject: String) throws {
            let outcome = try bailey(as: uid, ["run"] + Kernel.options + ["--", "echo", "ran"])
            #expect(outcome.code == 0 && outcome.output == "ran\n", "\(outcome)")
            let audit = try bailey(as: uid, ["audit", "--json"])
            let spawn = try #require(audit.lines.first { $0.contains(#""kind":"spawn""#) }, "\(audit)")
            #expect(spawn.contains(#""principal":{"subject":"\#(subject)","uid":\#(uid)}"#), "\(spawn)")
        }

        @Test(
            "Who cannot be looked up launches nothing, and is not known by the number instead; what they revoke is revoked all the same"
        )
        func unread() throws {
            // What cannot be opened (ENXIO).
            let made = try place.control(
                "python3 -c 'import socket; socket.socket(1).bind(\"\(place.root)/unread\")'"
            )
            try #require(made.code == 0, "\(made)")
            let words = ["run"] + Kernel.options + ["--", "echo", "ran"]
            let refused = try bailey(as: 60_500, words, database: "unread")
            #expect(refused.code == 125 && refused.output.isEmpty, "\(refused)")
            #expect(refused.errors.contains("user id 60500 cannot be looked up in /etc/passwd"), "\(refused)")
            // The control, which makes the log besides.
            let outcome = try bailey(as: 60_500, words)
            #expect(outcome.code == 0 && outcome.output == "ran\n", "\(outcome)")
            let revoked = try bailey(as: 60_500, ["revoke", "user:gone"], database: "unread")
            #expect(revoked.code == 0, "\(revoked)")
            let list = try bailey(as: 60_500, ["revoke", "--list"])
            #expect(list.code == 0 && list.output.contains("by user:#60500"), "\(list)")
        }

        @Test(
            "Names that nobody has are looked up by no library that ends the program, whichever command asks"
        )
        func nameless() throws {
            // Nobody's number, which the machine's other services would be asked for.
            let run = try bailey(as: 60_900, ["run"] + Kernel.options + ["--", "true"])
            #expect(run.code == 0, "\(run)")
            let id = try #require(
                try bailey(as: 60_900, ["tree"]).lines.first?.split(separator: " ").dropFirst().first
            )
            for (words, code) in [
                (["revoke", "user:54321"], 0), (["audit", "hold", String(id), "--reason", "x"], 0),
                (["audit", "prune", "--for", "1h"], 0),
                (["profile", "explain", "base", "GET http://x.test/"], 1), (["approvals"], 0),
            ] as [([String], Int32)] {
                let outcome = try bailey(as: 60_900, words)
                #expect(outcome.code == code, "\(words): \(outcome)")
            }
            try place.write(
                "bailey: 1\napprovals: {people: [[\"user:not-here\", \"oidc:corp:a\"]]}\n",
                to: place.configuration + "/bailey.yaml"
            )
            for words in [
                ["profile", "check", "base"], ["profile", "explain", "base", "GET http://x.test/"],
            ] {
                let outcome = try bailey(as: 60_900, words)
                let said = outcome.output + outcome.errors
                #expect(outcome.code < 128 && said.contains("no user of the name"), "\(words): \(outcome)")
            }
            for words in [["doctor"], ["identity", "keys"], ["audit", "prune", "--for", "1h"], ["serve"]] {
                let outcome = try bailey(as: 60_900, words)
                #expect(outcome.code < 128, "\(words): \(outcome)")
            }
        }

        @Test("Whoever is known by a number is written so in approvals.people, and nobody else is")
        func listed() throws {
            let people = { (name: String) in "approvals: {people: [[\"user:\(name)\", \"oidc:corp:a\"]]}" }
            for (name, isKnown) in [
                ("60600", true), ("#60700", true), ("60700", true), ("60500", false), ("#60600", false),
            ] {
                try place.write(
                    "bailey: 1\n\(people(name))\n",
                    to: place.configuration + "/bailey.yaml"
                )
                let outcome = try bailey(as: 60_500, ["run"] + Kernel.options + ["--", "echo", "ran"])
                if isKnown {
                    #expect(outcome.code == 0 && outcome.output == "ran\n", "\(name): \(outcome)")
                } else {
                    #expect(outcome.code == 125, "\(name): \(outcome)")
                    #expect(outcome.errors.contains("has no user of the name"), "\(name): \(outcome)")
                }
            }
        }
    }
}
