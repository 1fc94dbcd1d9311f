import Audit
import Foundation
import Model
import Synchronization
import Testing

/// What checkpoints that are kept elsewhere show of the log.
struct CheckpointTests {
    private func filled(_ count: Int = 6) throws -> StateFixture {
        let state = try StateFixture()
        _ = try state.open().appendOneByOne((0..<count).map { Sample.request("GET /\($0)") })
        return state
    }

    /// Beside the state directory, where whoever may write that may not.
    private func file(of state: StateFixture) -> String { state.path + "-checkpoints" }

    private func complaint(_ state: StateFixture, _ file: String) throws -> AuditFinding? {
        let verification = try AuditVerifier(directory: state.path, checkpoints: file).verify()
        if case .broken(let finding) = verification { return finding }
        return nil
    }

    private func noted(_ state: StateFixture) throws -> String {
        let file = file(of: state)
        try CheckpointFile(file).append(Checkpoint(ofStore: state.path))
        return file
    }

    @Test func `a log that has all records that checkpoints name agrees with them`() throws {
        let state = try filled()
        let file = try noted(state)
        defer { try? FileManager.default.removeItem(atPath: file) }
        _ = try state.open().appendOneByOne([Sample.request("GET /later")])
        try CheckpointFile(file).append(Checkpoint(ofStore: state.path))
        let verification = try AuditVerifier(directory: state.path, checkpoints: file).verify()
        guard case .verified(let head) = verification else {
            Issue.record("\(verification)")
            return
        }
        #expect(head.checkpoints == 2 && head.records == 7)
        #expect(verification.text(TextStyle(isColoured: false)).contains("2 checkpoints agree"))
    }

    @Test
    func
        `I: a tail that was cut with its seals and its head put back shows by a checkpoint, and without it does not`()
        throws
    {
        let state = try filled(3)
        let head = try Data(contentsOf: URL(fileURLWithPath: state.path + "/audit.head"))
        _ = try state.open().appendOneByOne([Sample.request("GET /gone"), Sample.request("GET /too")])
        let file = try noted(state)
        defer { try? FileManager.default.removeItem(atPath: file) }
        try state.sqlite("DELETE FROM records WHERE sequence > 3; DELETE FROM seals WHERE last > 3")
        try state.write(head, to: "audit.head")
        #expect(try state.verifiedCount() == 3, "the control: the log alone looks whole")
        let finding = try #require(try complaint(state, file))
        #expect(finding.code == .cut && finding.record == 4, "\(finding)")
        #expect(finding.message.contains("names record 5"), "\(finding)")
    }

    @Test func `a log that was written anew with the same key shows`() throws {
        let state = try filled()
        let file = try noted(state)
        defer { try? FileManager.default.removeItem(atPath: file) }
        for name in ["audit.sqlite", "audit.sqlite-wal", "audit.sqlite-shm", "audit.head"] {
            try? FileManager.default.removeItem(atPath: state.path + "/" + name)
        }
        _ = try state.open().appendOneByOne((0..<8).map { Sample.request("GET /other/\($0)") })
        #expect(try state.verifiedCount() == 8, "the control")
        let finding = try #require(try complaint(state, file))
        #expect(finding.code == .checkpoint && finding.record == 6, "\(finding)")
    }

