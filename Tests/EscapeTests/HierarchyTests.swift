import Foundation
import TestSupport
import Testing

extension Escapes {
    /// Section H: agents that launch agents.
    @Suite("Hierarchy", .serialized)
    struct HierarchyTests {
        private func place(_ standing: Standing) throws -> Place {
            let place = try Place(for: standing.starter)
            try place.nestingProfiles()
            return place
        }

        @Test("H04: neither parent nor child reaches the other's control socket", arguments: Standing.roots)
        func othersControl(standing: Standing) throws {
            let place = try place(standing)
            try place.write(
                "ls -i /.bailey/control; touch up; while [ ! -e done ]; do sleep 0.01; done",
                to: "workspace/child"
            )
            let script = """
                bailey run -p mid -- sh ./child & ls -i /.bailey/control
                until [ -e up ]; do sleep 0.01; done
                for p in /proc/[0-9]*; do
                    [ -e $p/root/.bailey/control ] && echo "seen $(ls -i $p/root/.bailey/control)"
                done 2>/dev/null | sort -u
                touch done; wait
                """
            let outcome = try place.agent(script, profile: "top", under: standing)
            let own = outcome.lines.filter { !$0.hasPrefix("seen") }
            #expect(own.count == 2 && Set(own).count == 2, "\(outcome)")
            // What is seen through /proc is the parent's own.
            let seen = outcome.lines.compactMap {
                $0.hasPrefix("seen ") ? $0.dropFirst(5).split(separator: " ")[0] : nil
            }
            #expect(Set(seen).count == 1, "\(outcome)")
        }

        @Test(
            "H05: the control connection of an agent that has ended launches nothing",
            arguments: Standing.roots
        )
        func endedAgentsConnection(standing: Standing) throws {
            let place = try place(standing)
            try place.arm(with: attacker("h05"))
            let script =
                "./h05 take ./sock ran gone & bailey run -p mid -- ./h05 give ./sock; touch gone; wait $!"
            let outcome = try place.agent(script, profile: "top", under: standing)
            #expect(outcome.code == 1 && outcome.output.contains("refused"), "\(outcome)")
            #expect(place.read("workspace/ran") == nil)
        }

        @Test(
            "H05, control: while its agent lives the connection works, as that agent's",
            arguments: Standing.roots
        )
        func livingAgentsConnection(standing: Standing) throws {
            let place = try place(standing)
            try place.arm(with: attacker("h05"))
            let script = "./h05 take ./sock ran & bailey run -p mid -- ./h05 give ./sock; wait"
            let outcome = try place.agent(script, profile: "top", under: standing)
            #expect(outcome.output.contains("REACHED"), "\(outcome)")
            #expect(place.read("workspace/ran") != nil)
            let tree = try place.bailey(["tree"])
            #expect(tree.output.contains("mid") && tree.output.contains("leaf"), "\(tree)")
        }

        @Test(
            "H10: a parent gives its child no variable that the rules do not pass",
            arguments: Standing.roots
        )
        func injectedEnvironment(standing: Standing) throws {
            let place = try place(standing)
            let variables =
                "HTTP_PROXY=http://canary4711 LD_PRELOAD=/canary4711.so MY_TOKEN=canary4711 BASH_ENV=/canary4711"
            let outcome = try place.agent(
                "\(variables) bailey run -p mid -- env 2>/dev/null",
                profile: "top",
                under: standing
            )
            #expect(outcome.code == 0 && outcome.output.contains("HOME="))
            #expect(!outcome.output.contains("canary4711"), "\(outcome)")
            #expect(
                try place.agent("MY_TOKEN=canary4711 env", profile: "top", under: standing).output.contains(
                    "canary4711"
                )
            )
        }

        @Test(
            "H12: a parent sees its child's processes and can neither read, debug nor signal them",
            .enabled(if: Kernel.wallsChildren, "\(Kernel.childrenWall)"),
            arguments: Standing.roots
        )
        func parentAttacksChild(standing: Standing) throws {
            let place = try place(standing)
            try place.arm(with: attacker("e05"))
            try place.arm(with: attacker("e06"))
            let secret = "canary4711value"
            // It waits without a process of its own: one that is forked and has not become its program is a second victim.
            try place.write(
                "export INNER=canary4711; INNER=${INNER}value; : >up; read line <gate; echo ended",
                to: "workspace/child"
            )
            let script = """
                mkfifo gate
                bailey run -p mid -- sh ./child &
                until [ -e up ]; do sleep 0.01; done
                for p in $(grep -lz '^./child$' /proc/[0-9]*/cmdline | cut -d/ -f3); do
                    [ "$(cut -d' ' -f2 /proc/$p/stat)" = '(sh)' ] || continue
                    echo victim; ./e05 $p \(shifted(secret)); ./e06 $p; kill -KILL $p && echo KILLED
                    cat /proc/$p/environ
                done 2>/dev/null
                echo on >gate; wait
                """
            let outcome = try place.agent(script, profile: "top", under: standing)
            #expect(outcome.lines == ["victim", "ended"], "\(outcome)")
        }

