import Foundation
import Gateway
import Model
import Policy
import Synchronization
import Testing

/// What a revocation bars at the gateway: at the decision, at the commit, at the dial, and what is open.
@Suite struct RevocationTests {
    private static let word = Revocation(
        agent: nil,
        principal: "user:tester",
        by: "user:operator",
        time: Timestamp(milliseconds: 0),
        reason: "the key leaked"
    )

    private func arrived(_ nginx: Nginx) -> Int { nginx.accessLog.split(separator: "\n").count }

    private func url(_ nginx: Nginx) -> String { "http://allowed.test:\(nginx.plain)/v1/x" }

    @Test func `G17 a revoked agent's request is refused at the decision, with by whom, when and why`() throws
    {
        let nginx = try Nginx()
        let house = try House([web(.http, "allowed.test", nginx.plain)])
        try house.capture("allowed.test", nginx.plain)
        #expect(try house.curl([url(nginx)]).output == "hello GET /v1/x auth=\n")
        house.epoch.end(by: Self.word)
        let got = try house.curl(["-i", url(nginx)])
        #expect(got.output.hasPrefix("HTTP/1.1 403 "), "\(got.errors)")
        #expect(got.output.contains("revoked by user:operator at 1970-01-01T00:00:00.000Z: the key leaked"))
        #expect(arrived(nginx) == 1)
        #expect(house.recorder.records.map(\.verdict) == [.allow, .deny])
        #expect(house.recorder.denied.map(\.reason) == [.revoked])
    }

    @Test(arguments: [false, true])
    func `G18 what was allowed and is revoked while its record is written goes nowhere`(
        isRevoked: Bool
    )
        throws
    {
        let nginx = try Nginx()
        let house = try House([web(.http, "allowed.test", nginx.plain)])
        try house.capture("allowed.test", nginx.plain)
        let epoch = house.epoch
        house.recorder.whenAllowed { if isRevoked { epoch.end(by: Self.word) } }
        let got = try house.curl(["-i", url(nginx)])
        // The control: the same without the revocation arrives.
        #expect(got.output.hasPrefix(isRevoked ? "HTTP/1.1 403 " : "HTTP/1.1 200 "), "\(got)")
        #expect(arrived(nginx) == (isRevoked ? 0 : 1))
        let records = house.recorder.records
        #expect(records.map(\.verdict) == (isRevoked ? [.allow, .deny] : [.allow]))
        #expect(Set(records.map(\.exchange)).count == 1)
    }

    /// Knows a name, and does something before it says so.
    private struct Names: NameLookup {
        let before: @Sendable () -> Void

        func addresses(of name: DNSName) throws(LookupFailure) -> [IPAddress] {
            before()
            return [IPAddress(v4: 0x7F00_0001)]
        }
    }

    @Test(arguments: [false, true])
    func `G18 what is revoked between its commit and its dial is not connected to`(isRevoked: Bool) throws {
        let nginx = try Nginx()
        let house = Mutex<RevocationEpoch?>(nil)
        let names = Names { if isRevoked { house.withLock { $0?.end(by: Self.word) } } }
        let own = try House([web(.http, "allowed.test", nginx.plain)], resolve: [:], names: names)
        house.withLock { $0 = own.epoch }
        try own.capture("allowed.test", nginx.plain)
        let got = try own.curl(["-i", url(nginx)])
        #expect(got.output.hasPrefix(isRevoked ? "HTTP/1.1 403 " : "HTTP/1.1 200 "), "\(got)")
        #expect(arrived(nginx) == (isRevoked ? 0 : 1))
    }

    @Test func `G17 what is open is reset, a connection between two requests too, and a new one is heard`()
        throws
    {
        let nginx = try Nginx()
        let house = try House([
            web(.http, "allowed.test", nginx.plain),
            rule(.tcp, "other.test", nginx.plain, allow: ["connect"]),
        ])
        let request = "GET /v1/x HTTP/1.1\r\nHost: allowed.test:\(nginx.plain)\r\n\r\n"
        try house.capture("allowed.test", nginx.plain)
        let (kept, fresh) = (try RawClient(port: house.port), try RawClient(port: house.port))
        kept.send(request)
        #expect(kept.text(until: "auth=\n").contains("200 OK"))
        try house.capture("other.test", nginx.plain)
        let tunnel = try RawClient(port: house.port)
        tunnel.send("GET /v1/tunnel HTTP/1.1\r\nHost: other.test\r\n\r\n")
        #expect(tunnel.text(until: "auth=\n").contains("200 OK"))
        let before = arrived(nginx)
        house.epoch.end(by: Self.word)
        house.gateway.cutOffRevoked()
        #expect(kept.end() == .reset)
        #expect(tunnel.end() == .reset)
        // One that has not said what it wants is not gone: it hears why it gets nothing.
        fresh.send(request)
        #expect(fresh.text().contains("revoked by user:operator"))
        #expect(arrived(nginx) == before)
    }

    @Test func `G17 an agent that is not below keeps its connections`() throws {
        let nginx = try Nginx()
        let house = try House([web(.http, "allowed.test", nginx.plain)])
        let port = try house.neighbour(2, [web(.http, "allowed.test", nginx.plain)])
        let client = try RawClient(port: port)
        let host = "allowed.test:\(nginx.plain)"
        let request = "GET http://\(host)/v1/x HTTP/1.1\r\nHost: \(host)\r\n\r\n"
        client.send(request)
        #expect(client.text(until: "auth=\n").contains("200 OK"))
        house.epoch.end(by: Self.word)
        house.gateway.cutOffRevoked()
        client.send(request)
        #expect(client.text(until: "auth=\n").contains("200 OK"))
        #expect(house.recorder.denied.isEmpty)
    }
}
