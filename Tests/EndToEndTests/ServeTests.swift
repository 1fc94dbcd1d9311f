import Foundation
import Glibc
import TestSupport
import Testing

extension EndToEnd {
    /// `bailey serve`, `bailey ps`, `bailey kill`.
    @Suite("A running supervisor", .serialized)
    struct ServeTests {
        let place: Place

        init() throws {
            place = try .nesting()
            place.isServed = true
        }

        func serving(_ words: [String] = []) throws -> RunningCommand {
            let server = try RunningCommand(
                place.server + words,
                environment: place.environment,
                directory: place.root
            )
            #expect(server.awaitErrors("serving at"))
            return server
        }

        func run(
            _ script: String,
            options: [String] = [],
            environment: [String: String] = [:]
        ) throws
            -> Outcome
        {
            try place.bailey(["run"] + options + ["--", "sh", "-c", script], environment: environment)
        }

        /// The certificate authority that an agent trusts is its supervisor's own.
        private func authority(options: [String] = [], environment: [String: String] = [:]) throws -> String {
            let outcome = try run("tail -n 12 $SSL_CERT_FILE", options: options, environment: environment)
            #expect(outcome.code == 0 && outcome.output.contains("CERTIFICATE"), "\(outcome)")
            return outcome.output
        }

        private struct Line: Decodable {
            let agent: String
            let parent: String?
            let name: String
            let argv: [String]
        }

        private func alive() throws -> [Line] {
            let outcome = try place.bailey(["ps", "--json"])
            #expect(outcome.code == 0, "\(outcome)")
            return try outcome.lines.map { try JSONDecoder().decode(Line.self, from: Data($0.utf8)) }
        }

        @Test("Launches of its user go through it, and each is a run of its own")
        func usesServer() throws {
            let server = try serving()
            #expect(try authority() == authority())
            #expect(try run("exit 7").code == 7)
            #expect(try place.bailey(["tree", "--all"]).lines.filter { $0.hasPrefix("run ") }.count == 3)
            #expect(try place.bailey(["audit", "verify"]).code == 0)
            kill(server.processIdentifier, SIGTERM)
            #expect(server.finish().code == 0)
        }

        @Test("A standard stream that the caller left closed is not taken by the connection to the server")
        func closedStreams() throws {
            let server = try serving()
            for (closed, output) in [("<&-", "done\n"), (">&-", ""), ("2>&-", "done\n")] {
                let outcome = try place.control("'\(place.binary)' run -- sh -c 'cat; echo done' \(closed)")
                #expect(outcome.output == output, "\(closed): \(outcome)")
                #expect(!outcome.errors.contains("supervisor ended"), "\(closed): \(outcome)")
            }
            let launches = try place.bailey(["tree", "--all"]).lines.filter { $0.hasPrefix("run ") }
            #expect(launches.count == 3)
            kill(server.processIdentifier, SIGTERM)
            #expect(server.finish().code == 0)
        }

        @Test(
            "A launch behaves as it does alone: streams, directory, environment, exit codes, signals, children"
        )
        func sameBehaviour() throws {
            let server = try serving()
            let script = """
                cat; pwd; echo $LANG $CANARY; echo bad >&2; bailey run -p leaf -- sh -c 'exit 5'; echo $?
                echo made > made; kill -TERM $$
                """
            for options in [[], ["--alone"] + Kernel.options] {
                let outcome = try place.bailey(
                    ["run", "-p", "top"] + options + ["--", "sh", "-c", script],
                    environment: ["LANG": "C", "CANARY": "scrubbed"],
                    input: Data("input\n".utf8)
                )
                #expect(outcome.code == 143, "\(outcome)")
                #expect(outcome.lines == ["input", place.workspace, "C", "5"], "\(outcome)")
                #expect(outcome.errors.contains("bad"))
                #expect(place.read("workspace/made") == "made\n")
            }
            #expect(try place.bailey(["run", "--", "no-such-program"]).code == 127)
            #expect(try place.bailey(["run", "-p", "nosuch", "--", "true"]).code == 125)
            let running = try RunningCommand(
                [
                    place.binary, "run", "--", "sh", "-c",
                    "trap 'exit 9' USR1; echo up; while :; do sleep 0.01; done",
                ],
                environment: place.environment,
                directory: place.workspace
            )
            #expect(running.awaitOutput("up"))
            kill(running.processIdentifier, SIGUSR1)
            #expect(running.finish().code == 9)
            kill(server.processIdentifier, SIGTERM)
            _ = server.finish()
        }

