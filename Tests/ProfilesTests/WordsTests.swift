import Model
import Policy
import Profiles
import Testing

struct WordsTests {
    @Test(
        "Patterns are read into the form that is compared",
        arguments: [
            ("https://api.github.com", "https://api.github.com"),
            ("https://API.GitHub.com.", "https://api.github.com"),
            ("https://*.pypi.org:8443", "https://*.pypi.org:8443"),
            ("http://**.a.test:80", "http://**.a.test"),
            ("https://10.0.0.1", "https://10.0.0.1"), ("https://10.0.0.0/8", "https://10.0.0.0/8"),
            ("https://10.0.0.0/8:8443", "https://10.0.0.0/8:8443"),
            ("https://[2001:db8::1]", "https://[2001:db8::1]"),
            ("https://[2001:DB8:0::]/32:444", "https://[2001:db8::]/32:444"),
            ("tcp://db.internal:5432", "tcp://db.internal:5432"),
            ("tls://a.test", "tls://a.test"), ("https://[::ffff:10.0.0.1]", "https://10.0.0.1"),
            ("https://xn--llowed-4of.test", "https://xn--llowed-4of.test"),
        ]
    )
    func patterns(text: String, expected: String) throws {
        #expect(try HostPatternText.parse(text).description == expected)
    }

    @Test(
        "Everything else is no pattern, and says where and why",
        arguments: [
            ("api.github.com", 0, "has no scheme"), ("https:/a.test", 0, "has no scheme"),
            ("HTTPS://a.test", 0, "unknown protocol"),
            ("htps://a.test", 0, "unknown protocol \"htps\""), ("ftp://a.test", 0, "unknown protocol"),
            ("ssh://a.test", 0, "not built yet"), ("kubernetes://a.test", 0, "not built yet"),
            ("https://", 8, "host is missing"),
            ("https://*", 8, "every host does not exist"), ("https://**", 8, "every host does not exist"),
            ("https://user@a.test", 12, "user information"),
            ("https://user:pw@a.test", 15, "user information"),
            ("https://a.test/", 14, "a path is not part"), ("https://a.test/x", 14, "a path is not part"),
            ("https://a.test?x", 14, "query or fragment"), ("https://a.test#x", 14, "query or fragment"),
            ("https://a..test", 8, "empty label"), ("https://.a.test", 8, "empty label"),
            ("https://a.*.test", 10, "whole labels in front"),
            ("https://a*.test", 9, "whole labels in front"),
            ("https://*.*.test", 10, "whole labels in front"),
            ("https://*.", 10, "empty label"), ("https://\u{430}llowed.test", 8, "not ASCII"),
            ("https://b\u{FC}cher.test", 9, "not ASCII"),
            ("https://2852039166", 8, "looks like an address"),
            ("https://0xa9fea9fe", 8, "looks like an address"),
            ("https://127.1", 8, "looks like an address"), ("https://010.0.0.1", 8, "looks like an address"),
            ("https://a.test:", 15, "not a port"), ("https://a.test:0", 15, "not a port"),
            ("https://a.test:65536", 15, "not a port"),
            ("https://a.test:080", 15, "not a port"), ("https://a.test:x", 15, "not a port"),
            ("tcp://a.test", 0, "no default port"),
            ("https://10.0.0.1/8", 8, "bits beyond its prefix"),
            ("https://10.0.0.0/33", 17, "not a prefix length"),
            ("https://[::1", 8, "not closed"), ("https://::1", 8, "in brackets"),
            ("https://[a.test]", 8, "not an IPv6 address"),
            ("https://[10.0.0.1]", 8, "not an IPv6 address"),
            ("https://[fe80::1%25eth0]", 8, "not an IPv6 address"),
            ("https://a test", 8, "not a host name"), ("https://*.10.0.0.1", 10, "looks like an address"),
            ("https://a.test\u{0}.b.test", 8, "not a host name"),
        ]
    )
    func refused(text: String, offset: Int, message: String) throws {
        let problem = try #require(throws: TextProblem.self) { try HostPatternText.parse(text) }
        #expect(problem.message.contains(message), "\(problem)")
        #expect(problem.offset == offset, "\(problem)")
    }

