import Foundation
import Glibc
import Testing

extension EndToEnd {
    @Suite("Audit", .serialized)
    struct AuditTests {
        let place: Place
        let servers: Servers

        init() throws {
            place = try Place()
            servers = try Servers.started()
            try place.write(servers.operatorConfiguration, to: place.configuration + "/bailey.yaml")
            let rule =
                "to: \"https://allowed.test:\(servers.tlsPort)\", private: true, allow: [\"GET /v1/**\"], send: [token]"
            try place.profile(
                "parent",
                "extends: [base]\negress: [{\(rule)}]\nchildren: {profiles: [child], depth: 1, count: 4}\n"
            )
            try place.profile("child", "extends: [base]\negress: [{\(rule)}]\n")
        }

        private var origin: String { "https://allowed.test:\(servers.tlsPort)" }

        /// A parent with one request, a child with an allowed and a refused one, and a refused launch.
        private func family() throws {
            let outcome = try place.agent(
                """
                curl -sS -m30 \(origin)/v1/parent
                bailey run -p child --name kid -- sh -c 'curl -sS -m30 \(origin)/v1/kid; curl -sS -m30 \(origin)/v2/kid'
                bailey run -p base -- true; true
                """,
                profile: "parent"
            )
            #expect(outcome.code == 0, "\(outcome)")
        }

        @Test("bailey tree shows each agent below its parent, with its requests and what was refused")
        func tree() throws {
            try family()
            let lines = try place.bailey(["tree"]).output.split(separator: "\n").map(String.init)
            let parent = try #require(lines.firstIndex { $0.contains("─ parent  ") }, "\(lines)")
            let child = try #require(lines.firstIndex { $0.contains("─ kid  ") }, "\(lines)")
            #expect(parent < child && lines[child].hasPrefix("   "), "\(lines)")
            #expect(lines[child].contains("profile child") && lines[child].contains("exit 0"))
            #expect(lines.contains { $0.contains("allow") && $0.contains("GET /v1/parent") })
            #expect(lines[child...].contains { $0.contains("deny") && $0.contains("GET /v2/kid") })
            #expect(lines.contains { $0.contains("refused  launch under") && $0.contains("base") })
        }

        @Test("bailey tree says of an agent whether it lives, or that its end is not on record")
        func living() throws {
            let running = try place.running("echo ready; sleep 600")
            #expect(running.awaitOutput("ready"))
            #expect(try place.bailey(["tree"]).output.contains("  running  "))
            running.signal(SIGKILL)
            _ = running.finish()
            let tree = try place.bailey(["tree"])
            #expect(tree.output.contains("  no end recorded  "), "\(tree)")
        }