        @Test(
            "What is not for it is launched alone: other folders, options of its own, another home, --alone"
        )
        func declined() throws {
            let server = try serving()
            let served = try authority()
            #expect(try authority(options: ["--alone"]) != served)
            #expect(try authority(options: ["--profiles", place.profiles]) != served)
            #expect(try authority(environment: ["XDG_CONFIG_HOME": place.root + "/other"]) != served)
            #expect(try authority(environment: ["HOME": place.root + "/elsewhere"]) != served)
            #expect(try authority() == served)
            kill(server.processIdentifier, SIGTERM)
            _ = server.finish()
        }

        @Test(
            "Another user's supervisor is not used, nor one whose folder others may write",
            .enabled(if: getuid() == 0)
        )
        func foreign() throws {
            let server = try serving()
            let served = try authority()
            chown(place.root + "/run/bailey", Starter.plainUserID, Starter.plainUserID)
            #expect(try authority() != served)
            chown(place.root + "/run/bailey", 0, 0)
            chmod(place.root + "/run/bailey", 0o777)
            #expect(try authority() != served)
            chmod(place.root + "/run/bailey", 0o700)
            #expect(try authority() == served)
            kill(server.processIdentifier, SIGTERM)
            _ = server.finish()
        }

        @Test("No agent is granted the folder of its sockets, so none reaches it")
        func hiddenFromAgents() throws {
            let server = try serving()
            try place.write(
                "bailey: 1\nname: greedy\nextends: [base]\nfiles: {read: [\(place.root)/run]}\n",
                to: "config/bailey/profiles/greedy.yaml"
            )
            let outcome = try run("ls \(place.root)/run", options: ["-p", "greedy"])
            #expect(
                outcome.code == 125 && outcome.errors.contains("Bailey keeps its own state there"),
                "\(outcome)"
            )
            #expect(try run("ls \(place.root)/run; bailey ps").output.contains("control") == false)
            #expect(try place.control("ls \(place.root)/run/bailey").output.contains("control"))
            kill(server.processIdentifier, SIGTERM)
            _ = server.finish()
        }