    @Test("What may have been meant is named")
    func suggestions() {
        func suggestion(_ text: String) -> String? {
            do {
                _ = try HostPatternText.parse(text)
                return nil
            } catch { return error.suggestion }
        }
        #expect(suggestion("htps://a.test") == "https")
        #expect(suggestion("api.github.com") == "https://api.github.com")
        #expect(suggestion("https://10.0.0.1/8") == "10.0.0.0/8")
        #expect(suggestion("https://a.test/") == "https://a.test")
        #expect(suggestion("https://::1") == "[::1]")
    }

    @Test(
        "Action words that are none are refused with what was meant",
        arguments: [
            ("get", "upper case", "GET"), ("Get /x", "upper case", "GET"), ("GTE", "unknown method", "GET"),
            ("DELTE /x", "unknown method", "DELETE"), ("/x", "method is missing", "GET /x"),
            ("GET x", "begin with /", "/x"),
            ("GET /a/../b", "normal form", "/b"), ("GET  /x", "one space", nil),
            ("GET /x y", "one space", nil), ("", "not an action", nil),
            ("G\u{C9}T", "token", nil), ("GET /a**", "whole segment", nil), ("GET /x?y", "queries", nil),
            ("connect", "unknown method", nil),
            ("CONNECT", "unknown method", nil),
        ]
    )
    func actions(text: String, message: String, suggestion: String?) throws {
        let problem = try #require(throws: TextProblem.self) { try ActionText.parse(text, scheme: .https) }
        #expect(problem.message.contains(message), "\(problem)")
        #expect(
            problem.suggestion == suggestion || (suggestion == nil && message == "unknown method"),
            "\(problem)"
        )
    }

    @Test("websocket is a word of http and https, with a path or without, in lower case")
    func webSocket() throws {
        for scheme in [Scheme.http, .https] {
            #expect(try ActionText.parse("websocket", scheme: scheme) == .webSocket(path: .everything))
            let path = try #require(PathGlob("/live/**"))
            #expect(try ActionText.parse("websocket /live/**", scheme: scheme) == .webSocket(path: path))
        }
        for text in ["WebSocket /x", "websockt /x"] {
            let problem = try #require(throws: TextProblem.self) {
                try ActionText.parse(text, scheme: .https)
            }
            #expect(problem.suggestion == "websocket")
        }
        #expect(throws: TextProblem.self) { try ActionText.parse("websocket", scheme: .tls) }
        #expect(throws: TextProblem.self) { try ActionText.parse("websocket live", scheme: .https) }
        let asked = try RequestText.parse("websocket https://a.test/live/../x?q")
        #expect(asked.action == .webSocket(path: "/x", query: "q"))
    }

    @Test("tls and tcp know one word")
    func connect() throws {
        #expect(try ActionText.parse("connect", scheme: .tls) == .connect)
        let problem = try #require(throws: TextProblem.self) { try ActionText.parse("conect", scheme: .tcp) }
        #expect(problem.suggestion == "connect")
        #expect(throws: TextProblem.self) { try ActionText.parse("GET", scheme: .tls) }
    }

    @Test(
        "The nearest word is one that a slip of the hand explains",
        arguments: [
            ("egres", "egress"), ("fiels", "files"), ("EGRESS", "egress"), ("chidlren", "children"),
            ("xyzzy", nil), ("", nil),
        ]
    )
    func nearest(word: String, expected: String?) {
        #expect(NearestWord.nearest(to: word, in: ["egress", "files", "env", "children"]) == expected)
    }

    @Test(
        "A word that is another's beginning means that one, unless a third is one slip away",
        arguments: [
            ("github", "github-actions"), ("gitlb", "gitlab"), ("gitla", "gitlab"), ("build", "buildkite"),
        ]
    )
    func beginning(word: String, expected: String) {
        let words = ["file", "github-actions", "gitlab", "buildkite"]
        #expect(NearestWord.nearest(to: word, in: words) == expected)
    }
}
