import Foundation
import Glibc
import Testing

extension EndToEnd {
    /// Whose death is whose.
    @Suite("Lifecycle", .serialized)
    struct LifecycleTests {
        let place: Place
        /// An argument that only this test's processes have.
        let mark = "300.\(getpid())\(UInt32.random(in: 1000...9999))"

        init() throws {
            place = try Place()
            try place.nestingProfiles()
        }

        private func nested() throws -> RunningCommand {
            try place.write("echo ready; exec sleep \(mark)", to: "workspace/waiting")
            return try RunningCommand(
                place.launcher + ["-p", "top", "--profiles", place.profiles, "--"]
                    + [
                        "bailey", "run", "-p", "mid", "--", "bailey", "run", "-p", "leaf", "--", "sh",
                        "./waiting",
                    ],
                environment: place.environment,
                directory: place.workspace
            )
        }

        private func expectNothingLeft(of place: Place? = nil) {
            #expect(HostProcesses.left(with: mark, within: 60).isEmpty)
            let root = (place ?? self.place).root
            #expect(HostProcesses.leftInits(below: root, within: 60).isEmpty)
        }

        @Test("P11 G20: SIGKILL of the supervisor ends every agent, three levels deep")
        func supervisorKilled() throws {
            let running = try nested()
            #expect(running.awaitOutput("ready"))
            // The shell says so before it becomes the program.
            #expect(HostProcesses.appearing(with: mark).count == 1)
            running.signal(SIGKILL)
            #expect(running.finish().code == 137)
            expectNothingLeft()
        }

        /// A thousand with `BAILEY_KILLS=1000`, as `make kills` has it.
        private static let kills = Int(ProcessInfo.processInfo.environment["BAILEY_KILLS"] ?? "") ?? 40

        @Test(
            "P12: SIGKILL of the supervisor at any moment of a launch leaves no agent alive",
            arguments: Standing.roots
        )
        func supervisorKilledEarly(standing: Standing) throws {
            let place = try Place(for: standing.starter)
            for attempt in 0..<Self.kills {
                let running = try place.running("sleep \(mark) & sleep \(mark)", at: standing)
                // From 0 to 50 ms after the start, at moments that each start spreads anew.
                let moment = Double(attempt) / Double(Self.kills) * 0.05 + Double.random(in: 0...0.002)
                Thread.sleep(forTimeInterval: moment)
                running.signal(SIGKILL)
                _ = running.finish()
            }
            expectNothingLeft(of: place)
        }

        @Test("P12: SIGKILL at any moment of a nested launch leaves no agent alive")
        func supervisorKilledWhileNesting() throws {
            for attempt in 0..<20 {
                let running = try nested()
                Thread.sleep(forTimeInterval: 0.04 + Double(attempt * 6) / 1000)
                running.signal(SIGKILL)
                _ = running.finish()
            }
            expectNothingLeft()
        }

        @Test("H07 G19: killing an agent in the middle kills its descendants, and its ancestors go on")
        func middleKilled() throws {
            try place.write("echo ready; exec sleep \(mark)", to: "workspace/waiting")
            try place.write("bailey run -p leaf -- sh ./waiting", to: "workspace/middle")
            let script = """
                bailey run -p mid -- sh ./middle > out 2>&1 &
                until grep -q ready out; do sleep 0.01; done
                kill -KILL $!; wait $!
                echo "first $?"; bailey run -p mid -- echo "still here"; read wait
                """
            let running = try place.running(script, profile: "top")
            #expect(running.awaitOutput("still here"))
            #expect(HostProcesses.left(with: mark, within: 60).isEmpty)
            running.write(Data("\n".utf8))
            #expect(running.finish().lines == ["first 137", "still here"])
        }

        @Test(
            "P13: an agent that clears its parent-death signal dies with the supervisor all the same",
            arguments: Standing.possible
        )
        func clearedDeathSignal(standing: Standing) throws {
            let place = try Place(for: standing.starter)
            let clear = "import ctypes,os;ctypes.CDLL(None).prctl(1,0);os.setsid() if os.fork()==0 else 0"
            let running = try place.running(
                "/usr/bin/python3 -c \"\(clear);print('ready',flush=True);os.execvp('sleep',['sleep','\(mark)'])\"",
                at: standing
            )
            #expect(running.awaitOutput("ready"))
            running.signal(SIGKILL)
            _ = running.finish()
            expectNothingLeft(of: place)
        }

        @Test("A child's time limit ends the child, and the parent learns 124")
        func childTimeLimit() throws {
            try place.profile("brief", "extends: [base]\nlimits: {time: 1s}\n")
            try place.profile("top", "extends: [base]\nchildren: {profiles: [brief], depth: 1, count: 4}\n")
            let outcome = try place.agent(
                "bailey run -p brief -- sleep \(mark); echo code=$?",
                profile: "top"
            )
            #expect(outcome.lines == ["code=124"], "\(outcome)")
            expectNothingLeft()
        }

        @Test("R12: what a killed supervisor leaves does not keep the next one from starting")
        func restart() throws {
            let running = try nested()
            #expect(running.awaitOutput("ready"))
            running.signal(SIGKILL)
            _ = running.finish()
            #expect(try place.agent("echo again").lines == ["again"])
            let verified = try place.bailey(["audit", "verify"])
            #expect(verified.code == 0, "\(verified)")
        }

        @Test("R11: supervisors that are started at once make one store, and each launches")
        func firstTogether() throws {
            for _ in 0..<10 {
                let place = try Place()
                // Nothing is protected: of two launches that find each other's stand-in for an absent path, which goes
                // with its agent, one may be refused ("leads elsewhere than a moment ago"), and that is another matter.
                try place.profile("plain", "files: {write: [$WORKSPACE]}\n")
                let launch =
                    "'\(place.binary)' run -p plain --profiles '\(place.profiles)' -- true || echo failed"
                let outcome = try place.control("for i in 1 2 3 4 5 6; do (\(launch)) & done; wait")
                #expect(outcome.output.isEmpty && outcome.errors.isEmpty, "\(outcome)")
                #expect(try place.bailey(["audit", "verify"]).code == 0)
            }
        }

        @Test("R11: launches leave no mount, process, control group or temporary file behind")
        func nothingLeft() throws {
            let before = try traces()
            for _ in 0..<10 { #expect(try place.agent("exit 0", at: .grandchild).code == 0) }
            // Other suites run meanwhile, and what they mount and make goes again.
            var left = try traces().subtracting(before)
            let end = Date(timeIntervalSinceNow: 60)
            while !left.isEmpty, Date() < end { left.formIntersection(try traces()) }
            #expect(left.isEmpty)
            expectNothingLeft()
        }

        /// Mounts by their ids, control groups, shared memory and files of the user's folder.
        private func traces() throws -> Set<String> {
            let groups =
                "find /sys/fs/cgroup -name 'bailey*' 2>/dev/null; find /dev/shm -user \(getuid()) ! -name 'bystander-*'"
            let files = "find '\(place.root)'/run ! -type d"
            return Set(try place.control("cat /proc/self/mountinfo; \(groups); \(files)").lines)
        }
    }
}
