import Foundation
import Glibc
import TestSupport
import Testing

extension EndToEnd {
    /// Checkpoints of the log, and pruning, of real runs.
    @Suite("Keeping the log", .serialized)
    struct KeepingTests {
        let place: Place

        init() throws {
            place = try Place()
        }

        private var file: String { place.root + "/checkpoints" }
        private var lines: [String] { (place.read(file) ?? "").split(separator: "\n").map(String.init) }

        private func configure(_ text: String) throws {
            try place.write("bailey: 1\naudit: \(text)\n", to: place.configuration + "/bailey.yaml")
        }

        @Test(
            "I: a run leaves a checkpoint elsewhere, and by it a cut tail shows, which the log alone does not"
        )
        func cut() throws {
            try configure("{checkpoints: {file: \(file)}}")
            #expect(try place.agent("true").code == 0)
            let (first, state) = (lines, place.root + "/state/bailey")
            #expect(first.count == 1, "\(first)")
            let copy = try place.control("cp -a '\(state)' '\(state)-before'")
            #expect(copy.code == 0)
            #expect(try place.agent("true").code == 0)
            #expect(lines.count == 2 && lines.first == first.first, "\(lines)")
            let whole = try place.bailey(["audit", "verify", "--checkpoints", file])
            #expect(whole.code == 0 && whole.output.contains("2 checkpoints agree"), "\(whole)")
            let back = try place.control("rm -r '\(state)' && mv '\(state)-before' '\(state)'")
            #expect(back.code == 0)
            #expect(try place.bailey(["audit", "verify"]).code == 0, "the control")
            let verify = try place.bailey(["audit", "verify", "--checkpoints", file, "--json"])
            #expect(verify.code == 1 && verify.output.contains("\"code\":\"cut\""), "\(verify)")
        }

        @Test("bailey audit checkpoint signs by hand, to standard output or behind what a file has")
        func byHand() throws {
            #expect(try place.agent("true").code == 0)
            let printed = try place.bailey(["audit", "checkpoint"])
            #expect(
                printed.code == 0 && printed.output.hasPrefix("bailey-audit-checkpoint-v1 "),
                "\(printed)"
            )
            for _ in 0..<2 {
                let written = try place.bailey(["audit", "checkpoint", "-o", file])
                #expect(written.code == 0 && written.output.hasPrefix("record "), "\(written)")
            }
            #expect(lines.count == 2)
            #expect(try place.bailey(["audit", "verify", "--checkpoints", file]).code == 0)
            let missing = try place.bailey(["audit", "verify", "--checkpoints", file + "-none"])
            #expect(missing.code == 1 && missing.errors.contains("No such file"), "\(missing)")
        }

        @Test("A webhook gets each checkpoint, signed with the shared secret")
        func webhook() throws {
            let server = try PythonServer("checkpoints", Self.hook)
            let secret = "0123456789abcdef0123456789abcdef"
            try place.write(secret + "\n", to: place.root + "/secret", mode: 0o600)
            try configure(
                "{checkpoints: {webhook: {url: \"http://localhost:\(server.port)/hook\", secret-file: \(place.root)/secret}}}"
            )
            let outcome = try place.agent("cat \(place.root)/secret; true")
            #expect(outcome.code == 0 && !outcome.output.contains(secret), "\(outcome)")
            let got = try server.lines(with: "post", count: 1)
            #expect(got == ["post /hook good"], "\(got)")
        }

