import Foundation
import Testing

extension EndToEnd {
    @Suite("Launching", .serialized)
    struct LaunchTests {
        let place: Place

        init() throws {
            place = try Place()
        }

        @Test("The exit code is the command's own", arguments: [0, 1, 42, 125, 255])
        func exitCode(code: Int32) throws {
            #expect(try place.agent("exit \(code)").code == code)
        }

        @Test("A command that a signal ended gives 128 + signal", arguments: [15, 9, 6])
        func signalled(number: Int32) throws {
            #expect(try place.agent("kill -\(number) $$").code == 128 + number)
        }

        @Test("A command that does not exist gives 127 and its name")
        func notFound() throws {
            let outcome = try place.bailey(["run", "--", "no-such-program"])
            #expect(outcome.code == 127)
            #expect(outcome.errors.contains("no-such-program"))
        }

        @Test("A file that is not executable gives 126")
        func notExecutable() throws {
            try place.write("#!/bin/sh\n", to: "workspace/script", mode: 0o644)
            #expect(try place.bailey(["run", "--", "./script"]).code == 126)
        }

        @Test("Standard streams are relayed, each on its own")
        func streams() throws {
            let outcome = try place.agent("cat; echo bad >&2", input: Data("hello\n".utf8))
            #expect(outcome.output == "hello\n")
            #expect(outcome.errors.contains("bad"))
        }

        @Test("A megabyte through both pipes arrives whole")
        func bulk() throws {
            let data = Data((0..<1_000_000).map { UInt8(truncatingIfNeeded: ($0 * 7) % 95 + 32) })
            let outcome = try place.agent("cat", input: data)
            // Counted first, and compared as a whole: a difference of a megabyte would take hours to be drawn.
            #expect(outcome.output.utf8.count == data.count)
            let isSame = outcome.output.utf8.elementsEqual(data)
            #expect(isSame)
        }

        @Test("The command starts in the caller's directory, and the workspace is writable")
        func workspace() throws {
            let outcome = try place.agent("pwd; echo made > file")
            #expect(outcome.output == place.workspace + "\n")
            #expect(try String(contentsOfFile: place.workspace + "/file", encoding: .utf8) == "made\n")
        }

        @Test("Files keep their owners: what the agent makes belongs to the workspace's owner")
        func ownership() throws {
            _ = try place.agent("echo x > made; mkdir folder")
            for name in ["made", "folder"] {
                let attributes = try FileManager.default.attributesOfItem(
                    atPath: place.workspace + "/" + name
                )
                #expect(attributes[.ownerAccountID] as? UInt32 == getuid())
            }
        }

        @Test("The agent is never root outside, and no user id of the host's inside")
        func identity() throws {
            let outcome = try place.agent("id -u; cat /proc/self/uid_map")
            let words = outcome.output.split { $0 == " " || $0 == "\n" }
            try #require(words.count == 4)
            #expect(words[0] != "0")
            #expect(words[2] != "0")
            #expect(words[3] == "1")
        }

        @Test("Every namespace is its own", arguments: ["user", "mnt", "pid", "net", "ipc", "uts", "cgroup"])
        func namespaces(kind: String) throws {
            let inside = try place.agent("readlink /proc/self/ns/\(kind)")
            let outside = try place.control("readlink /proc/self/ns/\(kind)")
            #expect(inside.output.hasPrefix("\(kind):["))
            #expect(inside.output != outside.output)
        }

