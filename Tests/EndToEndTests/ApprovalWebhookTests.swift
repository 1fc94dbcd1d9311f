import Foundation
import Glibc
import TestSupport
import Testing

extension EndToEnd {
    /// Questions that are sent to a receiver of webhooks.
    @Suite("Webhooks of approvals", .serialized)
    struct ApprovalWebhookTests {
        let place: Place
        let servers: Servers
        let hooks: WebhookServer

        init() throws {
            place = try Place()
            servers = try Servers.started()
            hooks = try WebhookServer()
            try place.write(WebhookServer.secret + "\n", to: place.root + "/secret", mode: 0o600)
            try place.profile(
                "asking",
                """
                extends: [base]
                egress:
                  - {to: "\(origin)", private: true, ask: ["* /a/**"], approval: {wait: 120s}}
                """
            )
            try place.profile("tool", "extends: [base]\n")
            try place.profile(
                "parent",
                "extends: [base]\nchildren: {ask: [tool], approval: {wait: 120s}, depth: 1, count: 48}\n"
            )
        }

        private var origin: String { "https://allowed.test:\(servers.tlsPort)" }
        private let curl = "curl -sS -m120"

        private func configure(_ hooks: [String]) throws {
            try place.write(
                servers.operatorConfiguration + "\napprovals:\n  webhooks:\n"
                    + hooks.map { "    - {\($0)}\n" }.joined(),
                to: place.configuration + "/bailey.yaml"
            )
        }

        private func hook(_ path: String, _ more: String = "") -> String {
            "url: \"http://localhost:\(hooks.port)\(path)\", secret: {file: \(place.root)/secret}\(more)"
        }

        private func approve(_ id: String) throws {
            let outcome = try place.bailey(["approvals", "approve", id])
            #expect(outcome.code == 0, "\(outcome)")
        }

        @Test(
            "A question is posted once, signed, masked and escaped, also with a secret of a variable or a command's"
        )
        func told() throws {
            let wrong = String(repeating: "x", count: 32)
            try place.write("http://localhost:\(hooks.port)/hook\n", to: place.root + "/address", mode: 0o600)
            try configure([
                "url: {file: \(place.root)/address}, secret: {file: \(place.root)/secret}",
                "url: \"http://localhost:\(hooks.port)/hook?command\", secret: {command: [/bin/cat, \(place.root)/secret]}",
                "url: \"http://localhost:\(hooks.port)/hook?variable\", secret: {env: HOOK_SECRET}",
            ])
            let token = "ghp_" + String(repeating: "aB3", count: 12)
            let running = try place.running(
                "printf '{\"key\": \"\(token)\", \"x\": \"\\033[2J<b>\"}' | \(curl) --data-binary @- \(origin)/a/told; env | grep -c HOOK_SECRET; until [ -e go ]; do sleep 0.05; done",
                profile: "asking",
                environment: ["HOOK_SECRET": wrong]
            )
            let held = try #require(try place.held(1).first)
            #expect(held.preview.contains(token), "the control: it is there to be masked")
            let posts = try hooks.posts(3)
            #expect(posts.count == 3 && Set(posts.map(\.path)).count == 3, "\(posts)")
            // The control: another secret is another signature.
            for post in posts { #expect(post.good == !post.path.hasSuffix("variable"), "\(post)") }
            for post in posts {
                let message = try WebhookMessage(post)
                #expect(message.type == "approval.asked" && message.data.ids == [held.id])
                #expect(message.data.request.digest == held.digest && message.data.request.id == held.id)
                #expect(message.data.request.preview.contains("***") && !post.body.contains(token), "\(post)")
                #expect(!post.body.contains("\u{1b}"), "\(post)")
                #expect(message.data.links == nil, "nobody answers HTTP for a run that stands alone")
            }
            #expect(
                try place.awaits {
                    try place.bailey(["approvals", "show", held.id]).output.contains(
                        "told:        http://localhost:\(hooks.port): told\n"
                    )
                }
            )
            try approve(held.id)
            // How it ended is told to each as well.
            let ends = try hooks.posts(6).dropFirst(3).map { try WebhookEnd($0) }
            #expect(ends.count == 3, "\(ends)")
            for end in ends {
                #expect(end.type == "approval.ended" && end.data.ended.map(\.id) == [held.id], "\(end)")
                #expect(
                    end.data.ended.first?.outcome == "approved" && end.data.ended.first?.by == held.principal
                )
            }
            try place.write("", to: "workspace/go")
            let outcome = running.finish()
            #expect(outcome.output == "POST allowed.test /a/told auth=\n0\n", "\(outcome)")
            #expect(try hooks.posts(6).count == 6)
            #expect(try !place.bailey(["audit"]).output.contains("notice-failed"))
            #expect(try place.bailey(["audit", "verify"]).code == 0)
        }

