import Foundation
import Testing

// A browser, whose roots are its own: the policy file that the agent's view holds adds the gateway's.
extension EndToEnd.ClientTests {
    /// It has no sandbox of its own: an agent makes no user namespace, which is what that begins with.
    private static let chromium =
        "timeout 50 chromium --headless --no-sandbox --disable-gpu --no-first-run --user-data-dir=/tmp/profile "
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
        "A15 J16: Chromium that is made to speak QUIC falls back to TCP",
        .enabled(if: Programs.has("chromium"), "needs chromium")
    )
    func quic() throws {
        let outcome = try place.agent(
            "\(Self.chromium) --enable-quic --origin-to-force-quic-on=allowed.test:\(servers.http2Port) "
                + "\(origin)/v1/browser-quic 2>errors || cat errors",
            profile: "web"
        )
        #expect(outcome.output.contains("GET allowed.test /v1/browser-quic"), "\(outcome)")
        let refused = try place.records(["--denied"]).map(\.record.resource)
        #expect(refused.contains { $0.contains("udp") && $0.contains("\(servers.http2Port)") }, "\(refused)")
    }
}
