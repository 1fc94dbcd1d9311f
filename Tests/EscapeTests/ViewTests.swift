import Foundation
import Glibc
import TestSupport
import Testing

extension Escapes {
    /// Section M: what a launch makes of the paths that it is given.
    @Suite("Views", .serialized)
    struct ViewTests {
        /// What root does in a mount namespace of its own before a launcher is started there.
        private func wrapped(_ setUp: String, _ argv: [String]) -> [String] {
            ["unshare", "-m", "--propagation", "private", "sh", "-ec", "\(setUp)\nexec \"$@\"", "sh"] + argv
        }

        private func run(_ argv: [String], in place: Place) throws -> Outcome {
            try Command.run(argv, environment: place.environment, directory: place.workspace)
        }

        @Test("M07: a grant through a link in the workspace is refused", arguments: Standing.possible)
        func plantedLink(standing: Standing) throws {
            let place = try Place(for: standing.starter)
            try place.write("", to: "elsewhere/folder/file")
            try FileManager.default.createSymbolicLink(
                atPath: place.workspace + "/link",
                withDestinationPath: place.root + "/elsewhere"
            )
            let body = "files: {write: [$WORKSPACE/link/folder]}\n"
            let outcome = try place.agent("touch link/folder/ran ran", at: standing, body: body)
            #expect(outcome.code == 125 && outcome.errors.contains("link"), "\(outcome)")
            #expect(place.read("elsewhere/folder/ran") == nil && place.read("workspace/ran") == nil)
            #expect(try place.control("touch link/folder/ran").code == 0)
        }

        @Test("M08: the system's own links work, and so does a grant by one", arguments: Starter.possible)
        func usualLinks(starter: Starter) throws {
            let place = try Place(for: starter)
            try place.write("kept", to: "real/file")
            try FileManager.default.createSymbolicLink(
                atPath: place.root + "/link",
                withDestinationPath: place.root + "/real"
            )
            try place.profile("linked", "extends: [base]\nfiles: {read: [\(place.root)/link]}\n")
            let outcome = try place.agent(
                "cat \(place.root)/link/file && test -x /bin/sh && test -e /lib64 && test -d /var/tmp/ && echo all",
                profile: "linked"
            )
            #expect(outcome.output == "keptall\n", "\(outcome)")
        }

        @Test(
            "M09: a granted folder that is exchanged for a link while agents are launched leads nowhere else",
            arguments: Standing.possible
        )
        func exchangedSource(standing: Standing) throws {
            let place = try Place(for: standing.starter)
            try place.arm(with: attacker("mount"))
            try place.write("granted", to: "workspace/swapped/file")
            try place.write("canary4711", to: "forbidden/file")
            try FileManager.default.createSymbolicLink(
                atPath: place.workspace + "/other",
                withDestinationPath: place.root + "/forbidden"
            )
            let swapper = try RunningCommand(
                ["./mount", "M09", "swapped", "other"],
                environment: [:],
                directory: place.workspace
            )
            #expect(swapper.awaitOutput("up"))
            let body = "files: {read: [$WORKSPACE/swapped]}\n"
            for _ in 0..<12 {
                let outcome = try place.agent("cat swapped/file", at: standing, body: body)
                #expect(!outcome.output.contains("canary4711"), "\(outcome)")
            }
            var seen: Set<String> = []
            for _ in 0..<400 where seen.count < 2 {
                seen.insert(try place.control("cat swapped/file").output)
            }
            #expect(seen.contains("canary4711"), "\(seen)")
            _ = swapper.finish()
        }

        @Test(
            "M12: what the host mounts later does not appear inside",
            .enabled(if: getuid() == 0, "needs root"),
            arguments: Standing.possible
        )
        func lateMount(standing: Standing) throws {
            let place = try Place(for: standing.starter)
            try place.write("", to: "workspace/late/placeholder")
            let running = try place.running("echo ready; read go; ls late", at: standing)
            #expect(running.awaitOutput("ready"))
            let mount = ["sh", "-c", "mount -t tmpfs late late && touch late/seen && ls late"]
            #expect(try run(mount, in: place).lines == ["seen"])
            running.write(Data("go\n".utf8))
            #expect(running.finish().lines == ["ready", "placeholder"])
            #expect(try run(["umount", "late"], in: place).code == 0)
        }

        @Test(
            "M15 R03: where no fresh /proc can be mounted nothing is launched, and the message says so",
            .enabled(if: getuid() == 0, "needs root"),
            arguments: Standing.possible.filter { $0 != .grandchild }
        )
        func coveredProc(standing: Standing) throws {
            let place = try Place(for: standing.starter)
            let command = try place.command(["touch", "ran"], at: standing)
            let outcome = try run(wrapped("mount --bind /dev/null /proc/uptime", command), in: place)
            #expect(outcome.code == 125 && outcome.errors.contains("proc"), "\(outcome)")
            #expect(place.read("workspace/ran") == nil)
            #expect(try run(wrapped("true", command), in: place).code == 0)
            #expect(place.read("workspace/ran") != nil)
        }

        @Test("M34: the deepest path decides, whatever the order of the rules", arguments: Standing.possible)
        func deepestPath(standing: Standing) throws {
            let place = try Place(for: standing.starter)
            for name in ["file", "open/file", "open/kept/file", "open/secret/file", "open/secret/deep/file"] {
                try place.write("\(name) ", to: "tree/\(name)")
            }
            let tree = place.root + "/tree"
            // What is hidden stays so, with all beneath it.
            let body = """
                files:
                  hide: [\(tree)/open/secret]
                  read: [\(tree)/open/kept, \(tree)]
                  write: [\(tree)/open]

                """
            let script = """
                cd \(tree); for f in file open/file open/kept/file open/secret/file open/secret/deep/file; do
                    cat $f; echo made > $f.made
                done
                """
            let outcome = try place.agent(script, at: standing, body: body)
            #expect(outcome.output == "file open/file open/kept/file ", "\(outcome)")
            let made = try place.control("find \(tree) -name '*.made'")
            #expect(made.lines == ["\(tree)/open/file.made"], "\(made)")
            #expect(try place.control(script).output.hasSuffix("open/secret/deep/file "))
        }
    }
}
