import Foundation
import Glibc
import Testing

extension EndToEnd {
    /// `bailey audit export --receipts`, and the verifier of `examples/receipts`.
    @Suite("Receipts", .serialized)
    struct ReceiptTests {
        let place: Place
        let servers: Servers

        init() throws {
            place = try Place()
            servers = try Servers.started()
            try place.write(servers.operatorConfiguration, to: place.configuration + "/bailey.yaml")
            for (name, path, children) in [
                ("one", "/v1/**", "two"), ("two", "/v1/x/**", "three"), ("three", "/v1/x/y/**", ""),
            ] {
                try place.profile(
                    name,
                    "extends: [base]\negress: [{to: \"\(origin)\", private: true, allow: [\"GET \(path)\"]}]\n"
                        + (children.isEmpty ? "" : "children: {profiles: [two, three], depth: 3, count: 8}\n")
                )
            }
        }

        private var origin: String { "https://allowed.test:\(servers.tlsPort)" }
        private var verifier: String {
            URL(filePath: #filePath).appending(path: "../../../examples/receipts/verify.py")
                .standardizedFileURL.path
        }

        /// A tree of three, each of which asks for something, the last also for what only those above it may.
        private func family() throws {
            let curl = "curl -sS -m30 -o /dev/null"
            try place.write(
                "\(curl) \(origin)/v1/first; bailey run -p two -- sh ./two\n",
                to: "workspace/one"
            )
            try place.write(
                "\(curl) \(origin)/v1/x/second; bailey run -p three -- sh ./three\n",
                to: "workspace/two"
            )
            try place.write(
                "\(curl) \(origin)/v1/x/y/third && \(curl) \(origin)/v1/x/no\n",
                to: "workspace/three"
            )
            let outcome = try place.agent("sh ./one", profile: "one")
            #expect(outcome.code == 0, "\(outcome)")
            #expect(try place.records().map(\.verdict) == ["allow", "allow", "allow", "deny"])
        }

        @Test(
            "A receipt of a real tree of three shows offline who launched whom, and each request with each level's rule"
        )
        func tree() throws {
            try family()
            let file = place.root + "/receipt.jsonl"
            let export = try place.bailey(["audit", "export", "--receipts", "-o", file])
            #expect(export.code == 0 && export.errors.isEmpty, "\(export)")
            let key = try place.auditKey()
            #expect(export.output.hasSuffix("key  \(key)\n"), "\(export)")
            let outcome = try place.verifyReceipt(file, key: key)
            #expect(outcome.code == 0, "\(outcome)")
            let ids = try place.records().map(\.agent)
            try #require(Set(ids).count == 3)
            let lines = outcome.lines
            #expect(
                lines.contains { $0.contains(", who starts the chain, launches agent \(ids[0]) (one): ") }
            )
            #expect(
                lines.contains { $0.contains(" agent \(ids[0]) launches agent \(ids[1]) (two): sh ./two") }
            )
            #expect(
                lines.contains {
                    $0.contains(" agent \(ids[1]) launches agent \(ids[2]) (three): sh ./three")
                }
            )
            #expect(
                lines.count { $0.wholeMatch(of: #/    profile (one|two|three) sha256 [0-9a-f]{64}/#) != nil }
                    == 3
            )
            let denied = try #require(
                lines.firstIndex { $0.contains("agent \(ids[2]) deny GET /v1/x/no \(origin)") }
            )
            #expect(
                lines[denied + 1].hasPrefix("    \(ids[0]) one: allow by ")
                    && lines[denied + 1].contains("/v1/**")
            )
            #expect(
                lines[denied + 2].hasPrefix("    \(ids[1]) two: allow by ")
                    && lines[denied + 2].contains("/v1/x/**")
            )
            #expect(lines[denied + 3].hasPrefix("    \(ids[2]) three: deny by no rule"), "\(outcome)")
            #expect(try place.verifyReceipt(file, key: String(repeating: "0", count: 64)).code == 1)
            for (change, why) in [
                ("1s/{/{\"by\":\"us\",/", "other members"), ("2s/}$/,\"by\":\"us\"}/", "other members"),
                ("2s/{\"digests/{\"by\":1,\"digests/", "other members"),
                ("3s/{\"agent/{\"by\":1,\"agent/", "other members"),
                ("2s/\"first\":1,/\"first\":true,/", "whole"), ("3s/^/ /", "more than"),
                ("3s/$/\\r/", "more than"),
                ("2s/\"signature\":\"../&  /", "hexadecimal"),
                ("$s/\"seals\":\\([0-9]*\\)/\"seals\":\\1.0/", "whole"),
            ] {
                let changed = try place.control(
                    "sed '\(change)' '\(file)' > '\(file)x' && ! cmp -s '\(file)' '\(file)x'"
                )
                #expect(changed.code == 0, "\(change)")
                let outcome = try place.verifyReceipt(file + "x", key: key)
                #expect(outcome.code == 1 && outcome.output.isEmpty, "\(change): \(outcome)")
                #expect(
                    outcome.errors.hasPrefix("NOT VERIFIED: ") && outcome.lines.isEmpty,
                    "\(change): \(outcome)"
                )
                #expect(outcome.errors.contains(why), "\(change): \(outcome)")
            }
            let full = try place.control("/usr/bin/python3 '\(verifier)' --key \(key) '\(file)' > /dev/full")
            #expect(full.code == 1 && !full.errors.contains("Traceback"), "\(full)")
            var status = stat()
            #expect(stat(file, &status) == 0 && status.st_mode & 0o7777 == 0o600)
        }

        @Test(
            "A receipt of a request and a launch that were approved verifies, and shows the questions at the levels that asked"
        )
        func approved() throws {
            try place.profile(
                "asking",
                """
                extends: [base]
                egress:
                  - {to: "\(origin)", private: true, allow: ["GET /v1/open"], ask: ["GET /v1/x/**"], approval: {wait: 60s}}
                children: {profiles: [tool], ask: [tool], depth: 1, count: 2, approval: {wait: 60s}}

                """
            )
            try place.profile(
                "tool",
                "extends: [base]\negress: [{to: \"\(origin)\", private: true, allow: [\"GET /v1/x/**\"]}]\n"
            )
            let curl = "curl -sS -m60 -o /dev/null"
            let running = try place.running(
                "\(curl) \(origin)/v1/open; bailey run -p tool -- \(curl) \(origin)/v1/x/asked",
                profile: "asking"
            )
            let launch = try #require(try place.held(1).first)
            #expect(try place.bailey(["approvals", "approve", launch.id]).code == 0)
            let request = try #require(try place.held(1).first { $0.id != launch.id })
            #expect(try place.bailey(["approvals", "approve", request.id]).code == 0)
            #expect(running.finish().code == 0)
            #expect(try servers.requests(with: "/v1/x/asked") == 1)
            let outcome = try place.verifiedReceipt()
            #expect(outcome.code == 0, "\(outcome)")
            let lines = outcome.lines
            let asked = try #require(
                lines.firstIndex { $0.hasSuffix(" allow GET /v1/x/asked \(origin)") },
                "\(outcome)"
            )
            #expect(lines[asked + 1] == "    question \(request.id), approved", "\(outcome)")
            #expect(
                lines[asked + 2].contains(" asking: ask by ") && lines[asked + 3].contains(" tool: allow by ")
            )
            #expect(lines.contains("    question \(launch.id), approved"), "\(outcome)")
        }

        @Test("A receipt of one request is verified from a pipe, with the launches above it")
        func record() throws {
            try family()
            let denied = try #require(try place.records(["--denied"]).last)
            let outcome = try place.control(
                "'\(place.binary)' audit export --receipts --record \(denied.sequence) | "
                    + "/usr/bin/python3 '\(verifier)' --key \(try place.auditKey()) -"
            )
            #expect(outcome.code == 0, "\(outcome)")
            #expect(outcome.lines.count { $0.contains(" launches agent ") } == 3, "\(outcome)")
            #expect(outcome.output.contains("deny GET /v1/x/no") && !outcome.output.contains("/v1/first"))
        }

        @Test("Receipts of a run are written while its supervisor runs, and the run goes on")
        func whileRunning() throws {
            let running = try place.running(
                "curl -sS -m30 -o /dev/null \(origin)/v1/live && echo ready; cat; curl -sS -m30 \(origin)/v1/later",
                profile: "one"
            )
            #expect(running.awaitOutput("ready"))
            let record = try #require(try place.records().last)
            let run = try #require(record.agent.split(separator: ".").first)
            let file = place.root + "/receipt.jsonl"
            let export = try place.bailey(["audit", "export", "--receipts", "--run", String(run), "-o", file])
            #expect(export.code == 0, "\(export)")
            let outcome = try place.verifyReceipt(file, key: try place.auditKey())
            #expect(outcome.code == 0 && outcome.output.contains("GET /v1/live"), "\(outcome)")
            let end = running.finish()
            #expect(end.code == 0 && end.output.contains("GET allowed.test /v1/later"), "\(end)")
            #expect(try place.bailey(["audit", "verify"]).code == 0)
        }

        @Test("A log that was changed gives no receipt: the record is named, and the file stays what it was")
        func broken() throws {
            try family()
            let file = place.root + "/receipt.jsonl"
            try place.write("before", to: file)
            let change = try place.control(
                "sqlite3 \"$XDG_STATE_HOME/bailey/audit.sqlite\" "
                    + "\"UPDATE records SET verdict = 'allow' WHERE verdict = 'deny'\""
            )
            try #require(change.code == 0, "\(change)")
            let denied = try #require(try place.records().last)
            let export = try place.bailey(["audit", "export", "--receipts", "-o", file])
            #expect(export.code == 1 && export.output.isEmpty, "\(export)")
            #expect(export.errors.contains("broken at record \(denied.sequence): changed"), "\(export)")
            #expect(place.read(file) == "before")
            let left = try FileManager.default.contentsOfDirectory(atPath: place.root)
            #expect(left.filter { $0.hasPrefix("receipt.jsonl") } == ["receipt.jsonl"])
            // What is not between the records of this receipt, or above, is not looked at.
            let first = try #require(try place.records().first)
            let control = try place.bailey(["audit", "export", "--receipts", "--record", "\(first.sequence)"])
            #expect(control.code == 0 && control.lines.count >= 5, "\(control)")
        }

        @Test("What cannot be exported is said, and how")
        func refusals() throws {
            try family()
            for (words, code, text) in [
                ([], 64, "say --format"),
                (["--receipts", "--run", "x", "--record", "1"], 64, "exclude each other"),
                (["--receipts", "--run", "feedface"], 1, "nothing of run feedface"),
                (["--receipts", "--agent", "feedface.1"], 1, "no agent feedface.1"),
                (["--receipts", "--record", "999"], 1, "there is no record 999"),
                (
                    ["--receipts", "-o", place.root + "/none/x"], 74,
                    "cannot write to \(place.root)/none/x: No such file"
                ),
                (["--receipts", "-o", place.root], 74, "cannot write to \(place.root): Is a directory"),
                (["--receipts", "-o", "/dev/full"], 74, "No space left"),
                (["--receipts", "--state", place.root + "/none"], 1, "open the state directory"),
            ] as [([String], Int32, String)] {
                let outcome = try place.bailey(["audit", "export"] + words)
                #expect(outcome.code == code && outcome.errors.contains(text), "\(words): \(outcome)")
            }
            let full = try place.control("'\(place.binary)' audit export --receipts > /dev/full")
            #expect(full.code == 74 && full.errors.contains("No space left"), "\(full)")
            let inside = try place.agent("bailey audit export --receipts", profile: "one")
            #expect(inside.code == 64 && inside.errors.contains("is the operator's"), "\(inside)")
        }
    }
}
