import Foundation
import Glibc
import TestSupport
import Testing

extension EndToEnd {
    /// `bailey revoke` of a principal, which holds for later runs.
    @Suite("Revoked principals", .serialized)
    struct RevokedPrincipalTests {
        let place: Place
        let principal: String
        let mark = "300.\(getpid())\(UInt32.random(in: 1000...9999))"

        init() throws {
            place = try .nesting()
            principal = "user:" + (try place.control("id -un").lines.first ?? "")
        }

        private func serving() throws -> RunningCommand {
            let server = try RunningCommand(
                place.server,
                environment: place.environment,
                directory: place.root
            )
            #expect(server.awaitErrors("serving at"))
            return server
        }

        private func waiting(_ words: [String] = []) throws -> RunningCommand {
            let running = try RunningCommand(
                [place.binary, "run"] + words + ["--", "sh", "-c", "echo up; exec sleep \(mark)"],
                environment: place.environment,
                directory: place.workspace
            )
            #expect(running.awaitOutput("up"))
            return running
        }

        @Test(
            "A revoked principal's agents end in every supervisor, and its later runs are refused, alone and served, until it is lifted"
        )
        func laterRuns() throws {
            let server = try serving()
            let running = [try waiting(), try waiting(["--alone"] + Kernel.options)]
            #expect(HostProcesses.running(with: mark, count: 2).count == 2)
            let outcome = try place.bailey(["revoke", principal, "--reason", "left the company"])
            #expect(outcome.code == 0, "\(outcome)")
            #expect(outcome.output.contains("revoked \(principal): 2 agents"), "\(outcome)")
            for one in running {
                let end = one.finish()
                #expect(end.code == 137 && end.errors.contains("revoked by \(principal)"), "\(end)")
            }
            for words in [[], ["--alone"] + Kernel.options] {
                let refused = try place.bailey(["run"] + words + ["--", "touch", "ran"])
                #expect(refused.code == 125, "\(refused)")
                #expect(
                    refused.errors.contains("nothing is launched: revoked by \(principal) at "),
                    "\(refused)"
                )
                #expect(refused.errors.contains(": left the company"), "\(refused)")
                #expect(refused.errors.contains("bailey revoke --lift \(principal)"), "\(refused)")
            }
            #expect(!FileManager.default.fileExists(atPath: place.workspace + "/ran"))
            #expect(try place.bailey(["revoke", "--list"]).output.hasPrefix("\(principal)  since "))
            let lifted = try place.bailey(["revoke", "--lift", principal, "--reason", "is back"])
            #expect(lifted.code == 0, "\(lifted)")
            #expect(try place.bailey(["revoke", "--list"]).output.isEmpty)
            #expect(try place.bailey(["run", "--", "echo", "again"]).lines == ["again"])
            #expect(try place.bailey(["run", "--alone"] + Kernel.options + ["--", "true"]).code == 0)
            #expect(try place.bailey(["revoke", "--lift", principal]).code == 1)
            kill(server.processIdentifier, SIGTERM)
            #expect(server.finish().code == 0)
            let records = try place.revocations()
            #expect(records.map(\.record.isLifted) == [false, true])
            #expect(records.map(\.record.agents) == [2, 0])
            #expect(records.allSatisfy { $0.agent == nil && $0.lineage == principal })
            #expect(try place.bailey(["audit", "verify"]).code == 0)
        }

        /// A run of a supervisor of its own, or a server, that was started under another `$XDG_RUNTIME_DIR`.
        func elsewhere(_ words: [String], _ folder: String) throws -> RunningCommand {
            let running = try RunningCommand(
                [place.binary] + words,
                environment: place.environment.merging(["XDG_RUNTIME_DIR": folder]) { $1 },
                directory: place.workspace
            )
            let isServer = words.first == "serve"
            #expect(isServer ? running.awaitErrors("serving at") : running.awaitOutput("up"))
            return running
        }