        @Test(
            "ps shows the agents of every supervisor, nested; kill ends one with all below it and nothing else"
        )
        func listAndKill() throws {
            let server = try serving()
            let nested = "bailey run -p leaf --name inner -- sh -c 'echo up; sleep 600'"
            let words = ["run", "-p", "top", "--name"]
            let served = try RunningCommand(
                [place.binary] + words + ["served", "--", "sh", "-c", nested],
                environment: place.environment,
                directory: place.workspace
            )
            let alone = try RunningCommand(
                [place.binary] + words + ["alone", "--alone"] + Kernel.options + ["--", "sh", "-c", nested],
                environment: place.environment,
                directory: place.workspace
            )
            #expect(served.awaitOutput("up") && alone.awaitOutput("up"))
            let agents = try alive()
            #expect(
                Set(agents.map(\.name)) == ["served", "alone", "inner"] && agents.count == 4,
                "\(agents)"
            )
            let root = try #require(agents.first { $0.name == "served" })
            #expect(agents.contains { $0.name == "inner" && $0.parent == root.agent })
            #expect(try place.bailey(["ps"]).output.contains("sleep 600"))
            let ended = try place.bailey(["kill", root.agent])
            #expect(ended.code == 0, "\(ended)")
            let outcome = served.finish()
            #expect(outcome.code == 137 && outcome.errors.contains("killed by user:"), "\(outcome)")
            #expect(try alive().map(\.name).sorted() == ["alone", "inner"])
            let again = try place.bailey(["kill", root.agent])
            #expect(again.code == 1 && again.errors.contains(root.agent), "\(again)")
            kill(alone.processIdentifier, SIGKILL)
            _ = alone.finish()
            // Its socket is left behind, and is no obstacle.
            #expect(try alive().isEmpty)
            kill(server.processIdentifier, SIGTERM)
            _ = server.finish()
        }

        @Test("SIGTERM drains: what runs goes on, new launches are alone; a second one ends all")
        func drains() throws {
            let server = try serving()
            let served = try authority()
            let going = try RunningCommand(
                [place.binary, "run", "--", "sh", "-c", "echo up; read line; echo got $line"],
                environment: place.environment,
                directory: place.workspace
            )
            let stuck = try RunningCommand(
                [place.binary, "run", "--", "sh", "-c", "echo up; sleep 600"],
                environment: place.environment,
                directory: place.workspace
            )
            #expect(going.awaitOutput("up") && stuck.awaitOutput("up"))
            kill(server.processIdentifier, SIGTERM)
            var last = served
            let end = Date(timeIntervalSinceNow: 60)
            while last == served, Date() < end { last = try authority() }
            #expect(last != served)
            // Nothing is taken any more, and what runs is still in sight and in reach.
            #expect(try alive().count == 2)
            going.write(Data("line\n".utf8))
            let outcome = going.finish()
            #expect(outcome.code == 0 && outcome.lines.last == "got line", "\(outcome)")
            kill(server.processIdentifier, SIGTERM)
            #expect(stuck.finish().code == 137)
            #expect(server.finish().code == 0)
        }

        @Test("A drain that takes too long ends by itself")
        func drainTime() throws {
            let server = try serving(["--drain", "0"])
            let stuck = try RunningCommand(
                [place.binary, "run", "--", "sh", "-c", "echo up; sleep 600"],
                environment: place.environment,
                directory: place.workspace
            )
            #expect(stuck.awaitOutput("up"))
            kill(server.processIdentifier, SIGTERM)
            #expect(stuck.finish().code == 137)
            #expect(server.finish().code == 0)
        }

        @Test(
            "R12: killed, it takes its agents with it; what it leaves stops neither a run nor its successor"
        )
        func killed() throws {
            let server = try serving()
            let running = try RunningCommand(
                [place.binary, "run", "--", "sh", "-c", "echo up; sleep 600"],
                environment: place.environment,
                directory: place.workspace
            )
            #expect(running.awaitOutput("up"))
            kill(server.processIdentifier, SIGKILL)
            _ = server.finish()
            let outcome = running.finish()
            #expect(outcome.code == 137 && outcome.errors.contains("the supervisor ended"), "\(outcome)")
            #expect(HostProcesses.leftInits(below: place.workspace, within: 60).isEmpty)
            #expect(try run("exit 4").code == 4)
            let next = try serving()
            #expect(try authority() == authority())
            kill(next.processIdentifier, SIGTERM)
            _ = next.finish()
        }

        @Test("What was killed leaves nothing in the folder of sockets for longer than to the next launch")
        func swept() throws {
            for _ in 0..<3 {
                let running = try RunningCommand(
                    [place.binary, "run", "--", "sh", "-c", "echo up; sleep 600"],
                    environment: place.environment,
                    directory: place.workspace
                )
                #expect(running.awaitOutput("up"))
                kill(running.processIdentifier, SIGKILL)
                _ = running.finish()
            }
            let folder = place.root + "/run/bailey"
            // The last one's socket and lock: each swept what the one before had left.
            #expect(try FileManager.default.contentsOfDirectory(atPath: folder).count == 2)
            #expect(try run("true").code == 0)
            #expect(try FileManager.default.contentsOfDirectory(atPath: folder) == [])
        }

        @Test("There is one for each user: a second one is refused, and says so")
        func second() throws {
            let server = try serving()
            let outcome = try place.bailey(["serve"])
            #expect(outcome.code == 125 && outcome.errors.contains("already"), "\(outcome)")
            #expect(try run("true").code == 0)
            kill(server.processIdentifier, SIGTERM)
            _ = server.finish()
        }

        @Test("R11: two hundred launches leak no descriptor, thread, mount, namespace or file")
        func leaks() throws {
            let server = try serving()
            let pid = server.processIdentifier
            func held() throws -> [Int] {
                let counts = try place.control(
                    """
                    ls /proc/\(pid)/fd | wc -l; ls /proc/\(pid)/task | wc -l; wc -l < /proc/\(pid)/mountinfo
                    find '\(place.root)/state' '\(place.root)/run' '\(place.root)/workspace' ! -name 'audit*' | wc -l
                    ls -l /proc/\(pid)/fd | grep -cE '(net|mnt|user|pid):'
                    """
                )
                return counts.lines.compactMap { Int($0) }
            }
            let ten =
                "i=0; while [ $i -lt 10 ]; do '\(place.binary)' run -- true || exit 1; i=$((i + 1)); done"
            #expect(try place.control(ten).code == 0)
            // With all that it makes ahead.
            #expect(try HostProcesses.isolated(below: pid, count: 2).count == 2)
            let before = try held()
            for _ in 0..<5 {
                #expect(try place.control("(\(ten)) & (\(ten)) & (\(ten)) & (\(ten)) & wait").code == 0)
            }
            #expect(try HostProcesses.isolated(below: pid, count: 2).count == 2)
            var after = try held()
            let end = Date(timeIntervalSinceNow: 60)
            // A thread that has nothing to do may end: less is no leak.
            while zip(after, before).contains(where: { $0 > $1 }), Date() < end { after = try held() }
            #expect(after.count == 5 && !zip(after, before).contains { $0 > $1 }, "\(before) then \(after)")
            #expect(try alive().isEmpty)
            kill(pid, SIGTERM)
            _ = server.finish()
        }

        @Test("It tells a service manager that it is ready, and that it ends")
        func notifies() throws {
            let listener = """
                import os, socket, subprocess, sys
                s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM); s.bind(sys.argv[1]); s.settimeout(20)
                p = subprocess.Popen(sys.argv[2:], env=dict(os.environ, NOTIFY_SOCKET=sys.argv[1]))
                print(s.recv(64).decode()); p.terminate(); print(s.recv(64).decode()); print(p.wait(20))
                """
            let outcome = try Command.run(
                ["python3", "-c", listener, place.root + "/notify", place.binary, "serve"],
                environment: place.environment,
                directory: place.root
            )
            #expect(outcome.lines == ["READY=1", "STOPPING=1", "0"], "\(outcome)")
        }

        @Test("A socket has its name only once it takes connections: whoever finds it is not turned away")
        func named() throws {
            let log = place.root + "/calls"
            let outcome = try Command.run(
                [
                    "strace", "-f", "-qq", "-o", log, "-e", "trace=bind,listen,rename", place.binary, "run",
                    "--", "true",
                ],
                environment: place.environment,
                directory: place.workspace
            )
            #expect(outcome.code == 0, "\(outcome)")
            let calls = (place.read("calls") ?? "").split(separator: "\n")
            // By the folder that the supervisor holds open: the path itself may be another's by then.
            let bound = try #require(calls.firstIndex { $0.contains("sun_path=\"/proc/self/fd/") })
            let named = try #require(calls.firstIndex { $0.contains("rename(\"/proc/self/fd/") })
            let name = try #require(calls[named].split(separator: "\"").dropFirst().first)
            #expect(name.hasSuffix(".new") && calls[bound].contains("\"\(name)\""), "\(calls)")
            #expect(calls[bound..<named].contains { $0.contains("listen(") })
        }
    }
}
