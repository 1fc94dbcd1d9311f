import Foundation
import Glibc
import TestSupport
import Testing

extension EndToEnd {
    /// Answers by the links of a webhook's messages.
    @Suite("Links of approvals", .serialized)
    struct ApprovalLinkTests {
        let service: ApprovalService
        var place: Place { service.place }

        init() throws {
            service = try ApprovalService()
        }

        /// The links of the message that came as so many.
        private func links(_ count: Int) throws -> WebhookMessage.Links {
            let posts = try service.hooks.posts(count)
            try #require(posts.count >= count, "\(posts)")
            return try #require(try WebhookMessage(posts[count - 1]).data.links)
        }

        @Test(
            "A link shows what is asked and answers with its button alone, once, as whom the webhook is for"
        )
        func followed() throws {
            let server = try service.serving()
            let running = try service.running(
                "curl -sS -m120 -o body -w '%{http_code}' -d '<script>alert(1)</script>  x' \(service.origin)/a/link"
            )
            let held = try #require(try place.held(1).first)
            let links = try links(1)
            #expect(links.approve.hasPrefix(service.url + "/a/\(held.id)/approve/"), "\(links)")
            // What shows previews of links answers nothing.
            for method in ["GET", "HEAD", "GET"] {
                let page = try service.ask(method, links.approve, as: nil, ["-D", "head"])
                #expect(page.status == "200", "\(page)")
            }
            let page = try service.ask("GET", links.approve, as: nil)
            #expect(page.body.contains("&lt;script&gt;alert(1)") && !page.body.contains("<script"), "\(page)")
            #expect(
                page.body.contains("&lt;/script&gt;  x") && page.body.contains("<pre>"),
                "blanks as they are"
            )
            #expect(
                page.body.contains("<form method=\"post\">") && page.body.contains("Approve, as user:carol")
            )
            let head = try #require(place.read("head"))
            for field in ["default-src 'none'", "no-store", "no-referrer", "nosniff"] {
                #expect(head.contains(field), "\(head)")
            }
            #expect(try place.held(1).first?.id == held.id && service.servers.requests(with: "/a/link") == 0)
            let answer = try service.ask("POST", links.approve, as: nil, ["--data", "reason=looks+right%21"])
            #expect(answer.status == "200" && answer.body.contains("Approved."), "\(answer)")
            #expect(running.finish().output == "200")
            // Once.
            for link in [links.approve, links.deny] {
                #expect(try service.ask("POST", link, as: nil).status == "410")
            }
            let way = "link to http://localhost:\(service.hooks.port)"
            #expect(
                try service.answers() == [
                    "asked", "approved user:carol \(way)", "answer-refused", "answer-refused",
                ]
            )
            #expect(try place.bailey(["audit"]).output.contains("for once: looks right!"))
            service.end(server)
        }

        @Test(
            "H05: a link is for one request and one answer, until its time, and of one supervisor: what is changed in it is no link"
        )
        func forged() throws {
            let server = try service.serving()
            let (first, second) = (try service.asking("/a/first"), try service.asking("/a/second"))
            let held = try place.held(2)
            let one = try links(1)
            let mine = try #require(held.first { one.approve.contains("/\($0.id)/") })
            let other = try #require(held.first { $0.id != mine.id })
            let parts = one.approve.split(separator: "/").map(String.init)
            let expiry = try #require(parts.first { $0.count == 13 })
            for link in [
                one.approve.replacing(mine.id, with: other.id),
                one.approve.replacing(mine.digest, with: other.digest),
                one.deny.replacing("/deny/", with: "/approve/"),
                one.approve.replacing("/approve/", with: "/deny/"),
                one.approve.replacing(expiry, with: "9\(expiry)"), String(one.approve.dropLast()),
                String(one.approve.dropLast()) + "g", one.approve + "0",
                one.approve.replacing("/a/", with: "/a//"),
                service.url + "/a/" + String(repeating: "x", count: 400), service.url + "/a/",
            ] {
                let answer = try service.ask("POST", link, as: nil)
                #expect(answer.status == "404", "\(link): \(answer)")
            }
            // Where a proxy in between left something in front of it: no answer, and nobody learns it from the log.
            let misled = one.approve.replacing(service.url, with: service.url + "/bailey")
            #expect(try service.ask("POST", misled, as: nil).status == "401")
            let code = try #require(one.approve.split(separator: "/").last)
            let refusals = try service.refusals()
            #expect(refusals.contains { $0.contains("POST /bailey/a/\(mine.id)/approve/") }, "\(refusals)")
            #expect(!refusals.contains { $0.contains(code) || $0.contains(mine.digest) }, "\(refusals)")
            // A token is no substitute.
            #expect(try service.ask("POST", one.approve + "0").status == "404")
            #expect(try service.ask("PUT", one.approve, as: nil).status == "405")
            #expect(
                try service.ask("POST", one.approve, as: nil, ["--data", "reason=a&by=b"]).status == "400"
            )
            #expect(try place.held(2).count == 2 && service.servers.requests(with: "/a/first") == 0)
            #expect(
                try service.refusals().filter { $0.contains("was not signed by this supervisor") }.count > 5
            )
            // The control.
            #expect(try service.ask("POST", one.deny, as: nil).status == "200")
            #expect(try service.ask("POST", "/v1/approvals/\(other.id)/deny").status == "200")
            #expect(first.finish().output == "403" && second.finish().output == "403")
            service.end(server)
            let next = try service.serving()
            #expect(try service.ask("POST", one.approve, as: nil).status == "404")
            service.end(next)
        }

        @Test("H02, H06: a link that comes too late changes nothing, and is on record")
        func late() throws {
            try service.profile("wait: 15s")
            let server = try service.serving()
            let running = try service.asking("/a/late")
            let links = try links(1)
            #expect(running.finish().output == "403")
            #expect(place.read("workspace/body")?.contains("approval-unanswered") == true)
            #expect(try service.ask("POST", links.approve, as: nil).status == "410")
            #expect(try service.ask("GET", links.approve, as: nil).status == "410")
            #expect(try service.answers() == ["asked", "unanswered", "answer-refused", "answer-refused"])
            #expect(try service.servers.requests(with: "/a/late") == 0)
            service.end(server)
        }

        @Test(
            "A message tells of all that waits by the same rules, with links for each, and then how it ended"
        )
        func several() throws {
            let server = try service.serving()
            let curl = "curl -sS -m120 -o /dev/null -w '%{http_code} '"
            let running = try service.running(
                "for i in 1 2 3; do \(curl) \(service.origin)/a/several-$i & done; wait"
            )
            let held = try place.held(3)
            var messages: [WebhookMessage] = []
            let areTold = try place.awaits {
                messages = try service.hooks.posts(1).map { try WebhookMessage($0) }
                return Set(messages.flatMap(\.data.ids)) == Set(held.map(\.id))
            }
            try #require(areTold, "\(messages)")
            let other = try #require(messages.flatMap(\.data.others).first, "\(messages)")
            let links = try #require(other.links)
            #expect(
                held.contains { $0.id == other.id && $0.action == other.action && $0.digest == other.digest }
            )
            #expect(
                try service.ask("POST", links.approve, as: nil, ["--data", "reason=one"]).status == "200"
            )
            #expect(try place.held(2).contains { $0.id == messages[0].data.ids[0] }, "the first waits")
            let rest = try service.hooks.posts(messages.count + 1).dropFirst(messages.count)
            let end = try WebhookEnd(try #require(rest.first))
            #expect(end.type == "approval.ended", "\(end)")
            let ended = try #require(end.data.ended.first)
            #expect(end.data.ended.count == 1 && ended.id == other.id && ended.outcome == "approved")
            #expect(ended.by == "user:carol" && ended.reason == "one" && ended.life == "once", "\(ended)")
            let rule = try #require(held[0].rules.first)
            #expect(try place.bailey(["approvals", "deny", "--all-of", rule]).code == 0)
            #expect(running.finish().output.split(separator: " ").sorted() == ["200", "403", "403"])
            service.end(server)
        }

        @Test(
            "H03: what one run floods a webhook with, by many rules, another run's question does not wait behind"
        )
        func fairness() throws {
            let rules = (1...30).map {
                "  - {to: \"\(service.origin)\", private: true, ask: [\"* /a/flood-\($0)\"], approval: {wait: 120s}}\n"
            }
            try place.write(
                "bailey: 1\nname: flood\nextends: [base]\negress:\n" + rules.joined(),
                to: place.configuration + "/profiles/flood.yaml"
            )
            let server = try service.serving()
            let flood = try service.running(
                "for i in $(seq 30); do curl -sS -m120 -o /dev/null \(service.origin)/a/flood-$i & done; wait",
                profile: "flood"
            )
            _ = try place.held(30)
            let other = try service.asking("/a/other")
            let mine = try #require(try place.held(31).first { $0.action.contains("other") })
            let before = try service.hooks.posts(1).count
            // One may be under way, and it is that run's turn or the other's.
            let posts = try service.hooks.posts(before + 3)
            #expect(posts.contains { $0.id == "approval-\(mine.id)" }, "\(before): \(posts.map(\.id))")
            for running in [flood, other] {
                running.signal(SIGTERM)
                #expect(running.finish().code != 0)
            }
            service.end(server)
        }

        @Test(
            "Two who have to approve: whom a link is for counts once, and somebody with a token is the other"
        )
        func seconded() throws {
            try service.profile("wait: 120s, approvers: 2")
            let server = try service.serving()
            let running = try service.asking("/a/seconded")
            let held = try #require(try place.held(1).first)
            let links = try links(1)
            #expect(try service.ask("POST", links.approve, as: nil).status == "202")
            let again = try service.ask("POST", links.approve, as: nil)
            #expect(again.status == "403" && again.body.contains("approved it already"), "\(again)")
            #expect(try place.held(1).first?.id == held.id)
            #expect(try service.ask("POST", "/v1/approvals/\(held.id)/approve").status == "200")
            #expect(running.finish().output == "200")
            service.end(server)
        }
    }
}
