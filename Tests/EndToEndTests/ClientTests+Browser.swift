import Foundation
import Testing

// A browser, whose roots are its own: the policy file that the agent's view holds adds the gateway's.
extension EndToEnd.ClientTests {
    /// It has no sandbox of its own: an agent makes no user namespace, which is what that begins with.
    private static let chromium =
        "timeout 80 chromium --headless --no-sandbox --disable-gpu --no-first-run --user-data-dir=/tmp/profile "
        + "--virtual-time-budget=10000 --dump-dom"

    @Test(
        "J16: Chromium reads, writes and shows the reason of a refusal, over HTTP/2, by capture and by a proxy",
        .enabled(if: Programs.has("chromium"), "needs chromium"),
        arguments: ["", "--proxy-server=http://127.0.0.1:3128"]
    )
    func chromium(option: String) throws {
        let way = option.isEmpty ? "plain" : "proxied"
        let outcome = try place.agent(
            """
            \(Self.chromium) \(option) \(origin)/v1/page/\(way) 2>errors
            \(Self.chromium) \(option) \(origin)/v2/browser-\(way) 2>>errors || cat errors
            """,
            profile: "web"
        )
        #expect(outcome.output.contains("POST allowed.test /v1/browser-\(way)"), "\(outcome)")
        #expect(outcome.output.contains("no rule of"), "\(outcome)")
        #expect(
            try servers.requests(with: "\"GET /v1/page/\(way) HTTP/2.0\" 200", and: "coding=\"gzip\"") == 1
        )
        #expect(try servers.requests(with: "\"POST /v1/browser-\(way) HTTP/2.0\" 200") == 1)
    }

    @Test(
        "A15 J16: Chromium is never led to QUIC, and where it is made to speak it hears at once that there is none",
        .enabled(if: Programs.has("chromium"), "needs chromium")
    )
    func quic() throws {
        let port = servers.http2Port
        // The page says that HTTP/3 is spoken at the same port (RFC 7838).
        let led = try place.agent(
            "for i in 1 2; do \(Self.chromium) --enable-quic \(origin)/v1/page/quic 2>errors || cat errors; done",
            profile: "web"
        )
        #expect(led.output.components(separatedBy: "POST allowed.test /v1/browser-quic").count == 3, "\(led)")
        #expect(try datagrams().isEmpty)
        let forced =
            "\(Self.chromium) --enable-quic --origin-to-force-quic-on=allowed.test:\(port) --enable-logging=stderr"
        let outcome = try place.agent(
            "\(forced) \(origin)/v1/browser-forced 2>&1; echo ended $?",
            profile: "web"
        )
        #expect(
            !outcome.output.contains("ended 124") && !outcome.output.contains("GET allowed.test"),
            "\(outcome)"
        )
        #expect(try datagrams() == ["udp://allowed.test:\(port)"])
    }

    /// Where datagrams were going; a browser asks for other things of its maker's as well.
    private func datagrams() throws -> [String] {
        try place.records(["--denied"]).map(\.record.resource).filter { $0.hasPrefix("udp:") }
    }
}
