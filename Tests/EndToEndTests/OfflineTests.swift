import Foundation
import Testing

extension EndToEnd {
    /// `bailey replay --offline`: real clients against a real server, and again without one.
    @Suite("A command runs again offline", .serialized)
    struct OfflineTests {
        let place: Place
        let server: PythonServer
        let servers: Servers
        private let token = "real-offline-51fa7c20b9e1"
        /// The real nginx, over HTTP/2 for who takes it.
        private var http2: String { "https://allowed.test:\(servers.http2Port)" }
        private var host: String { "https://allowed.test:\(server.port)" }

        init() throws {
            place = try Place()
            server = try CountingServer.start()
            servers = try Servers.started()
            try place.write(servers.operatorConfiguration, to: place.configuration + "/bailey.yaml")
            try place.write(
                """
                bailey: 1
                credentials:
                  token: {from: {env: SERVICE_TOKEN}, as: bearer, for: ["\(host)"], placeholder: SERVICE_TOKEN}

                """,
                to: place.configuration + "/credentials.yaml",
                mode: 0o600
            )
            let open = """
                  - {private: true, to: "\(http2)", allow: ["* /**"]}
                  - {private: true, to: "tcp://allowed.test:\(server.ports[1])", allow: [connect]}

                """
            func profile(_ name: String, _ more: String, _ record: String) throws {
                try place.profile(
                    name,
                    """
                    extends: [base]
                    record: \(record)
                    children: {profiles: ["*"], depth: 1, count: 4}
                    egress:
                      - {private: true, to: "\(host)", allow: ["* /**"]\(more)}
                    \(open)
                    """
                )
            }
            try profile("web", "", "full")
            try profile("injected", ", credential: token", "full")
            try profile("heads", "", "metadata")
            try place.profile(
                "leaf",
                "extends: [base]\negress: [{private: true, to: \"\(host)\", allow: [\"* /**\"]}]\n"
            )
        }

        /// Runs a script against the servers; its output, and the run.
        private func record(
            _ script: String,
            profile: String = "web",
            environment: [String: String] = [:]
        ) throws -> (outcome: Outcome, run: String) {
            let outcome = try place.agent(script, profile: profile, environment: environment)
            try #require(outcome.code == 0, "\(outcome)")
            let agent = try #require(try place.records().last?.agent)
            return (outcome, String(agent.prefix { $0 != "." }))
        }

        /// Runs one offline.
        private func again(
            _ session: String,
            _ script: String,
            _ words: [String] = [],
            environment: [String: String] = [:]
        ) throws -> Outcome {
            let options = ["--offline", "--profiles", place.profiles] + Kernel.options + words
            return try place.bailey(
                ["replay", session] + options + ["--", "sh", "-c", script],
                environment: environment
            )
        }

        private func curl(_ words: String) -> String { "curl -sS -m60 \(words)" }

        private func denials() throws -> [RequestLine] {
            try place.records().filter { $0.record.reason == "not-recorded" }
        }

        @Test(
            "I03: the same output comes of the same command, whose server is gone: curl, Python, bodies of all sizes"
        )
        func same() throws {
            let script = """
                set -e
                \(curl("\(host)/a \(host)/missing '\(host)/search?q=x%20y&p=2'"))
                \(curl("-d 'what I sent' \(host)/post")); \(curl("-d 'something else' \(host)/post"))
                head -c 300000 /dev/zero | tr '\\0' x > up; \(curl("-T up \(host)/upload")) | sha256sum
                \(curl("-I \(host)/head"))
                bailey run -p leaf -- \(curl("\(host)/child"))
                \(curl("\(host)/large")) | sha256sum
                \(curl("--limit-rate 3M \(host)/large")) | wc -c
                /usr/bin/python3 -c 'import urllib.request as r; print(r.urlopen("\(host)/py", b"posted").read().decode())'
                """
            let (first, run) = try record(script)
            for part in [
                "GET /a 1 ", "POST /post 2 something else", "GET /missing 1", "GET /child 1", "/py 1 posted",
            ] {
                #expect(first.output.contains(part), "\(part): \(first)")
            }
            try server.end()
            let second = try again(run, script)
            #expect(second.code == 0 && second.errors == first.errors, "\(second)")
            #expect(second.output == first.output, "\(second)")
            // What ran again is a session as well.
            let other = try #require(try place.records().last?.agent).prefix { $0 != "." }
            #expect(other != run)
            let third = try again(String(other), script)
            #expect(third.code == 0 && third.output == first.output, "\(third)")
            #expect(try place.bailey(["audit", "verify"]).code == 0)
        }

