import Foundation
import Glibc
import TestSupport
import Testing

extension Escapes {
    /// Sections P and C: outliving what ends an agent.
    @Suite("Lifetimes", .serialized)
    struct LifetimeTests {
        /// An argument that only this test's processes have.
        private let mark = "300.\(getpid())\(UInt32.random(in: 1000...9999))"

        private func expectNothingLeft(of place: Place) {
            #expect(HostProcesses.left(with: mark, within: 60).isEmpty)
            #expect(HostProcesses.leftInits(below: place.root, within: 60).isEmpty)
        }

        @Test(
            "P11: whatever signal ends the launcher, nothing survives",
            arguments: [SIGTERM, SIGINT, SIGHUP, SIGKILL],
            Standing.possible
        )
        func launcherEnded(number: Int32, standing: Standing) throws {
            let place = try Place(for: standing.starter)
            let running = try place.running("sleep \(mark) & echo ready; exec sleep \(mark)", at: standing)
            #expect(running.awaitOutput("ready"))
            running.signal(number)
            #expect(running.finish().code != 0)
            expectNothingLeft(of: place)
        }

        @Test("P11, control: without a sandbox what was left in the background goes on")
        func launcherEndedOutside() throws {
            let place = try Place()
            let running = try RunningCommand(
                ["sh", "-c", "sleep \(mark) >/dev/null 2>&1 & echo ready; exec sleep 60"],
                environment: place.environment,
                directory: place.workspace
            )
            #expect(running.awaitOutput("ready"))
            running.signal(SIGKILL)
            _ = running.finish()
            let left = HostProcesses.appearing(with: mark)
            #expect(left.count == 1)
            for process in left { kill(process, SIGKILL) }
        }

        @Test(
            "P15: a process left in the background does not outlive the command",
            arguments: Standing.possible
        )
        func background(standing: Standing) throws {
            let place = try Place(for: standing.starter)
            let script = "setsid sleep \(mark) >/dev/null 2>&1 & exit 7"
            #expect(try place.agent(script, at: standing).code == 7)
            expectNothingLeft(of: place)
            #expect(try place.control(script).code == 7)
            let left = HostProcesses.appearing(with: mark)
            #expect(left.count == 1)
            for process in left { kill(process, SIGKILL) }
        }

        @Test(
            "P25: a command that ignores SIGTERM and stops itself is ended at its time limit, with 124",
            arguments: Standing.possible
        )
        func stopped(standing: Standing) throws {
            let place = try Place(for: standing.starter)
            let outcome = try place.agent(
                "trap '' TERM INT HUP; kill -STOP $$; sleep \(mark)",
                at: standing,
                body: "limits: {time: 1s}\n"
            )
            #expect(outcome.code == 124, "\(outcome)")
            expectNothingLeft(of: place)
        }

        @Test("C06: processes that are always new do not outrun the end", arguments: Standing.possible)
        func alwaysNew(standing: Standing) throws {
            let place = try Place(for: standing.starter)
            try place.arm(with: attacker("resources"))
            let running = try place.running(
                "exec ./resources C06 200000 0 \(mark)",
                at: standing,
                body: "limits: {processes: 100}\n"
            )
            #expect(running.awaitOutput("up"))
            #expect((0..<100).contains { _ in !HostProcesses.running(with: mark).isEmpty })
            running.signal(SIGKILL)
            _ = running.finish()
            expectNothingLeft(of: place)
            #expect((0..<50).allSatisfy { _ in HostProcesses.running(with: mark).isEmpty })
        }

        @Test("C06, control: without a sandbox they do")
        func alwaysNewOutside() throws {
            let place = try Place()
            try place.arm(with: attacker("resources"))
            let running = try RunningCommand(
                ["./resources", "C06", "60", "50000", mark],
                environment: place.environment,
                directory: place.workspace
            )
            #expect(running.awaitOutput("up"))
            running.signal(SIGKILL)
            // A look that goes through all processes may miss one that is new: look more than once.
            #expect((0..<100).contains { _ in !HostProcesses.running(with: mark).isEmpty })
            // They end by themselves, after a bounded number.
            _ = running.finish()
            #expect(HostProcesses.left(with: mark, within: 60).isEmpty)
        }
    }
}
