import Foundation
import Glibc
import TestSupport
import Testing

/// Whether a control group can hold memory and processes here: root with a writable hierarchy.
private let holdsGroups: Bool = {
    let found = ["/sys/fs/cgroup/memory/cgroup.procs", "/sys/fs/cgroup/cgroup.procs"]
    return getuid() == 0 && found.contains { access($0, W_OK) == 0 }
}()

extension EndToEnd.LaunchTests {
    // Needs a writable control group.
    @Test(
        "C04: an agent that uses up its memory is killed, in /dev/shm as on the heap",
        .enabled(if: holdsGroups),
        arguments: ["dd if=/dev/zero of=/dev/shm/full bs=1M count=200", "tail -c 200M /dev/zero | tail -n 1"]
    )
    func memory(command: String) throws {
        try place.profile("small", "extends: [base]\nlimits: {memory: 64MiB}\n")
        let outcome = try place.agent("\(command) >/dev/null; echo survived $?", profile: "small")
        #expect(!outcome.output.contains("survived 0"), "\(outcome)")
        #expect(try place.agent("\(command) >/dev/null; echo survived $?").output.contains("survived 0"))
    }

    @Test(
        "C04: a command that the kernel ends for its agent's memory exits with 137",
        .enabled(if: holdsGroups, "needs a writable control group")
    )
    func outOfMemory() throws {
        try place.profile("small", "extends: [base]\nlimits: {memory: 64MiB}\n")
        let fill = "exec dd if=/dev/zero of=/dev/shm/full bs=1M count=200"
        let killed = try place.agent(fill, profile: "small")
        #expect(killed.code == 137 && killed.errors.contains("small was ended: memory limit"), "\(killed)")
        #expect(try place.bailey(["audit"]).output.contains("exit 137 (memory limit)"))
        let free = try place.agent(fill)
        #expect(free.code == 0 && !free.errors.contains("memory limit"), "\(free)")
    }

