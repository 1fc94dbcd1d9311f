import Foundation
import TestSupport
import Testing

extension EndToEnd {
    /// Principals that are revoked, and answered what rules ask before.
    @Suite("Revoked approvers", .serialized)
    struct RevokedApproverTests {
        let service: ApprovalService
        var place: Place { service.place }

        init() throws {
            service = try ApprovalService()
        }

        @Test(
            "H05: an answer by a token whose principal is revoked changes nothing, by name and on record, without a new start; once it is lifted it counts"
        )
        func token() throws {
            let server = try service.serving()
            let running = try service.asking("/a/revoked")
            let held = try #require(try place.held(1).first)
            let revoked = try place.bailey(["revoke", "user:games", "--reason", "left the company"])
            #expect(revoked.code == 0, "\(revoked)")
            let list = try service.ask("GET", "/v1/approvals", as: "bob")
            #expect(list.status == "403" && !list.body.contains(held.digest), "\(list)")
            for verb in ["approve", "deny"] {
                let answer = try service.ask("POST", "/v1/approvals/\(held.id)/\(verb)", as: "bob")
                #expect(answer.status == "403", "\(answer)")
                #expect(
                    answer.body.contains("user:games answers nothing any more: revoked by user:"),
                    "\(answer)"
                )
                #expect(answer.body.contains("left the company"), "\(answer)")
            }
            #expect(try place.held(1).first?.id == held.id)
            #expect(
                try service.answers().filter { !$0.hasPrefix("answer-refused") }
                    == ["asked", "refused user:games api", "refused user:games api"]
            )
            #expect(try service.refusals().contains { $0.contains("GET /v1/approvals of user:games") })
            let audit = try place.bailey(["audit"]).output
            #expect(audit.contains("user:games answers nothing any more"), "\(audit)")
            #expect(try place.bailey(["revoke", "--lift", "user:games", "--reason", "is back"]).code == 0)
            let answer = try service.ask("POST", "/v1/approvals/\(held.id)/approve", as: "bob")
            #expect(answer.status == "200", "\(answer)")
            #expect(running.finish().output == "200")
            service.end(server)
            #expect(try place.bailey(["audit", "verify"]).code == 0)
        }
    }
}
