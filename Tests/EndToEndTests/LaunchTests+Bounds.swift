import Foundation
import Glibc
import TestSupport
import Testing

extension EndToEnd.LaunchTests {
    @Test("Tens of thousands of arguments reach the command, also a child's; beyond the bound it is said")
    func manyArguments() throws {
        let place = try Place.nesting()
        let count = "'\(place.binary)' run -- sh -c 'echo $#' x $(seq 60000)"
        #expect(try place.control("cd workspace; " + count).lines == ["60000"])
        let nested = try place.bailey(
            ["run", "-p", "top", "--", "bash", "-c", "bailey run -p leaf -- sh -c 'echo $#' x $(seq 30000)"]
        )
        #expect(nested.lines == ["30000"], "\(nested)")
        let long = "'\(place.binary)' run -- true $(for i in $(seq 60); do printf '%0100000d ' $i; done)"
        let outcome = try place.control("ulimit -s unlimited; cd workspace; " + long)
        #expect(outcome.code == 125 && outcome.errors.contains("standard input"), "\(outcome)")
    }

    @Test("A PATH of more folders than are searched is refused, not cut")
    func longSearch() throws {
        let place = try Place.nesting()
        let path = (0..<300).map { "/usr/share/\($0)" }.joined(separator: ":") + ":/usr/bin:/bin"
        try place.write(
            "bailey: 1\nname: far\nextends: [base]\nenv: {set: {PATH: \"\(path)\"}}\n",
            to: "config/bailey/profiles/far.yaml"
        )
        let outcome = try place.bailey(["run", "-p", "far", "--", "sh", "-c", "true"])
        #expect(outcome.code == 125 && outcome.errors.contains("PATH"), "\(outcome)")
    }

    @Test("Output to a standard output that the caller closed is told, as a program alone would")
    func outputClosedByCaller() throws {
        let place = try Place.nesting()
        let run = "cd workspace; '\(place.binary)' run --"
        let outcome = try place.control("\(run) echo lost >&-")
        #expect(outcome.code == 74 && outcome.errors.contains("standard output"), "\(outcome)")
        #expect(try place.control("\(run) true >&-").code == 0)
        #expect(try place.control("\(run) sh -c 'echo gone >&2' 2>&-").code == 74)
        #expect(try place.control("\(run) cat <&-").code == 0)
    }

    @Test(
        "A child launched in a folder of its parent's workspace has the same workspace, protected parts and all"
    )
    func childWorkspace() throws {
        let place = try Place.nesting()
        let script = """
            mkdir -p sub/deep; cd sub/deep
            bailey run -p leaf -- sh -c 'pwd; touch here ../../there ../../.git/hooks/planted' 2>&1
            cd ~; bailey run -p leaf -- pwd; echo $?
            """
        let outcome = try place.bailey(["run", "-p", "top", "--", "sh", "-c", script])
        #expect(outcome.lines.first == place.workspace + "/sub/deep", "\(outcome)")
        #expect(outcome.output.contains("Read-only file system"), "\(outcome)")
        #expect(place.read("workspace/sub/deep/here") != nil && place.read("workspace/there") != nil)
        #expect(outcome.lines.last == "125" && outcome.errors.contains("-w"), "\(outcome)")
    }

    @Test(
        "C07: children do not multiply the processes that their parent was given",
        arguments: Starter.possible
    )
    func processesBelow(starter: Starter) throws {
        let place = try Place(for: starter)
        let limited = "limits: {processes: 40}"
        try place.write(
            """
            bailey: 1
            name: top
            extends: [base]
            \(limited)
            children: {profiles: [leaf], depth: 1, count: 8}
            """,
            to: "config/bailey/profiles/top.yaml"
        )
        try place.write(
            "bailey: 1\nname: leaf\nextends: [base]\n\(limited)\n",
            to: "config/bailey/profiles/leaf.yaml"
        )
        let mark = "300.\(getpid())7"
        let sleepers = "echo started; for i in $(seq 10); do sleep \(mark) & done 2>/dev/null; sleep 1"
        let script = "for i in 1 2 3 4 5; do bailey run -p leaf -- sh -c '\(sleepers)' & done; wait"
        let running = try RunningCommand(
            starter.prefix + place.launcher + ["-p", "top", "--", "sh", "-c", script],
            environment: place.environment,
            directory: place.workspace
        )
        #expect(running.awaitOutput("started"))
        var most = 0
        let (least, end) = (Date(timeIntervalSinceNow: 3), Date(timeIntervalSinceNow: 60))
        while Date() < least || most == 0 && Date() < end {
            most = max(most, HostProcesses.running(with: mark).count)
        }
        _ = running.finish()
        #expect((1...40).contains(most), "\(most) at once")
    }
}
