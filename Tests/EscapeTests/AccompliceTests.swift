import Foundation
import Glibc
import TestSupport
import Testing

extension Escapes {
    /// Somebody outside, or higher up, who helps the attacker.
    @Suite("Accomplices", .serialized)
    struct AccompliceTests {
        /// Hands a descriptor of `/` to whoever connects, at each of the paths and at an abstract name.
        private static let giver = """
            import array, os, select, socket, sys
            listeners = []
            for name in sys.argv[1:] + ["\\0canary4711-\(getpid())"]:
                listener = socket.socket(socket.AF_UNIX)
                listener.bind(name)
                listener.listen()
                if name[0] != "\\0": os.chmod(name, 0o777)
                listeners.append(listener)
            root = os.open("/", os.O_RDONLY)
            print("up", flush=True)
            while True:
                for listener in select.select(listeners + [0], [], [])[0]:
                    if listener == 0: sys.exit(0)
                    peer = listener.accept()[0]
                    peer.sendmsg([b"x"], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [root]))])
            """

        /// Takes descriptors from the same places and opens a file of the host's by them.
        private static let taker = """
            import array, os, socket, sys
            secret = sys.argv[1]
            for name in sys.argv[2:] + ["\\0canary4711-\(getpid())"]:
                try:
                    peer = socket.socket(socket.AF_UNIX)
                    peer.settimeout(30)
                    peer.connect(name)
                    taken = array.array("i")
                    for _, _, data in peer.recvmsg(1, 64)[1]: taken.frombytes(data)
                    print(os.read(os.open(secret.lstrip("/"), os.O_RDONLY, dir_fd=taken[0]), 64).decode())
                except OSError as error:
                    print("refused", error.errno)
            """

        @Test(
            "A38 F17: a descriptor from outside reaches no agent, where no folder is shared with its giver",
            arguments: Standing.possible
        )
        func givenDescriptor(standing: Standing) throws {
            let place = try Place(for: standing.starter)
            try place.write("canary4711", to: "secret")
            try place.write(Self.giver, to: "giver.py")
            try place.write(Self.taker, to: "workspace/taker.py")
            let sockets = ["\(place.root)/sock", "\(place.home)/sock", "\(place.root)/run/sock"]
            let giver = try RunningCommand(
                ["python3", place.root + "/giver.py"] + sockets,
                environment: place.environment,
                directory: "/"
            )
            #expect(giver.awaitOutput("up"))
            let take = "python3 taker.py \(place.root)/secret \(sockets.joined(separator: " "))"
            let outcome = try place.agent(take, at: standing)
            #expect(
                outcome.lines.count == 4 && outcome.lines.allSatisfy { $0.hasPrefix("refused") },
                "\(outcome)"
            )
            let control = try place.control(take)
            #expect(control.lines == Array(repeating: "canary4711", count: 4), "\(control)")
            giver.write(Data("\n".utf8))
            _ = giver.finish()
        }

        @Test(
            "A38: what the supervisor hands to an agent's front-end are pipes, never a socket of the host's"
        )
        func handedDescriptors() throws {
            let place = try Place()
            try place.nestingProfiles()
            try place.write(
                "touch up; while [ ! -e done ]; do sleep 0.01; done",
                to: "workspace/child"
            )
            let outcome = try place.agent(
                """
                bailey run -p leaf -- sh ./child </dev/null >out 2>err & front=$!
                until [ -e up ]; do sleep 0.01; done
                for fd in /proc/$front/fd/*; do readlink $fd; done | sed 's/:.*//' | sort | uniq -c; touch done; wait
                """,
                profile: "top"
            )
            let kinds = outcome.lines.map { $0.split(separator: " ").map(String.init) }
            // Output and errors; standard input has ended, and its pipe is closed.
            #expect(kinds.contains { $0.last == "pipe" && $0.first == "2" }, "\(outcome)")
            // The one socket is its own connection to the supervisor.
            #expect(kinds.filter { $0.last == "socket" }.map { $0.first } == ["1"], "\(outcome)")
        }

