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

        /// A command of somebody's, where that is the user database.
        private func bailey(as uid: Int, _ words: [String]) throws -> Outcome {
            let user = """
                import os, sys
                os.setgroups([]); os.setgid(\(uid)); os.setuid(\(uid))
                os.execv(sys.argv[1], sys.argv[1:])
                """
            let given = try place.control("chown -R \(uid) '\(place.root)'")
            try #require(given.code == 0, "\(given)")
            let script = "mount --bind '\(place.root)/passwd' /etc/passwd && exec python3 -c \"$0\" \"$@\""
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
    }
}
