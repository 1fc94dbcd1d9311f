import Foundation
import Testing

extension EndToEnd {
    @Suite("Policy along the lineage", .serialized)
    struct PolicyTests {
        let place: Place
        let servers: Servers

        init() throws {
            place = try Place()
            servers = try Servers.started()
            try place.write(servers.operatorConfiguration, to: place.configuration + "/bailey.yaml")
        }

        private var origin: String { "https://allowed.test:\(servers.tlsPort)" }

        private func profile(_ name: String, _ actions: String, children: String = "") throws {
            try place.profile(
                name,
                "extends: [base]\negress: [{to: \"\(origin)\", private: true, \(actions)}]\n"
                    + (children.isEmpty ? "" : "children: {profiles: [\(children)], depth: 3, count: 8}\n")
            )
        }

        private let curl = "curl -sS -m30"

        @Test("deny beats ask beats allow, in whatever order; ask is denied where nobody answers")
        func precedence() throws {
            try profile(
                "mixed",
                "deny: [\"* /a/b/c/**\"], ask: [\"GET /a/b/**\"], allow: [\"GET /a/**\", \"GET /a/b/c/**\"], approval: {wait: 1s}"
            )
            let outcome = try place.agent(
                "\(curl) \(origin)/a/p1; \(curl) \(origin)/a/b/p1; \(curl) \(origin)/a/b/c/p1; \(curl) -X PUT \(origin)/a/p1",
                profile: "mixed"
            )
            #expect(outcome.output.contains("GET allowed.test /a/p1"), "\(outcome)")
            let records = try place.records()
            #expect(records.map(\.verdict) == ["allow", "ask", "deny", "deny"], "\(records)")
            #expect(
                records.map(\.record.reason) == [nil, "approval-unanswered", "denied", "no-rule"],
                "\(records)"
            )
            #expect(try servers.requests(with: "/p1 ") == 1)
        }

