import Audit
import Foundation
import Model
import Synchronization
import TestSupport
import Testing

/// A wall clock that jumps: what orders the log is its numbers, and a record's time is what the clock said.
struct ClockTests {
    /// Milliseconds since 1970 that the clock says, one after the other: now, ten years back, eighty ahead, the beginning, now.
    private static let moments: [Int64] = [
        1_764_000_000_000, 1_448_000_000_000, 4_288_000_000_000, 0, -1, 1_764_000_000_001,
    ]

    private func filled() throws -> StateFixture {
        let state = try StateFixture()
        let now = Mutex(Self.moments[0])
        let store = try AuditStore.open(directory: state.path, run: "0badcafe") {
            Timestamp(milliseconds: now.withLock { $0 })
        }
        let lives = [Sample.spawn(Sample.root), Sample.spawn(Sample.child)]
        let requests = (0..<40).map { Sample.request("GET /\($0)") }
        let ends = [Sample.exit(Sample.child), Sample.exit(Sample.root)]
        for (number, entry) in (lives + requests + ends).enumerated() {
            now.withLock { $0 = Self.moments[number % Self.moments.count] }
            #expect(store.appendOneByOne([entry]).failures.isEmpty)
        }
        return state
    }

    @Test func `the records come in the order in which they were written, each with what the clock said`()
        throws
    {
        let state = try filled()
        var (actions, times): ([String], Set<Int64>) = ([], [])
        try AuditReader(directory: state.path).records(matching: AuditQuery()) { record in
            times.insert(record.time.milliseconds)
            if case .request(let request) = record.entry { actions.append(request.action) }
            return true
        }
        #expect(actions == (0..<40).map { "GET /\($0)" })
        #expect(times == Set(Self.moments))
    }

    @Test func `the log verifies, and goes on behind a jump`() throws {
        let state = try filled()
        #expect(try state.verifiedCount() == 44)
        #expect(try state.open().appendOneByOne([Sample.request()]).failures.isEmpty)
        #expect(try state.verifiedCount() == 45)
    }

    @Test func `checkpoints agree whatever the clock said, and one of a cut tail does not`() throws {
        let state = try filled()
        let file = state.path + "-checkpoints"
        defer { try? FileManager.default.removeItem(atPath: file) }
        // One from the future is told by name: CheckpointTests.
        let past = Self.moments.filter { $0 < AuditStore.wallClock().milliseconds }
        for moment in past {
            _ = try state.open().appendOneByOne([Sample.request()])
            let checkpoint = try Checkpoint(ofStore: state.path, at: Timestamp(milliseconds: moment))
            try CheckpointFile(file).append(checkpoint)
        }
        let head = try Data(contentsOf: URL(fileURLWithPath: state.path + "/audit.head"))
        guard case .verified(let whole) = try AuditVerifier(directory: state.path, checkpoints: file).verify()
        else {
            Issue.record("checkpoints of jumping times do not agree")
            return
        }
        #expect(whole.checkpoints == Int64(past.count))
        _ = try state.open().appendOneByOne([Sample.request("GET /gone")])
        try CheckpointFile(file).append(Checkpoint(ofStore: state.path, at: Timestamp(milliseconds: 0)))
        try state.sqlite("DELETE FROM records WHERE sequence > 49; DELETE FROM seals WHERE last > 49")
        try state.write(head, to: "audit.head")
        let cut = try AuditVerifier(directory: state.path, checkpoints: file).verify()
        guard case .broken(let finding) = cut else {
            Issue.record("a cut tail is not seen")
            return
        }
        #expect(finding.code == .cut && finding.record == 50, "\(finding)")
    }

    @Test func `a trace, a picture, an export and a receipt are made of it`() throws {
        let state = try filled()
        let reader = try AuditReader(directory: state.path)
        var requests = 0
        try reader.traces(of: .run("0badcafe")) { trace in
            requests += trace.agents.reduce(0) { $0 + $1.requests.reduce(0) { $0 + $1.count } }
        }
        #expect(requests == 40)
        let picture = try #require(try reader.timeline(of: "0badcafe")).svg
        #expect(picture.contains("</svg>") && !picture.contains("nan") && !picture.contains("inf"))
        var exported = 0
        try RecordExport(directory: state.path).slices(RecordSelection()) { records, _ in
            exported += records.count
        }
        #expect(exported == 44)
        let receipt = try state.receipt().verified()
        #expect(receipt.code == 0, "\(receipt)")
    }
}