        @Test("No capability is left in any set, no_new_privs and seccomp are on, in init as well")
        func privileges() throws {
            let outcome = try place.agent(
                "grep -hE '^(Cap|NoNewPrivs|Seccomp:)' /proc/self/status /proc/1/status"
            )
            let lines = outcome.output.split(separator: "\n")
            #expect(lines.count == 14)
            for line in lines where line.hasPrefix("Cap") { #expect(line.hasSuffix("\t0000000000000000")) }
            #expect(lines.filter { $0 == "NoNewPrivs:\t1" }.count == 2)
            #expect(lines.filter { $0 == "Seccomp:\t2" }.count == 2)
        }

        @Test("F01 F04: no descriptor but 0, 1 and 2 reaches the command", arguments: Standing.possible)
        func descriptors(standing: Standing) throws {
            let place = try Place(for: standing.starter)
            let held = "exec 9</etc 20</etc/hostname 900<>/dev/null; ulimit -S -n 256;"
            let outcome = try Command.run(
                ["bash", "-c", "\(held) exec \"$@\"", "bash"]
                    + place.command(["ls", "/proc/self/fd"], at: standing),
                environment: place.environment,
                directory: place.workspace
            )
            // ls itself holds 3, the directory it reads.
            #expect(outcome.lines == ["0", "1", "2", "3"])
            let control = try place.control("bash -c '\(held) exec ls /proc/self/fd'")
            #expect(["9", "20", "900"].allSatisfy(control.lines.contains))
        }

        @Test("The system is read-only, /run is empty, /tmp is private")
        func view() throws {
            try place.write("host", to: place.root + "-beside")
            defer { try? FileManager.default.removeItem(atPath: place.root + "-beside") }
            let paths = "/usr/planted /etc/planted /planted /dev/planted /.bailey/planted /proc/sys/planted"
            let outcome = try place.agent(
                "for f in \(paths); do echo x > $f && echo WROTE $f; done 2>/dev/null; ls -A /run; ls /tmp"
            )
            // The workspace of a test is in /tmp, so that the way there exists and nothing beside it.
            #expect(outcome.lines == [URL(filePath: place.root).lastPathComponent])
            #expect(!FileManager.default.fileExists(atPath: "/usr/planted"))
        }

        @Test(
            "E17: credential files and the shadow file are not there",
            arguments: [
                "/etc/shadow", "/etc/ssh/ssh_host_rsa_key", "/root/.bashrc", "/etc/sudoers",
            ]
        )
        func credentialFiles(path: String) throws {
            #expect(try place.agent("ls \(path)").errors.contains("No such file"))
        }

        @Test("E16: the kernel's key lists are masked", arguments: Standing.possible)
        func keys(standing: Standing) throws {
            let place = try Place(for: standing.starter)
            #expect(try place.agent("cat /proc/keys /proc/key-users", at: standing).output.isEmpty)
            #expect(try !place.control("cat /proc/key-users").output.isEmpty)
        }

        @Test(
            "E05: init's memory and environment cannot be read",
            arguments: ["mem", "environ", "maps"],
            Standing.possible
        )
        func initMemory(file: String, standing: Standing) throws {
            let place = try Place(for: standing.starter)
            let outcome = try place.agent("head -c1 /proc/1/\(file) || exit 9", at: standing)
            #expect(outcome.code == 9, "\(outcome)")
        }

        @Test("E08: a start-up variable of the caller's shell does not run inside")
        func startupHook() throws {
            try place.write("echo hooked", to: "workspace/hook")
            let variables = ["BASH_ENV": place.workspace + "/hook", "ENV": place.workspace + "/hook"]
            let inside = try place.bailey(["run", "--", "bash", "-c", "true"], environment: variables)
            #expect(!inside.output.contains("hooked"))
            let outside = try Command.run(
                ["bash", "-c", "true"],
                environment: place.environment.merging(variables) { $1 },
                directory: place.workspace
            )
            #expect(outside.output.contains("hooked"))
        }

        @Test("E04: neither policy nor environment travels in an argument list", arguments: Standing.possible)
        func argumentLists(standing: Standing) throws {
            let place = try Place(for: standing.starter)
            let outcome = try place.agent(
                "cat /proc/*/cmdline | tr '\\0' ' '",
                at: standing,
                environment: ["CANARY": "canary-value"]
            )
            #expect(!outcome.output.contains("canary-value"))
        }

        @Test("A time limit ends the command with 124 and says so")
        func timeLimit() throws {
            try place.profile("short", "extends: [base]\nlimits: {time: 1s}\n")
            let outcome = try place.agent("trap '' TERM; sleep 30", profile: "short")
            #expect(outcome.code == 124)
            #expect(outcome.errors.contains("time limit"))
        }
    }
}