        @Test(
            "A39: no descriptor is taken out of another process: of init, of a parent's child, of the host's",
            arguments: ["1", "$child", "$$"]
        )
        func takenDescriptor(process: String) throws {
            let place = try Place()
            try place.nestingProfiles()
            // pidfd_open and pidfd_getfd, which have no wrapper in Debian 12's C library.
            let take = """
                import ctypes, sys
                call = ctypes.CDLL(None, use_errno=True).syscall
                pidfd = call(434, int(sys.argv[1]), 0)
                print("taken" if call(438, pidfd, 0, 0) >= 0 else "refused")
                """
            try place.write(take, to: "workspace/take.py")
            try place.write(
                "touch up; while [ ! -e done ]; do sleep 0.01; done",
                to: "workspace/child"
            )
            let outcome = try place.agent(
                """
                bailey run -p leaf -- sh ./child & until [ -e up ]; do sleep 0.01; done
                for p in $(grep -lz '^./child$' /proc/[0-9]*/cmdline | cut -d/ -f3); do
                    [ "$(cut -d' ' -f2 /proc/$p/stat)" = '(sh)' ] && child=$p
                done
                python3 take.py \(process); touch done; wait
                """,
                profile: "top"
            )
            #expect(outcome.lines == ["refused"], "\(outcome)")
            #expect(try place.control("sleep 5 & python3 take.py $!; kill $!").lines == ["taken"])
        }

        @Test("F18: there is no option that passes a descriptor on, so none is passed")
        func passedDescriptor() throws {
            let place = try Place()
            for option in ["--pass-fd", "--preserve-fds", "--fd"] {
                let outcome = try place.control(
                    "exec 9</etc; exec \(place.binary) run \(option) 9 -- ls /proc/self/fd/9/"
                )
                #expect(
                    outcome.code == 125 && outcome.errors.contains("unknown option '\(option)'"),
                    "\(outcome)"
                )
                #expect(outcome.output.isEmpty)
            }
            #expect(try !place.control("exec 9</etc; ls /proc/self/fd/9/").output.isEmpty)
        }

        @Test("H13: what a less restricted ancestor does for its descendant is on record as the ancestor's")
        func backChannel() throws {
            let place = try Place()
            try place.nestingProfiles()
            try place.write(
                "mkfifo ask; echo http://canary4711.test/for-another > ask",
                to: "workspace/child"
            )
            _ = try place.agent(
                """
                bailey run -p leaf -- sh ./child & until [ -p ask ]; do sleep 0.01; done
                read url < ask; python3 -c 'import sys, urllib.request as u; u.urlopen(sys.argv[1], timeout=60)' $url
                wait
                """,
                profile: "top"
            )
            let audit = try place.bailey(["audit", "--denied"])
            let line = try #require(audit.lines.first { $0.contains("/for-another") }, "\(audit)")
            #expect(line.contains("top") && !line.contains("leaf"), "\(audit)")
        }

        @Test(
            "H17: nothing is run outside on an agent's behalf, whatever lies in its workspace and on the caller's PATH"
        )
        func hostHelpers() throws {
            let place = try Place()
            try place.nestingProfiles()
            let names = [
                "bailey-init", "newuidmap", "newgidmap", "git", "npm", "sh", "mount", "umount", "nft", "ip",
                "iptables", "modprobe", "true", "python3", "ldconfig",
            ]
            for name in names {
                let trap = "#!/bin/sh\necho \(name) >> '\(place.root)/ran'\n"
                try place.write(trap, to: "workspace/bin/\(name)", mode: 0o755)
                try place.write(trap, to: "workspace/.git/hooks/\(name)", mode: 0o755)
            }
            let path = ["PATH": "\(place.workspace)/bin:/usr/bin:/bin"]
            let words = ["run", "-p", "top", "--profiles", place.profiles, "--", "/bin/sh", "-c"]
            let outcome = try place.bailey(
                words + ["/.bailey/bin/bailey run -p leaf -- /bin/true"],
                environment: path
            )
            #expect(outcome.code == 0, "\(outcome)")
            #expect(place.read("ran") == nil)
            let control = try Command.run(
                ["env", "mount"],
                environment: place.environment.merging(path) { $1 },
                directory: place.workspace
            )
            #expect(control.code == 0 && place.read("ran") == "mount\n", "\(control)")
        }

        @Test(
            "H16: sixteen levels, each with a filter and a Landlock domain of its own; one more is refused by name"
        )
        func deepest() throws {
            let place = try Place()
            try place.profile("deep", "extends: [base]\nchildren: {profiles: [deep], depth: 32, count: 64}\n")
            let script = """
                level=${1:-1}; echo level $level; next=$((level + 1))
                [ $level -gt 17 ] || bailey run -p deep -- sh ./script $next || echo "stopped $?"
                """
            try place.write(script, to: "workspace/script")
            let outcome = try place.agent("sh ./script", profile: "deep")
            #expect(outcome.lines.filter { $0.hasPrefix("level") }.last == "level 16", "\(outcome)")
            #expect(outcome.lines.filter { $0.hasPrefix("stopped") } == ["stopped 125"], "\(outcome)")
            #expect(outcome.errors.contains("16 deep"), "\(outcome)")
        }
    }
}
