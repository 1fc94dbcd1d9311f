import Foundation
import Glibc
import TestSupport
import Testing

extension EndToEnd {
    /// What one agent, or one supervisor, that wants too much leaves to the others.
    @Suite("Others go on", .serialized)
    struct CrowdTests {
        let place: Place

        init() throws {
            place = try .nesting()
        }

        /// `bailey serve` with so many descriptors.
        func serving(descriptors: Int) throws -> RunningCommand {
            let server = try started(
                ["bash", "-c", "ulimit -n \(descriptors); exec '\(place.binary)' serve"]
            )
            #expect(server.awaitErrors("serving at"))
            return server
        }

        private func started(_ words: [String]) throws -> RunningCommand {
            try RunningCommand(words, environment: place.environment, directory: place.workspace)
        }

        func holding(
            _ options: [String] = [],
            _ script: String = "echo up; sleep 600"
        ) throws
            -> RunningCommand
        {
            let command = try started([place.binary, "run"] + options + ["--", "sh", "-c", script])
            #expect(command.awaitOutput("up"))
            return command
        }

        func end(_ commands: [RunningCommand]) {
            for command in commands { command.signal(SIGTERM) }
            for command in commands { _ = command.finish() }
        }

        /// The certificate authority that an agent trusts is its supervisor's own.
        private func authority() throws -> String {
            let outcome = try place.bailey([
                "run", "--", "tail", "-n", "12", "/etc/ssl/certs/ca-certificates.crt",
            ])
            #expect(outcome.code == 0 && outcome.output.contains("CERTIFICATE"), "\(outcome)")
            return outcome.output
        }

        private struct Line: Decodable {
            let kind: String
            let record: Details

            struct Details: Decodable {
                let reason: String?
            }
        }

        @Test("A supervisor with as many launches as it may declines more, which run alone; ps still answers")
        func launches() throws {
            let server = try serving(descriptors: 256)
            let served = try authority()
            let holders = try (0..<7).map { _ in try holding() }
            #expect(try authority() != served)
            let listed = try place.bailey(["ps"])
            #expect(listed.code == 0 && listed.lines.count == 8, "\(listed)")
            self.end(Array(holders.prefix(2)))
            // Their places are others' once all that was theirs is closed.
            var next = try authority()
            let end = Date(timeIntervalSinceNow: 60)
            while next != served, Date() < end { next = try authority() }
            #expect(next == served)
            self.end(holders.dropFirst(2) + [server])
        }

        @Test(
            "G21: With the fewest descriptors that a supervisor takes, an agent's request is answered, and its child launched"
        )
        func fewDescriptors() throws {
            let request = "curl -s -m 20 -o /dev/null -w '%{http_code} ' http://example.test/"
            let script = "\(request); bailey run -p leaf -- \(request)"
            let outcome = try Command.run(
                ["bash", "-c", "ulimit -n 128; exec \"$@\"", "sh"] + place.launcher + [
                    "-p", "top", "--", "sh", "-c", script,
                ],
                environment: place.environment,
                directory: place.workspace
            )
            #expect(outcome.output == "403 403 ", "\(outcome)")
        }

        @Test("An agent that opens control connections without end takes none of the user's")
        func connections() throws {
            let server = try serving(descriptors: 256)
            let served = try authority()
            try place.write(
                """
                import select, socket
                held = []
                for _ in range(20):
                    s = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
                    s.connect('/.bailey/control')
                    held.append(s)
                while sum(1 for s in held if select.select([s], [], [], 0)[0]) < 4: pass
                print(b'as many connections' in max(s.recv(4096, socket.MSG_DONTWAIT)
                    for s in held if select.select([s], [], [], 0)[0]))
                print('up', flush=True)
                input()
                """,
                to: "workspace/hold.py"
            )
            let greedy = try holding(["-p", "top"], "exec python3 hold.py")
            #expect(try authority() == served)
            let listed = try place.bailey(["ps"])
            #expect(listed.code == 0 && listed.lines.count == 2, "\(listed)")
            greedy.write(Data("\n".utf8))
            let outcome = greedy.finish()
            #expect(outcome.lines.first == "True", "\(outcome)")
            end([server])
        }

        @Test(
            "An agent that opens control connections without end leaves another's children theirs, and hears why"
        )
        func share() throws {
            let server = try serving(descriptors: 256)
            try place.write(
                """
                import socket, subprocess
                held = []
                for _ in range(20):
                    s = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
                    s.connect('/.bailey/control')
                    held.append(s)
                for _ in range(20):
                    r = subprocess.run(['bailey', 'run', '-p', 'leaf', '--', 'true'], capture_output=True, text=True)
                    if 'as many connections' not in r.stderr: print(r)
                print('up', flush=True)
                input()
                """,
                to: "workspace/hold.py"
            )
            let greedy = try holding(["-p", "top"], "exec python3 hold.py")
            let other = try place.bailey([
                "run", "-p", "top", "--", "bailey", "run", "-p", "leaf", "--", "echo", "ran",
            ])
            #expect(other.code == 0 && other.lines == ["ran"], "\(other)")
            greedy.write(Data("\n".utf8))
            let outcome = greedy.finish()
            #expect(outcome.lines == ["up"], "\(outcome)")
            end([server])
        }