        @Test(
            "H12: while its children are launched, an agent sees in them neither the host's network nor the supervisor's arguments",
            arguments: Standing.roots
        )
        func launchedChildren(standing: Standing) throws {
            let place = try place(standing)
            try place.arm(with: attacker("h22"))
            // The supervisor has the first among its arguments, and binds its socket, which an agent never does, by the second.
            let words = "\(shifted(place.profiles)) \(shifted("/proc/self/fd/"))"
            let outcome = try place.agent(
                "./h22 20 \(words) bailey run -p leaf -- true",
                profile: "top",
                under: standing
            )
            #expect(outcome.lines == ["looked"], "\(outcome)")
            let launch = "\(place.launch) -p leaf --profiles '\(place.profiles)' -- sleep 0.2"
            let control = try place.control("./h22 5 \(words) \(launch)")
            #expect(control.lines == ["looked", "REACHED sockets", "REACHED arguments"], "\(control)")
        }

        @Test("H12: a child neither sees nor signals its parent's processes", arguments: Standing.roots)
        func childAttacksParent(standing: Standing) throws {
            let place = try place(standing)
            let outcome = try place.agent(
                "sleep 77 & bailey run -p mid -- sh -c 'cat /proc/*/cmdline | tr \"\\0\" \" \"; kill -KILL -1'; kill -0 $! && echo alive",
                profile: "top",
                under: standing
            )
            #expect(outcome.output.hasSuffix("alive\n") && !outcome.output.contains("sleep 77"), "\(outcome)")
        }

        @Test(
            "H14 H03 F16: malformed control messages cost nobody else anything",
            arguments: ["garbage", "mutations", "huge", "half-open", "many", "descriptors"],
            Standing.roots
        )
        func malformedMessages(mode: String, standing: Standing) throws {
            let place = try place(standing)
            try place.arm(with: attacker("h14"))
            let script = """
                : > attack.out
                bailey run -p mid -- ./h14 \(mode) > attack.out 2>&1 & attacker=$!
                until grep -q attacked attack.out; do kill -0 $attacker || break; bailey run -p leaf -- echo fine; done
                bailey run -p leaf -- echo fine; touch others-work; wait $attacker; echo "attacker $?"
                """
            let outcome = try place.agent(script, profile: "top", under: standing)
            #expect(outcome.code == 0 && outcome.lines.last == "attacker 0", "\(outcome)")
            #expect(
                outcome.lines.count >= 2 && outcome.lines.dropLast().allSatisfy { $0 == "fine" },
                "\(outcome)"
            )
            #expect(outcome.errors.isEmpty)
            for mark in ["mark", "mark-with-descriptor"] { #expect(place.read("workspace/\(mark)") == nil) }
        }

        @Test(
            "H15: other sandboxes inside an agent fail cleanly",
            arguments: ["unshare -Ur true", "unshare -m true", "unshare -n true", "unshare -p -f true"],
            Standing.possible
        )
        func otherSandboxes(command: String, standing: Standing) throws {
            let place = try place(standing)
            let outcome = try place.agent("\(command); echo code=$?", at: standing)
            #expect(outcome.lines.last != "code=0" && outcome.errors.contains("unshare"), "\(outcome)")
            #expect(try place.control(command).code == 0 || standing.starter != .this || getuid() != 0)
        }

        @Test(
            "H04 H10: what is the user's to ask, a list of agents or the end of any, no agent gets",
            arguments: ["list", "end $(cut -d' ' -f1 id)"],
            // A supervisor in a container is another user's.
            Standing.roots.filter { $0 != .container }
        )
        func usersRequests(request: String, standing: Standing) throws {
            let place = try place(standing)
            try place.arm(with: attacker("h20"))
            let running = try place.running(
                "echo up; while [ ! -e go ]; do sleep 0.01; done; bailey run -p mid -- ./h20 \(request); echo alive",
                profile: "top",
                under: standing
            )
            #expect(running.awaitOutput("up"))
            let ps = try place.bailey(["ps", "--json"])
            let id = try #require(ps.output.firstMatch(of: /"agent":"([0-9a-f]+\.[0-9]+)"/)?.1, "\(ps)")
            try place.write(String(id), to: "workspace/id")
            try place.write("", to: "workspace/go")
            #expect(running.finish().lines == ["up", "refused", "alive"])
        }

        @Test(
            "H14 F16: a descriptor that takes forever to close, handed to the supervisor, keeps nobody waiting",
            arguments: Standing.roots
        )
        func lingeringDescriptor(standing: Standing) throws {
            let place = try place(standing)
            try place.profile("brief", "extends: [base]\nlimits: {time: 8s}\n")
            try place.arm(with: attacker("h21"))
            let outcome = try place.agent(
                "./h21 100000 | { read said; echo $said; sleep 100; }",
                profile: "brief",
                under: standing
            )
            #expect(outcome.code == 124, "the time limit is kept: \(outcome)")
            #expect(outcome.lines.first == "HELD" || outcome.lines.first == "REACHED", "\(outcome)")
        }

        @Test("H19: the control socket cannot be replaced or removed", arguments: Standing.possible)
        func replacedSocket(standing: Standing) throws {
            let place = try Place(for: standing.starter)
            let script =
                "rm -f /.bailey/control; mv /.bailey /x; touch /.bailey/y; [ -S /.bailey/control ] && echo there"
            let outcome = try place.agent(script, at: standing)
            #expect(outcome.lines == ["there"], "\(outcome)")
            #expect(outcome.errors.contains("Read-only file system"))
        }
    }
}
