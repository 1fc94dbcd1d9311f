import Foundation
import Glibc
import TestSupport
import Testing

extension Escapes {
    /// Cases of the corpus that cannot apply: each name says why, and each test shows that the reason holds.
    @Suite("Cannot apply", .serialized)
    struct InapplicableTests {
        @Test(
            "M10 cannot apply: no image and no root folder is taken, so none can hold planted links",
            arguments: ["--rootfs", "--root", "--image"]
        )
        func images(option: String) throws {
            let place = try Place()
            let outcome = try place.bailey(["run", option, place.root, "--", "touch", "ran"])
            #expect(outcome.code == 125 && outcome.errors.contains(option), "\(outcome)")
            #expect(place.read("workspace/ran") == nil)
        }

        @Test(
            "M21 M22 cannot apply outside of copies: nothing is collected, so what an agent leaves is not even opened",
            arguments: Standing.possible
        )
        func collected(standing: Standing) throws {
            let place = try Place(for: standing.starter)
            let script = """
                mkfifo result.json; ln -s /etc/shadow result; ln -s /etc/passwd .git/x; truncate -s 1T huge
                for i in $(seq 2000); do echo > many.$i; done
                """
            let outcome = try place.agent(script, at: standing)
            #expect(outcome.code == 0, "\(outcome)")
            #expect(try place.control("test -p result.json && test -L result && test -e many.2000").code == 0)
        }

        @Test(
            "M32 cannot apply: the workspace is not promised to be noexec, what is written there may run",
            arguments: Standing.possible
        )
        func executable(standing: Standing) throws {
            let place = try Place(for: standing.starter)
            let outcome = try place.agent("cp /bin/true own && ./own && echo ran", at: standing)
            #expect(outcome.lines == ["ran"], "\(outcome)")
        }

        @Test("P14 cannot apply: agents are children of a process that has one thread, which ends with it")
        func spawner() throws {
            let place = try Place()
            let running = try place.running("echo ready; read wait")
            #expect(running.awaitOutput("ready"))
            // The chain of parents from the command to the launcher: command, init, spawner, launcher.
            let chain = try place.control(
                """
                p=$(grep -l '^bailey-init$' /proc/[0-9]*/comm | cut -d/ -f3 | while read -r i; do
                    s=$(ps -o ppid= -p $i | tr -d ' '); [ "$(ps -o ppid= -p $s | tr -d ' ')" = \(running.processIdentifier) ] && echo $s
                done)
                ls /proc/$p/task | wc -l; ls /proc/\(running.processIdentifier)/task | wc -l
                """
            )
            #expect(chain.lines.first == "1" && (Int(chain.lines.last ?? "") ?? 0) > 1, "\(chain)")
            running.write(Data("\n".utf8))
            _ = running.finish()
        }

        @Test(
            "S17 S18 cannot apply: no rule asks a listener, so there is none to race with or to kill",
            arguments: Standing.possible
        )
        func listeners(standing: Standing) throws {
            let place = try Place(for: standing.starter)
            let running = try place.running("echo ready; read wait", at: standing)
            #expect(running.awaitOutput("ready"))
            let links = try Command.run(
                ["sh", "-c", "readlink /proc/[0-9]*/fd/* | grep -c 'seccomp notify'"],
                environment: place.environment,
                directory: "/"
            )
            #expect(links.lines == ["0"], "\(links)")
            running.write(Data("\n".utf8))
            _ = running.finish()
        }

        @Test(
            "T10 cannot apply: what an agent prints is its own; it cannot read what is typed elsewhere",
            arguments: Standing.possible
        )
        func fakePrompt(standing: Standing) throws {
            let place = try Place(for: standing.starter)
            let outcome = try place.agent("printf 'Password: '; read answer || echo none", at: standing)
            #expect(outcome.output == "Password: none\n", "\(outcome)")
        }
    }
}
