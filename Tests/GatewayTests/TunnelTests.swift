import Foundation
import Gateway
import Model
import Policy
import Testing

/// Opaque connections, and what ends them.
@Suite struct TunnelTests {
    @Test func `A tcp rule forwards bytes as they are, one record for the connection`() throws {
        let nginx = try Nginx()
        let house = try House([rule(.tcp, "allowed.test", nginx.plain, allow: ["connect"])])
        try house.capture("allowed.test", nginx.plain)
        let client = try RawClient(port: house.port)
        client.send("GET /v1/raw HTTP/1.1\r\nHost: whatever\r\nConnection: close\r\n\r\n")
        #expect(client.text().contains("hello GET /v1/raw"))
        #expect(house.recorder.records.map(\.resource) == ["tcp://allowed.test:\(nginx.plain)"])
    }

    @Test func `D11 a server that speaks first is heard although the client is silent`() throws {
        let server = try Banner("220 ready\r\n")
        let house = try House([rule(.tcp, "allowed.test", server.port, allow: ["connect"])])
        try house.capture("allowed.test", server.port)
        let client = try RawClient(port: house.port)
        #expect(client.receive().map { String(decoding: $0, as: UTF8.self) } == "220 ready\r\n")
    }

    @Test func `A client that says little and ends its half still hears its server`() throws {
        let server = try Banner("220 ready\r\n")
        let house = try House([rule(.tcp, "allowed.test", server.port, allow: ["connect"])])
        try house.capture("allowed.test", server.port)
        let client = try RawClient(port: house.port)
        client.send("QUI")
        client.endOutput()
        #expect(client.receive().map { String(decoding: $0, as: UTF8.self) } == "220 ready\r\n")
    }

    @Test func `G17 closing an agent resets its live connections and its listener`() throws {
        let server = try Banner("220 ready\r\n")
        let house = try House([rule(.tcp, "allowed.test", server.port, allow: ["connect"])])
        try house.capture("allowed.test", server.port)
        let client = try RawClient(port: house.port)
        #expect(client.receive()?.isEmpty == false)
        house.gateway.close(house.agent)
        #expect(client.end() == .reset)
        #expect(throws: (any Error).self) { try RawClient(port: house.port) }
    }

    @Test func `G05 a tunnel ends when its rule is taken away`() throws {
        let server = try Banner("220 ready\r\n")
        let house = try House([rule(.tcp, "allowed.test", server.port, allow: ["connect"])])
        try house.capture("allowed.test", server.port)
        let client = try RawClient(port: house.port)
        #expect(client.receive()?.isEmpty == false)
        house.gateway.update(house.agent, policy: try #require(House.policy(house.agent, [], ancestors: [])))
        #expect(client.end() == .reset)
        let again = try RawClient(port: house.port)
        #expect(again.end() == .reset)
    }

    @Test
    func `G05 a rule that the topmost of three loses ends the tunnels of the last by it, and no others`()
        throws
    {
        let (server, nginx) = (try Banner("220 ready\r\n"), try Nginx())
        let kept = rule(.tcp, "other.test", nginx.plain, allow: ["connect"])
        let rules = [rule(.tcp, "allowed.test", server.port, allow: ["connect"]), kept]
        let house = try House(rules, ancestors: [rules, rules])
        try house.capture("other.test", nginx.plain)
        let other = try RawClient(port: house.port)
        let request = "GET /v1/tunnel HTTP/1.1\r\nHost: other.test\r\n\r\n"
        other.send(request)
        #expect(other.text(until: "auth=\n").contains("200 OK"))
        try house.capture("allowed.test", server.port)
        let client = try RawClient(port: house.port)
        #expect(client.receive()?.isEmpty == false)
        let policy = House.policy(house.agent, rules, ancestors: [[kept], rules])
        house.gateway.update(house.agent, policy: try #require(policy))
        #expect(client.end() == .reset)
        #expect(try RawClient(port: house.port).end() == .reset)
        other.send(request)
        #expect(other.text(until: "auth=\n").contains("200 OK"))
    }
}

/// A server that says something to everybody who connects, and then waits.
final class Banner: Sendable {
    let port: UInt16
    private let descriptor: Int32

    init(_ text: String) throws {
        let listener = try Sockets.listener()
        (descriptor, port) = listener
        let thread = Thread {
            var held: [Int32] = []
            while true {
                let client = accept(listener.descriptor, nil, nil)
                guard client >= 0 else { break }
                _ = fcntl(client, F_SETFD, FD_CLOEXEC)
                held.append(client)
                let bytes = Array(text.utf8)
                _ = unsafe bytes.withUnsafeBytes { unsafe write(client, $0.baseAddress, $0.count) }
            }
            for client in held { close(client) }
        }
        thread.start()
    }

    deinit {
        shutdown(descriptor, Int32(SHUT_RDWR))
        close(descriptor)
    }
}
