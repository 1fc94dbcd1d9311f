import Foundation
import Glibc
import Testing

extension EndToEnd {
    @Suite("Nesting", .serialized)
    struct NestingTests {
        let place: Place

        init() throws {
            place = try Place()
            try place.nestingProfiles()
        }

        /// A script in a child of an agent under `top`.
        func child(_ script: String, options: String = "", input: Data = Data()) throws -> Outcome {
            try place.write(script, to: "workspace/script")
            return try place.agent(
                "bailey run -p mid \(options) -- sh ./script",
                profile: "top",
                input: input
            )
        }

        @Test("An agent launches a child, and that a grandchild")
        func grandchild() throws {
            let outcome = try place.agent(
                "echo level $((1 + 2)); readlink /proc/self/ns/user",
                at: .grandchild
            )
            #expect(outcome.code == 0 && outcome.lines.first == "level 3", "\(outcome)")
        }

        @Test("Streams of a child are relayed, each on its own, and the end of input is passed on")
        func streams() throws {
            let outcome = try child("cat; echo bad >&2", input: Data("hello\n".utf8))
            #expect(outcome.output == "hello\n")
            #expect(outcome.errors.contains("bad"))
        }

        @Test("A megabyte through a grandchild's pipes arrives whole")
        func bulk() throws {
            let data = Data((0..<1_000_000).map { UInt8(truncatingIfNeeded: ($0 * 7) % 95 + 32) })
            let outcome = try place.bailey(
                ["run", "-p", "top", "--profiles", place.profiles, "--", "bailey", "run", "-p", "mid", "--"]
                    + ["bailey", "run", "-p", "leaf", "--", "cat"],
                input: data
            )
            #expect(outcome.output.utf8.count == data.count)
            let isSame = outcome.output.utf8.elementsEqual(data)
            #expect(isSame)
        }

        @Test("A child starts in its caller's directory")
        func directory() throws {
            try place.write("", to: "workspace/sub/file")
            let outcome = try place.agent("cd sub; bailey run -p mid -w .. -- pwd", profile: "top")
            #expect(outcome.lines == [place.workspace + "/sub"], "\(outcome)")
        }

        @Test("A child's exit code is relayed through every level", arguments: [0, 7, 125, 126, 127, 255])
        func exitCode(code: Int32) throws {
            #expect(try place.agent("exit \(code)", at: .grandchild).code == code)
        }

        @Test("A child that a signal ended gives 128 + signal at every level")
        func signalled() throws {
            #expect(try place.agent("kill -TERM $$", at: .grandchild).code == 143)
        }

        @Test("A command that a child cannot find gives 127 and its name")
        func notFound() throws {
            let outcome = try place.agent("bailey run -p mid -- no-such-program", profile: "top")
            #expect(outcome.code == 127)
            #expect(outcome.errors.contains("no-such-program"))
        }

        @Test(
            "R08: a signal for the outermost launcher reaches a grandchild",
            arguments: [SIGTERM, SIGINT, SIGUSR1]
        )
        func signals(number: Int32) throws {
            try place.write(
                "trap 'echo got it; exit 42' TERM INT USR1; echo ready; while :; do sleep 0.01; done",
                to: "workspace/trapping"
            )
            let below = [
                "bailey", "run", "-p", "mid", "--", "bailey", "run", "-p", "leaf", "--", "sh", "./trapping",
            ]
            let running = try RunningCommand(
                place.launcher + ["-p", "top", "--profiles", place.profiles, "--"] + below,
                environment: place.environment,
                directory: place.workspace
            )
            #expect(running.awaitOutput("ready"))
            running.signal(number)
            let outcome = running.finish()
            #expect(outcome.code == 42 && outcome.output.contains("got it"), "\(outcome)")
        }

        @Test(
            "Each level has namespaces of its own",
            arguments: ["user", "mnt", "pid", "net", "ipc", "uts", "cgroup"]
        )
        func namespaces(kind: String) throws {
            let read = "readlink /proc/self/ns/\(kind)"
            let outcome = try child("\(read); bailey run -p leaf -- \(read)")
            let outer = try place.control(read)
            #expect(Set(outcome.lines + outer.lines).count == 3, "\(outcome)")
        }

        @Test("S01 P01: no capability, no_new_privs and seccomp hold for a grandchild and its init")
        func privileges() throws {
            let outcome = try place.agent(
                "grep -hE '^(Cap|NoNewPrivs|Seccomp:)' /proc/self/status /proc/1/status",
                at: .grandchild
            )
            #expect(outcome.lines.count == 14)
            for line in outcome.lines where line.hasPrefix("Cap") {
                #expect(line.hasSuffix("\t0000000000000000"))
            }
            #expect(outcome.lines.filter { $0 == "NoNewPrivs:\t1" || $0 == "Seccomp:\t2" }.count == 4)
        }

        @Test("What a child writes in the workspace belongs to the workspace's owner")
        func ownership() throws {
            let owner: uid_t = getuid() == 0 ? 4711 : getuid()
            chown(place.workspace, owner, owner)
            #expect(try place.agent("echo x > made", at: .grandchild).code == 0)
            let attributes = try FileManager.default.attributesOfItem(atPath: place.workspace + "/made")
            #expect(attributes[.ownerAccountID] as? UInt32 == owner)
        }

        @Test("A child's child may be launched under no name that its parent's profile leaves out")
        func names() throws {
            try place.profile("other", "extends: [base]\n")
            let outcome = try place.agent("bailey run -p other -- touch ran", profile: "top")
            #expect(outcome.code == 125)
            #expect(outcome.errors.contains("children.profiles") && outcome.errors.contains("mid, leaf"))
            #expect(place.read("workspace/ran") == nil)
        }

        @Test("Depth holds: a profile with depth 1 has no grandchildren")
        func depth() throws {
            try place.profile(
                "shallow",
                "extends: [base]\nchildren: {profiles: [mid, leaf], depth: 1, count: 16}\n"
            )
            try place.profile("mid", "extends: [base]\nchildren: {profiles: [leaf], depth: 1, count: 8}\n")
            let outcome = try place.agent(
                "bailey run -p leaf -- echo one; bailey run -p leaf -- bailey run -p leaf -- touch ran",
                profile: "shallow"
            )
            #expect(outcome.lines == ["one"])
            #expect(outcome.code == 125)
            #expect(place.read("workspace/ran") == nil)
        }

        @Test("H06: count holds for all live descendants together, launched at once")
        func count() throws {
            try place.profile("few", "extends: [base]\nchildren: {profiles: [leaf], depth: 1, count: 3}\n")
            try place.write(
                """
                for i in 1 2 3 4 5 6 7 8; do
                    bailey run -p leaf -- sh -c "touch up.$i; while [ ! -e done ]; do sleep 0.01; done" 2>err.$i || touch no.$i &
                done
                while [ $(ls up.* no.* 2>/dev/null | wc -l) -lt 8 ]; do sleep 0.02; done
                ls up.* | wc -l; cat err.* | grep -c children.count; touch done; wait
                """,
                to: "workspace/burst"
            )
            let outcome = try place.agent("sh ./burst", profile: "few")
            #expect(outcome.lines == ["3", "5"], "\(outcome)")
        }
    }
}
