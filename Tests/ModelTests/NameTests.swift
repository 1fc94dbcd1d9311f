import Model
import Testing

struct NameTests {
    @Test(
        "C19: a name has one form: lower-case A-labels without a trailing dot",
        arguments: [
            ("Allowed.TEST.", "allowed.test"), ("_dmarc.a.test", "_dmarc.a.test"),
            ("xn--e1afmkfd.test", "xn--e1afmkfd.test"), ("localhost", "localhost"),
        ]
    )
    func normalised(text: String, expected: String) {
        #expect(DNSName(text)?.text == expected)
    }

    @Test(
        "C17, C19: what is no name stays none",
        arguments: [
            "", ".", "..", "a..b", ".a", "a.b..", "\u{430}llowed.test", "a b", "a\u{0}.b", "a/b", "a:1",
            "a@b", "*.a", "1.2.3.4", "127.1",
            "2852039166", "a.1", "0x7f000001", "a.0x1", "a%2e.b", String(repeating: "a", count: 64) + ".test",
            String(repeating: "abcdefg.", count: 32) + "test",
        ]
    )
    func noName(text: String) {
        #expect(DNSName(text) == nil)
    }

    @Test("The longest name and label are names")
    func longest() {
        let label = String(repeating: "a", count: 63)
        #expect(DNSName("\(label).test") != nil)
        let name = [label, label, label, String(repeating: "b", count: 61)].joined(separator: ".")
        #expect(name.utf8.count == DNSName.maximumLength && DNSName(name) != nil)
        #expect(DNSName(name + "c") == nil)
    }

    @Test("A name lies below another only at a label's border")
    func below() throws {
        let suffix = try #require(DNSName("a.test"))
        #expect(DNSName("x.a.test")?.prefixLength(above: suffix) == 1)
        #expect(DNSName("y.x.a.test")?.prefixLength(above: suffix) == 3)
        for text in ["a.test", "na.test", "test", "b.test", "a.test.b"] {
            #expect(DNSName(text)?.prefixLength(above: suffix) == nil)
        }
    }

    @Test(
        "C15: a path has one form (RFC 3986 section 6.2.2)",
        arguments: [
            ("/", "/"), ("/a/b", "/a/b"), ("/a/./b", "/a/b"), ("/a/../b", "/b"), ("/../a", "/a"),
            ("/a/..", "/"), ("/a/b/..", "/a/"),
            ("/a/.", "/a/"), ("/%7Euser", "/~user"), ("/%2e%2e/a", "/a"), ("/a%2fb", "/a%2Fb"),
            ("//a", "/a"), ("/a//", "/a/"), ("//", "/"), ("/a//../b", "/b"),
            ("/%C3%A9", "/%C3%A9"), ("/a;x=1", "/a;x=1"), ("/...", "/..."), ("/a/b/../../..", "/"),
            ("/%41", "/A"),
        ]
    )
    func paths(text: String, expected: String) {
        #expect(URLPath.normalise(text) == expected)
        #expect(URLPath.normalise(expected) == expected, "normal form is stable")
        #expect(URLPath.isNormal(Array(text.utf8)) == (text == expected))
    }

    @Test(
        "A text with a byte that no path has is no path",
        arguments: [
            "", "a", "\\a", "/a b", "/a\u{0}", "/\u{E9}", "/a%", "/a%2", "/a%zz", "/a?b", "/a#b", "/a\\b",
            "/\"", "*",
        ]
    )
    func noPath(text: String) {
        #expect(URLPath.normalise(text) == nil)
    }

    @Test("An agent's id reads back only in its own shape")
    func agentIDs() {
        #expect(AgentID("0a0b0c0d.12")?.description == "0a0b0c0d.12")
        for text in ["", "x", "x.", ".1", "x.0", "x.-1", "x.1.2", "x.y"] {
            #expect(AgentID(text) == nil, "\(text)")
        }
    }
}