        private static let hook = #"""
            import base64, hashlib, hmac, http.server, json
            class Handler(http.server.BaseHTTPRequestHandler):
                def log_message(self, *words): pass
                def do_POST(self):
                    body = self.rfile.read(int(self.headers["content-length"]))
                    text = ("%s.%s." % (self.headers["webhook-id"], self.headers["webhook-timestamp"])).encode() + body
                    code = hmac.new(b"0123456789abcdef0123456789abcdef", text, hashlib.sha256).digest()
                    line = json.loads(body)["checkpoint"]
                    good = hmac.compare_digest("v1," + base64.b64encode(code).decode(), self.headers["webhook-signature"]) and line.startswith("bailey-audit-checkpoint-v1 ")
                    log.write("post %s %s\n" % (self.path, "good" if good else "bad"))
                    self.send_response(204)
                    self.end_headers()
            http.server.HTTPServer(("127.0.0.1", ports[0]), Handler).serve_forever()
            """#

        @Test("I05: where checkpoints cannot be written runs go on, say so at their end, and it is on record")
        func failing() throws {
            try configure("{checkpoints: {file: \(place.root)/none/checkpoints}}")
            let outcome = try place.agent("echo went on")
            #expect(outcome.code == 0 && outcome.output == "went on\n", "\(outcome)")
            #expect(outcome.errors.contains("checkpoints could not be written to"), "\(outcome)")
            let audit = try place.bailey(["audit"])
            #expect(audit.output.contains("checkpoint-failed"), "\(audit)")
            let doctor = try place.bailey(["doctor"])
            #expect(
                doctor.output.split(separator: "\n").contains {
                    $0.contains("checkpoints") && $0.contains("none")
                },
                "\(doctor)"
            )
            #expect(try place.bailey(["audit", "verify"]).code == 0)
        }

        @Test(
            "I05: on a full disk there are no checkpoints, on record, and runs go on; with room again there are, on record",
            .enabled(if: Internet.available, "needs root: a small file system of the test's own")
        )
        func fullDisk() throws {
            let folder = place.root + "/elsewhere"
            try configure("{checkpoints: {file: \(folder)/checkpoints, every: 1s}}")
            func awaiting(_ what: String) -> String {
                "for i in $(seq 1200); do \(what) && break; sleep 0.1; done"
            }
            let outcome = try place.control(
                """
                mkdir '\(folder)'; unshare -m sh -c '
                    mount -t tmpfs -o size=64k,mode=700 none "$1" || exit 99
                    dd if=/dev/zero of="$1/fill" bs=4k 2>/dev/null
                    "$0" run -- sh -c "\(awaiting("[ -e go ]").replacing("$", with: "\\$")); echo went on" & agent=$!
                    \(awaiting("\"$0\" audit | grep -q checkpoint-failed"))
                    stat -c %s "$1/checkpoints"; rm "$1/fill"
                    \(awaiting("\"$0\" audit | grep -q checkpoint-resumed"))
                    touch go; wait $agent; echo "agent $?"
                    "$0" audit verify --checkpoints "$1/checkpoints" >/dev/null; echo "verify $?"
                    grep -c . "$1/checkpoints"
                ' '\(Binary.path)' '\(folder)'
                """
            )
            #expect(
                Array(outcome.lines.prefix(4)) == ["0", "went on", "agent 0", "verify 0"],
                "\(outcome)"
            )
            #expect((outcome.lines.last.flatMap { Int($0) } ?? 0) >= 1, "\(outcome)")
            #expect(outcome.errors.contains("checkpoints could not be written to \(folder)"), "\(outcome)")
            #expect(outcome.errors.contains("No space left on device"), "\(outcome)")
            let audit = try place.bailey(["audit"]).output
            #expect(audit.contains("checkpoint-failed") && audit.contains("checkpoint-resumed"), "\(audit)")
            #expect(try place.bailey(["audit", "verify"]).code == 0)
        }

        @Test(
            "The webhook's secret has to be its owner's alone, and what is wrong in bailey.yaml is named",
            arguments: [
                ("{checkpoints: {}}", "neither file, webhook nor postgres"),
                ("{checkpoints: {fiel: x}}", "fiel"),
                ("{checkpoints: {file: x, every: 25h}}", "every"), ("{retain: {for: 90}}", "no unit"),
                ("{retain: {for: 90days}}", "90d"), ("{retain: {size: 10G}}", "10GiB"),
                ("{retain: {for: 90d, every: 25h}}", "1s to 24h, or off"),
                ("{retain: {for: 90d, every: 0s}}", "1s to 24h, or off"),
                ("{checkpoints: {file: x, every: 0s}}", "1s to 24h"),
                ("{retain: {for: 0s}}", "no time"), ("{retain: {size: 0B}}", "room for nothing"),
                ("{postgres: x}", "postgres"),
                (
                    "{checkpoints: {webhook: {url: \"http://example.com\", secret-file: x}}}",
                    "is no https:// URL"
                ),
                (
                    "{checkpoints: {webhook: {url: \"https://example.com\", secret-file: /etc/passwd}}}",
                    "its owner alone"
                ),
            ]
        )
        func configuration(text: String, complaint: String) throws {
            try configure(text)
            let outcome = try place.agent("true")
            #expect(outcome.code == 125 && outcome.errors.contains(complaint), "\(outcome)")
        }

        /// The runs on record, oldest first.
        func runs() throws -> [String] {
            var found: [String] = []
            for line in try place.bailey(["audit", "--json"]).lines {
                guard let place = line.firstRange(of: "\"run\":\"") else { continue }
                let run = String(line[place.upperBound...].prefix { $0 != "\"" })
                if !run.isEmpty, !found.contains(run) { found.append(run) }
            }
            return found
        }

        @Test(
            "Runs are pruned whole, the log verifies, and what is held or of an agent that lives keeps its records"
        )
        func pruning() throws {
            for _ in 0..<3 { #expect(try place.agent("true").code == 0) }
            let running = try place.running("echo ready; sleep 600")
            #expect(running.awaitOutput("ready"))
            defer {
                running.signal(SIGKILL)
                _ = running.finish()
            }
            #expect(try place.bailey(["audit", "prune"]).errors.contains("nobody says for how long"))
            let all = try runs()
            try #require(all.count == 4, "\(all)")
            let hold = try place.bailey(["audit", "hold", all[1], "--reason", "incident 42"])
            #expect(hold.code == 0, "\(hold)")
            let young = try place.bailey(["audit", "prune", "--size", "1B", "--dry-run"])
            #expect(young.code == 0 && young.output.contains("younger than a minute"), "\(young)")
            #expect(young.output.contains("an agent of it lives"), "\(young)")
            #expect(try runs() == all, "a dry run changes nothing")
            // Until the records are a minute old.
            let end = Date(timeIntervalSinceNow: 180)
            var outcome = young
            while try runs() != [all[1], all[3]], Date() < end {
                Thread.sleep(forTimeInterval: 1)
                outcome = try place.bailey(["audit", "prune", "--for", "1s"])
                #expect(outcome.code == 0, "\(outcome)")
            }
            #expect(try runs() == [all[1], all[3]], "\(outcome)")
            #expect(outcome.output.contains("held: incident 42"), "\(outcome)")
            let audit = try place.bailey(["audit"])
            let noted = audit.lines.filter { $0.contains("  pruned ") }
            #expect(
                noted.first?.hasSuffix(": begun") == true && noted.last?.hasSuffix(": done") == true,
                "\(audit)"
            )
            let verify = try place.bailey(["audit", "verify"])
            #expect(verify.code == 0 && verify.output.contains("of them pruned"), "\(verify)")
            #expect(try place.bailey(["audit", "export", "--format", "jsonl"]).code == 0)
            let change = try place.control(
                "sqlite3 \"$XDG_STATE_HOME/bailey/audit.sqlite\" 'DELETE FROM prunings WHERE first = 1'"
            )
            try #require(change.code == 0, "\(change)")
            let broken = try place.bailey(["audit", "verify"])
            #expect(broken.code == 1 && broken.output.contains("first bad record: 1  removed"), "\(broken)")
        }

        @Test(
            "A hold and its release are on record with who and why; nothing is held twice, or without a reason"
        )
        func holds() throws {
            #expect(try place.agent("true").code == 0)
            let run = try #require(
                try place.bailey(["tree"]).lines.first?.split(separator: " ").dropFirst().first
            )
            let held = try place.bailey(["audit", "hold", "\(run)", "--reason", "incident 42"])
            #expect(held.code == 0 && held.output == "held \(run)\n", "\(held)")
            #expect(try place.bailey(["audit", "hold", "\(run)", "--reason", "again"]).code == 1)
            #expect(try place.bailey(["audit", "hold", "user:x"]).code != 0)
            #expect(try place.bailey(["audit", "hold", "feedfacefeed", "--reason", "x"]).code == 1)
            let list = try place.bailey(["audit", "hold", "--list"])
            #expect(
                list.output.hasPrefix("\(run)  since ") && list.output.hasSuffix(": incident 42\n"),
                "\(list)"
            )
            let released = try place.bailey(["audit", "hold", "\(run)", "--release", "--reason", "over"])
            #expect(released.code == 0 && released.output == "released \(run)\n", "\(released)")
            #expect(try place.bailey(["audit", "hold", "--list"]).output.isEmpty)
            let audit = try place.bailey(["audit"]).output
            #expect(audit.contains("  held     ") && audit.contains("  released  "), "\(audit)")
            #expect(audit.contains("incident 42") && audit.contains("user:"), "\(audit)")
        }

        @Test("A trial of a pruning that would remove nothing says so")
        func nothingToPrune() throws {
            #expect(try place.agent("true").code == 0)
            let trial = try place.bailey(["audit", "prune", "--for", "90d", "--dry-run"])
            #expect(trial.code == 0 && trial.output.hasSuffix("nothing would be removed\n"), "\(trial)")
        }

        @Test("A hold of a principal that the log has never seen is warned of, with the likely one")
        func unknownHeld() throws {
            #expect(try place.agent("true").code == 0)
            let principal = "user:" + (try place.control("id -un").lines.first ?? "")
            let typo = principal + "x"
            let outcome = try place.bailey(["audit", "hold", typo, "--reason", "legal hold 7"])
            #expect(outcome.code == 0 && outcome.output == "held \(typo)\n", "\(outcome)")
            #expect(outcome.errors.contains("warning: the log knows no launch of \(typo)"), "\(outcome)")
            #expect(outcome.errors.contains("if you meant \(principal), hold that"), "\(outcome)")
            #expect(outcome.errors.contains("bailey audit hold \(typo) --release"), "\(outcome)")
            #expect(try place.bailey(["audit", "hold", "--list"]).output.hasPrefix(typo + "  since "))
            let known = try place.bailey(["audit", "hold", principal, "--reason", "legal hold 7"])
            #expect(known.code == 0 && known.errors.isEmpty, "\(known)")
        }
    }
}