        @Test(
            "A run under another XDG_RUNTIME_DIR, or one that does not do, and a server there are found where their log is, and end"
        )
        func otherRuntimeFolder() throws {
            let alone = ["run", "--alone"] + Kernel.options
            let command = ["--", "sh", "-c", "echo up; exec sleep \(mark)"]
            try place.write("", to: "file")
            for folder in [place.root + "/other", place.root + "/file/none"] {
                let running = try elsewhere(alone + command, folder)
                #expect(try place.bailey(["ps", "--json"]).lines.count == 1)
                let outcome = try place.bailey(["revoke", principal])
                #expect(outcome.code == 0 && outcome.output.contains(": 1 agent cut off"), "\(outcome)")
                #expect(running.finish().code == 137)
                #expect(try place.bailey(["revoke", "--lift", principal]).code == 0)
            }
            let folder = place.root + "/served"
            let server = try elsewhere(["serve"] + Kernel.options, folder)
            let running = try elsewhere(["run"] + command, folder)
            let outcome = try place.bailey(["revoke", principal])
            #expect(outcome.code == 0 && outcome.output.contains(": 1 agent cut off"), "\(outcome)")
            #expect(running.finish().code == 137)
            kill(server.processIdentifier, SIGTERM)
            #expect(server.finish().code == 0)
            let left = try place.control("find '\(place.root)/state/bailey/run' ! -type d")
            #expect(left.code == 0 && left.output.isEmpty, "\(left)")
        }