        @Test("G21: Without a descriptor for a connection it waits, and takes it when there is one again")
        func starved() throws {
            let server = try serving(descriptors: 256)
            let client = """
                import socket, subprocess, sys
                pid, path = sys.argv[1:]
                def limit(n): subprocess.run(['prlimit', '--pid', pid, '--nofile=%d:256' % n], check=True)
                limit(3)
                s = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
                s.connect(path); s.send(b'\\0\\xff')
                def sleeps(): return open('/proc/%s/stat' % pid).read().rsplit(')', 1)[1].split()[0] == 'S'
                # Woken once, it may wait for a processor: one that goes on asking never sleeps.
                print(any(sum(sleeps() for _ in range(4000)) > 2000 for _ in range(100)))
                limit(256)
                s.settimeout(20); print(b'unknown request' in s.recv(4096))
                """
            let outcome = try Command.run(
                [
                    "python3", "-c", client, "\(server.processIdentifier)",
                    place.root + "/run/bailey/control",
                ],
                environment: place.environment,
                directory: place.root
            )
            #expect(outcome.lines == ["True", "True"], "\(outcome)")
            #expect(try authority() == authority())
            end([server])
        }

        @Test("Refused launches are on record one by one up to a bound, then in a sum, and none is silent")
        func refusals() throws {
            let script = """
                i=0; while [ $i -lt 80 ]; do bailey run -p nosuch -- true 2>>errors; i=$((i + 1)); done
                bailey run -p leaf -- true 2>>errors; echo $?; grep -c 'may launch again' errors
                """
            let outcome = try place.bailey(["run", "-p", "top", "--", "sh", "-c", script])
            #expect(outcome.lines == ["125", "17"], "\(outcome)")
            let lines = try place.bailey(["audit", "--json"]).lines.map {
                try JSONDecoder().decode(Line.self, from: Data($0.utf8))
            }
            let reasons = lines.filter { $0.kind == "spawn-refused" }.compactMap(\.record.reason)
            #expect(reasons.count == 65, "\(reasons)")
            #expect(reasons.last?.hasPrefix("17 more launches were refused") == true, "\(reasons.suffix(2))")
            #expect(lines.last?.kind == "exit")
            #expect(try place.bailey(["audit", "verify"]).code == 0)
        }

        @Test(
            "A supervisor that does not answer is named and left out; the others' agents are listed and ended"
        )
        func silent() throws {
            let server = try serving(descriptors: 1024)
            let stopped = try holding(["--name", "stopped"])
            let alone = try holding(["--alone", "--name", "lively"])
            let before = try place.bailey(["ps"])
            #expect(before.code == 0 && before.output.contains("stopped"), "\(before)")
            kill(server.processIdentifier, SIGSTOP)
            let listed = try place.bailey(["ps"])
            #expect(listed.code == 1 && listed.output.contains("lively"), "\(listed)")
            #expect(
                listed.errors.contains("'bailey serve'") && !listed.output.contains("stopped"),
                "\(listed)"
            )
            let lively = try #require(listed.lines.last?.split(separator: " ").first)
            let ended = try place.bailey(["kill", String(lively)])
            #expect(ended.code == 0, "\(ended)")
            #expect(alone.finish().code == 137)
            let missing = try place.bailey(["kill", String(lively)])
            #expect(missing.code == 1 && missing.errors.contains("'bailey serve'"), "\(missing)")
            kill(server.processIdentifier, SIGCONT)
            end([stopped, server])
        }

        @Test("A mark that combines with a slash hides no step up")
        func combined() throws {
            try place.write("secret\n", to: "\u{301}evil/file")
            try place.write(
                "bailey: 1\nname: hidden\nextends: [base]\nfiles: {read: [$WORKSPACE/../\u{301}evil]}\n",
                to: "config/bailey/profiles/hidden.yaml"
            )
            let refused = try place.bailey(["run", "-p", "hidden", "--", "true"])
            #expect(refused.code == 125 && refused.errors.contains("\"..\" is not allowed"), "\(refused)")
        }

        @Test("A mark that combines with a quote ends no quoted argument that the log shows")
        func pasted() throws {
            let argument = "a\n'\u{301}; touch made #"
            #expect(try place.bailey(["run", "--", "true", argument]).code == 0)
            let audit = try place.bailey(["audit"])
            let start = try #require(audit.output.range(of: "launch true "), "\(audit)").upperBound
            let shown = audit.output[start...].prefix { $0 != "\n" }
            let outcome = try Command.run(
                ["bash", "-c", "printf %s " + shown],
                environment: place.environment,
                directory: place.workspace
            )
            #expect(outcome.code == 0 && outcome.output.utf8.elementsEqual(argument.utf8), "\(outcome)")
            #expect(place.read("workspace/made") == nil)
        }

