import Model
import Policy
import Profiles
import TestSupport
import Testing

/// Rules on the query, on the body and on calls of gRPC, from their text to the decision.
struct ConditionTests {
    private static func pattern(_ text: String, _ effect: Effect) throws -> ActionPattern {
        try ActionText.action(text, scheme: .https, effect: effect, source: "t.yaml:2")
    }

    static func profile(
        _ name: String = "p",
        allow: [String] = [],
        ask: [String] = [],
        deny: [String] = []
    ) throws -> Profile {
        let to = HostPattern(scheme: .https, hosts: .name(try #require(DNSName("a.test"))), port: 443)
        let rule = EgressRule(
            to: to,
            allow: try allow.map { try pattern($0, .allow) },
            ask: try ask.map { try pattern($0, .ask) },
            deny: try deny.map { try pattern($0, .deny) },
            source: "t.yaml:1"
        )
        return Profile(name: name, egress: [rule])
    }

    private static func policy(_ profiles: [Profile]) throws -> LineagePolicy {
        let hops = profiles.enumerated().map {
            Hop(
                agent: AgentID(run: "0a0b0c0d", ordinal: $0 + 1),
                name: $1.name,
                profile: $1.name,
                profileDigest: ""
            )
        }
        let root = Lineage(
            principal: Principal(localUser: "alice", uid: 1000),
            root: try #require(hops.first)
        )
        let lineage = hops.dropFirst().reduce(root) { $0.child($1) }
        return try #require(LineagePolicy(lineage: lineage, levels: profiles.map { CompiledPolicy($0) }))
    }

    /// `allow`, `ask`, `deny` or `read`, and up to how many octets.
    static func decide(_ profiles: [Profile], _ request: Request) throws -> String {
        switch try policy(profiles).decide(request) {
        case .allow(let permit): permit.obligations.maximumBody.map { "allow up to \($0)" } ?? "allow"
        case .ask: "ask"
        case .deny(let refusal): refusal.verdict.rawValue
        case .read: "read"
        }
    }

    static func request(
        _ target: String,
        method: String = "GET",
        length: UInt64? = 0,
        json: String? = nil,
        isCall: Bool = false,
        pointers: [String] = ["/model", "/stream"]
    ) throws -> Request {
        let (path, query) = URLQuery.cut(target)
        var request = Request(
            endpoint: Endpoint(scheme: .https, host: .name(try #require(DNSName("a.test"))), port: 443),
            action: .http(method: method, path: String(path), query: query.map(String.init))
        )
        request.body.length = json.map { UInt64($0.utf8.count) } ?? length
        if isCall { request.kind = .call }
        if let json {
            var walker = JSONWalker(pointers.compactMap { JSONPointer($0) })
            walker.read(Array(json.utf8).span.bytes)
            request.body.json = walker.finish()
        }
        return request
    }

    @Test(arguments: [
        ("/s?q=cats", "allow"), ("/s?q=", "allow"), ("/s?q=a%20b%26c", "allow"), ("/s", "deny"),
        ("/s?", "deny"),
        ("/s?q=a&page=1", "deny"), ("/s?page=1", "deny"), ("/s?q=a&q=b", "deny"), ("/s?q=a;x=1", "deny"),
        ("/s?Q=a", "deny"),
        ("/s?q%3D=a", "deny"), ("/s?q[]=a", "deny"), ("/s?%71=a", "allow"), ("/t?q=a", "deny"),
    ])
    func `an allowed query has the named parameters, each once, and no others`(
        target: String,
        verdict: String
    ) throws {
        let profile = try Self.profile(allow: ["GET /s?q=*"])
        #expect(try Self.decide([profile], Self.request(target)) == verdict)
    }

    @Test(arguments: [
        ("/s?a=read", "allow"), ("/s?a=read&x=1", "allow"), ("/s?x=1&a=read-only", "allow"),
        ("/s?a=write", "deny"),
        ("/s?a=read&a=write", "deny"), ("/s?x=1", "deny"), ("/s?a=re%61d", "allow"), ("/s?a=read+x", "allow"),
    ])
    func `with ** other parameters may be there`(target: String, verdict: String) throws {
        let profile = try Self.profile(allow: ["GET /s?a=read*&**"])
        #expect(try Self.decide([profile], Self.request(target)) == verdict)
    }

    @Test(arguments: [
        ("/s?a=b+c", "b c", "deny"), ("/s?a=b+c", "b*c", "allow"), ("/s?a=b%20c", "b%20c", "allow"),
        ("/s?a=b%2Bc", "b%2Bc", "allow"),
    ])
    func `a plus in a value must match as a space and as itself`(
        target: String,
        value: String,
        verdict: String
    ) throws {
        guard !value.contains(" ") else { return }
        let profile = try Self.profile(allow: ["GET /s?a=\(value)"])
        #expect(try Self.decide([profile], Self.request(target)) == verdict)
    }

    @Test func `without a question mark any query is allowed, with one alone none`() throws {
        #expect(try Self.decide([Self.profile(allow: ["GET /s"])], Self.request("/s?x=1")) == "allow")
        #expect(try Self.decide([Self.profile(allow: ["GET /s?"])], Self.request("/s?x=1")) == "deny")
        #expect(try Self.decide([Self.profile(allow: ["GET /s?"])], Self.request("/s")) == "allow")
    }

    @Test(arguments: [
        "/s?a=delete", "/s?x=1&a=delete", "/s?a=read&a=delete", "/s?A=delete", "/s?a[]=delete",
        "/s?a=d%65lete", "/s?a=d%2565lete",
        "/s?x=1;a=delete", "/s?%61=delete", "/s?%2561=delete", "/s?a%5B%5D=delete", "/s?a=delete%26x",
    ])
    func `C15: a denied parameter is denied however some server may read it`(target: String) throws {
        let profile = try Self.profile(allow: ["GET /s"], deny: ["GET /s?a=delete*"])
        #expect(try Self.decide([profile], Self.request(target)) == "deny")
        #expect(try Self.decide([profile], Self.request("/s?a=read&b=delete")) == "allow")
    }

    @Test(arguments: [
        (UInt64?(0), "allow"), (1_024, "allow"), (1_025, "deny"), (nil, "allow up to 1024"),
    ])
    func `a body is allowed up to a size`(length: UInt64?, verdict: String) throws {
        let profile = try Self.profile(allow: ["POST /u body <= 1KiB"])
        #expect(try Self.decide([profile], Self.request("/u", method: "POST", length: length)) == verdict)
    }

    @Test
    func `the largest allowance of a level counts, what is denied beyond it, and the smallest of all levels`()
        throws
    {
        let request = try Self.request("/u", method: "POST", length: nil)
        let two = try Self.profile(allow: ["POST /u body <= 1KiB", "* /** body <= 2KiB"])
        #expect(try Self.decide([two], request) == "allow up to 2048")
        let any = try Self.profile(allow: ["POST /u body <= 1KiB", "* /**"])
        #expect(try Self.decide([any], request) == "allow")
        let denied = try Self.profile(allow: ["* /**"], deny: ["POST /u body > 3KiB"])
        #expect(try Self.decide([denied], request) == "allow up to 3072")
        #expect(try Self.decide([denied], Self.request("/u", method: "POST", length: 3_073)) == "deny")
        #expect(try Self.decide([denied], Self.request("/u", method: "POST", length: 3_072)) == "allow")
        let asked = try Self.profile(allow: ["* /**"], ask: ["POST /u body > 1B"])
        #expect(try Self.decide([asked], Self.request("/u", method: "POST", length: 2)) == "ask")
        #expect(try Self.decide([denied, two, any], request) == "allow up to 2048")
    }

    private static let chat = "POST /chat body /model = \"gpt-*\""

    @Test(arguments: [
        (#"{"model":"gpt-4"}"#, "allow"), (#"{"model":"o1"}"#, "deny"),
        (#"{"model":"o1","model":"gpt-4"}"#, "deny"),
        (#"{"model":"gpt-4","Model":"o1"}"#, "deny"), (#"{"Model":"gpt-4"}"#, "deny"),
        (#"{"model":["gpt-4"]}"#, "deny"),
        (#"{"model":4}"#, "deny"), ("{}", "deny"), ("", "deny"), ("not json", "deny"),
        (#"{"model":"gpt-4"} "#, "allow"),
        (#"{"model":"\u0067pt-4"}"#, "allow"), (#"{"model":"gpt-4"}x"#, "deny"),
    ])
    func `C36: an allowed member is one that everybody reads alike`(body: String, verdict: String) throws {
        let request = try Self.request("/chat", method: "POST", json: body)
        #expect(try Self.decide([Self.profile(allow: [Self.chat])], request) == verdict)
    }

    @Test(arguments: [
        (#"{"model":"gpt-4"}"#, "deny"), (#"{"model":"o1"}"#, "allow"),
        (#"{"model":"o1","model":"gpt-4"}"#, "deny"),
        (#"{"Model":"gpt-4"}"#, "deny"), (#"{"Model":"o1"}"#, "deny"), (#"{"model":["gpt-4"]}"#, "deny"),
        (#"{"model":4}"#, "deny"),
        ("{}", "allow"), ("", "allow"), ("not json", "deny"),
    ])
    func `C36: a denied member is denied where anybody might read it so`(body: String, verdict: String) throws
    {
        let profile = try Self.profile(allow: ["POST /chat"], deny: [Self.chat])
        #expect(try Self.decide([profile], Self.request("/chat", method: "POST", json: body)) == verdict)
    }

    @Test func `a literal is compared as one`() throws {
        let profile = try Self.profile(allow: ["POST /chat body /stream = false and body /model = \"m\""])
        for (body, verdict) in [
            (#"{"stream":false,"model":"m"}"#, "allow"), (#"{"stream":"false","model":"m"}"#, "deny"),
            (#"{"stream":true,"model":"m"}"#, "deny"), (#"{"stream":0,"model":"m"}"#, "deny"),
            (#"{"model":"m"}"#, "deny"),
        ] {
            #expect(
                try Self.decide([profile], Self.request("/chat", method: "POST", json: body)) == verdict,
                "\(body)"
            )
        }
    }

    @Test func `a body is read only where it decides`() throws {
        let unread = try Self.request("/chat", method: "POST", length: 99)
        let plain = try Self.profile(allow: [Self.chat])
        #expect(try Self.decide([plain], unread) == "read")
        #expect(try Self.decide([plain], Self.request("/chat", method: "POST", length: nil)) == "read")
        #expect(
            try Self.decide([plain], Self.request("/other", method: "POST", length: 99)) == "deny",
            "another path"
        )
        #expect(
            try Self.decide([plain], Self.request("/chat", method: "GET", length: 99)) == "deny",
            "another method"
        )
        let denied = try Self.profile(allow: [Self.chat], deny: ["* /chat"])
        #expect(try Self.decide([denied], unread) == "deny", "whatever it says")
        let above = try Self.profile("above", allow: ["GET /**"])
        #expect(try Self.decide([above, plain], unread) == "deny", "an ancestor denies it whatever it says")
        let other = try Self.profile(allow: ["POST /chat"], deny: [Self.chat])
        #expect(try Self.decide([other], unread) == "read")
        #expect(try Self.decide([plain, other], unread) == "read")
    }

    @Test func `D09: grpc allows calls of a method, and denies its path`() throws {
        let allowing = try Self.profile(allow: ["grpc acme.Orders/Get*"])
        for (path, method, isCall, verdict) in [
            ("/acme.Orders/GetOne", "POST", true, "allow"), ("/acme.Orders/GetOne", "POST", false, "deny"),
            ("/acme.Orders/GetOne", "GET", true, "deny"), ("/acme.Orders/Delete", "POST", true, "deny"),
            ("/acme.Orders/Get/x", "POST", true, "deny"),
        ] {
            #expect(
                try Self.decide([allowing], Self.request(path, method: method, isCall: isCall)) == verdict,
                "\(path)"
            )
        }
        let denying = try Self.profile(allow: ["* /**"], deny: ["grpc acme.*/Delete"])
        for isCall in [true, false] {
            let request = try Self.request("/acme.Orders/Delete", method: "POST", isCall: isCall)
            #expect(try Self.decide([denying], request) == "deny")
        }
    }

    @Test(arguments: [
        ("GET /s?q", "NAME=VALUE"), ("GET /s?q=a&q=b", "twice"), ("GET /s?q=a+b", "write %20"),
        ("GET /s?*=a", "has a star"),
        ("GET /s?q=a&", "NAME=VALUE"), ("GET /s?q=%00", "control character"),
        ("GET?q=a", "behind METHOD /path"),
        ("GET body <= 1MiB", "behind METHOD /path"), ("POST /u body", "with one space"),
        ("POST /u body < 1MiB", "not a condition"),
        ("POST /u body <= 1MB", "MiB"), ("POST /u body <= 1KiB and body <= 2KiB", "there twice"),
        ("POST /u body <= 1KiB or body /a = true", "joins conditions"),
        ("POST /u body /a == \"b\"", "not body /POINTER"), ("POST /u body /a == \"b\"", "body /a = \"b\""),
        ("POST /u body a = \"b\"", "body /a = \"b\""), ("GET /s ?q=*", "GET /s?q=*"),
        ("POST /u body /a = b", "neither a string in quotes"), ("POST /u body /a = 1", "numbers"),
        ("POST /u body /a = \"b", "a quote is missing"), ("POST /u body /a = \"\\n\"", "is no escape"),
        ("POST /u body /a~ = \"b\"", "not a JSON pointer"),
        ("POST /u body /a = \"b\" and body /a = \"c\"", "there twice"),
        ("grpc", "grpc pkg.Service/Method"), ("grpc a", "grpc pkg.Service/Method"),
        ("grpc a/b/c", "grpc pkg.Service/Method"),
        ("grpc a/", "grpc pkg.Service/Method"), ("grpc a b/c", "grpc pkg.Service/Method"),
    ])
    func `what is no condition is refused with the form that is`(text: String, says: String) {
        let problem = #expect(throws: TextProblem.self) {
            try ActionText.action(text, scheme: .https, effect: .allow, source: "t.yaml:2")
        }
        #expect(
            problem.map { $0.message.contains(says) || $0.suggestion?.contains(says) == true } == true,
            "\(problem?.message ?? "")"
        )
    }

    @Test func `sizes are named from the side that the effect is on`() {
        for (text, effect) in [
            ("POST /u body > 1MiB", Effect.allow), ("POST /u body <= 1MiB", .deny),
            ("POST /u body <= 1MiB", .ask),
        ] {
            #expect(throws: TextProblem.self) {
                try ActionText.action(text, scheme: .https, effect: effect, source: "t.yaml:2")
            }
        }
    }

    @Test(arguments: [
        ("GET /s?q=a*", "GET /s", true), ("GET /s", "GET /s?q=a*", false),
        ("GET /s?q=ab*", "GET /s?q=a*", true),
        ("GET /s?q=a*", "GET /s?q=ab*", false), ("GET /s?q=a*", "GET /s?q=a*&**", true),
        ("GET /s?q=a*&**", "GET /s?q=a*", false),
        ("GET /s?q=a*&p=1", "GET /s?q=a*", false), ("GET /s?q=a*&p=1", "GET /s?q=a*&**", true),
        ("GET /s?", "GET /s?**", true),
        ("GET /s?q=a//b", "GET /s?q=x", false), ("GET /s?q=a/*", "GET /s?q=a*", true),
        ("GET /s?q=a*", "GET /s?q=a/*", false),
        ("POST /u body <= 1KiB", "POST /u", true), ("POST /u body <= 1KiB", "POST /u body <= 2KiB", true),
        ("POST /u body <= 2KiB", "POST /u body <= 1KiB", false), ("POST /u", "POST /u body <= 1KiB", false),
        ("POST /c body /m = \"gpt-4\"", "POST /c body /m = \"gpt-*\"", true),
        ("POST /c body /m = \"*\"", "POST /c body /m = \"gpt-*\"", false),
        ("POST /c body /m = \"gpt-4\"", "POST /c body /n = \"gpt-4\"", false),
        ("POST /c body /m = true", "POST /c body /m = true", true),
        ("POST /c body /m = true", "POST /c body /m = \"true\"", false),
        ("POST /c body /m = true and body /n = null", "POST /c body /n = null", true),
        ("grpc a.B/C", "POST /a.B/C", true),
        ("grpc a.B/C", "grpc a.*/C", true), ("grpc a.*/C", "grpc a.B/C", false),
        ("POST /a.B/C", "grpc a.B/C", false),
        ("grpc a.B/C", "GET /**", false), ("grpc a.B/*", "* /**", true),
    ])
    func `G02: a child's conditions are no wider than its parent's`(
        child: String,
        parent: String,
        isWithin: Bool
    ) throws {
        let found = excess(
            of: try Self.profile("c", allow: [child]),
            over: try Self.profile("p", allow: [parent])
        )
        #expect(found.isEmpty == isWithin, "\(found)")
    }
}

/// What a child may, its parent may.
struct ConditionPropertyTests {
    private static func action(_ random: inout SplitMix) -> String {
        let values = ["a", "ab", "a*", "*", "*b", "a/b", "*/*"]
        switch random.pick([0, 1, 2, 3, 4]) {
        case 0:
            let names = random.pick([["q"], ["q", "p"], [], ["p"]])
            let parts =
                names.map { "\($0)=\(random.pick(values))" } + (random.pick([true, false]) ? ["**"] : [])
            return "GET /s?" + parts.joined(separator: "&")
        case 1: return "POST /s body <= \(random.pick([1, 2, 3]))B"
        case 2:
            let size = random.pick(["", " and body <= 40B"])
            return "POST /s body /m = \(random.pick(values.map { "\"\($0)\"" } + ["true", "null"]))\(size)"
        case 3: return random.pick(["grpc s.A/B", "grpc s.*/B", "grpc *.A/*", "POST /s.A/B"])
        default: return random.pick(["GET /s", "POST /s", "* /**", "POST /*"])
        }
    }

    private static func request(_ random: inout SplitMix) throws -> Request {
        switch random.pick([0, 1, 2, 3]) {
        case 0:
            let values = ["a", "ab", "b", "a/b", "x//y", "a%2Fb", "a+b", "%61"]
            let query = (0..<random.pick([0, 1, 2, 3])).map { _ in
                "\(random.pick(["q", "p", "z"]))=\(random.pick(values))"
            }
            return try ConditionTests.request("/s?" + query.joined(separator: "&"))
        case 1: return try ConditionTests.request("/s", method: "POST", length: random.pick([0, 1, 2, 3, 4]))
        case 2:
            let value = random.pick([#""a""#, #""ab""#, #""a/b""#, #""//""#, "true", "null", "1", #"["a"]"#])
            let json = random.pick([
                "{\"m\":\(value)}", "{\"m\":\(value),\"M\":1}", "{\"m\":\(value),\"m\":\"a\"}", "{}", "x",
            ])
            return try ConditionTests.request("/s", method: "POST", json: json, pointers: ["/m"])
        default:
            return try ConditionTests.request(
                "/s.\(random.pick(["A", "Z"]))/\(random.pick(["B", "C"]))",
                method: "POST",
                isCall: random.pick([true, false])
            )
        }
    }

    @Test(arguments: 0..<6 as Range<UInt64>)
    func `G02: where a child's conditions are no wider, whatever it may its parent may`(seed: UInt64) throws {
        try Attenuation.compare(seed, children: [1, 1, 2], Self.action, Self.request)
    }
}