        @Test("A supervisor that lives and cannot be reached is named, with 1: its agents may live on")
        func unreachable() throws {
            let folder = place.root + "/other"
            let words = ["run", "--alone"] + Kernel.options
            let running = try elsewhere(
                words + ["--", "sh", "-c", "echo up; exec sleep \(mark)"],
                folder
            )
            #expect(try place.control("mv '\(folder)' '\(folder).gone'").code == 0)
            let outcome = try place.bailey(["revoke", principal])
            #expect(outcome.code == 1, "\(outcome)")
            #expect(
                outcome.errors.contains("the supervisor of run ") && outcome.errors.contains(folder + "/"),
                "\(outcome)"
            )
            #expect(outcome.output.contains("in a supervisor that answers"), "\(outcome)")
            #expect(HostProcesses.running(with: mark, count: 1).count == 1)
            running.signal(SIGKILL)
            _ = running.finish()
            #expect(HostProcesses.left(with: mark, within: 60).isEmpty)
            // One that was killed is nobody, though its link is there.
            let later = try place.bailey(["revoke", principal])
            #expect(later.code == 0 && later.errors.isEmpty, "\(later)")
        }

        /// What `bailey revoke --json` says.
        private struct Told: Decodable {
            let time: String
        }

        /// A line of `bailey audit --json`.
        private struct Line: Decodable {
            let kind: String
            let sequence: Int
            let time: String
        }

        /// Revokes; since when, as the command says.
        private func revoking(_ words: [String]) throws -> String {
            let outcome = try place.bailey(["revoke"] + words + ["--json"])
            #expect(outcome.code == 0, "\(outcome)")
            let told = try JSONDecoder().decode(Told.self, from: Data(outcome.output.utf8))
            return told.time
        }

        @Test(
            "One revocation has one moment, wherever it is told, and stands before the ends that it brought"
        )
        func oneMoment() throws {
            let one = try waiting(Kernel.options)
            let agent = try #require(try place.living().values.first)
            let ofAgent = try revoking([agent, "--reason", "one"])
            #expect(one.finish().code == 137)
            let others = [try waiting(Kernel.options), try waiting(Kernel.options)]
            let ofPrincipal = try revoking([principal])
            for other in others { #expect(other.finish().code == 137) }
            let lines = try place.bailey(["audit", "--json"]).lines.map { line in
                try JSONDecoder().decode(Line.self, from: Data(line.utf8))
            }
            let revocations = lines.filter { $0.kind == "revocation" }
            let ends = lines.filter { $0.kind == "exit" }
            #expect(revocations.map(\.time) == [ofAgent, ofPrincipal], "\(revocations)")
            try #require(revocations.count == 2 && ends.count == 3, "\(lines)")
            #expect(
                revocations[0].sequence < ends[0].sequence && revocations[1].sequence < ends[1].sequence,
                "\(lines)"
            )
            #expect(try place.bailey(["tree", agent, "--json"]).output.contains("\"time\":\"\(ofAgent)\""))
            #expect(try place.bailey(["revoke", "--list"]).output.contains("since \(ofPrincipal)  by "))
            let refused = try place.bailey(["run"] + Kernel.options + ["--", "true"])
            #expect(refused.errors.contains("revoked by \(principal) at \(ofPrincipal) "), "\(refused)")
            #expect(try place.bailey(["audit", "verify"]).code == 0)
        }

        @Test("Another principal's revocation is nothing to this one")
        func other() throws {
            #expect(try place.bailey(["revoke", principal + "x"]).code == 0)
            #expect(try place.bailey(["run"] + Kernel.options + ["--", "true"]).code == 0)
        }

        @Test(
            "A principal that the log has never seen is recorded as revoked, with a warning that names the likely one"
        )
        func unknown() throws {
            #expect(try place.bailey(["run"] + Kernel.options + ["--", "true"]).code == 0)
            let typo = principal + "x"
            let outcome = try place.bailey(["revoke", typo, "--reason", "left"])
            #expect(outcome.code == 0, "\(outcome)")
            #expect(
                outcome.output.contains(
                    "revoked \(typo): no agent of this principal was running; its launches are refused"
                ),
                "\(outcome)"
            )
            #expect(outcome.errors.contains("warning: the log knows no launch of \(typo)"), "\(outcome)")
            #expect(outcome.errors.contains("if you meant \(principal), revoke that"), "\(outcome)")
            #expect(try place.bailey(["revoke", "--list"]).output.hasPrefix(typo + "  since "))
            let known = try place.bailey(["revoke", principal])
            #expect(known.code == 0 && known.errors.isEmpty, "\(known)")
        }

        @Test("What was cut off stays so when its principal is lifted; new agents are free")
        func liftedLater() throws {
            let server = try serving()
            try place.write(
                "echo up; read go; bailey run -p leaf -- true; echo child $?; read go",
                to: "workspace/script"
            )
            let running = try RunningCommand(
                [place.binary, "run", "-p", "top", "--", "sh", "./script"],
                environment: place.environment,
                directory: place.workspace
            )
            #expect(running.awaitOutput("up"))
            #expect(try place.bailey(["revoke", principal, "--keep-running"]).code == 0)
            #expect(try place.bailey(["run", "--", "true"]).code == 125)
            #expect(try place.bailey(["revoke", "--lift", principal]).code == 0)
            running.write(Data("\n".utf8))
            #expect(running.awaitOutput("child 125"))
            #expect(
                try place.bailey(["run", "-p", "top", "--", "bailey", "run", "-p", "leaf", "--", "true"]).code
                    == 0
            )
            running.write(Data("\n".utf8))
            #expect(running.finish().code == 0)
            kill(server.processIdentifier, SIGTERM)
            #expect(server.finish().code == 0)
        }

        @Test("G18: runs that start while their principal is being revoked either are refused or end")
        func startingMeanwhile() throws {
            for _ in 0..<4 {
                let place = try Place()
                try place.profile("plain", "files: {write: [$WORKSPACE]}\n")
                let launch = "\(place.launch) -p plain --profiles '\(place.profiles)' -- sleep \(mark)"
                let starts = try RunningCommand(
                    [
                        "sh", "-c",
                        "for i in 1 2 3 4 5 6 7 8; do \(launch) & sleep 0.01; done; wait; echo all over",
                    ],
                    environment: place.environment,
                    directory: place.workspace
                )
                _ = HostProcesses.appearing(with: mark)
                let outcome = try place.bailey(["revoke", principal])
                #expect(outcome.code == 0, "\(outcome)")
                #expect(starts.finish().output == "all over\n")
                #expect(HostProcesses.left(with: mark, within: 60).isEmpty)
                #expect(try place.revocations().count == 1)
                #expect(try place.bailey(["audit", "verify"]).code == 0)
            }
        }

        @Test(
            "SIGKILL of the supervisor at any moment of a revocation: no agent lives, and who is on record as revoked is"
        )
        func supervisorKilled() throws {
            for attempt in 0..<8 {
                let place = try Place()
                let running = try place.running("echo up; exec sleep \(mark)")
                #expect(running.awaitOutput("up"))
                let revoking = try RunningCommand(
                    [place.binary, "revoke", principal],
                    environment: place.environment,
                    directory: place.workspace
                )
                Thread.sleep(forTimeInterval: Double(attempt) * 0.004)
                running.signal(SIGKILL)
                _ = running.finish()
                let outcome = revoking.finish()
                #expect(HostProcesses.left(with: mark, within: 60).isEmpty)
                let verified = try place.bailey(["audit", "verify"])
                #expect(verified.code == 0, "\(verified)")
                #expect(outcome.code == 0 || outcome.code == 1, "\(outcome)")
                #expect(try place.revocations().count == 1)
                #expect(try place.bailey(["run"] + Kernel.options + ["--", "true"]).code == 125)
            }
        }

        @Test("SIGKILL of the revoking command at any moment: the store verifies, and the next one works")
        func commandKilled() throws {
            for attempt in 0..<10 {
                let place = try Place()
                let revoking = try RunningCommand(
                    [place.binary, "revoke", principal],
                    environment: place.environment,
                    directory: place.workspace
                )
                Thread.sleep(forTimeInterval: Double(attempt) * 0.003)
                revoking.signal(SIGKILL)
                _ = revoking.finish()
                #expect(try place.bailey(["revoke", principal]).code == 0)
                let verified = try place.bailey(["audit", "verify"])
                #expect(verified.code == 0, "\(verified)")
                #expect(try place.bailey(["run"] + Kernel.options + ["--", "true"]).code == 125)
            }
        }

        @Test(
            "What is no subject, no reason or no combination is refused, and nothing is revoked",
            arguments: [
                ["alice"], ["user:"], [], ["user:a", "--list"], ["--lift", "1f2e3d4c5b6a.2"],
                ["user:a", "--reason", ""],
                ["user:a", "--reason", "a\nb"], ["--lift", "user:a", "--keep-running"],
                ["user:a", "--reason", String(repeating: "a", count: 513)],
            ]
        )
        func badWords(words: [String]) throws {
            let outcome = try place.bailey(["revoke"] + words)
            #expect(outcome.code == 64, "\(outcome)")
            #expect(!FileManager.default.fileExists(atPath: place.root + "/state/bailey/audit.sqlite"))
        }

        @Test(
            "An agent may revoke nobody: the command is the operator's, and its control socket refuses the order"
        )
        func fromInside() throws {
            try place.write(Self.rawOrder(principal), to: "workspace/order.py")
            let outcome = try place.bailey(
                ["run", "-p", "top"] + Kernel.options + [
                    "--", "sh", "-c", "bailey revoke \(principal); echo $?; python3 order.py",
                ]
            )
            #expect(outcome.lines.first == "64", "\(outcome)")
            #expect(outcome.errors.contains("is the operator's"), "\(outcome)")
            #expect(outcome.output.contains("inside an agent there is no list of agents"), "\(outcome)")
            #expect(try place.bailey(["revoke", "--list"]).output.isEmpty)
        }

        /// Sends the order to the agent's own control socket, and prints what comes back.
        private static func rawOrder(_ principal: String) -> String {
            """
            import socket, struct
            s = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET); s.connect('/.bailey/control')
            name = b'\(principal)'
            body = b'\\x06' + struct.pack('>i', len(name)) + name + b'\\x00\\x01' + bytes(8)
            s.send(b'\\x00' + body)
            print(s.recv(65536))
            """
        }
    }
}
