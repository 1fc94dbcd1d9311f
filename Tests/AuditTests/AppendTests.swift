import Audit
import Dispatch
import Foundation
import Glibc
import Model
import Testing

struct AppendTests {
    @Test func `what was appended verifies, and every caller hears once`() throws {
        let state = try StateFixture()
        let store = try state.open()
        let tally = store.appendTogether([Sample.spawn(), Sample.request(), Sample.exit()])
        #expect(tally.count == 3)
        #expect(tally.failures.isEmpty)
        #expect(try state.verifiedCount() == 3)
        #expect(store.condition == .recording)
    }

    @Test func `an empty store verifies`() throws {
        let state = try StateFixture()
        _ = try state.open()
        #expect(try state.verifiedCount() == 0)
    }

    @Test func `what waits is committed together, under one seal`() throws {
        let state = try StateFixture()
        let store = try state.open()
        let tally = store.appendInOneBatch((0..<500).map { Sample.request("GET /\($0)") })
        #expect(tally.count == 501)
        #expect(try state.verifiedCount() == 501)
        #expect(try state.sqliteOutput("SELECT count(*) FROM seals") == "2")
    }

    @Test func `what is under one seal is bounded in octets, whatever an agent says`() throws {
        let state = try StateFixture()
        let store = try state.open()
        let words = Array(repeating: String(repeating: "\u{1}", count: 2_000), count: 200)
        let tally = store.appendInOneBatch((0..<8).map { _ in Sample.spawn(argv: words) })
        #expect(tally.failures.isEmpty)
        #expect(try state.verifiedCount() == 9)
        // Each has more than a MiB; those of a few octets share one, as before.
        #expect(try state.sqliteOutput("SELECT count(*) FROM seals") == "9")
    }

    @Test func `the head follows without another record, and at once when asked`() throws {
        let state = try StateFixture()
        let store = try state.open()
        #expect(store.appendTogether([Sample.request()]).failures.isEmpty)
        #expect(store.appendTogether([Sample.request()]).failures.isEmpty)
        var polls = 0
        while try state.headSequence() != 2, polls < 1_000 {
            polls += 1
            _ = poll(nil, 0, 10)
        }
        #expect(try state.headSequence() == 2)
        #expect(store.appendTogether([Sample.request()]).failures.isEmpty)
        store.flush()
        #expect(try state.headSequence() == 3)
        #expect(try state.verifiedCount() == 3)
    }

    @Test func `a queue over its bound refuses at once, and the rest is written`() throws {
        let state = try StateFixture()
        let store = try state.open()
        let tally = Tally()
        let gate = DispatchSemaphore(value: 0)
        let isHeld = DispatchSemaphore(value: 0)
        store.append(Sample.request(), until: .durable) { _ in
            isHeld.signal()
            gate.wait()
        }
        isHeld.wait()
        for _ in 0..<AuditLimits.maximumQueued + 10 {
            store.append(Sample.request(), until: .durable) { tally.record($0) }
        }
        #expect(tally.count == 10)
        #expect(tally.failures.count == 10)
        #expect(tally.failures.first?.message.contains("\(AuditLimits.maximumQueued)") == true)
        gate.signal()
        store.flush()
        #expect(tally.count == AuditLimits.maximumQueued + 10)
        #expect(try state.verifiedCount() == Int64(AuditLimits.maximumQueued) + 1)
    }

    @Test func `fifty thousand records from several threads verify`() throws {
        let state = try StateFixture()
        let store = try state.open()
        let tally = Tally()
        for _ in 0..<5 {
            DispatchQueue.concurrentPerform(iterations: 4) { thread in
                for number in 0..<2_500 {
                    store.append(Sample.request("GET /\(thread)/\(number)"), until: .durable) {
                        tally.record($0)
                    }
                }
            }
            store.flush()
        }
        #expect(tally.count == 50_000)
        #expect(tally.failures.isEmpty)
        #expect(try state.verifiedCount() == 50_000)
    }

