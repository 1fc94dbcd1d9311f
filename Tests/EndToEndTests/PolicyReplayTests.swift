import Foundation
import Testing

extension EndToEnd {
    /// `bailey replay --as-policy`, of runs with real clients and servers.
    @Suite("Replay under another policy", .serialized)
    struct PolicyReplayTests {
        let place: Place
        let servers: Servers

        init() throws {
            place = try Place()
            servers = try Servers.started()
            try place.write(servers.operatorConfiguration, to: place.configuration + "/bailey.yaml")
            try place.profile(
                "top",
                rules(
                    ["GET /v1/**", "GET /search?q=*", "POST /chat body /model = \"small\""],
                    "children: {profiles: [leaf], depth: 1, count: 4}"
                )
            )
            try place.profile("leaf", rules(["GET /v1/**"], ""))
        }

        private func rules(_ allow: [String], _ more: String) -> String {
            let actions = allow.map { "'\($0)'" }.joined(separator: ", ")
            return """
                extends: [base]
                \(more)
                egress:
                  - {private: true, to: "https://allowed.test:\(servers.tlsPort)", allow: [\(actions)]}

                """
        }

        /// One line of `--json`.
        struct Line: Decodable {
            let event: String
            let change: String?
            let was: String?
            let now: String?
            let reasons: [String]?
            let lineage: String?
            let action: String?
            let query: String?
        }

        private func url(_ path: String) -> String { "https://allowed.test:\(servers.tlsPort)\(path)" }

        /// A run with requests of an agent and its child.
        private func run() throws -> String {
            let token = "ghp_16C7e42F292c6912E7710c838347Ae178B4a"
            let script = """
                curl -sS -o /dev/null -m60 \(url("/v1/a")) \(url("/v2/b")) '\(url("/search?q=x"))' '\(url("/search?q=\(token)"))'
                curl -sS -o /dev/null -m60 -H 'content-type: application/json' -d '{"model": "small"}' \(url("/chat"))
                curl -sS -o /dev/null -m60 https://nowhere.test/ || true
                bailey run -p leaf -- curl -sS -o /dev/null -m60 \(url("/v1/c"))
                bailey run -p base -- true; echo refused $?
                """
            let outcome = try place.agent(script, profile: "top")
            #expect(outcome.code == 0 && outcome.lines.last == "refused 125", "\(outcome)")
            let agent = try #require(try place.records().first?.agent)
            return String(agent.prefix { $0 != "." })
        }

        private func replay(_ words: [String]) throws -> (code: Int32, lines: [Line], outcome: Outcome) {
            let outcome = try place.bailey(["replay"] + words + ["--profiles", place.profiles, "--json"])
            let lines = try outcome.lines.map { try JSONDecoder().decode(Line.self, from: Data($0.utf8)) }
            return (outcome.code, lines, outcome)
        }

        @Test("I01: under the same policy every verdict is identical, and so is each report, octet for octet")
        func same() throws {
            let run = try run()
            let (code, lines, outcome) = try replay([run, "--as-policy", "top"])
            #expect(code == 0 && outcome.errors.isEmpty, "\(outcome)")
            let decisions = lines.filter { $0.event == "decision" }
            let records = try place.records().filter { !$0.record.levels.isEmpty }
            #expect(decisions.count >= records.count + 3 && records.count >= 5, "\(outcome)")
            #expect(decisions.allSatisfy { $0.change == "same" && $0.was == $0.now }, "\(outcome)")
            #expect(Set(decisions.map(\.was)) == ["allow", "deny"])
            #expect(try replay([run, "--as-policy", "top"]).outcome.output == outcome.output)
            let text = try place.bailey(["replay", run, "--as-policy", "top", "--profiles", place.profiles])
            #expect(
                text.code == 0 && text.lines.count == 1
                    && text.output.hasPrefix("\(decisions.count) the same, 0 newly denied, "),
                "\(text)"
            )
            // The control: it is decided again, and not told from the record.
            try place.profile("top", rules(["GET /v2/**"], ""))
            let other = try replay([run, "--as-policy", "top"])
            #expect(other.code == 1 && other.outcome.output != outcome.output, "\(other.outcome)")
        }

