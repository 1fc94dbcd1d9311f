import Foundation
import Glibc
import Model
import Policy
import Synchronization
import Testing

/// `record: full` at the gateway, with a store that waits or refuses.
@Suite struct RecordingTests {
    private static func isTrue(_ condition: () -> Bool) -> Bool {
        for _ in 0..<6_000 {
            if condition() { return true }
            usleep(10_000)
        }
        return false
    }

    private static func house(_ port: UInt16) throws -> House {
        let house = try House([rule(.http, "allowed.test", port, allow: ["* /**"])], recording: .full)
        try house.capture("allowed.test", port)
        return house
    }

    @Test func `Nothing of a body leaves before it is recorded, and all of it does then`() throws {
        let server = try OneConnectionServer { String(decoding: $0, as: UTF8.self).contains("END") }
        let house = try Self.house(server.port)
        house.bodies.hold(true)
        let answer = Mutex("")
        let done = DispatchSemaphore(value: 0)
        DispatchQueue.global().async {
            let got = try? house.curl(["-d", "what I send END", "http://allowed.test:\(server.port)/x"])
            answer.withLock { $0 = got?.output ?? "none" }
            done.signal()
        }
        #expect(Self.isTrue { house.bodies.asked > 0 })
        #expect(Self.isTrue { server.text.contains("POST /x") })
        #expect(!server.text.contains("what I send"))
        house.bodies.hold(false)
        done.wait()
        #expect(answer.withLock { $0 } == "ok\n")
        #expect(server.text.hasSuffix("what I send END"))
        #expect(Self.isTrue { house.bodies.octets(.response) == [Array("ok\n".utf8)] })
        #expect(house.bodies.octets(.request) == [Array("what I send END".utf8)])
    }

    @Test func `What cannot be recorded does not leave: the client is told, and it is on record`() throws {
        let server = try OneConnectionServer { String(decoding: $0, as: UTF8.self).contains("END") }
        let house = try Self.house(server.port)
        house.bodies.refuseFromNowOn()
        let got = try house.curl(["-d", "what I send END", "http://allowed.test:\(server.port)/x"])
        #expect(
            got.output.contains("audit-unavailable") && !got.output.contains("no space left"),
            "\(got.output)"
        )
        #expect(!server.text.contains("what I send"))
        #expect(house.recorder.first { $0.reason == .auditUnavailable } != nil)
        #expect(Self.isTrue { house.recorder.replies.count == 1 })
        let reply = try #require(house.recorder.replies.first)
        #expect(reply.cause?.contains("no space left") == true)
        #expect(reply.bodies?.first?.missing?.contains("no space left") == true)
    }

    @Test func `While the store waits little is read on, in either direction; then all comes`() throws {
        let nginx = try Nginx()
        let house = try House([rule(.http, "allowed.test", nginx.plain, allow: ["* /**"])], recording: .full)
        try house.capture("allowed.test", nginx.plain)
        house.bodies.hold(true)
        let url = "http://allowed.test:\(nginx.plain)/big"
        let kept = NSTemporaryDirectory() + "bailey-ahead-\(UInt64.random(in: 0 ... .max))"
        defer { _ = unlink(kept) }
        let got = Mutex<Program?>(nil)
        let done = DispatchSemaphore(value: 0)
        DispatchQueue.global().async {
            let program = try? house.curl(["-N", "-w", "%{size_download}", "-o", kept, url])
            got.withLock { $0 = program }
            done.signal()
        }
        #expect(Self.isTrue { house.bodies.asked > 0 && Self.octets(of: kept) > 0 })
        // What holds at any moment: one turn of the store, and as much again that waits for it.
        for _ in 0..<20 {
            #expect(house.bodies.asked <= 1 << 20)
            usleep(5_000)
        }
        // What the client has of it: 256 KiB, and a turn of the loop's four reads.
        let passedOn = Self.octets(of: kept)
        #expect(passedOn <= 5 << 18, "\(passedOn)")
        house.bodies.hold(false)
        done.wait()
        #expect(got.withLock { $0 }?.output == "\(16 << 20)")
        #expect(Self.isTrue { house.bodies.octets(.response).map(\.count) == [16 << 20] })
    }

    /// Of a file; 0 where there is none.
    private static func octets(of path: String) -> Int {
        let attributes = try? FileManager.default.attributesOfItem(atPath: path)
        return attributes?[.size] as? Int ?? 0
    }

    @Test func `A request that is sent once more is recorded as two, the second with its body`() throws {
        let server = try OneAnswer()
        let house = try Self.house(server.port)
        let url = "http://allowed.test:\(server.port)/"
        #expect(try house.curl([url, url]).output == "ok\nok\n")
        #expect(Self.isTrue { house.recorder.replies.count == 3 })
        let replies = house.recorder.replies.sorted { $0.exchange < $1.exchange }
        #expect(replies.map { $0.cause?.contains("sent again") } == [nil, true, nil])
        #expect(replies.map { $0.bodies?.map(\.octets) } == [[3], [], [3]])
        #expect(house.recorder.allowed.compactMap(\.exchange).sorted() == replies.map(\.exchange))
    }

    @Test func `Without it no body is recorded, and the reply's head is`() throws {
        let nginx = try Nginx()
        let house = try House([web(.https, "allowed.test", nginx.secure)])
        try house.capture("allowed.test", nginx.secure)
        _ = try house.curl(["-H", "X-Trace: one", "https://allowed.test:\(nginx.secure)/v1/x?a=b"])
        #expect(Self.isTrue { house.recorder.replies.count == 1 })
        let reply = try #require(house.recorder.replies.first)
        #expect(reply.status == 200 && reply.bodies == nil && reply.received == 22)
        #expect(reply.fields?.lines.contains { $0.lowercased().hasPrefix("server: nginx") } == true)
        let request = try #require(house.recorder.records.first)
        #expect(request.query == "a=b" && request.exchange == reply.exchange)
        #expect(request.fields?.lines.contains { $0.lowercased() == "x-trace: one" } == true)
        #expect(house.bodies.asked == 0)
    }
}
