import Policy
import Profiles
import Testing

struct SystemCallPolicyTests {
    private static let head = "{\"bailey\": 1, \"architecture\": \"x86_64\", \"default\": "

    private func problems(_ text: String) -> [String] {
        do {
            _ = try SystemCallPolicies.parse(text, name: "p", file: "p.json")
            return []
        } catch {
            return error.diagnostics.map(\.description)
        }
    }

    /// A policy of one group with this rule; the rule begins in line 2, column 1.
    private func rule(_ rule: String, default rest: String = "allow") -> [String] {
        problems(
            Self.head
                + "\"\(rest)\", \"groups\": [{\"name\": \"g\", \"reason\": \"R.\", \"rules\": [\n\(rule)]}]}"
        )
    }

    @Test("A policy is read into what is compiled")
    func whole() throws {
        let text = """
            \(Self.head)"allow", "description": "d", "unknown": "ENOSYS", "foreign": "kill", "groups": [
              {"name": "a", "reason": "R.", "rules": [
                {"calls": ["splice", {"name": "mseal", "number": 462}, {"name": "new", "number": 500}], "answer": "EPERM"},
                {"calls": ["ioctl"], "when": [
                  {"argument": 1, "low32": ["0x5412"]}, {"argument": 2, "mask": "0xf0", "in": ["0x10"]},
                  {"argument": 3, "none": ["0xffffffffffffffff"]}
                ], "answer": "ENOSYS"},
                {"calls": ["fcntl"], "when": [
                  {"argument": 0, "mask": "0x3", "none": ["0x1"]}, {"argument": 4, "anyBit": "0x8000000000000000"},
                  {"argument": 5, "low32": "mixed"}
                ], "answer": "EACCES"}]}]}
            """
        let policy = try SystemCallPolicies.parse(text, name: "p", file: "p.json")
        #expect(policy.name == "p" && policy.rest == .allowed && policy.groups.map(\.name) == ["a"])
        #expect(policy.rules[0].calls.map(\.number) == [275, 462, 500])
        #expect(
            policy.rules[1].conditions.map(\.test) == [
                .low32(in: [0x5412]), .masked(0xf0, in: [0x10]), .none(of: [.max]),
            ]
        )
        #expect(
            policy.rules[2].conditions.map(\.test) == [
                .maskedNone(0x3, of: [1]), .anyBit(of: 1 << 63), .low32Mixed,
            ]
        )
        #expect(policy.rules[1].answer == .noSuchCall)
    }

    @Test("The digest is of what decides: not of reasons, and of every rule")
    func digest() throws {
        func digest(_ reason: String, _ rule: String) throws -> String {
            let text =
                Self.head
                + "\"allow\", \"groups\": [{\"name\": \"\(reason)\", \"reason\": \"\(reason)\", \"rules\": [\(rule)]}]}"
            return try SystemCallPolicies.parse(text, name: reason, file: "p.json").digest
        }
        let splice = "{\"calls\": [\"splice\"], \"answer\": \"EPERM\"}"
        let tee = "{\"calls\": [\"tee\"], \"answer\": \"EPERM\"}"
        let other = "{\"calls\": [\"splice\"], \"answer\": \"ENOSYS\"}"
        let half =
            "{\"calls\": [\"splice\"], \"when\": [{\"argument\": 0, \"anyBit\": \"0x1\"}], \"answer\": \"EPERM\"}"
        #expect(try digest("a", splice) == digest("b", splice))
        let digests = try [splice, tee, other, half].map { try digest("a", $0) }
        #expect(Set(digests).count == 4)
    }

    @Test(
        "What is wrong in a rule is refused with its place and the nearest word",
        arguments: [
            (
                "{\"calls\": [\"splcie\"], \"answer\": \"EPERM\"}", "2:12: unknown system call \"splcie\"",
                "splice"
            ),
            (
                "{\"calls\": [\"no_such_call_at_all\"], \"answer\": \"EPERM\"}", "2:12: unknown system call",
                nil
            ),
            ("{\"calls\": [\"tee\"], \"anwser\": \"EPERM\"}", "2:20: unknown key \"anwser\"", "answer"),
            (
                "{\"calls\": [\"tee\"], \"answer\": \"EPERN\"}",
                "2:30: answer, in a policy whose default is allow,", "EPERM"
            ),
            (
                "{\"calls\": [\"tee\"], \"answer\": \"allow\"}",
                "2:30: answer, in a policy whose default is allow,", nil
            ),
            ("{\"calls\": [\"tee\"]}", "2:1: \"answer\" is missing", nil),
            ("{\"calls\": [], \"answer\": \"EPERM\"}", "2:1: a rule without calls", nil),
            ("{\"answer\": \"EPERM\"}", "2:1: \"calls\" is missing", nil),
            ("{\"calls\": [276], \"answer\": \"EPERM\"}", "2:12: unknown system call \"276\"", nil),
            (
                "{\"calls\": [{\"name\": \"tee\", \"number\": 275}], \"answer\": \"EPERM\"}",
                "2:12: \"tee\" has the number 276, not 275", nil
            ),
            (
                "{\"calls\": [{\"name\": \"new\", \"number\": 59}], \"answer\": \"EPERM\"}",
                "2:12: 59 is the number of \"execve\", not of \"new\"", nil
            ),
            (
                "{\"calls\": [{\"name\": \"new\", \"number\": 1073741824}], \"answer\": \"EPERM\"}",
                "2:38: number of a call must be a whole number from 0 to 1073741823", nil
            ),
            ("{\"calls\": [{\"name\": \"new\"}], \"answer\": \"EPERM\"}", "2:12: \"number\" is missing", nil),
        ] as [(String, String, String?)]
    )
    func badRules(text: String, expected: String, nearest: String?) {
        let found = rule(text)
        let told = found.first { $0.hasPrefix("p.json:" + expected) }
        #expect(told != nil, "\(found)")
        if let nearest { #expect(told?.hasSuffix("did you mean \"\(nearest)\"?") == true, "\(found)") }
    }

    @Test(
        "What is wrong in a condition is refused with its place",
        arguments: [
            ("{\"argument\": 6, \"anyBit\": \"0x1\"}", "argument must be a whole number from 0 to 5"),
            ("{\"anyBit\": \"0x1\"}", "\"argument\" is missing"),
            ("{\"argument\": 0}", "a condition has one test"),
            ("{\"argument\": 0, \"anyBit\": \"0x1\", \"low32\": [\"0x1\"]}", "a condition has one test"),
            ("{\"argument\": 0, \"mask\": \"0x1\"}", "a condition has one test"),
            ("{\"argument\": 0, \"anyBit\": 1}", "takes hexadecimal numbers as texts"),
            ("{\"argument\": 0, \"anyBit\": \"1\"}", "takes hexadecimal numbers as texts"),
            ("{\"argument\": 0, \"anyBit\": \"0x\"}", "takes hexadecimal numbers as texts"),
            ("{\"argument\": 0, \"anyBit\": \"0x+1\"}", "takes hexadecimal numbers as texts"),
            ("{\"argument\": 0, \"anyBit\": \"0x10000000000000000\"}", "takes hexadecimal numbers as texts"),
            ("{\"argument\": 0, \"low32\": [\"0x100000000\"]}", "has bits that are not looked at"),
            ("{\"argument\": 0, \"mask\": \"0xf\", \"in\": [\"0x10\"]}", "has bits that are not looked at"),
            ("{\"argument\": 0, \"low32\": []}", "takes 1 to 64 values"),
            ("{\"argument\": 0, \"bits\": \"0x1\"}", "unknown key \"bits\""),
            ("{\"argument\": 0, \"anyBit\": \"0x0\"}", "anyBit looks at no bit"),
            ("{\"argument\": 0, \"mask\": \"0x0\", \"in\": [\"0x0\"]}", "mask looks at no bit"),
            ("{\"argument\": 0, \"low32\": [\"0x1\", \"0x01\"]}", "low32 has a value twice"),
            (
                "{\"argument\": 0, \"low32\": \"mixed\"}, {\"argument\": 0, \"anyBit\": \"0x1\"}",
                "two conditions in one rule"
            ),
        ]
    )
    func badConditions(text: String, expected: String) {
        let found = rule("{\"calls\": [\"ioctl\"], \"when\": [\(text)], \"answer\": \"EPERM\"}")
        #expect(found.contains { $0.hasPrefix("p.json:2:") && $0.contains(expected) }, "\(found)")
    }

    @Test("A permission by what the whole register is not would be one by its high half: it is refused")
    func unboundedPermission() {
        let open =
            "{\"calls\": [\"ioctl\"], \"when\": [{\"argument\": 1, \"none\": [\"0x5412\"]}], \"answer\": \"allow\"}"
        #expect(rule(open, default: "EPERM").first?.contains("\"mask\": \"0xffffffff\"") == true)
        let bound = open.replacing("\"none\"", with: "\"mask\": \"0xffffffff\", \"none\"")
        #expect(rule(bound, default: "EPERM") == [])
    }

    @Test(
        "What is wrong at the top is refused",
        arguments: [
            ("", "1:1: a value is missing"),
            ("[]", "1:1: the policy must be a mapping of keys to values, not a list"),
            ("{}", "1:1: \"bailey\" is missing"),
            (
                "{\"bailey\": 2}",
                "1:12: bailey, the version of the format, must be a whole number from 1 to 1"
            ),
            (head + "\"deny\", \"groups\": []}", "1:52: default: unknown word \"deny\""),
            (
                head + "\"allow\", \"groups\": [], \"unknown\": \"allow\"}",
                "1:86: unknown: unknown word \"allow\""
            ),
            (
                head + "\"allow\", \"groups\": [], \"foreign\": \"allow\"}",
                "1:86: foreign: unknown word \"allow\""
            ),
            (
                "{\"bailey\": 1, \"architecture\": \"aarch64\", \"default\": \"allow\", \"groups\": []}",
                "1:31: architecture: unknown word \"aarch64\""
            ),
            (
                head + "\"allow\", \"groups\": [{\"name\": \"g\", \"rules\": []}]}",
                "1:72: \"reason\" is missing"
            ),
        ]
    )
    func badTop(text: String, expected: String) {
        let found = problems(text)
        #expect(found.contains { $0.hasPrefix("p.json:" + expected) }, "\(found)")
    }

    @Test(
        "What is no JSON is refused with its place",
        arguments: [
            ("{\"a\": 1,}", "1:9: a key in double quotes is missing"),
            ("{\"a\": 1, \"a\": 2}", "1:10: duplicate key \"a\""),
            ("{\"a\" 1}", "1:6: \":\" is missing after the key \"a\""),
            ("{\"a\": 1", "1:8: \",\" or \"}\" is missing"),
            ("[1 2]", "1:4: \",\" or \"]\" is missing"),
            ("[1]]", "1:4: text after the end of the value"),
            ("# x\n{}", "1:3: text after the end of the value"),
            ("{\"a\": \"b\n\"}", "1:9: a text is not closed on its line"),
            ("{\"a\": \"b", "1:9: a text is not closed"),
            ("[\"\\u0041\"]", "1:4: the escape is not allowed"),
            ("[,]", "1:2: a value is missing"),
            (String(repeating: "[", count: 18), "1:18: nested deeper than 16 levels"),
        ]
    )
    func notJSON(text: String, expected: String) {
        #expect(problems(text).first?.hasPrefix("p.json:" + expected) == true, "\(problems(text))")
    }

    @Test("No prefix of a policy is a policy, and none makes trouble")
    func prefixes() throws {
        let text = Self.head + "\"allow\", \"groups\": []}"
        for length in 0..<text.utf8.count {
            #expect(!problems(String(decoding: text.utf8.prefix(length), as: UTF8.self)).isEmpty)
        }
        #expect(problems(text) == [])
    }

    @Test("A policy changed at random is read or refused with a position, and never traps", arguments: 1...4)
    func mutations(seed: UInt64) throws {
        let folder = try #require(ProfileSearch.shipped)
        let original = Array(try TextFile.read("\(folder)/seccomp/x86_64.json").utf8)
        var state = seed
        func below(_ bound: Int) -> Int {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return Int(state >> 33) % bound
        }
        for _ in 0..<300 {
            var bytes = original
            for _ in 0...below(4) {
                let at = below(bytes.count)
                switch below(3) {
                case 0: bytes[at] = UInt8(32 + below(95))
                case 1: bytes.removeSubrange(at..<min(bytes.count, at + below(40)))
                default:
                    bytes.insert(
                        contentsOf: original[at % original.count..<original.count].prefix(below(40)),
                        at: at
                    )
                }
            }
            let found = problems(String(decoding: bytes, as: UTF8.self))
            #expect(found.allSatisfy { $0.hasPrefix("p.json:") })
        }
    }

    @Test("syscalls takes the built-in names and files, which say where they are wrong")
    func names() throws {
        let folder = try Folder([
            "seccomp/web.json": Self.head + "\"allow\", \"groups\": []}",
            "seccomp/bad.json": Self.head + "\"allow\"}",
            "seccomp/strict.json": Self.head + "\"allow\", \"groups\": []}",
        ])
        func load(_ word: String) throws -> SystemCallPolicy? {
            try folder.loader.load(text: "bailey: 1\nsyscalls: \(word)\n", named: "t.yaml").systemCalls
        }
        #expect(try load("default")?.groups == [])
        #expect(try load("strict") == SystemCallPolicies.strict())
        #expect(try load("web")?.name == "web")
        func problem(_ word: String) -> String {
            do {
                _ = try load(word)
                return ""
            } catch {
                return "\(error)"
            }
        }
        #expect(problem("bad") == "\(folder.path)/seccomp/bad.json:1:1: \"groups\" is missing")
        #expect(problem("wbe").hasPrefix("t.yaml:2:11: syscalls: there is no policy \"wbe\""))
        #expect(problem("wbe").hasSuffix("did you mean \"web\"?"))
        #expect(problem("srtict").hasSuffix("did you mean \"strict\"?"))
        #expect(problem("../seccomp/web").contains("there is no policy"))
        #expect(problem("[strict]").contains("syscalls must be a text"))
    }

    @Test(
        "A policy's file that changed counts from the next launch on, whatever is remembered of the profile"
    )
    func changed() throws {
        func policy(_ rules: String) -> String {
            Self.head
                + "\"allow\", \"groups\": [{\"name\": \"g\", \"reason\": \"R.\", \"rules\": [\(rules)]}]}"
        }
        let tighter = policy("{\"calls\": [\"tee\"], \"answer\": \"EPERM\"}")
        let folder = try Folder(["seccomp/web.json": policy("")])
        let loader = ProfileLoader(
            search: folder.loader.search,
            variables: folder.loader.variables,
            memory: ProfileMemory()
        )
        func load() throws -> Int? {
            try loader.load(text: "bailey: 1\nsyscalls: web\n", named: "t.yaml").systemCalls?.rules.count
        }
        #expect(try load() == 0)
        try folder.write(tighter, to: "seccomp/web.json")
        #expect(try load() == 1)
    }

    @Test("syscalls is merged like a scalar, shown with its place, and part of the profile's digest")
    func merged() throws {
        let folder = try Folder([
            "low.yaml": "bailey: 1\nsyscalls: strict\n",
            "high.yaml": "bailey: 1\nextends: [low]\nsyscalls: default\n",
            "heir.yaml": "bailey: 1\nextends: [low]\n", "free.yaml": "bailey: 1\n",
        ])
        func policy(_ name: String) throws -> String? { try folder.loader.load(name: name).systemCalls?.name }
        #expect(try policy("low") == "strict" && policy("high") == "default" && policy("heir") == "strict")
        #expect(try policy("free") == nil)
        let shown = ProfileReview(loader: folder.loader).show("heir", asJSON: false).output
        #expect(shown.contains("syscalls: strict") && shown.contains("# low.yaml:2"))
        let texts = ["", "syscalls: strict\n", "syscalls: default\n"]
        let digests = try texts.map { try load("bailey: 1\nname: x\n" + $0).digest }
        #expect(Set(digests).count == 3)
    }

    @Test("words syscalls prints every group of both built-in policies with its reason")
    func words() throws {
        let outcome = ProfileReview.words(of: "syscalls")
        #expect(outcome.exitCode == ReviewOutcome.success)
        for group in try SystemCallPolicies.standard().groups + SystemCallPolicies.strict().groups {
            let words = outcome.output.split { $0 == " " || $0 == "\n" }.joined(separator: " ")
            #expect(words.contains(" \(group.name): \(group.reason) "))
        }
        #expect(outcome.output.split(separator: "\n").allSatisfy { $0.count <= 100 })
    }

    @Test("check takes a policy's file as well")
    func check() throws {
        let folder = try Folder(["good.json": Self.head + "\"allow\", \"groups\": []}", "bad.json": "{"])
        let review = ProfileReview(loader: folder.loader)
        let good = review.check(["\(folder.path)/good.json"], isStrict: true, asJSON: false)
        #expect(good.exitCode == ReviewOutcome.success && good.output.contains("system call policy \"good\""))
        let bad = review.check(["\(folder.path)/bad.json"], isStrict: true, asJSON: false)
        #expect(bad.exitCode == ReviewOutcome.badInput && bad.complaints.contains("bad.json:1:2:"))
        let compiling = ProfileReview(loader: folder.loader) { "no filter of \($0.name)" }
        let long = compiling.check(["\(folder.path)/good.json"], isStrict: false, asJSON: false)
        #expect(long.exitCode == ReviewOutcome.badInput && long.complaints.contains("no filter of good"))
    }
}