        @Test("Slack's form: text without markup, and what an agent wrote as plain text alone")
        func slack() throws {
            struct Message: Decodable {
                struct Text: Decodable {
                    let type: String
                    let text: String
                }
                struct Block: Decodable {
                    let type: String
                    let text: Text?
                }
                let text: String
                let unfurlsLinks: Bool
                let unfurlsMedia: Bool
                let blocks: [Block]

                enum CodingKeys: String, CodingKey {
                    case text, blocks
                    case unfurlsLinks = "unfurl_links"
                    case unfurlsMedia = "unfurl_media"
                }
            }
            try configure([hook("/hook", ", format: slack")])
            let running = try place.running(
                "bailey run -p tool -- echo '<!channel> & *bold*' \"$(printf 'two\\nlines')\"; echo $?",
                profile: "parent"
            )
            let held = try #require(try place.held(1).first)
            let post = try #require(try hooks.posts(1).first)
            #expect(post.good)
            let message = try JSONDecoder().decode(Message.self, from: Data(post.body.utf8))
            #expect(
                message.text.contains("agent \(held.agent) of \(held.principal) asks, one question"),
                "\(message)"
            )
            #expect(!message.text.contains("bold"), "nothing that an agent wrote: \(message)")
            #expect(!message.unfurlsLinks && !message.unfurlsMedia, "nothing is fetched for a preview")
            #expect(message.blocks.map(\.type) == ["section"] && message.blocks[0].text?.type == "plain_text")
            let text = try #require(message.blocks[0].text?.text)
            #expect(text.contains("'<!channel> & *bold*' $'two\\nlines'"), "\(text)")
            #expect(text.contains("bailey approvals approve \(held.id)"))
            try approve(held.id)
            #expect(running.finish().code == 0)
        }

        @Test(
            "What fails is tried again under the same id, and that it fails and is over is on record; a question is held meanwhile as ever"
        )
        func retried() throws {
            try configure([hook("/flaky")])
            let running = try place.running("\(curl) \(origin)/a/retried", profile: "asking")
            let held = try #require(try place.held(1).first)
            let posts = try hooks.posts(3)
            #expect(posts.count == 3 && Set(posts.map(\.id)) == ["approval-\(held.id)"], "\(posts)")
            #expect(posts.allSatisfy { $0.good })
            #expect(try place.awaits { try place.bailey(["audit"]).output.contains("notice-resumed") })
            #expect(try place.bailey(["audit"]).output.contains("it answered 503"))
            try approve(held.id)
            #expect(running.finish().output == "GET allowed.test /a/retried auth=\n")
        }

        @Test(
            "A receiver that is gone, silent or refuses, or a secret that others may read, is said in the list, and holds up nothing"
        )
        func failing() throws {
            try place.write(WebhookServer.secret, to: place.root + "/open", mode: 0o644)
            let nobody = try Port.free()
            try configure([
                "url: \"http://localhost:\(nobody)/\", secret: {file: \(place.root)/secret}",
                hook("/hang"), hook("/gone"),
                "url: \"http://127.0.0.1:\(hooks.port)/\", secret: {file: \(place.root)/open}",
            ])
            let running = try place.running("\(curl) \(origin)/a/failing", profile: "asking")
            let held = try #require(try place.held(1).first)
            for words in [
                "http://localhost:\(nobody): not told", "given up: it answered 410",
                "which others may read or own",
            ] {
                #expect(
                    try place.awaits { try place.bailey(["approvals"]).output.contains(words) },
                    "\(words)"
                )
            }
            try approve(held.id)
            #expect(running.finish().output == "GET allowed.test /a/failing auth=\n")
            #expect(try place.bailey(["audit"]).output.contains("notice-failed"))
            #expect(try hooks.posts(1).filter { $0.path == "/gone" }.count == 1)
        }

        @Test("H03: a flood of one agent by one rule is a few messages that name them all")
        func flood() throws {
            try configure([hook("/hook")])
            let running = try place.running(
                "for i in $(seq 20); do bailey run -p tool -- touch ran-$i & done; wait",
                profile: "parent"
            )
            let held = try place.held(20)
            func told() throws -> [WebhookMessage] { try hooks.posts(1).map { try WebhookMessage($0) } }
            #expect(
                try place.awaits { Set(try told().flatMap(\.data.ids)) == Set(held.map(\.id)) }
            )
            #expect(try (1...3).contains(told().count))
            let rule = try #require(held[0].rules.first)
            #expect(try place.bailey(["approvals", "deny", "--all-of", rule]).code == 0)
            #expect(running.finish().code == 0)
        }

        @Test("A configuration with a webhook's URL in it is covered where it lies in an agent's workspace")
        func covered() throws {
            func read(_ more: String) throws -> Outcome {
                try place.write(servers.operatorConfiguration + more, to: "workspace/set/bailey.yaml")
                return try place.bailey([
                    "run", "--config", "set/bailey.yaml", "--profiles", place.profiles, "-p", "tool", "--",
                    "sh",
                    "-c", "echo ran; cat set/bailey.yaml",
                ])
            }
            let attempt = try read("\napprovals: {webhooks: [{\(hook("/hook"))}]}\n")
            #expect(attempt.output == "ran\n", "\(attempt)")
            let control = try read("\n")
            #expect(control.output.contains("upstream-ca"), "the control: it is there to be read: \(control)")
        }

        @Test(
            "What is wrong in approvals of bailey.yaml is named, with its place",
            arguments: [
                ("{webhook: []}", "bailey.yaml:2:13"), ("{webhook: []}", "\"webhooks\""),
                ("{webhooks: [{url: \"https://a.example\"}]}", "takes url and secret"),
                ("{webhooks: [{url: \"http://a.example\", secret: {env: X}}]}", "no https:// URL"),
                (
                    "{webhooks: [{url: \"https://a.example\", secret: {env: X}, format: teams}]}",
                    "json, slack"
                ),
                ("{webhooks: [{url: \"https://a.example\", secret: {vault: X}}]}", "vault"),
                (
                    "{webhooks: [{url: {command: [/bin/true]}, secret: {env: X}}]}",
                    "is a URL, {file: PATH} or {env: NAME}"
                ),
                ("{webhooks: [{url: {env: HOME}, secret: {env: X}}]}", "has no https:// URL"),
                ("{webhooks: [{url: \"https://a.example\", secret: {env: X}, subject: alice}]}", "user:NAME"),
                (
                    "{webhooks: [{url: \"https://a.example\", secret: {env: X}, subject: \"user:alice\"}]}",
                    "without approvals.listen"
                ),
                ("{listen: \"0.0.0.0:8791\"}", "not a loopback address"),
                ("{listen: \"127.0.0.1:8791\", url: \"http://a.example\"}", "no https:// URL"),
                ("{tokens: []}", "without approvals.listen"),
                (
                    "{listen: \"127.0.0.1:8791\", tokens: [{subject: \"user:a\", token: {env: X}}]}",
                    "{file: PATH}"
                ),
            ]
        )
        func configuration(text: String, complaint: String) throws {
            try place.write("bailey: 1\napprovals: \(text)\n", to: place.configuration + "/bailey.yaml")
            let outcome = try place.agent("true")
            #expect(outcome.code == 125 && outcome.errors.contains(complaint), "\(outcome)")
        }
    }
}
