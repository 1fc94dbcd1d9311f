import Foundation
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
                "curl -sS -m120 -o body -w '%{http_code}' -d '<script>alert(1)</script>' \(service.origin)/a/link"
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
            let expiry = try #require(one.approve.split(separator: "/").first { $0.count == 13 })
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
            try service.profile("wait: 3s")
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
