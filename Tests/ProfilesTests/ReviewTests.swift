import Model
import Policy
import Profiles
import Testing

struct ReviewTests {
    private let folder: Folder

    init() throws {
        folder = try Folder([
            "root.yaml": """
            bailey: 1
            egress:
              - to: https://*.a.test
                allow: [GET, "POST /up/**"]
                deny: ["* /admin/**"]
                ask: [DELETE]
            children: {profiles: [leaf], depth: 1, count: 1}
            """,
            "leaf.yaml": "bailey: 1\negress: [{to: \"https://x.a.test\", allow: [GET]}]\n",
            "wide.yaml": "bailey: 1\negress: [{to: \"https://a.test\", allow: [GET]}]\n",
            "broken.yaml": "bailey: 1\negres: []\n",
        ])
    }

    private let alice = Principal(localUser: "alice", uid: 1_000)
    private var review: ProfileReview { ProfileReview(loader: folder.loader) }

    private func lints(_ text: String) throws -> String {
        try folder.write("bailey: 1\nname: linted\n\(text)\n", to: "linted.yaml")
        let outcome = review.check(["linted"], isStrict: true, asJSON: false)
        #expect(
            outcome.exitCode == (outcome.complaints.isEmpty ? ReviewOutcome.success : ReviewOutcome.negative)
        )
        return outcome.complaints
    }

    /// What a machine says that has one credential, for one host, and resolves two names itself.
    private var launching: ProfileReview {
        let here =
            DNSName("x.a.test").map { [HostPattern(scheme: .https, hosts: .name($0), port: 443)] } ?? []
        var resolve: [DNSName: IPAddress] = [:]
        for (name, address) in [
            ("local.test", "127.0.0.1"), ("meta.test", "169.254.169.254"), ("far.test", "9.9.9.9"),
        ] {
            if let name = DNSName(name) { resolve[name] = IPAddress(address) }
        }
        return ProfileReview(
            loader: folder.loader,
            launcher: ProfileReview.Launcher(
                refusal: { $0.hasPrefix("/absent") ? "it is not there" : nil },
                hasCredential: { $0 == "it" },
                hosts: { $0 == "it" ? here : nil },
                resolve: resolve
            )
        )
    }

    @Test(
        "What a launch would refuse, or each request, is warned of where the rule stands",
        arguments: [
            ("files: {read: [/absent/x]}", "files: /absent/x will be refused: it is not there"),
            ("files: {copy: [/absent/y]}", "files: /absent/y will be refused: it is not there"),
            ("egress: [{to: \"https://x.a.test\", allow: [GET], credential: it}]", nil),
            (
                "egress: [{to: \"https://*.a.test\", allow: [GET], credential: it}]",
                "https://*.a.test names credential it, which credentials.yaml sends only to https://x.a.test"
            ),
            (
                "egress: [{to: \"http://local.test\", allow: [GET]}]",
                "bailey.yaml resolves it to 127.0.0.1, a private address, which is refused without private: true"
            ),
            ("egress: [{to: \"http://local.test\", private: true, allow: [GET]}]", nil),
            ("egress: [{to: \"http://far.test\", allow: [GET]}]", nil),
            (
                "egress: [{to: \"http://meta.test\", private: true, allow: [GET]}]",
                "a metadata service, which only a rule for the very address reaches"
            ),
        ] as [(String, String?)]
    )
    func refusedLater(text: String, warning: String?) throws {
        try folder.write("bailey: 1\nname: late\n\(text)\n", to: "late.yaml")
        let outcome = launching.check(["late"], isStrict: true, asJSON: false)
        #expect((outcome.exitCode == ReviewOutcome.negative) == (warning != nil), "\(outcome)")
        #expect(outcome.complaints.contains("/late.yaml:3:1: warning: ") == (warning != nil), "\(outcome)")
        #expect(outcome.complaints.contains(warning ?? ""), "\(outcome)")
    }

    @Test("Credentials that do not read are warned of with every profile")
    func unreadable() {
        let launcher = ProfileReview.Launcher(unreadable: "c.yaml:1:1: broken")
        let outcome = ProfileReview(loader: folder.loader, launcher: launcher)
            .check(["leaf"], isStrict: true, asJSON: false)
        #expect(outcome.exitCode == ReviewOutcome.negative)
        #expect(outcome.complaints.contains("every launch is refused: c.yaml:1:1: broken"), "\(outcome)")
    }

    @Test("What the rules allow and the gateway refuses is explained as refused")
    func obstacles() throws {
        try folder.write(
            """
            bailey: 1
            egress:
              - {to: "https://*.a.test", allow: [GET], credential: it}
              - {to: "http://local.test", allow: [GET]}
            """,
            to: "reaching.yaml"
        )
        for (request, reason) in [
            ("GET https://x.a.test/", nil), ("GET https://y.a.test/", "credential-unavailable: "),
            ("GET http://local.test/", "forbidden-address: bailey.yaml resolves local.test to 127.0.0.1"),
        ] as [(String, String?)] {
            let outcome = launching.explain(
                "reaching",
                request: request,
                under: [],
                principal: alice,
                asJSON: false
            )
            #expect(
                outcome.output.hasPrefix(reason == nil ? "allowed: " : "allowed by the rules, and refused")
            )
            #expect(outcome.output.contains("  refused: \(reason ?? "")") == (reason != nil), "\(outcome)")
            #expect(outcome.exitCode == (reason == nil ? ReviewOutcome.success : ReviewOutcome.negative))
        }
    }

    @Test(
        "Doubtful profiles are linted at the line that is doubtful",
        arguments: [
            (
                "egress:\n  - to: https://a.test\n    allow: ['POST /x body <= 64MiB and body /m = \"a\"']",
                "allows bodies that are refused: to be decided on, one is read up to 32 MiB"
            ),
            (
                "egress: [{to: \"https://*.github.io\", allow: [GET]}]",
                "/linted.yaml:3:1: warning: https://*.github.io: anyone can have a name"
            ),
            (
                "egress: [{to: \"https://**.windows.net\", allow: [GET]}]",
                "shared suffix blob.core.windows.net"
            ),
            ("egress: [{to: \"https://*.amazonaws.com\", allow: [GET]}]", "shared suffix amazonaws.com"),
            ("egress: [{to: \"https://**.com\", allow: [GET]}]", "a whole top-level domain"),
            (
                "egress:\n  - to: https://a.test\n    allow: [\"GET /x/*\"]\n    deny: [\"* /x/**\"]",
                "/linted.yaml:5:5: warning: https://a.test: a deny makes \"GET /x/*\" unreachable"
            ),
            (
                "egress:\n  - {to: \"https://x.a.test\", allow: [GET]}\n  - {to: \"https://*.a.test\", deny: [GET, HEAD]}",
                "/linted.yaml:4:3: warning: https://x.a.test: a deny makes \"GET\""
            ),
            ("env: {set: {MY_TOKEN: x}}", "env.set: \"MY_TOKEN\" is secret-shaped"),
            ("env: {pass: [MY_TOKEN]}", "\"MY_TOKEN\" is secret-shaped"),
            ("env: {pass: [\"AWS_SECRET_*\"]}", "secret-shaped"),
            ("env: {pass: [\"*\"]}", "passes everything but secret-shaped values"),
            ("egress: [{to: \"tcp://a.test:443\", allow: [connect]}]", "https or tls exists for this port"),
            ("egress: [{to: \"https://a.test\"}]", "says nothing"),
            ("files: {read: [/a/b], hide: [/a]}", "is hidden as well; hide wins"),
            ("files: {read: [/a], write: [/a]}", "R16"), ("files: {write: [/]}", "the whole file system"),
            ("children: {profiles: [x]}", "children.depth is 0"),
        ]
    )
    func doubtful(text: String, expected: String) throws {
        let found = try lints(text)
        #expect(
            found.contains(expected == "R16" ? "is under read as well; write wins" : expected),
            "\(found)"
        )
    }

    @Test(
        "What is not doubtful is not linted",
        arguments: [
            "egress: [{to: \"https://*.acme.example\", allow: [GET]}]",
            "egress: [{to: \"https://acme.github.io\", allow: [GET]}]",
            "egress: [{to: \"https://a.test\", allow: [GET], deny: [\"* /admin/**\"]}]",
            "env: {pass: [LANG, CI]}",
            "egress: [{to: \"tcp://a.test:9000\", allow: [connect]}]",
            "egress: [{to: \"https://a.test\", deny: [GET]}]",
            "egress: [{to: \"https://a.test\", ask: [websocket]}, {to: \"tls://b.test\", ask: [connect]}]",
            "egress: [{to: \"https://a.test\", allow: [GET]}, {to: \"https://*.a.test\", deny: [GET]}]",
        ]
    )
    func innocent(text: String) throws {
        #expect(try lints(text) == "")
    }

    @Test("check exits 0 for a valid profile and 65 for one that does not parse, with all of its errors")
    func check() {
        #expect(
            review.check(["wide", "leaf"], isStrict: true, asJSON: false).exitCode == ReviewOutcome.success
        )
        let bad = review.check(["leaf", "\(folder.path)/broken.yaml"], isStrict: false, asJSON: false)
        #expect(bad.exitCode == ReviewOutcome.badInput)
        #expect(
            bad.complaints
                == "\(folder.path)/broken.yaml:2:1: unknown key \"egres\" in the profile; did you mean \"egress\"?\n"
        )
        let json = review.check(["\(folder.path)/broken.yaml"], isStrict: false, asJSON: true)
        #expect(
            json.output.contains("\"line\":2,\"column\":1")
                && json.output.contains("\"suggestion\":\"egress\"")
        )
    }

    @Test(
        "explain says allowed, denied or asked, by which rule of which ancestor",
        arguments: [
            (
                "root", [], "GET https://x.a.test/v1", Int32(0),
                "allowed: GET https://x.a.test/v1\n  root: allow, by https://*.a.test: allow GET (root.yaml:4)"
            ),
            (
                "root", [], "DELETE https://x.a.test/v1", 1,
                "root: ask, by https://*.a.test: ask DELETE (root.yaml:6)"
            ),
            (
                "leaf", ["root"], "GET https://x.a.test/admin/y", 1,
                "root: deny, by https://*.a.test: deny * /admin/** (root.yaml:5)"
            ),
            ("leaf", ["root"], "GET https://y.a.test/", 1, "leaf: deny, no rule allows it"),
            ("leaf", ["root"], "GET https://x.a.test/up/%2e%2e/v", 0, "allowed: GET https://x.a.test/v\n"),
            (
                "wide", ["root"], "GET https://a.test/", 1,
                "note: would not be launched: wide is wider than root: egress https://a.test: GET"
            ),
            (
                "root", [], "GET https://a.test/", 1,
                "remedy: ask user:alice, or whoever owns profile \"root\", to add an egress rule"
            ),
        ]
    )
    func explain(name: String, under: [String], request: String, exitCode: Int32, expected: String) {
        let outcome = review.explain(name, request: request, under: under, principal: alice, asJSON: false)
        #expect(outcome.exitCode == exitCode)
        #expect(outcome.output.contains(expected), "\(outcome)")
    }

    @Test("Errors and warnings are told in one form by their lines, those of the file itself first")
    func order() throws {
        try folder.write("bailey: 1\nlimits: {tme: 1}\nenv: {pas: []}\negres: []\n", to: "mistakes.yaml")
        let wrong = review.check(["mistakes"], isStrict: false, asJSON: false).complaints
        let places = wrong.split(separator: "\n").compactMap { $0.split(separator: ":").dropFirst().first }
        #expect(places == ["2", "3", "4"], "\(wrong)")
        try folder.write(
            "bailey: 1\negress:\n  - {to: \"https://a.test\"}\n",
            to: "idle.yaml"
        )
        try folder.write(
            "bailey: 1\nextends: [idle]\nenv:\n  set:\n    A_TOKEN: x\n  pass: [\"*\"]\n",
            to: "doubts.yaml"
        )
        let doubts = review.check(["doubts"], isStrict: false, asJSON: false).complaints
        let lines = doubts.split(separator: "\n").map { $0.dropFirst(folder.path.count + 1).prefix(16) }
        #expect(lines == ["doubts.yaml:5:5:", "doubts.yaml:6:3:", "idle.yaml:3:3: w"], "\(doubts)")
    }

    @Test(
        "A request that is none, and a profile that is none, are bad input",
        arguments: [
            "GET", "GET x.test", "get https://x.test", "GET https://*.x.test/", "GET tls://x.test",
            "connect tcp://x.test", "GET ssh://x.test", "* https://x.test/",
        ]
    )
    func badRequests(request: String) {
        let outcome = review.explain("root", request: request, under: [], principal: alice, asJSON: false)
        #expect(
            outcome.exitCode == ReviewOutcome.badInput && outcome.complaints.hasPrefix("request:1:"),
            "\(outcome)"
        )
        #expect(
            review.explain(
                "rooot",
                request: "GET https://a.test/",
                under: [],
                principal: alice,
                asJSON: false
            ).complaints.contains("did you mean \"root\"")
        )
    }

    @Test("explain --json holds every level")
    func explainJSON() {
        let outcome = review.explain(
            "leaf",
            request: "POST https://x.a.test/",
            under: ["root"],
            principal: alice,
            asJSON: true
        )
        #expect(
            outcome.output.contains("\"verdict\":\"deny\"")
                && outcome.output.contains("\"reason\":\"no-rule\"")
        )
        #expect(
            outcome.output.contains(
                "{\"profile\":\"leaf\",\"effect\":\"deny\",\"rule\":null,\"source\":null}"
            )
        )
    }

    @Test("show prints the merged profile in the format itself, each line with its place")
    func show() throws {
        let shown = review.show("root", asJSON: false)
        #expect(shown.output.contains("- to: https://*.a.test") && shown.output.contains("# root.yaml:3"))
        // What it prints is a profile with the same meaning.
        let original = try folder.loader.load(name: "root")
        #expect(try folder.loader.load(text: shown.output, named: "root.yaml").digest == original.digest)
        #expect(review.show("broken", asJSON: false).exitCode == ReviewOutcome.badInput)
    }

    @Test(
        "record is shown with its place, is the last that is said, and counts in the digest where it is full"
    )
    func record() throws {
        func text(_ more: String) -> String { "bailey: 1\nname: p\n\(more)" }
        let plain = try folder.loader.load(text: text(""), named: "p.yaml")
        let metadata = try folder.loader.load(text: text("record: metadata\n"), named: "p.yaml")
        let full = try folder.loader.load(text: text("record: full\n"), named: "p.yaml")
        #expect(plain.recording == .metadata && full.recording == .full)
        #expect(plain.digest == metadata.digest && plain.digest != full.digest)
        try folder.write("bailey: 1\nname: recorder\nrecord: full\n", to: "recorder.yaml")
        let above = try folder.loader.load(text: text("extends: [recorder]\n"), named: "p.yaml")
        let own = try folder.loader.load(
            text: text("extends: [recorder]\nrecord: metadata\n"),
            named: "p.yaml"
        )
        #expect(above.recording == .full && own.recording == .metadata)
        #expect(review.show("recorder", asJSON: false).output.contains("record: full"))
    }

    @Test("test runs the tables beside the profiles, and tells the row that fails")
    func tables() throws {
        try folder.write(
            """
            bailey: 1
            cases:
              - {lineage: [root], request: "GET https://x.a.test/", verdict: allow, rule: allow GET}
              - {lineage: [root, leaf], request: "POST https://x.a.test/up/x", verdict: deny, rule: no rule}
              - {lineage: [root], launch: leaf, verdict: allow}
              - {lineage: [root], launch: wide, verdict: deny}
            """,
            to: "tests/good.yaml"
        )
        let good = ProfileReview.test(folder: folder.path, asJSON: false)
        #expect(good == ReviewOutcome(output: "4 passed, 0 failed\n"))
        try folder.write(
            "bailey: 1\ncases:\n  - {lineage: [root], request: \"GET https://x.a.test/\", verdict: deny}\n  - {lineage: [root], launch: wide, verdict: allow}\n",
            to: "tests/wrong.yaml"
        )
        let wrong = ProfileReview.test(folder: folder.path, asJSON: false)
        #expect(wrong.exitCode == ReviewOutcome.negative && wrong.output == "4 passed, 2 failed\n")
        #expect(
            wrong.complaints.contains("tests/wrong.yaml:3: GET https://x.a.test/: expected deny, got allow")
        )
        #expect(
            wrong.complaints.contains(
                "tests/wrong.yaml:4: launch wide: expected allow, got children.profiles does not name it"
            )
        )
        try folder.write("bailey: 1\ncases:\n  - {lineage: [root], verdict: maybe}\n", to: "tests/wrong.yaml")
        let bad = ProfileReview.test(folder: folder.path, asJSON: false)
        #expect(bad.exitCode == ReviewOutcome.badInput)
        #expect(bad.complaints.contains("tests/wrong.yaml:3:32: verdict: unknown word \"maybe\""))
        #expect(bad.complaints.contains("either request or launch"))
    }

    @Test("words prints each protocol's own, and refuses what is not built yet")
    func words() {
        for name in ["http", "https", "postgres", "tls", "tcp"] {
            #expect(ProfileReview.words(of: name).exitCode == ReviewOutcome.success)
        }
        #expect(ProfileReview.words(of: "https").output.contains("METHOD /path/glob"))
        #expect(ProfileReview.words(of: "https").output.contains("websocket /path "))
        #expect(
            ProfileReview.words(of: "redis").complaints == "the protocol \"redis\" is not built yet\n"
        )
        #expect(ProfileReview.words(of: "htps").complaints.contains("did you mean \"http"))
        let masks = ProfileReview.words(of: "mask").output
        #expect(
            MaskKind.words.allSatisfy { word in
                masks.split(separator: "\n").contains { $0.hasPrefix(word + " ") }
            }
        )
        #expect(ProfileReview.words(of: "syscall").complaints.contains("did you mean \"syscalls\"?"))
    }
}
