import HTTPProtocol
import Model
import TestSupport
import Testing

struct PathTests {
    @Test(arguments: [
        ("/", "/"), ("/v1/x", "/v1/x"), ("/v1/../admin", "/admin"), ("/v1/%2e%2e/admin", "/admin"),
        ("/v1/%2E./admin", "/admin"), ("//admin", "/admin"), ("/v1//x///y", "/v1/x/y"), ("/v1/./x", "/v1/x"),
        ("/../../etc", "/etc"), ("/v1/..", "/"), ("/v1/x/..", "/v1/"), ("/v1/x/.", "/v1/x/"),
        ("/v1/", "/v1/"),
        ("/V1/x", "/V1/x"), ("/%7Euser", "/~user"), ("/%61%62c", "/abc"), ("/a%20b", "/a%20b"),
        ("/a%3fb", "/a%3Fb"), ("/@scope%2fname", "/@scope%2Fname"), ("/a%2Fb/../c", "/c"),
        ("/a%c3%a9", "/a%C3%A9"), ("/a;v=1/b", "/a;v=1/b"), ("/v1;x/../admin", "/admin"),
        ("/a%25b", "/a%25b"),
        ("/a\"<>^`{|}", "/a%22%3C%3E%5E%60%7B%7C%7D"), ("/a+b:c@d,e", "/a+b:c@d,e"), ("/...", "/..."),
        ("/..a", "/..a"),
    ])
    func `C15: the path that is decided on is the one that is sent`(raw: String, normalized: String) throws {
        let play = try Playbook()
        try play.client(lines("GET \(raw)?q=%2e%2e//../x HTTP/1.1", "Host: allowed.test"))
        let path = play.asked.first.flatMap { request -> String? in
            if case .http(_, let path, _) = request.action { path } else { nil }
        }
        #expect(path == normalized)
        #expect(play.toUpstream.hasPrefix("GET \(normalized)?q=%2e%2e//../x HTTP/1.1\r\n"))
    }

    @Test(arguments: [
        "/a%2f..%2fb", "/a%2F.", "/%2Fa", "/a%2F%2fb", "/v1/..%2fadmin", "/%C0%AE%C0%AE/admin", "/a%c1%9cb",
        "/a%5cb", "/a\\b", "/v1/..\\admin",
        "/v1/%252e%252e/admin",
        "/a%252fb",
        "/%2525", "/v1/%25%32%65./admin", "/%252%65", "/a%00", "/a%0a", "/a%0D", "/a%1f", "/a%7f", "/a%",
        "/a%2", "/a%zz", "/a%-1", "/..;/admin",
        "/v1/..;x/admin", "/.;/x", "/;/x", "/%2e%2e;/x", "/%u002e",
    ])
    func `C15: a path that servers read differently is refused`(raw: String) throws {
        let play = try Playbook()
        try play.client(lines("GET \(raw) HTTP/1.1", "Host: allowed.test"))
        #expect(play.statuses == [400])
        #expect(play.asked.isEmpty)
        #expect(play.isClosed)
    }

    @Test func `Normalising a normalised path changes nothing`() throws {
        var random = SplitMix(5)
        let pieces = ["/", "a", ".", "..", "%2e", "%41", ";", "%20", "//", "b=c", "%25", "{"]
        for _ in 0..<500 {
            let raw = "/" + (0..<8).map { _ in pieces.randomElement(using: &random) ?? "" }.joined()
            guard let once = try Self.sent(raw) else { continue }
            #expect(try Self.sent(once) == once, "\(raw)")
            #expect(!once.split(separator: "/").contains { $0 == "." || $0 == ".." }, "\(raw)")
        }
    }

    /// The path asked about; nil when the request is refused.
    private static func sent(_ raw: String) throws -> String? {
        let play = try Playbook()
        try play.client(lines("GET \(raw) HTTP/1.1", "Host: allowed.test"))
        guard case .http(_, let path, _) = play.asked.first?.action else { return nil }
        return path
    }
}
