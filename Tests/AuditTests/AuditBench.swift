import Audit
import Dispatch
import Foundation
import Glibc
import Model
import Synchronization
import TestSupport
import Testing

/// `make bench-audit` runs it: speeds of one core, by CPU time, and what memory a verification takes.
@Suite(
    .enabled(
        if: ProcessInfo.processInfo.environment["BAILEY_BENCH"] != nil,
        "needs BAILEY_BENCH, which make bench-audit sets"
    ),
    .serialized
)
struct AuditBench {
    private static let records =
        ProcessInfo.processInfo.environment["BAILEY_BENCH_RECORDS"].flatMap(Int.init) ?? 1_000_000

    /// Allowed requests of an agent three deep, with the fields of a client: what a busy gateway writes most.
    private static let entries: [AuditEntry] = (0..<1_000).map { number in
        let lineage = Sample.grandchild
        let rule = RuleReference(text: "https://api.example.com: GET /v1/**", source: "ci.yaml:14")
        return .request(
            RequestRecord(
                lineage: lineage,
                action: "GET /v1/items/\(number)",
                resource: "https://api.example.com",
                exchange: UInt64(number),
                fields: HeadFields(text: "host: api.example.com\nuser-agent: curl/8.5.0\naccept: */*"),
                verdict: .allow,
                levels: lineage.hops.map {
                    LevelVerdict(agent: $0.agent, profile: $0.profile, effect: .allow, rule: rule)
                }
            )
        )
    }

    private func report(_ what: String, _ count: Int, _ cpu: Double, _ wall: Double) {
        print(
            "BENCH \(what): \(Int(Double(count) / cpu)) records a second of CPU time, \(Int(Double(count) / wall)) of the clock"
        )
    }

    private func timed<Value>(
        _ body: () throws -> Value
    ) rethrows -> (value: Value, cpu: Double, wall: Double) {
        let (cpu, clock) = (Self.processor(), ContinuousClock.now)
        let value = try body()
        let wall = clock.duration(to: .now)
        return (
            value, Self.processor() - cpu,
            Double(wall.components.seconds) + Double(wall.components.attoseconds) / 1e18
        )
    }

    /// Seconds of processor time of all threads: the store writes on its own (CLOCK_PROCESS_CPUTIME_ID).
    private static func processor() -> Double {
        var time = timespec()
        clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time)
        return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
    }

    /// KiB of the process's resident memory (proc_pid_status(5)).
    private func resident(_ field: String) -> Int {
        let status = (try? String(contentsOfFile: "/proc/self/status", encoding: .utf8)) ?? ""
        let line = status.split(separator: "\n").first { $0.hasPrefix(field + ":") }
        return line?.split(separator: " ").dropFirst().first.flatMap { Int($0) } ?? 0
    }

    /// Microseconds until each of some records, appended one after the other by so many at a time, is on the disk, ascending.
    private static func waits(_ store: AuditStore, by clients: Int, _ count: Int) -> [Int] {
        let waits = Mutex<[Int]>([])
        let tally = Tally()
        DispatchQueue.concurrentPerform(iterations: clients) { _ in
            for number in 0..<count / clients {
                let (isThere, clock) = (DispatchSemaphore(value: 0), ContinuousClock.now)
                store.append(entries[number % entries.count], until: .durable) { result in
                    tally.record(result)
                    isThere.signal()
                }
                isThere.wait()
                let wait = clock.duration(to: .now) / Duration.microseconds(1)
                waits.withLock { $0.append(Int(wait)) }
            }
        }
        #expect(tally.failures.isEmpty)
        return waits.withLock { $0.sorted() }
    }

    @Test(arguments: [1, 2]) func `a record is on the disk`(clients: Int) throws {
        let store = try StateFixture().open()
        let count = 10_000
        let timed = timed { Self.waits(store, by: clients, count) }
        let (waits, cpu) = (timed.value, Int(timed.cpu * 1_000_000) / count)
        print(
            "BENCH on the disk, \(clients) at a time: after \(waits[count / 2]) us at the median, \(waits[count * 99 / 100]) us at the "
                + "99th percentile, with \(cpu) us of processor time each"
        )
    }

    @Test func `a log is written, verified and exported`() throws {
        let state = try StateFixture()
        let written = try timed {
            let store = try state.open()
            for start in stride(from: 0, to: Self.records, by: 8_192) {
                let tally = Tally()
                for number in start..<min(start + 8_192, Self.records) {
                    store.append(Self.entries[number % Self.entries.count], until: .durable) {
                        tally.record($0)
                    }
                }
                store.flush()
                #expect(tally.failures.isEmpty)
            }
        }
        report("chained, sealed and on the disk", Self.records, written.cpu, written.wall)
        // The highest mark begins anew (proc_pid_clear_refs(5)).
        try Data("5".utf8).write(to: URL(fileURLWithPath: "/proc/self/clear_refs"))
        let before = resident("VmRSS")
        let verified = try timed { try AuditVerifier(directory: state.path, readers: 1).verify() }
        #expect(verified.value.isVerified)
        report("verified by one reader", Self.records, verified.cpu, verified.wall)
        print(
            "BENCH verifying \(Self.records) records took \(resident("VmHWM") - before) KiB more than before"
        )
        let together = try timed { try AuditVerifier(directory: state.path).verify() }
        #expect(together.value.isVerified)
        let cores = ProcessInfo.processInfo.activeProcessorCount
        report("verified by \(cores) readers", Self.records, together.cpu, together.wall)
        let exported = try timed {
            var count = 0
            try RecordExport(directory: state.path).slices(RecordSelection()) { records, _ in
                count += try records.reduce(0) { try $0 + ($1.json().isEmpty ? 0 : 1) }
            }
            return count
        }
        #expect(exported.value == Self.records)
        report("exported as JSON Lines", Self.records, exported.cpu, exported.wall)
        let octets =
            try FileManager.default.attributesOfItem(atPath: state.path + "/audit.sqlite")[.size] as? Int ?? 0
        print("BENCH the log has \(octets / Self.records) octets a record")
    }
}
