import Foundation
import TestSupport
import Testing

extension Escapes {
    /// Section F: file descriptors.
    @Suite("File descriptors", .serialized)
    struct DescriptorTests {
        @Test("F02: a folder that the caller holds open is no way out", arguments: Standing.possible)
        func heldFolder(standing: Standing) throws {
            let place = try Place(for: standing.starter)
            let escape = "for n in 3 4 5 6 7 8 9; do cat /proc/self/fd/$n/debian_version; done"
            let held = "exec 9</etc;"
            let outcome = try Command.run(
                ["sh", "-c", "\(held) exec \"$@\"", "sh"]
                    + place.command(["sh", "-c", escape], at: standing),
                environment: place.environment,
                directory: place.workspace
            )
            #expect(outcome.output.isEmpty)
            #expect(try !place.control("\(held) \(escape)").output.isEmpty)
        }

        @Test("F03: a working directory that the agent does not see stops the launch")
        func hiddenDirectory() throws {
            let place = try Place()
            try place.write("secret", to: "elsewhere/file")
            let run =
                "\(place.binary) run -w '\(place.workspace)' -- sh -c 'cat file; touch \(place.workspace)/ran'"
            let outcome = try place.control("cd ../elsewhere && exec \(run)")
            #expect(outcome.code == 125 && outcome.errors.contains("chdir"), "\(outcome)")
            #expect(outcome.errors.contains("-w"))
            #expect(place.read("workspace/ran") == nil)
            #expect(try place.control("cd ../elsewhere && cat file").output == "secret")
        }

        @Test("F03: no number of dots leads above the agent's root", arguments: Standing.possible)
        func dots(standing: Standing) throws {
            let place = try Place(for: standing.starter)
            try place.write("secret", to: "beside")
            let up = String(repeating: "../", count: 30)
            let paths = "\(up)\(place.root)/beside /proc/self/cwd/../beside /proc/1/root\(place.root)/beside"
            let outcome = try place.agent("cat \(paths)", at: standing)
            #expect(outcome.code != 0 && !outcome.output.contains("secret"))
            #expect(try place.control("cat \(paths)").output.contains("secret"))
        }

        @Test(
            "F05: children that are launched at once get no descriptor of each other's",
            arguments: Standing.roots
        )
        func concurrentLaunches(standing: Standing) throws {
            let place = try Place(for: standing.starter)
            try place.nestingProfiles()
            let each = "echo $(bailey run -p leaf -- ls /proc/self/fd)"
            let outcome = try place.agent(
                "for i in 1 2 3 4 5; do for k in 1 2 3 4 5 6 7 8; do ( \(each) ) & done; wait; done",
                profile: "top",
                under: standing
            )
            let lists = outcome.output.split { $0 == "\n" }
            #expect(lists.count == 40)
            #expect(lists.allSatisfy { $0 == "0 1 2 3" }, "\(outcome)")
        }

        @Test("F07: a connected socket that the caller holds open is closed", arguments: Standing.possible)
        func heldSocket(standing: Standing) throws {
            let place = try Place(for: standing.starter)
            let script = "exec 9<>/dev/udp/127.0.0.1/9; readlink /proc/self/fd/9"
            #expect(try place.control("bash -c '\(script)'").output.contains("socket:"))
            let inside = "readlink /proc/self/fd/*"
            let outcome = try Command.run(
                ["bash", "-c", "\(script); exec \"$@\"", "bash"]
                    + place.command(["bash", "-c", inside], at: standing),
                environment: place.environment,
                directory: place.workspace
            )
            #expect(outcome.lines.count { $0.contains("socket:") } == 1, "\(outcome)")
        }

        @Test(
            "F08: a file given as standard input cannot be written through it",
            arguments: Standing.possible
        )
        func inputFile(standing: Standing) throws {
            let place = try Place(for: standing.starter)
            try place.write("as it was\n", to: "input")
            let overwrite = "echo overwritten > /proc/self/fd/0; cat"
            let outcome = try Command.run(
                ["sh", "-c", "exec \"$@\" < ../input", "sh"]
                    + place.command(["sh", "-c", overwrite], at: standing),
                environment: place.environment,
                directory: place.workspace
            )
            #expect(outcome.output.contains("as it was") || outcome.output.contains("overwritten"))
            #expect(place.read("input") == "as it was\n")
            _ = try place.control("sh -c '\(overwrite)' < ../input")
            #expect(place.read("input")?.contains("overwritten") == true)
        }

        @Test(
            "F11: an exit code written to every descriptor is nobody's exit code",
            arguments: Standing.possible
        )
        func forgedStatus(standing: Standing) throws {
            let place = try Place(for: standing.starter)
            let forge =
                "for f in /proc/self/fd/* /proc/1/fd/*; do printf '\\3\\0\\0\\0\\0' > $f; done 2>/dev/null; exit 7"
            #expect(try place.agent(forge, at: standing).code == 7)
        }

        @Test(
            "F14: neither the launcher's programs nor init's can be opened for writing",
            arguments: Standing.possible
        )
        func launcherProgram(standing: Standing) throws {
            let place = try Place(for: standing.starter)
            try place.arm(with: attacker("f14"))
            let outcome = try place.agent(
                "./f14 /proc/1/exe /.bailey/bin/init /.bailey/bin/bailey",
                at: standing
            )
            #expect(outcome.code == 1 && outcome.output.isEmpty, "\(outcome)")
            let control = try place.control("cp ./f14 ./victim; ./f14 ./victim")
            #expect(control.lines == ["REACHED ./victim"], "\(control)")
        }

        @Test(
            "F15: running /proc/self/exe runs nothing of the supervisor's",
            arguments: ["link", "script"],
            Standing.possible
        )
        func ownProgram(kind: String, standing: Standing) throws {
            let place = try Place(for: standing.starter)
            try FileManager.default.createSymbolicLink(
                atPath: place.workspace + "/link",
                withDestinationPath: "/proc/self/exe"
            )
            try place.write("#!/proc/self/exe --version\n", to: "workspace/script", mode: 0o755)
            let outcome = try Command.run(
                place.command(["./\(kind)", "--version"], at: standing),
                environment: place.environment,
                directory: place.workspace
            )
            #expect(outcome.code != 0)
            #expect(outcome.output.isEmpty, "\(outcome)")
            #expect(try place.bailey(["--version"]).code == 0)
        }
    }
}