    @Test func `two stores on one file write one chain`() throws {
        let state = try StateFixture()
        let stores = try [state.open(run: "aaaaaaaa"), state.open(run: "bbbbbbbb")]
        let tally = Tally()
        DispatchQueue.concurrentPerform(iterations: 2) { index in
            for number in 0..<500 {
                stores[index].append(Sample.request("GET /\(number)"), until: .durable) { tally.record($0) }
                if number.isMultiple(of: 50) { stores[index].flush() }
            }
        }
        for store in stores { store.flush() }
        #expect(tally.count == 1_000)
        #expect(tally.failures.isEmpty)
        #expect(try state.verifiedCount() == 1_000)
    }

    @Test func `a record is of its agent's run, and of the supervisor's own where no agent is in it`() throws
    {
        let state = try StateFixture()
        let refusal = SpawnRefusal(
            parent: nil,
            principal: Sample.child.principal,
            profile: "nosuch",
            argv: ["true"],
            reason: "there is none"
        )
        let tally = try state.open(run: "aaaaaaaa").appendOneByOne([
            .spawnRefused(refusal), Sample.spawn(Sample.child), Sample.request(),
        ])
        #expect(tally.failures.isEmpty)
        #expect(
            try AuditReader(directory: state.path).runs() == ["aaaaaaaa", Sample.child.agent.agent.run]
        )
    }

    @Test func `two processes on one file write one chain`() async throws {
        let state = try StateFixture()
        let path = state.path
        async let first = #expect(processExitsWith: .success) { [path = path as String] in
            try Sample.write(to: path, run: "aaaaaaaa", count: 400)
        }
        async let second = #expect(processExitsWith: .success) { [path = path as String] in
            try Sample.write(to: path, run: "bbbbbbbb", count: 400)
        }
        _ = await (first, second)
        #expect(try state.verifiedCount() == 800)
    }

    @Test(arguments: [false, true])
    func `I06 a writer killed in mid-stream leaves a store that verifies and goes on`(
        isDurable: Bool
    ) async throws {
        let state = try StateFixture()
        let path = state.path
        for _ in 0..<3 {
            await #expect(processExitsWith: .signal(SIGKILL)) {
                [path = path as String, isDurable = isDurable as Bool] in
                let store = try AuditStore.open(directory: path, run: "dddddddd")
                let safety = isDurable ? RecordSafety.durable : .written
                for number in 0..<100_000 {
                    store.append(Sample.request("GET /\(number)"), until: safety) { _ in
                        if number == 1_500 { _ = kill(getpid(), SIGKILL) }
                    }
                    if number.isMultiple(of: 5_000) { store.flush() }
                }
            }
        }
        let count = try #require(try state.verifiedCount())
        #expect(count >= 3 * 1_500)
        let tally = try state.open().appendOneByOne([Sample.request()])
        #expect(tally.failures.isEmpty)
        #expect(try state.verifiedCount() == count + 1)
    }

    @Test func `every file is its owner's alone`() throws {
        let state = try StateFixture()
        let store = try state.open()
        _ = store.appendOneByOne([Sample.request()])
        for name in ["audit.sqlite", "audit.sqlite-wal", "audit.head", "keys/audit.key", "keys/audit.pub"] {
            let attributes = try FileManager.default.attributesOfItem(atPath: "\(state.path)/\(name)")
            #expect(attributes[.posixPermissions] as? Int == 0o600, "\(name)")
        }
        let keys = try FileManager.default.attributesOfItem(atPath: state.path + "/keys")
        #expect(keys[.posixPermissions] as? Int == 0o700)
    }
}

extension Sample {
    /// What one supervisor among several does.
    static func write(to path: String, run: String, count: Int) throws {
        let store = try AuditStore.open(directory: path, run: run)
        let tally = Tally()
        for number in 0..<count {
            store.append(request("GET /\(number)"), until: .durable) { tally.record($0) }
            if number.isMultiple(of: 20) { store.flush() }
        }
        store.flush()
        guard tally.count == count, tally.failures.isEmpty else {
            throw WriteFailed(failures: tally.failures)
        }
    }

    struct WriteFailed: Error { let failures: [AuditFailure] }
}