        @Test("G01: a child that asks for more than its parent is refused, and what exceeds is listed")
        func widerChild() throws {
            try profile("parent", "allow: [\"GET /v1/**\"]", children: "wide, narrow")
            try profile("wide", "allow: [\"GET /v1/**\", \"POST /v2/**\"]")
            try profile("narrow", "allow: [\"GET /v1/x/**\"]")
            let text = try #require(place.read("profiles/wide.yaml"))
            try place.write(text, to: "workspace/wide.yaml")
            let outcome = try place.agent(
                "bailey run -p ./wide.yaml -- touch ran; echo $?; bailey run -p narrow -- touch allowed; echo $?; ls",
                profile: "parent"
            )
            #expect(outcome.output == "125\n0\nallowed\nwide.yaml\n", "\(outcome)")
            #expect(
                outcome.errors.contains("POST /v2/**") && !outcome.errors.contains("GET /v1/**"),
                "\(outcome)"
            )
            #expect(try place.bailey(["tree"]).output.contains("refused  launch under "))
        }

        @Test(
            "M2: of the operator's profiles that a child names or extends an agent hears the name and the key alone"
        )
        func operatorsProfiles() throws {
            try profile("parent", "allow: [\"GET /v1/**\"]", children: "wide, mine")
            try profile("wide", "allow: [\"POST /v2/**\"]")
            try place.write("bailey: 1\nsecretword: 1\n", to: "profiles/broken.yaml")
            for name in ["wide", "broken"] {
                try place.write("bailey: 1\nname: mine\nextends: [\(name)]\n", to: "workspace/\(name).yaml")
            }
            func told(_ profile: String) throws -> String {
                let outcome = try place.agent("bailey run -p \(profile) -- touch ran", profile: "parent")
                #expect(outcome.code == 125)
                return outcome.errors
            }
            for profile in ["wide", "./wide.yaml"] {
                let errors = try told(profile)
                #expect(errors.contains("  egress: as 'wide' of the operator's has it\n"), "\(errors)")
                #expect(!errors.contains("/v2/") && !errors.contains("allowed.test"), "\(errors)")
            }
            let errors = try told("./broken.yaml")
            #expect(
                errors.contains("extends: the profile \"broken\" is not there, or does not read"),
                "\(errors)"
            )
            #expect(!errors.contains("secretword") && !errors.contains(place.root + "/profiles"), "\(errors)")
            // Outside, where the operator reads, each of these is told.
            let file = place.workspace + "/broken.yaml"
            let control = try place.bailey([
                "run", "--profiles", place.root + "/profiles", "-p", file, "--", "true",
            ])
            #expect(control.errors.contains("secretword"), "\(control)")
        }

        @Test(
            "G02: narrower is decided by meaning",
            arguments: [
                ("*.allowed.test", "x.allowed.test", true), ("*.allowed.test", "**.allowed.test", false),
                ("**.allowed.test", "*.allowed.test", true), ("*.allowed.test", "allowed.test", false),
                ("allowed.test", "allowed.test:8443", false),
            ]
        )
        func hosts(parent: String, child: String, admitted: Bool) throws {
            let rule = { (host: String) in
                "extends: [base]\negress: [{to: \"https://\(host)\", allow: [\"GET /v1/**\"]}]\n"
            }
            try place.profile("parent", rule(parent) + "children: {profiles: [child], depth: 1, count: 1}\n")
            try place.profile("child", rule(child))
            let outcome = try place.agent("bailey run -p child -- true", profile: "parent")
            #expect(outcome.code == (admitted ? 0 : 125), "\(outcome)")
        }

        @Test(
            "G02: so are paths and methods",
            arguments: [
                ("GET /v1/*", "GET /v1/**", false), ("GET /v1/**", "GET /v1/*", true),
                ("GET", "GET /x", true),
                ("GET /v1/a*", "GET /v1/ab", true), ("GET /v1/**", "* /v1/**", false),
                ("* /v1/**", "PUT /v1/x", true),
            ]
        )
        func paths(parent: String, child: String, admitted: Bool) throws {
            try profile("parent", "allow: [\"\(parent)\"]", children: "child")
            try profile("child", "allow: [\"\(child)\"]")
            let outcome = try place.agent("bailey run -p child -- true", profile: "parent")
            #expect(outcome.code == (admitted ? 0 : 125), "\(outcome)")
        }

        @Test("G03: a deny of an ancestor survives: by refusal of the launch, and at each request")
        func inheritedDeny() throws {
            try profile(
                "parent",
                "allow: [\"* /**\"], deny: [\"* /admin/**\"]",
                children: "forgetful, mindful"
            )
            try profile("forgetful", "allow: [\"* /**\"]")
            try profile("mindful", "allow: [\"* /**\"], deny: [\"* /admin/**\"]")
            let outcome = try place.agent(
                """
                bailey run -p forgetful -- \(curl) \(origin)/admin/g03
                bailey run -p mindful -- \(curl) \(origin)/admin/g03; bailey run -p mindful -- \(curl) \(origin)/g03
                """,
                profile: "parent"
            )
            #expect(outcome.output.contains("GET allowed.test /g03"), "\(outcome)")
            #expect(try servers.requests(with: "/admin/g03") == 0)
            let denied = try #require(try place.records(["--denied"]).last)
            #expect(denied.record.levels.map(\.effect) == ["deny", "deny"])
        }

        @Test("G04 H08: a grandchild cannot use what only its ancestors may; the record shows the chain")
        func grandchild() throws {
            try profile("one", "allow: [\"GET /v1/**\"]", children: "two, three")
            try profile("two", "allow: [\"GET /v1/x/**\"]", children: "three")
            try profile("three", "allow: [\"GET /v1/x/y/**\"]")
            try place.write("\(curl) \(origin)/v1/g04; bailey run -p two -- sh ./two\n", to: "workspace/one")
            try place.write(
                "\(curl) \(origin)/v1/x/g04; bailey run -p three -- sh ./three\n",
                to: "workspace/two"
            )
            try place.write(
                "\(curl) \(origin)/v1/x/y/g04; \(curl) \(origin)/v1/x/no; \(curl) \(origin)/v1/no\n",
                to: "workspace/three"
            )
            let outcome = try place.agent("sh ./one", profile: "one")
            #expect(try servers.requests(with: "/g04 ") == 3, "\(outcome)")
            #expect(try servers.requests(with: "/no ") == 0)
            let denied = try place.records(["--denied"])
            #expect(
                denied.count == 2 && denied.allSatisfy { $0.lineage.hasSuffix("one > two > three") },
                "\(denied)"
            )
            #expect(
                denied.map { $0.record.levels.map(\.effect) } == [
                    ["allow", "allow", "deny"], ["allow", "deny", "deny"],
                ]
            )
            #expect(Set(try place.records().map(\.agent)).count == 3)
        }

        @Test(
            "G06: what a child asks for, which nobody approves, widens neither it nor its parent nor a sibling"
        )
        func askedFor() throws {
            try profile(
                "one",
                "allow: [\"GET /v1/**\"], ask: [\"GET /v1/asked/**\"], approval: {wait: 1s}",
                children: "two, three"
            )
            try profile("two", "allow: [\"GET /v1/**\"], ask: [\"GET /v1/asked/**\"], approval: {wait: 1s}")
            try profile("three", "allow: [\"GET /v1/**\"], ask: [\"GET /v1/asked/**\"], approval: {wait: 1s}")
            let request = "\(curl) \(origin)/v1/asked/g06"
            let outcome = try place.agent(
                """
                for i in 1 2 3; do bailey run -p two -- \(request); done
                \(request); bailey run -p three -- \(request); bailey run -p two -- \(curl) \(origin)/v1/g06-other
                """,
                profile: "one"
            )
            #expect(try servers.requests(with: "/v1/asked/g06") == 0, "\(outcome)")
            #expect(try servers.requests(with: "/v1/g06-other") == 1, "\(outcome)")
            let denied = try place.records(["--denied"])
            #expect(
                denied.map(\.record.reason) == Array(repeating: "approval-unanswered", count: 5),
                "\(denied)"
            )
        }

        @Test(
            "G06: what a child is approved for its life is its own: its parent, a sibling and another of the same profile are asked anew"
        )
        func approvedAlways() throws {
            let rules =
                "allow: [\"GET /v1/**\"], ask: [\"GET /v1/asked/**\"], approval: {for: agent, wait: 60s}"
            try profile("one", rules, children: "two, three")
            try profile("two", rules)
            try profile("three", rules)
            let request = "curl -sS -m90 -o /dev/null -w '%{http_code}\\n' \(origin)/v1/asked/g06-always"
            try place.write("\(request); \(request)\n", to: "workspace/twice")
            try place.write("\(request)\n", to: "workspace/once")
            let running = try place.running(
                """
                bailey run -p two -- sh ./twice; sh ./once
                bailey run -p three -- sh ./once; bailey run -p two -- sh ./once

                """,
                profile: "one"
            )
            let first = try #require(try place.held(1).first)
            #expect(first.life == "agent", "\(first)")
            #expect(try place.bailey(["approvals", "approve", first.id, "--for", "agent"]).code == 0)
            var agents = [first.agent]
            for _ in 0..<3 {
                let other = try #require(try place.held(1).first { !agents.contains($0.agent) })
                agents.append(other.agent)
                #expect(try place.bailey(["approvals", "deny", other.id]).code == 0)
            }
            let outcome = running.finish()
            #expect(outcome.output == "200\n200\n403\n403\n403\n", "\(outcome)")
            #expect(try servers.requests(with: "/v1/asked/g06-always") == 2)
            let denied = ["asked", "denied"]
            #expect(try place.approvalEvents() == ["asked", "approved"] + denied + denied + denied)
        }

        @Test("G07 G08: whoever forks, execs or leaves its session inside an agent is still that agent")
        func sameIdentity() throws {
            try profile("web", "allow: [\"GET /id/**\"]")
            let outcome = try place.agent(
                """
                \(curl) \(origin)/id/direct
                python3 - <<'END'
                import os, sys
                reader, writer = os.pipe()
                if os.fork() == 0:
                    os.setsid()
                    if os.fork() == 0:
                        os.close(reader)
                        os.dup2(writer, 1)
                        os.execvp("curl", ["curl", "-sS", "-m30", "\(origin)/id/daemon"])
                    os._exit(0)
                os.wait()
                os.close(writer)
                print(os.read(reader, 4096))
                END
                (exec env -i /usr/bin/curl -sS -m30 \(origin)/id/exec) & wait
                """,
                profile: "web"
            )
            let records = try place.records()
            #expect(
                records.map(\.record.action) == ["GET /id/direct", "GET /id/daemon", "GET /id/exec"],
                "\(outcome)"
            )
            #expect(Set(records.map(\.agent)).count == 1)
        }

        @Test("G11: an identity that an agent claims in a header changes nothing")
        func claimedIdentity() throws {
            try profile("web", "allow: [\"GET /id/**\"]")
            let outcome = try place.agent(
                "\(curl) -H 'X-Agent: root' -H 'Proxy-Authorization: Basic cm9vdDpyb290' -H 'baggage: agent=root' \(origin)/no/g11",
                profile: "web"
            )
            #expect(Denial.first(in: outcome.output)?.lineage.last == "web", "\(outcome)")
            #expect(try servers.requests(with: "/g11") == 0)
        }

        @Test("G12: an agent's listener is not reached by its parent or a sibling")
        func siblingListener() throws {
            try profile("parent", "allow: [\"GET /v1/**\"]", children: "child")
            try profile("child", "allow: [\"GET /v1/**\"]")
            try place.write(
                """
                python3 -m http.server --bind 0.0.0.0 3000 >/dev/null 2>&1 & server=$!
                curl -sS -m20 -o /dev/null -w '%{http_code}' --retry 40 --retry-connrefused --retry-delay 1 http://127.0.0.1:3000/ > own
                for i in $(seq 1200); do [ -e done ] && break; sleep 0.05; done; kill $server

                """,
                to: "workspace/listen"
            )
            let outcome = try place.agent(
                """
                bailey run -p child -- sh ./listen & for i in $(seq 2000); do [ -s own ] && break; sleep 0.05; done; cat own
                echo; curl -sS -m30 http://127.0.0.1:3000/; echo $?
                bailey run -p child -- curl -sS -m30 http://127.0.0.1:3000/; echo $?; touch done; wait
                """,
                profile: "parent"
            )
            #expect(outcome.output == "200\n7\n7\n", "\(outcome)")
        }
    }
}
