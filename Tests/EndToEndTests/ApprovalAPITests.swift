import Foundation
import Glibc
import TestSupport
import Testing

extension EndToEnd {
    /// Approvals under `bailey serve`, answered over HTTP.
    @Suite("The API of approvals", .serialized)
    struct ApprovalAPITests {
        let service: ApprovalService
        var place: Place { service.place }

        init() throws {
            service = try ApprovalService()
        }

        @Test(
            "What waits is listed and shown to who has a token, and goes on when they approve it, on record as theirs"
        )
        func answered() throws {
            let server = try service.serving()
            let running = try service.asking("/a/api")
            let held = try #require(try place.held(1).first)
            struct Held: Decodable {
                let id: String
                let digest: String
                let told: [String]
            }
            struct List: Decodable { let approvals: [Held] }
            let list = try service.ask("GET", "/v1/approvals")
            let all = try JSONDecoder().decode(List.self, from: Data(list.body.utf8)).approvals
            #expect(list.status == "200" && all.map(\.id) == [held.id] && all.first?.digest == held.digest)
            // As in `bailey approvals list --json`.
            #expect(
                try place.awaits {
                    let list = try service.ask("GET", "/v1/approvals").body
                    return try JSONDecoder().decode(List.self, from: Data(list.utf8)).approvals.first?.told
                        == ["http://localhost:\(service.hooks.port): told"]
                }
            )
            let shown = try service.ask("GET", "/v1/approvals/\(held.id)", as: "bob")
            #expect(shown.status == "200" && shown.body.contains(held.digest), "\(shown)")
            #expect(try service.ask("GET", "/v1/approvals/none").status == "404")
            let approved = try service.ask(
                "POST",
                "/v1/approvals/\(held.id)/approve",
                body: "{\"reason\": \"release 4.2\", \"digest\": \"\(held.digest)\"}"
            )
            #expect(approved.status == "200" && approved.body.contains("\"approved\""), "\(approved)")
            #expect(running.finish().output == "200")
            #expect(try service.answers() == ["asked", "approved user:alice api"])
            let audit = try place.bailey(["audit"]).output
            #expect(audit.contains("by user:alice (api), for once: release 4.2"), "\(audit)")
            let other = try service.asking("/a/denied")
            let next = try #require(try place.held(1).first)
            let denied = try service.ask(
                "POST",
                "/v1/approvals/\(next.id)/deny",
                as: "bob",
                body: "{\"reason\": \"not on a Friday\"}"
            )
            #expect(denied.status == "200", "\(denied)")
            #expect(other.finish().output == "403")
            #expect(place.read("workspace/body")?.contains("denied by user:games: not on a Friday") == true)
            service.end(server)
            #expect(try place.bailey(["audit", "verify"]).code == 0)
        }

