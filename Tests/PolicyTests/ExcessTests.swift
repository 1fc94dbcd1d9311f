import Model
import Policy
import Testing

struct ExcessTests {
    private func isWider(_ child: EgressRule?, than parents: EgressRule?...) -> Bool {
        let parent = Profile(name: "parent", egress: parents.compactMap(\.self))
        return !excess(of: Profile(name: "child", egress: [child].compactMap(\.self)), over: parent).isEmpty
    }

    @Test("G01: what exceeds is listed rule by rule, with its place")
    func listed() {
        let parent = Profile(name: "parent", egress: [rule("a.test", allow: ["GET"])].compactMap(\.self))
        let child = Profile(
            name: "child",
            files: FileRules(read: ["/srv"], write: ["/data"]),
            egress: [rule("a.test", allow: ["GET", "POST /x"]), rule("denied.test", allow: ["GET"])]
                .compactMap(\.self)
        )
        #expect(
            excess(of: child, over: parent).map(\.what) == [
                "egress https://a.test: POST /x", "egress https://denied.test: GET", "files.read /srv",
                "files.write /data",
            ]
        )
        #expect(excess(of: child, over: parent).first?.why.contains("t.yaml:2") == true)
        #expect(excess(of: child, over: child) == [])
    }

    @Test("A child copies what its parent reads, and writes what its parent has a copy of")
    func copies() {
        func excesses(_ child: FileRules, _ parent: FileRules) -> [String] {
            excess(of: Profile(name: "child", files: child), over: Profile(name: "parent", files: parent))
                .map(\.what)
        }
        for parent in [FileRules(read: ["/d"]), FileRules(write: ["/d"]), FileRules(copy: ["/d"])] {
            #expect(excesses(FileRules(copy: ["/d/x"]), parent).isEmpty)
            #expect(excesses(FileRules(copy: ["/e"]), parent) == ["files.copy /e"])
        }
        #expect(excesses(FileRules(read: ["/d"], write: ["/d"]), FileRules(copy: ["/d"])).isEmpty)
        #expect(excesses(FileRules(write: ["/d"]), FileRules(read: ["/d"])) == ["files.write /d"])
    }

    @Test("A child shares what is private to its parent, and copies only what all above it are granted")
    func privateCopies() {
        func excesses(_ child: FileRules, _ parent: FileRules, _ above: FileRules...) -> [String] {
            let limit = Profile(name: "parent", files: parent).limit(
                sharing: ["/tmp", "/home/u"],
                below: above.map { Profile(name: "above", files: $0) }
            )
            return excess(of: Profile(name: "child", files: child), over: limit).map(\.description)
        }
        let copy = FileRules(copy: ["/home/u/bin"])
        let why = "the profiles of the parent and of all above it do not grant it"
        #expect(excesses(FileRules(read: ["/tmp/x"], write: ["/home/u/bin"]), FileRules()).isEmpty)
        #expect(excesses(copy, FileRules(read: ["/home/u/lib"])) == ["files.copy /home/u/bin: \(why)"])
        for grant in [
            FileRules(read: ["/home/u/bin"]), FileRules(write: ["/home"]), FileRules(copy: ["/home/u"]),
        ] {
            #expect(excesses(copy, grant).isEmpty && excesses(copy, grant, grant).isEmpty)
            // The parent shares what is private to one above it.
            #expect(excesses(copy, grant, FileRules()).count == 1)
            #expect(excesses(copy, grant, grant, FileRules()).count == 1)
            var hiding = grant
            hiding.hide = ["/home/u/bin"]
            #expect(excesses(copy, hiding).count == 1 && excesses(copy, grant, hiding).count == 1)
        }
        #expect(excesses(FileRules(copy: ["/usr/local"]), FileRules()).count == 1)
        #expect(excesses(FileRules(copy: ["/usr/local"]), FileRules(read: ["/usr"])).isEmpty)
        // What is hidden from the child itself it has no copy of.
        #expect(excesses(FileRules(copy: ["/x"], hide: ["/x"]), FileRules()).isEmpty)
    }

    @Test("G02: paths are compared by their bytes")
    func pathBytes() {
        func isWider(_ child: String, _ parent: String) -> Bool {
            let (child, parent) = (FileRules(write: [child]), FileRules(write: [parent]))
            return !excess(
                of: Profile(name: "child", files: child),
                over: Profile(name: "parent", files: parent)
            )
            .isEmpty
        }
        #expect(isWider("/e\u{301}", "/\u{e9}") && isWider("/\u{e9}/x", "/e\u{301}"))
        #expect(!isWider("/a/\u{301}b", "/a") && !isWider("/\u{301}b", "/"))
    }

    @Test(
        "G02: hosts are compared by what they stand for",
        arguments: [
            ("x.a.test", "*.a.test", false), ("**.a.test", "*.a.test", true),
            ("*.a.test", "**.a.test", false),
            ("*.x.a.test", "**.a.test", false), ("*.x.a.test", "*.a.test", true),
            ("**.x.a.test", "**.a.test", false),
            ("**.a.test", "**.x.a.test", true), ("a.test", "**.a.test", true), ("*.a.test", "x.a.test", true),
            ("*.a.test", "*.b.test", true), ("*.a.test", "*.na.test", true), ("*.na.test", "*.a.test", true),
            ("10.1.2.3", "10.0.0.0/8", false), ("10.1.0.0/16", "10.0.0.0/8", false),
            ("10.0.0.0/8", "10.1.0.0/16", true),
            ("10.1.2.3", "10.1.2.3/32", false), ("10.1.2.3/32", "10.1.2.3", false),
            ("11.0.0.1", "10.0.0.0/8", true),
            ("2001:db9::1", "2001:db9::/32", false), ("2001:db9::/31", "2001:db9::/32", true),
            ("2001:db8::/31", "2001:db8::/32", true), ("::/0", "0.0.0.0/0", true),
            ("169.254.169.254", "169.254.0.0/16", true), ("169.254.169.254", "169.254.169.254", false),
            ("10.0.0.0/8", "0.0.0.0/0", true), ("8.8.8.8", "0.0.0.0/0", false),
            ("10.9.9.9", "0.0.0.0/0", true),
        ]
    )
    func hosts(child: String, parent: String, wider: Bool) {
        #expect(isWider(rule(child, allow: ["GET"]), than: rule(parent, allow: ["GET"])) == wider)
    }

    @Test("G02: two halves of a network cover it together, a gap does not")
    func unionOfNetworks() {
        let halves = [rule("10.0.0.0/9", allow: ["GET"]), rule("10.128.0.0/9", allow: ["GET"])]
        #expect(!isWider(rule("10.0.0.0/8", allow: ["GET"]), than: halves[0], halves[1]))
        #expect(
            isWider(
                rule("10.0.0.0/8", allow: ["GET"]),
                than: halves[0],
                rule("10.128.0.0/10", allow: ["GET"])
            )
        )
        #expect(
            isWider(
                rule("10.0.0.0/8", allow: ["GET"]),
                than: halves[0],
                rule("10.128.0.0/9", allow: ["POST"])
            )
        )
        let pair = [rule("10.0.0.0", allow: ["GET"]), rule("10.0.0.1", allow: ["GET"])]
        #expect(!isWider(rule("10.0.0.0/31", allow: ["GET"]), than: pair[0], pair[1]))
    }

    @Test(
        "G02: actions are compared by what they stand for, over the union of the parent's",
        arguments: [
            (["GET"], ["*"], false), (["*"], ["GET"], true), (["*"], ["GET", "POST", "PUT"], true),
            (["GET"], ["POST"], true),
            (["GET /v1/**"], ["GET /v1/*"], true), (["GET /v1/*"], ["GET /v1/**"], false),
            (["GET"], ["GET /**"], false),
            (["GET /**"], ["GET"], false), (["GET /a/b"], ["* /a/*"], false),
            (["GET /a*"], ["GET /*"], false),
            (["GET /*"], ["GET /a*"], true), (["GET /*"], ["GET /**"], false), (["GET /"], ["GET /*"], true),
            (["GET /**"], ["GET /", "GET /*/**"], false),
            (["GET /**"], ["GET /", "GET /**/*", "GET /**/"], false),
            (["GET /a/**"], ["GET /a", "GET /a/**/*"], true), (["GET /a/*/b"], ["GET /a/**/b"], false),
            (["GET /**/a/**/b"], ["GET /**/b"], false), (["GET /**/b"], ["GET /**/a/**/b"], true),
            (["GET /a/**/b"], ["GET /**/a/**/b/**"], false), (["GET /x*y"], ["GET /x*", "GET /*y"], false),
            (["GET /x*", "GET /y"], ["GET /x*"], true), (["GET /**/*"], ["GET /**"], false),
            (["GET /ab*"], ["GET /a*b", "GET /ab*"], false), (["GET /a*a"], ["GET /a*"], false),
            (["GET /a*"], ["GET /a*a"], true),
        ]
    )
    func actions(child: [String], parent: [String], wider: Bool) {
        #expect(isWider(rule("a.test", allow: child), than: rule("a.test", allow: parent)) == wider)
        let spread = Profile(name: "parent", egress: parent.compactMap { rule("a.test", allow: [$0]) })
        let one = Profile(name: "child", egress: [rule("a.test", allow: child)].compactMap(\.self))
        #expect(!excess(of: one, over: spread).isEmpty == wider)
    }

    @Test("G03: a child's allow that a parent's deny overlaps is not wider, one beyond allow and ask is")
    func denyAndAsk() {
        let parent = rule("a.test", allow: ["GET"], ask: ["POST"], deny: ["* /admin/**"])
        #expect(!isWider(rule("a.test", allow: ["GET /**"]), than: parent))
        #expect(!isWider(rule("a.test", allow: ["POST"]), than: parent))
        #expect(!isWider(rule("a.test", ask: ["GET"]), than: parent))
        #expect(isWider(rule("a.test", ask: ["PUT"]), than: parent))
        #expect(isWider(rule("a.test", allow: ["* /admin/x"]), than: parent))
        #expect(!isWider(rule("b.test", deny: ["*"]), than: parent))
    }

    @Test("G02: port and scheme must be the same, credential and private addresses the covering rule's too")
    func conditions() {
        let plain = rule("a.test", allow: ["GET"])
        #expect(isWider(rule("a.test", port: 8443, allow: ["GET"]), than: plain))
        #expect(isWider(rule("a.test", scheme: .tls, allow: ["connect"]), than: plain))
        #expect(isWider(rule("a.test", allow: ["GET"], credential: "github"), than: plain))
        #expect(!isWider(plain, than: rule("a.test", allow: ["GET"], credential: "github")))
        let other = rule("a.test", allow: ["POST"], credential: "github")
        #expect(isWider(rule("a.test", allow: ["GET"], credential: "github"), than: plain, other))
        #expect(isWider(rule("a.test", allow: ["GET"], isPrivate: true), than: plain))
        #expect(!isWider(plain, than: rule("a.test", allow: ["GET"], isPrivate: true)))
    }

    @Test("Comparing patterns built to explode ends, and what is not decided counts as wider")
    func bounded() {
        let child = rule("a.test", allow: ["GET /" + String(repeating: "*a", count: 200)])
        let many = (0..<12).map {
            "GET /" + String(repeating: "*a", count: 20 + $0) + String(repeating: "*b", count: 12) + "*"
        }
        #expect(isWider(child, than: rule("a.test", allow: many)))
    }

    @Test("A child's folders, variables, limits and children are held against its parent's")
    func theRest() {
        let parent = Profile(
            name: "parent",
            files: FileRules(read: ["/opt/cache"], write: ["/workspace"]),
            environment: EnvironmentRules(pass: ["LANG", "CI_*"], set: ["MODE": "x"]),
            limits: Limits(memory: 1000, milliCPUs: 500),
            children: ChildRules(profiles: ["tool-*", "offline"], depth: 2, count: 4)
        )
        func excesses(_ change: (inout Profile) -> Void) -> [String] {
            var child = parent
            change(&child)
            return excess(of: child, over: parent).map(\.what)
        }
        #expect(excesses { _ in } == [])
        #expect(excesses { $0.files.read = ["/opt/cache/x", "/workspace/y", "/usr/share"] } == [])
        #expect(excesses { $0.files.read = ["/opt"] } == ["files.read /opt"])
        #expect(excesses { $0.files.read = ["/opt/cachet"] } == ["files.read /opt/cachet"])
        #expect(excesses { $0.files.write = ["/workspace/a", "/opt/cache"] } == ["files.write /opt/cache"])
        #expect(excesses { $0.files.hide = ["/workspace/x"] } == [])
        #expect(excesses { $0.environment.pass = ["CI_JOB", "CI_*_ID", "MODE"] } == [])
        #expect(excesses { $0.environment.pass = ["CI*", "HOME"] } == ["env.pass CI*", "env.pass HOME"])
        #expect(excesses { $0.limits = Limits() } == [])
        #expect(excesses { $0.limits = Limits(memory: 1001, processes: 5) } == ["limits.memory"])
        #expect(excesses { $0.children.profiles = ["tool-a*", "offline"] } == [])
        #expect(excesses { $0.children.profiles = ["*"] } == ["children.profiles *"])
        #expect(excesses { $0.children.ask = [asked("tool-a*"), asked("offline")] } == [])
        #expect(excesses { $0.children.ask = [asked("deploy")] } == ["children.ask deploy"])
        #expect(excesses { $0.children.depth = 3 } == ["children.depth 3"])
        #expect(excesses { $0.children.count = 5 } == ["children.count 5"])
    }

    @Test("A child may launch what its parent may when it is asked about: the parent's rule asks then")
    func askedChildren() {
        let parent = Profile(name: "p", children: ChildRules(ask: [asked("deploy*")], depth: 2, count: 4))
        func excesses(_ rules: ChildRules) -> [String] {
            excess(of: Profile(name: "c", children: rules), over: parent).map(\.what)
        }
        #expect(excesses(ChildRules(profiles: ["deployer"], ask: [asked("deploy*")])) == [])
        #expect(excesses(ChildRules(profiles: ["dep*"])) == ["children.profiles dep*"])
        #expect(excesses(ChildRules(ask: [asked("*")])) == ["children.ask *"])
    }

    private func asked(_ glob: String) -> AskedChild { AskedChild(glob: glob, source: "p.yaml:1") }
}
