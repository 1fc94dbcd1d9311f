import Foundation
import Gateway
import Model
import Policy
import Synchronization
import Testing

/// No agent's slow names, credentials or connections keep another agent from its own.
@Suite struct FairnessTests {
    /// Answers `quick.test` at once, and keeps everything else waiting until it is let go.
    private final class SlowNames: NameLookup {
        let asked = DispatchSemaphore(value: 0)
        let count = Mutex(0)
        private let held = DispatchSemaphore(value: 0)

        func addresses(of name: DNSName) throws(LookupFailure) -> [IPAddress] {
            if name.text == "quick.test" { return [IPAddress(v4: 0x7F00_0001)] }
            count.withLock { $0 += 1 }
            asked.signal()
            _ = held.wait(timeout: .now() + 300)
            held.signal()
            throw LookupFailure("\(name) is not known here")
        }

        func letGo() { held.signal() }
    }

    private func ask(_ host: String, at port: UInt16) throws -> RawClient {
        let client = try RawClient(port: port)
        client.send("GET http://\(host)/v1/x HTTP/1.1\r\nHost: \(host)\r\nConnection: close\r\n\r\n")
        return client
    }

    /// The control: one agent may hold every thread, and the other's name is not looked up in time.
    @Test(arguments: [(GatewayLimits().blockingPerAgent, true), (GatewayLimits().blockingThreads, false)])
    func `An agent that asks for many slow names keeps nobody else's from being looked up`(
        share: Int,
        isServed: Bool
    ) throws {
        let nginx = try Nginx()
        let names = SlowNames()
        var limits = GatewayLimits()
        limits.blockingPerAgent = share
        if !isServed { limits.resolve = 500 }
        let house = try House([web(.http, "*.slow.test", 80)], names: names, limits: limits)
        defer {
            names.letGo()
            house.gateway.shutdown()
        }
        let other = try house.neighbour(2, [web(.http, "quick.test", nginx.plain)])
        let waiting = try (0..<20).map { try ask("n\($0).slow.test", at: house.port) }
        for _ in 0..<limits.blockingPerAgent { #expect(names.asked.wait(timeout: .now() + 60) == .success) }
        // All of them are decided: what is left to do is to look them up.
        for number in 0..<20 {
            #expect(house.recorder.first { $0.resource == "http://n\(number).slow.test" } != nil)
        }
        let answer = try ask("quick.test:\(nginx.plain)", at: other).text()
        #expect(answer.contains(isServed ? "hello GET /v1/x" : "was not resolved in time"), "\(answer)")
        #expect(names.count.withLock { $0 } == limits.blockingPerAgent)
        #expect(waiting.count == 20)
    }

    @Test func `An agent whose credentials are slow keeps nobody else's names from being looked up`() throws {
        let nginx = try Nginx()
        let names = SlowNames()
        let (asked, held) = (DispatchSemaphore(value: 0), DispatchSemaphore(value: 0))
        var vault = FailClosedTests.vault(nginx.secure)
        vault.delay = {
            asked.signal()
            _ = held.wait(timeout: .now() + 300)
            held.signal()
        }
        let house = try House(
            [web(.https, "allowed.test", nginx.secure, credential: "token")],
            names: names,
            vault: vault
        )
        defer {
            held.signal()
            house.gateway.shutdown()
        }
        let other = try house.neighbour(2, [web(.http, "quick.test", nginx.plain)])
        let url = "https://allowed.test:\(nginx.secure)/v1/x"
        let proxy = ["-x", "http://127.0.0.1:\(house.port)", "--cacert", house.bundle]
        let clients = try (0..<10).map { _ in
            try Child("/usr/bin/curl", ["-s", "--max-time", "300"] + proxy + [url])
        }
        for _ in 0..<GatewayLimits().blockingPerAgent {
            #expect(asked.wait(timeout: .now() + 60) == .success)
        }
        let answer = try ask("quick.test:\(nginx.plain)", at: other).text()
        #expect(answer.contains("hello GET /v1/x"), "\(answer)")
        #expect(clients.allSatisfy { !$0.hasEnded })
    }

    @Test func `A line that is full refuses, and says whose it is`() throws {
        let names = SlowNames()
        var limits = GatewayLimits()
        limits.blockingPerAgent = 1
        limits.waitingPerAgent = 1
        let house = try House([web(.http, "*.slow.test", 80)], names: names, limits: limits)
        defer {
            names.letGo()
            house.gateway.shutdown()
        }
        let first = try ask("first.slow.test", at: house.port)
        #expect(names.asked.wait(timeout: .now() + 60) == .success)
        let further = try (0..<3).map { try ask("n\($0).slow.test", at: house.port) }
        let refused = house.recorder.first {
            $0.message?.contains("1 of the agent's lookups and credentials are waiting already") ?? false
        }
        #expect(refused?.reason == .upstreamFailed)
        #expect(further.count == 3)
        withExtendedLifetime(first) {}
    }

    @Test func `A name that still waits when its agent ends is not looked up any more`() throws {
        let names = SlowNames()
        var limits = GatewayLimits()
        limits.blockingPerAgent = 1
        let house = try House([web(.http, "*.slow.test", 80)], names: names, limits: limits)
        let clients = try (0..<3).map { try ask("n\($0).slow.test", at: house.port) }
        #expect(names.asked.wait(timeout: .now() + 60) == .success)
        for number in 0..<3 {
            #expect(house.recorder.first { $0.resource == "http://n\(number).slow.test" } != nil)
        }
        house.gateway.close(house.agent)
        names.letGo()
        house.gateway.shutdown()
        #expect(names.count.withLock { $0 } == 1)
        withExtendedLifetime(clients) {}
    }

    @Test func `An agent that opens every connection there is leaves others some`() throws {
        var limits = GatewayLimits()
        limits.connections = 16
        let house = try House([], limits: limits)
        let other = try house.neighbour(2, [])
        let open = try (0..<16).map { _ in
            let client = try RawClient(port: house.port)
            client.send("GET http://denied.test/ HTTP/1.1\r\nHost: denied.test\r\n\r\n")
            return client
        }
        let answers = open.map { $0.text(until: "how_to_ask").contains("403") }
        #expect(answers.count { $0 } == 11)
        let share = house.recorder.first { $0.reason == .overBudget }
        #expect(share?.message?.contains("of all agents together some are for others") ?? false)
        let client = try RawClient(port: other)
        client.send("GET http://denied.test/ HTTP/1.1\r\nHost: denied.test\r\n\r\n")
        #expect(client.text(until: "how_to_ask").contains("403"))
    }

    @Test func `Connections of all agents together are bounded, and one that is over is reset and recorded`()
        throws
    {
        var limits = GatewayLimits()
        limits.connections = 3
        let house = try House([], limits: limits)
        let ports = [house.port, try house.neighbour(2, [])]
        let open = try (0..<3).map { number in
            let client = try RawClient(port: ports[number % 2])
            client.send("GET http://denied.test/ HTTP/1.1\r\nHost: denied.test\r\n\r\n")
            #expect(client.text(until: "how_to_ask").contains("403"))
            return client
        }
        let over = try RawClient(port: ports[1])
        #expect(over.receive() ?? [] == [])
        #expect(
            house.recorder.first { $0.reason == .overBudget }?.message?.hasPrefix("all agents together")
                ?? false
        )
        withExtendedLifetime(open) {}
    }
}
