import Foundation
import Glibc
import TestSupport
import Testing

extension EndToEnd {
    /// Launches that `children.ask` asks about, and the user's answers.
    @Suite("Approvals of launches", .serialized)
    struct LaunchApprovalTests {
        let place: Place

        init() throws {
            place = try Place()
            try place.profile("free", "extends: [base]\n")
            try place.profile("tool", "extends: [base]\nenv: {pass: [KIND]}\n")
            try place.profile(
                "mid",
                "extends: [base]\nenv: {pass: [KIND]}\nchildren: {profiles: [tool], ask: [tool], depth: 1, count: 4}\n"
            )
            try asking("parent", "for: agent, wait: 60s")
        }

        private func asking(_ name: String, _ approval: String) throws {
            try place.profile(
                name,
                """
                extends: [base]
                env: {pass: [KIND]}
                children:
                  profiles: [free, mid, tool]
                  ask: [tool, wide]
                  approval: {\(approval)}
                  depth: 3
                  count: 48

                """
            )
        }

        private func approve(_ id: String, _ more: String...) throws {
            let outcome = try place.bailey(["approvals", "approve", id] + more)
            #expect(outcome.code == 0, "\(outcome)")
        }

        private func deny(_ id: String, _ more: String...) throws {
            let outcome = try place.bailey(["approvals", "deny", id] + more)
            #expect(outcome.code == 0, "\(outcome)")
        }

        /// What waits is over, and nothing of it is left.
        private func expectNothingWaits() throws {
            #expect(try place.awaits { try place.bailey(["approvals", "list", "--json"]).output.isEmpty })
        }

