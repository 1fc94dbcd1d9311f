import Foundation
import TestSupport
import Testing

extension EndToEnd {
    /// What rules ask about, and the user's answers, with real clients and servers.
    @Suite("Approvals", .serialized)
    struct ApprovalTests {
        let place: Place
        let servers: Servers

        init() throws {
            place = try Place()
            servers = try Servers.started()
            try place.write(servers.operatorConfiguration, to: place.configuration + "/bailey.yaml")
            try asking("asking", "for: 15m, wait: 60s")
        }

        private var origin: String { "https://allowed.test:\(servers.tlsPort)" }
        private let curl = "curl -sS -m60"

        private func asking(_ name: String, _ approval: String = "wait: 60s", children: String = "") throws {
            try place.profile(
                name,
                """
                extends: [base]
                egress:
                  - {to: "\(origin)", private: true, allow: ["GET /open/**", "GET /bearer/redirect"],
                     ask: ["* /a/**"], approval: {\(approval)}}
                \(children)
                """
            )
        }

        private func approve(_ id: String, _ more: String...) throws {
            let outcome = try place.bailey(["approvals", "approve", id] + more)
            #expect(outcome.code == 0, "\(outcome)")
        }

        @Test("A request is held, shown with all that an answer is bound to, and goes on when it is approved")
        func approved() throws {
            let mark = "body-\(UInt32.random(in: 0...UInt32.max))"
            let running = try place.running(
                "\(curl) -H 'X-Kind: release' -d '{\"tag\": \"\(mark)\"}' '\(origin)/a/\(mark)?to=all'",
                profile: "asking"
            )
            let held = try #require(try place.held(1).first)
            #expect(
                held.action == "POST /a/\(mark)" && held.query == "to=all" && held.waiting == 1
                    && held.kind == "http"
            )
            #expect(held.resource == origin && held.octets == 11 + mark.utf8.count)
            #expect(held.preview.contains(mark) && held.life == "15m" && held.principal.hasPrefix("user:"))
            let shown = try place.bailey(["approvals", "show", held.id])
            #expect(shown.code == 0 && shown.output.contains(mark), "\(shown)")
            #expect(
                shown.output.contains("asked by:    asking asks by \(origin): ask * /a/** (asking.yaml:"),
                "\(shown)"
            )
            #expect(try place.bailey(["approvals"]).output.contains(held.id))
            #expect(try servers.requests(with: mark) == 0)
            try approve(held.id, "--reason", "looks right")
            let outcome = running.finish()
            #expect(
                outcome.code == 0 && outcome.output.contains("POST allowed.test /a/\(mark)?to=all"),
                "\(outcome)"
            )
            #expect(try servers.requests(with: mark) == 1)
            #expect(try place.approvalEvents() == ["asked", "approved"])
            let record = try #require(try place.records().last)
            #expect(record.verdict == "allow" && record.record.approval == held.id, "\(record)")
            #expect(try place.bailey(["audit", "verify"]).code == 0)
            #expect(try place.bailey(["approvals"]).output == "nothing waits for an approval\n")
        }

        @Test("A request that is denied is answered with by whom and why, and nothing of it left")
        func denied() throws {
            let running = try place.running(
                "\(curl) -w '%{http_code}' \(origin)/a/denied-one",
                profile: "asking"
            )
            let held = try #require(try place.held(1).first)
            let denied = try place.bailey(["approvals", "deny", held.id, "--reason", "not on a Friday"])
            #expect(denied.code == 0 && denied.output == "denied \(held.id)\n", "\(denied)")
            let outcome = running.finish()
            #expect(outcome.output.hasSuffix("403"), "\(outcome)")
            let denial = try #require(Denial.first(in: outcome.output))
            #expect(denial.reason == "approval-denied" && denial.message.contains(": not on a Friday"))
            #expect(
                denial.message.contains("; denied by user:") && denial.rule?.contains("asking.yaml:") == true
            )
            #expect(try servers.requests(with: "denied-one") == 0)
            #expect(try place.bailey(["approvals", "approve", held.id]).code == 1)
            #expect(try place.records().last?.record.reason == "approval-denied")
        }

        @Test(
            "H02: with nobody to answer a request is refused after the rule's time, with a reason of its own"
        )
        func headless() throws {
            try asking("hasty", "wait: 1s")
            let outcome = try place.agent(
                "\(curl) -f \(origin)/a/none; echo $?; \(curl) \(origin)/a/none",
                profile: "hasty"
            )
            #expect(outcome.code == 0 && outcome.output.hasPrefix("22\n"), "\(outcome)")
            let denial = try #require(Denial.first(in: outcome.output))
            #expect(denial.reason == "approval-unanswered", "\(denial)")
            #expect(
                denial.message.hasSuffix("nobody answered within 1s")
                    && denial.remedy.contains("bailey approvals")
            )
            #expect(try servers.requests(with: "/a/none") == 0)
            #expect(try place.approvalEvents() == ["asked", "unanswered", "asked", "unanswered"])
        }

        @Test(
            "H05: an approval covers that request alone: another body, path, method, field or redirect is asked about anew"
        )
        func another() throws {
            let script = """
                \(curl) -d one \(origin)/a/x > first && \(curl) -d one \(origin)/a/x > again
                for request in '-d two \(origin)/a/x' '-d one \(origin)/a/y' '-X PUT -d one \(origin)/a/x' \
                  '-H X-Kind:other -d one \(origin)/a/x' '-d one \(origin)/a/x?all' \
                  '-L \(origin)/bearer/redirect?to=\(origin)/a/x'
                do \(curl) -o /dev/null -w '%{http_code}\\n' $request & done; wait
                """
            let running = try place.running(script, profile: "asking")
            let first = try #require(try place.held(1).first)
            try approve(first.id, "--for", "15m")
            let others = try place.held(6)
            #expect(Set(others.map(\.digest)).count == 6 && !others.map(\.digest).contains(first.digest))
            for other in others { #expect(try place.bailey(["approvals", "deny", other.id]).code == 0) }
            let outcome = running.finish()
            #expect(outcome.output == String(repeating: "403\n", count: 6), "\(outcome)")
            #expect(place.read("workspace/again")?.contains("POST allowed.test /a/x") == true)
            let approvals = try place.records().filter { $0.verdict == "allow" }.map(\.record.approval)
            #expect(approvals.filter { $0 == first.id }.count == 2, "\(approvals)")
        }

        @Test("H06: an approval is spent once, is no sibling's, and ends with its time")
        func bound() throws {
            try asking("parent", "for: agent", children: "children: {profiles: [parent], depth: 2, count: 4}")
            let script = """
                \(curl) \(origin)/a/same > first || exit 1
                (bailey run -p parent -- sh -c '\(curl) -o /dev/null -w "%{http_code}" \(origin)/a/same' > sibling)
                \(curl) \(origin)/a/same > again
                """
            let running = try place.running(script, profile: "parent")
            let first = try #require(try place.held(1).first)
            try approve(first.id, "--for", "agent")
            let sibling = try #require(try place.held(1).first)
            #expect(sibling.agent != first.agent && sibling.id != first.id)
            #expect(sibling.demands.count == 2, "both levels ask: \(sibling)")
            #expect(try place.bailey(["approvals", "deny", sibling.id]).code == 0)
            let outcome = running.finish()
            #expect(outcome.code == 0 && place.read("workspace/sibling") == "403", "\(outcome)")
            #expect(place.read("workspace/again")?.contains("GET allowed.test /a/same") == true)
            // Once, and for a time that is over.
            try asking("brief", "for: 1s")
            for life in ["once", "1s"] {
                let brief = try place.running(
                    "\(curl) -o /dev/null \(origin)/a/z; sleep 1.5; \(curl) -o /dev/null -w '%{http_code}' \(origin)/a/z",
                    profile: "brief"
                )
                let one = try #require(try place.held(1).first)
                #expect(try place.bailey(["approvals", "approve", one.id, "--for", "2s"]).code == 1)
                try approve(one.id, "--for", life)
                let other = try #require(try place.held(1).first { $0.id != one.id })
                #expect(try place.bailey(["approvals", "deny", other.id]).code == 0)
                #expect(brief.finish().output == "403")
            }
        }

        @Test(
            "A client that gives up leaves its question: an answer is good for the same request again, once"
        )
        func retried() throws {
            let running = try place.running(
                """
                curl -sS -m1 -d again \(origin)/a/r; echo $? > gone; until [ -e go ]; do sleep 0.05; done
                \(curl) -d again \(origin)/a/r > retry; \(curl) -o /dev/null -w '%{http_code}' -d again \(origin)/a/r
                """,
                profile: "asking"
            )
            #expect(place.awaits(files: ["gone"]))
            #expect(try place.awaits { try place.held(1).first?.waiting == 0 })
            let held = try #require(try place.held(1).first)
            try approve(held.id)
            try place.write("", to: "workspace/go")
            let another = try #require(try place.held(1).first { $0.id != held.id })
            #expect(another.digest == held.digest)
            #expect(try place.bailey(["approvals", "deny", another.id]).code == 0)
            let outcome = running.finish()
            #expect(outcome.output == "403" && place.read("workspace/gone") == "28\n", "\(outcome)")
            #expect(place.read("workspace/retry")?.contains("POST allowed.test /a/r") == true)
            #expect(try servers.requests(with: "POST /a/r ") == 1)
        }

        @Test(
            "A child may have more than its parent where the parent's rule asks, and each such request is asked about"
        )
        func elevated() throws {
            try asking("parent", children: "children: {profiles: [more, most], depth: 1, count: 4}")
            let rule = "{to: \"\(origin)\", private: true, allow: [\"POST /PATH/**\"]}"
            try place.profile("more", "extends: [base]\negress: [\(rule.replacing("PATH", with: "a"))]\n")
            try place.profile("most", "extends: [base]\negress: [\(rule.replacing("PATH", with: "b"))]\n")
            let running = try place.running(
                "bailey run -p most -- true; echo $?; bailey run -p more -- \(curl) -d x \(origin)/a/elevated",
                profile: "parent"
            )
            let held = try #require(try place.held(1).first)
            #expect(held.demands.count == 1 && held.demands[0].hasPrefix("parent asks by "), "\(held)")
            #expect(held.lineage == ["parent (parent)", "more (more)"])
            try approve(held.id)
            let outcome = running.finish()
            #expect(outcome.output.hasPrefix("125\nPOST allowed.test /a/elevated"), "\(outcome)")
        }

        @Test("H03: a flood is one line, bounded, and refused by one answer, with whatever follows of it")
        func flood() throws {
            let plain = "http://allowed.test:\(servers.httpPort)"
            try place.profile(
                "flooding",
                "extends: [base]\negress: [{to: \"\(plain)\", private: true, ask: [GET], approval: {wait: 5m}}]\n"
            )
            let running = try place.running(
                "curl -sS -Z --parallel-immediate --parallel-max 100 -m200 -o /dev/null -w '%{http_code}\\n' '\(plain)/flood/[1-1000]' | sort | uniq -c",
                profile: "flooding"
            )
            let held = try place.held(32)
            let table = try place.bailey(["approvals"]).output
            #expect(table.contains("31 more like it") && table.split(separator: "\n").count == 4, "\(table)")
            let rule = try #require(held[0].rules.first)
            let denied = try place.bailey(["approvals", "deny", "--all-of", rule])
            #expect(denied.code == 0 && denied.output == "denied \(rule): 32 requests\n", "\(denied)")
            let counts = running.finish().output.split(separator: "\n").map {
                $0.split(separator: " ").last ?? ""
            }
            #expect(counts == ["403", "429"] || counts == ["403"], "\(counts)")
            #expect(try servers.requests(with: "/flood/") == 0)
            #expect(try place.approvalEvents().count <= 64)
        }

        /// Speaks the control protocol by itself: asks what waits, and approves all ids up to 99.
        private static let hostile = #"""
            import socket, struct, sys
            def text(t): return struct.pack(">i", len(t)) + t.encode()
            def ask(path, body):
                peer = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
                peer.settimeout(30); peer.connect(path); peer.send(b"\0" + body)
                return peer.recv(1 << 20)[1:]
            path, run = sys.argv[1], sys.argv[2]
            print("list", ask(path, b"\7" + struct.pack(">Q", 0))[0])
            print("approve", ask(path, b"\10\0" + text(run) + b"\1\0\0")[0])
            """#

        @Test(
            "H04, H10: no agent answers: its control socket knows neither list nor answer, and the user's is not there"
        )
        func hostile() throws {
            try place.write(Self.hostile, to: "workspace/hostile.py")
            let running = try place.running(
                """
                \(curl) -o /dev/null -w '%{http_code}' \(origin)/a/own & 
                until [ -e id ]; do sleep 0.05; done
                python3 hostile.py /.bailey/control "$(cat id)" > protocol
                bailey approvals > command 2>&1; echo $? >> command
                bailey approvals approve "$(cat id)" > answer 2>&1; echo $? >> answer
                python3 hostile.py \(place.root)/run/bailey/"$(cat run)" "$(cat id)" > direct 2>&1; : > tried; wait
                """,
                profile: "asking"
            )
            let held = try #require(try place.held(1).first)
            try place.write(String(held.agent.prefix(12)), to: "workspace/run")
            try place.write(held.id, to: "workspace/id")
            #expect(place.awaits(files: ["tried"]))
            // 2: refused.
            #expect(place.read("workspace/protocol") == "list 2\napprove 2\n")
            #expect(place.read("workspace/command")?.hasSuffix("\n0\n") == false)
            #expect(place.read("workspace/answer")?.hasSuffix("\n0\n") == false)
            #expect(place.read("workspace/direct")?.contains("No such file or directory") == true)
            #expect(try place.held(1).map(\.id) == [held.id] && servers.requests(with: "/a/own") == 0)
            // The same program outside, where the user is: it lists, and approves.
            let socket = try #require(
                try FileManager.default.contentsOfDirectory(atPath: place.root + "/run/bailey").first {
                    !$0.hasSuffix(".lock")
                }
            )
            let control = try place.control(
                "python3 hostile.py \(place.root)/run/bailey/\(socket) \(held.id)"
            )
            #expect(control.output == "list 9\napprove 10\n", "\(control)")
            #expect(running.finish().output == "200")
        }

        @Test("H04: what an agent writes into a request steers no terminal of who looks at it")
        func escaped() throws {
            let running = try place.running(
                "printf 'x\\033[2Japproved\\r\\n' | \(curl) -o /dev/null --data-binary @- '\(origin)/a/x?%1B%5B2J'",
                profile: "asking"
            )
            let held = try #require(try place.held(1).first)
            for words in [["list"], ["list", "--json"], ["show", held.id], ["show", held.id, "--json"]] {
                let shown = try place.bailey(["approvals"] + words)
                #expect(
                    shown.code == 0 && !shown.output.contains("\u{1b}") && !shown.output.contains("\r"),
                    "\(shown)"
                )
            }
            #expect(try place.bailey(["approvals", "deny", held.id]).code == 0)
            #expect(running.finish().code == 0)
            #expect(try !place.bailey(["audit"]).output.contains("\u{1b}"))
        }

        @Test("H06: a request that is held, and an approval that is kept, end with a revocation")
        func revoked() throws {
            let running = try place.running(
                "\(curl) -o /dev/null -w '%{http_code}' \(origin)/a/cut; until [ -e go ]; do sleep 0.05; done; \(curl) \(origin)/a/cut",
                profile: "asking"
            )
            let held = try #require(try place.held(1).first)
            let cut = try place.bailey(["revoke", held.agent, "--keep-running", "--reason", "enough"])
            #expect(cut.code == 0, "\(cut)")
            #expect(try place.bailey(["approvals", "approve", held.id]).code == 1)
            try place.write("", to: "workspace/go")
            let outcome = running.finish()
            #expect(!outcome.output.contains("GET allowed.test"), "\(outcome)")
            #expect(try servers.requests(with: "/a/cut") == 0)
            #expect(try place.approvalEvents() == ["asked", "void"])
        }

        @Test("On a terminal the run says how to answer; a pipe hears nothing but the command's own")
        func noticed() throws {
            let terminal = try TerminalCommand(
                [
                    place.binary, "run", "-p", "asking", "--profiles", place.profiles, "--", "sh", "-c",
                    "\(curl) -o /dev/null -w 'code %{http_code}' \(origin)/a/seen",
                ],
                environment: place.environment,
                directory: place.workspace
            )
            let held = try #require(try place.held(1).first)
            #expect(terminal.awaitScreen("bailey approvals approve \(held.id)"))
            try approve(held.id)
            #expect(terminal.awaitScreen("code 200"))
            _ = terminal.finish()
        }
    }
}

/// One line of `bailey approvals list --json`.
struct HeldLine: Decodable {
    let id: String
    let principal: String
    let agent: String
    let lineage: [String]
    let kind: String
    let action: String
    let resource: String
    let query: String?
    let command: [String]
    let details: [String]
    let digest: String
    let octets: Int
    let preview: String
    let rules: [String]
    let demands: [String]
    let life: String
    let waiting: Int
}

extension Place {
    /// What waits, once it is so many.
    func held(_ count: Int) throws -> [HeldLine] {
        var lines: [HeldLine] = []
        let isThere = try awaits {
            let outcome = try bailey(["approvals", "list", "--json"])
            lines = try outcome.lines.map { try JSONDecoder().decode(HeldLine.self, from: Data($0.utf8)) }
            return lines.count == count
        }
        #expect(isThere, "\(lines)")
        return lines
    }

    /// What is on record of questions and answers, in its order.
    func approvalEvents() throws -> [String] {
        struct Line: Decodable {
            struct Record: Decodable { let event: String? }
            let kind: String
            let record: Record
        }
        return try bailey(["audit", "--json"]).lines.map {
            try JSONDecoder().decode(Line.self, from: Data($0.utf8))
        }.filter { $0.kind == "approval" }.compactMap(\.record.event)
    }
}
