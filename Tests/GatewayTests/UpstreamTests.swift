import Foundation
import Model
import Policy
import Testing

/// Upstream connections that are kept, and what happens when one has gone stale.
@Suite struct UpstreamTests {
    @Test func `B13 a kept connection that was closed meanwhile costs a safe request nothing`() throws {
        let server = try OneAnswer()
        let house = try House([rule(.http, "allowed.test", server.port, allow: ["* /**"])])
        try house.capture("allowed.test", server.port)
        let url = "http://allowed.test:\(server.port)/"
        let got = try house.curl(["-w", "%{http_code}\n", url, url, url])
        #expect(got.output == "ok\n200\nok\n200\nok\n200\n", "\(got.output) \(got.errors)")
    }

    @Test func `A request that is not safe to repeat is not repeated`() throws {
        let server = try OneAnswer()
        let house = try House([rule(.http, "allowed.test", server.port, allow: ["* /**"])])
        try house.capture("allowed.test", server.port)
        let url = "http://allowed.test:\(server.port)/"
        let got = try house.curl(
            ["-w", "%{http_code}\n", url, "--next", "-sS", "-d", "x=1", "-w", "%{http_code}\n"]
                + ["--connect-to", "::127.0.0.1:\(house.port)", url]
        )
        #expect(got.output.hasPrefix("ok\n200\n"), "\(got.output) \(got.errors)")
        #expect(got.output.hasSuffix("502\n"), "\(got.output) \(got.errors)")
        #expect(server.requests == 2)
    }

    @Test func `Kept connections are never shared between agents, hosts or schemes`() throws {
        let server = try OneAnswer()
        let rules = [
            rule(.http, "allowed.test", server.port, allow: ["* /**"]),
            rule(.http, "other.test", server.port, allow: ["* /**"]),
        ]
        let house = try House(rules)
        for name in ["allowed.test", "other.test"] {
            try house.capture(name, server.port)
            #expect(try house.curl(["http://\(name):\(server.port)/"]).output == "ok\n")
        }
        #expect(server.connections == 2)
    }

    @Test func `An upstream that answers garbage is 502, and one that ends early is cut, not completed`()
        throws
    {
        for (answer, expected) in [
            ("220 hello\r\n", "502"), ("HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\nshort", "200"),
        ] {
            let server = try OneAnswer(answer)
            let house = try House([rule(.http, "allowed.test", server.port, allow: ["* /**"])])
            try house.capture("allowed.test", server.port)
            let got = try house.curl(["-w", "%{http_code}", "http://allowed.test:\(server.port)/"])
            #expect(got.output.hasSuffix(expected), "\(got.output) \(got.errors)")
            // 18 and 56 are curl's words for a body cut short and for a reset.
            #expect(expected == "200" ? [18, 56].contains(got.status) : got.status == 0, "\(got.errors)")
        }
    }
}

/// A server that answers one request on each connection as if it would keep it, and closes with the next one
/// (or after an answer of its own choosing).
final class OneAnswer: Sendable {
    let port: UInt16
    private let descriptor: Int32
    private let counts: Counts

    private final class Counts: @unchecked Sendable {
        private let lock = NSLock()
        private var values = (connections: 0, requests: 0)

        func add(connections: Int = 0, requests: Int = 0) {
            lock.withLock {
                values.connections += connections
                values.requests += requests
            }
        }

        var all: (connections: Int, requests: Int) { lock.withLock { values } }
    }

    var connections: Int { counts.all.connections }
    var requests: Int { counts.all.requests }

    init(_ answer: String? = nil) throws {
        let listener = try Sockets.listener()
        (descriptor, port) = listener
        let counts = Counts()
        self.counts = counts
        Thread {
            while true {
                let client = accept(listener.descriptor, nil, nil)
                guard client >= 0 else { return }
                // A program that another test starts meanwhile must not hold it open.
                _ = fcntl(client, F_SETFD, FD_CLOEXEC)
                counts.add(connections: 1)
                Thread { Self.serve(client, answer, counts) }.start()
            }
        }.start()
    }

    private static func serve(_ client: Int32, _ answer: String?, _ counts: Counts) {
        var buffer = [UInt8](repeating: 0, count: 65_536)
        for turn in 0..<2 {
            let count = unsafe buffer.withUnsafeMutableBytes { unsafe read(client, $0.baseAddress, $0.count) }
            guard count > 0 else { break }
            counts.add(requests: 1)
            guard turn == 0 else { break }
            let bytes = Array((answer ?? "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nok\n").utf8)
            _ = unsafe bytes.withUnsafeBytes { unsafe write(client, $0.baseAddress, $0.count) }
            guard answer == nil else { break }
        }
        close(client)
    }

    deinit {
        shutdown(descriptor, Int32(SHUT_RDWR))
        close(descriptor)
    }
}
