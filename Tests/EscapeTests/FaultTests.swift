import Foundation
import Glibc
import TestSupport
import Testing

extension Escapes {
    /// A set-up in which something fails.
    @Suite("Faults", .serialized)
    struct FaultTests {
        /// All of them with `BAILEY_FAULTS=all`, as `make faults` has it; else the first, the last and one between.
        private static func chosen(_ faults: [Faults.Fault]) -> [Faults.Fault] {
            guard ProcessInfo.processInfo.environment["BAILEY_FAULTS"] != "all" else { return faults }
            return Dictionary(grouping: faults) { $0.call }.values.flatMap { same in
                Set([0, same.count / 2, same.count - 1]).sorted().map { same[$0] }
            }
        }

        @Test("R01: whichever system call of the set-up fails, the command never runs, and it is said why")
        func everyCall() throws {
            let faults = Faults(place: try Place())
            let control = try faults.launch()
            #expect(control.hasRun && control.outcome.code == 0 && !control.isHit, "\(control.outcome)")
            var hits = 0
            for fault in Self.chosen(try faults.all()) {
                let trial = try faults.launch(failing: fault)
                guard trial.isHit else { continue }
                hits += 1
                #expect(!trial.hasRun && trial.outcome.code == 125, "\(fault): \(trial.outcome)")
                #expect(trial.outcome.errors.hasPrefix("bailey: "), "\(fault): \(trial.outcome)")
            }
            // Fewer would mean that the trace is not understood any more.
            #expect(hits > 60)
            #expect(try faults.launch().hasRun)
            let left = try FileManager.default.contentsOfDirectory(atPath: faults.place.root + "/run/bailey")
            #expect(left == [] && HostProcesses.leftInits(below: faults.place.workspace, within: 60).isEmpty)
            let files = try FileManager.default.contentsOfDirectory(atPath: faults.place.workspace)
            #expect(files == [])
        }
    }
}
