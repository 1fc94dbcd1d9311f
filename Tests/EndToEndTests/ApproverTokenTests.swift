import Foundation
import TestSupport
import Testing

extension EndToEnd {
    /// Answers over HTTP with tokens of a real provider.
    @Suite(
        "Approvers with tokens",
        .serialized,
        .enabled(if: Python.has("oidc_provider_mock"), "needs oidc-provider-mock of PyPI (make deps-tests)")
    )
    struct ApproverTokenTests {
        let service: ApprovalService
        let provider: IdentityProvider
        var place: Place { service.place }

        init() throws {
            provider = try IdentityProvider()
            service = try ApprovalService(
                approval: "wait: 120s, approvers: 2, by: [\"group:idp:payments\", \"user:games\"]",
                more: """
                      issuers: {idp: {audience: answers}}
                      people: [["oidc:idp:robert", "user:games"]]
                    """,
                others: "issuers:\n" + provider.configuration()
            )
        }

        private func ask(_ method: String, _ path: String, _ token: String) throws -> ApprovalService.Answer {
            try service.ask(method, path, as: nil, ["-H", "Authorization: Bearer \(token)"])
        }

        @Test(
            "Who an issuer says is in the group that a rule names approves, and sees nothing else; one person's two names are one"
        )
        func groups() throws {
            let server = try service.serving()
            let running = try service.asking("/a/token")
            let id = try #require(try place.held(1).first).id
            let approve = "/v1/approvals/\(id)/approve"
            let alice = try provider.token(for: "answers")
            #expect(try ask("GET", "/v1/approvals", alice).body.contains(id))
            // Whom the operator gave a token hears which webhooks were told.
            let hook = "localhost:\(service.hooks.port): told"
            #expect(
                try place.awaits { try service.ask("GET", "/v1/approvals", as: "bob").body.contains(hook) }
            )
            for path in ["/v1/approvals", "/v1/approvals/\(id)"] {
                let seen = try ask("GET", path, alice).body
                #expect(seen.contains(id) && !seen.contains("localhost:\(service.hooks.port)"), "\(seen)")
            }
            // Of another group, and with a token that launches.
            let mallory = try provider.token(for: "answers", "mallory", claims: #"{"groups": ["sales"]}"#)
            #expect(try ask("POST", approve, mallory).status == "404")
            #expect(try ask("GET", "/v1/approvals", mallory).body == "{\"approvals\":[]}\n")
            #expect(try ask("POST", "/v1/approvals/\(id)/deny", mallory).status == "404")
            let launches = try ask("POST", approve, try provider.token())
            #expect(launches.status == "401", "\(launches)")
            #expect(
                launches.body.contains("change approvals.issuers.idp.audience of bailey.yaml"),
                "\(launches)"
            )
            let forged = try ask("POST", approve, String(alice.dropLast(8)) + "AAAAAAAA")
            #expect(forged.status == "401" && forged.body.contains("signature"), "\(forged)")
            // Bob by his token, and then by the issuer's, of a member of the group.
            #expect(try service.ask("POST", approve, as: "bob").status == "202")
            let robert = try ask("POST", approve, try provider.token(for: "answers", "robert"))
            #expect(robert.status == "403" && robert.body.contains("somebody else has to"), "\(robert)")
            #expect(try place.held(1).first?.id == id)
            #expect(try ask("POST", approve, alice).status == "200")
            #expect(running.finish().output == "200")
            #expect(
                try service.answers().filter { !$0.hasPrefix("answer-refused") } == [
                    "asked", "seconded user:games api", "refused oidc:idp:robert api",
                    "approved oidc:idp:alice api",
                ]
            )
            let audit = try place.bailey(["audit"]).output
            #expect(audit.contains("by oidc:idp:alice of group:idp:payments (api)"), "\(audit)")
            #expect(try !service.refusals().contains { $0.contains(alice) }, "no token is on record")
            service.end(server)
        }

        @Test("An answer whose client left before its token was proven changes nothing, and is on record")
        func left() throws {
            let server = try service.serving()
            let running = try service.asking("/a/left")
            let id = try #require(try place.held(1).first).id
            let (approve, token) = ("/v1/approvals/\(id)/approve", try provider.token(for: "answers"))
            // Whether it was waited for until its client was gone; else the issuer was given up before that.
            func leaves() throws -> Bool {
                let before = try service.refusals().count
                try provider.silence(true)
                // It has to have sent its request by then, on a busy machine too.
                let words = ["curl", "-sS", "-m3", "-X", "POST", "-H", "Authorization: Bearer \(token)"]
                let gone = try Command.run(
                    words + [service.url + approve],
                    environment: place.environment,
                    directory: place.root
                )
                #expect([0, 28].contains(gone.code), "\(gone)")
                try provider.silence(false)
                #expect(try place.awaits { try service.refusals().count > before })
                return try service.refusals().last?.contains("its client left before its token was proven")
                    == true
            }
            #expect(try (0..<8).contains { _ in try leaves() })
            #expect(try service.answers().filter { !$0.hasPrefix("answer-refused") } == ["asked"])
            // The control: who waits for it approves.
            #expect(try ask("POST", approve, token).status == "202")
            #expect(try service.ask("POST", approve, as: "bob").status == "200")
            #expect(running.finish().output == "200")
            service.end(server)
        }

        @Test("An issuer that does not answer keeps nobody else from answering, and an old token nobody")
        func silent() throws {
            let server = try service.serving()
            let running = try service.asking("/a/silent")
            let id = try #require(try place.held(1).first).id
            let token = try provider.token(for: "answers")
            let old = try provider.token(for: "answers", seconds: 1)
            #expect(try place.awaits { try ask("GET", "/v1/approvals", old).body.contains("expir") })
            try provider.silence(true)
            // Its keys were read with the last token: what is verified by them asks nobody.
            #expect(try service.ask("POST", "/v1/approvals/\(id)/approve", as: "bob").status == "202")
            try provider.silence(false)
            #expect(try ask("POST", "/v1/approvals/\(id)/approve", token).status == "200")
            #expect(running.finish().output == "200")
            service.end(server)
        }
    }
}