        @Test("H18: a peer on the user's socket that is none of the user's holds nothing up")
        func strangers() throws {
            try place.write(
                "bailey: 1\nname: short\nextends: [base]\nlimits: {time: 8s}\n",
                to: "config/bailey/profiles/short.yaml"
            )
            let connect = """
                import glob, os, socket
                path = [x for x in glob.glob('\(place.root)/run/bailey/*') if not x.endswith('.lock')][0]
                for _ in range(20):
                    if os.fork() == 0:
                        socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET).connect(path)
                        os._exit(0)
                    os.wait()
                """
            let stranger = try holding(["-p", "short"])
            let outcome = try place.control("unshare -U python3 -c \"\(connect)\" && echo connected")
            #expect(outcome.lines == ["connected"], "\(outcome)")
            #expect(stranger.finish().code == 124)
        }

        @Test("A launch that does not come along holds up no other, and is given up")
        func stuckLaunch() throws {
            let server = try started([place.binary, "serve", "--ahead", "1"])
            #expect(server.awaitErrors("serving at"))
            let waiting = try HostProcesses.isolated(below: server.processIdentifier, count: 1)
            let parked = try #require(waiting.first)
            kill(parked, SIGSTOP)
            let stuck = try started([place.binary, "run", "--", "true"])
            // It has taken the sandbox when another is there in its stead.
            let fresh = try HostProcesses.isolated(below: server.processIdentifier, count: 2)
            #expect(fresh.count == 2)
            #expect(try place.bailey(["run", "--", "echo", "through"]).lines == ["through"])
            let outcome = stuck.finish()
            #expect(outcome.code == 125 && outcome.errors.contains("make the sandbox"), "\(outcome)")
            kill(server.processIdentifier, SIGTERM)
            #expect(server.finish().code == 0)
            kill(parked, SIGKILL)
        }

        @Test("R08: a signal that comes while the sandbox is being made reaches the command")
        func earlySignal() throws {
            let server = try started([place.binary, "serve", "--ahead", "1"])
            #expect(server.awaitErrors("serving at"))
            let parked = try #require(
                try HostProcesses.isolated(below: server.processIdentifier, count: 1).first
            )
            kill(parked, SIGSTOP)
            let running = try started([place.binary, "run", "--", "sleep", "300.4"])
            #expect(try HostProcesses.isolated(below: server.processIdentifier, count: 2).count == 2)
            running.signal(SIGTERM)
            // What the server answers next it answers after it has heard of the signal.
            #expect(try place.bailey(["ps"]).code == 0)
            kill(parked, SIGCONT)
            #expect(running.finish().code == 143)
            kill(server.processIdentifier, SIGTERM)
            #expect(server.finish().code == 0)
        }

        @Test("ps names all agents, however many there are and whatever their arguments")
        func manyAgents() throws {
            let server = try started([place.binary, "serve"])
            #expect(server.awaitErrors("serving at"))
            // More than one answer holds, and arguments that are long only in their number.
            let empty = String(repeating: "'' ", count: 200)
            let run = "'\(place.binary)' run -- sh -c 'sleep 300.5' \(empty)"
            let running = try started(["sh", "-c", "for i in $(seq 140); do \(run) & done; wait"])
            var count = 0
            let end = Date(timeIntervalSinceNow: 180)
            while count < 140, Date() < end {
                let outcome = try place.bailey(["ps", "--json"])
                #expect(outcome.code == 0 && outcome.errors.isEmpty, "\(outcome)")
                count = outcome.lines.count
            }
            #expect(count == 140)
            kill(server.processIdentifier, SIGTERM)
            kill(server.processIdentifier, SIGTERM)
            #expect(server.finish().code == 0)
            _ = running.finish()
        }

        @Test("The end of an agent with fifty children ends them all, each on record with the reason")
        func manyChildren() throws {
            let mark = "300.\(getpid())6"
            try place.profile("many", "extends: [base]\nchildren: {profiles: [leaf], depth: 1, count: 50}\n")
            let child = "bailey run -p leaf -- sh -c 'echo up; exec sleep \(mark)'"
            let running = try place.running("for i in $(seq 50); do \(child) & done; wait", profile: "many")
            #expect(HostProcesses.running(with: mark, count: 50).count == 50)
            running.signal(SIGTERM)
            _ = running.finish()
            #expect(HostProcesses.left(with: mark, within: 60).isEmpty)
            let exits = try awaitExits(51)
            #expect(exits.count == 51)
            #expect(exits.count { $0 == "parent ended" } == 50, "\(exits)")
        }

        /// Why agents ended, once so many have, or a bound is over.
        private func awaitExits(_ count: Int) throws -> [String?] {
            let end = Date(timeIntervalSinceNow: 60)
            while true {
                let lines = try place.bailey(["audit", "--json"]).lines
                let records = try lines.map { try JSONDecoder().decode(Exit.self, from: Data($0.utf8)) }
                let exits = records.filter { $0.kind == "exit" }.map(\.record.cause)
                if exits.count >= count || Date() > end { return exits }
            }
        }

        private struct Exit: Decodable {
            let kind: String
            let record: Details

            struct Details: Decodable {
                let cause: String?
            }
        }
    }
}