        @Test("A request goes out once its record is on the disk, behind that of the agent's launch")
        func durable() throws {
            #expect(try place.agent("true", profile: "parent").code == 0)
            let log = place.root + "/calls"
            let outcome = try Command.run(
                [
                    "strace", "-f", "-qq", "-o", log, "-s", "8192", "-e", "trace=pwrite64,fdatasync,connect",
                    place.binary, "run", "-p", "parent", "--profiles", place.profiles, "--", "curl", "-sS",
                    "-m20", "\(origin)/v1/x",
                ],
                environment: place.environment,
                directory: place.workspace
            )
            #expect(outcome.code == 0, "\(outcome)")
            let calls = (place.read("calls") ?? "").split(separator: "\n")
            let out = try #require(
                calls.firstIndex {
                    $0.contains("connect(") && $0.contains("htons(\(servers.tlsPort))")
                        && $0.contains("\"127.0.0.1\"")
                }
            )
            let before = calls[..<out]
            let launched = try #require(
                before.firstIndex { $0.contains("pwrite64(") && $0.contains("programDigest") }
            )
            let asked = try #require(
                before[launched...].firstIndex { $0.contains("pwrite64(") && $0.contains("GET /v1/x") }
            )
            let file = try #require(calls[asked].split(separator: "(").dropFirst().first).prefix {
                $0.isNumber
            }
            #expect(before[asked...].contains { $0.contains("fdatasync(\(file)") }, "\(before[asked...])")
        }

        @Test("An agent's flood of denied requests is on record in a bounded number of records, with its sum")
        func flood() throws {
            let outcome = try place.agent(
                "for i in $(seq 150); do echo url=\(origin)/v2/$i; done | curl -sS -m60 -K - | grep -c '\"denied\"'",
                profile: "parent"
            )
            #expect(outcome.lines == ["150"], "every one is denied: \(outcome)")
            let denied = try place.records(["--denied"])
            let single = denied.filter { $0.record.action.hasPrefix("GET ") }
            let sums = denied.filter { $0.record.action == "further requests" }
            let summed = sums.compactMap {
                $0.record.message?.split(separator: " ").first.flatMap { Int($0) }
            }
            #expect(single.count + summed.reduce(0, +) == 150, "\(denied.count)")
            #expect(!sums.isEmpty && single.count < 150, "\(denied.count)")
        }

        @Test(
            "A run that had refusals says so in one line at its end, with where they are; one that had none does not"
        )
        func refusalsAtTheEnd() throws {
            let clean = try place.agent("curl -sS -m30 \(origin)/v1/x", profile: "parent")
            #expect(clean.code == 0 && !clean.errors.contains("refused"), "\(clean)")
            let outcome = try place.agent(
                "curl -sS -m30 \(origin)/v2/x; bailey run -p child -- curl -sS -m30 \(origin)/v2/y 2>&1",
                profile: "parent"
            )
            let run = try #require(
                try place.bailey(["tree"]).lines.first?.split(separator: " ").dropFirst().first
            )
            let line =
                "bailey: 2 requests were refused; `bailey audit --run \(run) --denied` shows them, with requests "
                + "that failed and refused launches\n"
            #expect(outcome.code == 0 && outcome.errors.hasSuffix(line), "\(outcome)")
            #expect(
                !outcome.output.contains("requests were refused"),
                "an agent's child says nothing: \(outcome)"
            )
            #expect(try place.records(["--run", String(run), "--denied"]).count == 2)
        }

        @Test("bailey audit --agent shows an agent and what is below it, --denied only what was refused")
        func queries() throws {
            try family()
            let all = try place.records()
            #expect(all.map(\.record.action) == ["GET /v1/parent", "GET /v1/kid", "GET /v2/kid"])
            try #require(all.count == 3)
            let (parent, child) = (all[0].agent, all[1].agent)
            #expect(parent != child)
            #expect(
                try place.records(["--agent", child]).map(\.record.action) == ["GET /v1/kid", "GET /v2/kid"]
            )
            #expect(try place.records(["--agent", parent]).count == 3)
            #expect(try place.records(["--denied"]).map(\.record.action) == ["GET /v2/kid"])
            #expect(try place.records(["--agent", parent, "--denied"]).count == 1)
            #expect(all.map(\.lineage).allSatisfy { $0.hasPrefix("user:") })
            #expect(all[2].record.levels.map(\.agent) == [parent, child])
        }

        @Test(
            "A spawn is on record with parent, child, profile digest, argv, program digest and who started it"
        )
        func spawnRecords() throws {
            try family()
            let lines = try place.bailey(["audit", "--json"]).output.split(separator: "\n")
            let spawns = lines.filter { $0.contains("\"kind\":\"spawn\"") }
            try #require(spawns.count == 2, "\(lines)")
            let object = try #require(
                try JSONSerialization.jsonObject(with: Data(spawns[1].utf8)) as? [String: Any]
            )
            let record = try #require(object["record"] as? [String: Any])
            let lineage = try #require(record["lineage"] as? [String: Any])
            let agent = try #require(lineage["agent"] as? [String: Any])
            #expect((agent["profileDigest"] as? String)?.count == 64 && agent["name"] as? String == "kid")
            #expect((lineage["ancestors"] as? [[String: Any]])?.map { $0["name"] as? String } == ["parent"])
            #expect((lineage["principal"] as? [String: Any])?["subject"] as? String != nil)
            #expect((record["argv"] as? [String])?.first == "sh")
            let digest = try place.control("sha256sum \"$(command -v sh)\"").output.prefix(64)
            #expect(record["programDigest"] as? String == String(digest))
            #expect(
                lines.contains { $0.contains("\"kind\":\"spawn-refused\"") || $0.contains("spawnRefused") },
                "\(lines)"
            )
        }

        @Test("Token-shaped values in arguments and in paths are masked before they are written")
        func masks() throws {
            let token = "ghp_" + "0123456789abcdefABCDEF0123456789abcd"
            let outcome = try place.agent(
                "curl -sS -m30 -H 'Authorization: Bearer \(token)' \(origin)/v1/\(token)/page; true --password=hunter2secret",
                profile: "parent"
            )
            #expect(outcome.output.contains("/v1/\(token)/page"), "\(outcome)")
            let listing = try place.bailey(["audit", "--json"]).output + place.bailey(["tree"]).output
            #expect(listing.contains("curl") && listing.contains("/page"))
            #expect(!listing.contains(token) && !listing.contains("hunter2secret"), "\(listing)")
            #expect(try place.files(holding: token, below: "state").isEmpty)
        }

        @Test("Text from an agent cannot write to the reader's terminal")
        func escapes() throws {
            let outcome = try place.agent("printf x; true '\u{1B}[2Jfake'", profile: "base")
            #expect(outcome.code == 0 && outcome.output == "x", "\(outcome)")
            let audit = try place.bailey(["audit"]).output
            #expect(audit.contains("fake") && !audit.contains("\u{1B}[2J"), "\(audit)")
            #expect(try !place.bailey(["tree"]).output.contains("\u{1B}[2J"))
        }

        @Test("An untouched store verifies")
        func verifies() throws {
            try family()
            let outcome = try place.bailey(["audit", "verify"])
            #expect(outcome.code == 0 && outcome.output.hasPrefix("verified  "), "\(outcome)")
        }

        @Test(
            "verify names the first record that was changed, removed or reordered, and notices a cut tail",
            arguments: [
                (
                    "UPDATE records SET payload = replace(payload, 'kid', 'dad') WHERE sequence = KID", "KID",
                    "changed"
                ),
                ("UPDATE records SET verdict = 'allow' WHERE verdict = 'deny'", "DENIED", "changed"),
                ("DELETE FROM records WHERE sequence = 3", "3", "removed"),
                (
                    "UPDATE records SET sequence = 99 WHERE sequence = 2; UPDATE records SET sequence = 2 WHERE sequence = 3; UPDATE records SET sequence = 3 WHERE sequence = 99",
                    "2", ""
                ),
                (
                    "DELETE FROM records WHERE sequence > KID; DELETE FROM seals WHERE last > KID", "NEXT",
                    "cut"
                ),
                ("DELETE FROM records; DELETE FROM seals", "1", "cut"),
            ]
        )
        func tampered(statement: String, record: String, code: String) throws {
            try family()
            let requests = try place.records()
            let denied = try #require(requests.first { $0.record.action == "GET /v2/kid" }?.sequence)
            let kid = try #require(requests.first { $0.record.action == "GET /v1/kid" }?.sequence)
            let places = [("KID", kid), ("DENIED", denied), ("NEXT", kid + 1)]
            let (statement, record) = places.reduce((statement, record)) { texts, place in
                (
                    texts.0.replacing(place.0, with: "\(place.1)"),
                    texts.1.replacing(place.0, with: "\(place.1)")
                )
            }
            let change = try place.control("sqlite3 \"$XDG_STATE_HOME/bailey/audit.sqlite\" \"\(statement)\"")
            try #require(change.code == 0, "\(change)")
            let outcome = try place.bailey(["audit", "verify"])
            #expect(outcome.code == 1, "\(outcome)")
            #expect(outcome.output.contains("first bad record: \(record)  \(code)"), "\(outcome)")
            #expect(try place.bailey(["audit", "verify", "--json"]).output.contains("\"verified\":false"))
        }

        @Test("The store, its key and its folder are the operator's alone, and no agent sees them")
        func hidden() throws {
            try family()
            let modes = try place.control("cd \"$XDG_STATE_HOME/bailey\" && stat -c '%a %n' . *")
            #expect(
                modes.output.split(separator: "\n").allSatisfy {
                    $0.hasPrefix("600 ") || $0.hasPrefix("700 ")
                },
                "\(modes)"
            )
            let inside = try place.agent(
                "ls \"\(place.root)/state\" \"\(place.root)/run\" \"\(place.root)/config\"; true"
            )
            #expect(inside.output.isEmpty, "\(inside)")
        }

        @Test(
            "I05: a full disk under the store: requests are denied and say so, and nothing is forwarded",
            .enabled(if: Internet.available, "needs root: a small file system of the test's own")
        )
        func fullDisk() throws {
            let script = """
                curl -sS -m30 -o first -w '%{http_code} ' \(origin)/v1/room
                touch ready; for i in $(seq 2000); do [ -e full ] && break; sleep 0.05; done
                for i in 1 2 3; do curl -sS -m30 -w ' %{http_code}\\n' \(origin)/v1/full; done
                """
            try place.write(script, to: "workspace/script")
            let outcome = try place.control(
                """
                unshare -m sh -c '
                    mount -t tmpfs -o size=2m,mode=700 none "$XDG_STATE_HOME" || exit 99
                    "$0" run -p parent --profiles "$1" -- sh ./script & agent=$!
                    for i in $(seq 2000); do [ -e ready ] && break; sleep 0.05; done
                    dd if=/dev/zero of="$XDG_STATE_HOME/fill" bs=4k 2>/dev/null
                    touch full; wait $agent
                ' '\(Binary.path)' '\(place.profiles)'
                """
            )
            #expect(outcome.output.hasPrefix("200 "), "\(outcome)")
            #expect(outcome.output.split(separator: "\n").count { $0.hasSuffix(" 503") } >= 1, "\(outcome)")
            #expect(Denial.first(in: outcome.output)?.reason == "audit-unavailable", "\(outcome)")
            #expect(Denial.first(in: outcome.output)?.remedy.contains("room") == true)
            #expect(!outcome.output.contains("\(place.root)/state"), "an agent hears where the log is")
            #expect(outcome.code == 0, "\(outcome)")
            #expect(outcome.errors.contains("parent could not be recorded"), "\(outcome)")
            #expect(outcome.errors.contains("audit.sqlite"), "\(outcome)")
            #expect(try servers.requests(with: "/v1/room ") == 1)
            #expect(try servers.requests(with: "/v1/full ") == 0)
        }

        @Test(
            "I05: no record, no launch: with a full disk from the start nothing runs",
            .enabled(if: Internet.available, "needs root: a small file system of the test's own")
        )
        func fullDiskAtStart() throws {
            let outcome = try place.control(
                """
                unshare -m sh -c '
                    mount -t tmpfs -o size=64k,mode=700 none "$XDG_STATE_HOME" || exit 99
                    dd if=/dev/zero of="$XDG_STATE_HOME/fill" bs=4k 2>/dev/null
                    "$0" run -- touch ran
                ' '\(Binary.path)'
                """
            )
            #expect(outcome.code == 125, "\(outcome)")
            #expect(outcome.errors.contains("No space left"), "\(outcome)")
            #expect(!FileManager.default.fileExists(atPath: place.workspace + "/ran"))
        }
    }
}
