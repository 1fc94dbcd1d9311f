import Model
import Policy
import Profiles
import Testing

/// What an operator is told to write where no rule allows a request.
struct WideningTests {
    private let folder: Folder
    private let alice = Principal(localUser: "alice", uid: 1_000)
    private var review: ProfileReview { ProfileReview(loader: folder.loader) }

    init() throws {
        folder = try Folder([
            "root.yaml": """
            bailey: 1
            egress:
              - to: https://*.a.test
                allow: [GET, "POST /up/**", "PUT /v1 body <= 1KiB"]
                deny: ["* /admin/**"]
                ask: [DELETE]
            """,
            "leaf.yaml": "bailey: 1\negress: [{to: \"https://x.a.test\", allow: [GET]}]\n",
        ])
    }

    @Test(
        "What no rule allows is explained with lines to paste, and they allow it",
        arguments: [
            ("GET https://new.test/v1/x", "https://new.test", "GET /v1/x"),
            ("PUT https://new.test:8443/a%20b", "https://new.test:8443", "PUT /a%20b"),
            ("grpc https://new.test/a.B/Get", "https://new.test", "grpc a.B/Get"),
            ("websocket https://new.test/live", "https://new.test", "websocket /live"),
            ("connect tls://db.test:5433", "tls://db.test:5433", "connect"),
            ("git fetch https://new.test/a.git", "https://new.test", "git fetch /a.git"),
            (
                "git push https://new.test/a.git refs/heads/x", "https://new.test",
                "git push /a.git refs/heads/x"
            ),
            ("postgres://db.test/app select a from public.t", "postgres://db.test/app", "select on public.t"),
        ]
    )
    func widening(request: String, place: String, action: String) throws {
        let denied = review.explain("leaf", request: request, under: [], principal: alice, asJSON: false)
        let lines = [
            "  to allow it, add to profile \"leaf\", or to one of your own that extends it:", "    egress:",
            "      - to: \"\(place)\"", "        allow: [\"\(action)\"]",
        ]
        #expect(
            denied.exitCode == 1 && denied.output.contains(lines.joined(separator: "\n") + "\n"),
            "\(denied)"
        )
        let pasted = lines.dropFirst().map { $0.dropFirst(4) }.joined(separator: "\n")
        try folder.write("bailey: 1\nextends: [leaf]\n\(pasted)\n", to: "mine.yaml")
        let allowed = review.explain("mine", request: request, under: [], principal: alice, asJSON: false)
        #expect(allowed.exitCode == 0, "\(allowed)")
    }

    @Test("A name that bailey.yaml resolves to a private address needs private: true, and others do not")
    func privateAddress() throws {
        let name = try #require(DNSName("new.test"))
        for (address, isPrivate) in [("127.0.0.1", true), ("10.1.2.3", true), ("93.184.216.34", false)] {
            let launcher = ProfileReview.Launcher(resolve: [name: try #require(IPAddress(address))])
            let review = ProfileReview(loader: folder.loader, launcher: launcher)
            let request = "GET https://new.test/v1"
            let denied = review.explain("leaf", request: request, under: [], principal: alice, asJSON: false)
            let lines = (isPrivate ? ["        private: true"] : []) + ["        allow: [\"GET /v1\"]"]
            let rule = ["    egress:", "      - to: \"https://new.test\""] + lines
            #expect(denied.output.contains(rule.joined(separator: "\n") + "\n"), "\(address): \(denied)")
            let pasted = rule.map { $0.dropFirst(4) }.joined(separator: "\n")
            try folder.write("bailey: 1\nextends: [leaf]\n\(pasted)\n", to: "mine.yaml")
            let allowed = review.explain("mine", request: request, under: [], principal: alice, asJSON: false)
            #expect(allowed.exitCode == 0 && allowed.output.hasPrefix("allowed: "), "\(address): \(allowed)")
        }
    }

    @Test("Nobody is told to write a rule beside one that denies, asks, or comes near")
    func noWidening() {
        for (name, request) in [
            ("root", "GET https://x.a.test/admin/y"), ("root", "DELETE https://x.a.test/"),
            (
                "root",
                "PUT https://x.a.test/v1 body {\"a\": \"" + String(repeating: "x", count: 2_000) + "\"}"
            ),
        ] {
            let outcome = review.explain(name, request: request, under: [], principal: alice, asJSON: false)
            #expect(outcome.exitCode == 1 && !outcome.output.contains("to allow it"), "\(outcome)")
        }
    }
}