    @Test(
        "A command that fails since the kernel killed processes of its agent is told why; one that goes on is not",
        .enabled(if: holdsGroups, "needs a writable control group")
    )
    func processesKilled() throws {
        try place.profile("small", "extends: [base]\nlimits: {memory: 64MiB}\n")
        let fill = "dd if=/dev/zero of=/dev/shm/full bs=1M count=200; rm /dev/shm/full;"
        let failed = try place.agent("\(fill) exit 3", profile: "small")
        #expect(
            failed.code == 3 && failed.errors.contains("processes of small were killed: memory limit"),
            "\(failed)"
        )
        let other = try place.agent("exit 3", profile: "small")
        #expect(other.code == 3 && !other.errors.contains("memory limit"), "\(other)")
        let gone = try place.agent("\(fill) exit 0", profile: "small")
        #expect(gone.code == 0 && !gone.errors.contains("memory limit"), "\(gone)")
    }

    @Test(
        "A limit on memory that is too small for the launch itself is named; one of 16MiB is enough for true",
        .enabled(if: holdsGroups, "needs a writable control group")
    )
    func memoryOfLaunch() throws {
        try place.profile("tiny", "extends: [base]\nlimits: {memory: 1KiB}\n")
        let refused = try place.agent("true", profile: "tiny")
        #expect(refused.code == 125 && refused.errors.contains("limits.memory"), "\(refused)")
        try place.profile("tiny", "extends: [base]\nlimits: {memory: 16MiB}\n")
        #expect(try place.agent("true", profile: "tiny").code == 0)
    }

    @Test("A limit that is too small for the launch itself is named", arguments: Starter.possible)
    func limitsOfLaunch(starter: Starter) throws {
        let place = try Place(for: starter)
        try place.profile("few", "extends: [base]\nlimits: {open-files: 8}\n")
        let files = try place.agent("true", profile: "few")
        #expect(files.code == 125 && files.errors.contains("limits.open-files"), "\(files)")
        try place.profile("few", "extends: [base]\nlimits: {open-files: 32}\n")
        #expect(try place.agent("true", profile: "few").code == 0)
        try place.profile("one", "extends: [base]\nlimits: {processes: 1}\n")
        let processes = try place.agent("true", profile: "one")
        #expect(processes.code == 126 && processes.errors.contains("limits.processes"), "\(processes)")
    }

    @Test(
        "A path that its launcher may not read is refused in those words",
        .enabled(if: getuid() == 0, "needs a file of root's")
    )
    func unreadable() throws {
        let place = try Place(for: .plainUser)
        try place.write("x", to: "others/secret")
        chmod(place.root + "/others", 0o700)
        chown(place.root + "/others", 0, 0)
        try place.profile("nosy", "extends: [base]\nfiles: {read: [\(place.root)/others/secret]}\n")
        chown(place.root + "/others", 0, 0)
        let outcome = try place.agent("true", profile: "nosy")
        #expect(outcome.code == 125 && outcome.errors.contains("You may not read this path"), "\(outcome)")
    }

    @Test(
        "A busy loop gets no more of a CPU than its profile says, by its own account",
        .enabled(if: holdsGroups, "needs a writable control group")
    )
    func processor() throws {
        try place.profile("slow", "extends: [base]\nlimits: {cpus: 0.2}\n")
        try place.write(
            """
            import time
            ran, began = time.process_time(), time.monotonic()
            while time.monotonic() < began + 1.5: pass
            print((time.process_time() - ran) / (time.monotonic() - began))
            """,
            to: "workspace/spin.py"
        )
        let share = { (profile: String) in
            Double(try place.agent("python3 spin.py", profile: profile).lines.first ?? "") ?? .infinity
        }
        // A quota of 20 ms in each 100 ms; half as much again for the periods at both ends.
        #expect(try share("slow") < 0.3)
        // On a busy machine a free loop may for once get as little.
        let isFree = try (0..<60).contains { _ in try share("base") > 0.3 }
        #expect(isFree)
    }

    @Test(
        "R12: control groups that a killed supervisor left are removed by the next one",
        .enabled(if: holdsGroups, "needs a writable control group")
    )
    func remains() throws {
        try place.profile("leaf", "extends: [base]\nlimits: {memory: 64MiB}\n")
        try place.profile(
            "top",
            "extends: [base]\nlimits: {memory: 64MiB}\nchildren: {profiles: [leaf], depth: 1, count: 1}\n"
        )
        let running = try place.running("bailey run -p leaf -- sh -c 'echo ready; sleep 600'", profile: "top")
        #expect(running.awaitOutput("ready"))
        let run = try #require(
            try place.bailey(["tree"]).lines.first?.split(separator: " ").dropFirst().first
        )
        let groups = { try place.control("find /sys/fs/cgroup -name '\(run).*'").lines }
        // The living one's stay, whoever else comes.
        #expect(try place.agent("true", profile: "leaf").code == 0)
        let count = try groups().count
        #expect(count >= 2)
        running.signal(SIGKILL)
        _ = running.finish()
        #expect(HostProcesses.leftInits(below: place.root, within: 60).isEmpty)
        #expect(try groups().count == count)
        // What is still dying is left to the next.
        for _ in 0..<20 where try !groups().isEmpty {
            #expect(try place.agent("true", profile: "leaf").code == 0)
        }
        #expect(try groups().isEmpty)
    }

    // Needs a writable control group.
    @Test(
        "C03: an agent has no more processes than its profile says, all descendants counted",
        .enabled(if: holdsGroups)
    )
    func processes() throws {
        try place.profile("few", "extends: [base]\nlimits: {processes: 20}\n")
        // Within its limit bash tries again for seconds, until some have ended; without one all are there at once.
        func bomb(_ seconds: Int) -> String {
            "for i in $(seq 60); do sleep \(seconds) & done 2>/dev/null; ls -d /proc/[0-9]* | wc -l; kill $(jobs -p)"
        }
        let limited = try place.agent("bash -c '\(bomb(5))'", profile: "few")
        let count = limited.lines.first.flatMap { Int($0) } ?? 0
        #expect(count <= 21, "\(limited)")
        let free = try place.agent("bash -c '\(bomb(100))'")
        #expect((free.lines.first.flatMap { Int($0) } ?? 0) > 60, "\(free)")
    }

    @Test("C09: open files are limited, core files are off", arguments: Starter.possible)
    func openFiles(starter: Starter) throws {
        let place = try Place(for: starter)
        try place.profile("few", "extends: [base]\nlimits: {open-files: 40}\n")
        let outcome = try place.agent(
            "ulimit -n; ulimit -H -n; ulimit -c; ulimit -n 50 || echo held",
            profile: "few"
        )
        #expect(outcome.lines == ["40", "40", "0", "held"], "\(outcome)")
        #expect(try place.agent("ulimit -n").lines == ["4096"])
    }

    @Test("M33: private storage is of the profile's size", arguments: Starter.possible)
    func disk(starter: Starter) throws {
        let place = try Place(for: starter)
        try place.profile("small", "extends: [base]\nlimits: {disk: 2MiB}\n")
        let fill = "dd if=/dev/zero of=/tmp/full bs=1M count=8 2>&1; stat -c %s /tmp/full"
        let outcome = try place.agent(fill, profile: "small")
        #expect(outcome.output.contains("No space left") && outcome.lines.last == "2097152", "\(outcome)")
        #expect(try place.agent(fill).lines.last == "8388608")
    }
}