        @Test(
            "Another policy's decisions: newly denied, newly asked, newly allowed, each with its record and rule"
        )
        func other() throws {
            let run = try run()
            try place.write(
                "bailey: 1\n"
                    + rules(
                        ["GET /v2/**", "GET /search?q=x", "POST /chat body /model = \"small\""],
                        "children: {profiles: [base], depth: 1, count: 4}"
                    )
                    .replacing("allow:", with: "ask: ['GET /v1/a'], allow:"),
                to: "workspace/next.yaml"
            )
            let words = [run, "--as-policy", "./next.yaml", "--in-place-of", "top"]
            let (code, lines, outcome) = try replay(words)
            #expect(code == 1 && outcome.errors.isEmpty, "\(outcome)")
            func change(_ action: String, _ lineage: String, _ query: String? = nil) -> Line? {
                lines.first {
                    $0.action == action && $0.lineage?.hasSuffix(lineage) == true
                        && (query == nil || $0.query == query)
                }
            }
            #expect(change("GET /v1/a", "> top")?.change == "newly-asked", "\(outcome)")
            let allowed = change("GET /v2/b", "> top")
            #expect(allowed?.change == "newly-allowed" && allowed?.was == "deny", "\(outcome)")
            #expect(allowed?.reasons?.first?.contains("next.yaml:") == true, "\(outcome)")
            let denied = change("GET /v1/c", "> top > leaf")
            #expect(denied?.change == "newly-denied" && denied?.now == "deny", "\(outcome)")
            #expect(denied?.reasons == ["deny by top of top: no rule allows it"], "\(outcome)")
            #expect(change("GET /search", "> top", "q=x")?.change == "same", "\(outcome)")
            // Nobody guesses what is not on record.
            let masked = lines.first { $0.action == "GET /search" && $0.query?.contains("***") == true }
            #expect(masked?.change == "cannot-tell" && masked?.now == nil, "\(outcome)")
            #expect(change("POST /chat", "> top")?.change == "cannot-tell", "\(outcome)")
            #expect(change("POST /chat", "> top")?.reasons?.first?.contains("/model") == true, "\(outcome)")
            #expect(change("launch", "> top > leaf")?.change == "newly-denied", "\(outcome)")
            let summary = try #require(outcome.lines.last)
            #expect(
                summary.contains("\"newly-asked\":1") && summary.contains("\"event\":\"summary\""),
                "\(summary)"
            )
            let text = try place.bailey(["replay"] + words + ["--profiles", place.profiles])
            #expect(
                text.code == 1 && text.output.contains("newly-denied\n    GET /v1/c https://allowed.test"),
                "\(text)"
            )
        }

        @Test(
            "What cannot be replayed is refused by name: no such session, no such profile, none that had it"
        )
        func refused() throws {
            let run = try run()
            let profiles = ["--profiles", place.profiles]
            let none = try place.bailey(["replay", "f00f00f00f00", "--as-policy", "top"] + profiles)
            #expect(none.code == 66 && none.errors.contains("there is no run"), "\(none)")
            let absent = try place.bailey(["replay", run, "--as-policy", "absent"] + profiles)
            #expect(
                absent.code == 65 && absent.errors.contains("there is no profile \"absent\""),
                "\(absent)"
            )
            let unused = try place.bailey(["replay", run, "--as-policy", "offline"] + profiles)
            #expect(unused.code == 66 && unused.errors.contains("it has top, leaf"), "\(unused)")
            let wrong = try place.bailey(["replay", run, "--in-place-of", "top"])
            #expect(wrong.code == 64 && wrong.errors.contains("go with --as-policy"), "\(wrong)")
        }
    }
}

extension EndToEnd.ReplayTests {
    @Test(
        "I01: statements of a database are decided again by what they do; a masked literal hides nothing of that"
    )
    func policy() throws {
        try database.rules(allow: ["select on public.*"], deny: ["delete"])
        let outcome = try database.psql(
            """
            psql -XAt <<'END'
            SELECT name FROM people WHERE email = 'ghp_16C7e42F292c6912E7710c838347Ae178B4a';
            DELETE FROM people WHERE id = 1;
            ALTER ROLE nobody PASSWORD 'h1dden-role';
            END
            echo code $?
            """
        )
        #expect(outcome.code == 0 && outcome.lines.last == "code 0", "\(outcome)")
        let agent = try #require(try place.records().first?.agent)
        let run = String(agent.prefix { $0 != "." })
        let words = ["replay", run, "--profiles", place.profiles, "--json", "--as-policy", "db"]
        let same = try place.bailey(words)
        #expect(same.code == 0, "\(same)")
        try database.rules(allow: ["delete on public.people with where"], deny: ["select"])
        let other = try place.bailey(words)
        #expect(other.code == 1, "\(other)")
        func changes(_ text: String) -> [String] { other.lines.filter { $0.contains(text) } }
        #expect(changes("SELECT name").allSatisfy { $0.contains("\"change\":\"newly-denied\"") }, "\(other)")
        #expect(changes("DELETE FROM").allSatisfy { $0.contains("\"change\":\"newly-allowed\"") }, "\(other)")
        #expect(changes("SELECT name").count == 1 && changes("DELETE FROM").count == 1, "\(other)")
    }
}
