import Foundation
import Gateway
import Model
import Policy
import Testing

/// Whatever an agent tried before it ended is on record when its gateway is closed, and none of it leaves.
@Suite struct DepartureTests {
    private func head(_ path: String) -> String { "GET \(path) HTTP/1.1\r\nHost: 93.184.216.66\r\n\r\n" }

    @Test func `Requests that nobody had accepted when the agent ended are recorded, every one`() throws {
        let count = 50
        let house = try House([], going: ("93.184.216.66", 80)) { port in
            for number in 0..<count { try RawClient(port: port).send(head("/last/\(number)")) }
        }
        house.gateway.close(house.agent)
        #expect(Set(house.recorder.records.map(\.action)) == Set((0..<count).map { "GET /last/\($0)" }))
        #expect(
            house.recorder.records.allSatisfy { $0.verdict == .deny && $0.resource == "http://93.184.216.66" }
        )
        #expect(house.recorder.records.count == count)
    }

    @Test func `More connections than are taken in time are summed up in one record`() throws {
        var limits = GatewayLimits()
        limits.lastAttempts = 0
        let house = try House([], limits: limits, going: ("93.184.216.66", 80)) { port in
            for _ in 0..<50 { try RawClient(port: port).send(head("/last")) }
        }
        house.gateway.close(house.agent)
        // Each that was taken has its own record, and one speaks for those that were not.
        let left = house.recorder.records.count { $0.message?.contains("more connections waiting") ?? false }
        let taken = house.recorder.records.count - left
        #expect(left == (taken < 50 ? 1 : 0), "\(taken) taken")
    }

    @Test func `A request after the agent is cut off is refused, recorded and goes nowhere`() throws {
        let nginx = try Nginx()
        let house = try House([web(.http, "allowed.test", nginx.plain)])
        try house.capture("allowed.test", nginx.plain)
        let open = try RawClient(port: house.port)
        house.gateway.cutOff(house.agent)
        for client in [open, try RawClient(port: house.port)] {
            client.send(
                "GET /v1/late HTTP/1.1\r\nHost: allowed.test:\(nginx.plain)\r\nConnection: close\r\n\r\n"
            )
            #expect(client.text().contains("the agent ended before this was decided"))
        }
        #expect(house.recorder.records.map(\.action) == ["GET /v1/late", "GET /v1/late"])
        #expect(house.recorder.records.allSatisfy { $0.verdict == .deny && $0.reason == .revoked })
        #expect(nginx.accessLog.isEmpty)
    }

    @Test func `A connection that has not said what it wants leaves a record of where it went`() throws {
        let house = try House([web(.http, "93.184.216.66", 80)], going: ("93.184.216.66", 80))
        let client = try RawClient(port: house.port)
        client.send("GET /v1/unfinished HTT")
        house.gateway.close(house.agent)
        #expect(house.recorder.records.map(\.resource) == ["tcp://93.184.216.66:80"])
        #expect(house.recorder.records.map(\.reason) == [.revoked])
        #expect(client.receive() ?? [] == [])
    }

    @Test func `A request whose credential is being fetched is recorded before the agent's end`() throws {
        let nginx = try Nginx()
        let (asked, answer) = (DispatchSemaphore(value: 0), DispatchSemaphore(value: 0))
        var vault = FailClosedTests.vault(nginx.secure)
        vault.delay = {
            asked.signal()
            _ = answer.wait(timeout: .now() + 300)
        }
        let house = try House([web(.https, "allowed.test", nginx.secure, credential: "token")], vault: vault)
        try house.capture("allowed.test", nginx.secure)
        let url = "https://allowed.test:\(nginx.secure)/v1/x"
        let scratch = try Scratch()
        let client = try Child(
            "/usr/bin/curl",
            ["-sS", "--noproxy", "*", "--max-time", "60", "--cacert", house.bundle]
                + ["--connect-to", "::127.0.0.1:\(house.port)", url],
            output: scratch.path + "/out",
            errors: scratch.path + "/err"
        )
        #expect(asked.wait(timeout: .now() + 60) == .success)
        house.gateway.close(house.agent)
        #expect(house.recorder.records.map(\.action) == ["GET /v1/x"])
        #expect(house.recorder.records.map(\.reason) == [.revoked])
        answer.signal()
        #expect(client.wait() != 0)
        house.gateway.shutdown()
        #expect(house.recorder.records.count == 1)
        #expect(nginx.accessLog.isEmpty)
    }

    @Test func `A connection that is reset before it said a word is on record, agent ended or not`() throws {
        let house = try House([web(.http, "93.184.216.66", 80)], going: ("93.184.216.66", 80))
        let client = try RawClient(port: house.port)
        client.send("GE")
        client.abort()
        #expect(house.recorder.first { $0.resource == "tcp://93.184.216.66:80" }?.verdict == .deny)
    }
}