        @Test(
            "Two have to approve where a rule says so, each once; and who may is whom it names, the one who started it not among them"
        )
        func approvers() throws {
            try service.profile("wait: 120s, approvers: 2")
            let server = try service.serving()
            let running = try service.asking("/a/two")
            let held = try #require(try place.held(1).first)
            func approve(_ name: String) throws -> ApprovalService.Answer {
                try service.ask("POST", "/v1/approvals/\(try place.held(1)[0].id)/approve", as: name)
            }
            let first = try approve("alice")
            #expect(first.status == "202" && first.body.contains("\"missing\":1"), "\(first)")
            let again = try approve("alice")
            #expect(again.status == "403" && again.body.contains("approved it already"), "\(again)")
            #expect(try place.held(1).first?.id == held.id)
            #expect(try approve("bob").status == "200")
            #expect(running.finish().output == "200")
            try service.profile("wait: 120s, by: [\"user:games\"], not-principal: true")
            let strict = try service.asking("/a/by")
            _ = try place.held(1)
            let refused = try approve("alice")
            #expect(
                refused.status == "403" && refused.body.contains("may not approve it by the rules"),
                "\(refused)"
            )
            #expect(try place.bailey(["approvals", "approve", try place.held(1)[0].id]).code == 1)
            #expect(try approve("bob").status == "200")
            #expect(strict.finish().output == "200")
            service.end(server)
        }

        @Test(
            "H05: an answer that is malformed, of nobody known, for another request, or too late changes nothing and is recorded"
        )
        func refused() throws {
            let server = try service.serving()
            let running = try service.asking("/a/refused")
            let held = try #require(try place.held(1).first)
            let approve = "/v1/approvals/\(held.id)/approve"
            let wrong = ["-H", "Authorization: Bearer \(ApprovalService.token("mallory"))"]
            let digest = String(repeating: "0", count: 64)
            for (answer, status) in [
                (try service.ask("POST", approve, as: nil), "401"),
                (try service.ask("POST", approve, as: nil, wrong), "401"),
                (try service.ask("POST", approve, as: "alice", wrong), "401"),
                (try service.ask("POST", approve, body: "{\"for\": "), "400"),
                (try service.ask("POST", approve, body: "{\"four\": \"15m\"}"), "400"),
                (try service.ask("POST", approve, body: "{\"for\": \"25h\"}"), "400"),
                (try service.ask("POST", approve, body: "{\"reason\": \"two\\nlines\"}"), "400"),
                (try service.ask("POST", approve, ["--data-binary", "x=y"]), "415"),
                (try service.ask("POST", approve, body: "{\"digest\": \"\(digest)\"}"), "409"),
                (try service.ask("POST", approve, body: "{\"for\": \"agent\"}"), "403"),
                (try service.ask("POST", "/v1/approvals/\(held.id)0/approve"), "404"),
                (try service.ask("GET", approve), "405"), (try service.ask("GET", "/v1/other"), "404"),
                (try service.ask("POST", approve, body: String(repeating: " ", count: 5_000)), "413"),
            ] {
                #expect(answer.status == status, "\(answer)")
            }
            let unknown = try service.ask("GET", approve, as: nil, wrong).body
            #expect(unknown.contains("no token that is known: those of approvals.tokens"), "\(unknown)")
            #expect(try !service.ask("GET", approve, as: nil).body.contains("no token that is known"))
            #expect(try place.held(1).first?.id == held.id)
            #expect(try service.servers.requests(with: "/a/refused") == 0)
            let refusals = try service.refusals()
            for words in [
                "no token that is known", "object of texts", "for another request", "nothing of that name",
            ] {
                #expect(refusals.contains { $0.contains(words) }, "\(words): \(refusals)")
            }
            #expect(!refusals.contains { $0.contains("0123456789") }, "no token: \(refusals)")
            // The control, and then once more.
            #expect(try service.ask("POST", approve, body: "{}").status == "200")
            #expect(running.finish().output == "200")
            #expect(try service.ask("POST", approve).status == "404")
            #expect(try service.answers().filter { $0.hasPrefix("approved") } == ["approved user:alice api"])
            #expect(try service.refusals().count == refusals.count + 1)
            service.end(server)
        }

        @Test(
            "H10: no agent reaches the API, by its own loopback, by the proxy, or where a rule lets it, nor its tokens"
        )
        func unreachable() throws {
            let admin = "http://admin.test:\(service.port)"
            try service.profile(
                "wait: 120s",
                more: "  - {to: \"\(admin)\", private: true, allow: [GET, POST]}\n"
                    + "  - {to: \"http://allowed.test:\(service.servers.httpPort)\", private: true, allow: [GET]}"
            )
            let server = try service.serving()
            let token = "-H 'Authorization: Bearer \(ApprovalService.token("alice"))'"
            let curl = "curl -sS -m60 -o /dev/null -w '%{http_code}\\n' \(token)"
            let outcome = try service.running(
                """
                \(curl) \(service.url)/v1/approvals 2>/dev/null; echo $?
                \(curl) -x http://127.0.0.1:3128 \(service.url)/v1/approvals
                curl -sS -m60 -o answer -w '%{http_code}\\n' \(token) \(admin)/v1/approvals
                \(curl) http://allowed.test:\(service.servers.httpPort)/control
                cat \(place.root)/alice.token; echo $?; ls \(place.root)/config/bailey 2>/dev/null; echo $?
                """
            ).finish()
            #expect(outcome.output == "000\n7\n403\n403\n200\n1\n2\n", "\(outcome)")
            #expect(place.read("workspace/answer")?.contains("where approvals are answered") == true)
            // The control: the same token outside.
            #expect(try service.ask("GET", "/v1/approvals").status == "200")
            #expect(try service.refusals().isEmpty, "nothing of it arrived")
            service.end(server)
        }

        @Test(
            "A restart finds no question, and what waits when the supervisor is told to end can still be answered"
        )
        func restarted() throws {
            let server = try service.serving()
            let running = try service.asking("/a/drained")
            let held = try #require(try place.held(1).first)
            server.signal(SIGTERM)
            #expect(try service.ask("POST", "/v1/approvals/\(held.id)/approve").status == "200")
            #expect(running.finish().output == "200")
            #expect(server.finish().code == 0)
            let killed = try service.serving()
            let cut = try service.asking("/a/cut")
            let lost = try #require(try place.held(1).first)
            killed.signal(SIGKILL)
            _ = killed.finish()
            #expect(cut.finish().code != 0)
            let next = try service.serving()
            #expect(try place.bailey(["approvals"]).output == "nothing waits for an approval\n")
            #expect(try service.ask("GET", "/v1/approvals").body.contains("[]"))
            #expect(try service.ask("POST", "/v1/approvals/\(lost.id)/approve").status == "404")
            #expect(try service.servers.requests(with: "/a/cut") == 0)
            service.end(next)
            #expect(try place.bailey(["audit", "verify"]).code == 0)
        }

        @Test(
            "A known secret that begins at the end of what is shown of a body is masked before that is cut off"
        )
        func masked() throws {
            let server = try service.serving()
            let token = ApprovalService.token("alice")
            let running = try service.running(
                "printf '%2035s%s' '' \(token) | curl -sS -m120 -o body -w '%{http_code}' --data-binary @- \(service.origin)/a/cut"
            )
            let held = try #require(try place.held(1).first)
            #expect(
                held.preview.contains("alice012") && !held.preview.contains(token),
                "the control: it is cut"
            )
            let shown = try service.ask("GET", "/v1/approvals/\(held.id)")
            #expect(shown.status == "200" && !shown.body.contains("alice0"), "\(shown)")
            #expect(shown.body.contains(" ***"), "\(shown)")
            #expect(try service.ask("POST", "/v1/approvals/\(held.id)/deny").status == "200")
            #expect(running.finish().output == "403")
            service.end(server)
        }

        @Test("A token may be on file as its digest alone, which is no token itself")
        func digested() throws {
            let text = "printf %s '\(ApprovalService.token("alice"))' | sha256sum | cut -d' ' -f1"
            let digest = try #require(try place.control(text).lines.first)
            try place.write("sha256:\(digest)\n", to: "alice.token", mode: 0o600)
            let server = try service.serving()
            #expect(try service.ask("GET", "/v1/approvals").status == "200")
            let own = ["-H", "Authorization: Bearer sha256:\(digest)"]
            #expect(try service.ask("GET", "/v1/approvals", as: nil, own).status == "401")
            service.end(server)
        }

        @Test("Noise at the API hides no forged link, and how much more there was is on record at the end")
        func noise() throws {
            let server = try service.serving()
            for _ in 0..<34 { #expect(try service.ask("GET", "/", as: nil).status == "401") }
            #expect(try service.refusals().count == 30)
            #expect(try service.ask("POST", "/a/forged", as: nil).status == "404")
            #expect(try service.refusals().last?.hasPrefix("link: POST: ") == true)
            service.end(server)
            #expect(try service.refusals().contains("api: 4 more, of which there is no record each"))
        }

        @Test("Clients that connect and say nothing keep nobody else from answering")
        func silent() throws {
            let server = try service.serving()
            let program = """
                import socket, time
                peers = [socket.create_connection(("127.0.0.1", \(service.port))) for _ in range(100)]
                print("connected", flush=True)
                time.sleep(60)
                """
            let silent = try RunningCommand(
                ["python3", "-c", program],
                environment: place.environment,
                directory: place.root
            )
            #expect(silent.awaitOutput("connected"))
            #expect(try service.ask("GET", "/v1/approvals").status == "200")
            silent.signal(SIGKILL)
            _ = silent.finish()
            service.end(server)
        }

        @Test(
            "A token that is short, or that others may read, and a port that is taken end the start with a reason",
            arguments: [
                ("short", mode_t(0o600), "takes 32 to"), ("", 0o644, "others may read or own"),
                ("", 0o600, "answer approvals at"),
                (ApprovalService.token("bob"), 0o600, "have the same token"),
                // As sha256sum prints it, and with a digit less.
                ("sha256:" + String(repeating: "ab", count: 32) + "  -", 0o600, "64 hexadecimal digits"),
                ("sha256:" + String(repeating: "ab", count: 31) + "a", 0o600, "64 hexadecimal digits"),
            ]
        )
        func start(token: String, mode: mode_t, complaint: String) throws {
            let text = token.isEmpty ? ApprovalService.token("alice") : token
            try place.write(text, to: "alice.token", mode: mode)
            let isTaken = token.isEmpty && mode == 0o600
            let program =
                "import http.server as s; s.HTTPServer(('127.0.0.1', \(service.port)), None).serve_forever()"
            let blocker =
                try isTaken
                ? RunningCommand(
                    ["python3", "-c", program],
                    environment: place.environment,
                    directory: place.root
                ) : nil
            if blocker != nil { try Port.awaitOpen(service.port) }
            let outcome = try Command.run(place.server, environment: place.environment, directory: place.root)
            #expect(outcome.code == 125 && outcome.errors.contains(complaint), "\(outcome)")
            blocker?.signal(SIGKILL)
            _ = blocker?.finish()
        }
    }
}
