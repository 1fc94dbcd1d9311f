import Model
import Policy
import Profiles
import TestSupport
import Testing

struct FuzzTests {
    private static let actions = [
        "GET", "* /a/**/b*", "POST /a?q=*&b=1&** body <= 1MiB and body /a/0 = \"x\\\"*\" and body /b = true",
        "grpc a.B/C*", "websocket /x", "git fetch /a/*", "git push /a/x.git refs/heads/agent/**", "git push",
        "connect",
    ]

    @Test("Action words: no trap, the same again, and no wider than themselves")
    func actions() throws {
        let words = [
            "/", "**", "*", " ", "?", "&", "=", "\"", " body ", " and ", "refs/", "git ", "grpc ", "%2F",
            "..", "999999999999",
        ]
        try Fuzz("action-words", texts: Self.actions, words: words).run { input, _ in
            let text = String(decoding: input, as: UTF8.self)
            for (scheme, effect) in [(Scheme.https, Effect.allow), (.https, .deny), (.tls, .allow)] {
                func action() -> ActionPattern? {
                    try? ActionText.action(text, scheme: scheme, effect: effect, source: "t.yaml:1")
                }
                guard let action = action() else { continue }
                try Finding.unless(action == Self.again(text, scheme, effect), "read again it is another")
                guard scheme == .https, effect == .allow else { continue }
                let profile = try ConditionTests.profile(allow: [text])
                guard DecisionWork.firstExcessive(in: profile.egress) == nil else { continue }
                try Finding.unless(excess(of: profile, over: profile).isEmpty, "wider than itself")
                for request in ["/a/x.git/git-receive-pack", "/a/b", "/a?q=1&b=1", "/%2e%2F"] {
                    _ = try ConditionTests.decide([profile], ConditionTests.request(request, method: "POST"))
                }
            }
        }
    }

    private static func again(_ text: String, _ scheme: Scheme, _ effect: Effect) -> ActionPattern? {
        try? ActionText.action(text, scheme: scheme, effect: effect, source: "t.yaml:1")
    }

    @Test("Requests as explain takes them: no trap, and told they are read as themselves")
    func requests() throws {
        let texts = [
            "GET https://a.test/x?y=1", "connect tls://b.test:1",
            "git push -o https://a.test/x.git refs/heads/a :refs/b",
            "git fetch https://[::1]:8443/a", "grpc https://a.test/a.B/C", "websocket http://a.test/x",
            "POST https://a.test/ body {}",
        ]
        let words = ["://", ":", "/", "?", "#", " ", "[", "]", "refs/heads/", "git push ", "%2e", "-o "]
        try Fuzz("request-texts", texts: texts, words: words).run { input, _ in
            let text = String(decoding: input, as: UTF8.self)
            guard let request = try? RequestText.parseWhole(text).0 else { return }
            let told = request.description
            // More refs than a text names are told in short.
            guard !told.contains(" more"), request.kind != .call else { return }
            try Finding.unless(
                (try? RequestText.parse(told))?.description == told,
                "\(told) is not read as itself"
            )
        }
    }

    @Test("Profiles, system call policies and globs: no trap, read or refused, the same each time")
    func files() throws {
        let policy = """
            {"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{"names": ["ptrace"], "action": "SCMP_ACT_ERRNO", "errnoRet": 1,
            "args": [{"index": 0, "value": 1, "op": "SCMP_CMP_EQ"}]}]}
            """
        let words = [
            "[", "{", ": ", "- ", "&a ", "*a", "!!x", "|", "\"", "'", "\n", "\t", "**", "$", "~", "\\u0000",
            "1e999", "null",
        ]
        try Fuzz("profile-files", texts: [ProfileSeed.text, policy], words: words).run { input, _ in
            let text = String(decoding: input, as: UTF8.self)
            try Finding.unless((try? load(text)) == (try? load(text)), "read again it is another")
            try Finding.unless(problems(text).allSatisfy { !$0.isEmpty }, "a problem without a word")
            _ = try? SystemCallPolicies.parse(text, name: "x", file: "x.json")
        }
    }
}