        @Test("The record of such a run says of which session it is, and its exit code is the command's")
        func record() throws {
            let (_, run) = try record(curl("\(host)/a"))
            let agent = try #require(try place.records().last?.agent)
            let outcome = try again(run, "\(curl("\(host)/a")); exit 7", ["--name", "repeated"])
            #expect(outcome.code == 7 && outcome.output.hasPrefix("GET /a 1"), "\(outcome)")
            let spawn = try #require(
                try place.bailey(["audit", "--json"]).lines.last { $0.contains("\"replayed\":\"\(run)\"") }
            )
            #expect(spawn.contains("\"name\":\"repeated\""), "\(spawn)")
            let number = try #require(
                spawn.range(of: "\"sequence\":").map { spawn[$0.upperBound...].prefix { $0.isNumber } }
            )
            let shown = try place.bailey(["audit", "show", String(number)])
            #expect(shown.output.contains("replay: offline, answered from session \(run)"), "\(shown)")
            try toldApart(run, agent)
            // The agent of that run, and no other run.
            #expect(try again(agent, curl("\(host)/a")).output.hasPrefix("GET /a 1"))
            let none = try again("0badcafe", "true")
            #expect(none.code == 125 && none.errors.contains("there is no session '0badcafe'"), "\(none)")
        }

        /// What is shown of the last run says that a session answered it, and of the session says nothing like it.
        private func toldApart(_ session: String, _ agent: String) throws {
            let repeated = try #require(try place.records().last)
            let run = String(repeated.agent.prefix { $0 != "." })
            for command in [["tree"], ["trace"], ["trace", "--svg"], ["audit", "--run"]] {
                let again = try place.bailey(command + [run])
                let isTold = again.output.contains("offline, from session \(session)")
                #expect(again.code == 0 && isTold, "\(again)")
                let first = try place.bailey(command + [session])
                #expect(first.code == 0 && !first.output.contains("offline"), "\(first)")
            }
            for command in ["tree", "trace"] {
                let json = try place.bailey([command, run, "--json"])
                #expect(json.output.contains("\"replayed\":\"\(session)\""), "\(json)")
            }
            let request = try place.bailey(["audit", "show", "\(repeated.sequence)"])
            let told = "offline, from session \(session): nothing of it went out"
            #expect(request.code == 0 && request.output.contains(told), "\(request)")
            let receipt = try place.verifiedReceipt()
            #expect(receipt.code == 0, "\(receipt)")
            let heading = "    offline: answered from session \(session), "
            #expect(receipt.output.contains(heading), "\(receipt)")
            #expect(receipt.output.contains(" agent \(repeated.agent) (offline) allow GET /a "), "\(receipt)")
            #expect(receipt.output.contains(" agent \(agent) allow GET /a "), "\(receipt)")
        }

        @Test(
            "I03: what is not on record is refused with 502 and the nearest that is; other names have no address"
        )
        func missing() throws {
            let (first, run) = try record(
                """
                \(curl("\(host)/users/list?page=1 \(host)/b")); \(curl("-d one \(host)/post"))
                curl -sS -m60 https://other.test/; echo known $?
                """
            )
            func refused(_ words: String, _ nearest: String, _ difference: String) throws {
                let outcome = try again(run, "\(curl("-w '%{http_code}' \(words)"))")
                let denial = try #require(Denial.first(in: outcome.output), "\(outcome)")
                #expect(denial.reason == "not-recorded" && outcome.output.hasSuffix("502"), "\(outcome)")
                #expect(denial.message.contains("the nearest that is: \(nearest) (record "), "\(denial)")
                #expect(denial.message.hasSuffix(", which has \(difference)"), "\(denial)")
                let line = try #require(try denials().last)
                #expect(line.verdict == "deny" && line.record.message == denial.message, "\(line)")
            }
            let list = "GET \(host)/users/list?page=1"
            try refused("\(host)/users/lists?page=1", list, "another path")
            try refused("'\(host)/users/list?page=2'", list, "another query")
            try refused("-X PUT '\(host)/users/list?page=1'", list, "another method")
            try refused("-r 0-4 '\(host)/users/list?page=1'", list, "another range")
            for words in ["-d two \(host)/post", "-X POST \(host)/post"] {
                let body = try again(run, curl(words))
                let denial = try #require(Denial.first(in: body.output), "\(body)")
                #expect(
                    denial.message.hasPrefix("POST \(host)/post is on record in session \(run) (record ")
                        && denial.message.contains("and never with "),
                    "\(denial)"
                )
            }
            let outcome = try again(
                run,
                "curl -sS -m60 https://nowhere.test/; echo $?; curl -sS -m60 https://other.test/; echo known $?"
            )
            // 6 is CURLE_COULDNT_RESOLVE_HOST; a host that was asked for then is decided about as it was.
            #expect(outcome.lines.first == "6" && outcome.lines.last == first.lines.last, "\(outcome)")
            #expect(
                first.lines.last?.hasPrefix("known ") == true && first.lines.last != "known 6",
                "\(first)"
            )
        }

        @Test("Equal requests get their replies in turn, then the last again; others in whatever order")
        func order() throws {
            let (first, run) = try record(
                """
                for n in 1 2 3; do \(curl("\(host)/count")); done
                \(curl("\(host)/one")); \(curl("\(host)/two")); \(curl("-r 0-4 \(host)/large")); \(curl("-r 10-15 \(host)/large"))
                """
            )
            #expect(first.lines.count == 6 && first.output.hasSuffix("01234abcdef"), "\(first)")
            let second = try again(
                run,
                """
                \(curl("\(host)/two")); \(curl("\(host)/one"))
                for n in 1 2 3 4; do \(curl("\(host)/count")); done
                \(curl("-r 10-15 \(host)/large")); \(curl("-r 0-4 \(host)/large"))
                """
            )
            let counts = second.lines.filter { $0.contains("/count") }.map { $0.split(separator: " ")[2] }
            #expect(counts == ["1", "2", "3", "3"], "\(second)")
            #expect(
                second.lines.prefix(2).map { $0.split(separator: " ")[1] } == ["/two", "/one"],
                "\(second)"
            )
            #expect(second.output.hasSuffix("abcdef01234"), "\(second)")
        }

        @Test("Over HTTP/2 as over HTTP/1.1, decoded where it came coded, many at a time")
        func http2Too() throws {
            let path = "/v1/offline-\(UUID().uuidString)"
            let script = """
                \(curl("-w '%{http_version}\\n' \(http2)\(path) --next -sS -m60 --compressed \(http2)/v1/zip\(path)"))
                \(curl("--http1.1 -w '%{http_version}\\n' \(http2)\(path)/old"))
                \(curl("-Z --parallel-max 20 '\(http2)\(path)/many[1-20]'")) | sort
                """
            let (first, run) = try record(script)
            let arrived = try servers.requests(with: path)
            #expect(arrived == 23 && first.lines.contains("2") && first.lines.contains("1.1"), "\(first)")
            let second = try again(run, script)
            #expect(second.code == 0 && second.output == first.output, "\(second)")
            #expect(try servers.requests(with: path) == arrived)
            let missing = try again(run, curl("\(http2)\(path)/new"))
            #expect(Denial.first(in: missing.output)?.reason == "not-recorded", "\(missing)")
        }

        @Test("Nothing leaves: no connection reaches a server that is there, of whatever protocol")
        func nothing() throws {
            let tcp =
                "/usr/bin/python3 -c 'import socket; s = socket.create_connection((\"allowed.test\", \(server.ports[1]))); print(s.recv(9))'"
            let script = "\(curl("\(host)/a")); \(tcp)"
            // Two are of who waited until it accepts.
            let before = try server.lines(with: "connection", count: 2).count
            let (first, run) = try record(script)
            let during = try server.lines(with: "connection", count: before + 2).count
            #expect(during == before + 2 && first.output.contains("hello"), "the control: \(first)")
            let second = try again(run, "\(curl("\(host)/a \(host)/new")); \(tcp)")
            #expect(second.output.contains("GET /a 1") && second.output.contains("not-recorded"), "\(second)")
            let end = " requests were refused or not in the recording of session \(run); "
            #expect(second.errors.contains(end), "\(second)")
            #expect(!second.output.contains("hello"), "\(second)")
            let last = try #require(try denials().last)
            #expect(
                last.record.action == "connect"
                    && last.record.message?.contains("only exchanges of HTTP") == true,
                "\(last)"
            )
            #expect(try server.lines(with: "connection").count == during)
        }

        @Test("No credential is looked up: a run that had one runs again where there is none")
        func credential() throws {
            let script = """
                \(curl("\(host)/a")); \(curl("-H \"Authorization: Bearer $SERVICE_TOKEN\" \(host)/b"))
                """
            let (first, run) = try record(script, profile: "injected", environment: ["SERVICE_TOKEN": token])
            #expect(!first.output.contains(token) && !first.output.contains("auth=None"), "\(first)")
            #expect(try place.records().last?.record.credential == "token")
            let second = try again(run, script)
            #expect(
                second.code == 0 && second.output == first.output && second.errors == first.errors,
                "\(second)"
            )
            #expect(try place.records().last?.record.credential == nil)
            // The control: with the network it is needed.
            let without = try place.agent(script, profile: "injected")
            #expect(without.output.contains("credential-unavailable"), "\(without)")
        }

        @Test("A profile that is another one by now is said to be so, where none is named")
        func changed() throws {
            let (_, run) = try record(curl("\(host)/a"))
            let same = try again(run, curl("\(host)/a"))
            #expect(same.code == 0 && !same.errors.contains("is not as it was"), "\(same)")
            let text = try #require(place.read("profiles/web.yaml"))
            try place.write(text + "\nenv: {set: {MORE: \"1\"}}\n", to: "profiles/web.yaml")
            let other = try again(run, "\(curl("\(host)/a")); echo $MORE")
            #expect(other.code == 0 && other.output.hasSuffix("1\n"), "\(other)")
            #expect(
                other.errors.components(
                    separatedBy: "warning: profile 'web' is not as it was when the session was recorded"
                ).count == 2,
                "\(other)"
            )
            // Who names it knows which one.
            let named = try again(run, curl("\(host)/a"), ["-p", "web"])
            #expect(named.code == 0 && !named.errors.contains("is not as it was"), "\(named)")
        }

        @Test("Rules decide as ever: what the profile of now denies is denied, on record or not")
        func policy() throws {
            let (_, run) = try record(curl("\(host)/a \(host)/b"))
            try place.profile(
                "narrow",
                "extends: [base]\negress: [{private: true, to: \"\(host)\", allow: [\"GET /a\"]}]\n"
            )
            let outcome = try again(run, curl("\(host)/a \(host)/b"), ["-p", "narrow"])
            #expect(
                outcome.output.hasPrefix("GET /a 1")
                    && Denial.first(in: outcome.output)?.reason == "no-rule",
                "\(outcome)"
            )
        }

        @Test(
            "Without recorded bodies a reply that had one is refused, and says why; one that had none is not"
        )
        func heads() throws {
            let (first, run) = try record(
                "\(curl("-I \(host)/head")); \(curl("\(host)/a")); \(curl("-d x \(host)/post"))",
                profile: "heads"
            )
            let second = try again(run, curl("-I \(host)/head"))
            #expect(second.code == 0 && first.output.hasPrefix(second.output), "\(second)")
            for words in ["\(host)/a", "-d x \(host)/post"] {
                let outcome = try again(run, curl(words))
                let denial = try #require(Denial.first(in: outcome.output), "\(outcome)")
                #expect(
                    denial.reason == "not-recorded" && denial.message.contains("'record: full'"),
                    "\(denial)"
                )
            }
        }

        @Test("A recorded body that was changed is not served: the client gets no whole reply")
        func tampered() throws {
            let (_, run) = try record(curl("\(host)/a"))
            let path = place.root + "/state/bailey/recordings/\(run)"
            var octets = try Data(contentsOf: URL(filePath: path))
            // Of what it holds, in front of the tag, the last.
            octets[octets.count - 17] ^= 1
            let file = try FileHandle(forWritingTo: URL(filePath: path))
            try file.write(contentsOf: octets)
            try file.close()
            let outcome = try again(run, curl("\(host)/a"))
            #expect(outcome.code != 0 && outcome.output.isEmpty, "\(outcome)")
            let line = try #require(try denials().last)
            #expect(line.record.message?.contains("cannot be served") == true, "\(line)")
        }

        @Test(
            "What is called wrongly says what is taken",
            arguments: [
                (["1", "--offline"], "needs a command behind --"),
                (["1", "--", "true"], "go with --offline"), (["1", "-p", "ci"], "go with --offline"),
                (["1", "--offline", "--json", "--", "true"], "say one of them"),
                (["1", "--offline", "--as-policy", "ci", "--", "true"], "say one of them"),
            ]
        )
        func misuse(words: [String], said: String) throws {
            let outcome = try place.bailey(["replay"] + words)
            #expect(outcome.code == 64 && outcome.errors.contains(said), "\(outcome)")
        }
    }
}
