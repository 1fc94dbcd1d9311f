import Foundation
import Gateway
import Model
import Policy
import Testing

/// A peer's mistake costs its own connection, nothing else.
@Suite struct HostileClientTests {
    static let garbage: [[UInt8]] = [
        [0], [0xFF, 0xFE, 0, 1], Array("\r\n\r\n".utf8), Array("GET / HTTP/9.9\r\n\r\n".utf8),
        Array("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".utf8), [22, 3, 1, 0, 0], [22, 3, 1, 0, 5, 2, 0, 0, 1, 0],
        Array(
            "GET / HTTP/1.1\r\nHost: allowed.test\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n"
                .utf8
        ),
        Array("GET / HTTP/1.1\nHost: allowed.test\n\n".utf8), Array("get / http/1.1\r\n\r\n".utf8),
        Array(
            ("GET / HTTP/1.1\r\nHost: allowed.test\r\nX: " + String(repeating: "a", count: 90_000)
                + "\r\n\r\n").utf8
        ),
    ]

    @Test(arguments: garbage)
    func `Garbage ends its own connection, and the next client is served`(bytes: [UInt8]) throws {
        let nginx = try Nginx()
        let house = try House([web(.http, "allowed.test", nginx.plain)])
        try house.capture("allowed.test", nginx.plain)
        let client = try RawClient(port: house.port)
        client.send(bytes)
        client.endOutput()
        let answer = client.text()
        #expect(
            answer.isEmpty || answer.hasPrefix("HTTP/1.1 4") || answer.hasPrefix("HTTP/1.1 5"),
            "\(answer)"
        )
        let got = try house.curl(["http://allowed.test:\(nginx.plain)/v1/x"])
        #expect(got.output.hasPrefix("hello"), "\(got.errors)")
        #expect(!nginx.accessLog.contains("\" 400 "))
    }

    @Test func `A header block over its limit is refused in HTTP and the connection closed`() throws {
        let house = try House([web(.http, "allowed.test", 80)])
        try house.capture("allowed.test", 80)
        let client = try RawClient(port: house.port)
        let fields = (0..<200).map { "X-\($0): y\r\n" }.joined()
        client.send("GET /v1/x HTTP/1.1\r\nHost: allowed.test\r\n\(fields)\r\n")
        #expect(client.text().hasPrefix("HTTP/1.1 4"))
    }

    @Test func `A client that drips its request for ever is cut off`() throws {
        var limits = GatewayLimits()
        limits.requestHead = 300
        let house = try House([web(.http, "allowed.test", 80)], limits: limits)
        try house.capture("allowed.test", 80)
        let client = try RawClient(port: house.port)
        client.send("GET /v1/x HTTP/1.1\r\nHost: ")
        #expect([.closed, .reset].contains(client.end()))
    }

    @Test func `Connections over the agent's budget are reset and recorded; room comes back`() throws {
        var limits = GatewayLimits()
        limits.connectionsPerAgent = 3
        let house = try House([web(.http, "allowed.test", 80)], limits: limits)
        try house.capture("allowed.test", 80)
        var open = try (0..<3).map { _ in try RawClient(port: house.port) }
        // Each has been accepted once it is answered.
        for client in open {
            client.send("GET /no HTTP/1.1\r\nHost: allowed.test\r\n\r\n")
            #expect(client.text(until: "how_to_ask").contains("403"))
        }
        let over = try RawClient(port: house.port)
        #expect(over.receive() ?? [] == [])
        #expect(house.recorder.first { $0.reason == .overBudget } != nil)
        open.removeAll()
        var served = false
        for _ in 0..<100 where !served {
            let again = try RawClient(port: house.port)
            again.send("GET /no HTTP/1.1\r\nHost: allowed.test\r\n\r\n")
            served = again.text(until: "how_to_ask").contains("403")
        }
        #expect(served)
    }
}