    @Test func `behind another log's checkpoints none is appended, and their own log goes on with them`()
        throws
    {
        let (state, other) = (try filled(), try filled())
        let file = try noted(other)
        defer { try? FileManager.default.removeItem(atPath: file) }
        let before = try Data(contentsOf: URL(fileURLWithPath: file))
        let error = #expect(throws: AuditStoreError.self) {
            try CheckpointFile(file).append(Checkpoint(ofStore: state.path))
        }
        #expect(error?.description.contains("has the checkpoints of another log") == true, "\(error as Any)")
        #expect(try Data(contentsOf: URL(fileURLWithPath: file)) == before)
        try CheckpointFile(file).append(Checkpoint(ofStore: other.path))
        #expect(try complaint(other, file) == nil)
    }

    @Test func `a checkpoint of another log is not taken for one of this`() throws {
        let (state, other) = (try filled(), try filled())
        let file = try noted(other)
        defer { try? FileManager.default.removeItem(atPath: file) }
        let finding = try #require(try complaint(state, file))
        #expect(finding.code == .checkpoint && finding.message.contains("another log"), "\(finding)")
    }

    /// What somebody does to the file with a text editor, and how it is named.
    struct Forged: Sendable, CustomTestStringConvertible {
        let name: String
        let reason: String
        let change: @Sendable (String) -> String

        init(_ name: String, _ reason: String, _ change: @escaping @Sendable (String) -> String) {
            (self.name, self.reason, self.change) = (name, reason, change)
        }

        var testDescription: String { name }

        static let all = [
            Forged("another number", "forged") { $0.replacing(" 6 ", with: " 5 ") },
            Forged("another hash", "forged") { $0.replacing("v1 6 ", with: "v1 6 00") },
            Forged("another time", "forged") { text in
                text.replacing(text.split(separator: " ")[3], with: "1")
            },
            Forged("half a line that was changed", "line 1") { text in
                String(text.prefix(80)) + "x\n" + text
            },
            Forged("something else behind the last line", "line 2") { $0 + "hello" },
            Forged("only half a line", "holds no checkpoint") { String($0.prefix(80)) },
            Forged("something else", "line 1") { _ in "hello\n" },
            Forged("nothing", "holds no checkpoint") { _ in "" },
            Forged("no end of a line", "too long") { _ in String(repeating: "x", count: 5_000) },
        ]
    }

    @Test(arguments: Forged.all)
    func `a forged checkpoint is found out`(forged: Forged) throws {
        let state = try filled()
        let file = try noted(state)
        defer { try? FileManager.default.removeItem(atPath: file) }
        #expect(try complaint(state, file) == nil, "the control")
        let text = try String(contentsOfFile: file, encoding: .utf8)
        try forged.change(text).write(toFile: file, atomically: false, encoding: .utf8)
        let finding = try #require(try complaint(state, file))
        #expect(finding.code == .checkpoint && finding.message.contains(forged.reason), "\(finding)")
    }

    @Test func `a checkpoint from the future is found out`() throws {
        let state = try filled()
        let file = file(of: state)
        defer { try? FileManager.default.removeItem(atPath: file) }
        let later = Timestamp(milliseconds: AuditStore.wallClock().milliseconds + 86_400_000)
        try CheckpointFile(file).append(Checkpoint(ofStore: state.path, at: later))
        let finding = try #require(try complaint(state, file))
        #expect(finding.code == .checkpoint && finding.message.contains("future"), "\(finding)")
    }

    @Test(arguments: [1, 27, 28, 60, 100, 300])
    func
        `I06: half a line, of a writer that was killed, is passed over and said, and the next takes its place`(
            length: Int
        )
        throws
    {
        let state = try filled()
        let file = try noted(state)
        defer { try? FileManager.default.removeItem(atPath: file) }
        let whole = try String(contentsOfFile: file, encoding: .utf8)
        try (whole + whole.prefix(length)).write(toFile: file, atomically: false, encoding: .utf8)
        #expect(try passedOver(state, file) == 1)
        try CheckpointFile(file).append(Checkpoint(ofStore: state.path))
        let lines = try String(contentsOfFile: file, encoding: .utf8).split(separator: "\n")
        #expect(lines.count == 2 && lines.first.map { String($0) } == String(whole.dropLast()), "\(lines)")
        #expect(try passedOver(state, file) == nil)
    }

    /// How many lines were passed over; -1 where the file does not agree.
    private func passedOver(_ state: StateFixture, _ file: String) throws -> Int64? {
        let verification = try AuditVerifier(directory: state.path, checkpoints: file).verify()
        guard case .verified(let head) = verification else {
            Issue.record("\(verification)")
            return -1
        }
        let text = verification.text(TextStyle(isColoured: false))
        #expect(text.contains("only begun") == (head.begunCheckpoints != nil), "\(text)")
        return head.begunCheckpoints
    }

    @Test
    func
        `half a line that could not be taken away, and was ended by the next writer, is passed over and said`()
        throws
    {
        let state = try filled()
        let file = try noted(state)
        defer { try? FileManager.default.removeItem(atPath: file) }
        let whole = try String(contentsOfFile: file, encoding: .utf8)
        try (whole + whole.prefix(100) + "\n" + whole).write(toFile: file, atomically: false, encoding: .utf8)
        #expect(try passedOver(state, file) == 1)
    }

    @Test func `a whole line without its end counts, and the next stands behind it`() throws {
        let state = try filled()
        let file = try noted(state)
        defer { try? FileManager.default.removeItem(atPath: file) }
        let whole = try String(contentsOfFile: file, encoding: .utf8)
        try String(whole.dropLast()).write(toFile: file, atomically: false, encoding: .utf8)
        #expect(try passedOver(state, file) == nil)
        try CheckpointFile(file).append(Checkpoint(ofStore: state.path))
        let lines = try String(contentsOfFile: file, encoding: .utf8).split(separator: "\n")
        #expect(lines.count == 2 && lines.first.map { String($0) } == String(whole.dropLast()), "\(lines)")
    }

    @Test func `what somebody else wrote at the end of the file is not taken away`() throws {
        let state = try filled()
        let file = try noted(state)
        defer { try? FileManager.default.removeItem(atPath: file) }
        let whole = try String(contentsOfFile: file, encoding: .utf8)
        try (whole + "hello").write(toFile: file, atomically: false, encoding: .utf8)
        try CheckpointFile(file).append(Checkpoint(ofStore: state.path))
        #expect(try String(contentsOfFile: file, encoding: .utf8).hasPrefix(whole + "hello\n"))
    }

    /// Takes what is posted, or does not.
    private final class Server: MessageTransport {
        let statuses: Mutex<[Int]>
        let posts = Mutex<[OperatorMessage]>([])

        /// The last is given again and again.
        init(_ statuses: Int...) { self.statuses = Mutex(statuses) }

        func post(_ message: OperatorMessage) throws(MessageFailure) -> MessageReply {
            posts.withLock { $0.append(message) }
            return MessageReply(
                status: statuses.withLock { $0.count > 1 ? $0.removeFirst() : $0[0] },
                body: []
            )
        }
    }

    private func awaiting(_ condition: () throws -> Bool) throws -> Bool {
        let end = Date(timeIntervalSinceNow: 60)
        while try !condition(), Date() < end { Thread.sleep(forTimeInterval: 0.01) }
        return try condition()
    }

    @Test
    func `a store writes checkpoints behind so many records, to a file and a webhook, and one at its end`()
        throws
    {
        let state = try StateFixture()
        let file = file(of: state)
        defer { try? FileManager.default.removeItem(atPath: file) }
        let server = Server(200)
        let store = try state.open()
        var plan = CheckpointPlan()
        (plan.file, plan.records, plan.seconds) = (file, 5, 3_600)
        let address = try #require(WebAddress("https://hook.test/checkpoints"))
        plan.webhook = try .init(address: address, secret: Array("0123456789abcdef0123456789abcdef".utf8))
        store.keepCheckpoints(plan, by: server)
        _ = store.appendOneByOne((0..<5).map { Sample.request("GET /\($0)") })
        #expect(try awaiting { server.posts.withLock { $0.count } == 1 })
        _ = store.appendOneByOne([Sample.request("GET /last")])
        store.finishCheckpoints()
        let lines = try String(contentsOfFile: file, encoding: .utf8).split(separator: "\n")
        #expect(lines.count == 2 && lines.last?.contains("-v1 6 ") == true, "\(lines)")
        #expect(try complaint(state, file) == nil)
        let posts = server.posts.withLock { $0 }
        #expect(posts.count == 2)
        #expect(posts.last?.body.contains("\"sequence\":6") == true)
        #expect(
            posts.last?.fields.contains { $0.name == "webhook-signature" && $0.value.hasPrefix("v1,") }
                == true
        )
    }

    @Test
    func
        `a place that fails loses no record, is on record once, and is said; when it is back that is on record`()
        throws
    {
        let state = try StateFixture()
        let (store, server) = (try state.open(), Server(500, 500, 200))
        var plan = CheckpointPlan()
        (plan.records, plan.seconds) = (1, 1)
        let address = try #require(WebAddress("https://hook.test/checkpoints"))
        plan.webhook = try .init(address: address, secret: Array("0123456789abcdef0123456789abcdef".utf8))
        store.keepCheckpoints(plan, by: server)
        #expect(store.appendOneByOne((0..<20).map { Sample.request("GET /\($0)") }).failures.isEmpty)
        #expect(try awaiting { server.posts.withLock { $0.count } >= 3 })
        func events(_ name: String) throws -> Int {
            store.flush()
            var count = 0
            try AuditReader(directory: state.path).records(matching: AuditQuery()) { record in
                if case .custody(let custody)? = record.entry, custody.event.rawValue == name { count += 1 }
                return true
            }
            return count
        }
        #expect(try awaiting { try events("checkpoint-resumed") == 1 })
        #expect(try events("checkpoint-failed") == 1)
        #expect(store.takeCheckpointFailure()?.contains("answered 500") == true)
        #expect(store.takeCheckpointFailure() == nil)
        #expect(try state.finding() == nil)
    }

    @Test
    func `while one place fails, the other gets no record's checkpoint twice`() throws {
        let state = try StateFixture()
        let file = file(of: state)
        defer { try? FileManager.default.removeItem(atPath: file) }
        let (store, server) = (try state.open(), Server(500, 500, 200))
        var plan = CheckpointPlan()
        (plan.file, plan.records, plan.seconds) = (file, 1, 1)
        let address = try #require(WebAddress("https://hook.test/checkpoints"))
        plan.webhook = try .init(address: address, secret: Array("0123456789abcdef0123456789abcdef".utf8))
        store.keepCheckpoints(plan, by: server)
        #expect(store.appendOneByOne([Sample.request()]).failures.isEmpty)
        #expect(try awaiting { server.posts.withLock { $0.count } >= 3 })
        store.finishCheckpoints()
        let lines = try String(contentsOfFile: file, encoding: .utf8).split(separator: "\n")
        let records = lines.map { $0.split(separator: " ")[1] }
        #expect(records.count >= 2 && Set(records).count == records.count, "\(records)")
        let posted = server.posts.withLock { $0 }
        let bodies = posted.map { $0.body.contains("\"sequence\":2,") }
        #expect(
            bodies.filter { $0 }.count >= 2,
            "the control: the one that fails was tried again with the same record"
        )
    }

    @Test func `a place that is no file holds up no record, and is said`() throws {
        let state = try StateFixture()
        let store = try state.open()
        var plan = CheckpointPlan()
        (plan.file, plan.records) = ("/dev/full", 1)
        store.keepCheckpoints(plan, by: Server(200))
        #expect(store.appendOneByOne((0..<5).map { Sample.request("GET /\($0)") }).failures.isEmpty)
        store.finishCheckpoints()
        #expect(store.takeCheckpointFailure()?.contains("/dev/full") == true)
    }
}