        @Test("A launch is held, shown with all that an answer is bound to, and runs when it is approved")
        func approved() throws {
            let running = try place.running(
                "bailey run -p free -- echo free; KIND=late bailey run -p tool --name helper -- sh -c 'echo ran > ran; exit 7'; echo $?",
                profile: "parent"
            )
            let held = try #require(try place.held(1).first)
            #expect(held.kind == "launch" && held.action == "launch tool" && held.resource == place.workspace)
            #expect(held.command == ["sh", "-c", "echo ran > ran; exit 7"] && held.life == "agent")
            #expect(held.lineage == ["parent (parent)"] && held.principal.hasPrefix("user:"), "\(held)")
            for detail in ["profile: tool", "name: helper", "variable: KIND=late"] {
                #expect(held.details.contains(detail), "\(held.details)")
            }
            let digest = try place.bailey(["profile", "show", "tool", "--profiles", place.profiles]).lines
                .first {
                    $0.contains("digest: ")
                }
            let sum: Substring = try #require(digest?.split(separator: " ").first { $0.count == 64 })
            #expect(held.details.contains("profile sha256: \(sum)"), "\(held.details)")
            let shown = try place.bailey(["approvals", "show", held.id])
            #expect(shown.output.contains("command:     sh -c 'echo ran > ran; exit 7'"), "\(shown)")
            #expect(
                shown.output.contains("asked by:    parent asks by children: ask tool (parent.yaml:7)"),
                "\(shown)"
            )
            #expect(
                try place.bailey(["approvals"]).output.contains("launch tool in \(place.workspace): sh -c")
            )
            #expect(place.read("workspace/ran") == nil)
            try approve(held.id, "--reason", "looks right")
            let outcome = running.finish()
            #expect(outcome.code == 0 && outcome.output == "free\n7\n", "\(outcome)")
            #expect(place.read("workspace/ran") == "ran\n")
            #expect(try place.approvalEvents() == ["asked", "approved"])
            let spawns = try place.launches().filter { $0.kind == "spawn" }
            #expect(spawns.map(\.record.approval) == [nil, nil, held.id])
            #expect(try place.bailey(["audit"]).output.contains("; approval \(held.id)"))
            #expect(try place.bailey(["audit", "verify"]).code == 0)
            try expectNothingWaits()
        }

        @Test(
            "A launch that is denied ends with 77, by whom and why; --all-of refuses what follows without asking"
        )
        func denied() throws {
            let launch = "bailey run -p tool -- touch ran; echo $?"
            let running = try place.running("\(launch); \(launch); \(launch)", profile: "parent")
            let first = try #require(try place.held(1).first)
            try deny(first.id, "--reason", "not on a Friday")
            let second = try #require(try place.held(1).first { $0.id != first.id })
            #expect(second.digest == first.digest)
            try deny("--all-of", "parent.yaml:7")
            let outcome = running.finish()
            #expect(outcome.output == "77\n77\n77\n", "\(outcome)")
            #expect(
                outcome.errors.contains("the launch under 'tool' had to be approved, and was denied by user:")
            )
            #expect(outcome.errors.contains(": not on a Friday"))
            #expect(place.read("workspace/ran") == nil)
            #expect(try place.approvalEvents() == ["asked", "denied", "asked", "denied"])
            let refused = try place.launches().filter { $0.kind == "spawn-refused" }
            #expect(
                refused.count == 3 && refused.allSatisfy { $0.record.argv == ["touch", "ran"] },
                "\(refused)"
            )
        }

        @Test("Of a launch that is long a list shows the beginning, and bailey approvals show all of it")
        func whole() throws {
            let script = """
                long=$(head -c 100000 /dev/zero | tr '\\0' x)
                KIND=$long bailey run -p tool -- sh -c "echo ran; : $long-the-end" $long last; echo $?
                """
            let running = try place.running(script, profile: "parent")
            let held = try #require(try place.held(1).first)
            #expect(held.command.reduce(0) { $0 + $1.utf8.count } < 10_000)
            let long = String(repeating: "x", count: 100_000)
            let json = try place.bailey(["approvals", "show", held.id, "--json"])
            let shown = try JSONDecoder().decode(HeldLine.self, from: Data(json.output.utf8))
            #expect(shown.command == ["sh", "-c", "echo ran; : \(long)-the-end", long, "last"])
            #expect(shown.details.contains("variable: KIND=\(long)") && shown.digest == held.digest)
            let text = try place.bailey(["approvals", "show", held.id])
            #expect(text.code == 0 && text.output.contains("-the-end") && text.output.utf8.count > 300_000)
            try approve(held.id)
            let outcome = running.finish()
            #expect(outcome.output == "ran\n0\n", "\(outcome)")
            #expect(try place.bailey(["approvals", "show", held.id]).code == 1)
        }

        @Test(
            "H02: with nobody to answer a launch is refused after the rule's time, with an exit code of its own"
        )
        func headless() throws {
            try asking("hasty", "wait: 1s")
            let outcome = try place.agent(
                "bailey run -p tool -- touch ran; echo $?; bailey run -p free -- touch free; echo $?",
                profile: "hasty"
            )
            #expect(outcome.code == 0 && outcome.output == "75\n0\n", "\(outcome)")
            #expect(outcome.errors.contains("nobody answered within 1s"), "\(outcome)")
            #expect(place.read("workspace/ran") == nil && place.read("workspace/free") != nil)
            #expect(try place.approvalEvents() == ["asked", "unanswered"])
        }

        @Test(
            "H05: an approval covers that launch alone: another command, variable, name, folder or profile is asked anew"
        )
        func another() throws {
            try place.write("", to: "workspace/sub/file")
            let script = """
                bailey run -p tool -- echo one && bailey run -p tool -- echo one
                bailey run -p tool -- echo two & bailey run -p tool -- echo one two &
                KIND=x bailey run -p tool -- echo one & bailey run -p tool --name other -- echo one &
                (cd sub; bailey run -p tool -- echo one) & bailey run -p tool -w sub -- echo one & wait; echo done
                bailey run -p tool -- echo changed; echo $?
                """
            let running = try place.running(script, profile: "parent")
            let first = try #require(try place.held(1).first)
            try approve(first.id, "--for", "agent")
            let others = try place.held(6)
            #expect(Set(others.map(\.digest)).count == 6 && !others.map(\.digest).contains(first.digest))
            for other in others { try deny(other.id) }
            #expect(running.awaitOutput("done"))
            // The profile that was read is not the one that would be launched.
            let last = try #require(try place.held(1).first)
            try place.profile("tool", "extends: [base]\nenv: {set: {A: b}, pass: [KIND]}\n")
            try approve(last.id)
            let outcome = running.finish()
            #expect(outcome.output == "one\none\ndone\n125\n", "\(outcome)")
            #expect(outcome.errors.contains("'tool' changed while its launch waited"), "\(outcome)")
        }

        @Test(
            "H06: every level that asks is asked, and an approval is neither another agent's nor good after a revocation"
        )
        func bound() throws {
            let script = """
                bailey run -p tool -- echo same; bailey run -p tool -- echo same
                bailey run -p mid -- bailey run -p tool -- echo same; echo $?
                until [ -e cut ]; do sleep 0.05; done; bailey run -p tool -- echo same; echo $?
                """
            let running = try place.running(script, profile: "parent")
            let first = try #require(try place.held(1).first)
            #expect(first.demands.count == 1)
            try approve(first.id, "--for", "agent")
            let below = try #require(try place.held(1).first { $0.id != first.id })
            #expect(below.agent != first.agent && below.lineage == ["parent (parent)", "mid (mid)"])
            #expect(below.demands.count == 2 && below.life == "once", "both levels ask: \(below)")
            try deny(below.id)
            try expectNothingWaits()
            #expect(running.awaitOutput("77"))
            #expect(
                try place.bailey(["revoke", first.agent, "--keep-running", "--reason", "enough"]).code == 0
            )
            try place.write("", to: "workspace/cut")
            let outcome = running.finish()
            #expect(outcome.output == "same\nsame\n77\n125\n", "\(outcome)")
        }

        @Test("H06: an approval for once is spent once, and a question ends with a revocation")
        func spent() throws {
            let running = try place.running(
                "bailey run -p tool -- echo same; bailey run -p tool -- echo same; echo $?",
                profile: "parent"
            )
            let first = try #require(try place.held(1).first)
            try approve(first.id)
            let second = try #require(try place.held(1).first { $0.id != first.id })
            #expect(second.digest == first.digest)
            #expect(
                try place.bailey(["revoke", first.agent, "--keep-running", "--reason", "enough"]).code == 0
            )
            #expect(try place.bailey(["approvals", "approve", second.id]).code == 1)
            let outcome = running.finish()
            #expect(outcome.output == "same\n125\n" && outcome.errors.contains("was cut off"), "\(outcome)")
            #expect(try place.approvalEvents() == ["asked", "approved", "asked", "void"])
        }

        @Test(
            "A front-end that is signalled or killed ends its question, and nothing is left",
            arguments: [("TERM", "143"), ("INT", "130"), ("HUP", "129"), ("KILL", "137")]
        )
        func signalled(signal: String, code: String) throws {
            let running = try place.running(
                // A shell's background has SIGINT ignored, which a program takes over.
                """
                python3 -c 'import signal, os; signal.signal(signal.SIGINT, signal.SIG_DFL)
                os.execvp("bailey", ["bailey", "run", "-p", "tool", "--", "touch", "ran"])' & pid=$!
                until [ -e go ]; do sleep 0.05; done; kill -\(signal) $pid; wait $pid; echo $?
                """,
                profile: "parent"
            )
            let held = try #require(try place.held(1).first)
            try place.write("", to: "workspace/go")
            let outcome = running.finish()
            #expect(outcome.code == 0 && outcome.output == "\(code)\n", "\(outcome)")
            #expect(try place.bailey(["approvals", "approve", held.id]).code == 1)
            #expect(try place.approvalEvents() == ["asked", "void"])
            #expect(
                try place.launches().last { $0.kind == "spawn-refused" }?.record.argv == ["touch", "ran"]
            )
            #expect(place.read("workspace/ran") == nil)
        }

        @Test("Ctrl-C on a terminal ends a question")
        func interrupted() throws {
            let terminal = try TerminalCommand(
                [
                    place.binary, "run", "-p", "parent", "--profiles", place.profiles, "--", "sh", "-c",
                    "trap : INT; bailey run -p tool -- touch ran; echo code $?",
                ],
                environment: place.environment,
                directory: place.workspace
            )
            let held = try #require(try place.held(1).first)
            #expect(terminal.awaitScreen("bailey approvals approve \(held.id)"))
            terminal.type("\u{3}")
            #expect(terminal.awaitScreen("code 130"), "\(terminal.screen)")
            #expect(terminal.finish() == 0)
            #expect(try place.approvalEvents() == ["asked", "void"] && place.read("workspace/ran") == nil)
        }

        @Test("A question ends with the agent that asked, and with its supervisor", arguments: [false, true])
        func parentEnds(isSupervisor: Bool) throws {
            let running = try place.running(
                "bailey run -p mid -- sh -c 'bailey run -p tool -- touch ran & until [ -e go ]; do sleep 0.05; done; exit 3'; echo $?",
                profile: "parent"
            )
            _ = try place.held(1)
            if isSupervisor { running.signal(SIGKILL) } else { try place.write("", to: "workspace/go") }
            let outcome = running.finish()
            #expect(isSupervisor ? outcome.code == 137 : outcome.output == "3\n", "\(outcome)")
            try expectNothingWaits()
            #expect(try place.living().isEmpty && place.read("workspace/ran") == nil)
            if !isSupervisor { #expect(try place.approvalEvents() == ["asked", "void"]) }
        }

        @Test(
            "Who may approve is whom the rules say: two, or another than started it",
            arguments: [
                ("approvers: 2", Int32(0), "1 more has to approve it"),
                ("by: [\"user:nobody-here\"]", 1, "may not approve it by the rules"),
                ("not-principal: true", 1, "may not approve it by the rules"),
            ]
        )
        func approvers(terms: String, code: Int32, said: String) throws {
            try asking("strict", terms)
            let running = try place.running("bailey run -p tool -- touch ran; echo $?", profile: "strict")
            let held = try #require(try place.held(1).first)
            let first = try place.bailey(["approvals", "approve", held.id])
            #expect(first.code == code && (first.output + first.errors).contains(said), "\(first)")
            let again = try place.bailey(["approvals", "approve", held.id])
            #expect(again.code == 1, "\(again)")
            try deny(held.id)
            #expect(running.finish().output == "77\n" && place.read("workspace/ran") == nil)
        }

        @Test("H03: a flood of launches is one line, bounded, and refused by one answer")
        func flood() throws {
            let running = try place.running(
                "for i in $(seq 40); do bailey run -p tool -- touch ran-$i 2>> errors & done; wait",
                profile: "parent"
            )
            _ = try place.held(32)
            #expect(try place.bailey(["approvals"]).output.contains("31 more like it"))
            #expect(
                place.awaits {
                    place.read("workspace/errors")?.components(
                        separatedBy: "nobody was asked: 32 questions of this agent"
                    )
                    .count == 9
                }
            )
            try deny("--all-of", "parent.yaml:7")
            #expect(running.finish().code == 0)
            #expect(
                place.read("workspace/errors")?.components(separatedBy: "was denied by user:").count == 33
            )
            #expect(try FileManager.default.contentsOfDirectory(atPath: place.workspace) == ["errors"])
        }

        @Test("H04: what an agent writes into a launch steers no terminal of who looks at it")
        func escaped() throws {
            let running = try place.running(
                "x=$(printf 'x\\033[2Japproved\\r\\n.'); KIND=$x bailey run -p tool -- echo \"$x\"; echo $?",
                profile: "parent"
            )
            let held = try #require(try place.held(1).first)
            #expect(held.command == ["echo", "x\u{1b}[2Japproved\r\n."])
            for words in [["list"], ["list", "--json"], ["show", held.id], ["show", held.id, "--json"]] {
                let shown = try place.bailey(["approvals"] + words)
                #expect(
                    shown.code == 0 && !shown.output.contains("\u{1b}") && !shown.output.contains("\r")
                        && !shown.lines.contains("."),
                    "\(shown)"
                )
            }
            try deny(held.id)
            #expect(running.finish().output == "77\n")
            #expect(try !place.bailey(["audit"]).output.contains("\u{1b}"))
        }

        @Test("A profile that is wider than its parent's is refused as such, and nobody is asked")
        func wider() throws {
            try place.profile(
                "wide",
                "extends: [base]\negress: [{to: \"https://a.test\", allow: [GET]}]\n"
            )
            let outcome = try place.agent("bailey run -p wide -- touch ran; echo $?", profile: "parent")
            #expect(outcome.output == "125\n" && outcome.errors.contains("is wider than"), "\(outcome)")
            #expect(try place.approvalEvents().isEmpty && place.read("workspace/ran") == nil)
        }
    }
}

/// A launch as `bailey audit --json` shows it.
private struct LaunchLine: Decodable {
    struct Details: Decodable {
        let argv: [String]?
        let approval: String?
    }
    let kind: String
    let record: Details
}

extension Place {
    /// Launches on record, those that were refused among them.
    fileprivate func launches() throws -> [LaunchLine] {
        try bailey(["audit", "--json"]).lines.compactMap {
            try? JSONDecoder().decode(LaunchLine.self, from: Data($0.utf8))
        }.filter { $0.kind.hasPrefix("spawn") }
    }
}
