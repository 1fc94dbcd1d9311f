import Foundation
import Glibc
import TestSupport
import Testing

extension EndToEnd.ServeTests {
    @Test(
        "A server that does not answer launches nothing: run says what to do and ends with 125, or by a signal",
        arguments: [0, 3]
    )
    func silent(large: Int) throws {
        let server = try serving()
        let pid = server.processIdentifier
        kill(pid, SIGSTOP)
        defer {
            kill(pid, SIGCONT)
            kill(pid, SIGTERM)
            _ = server.finish()
        }
        // More than a socket's buffer takes, and less.
        let text = String(repeating: "x", count: 100_000)
        let words = ["run", "--", "sh", "-c", "touch made"] + Array(repeating: text, count: large)
        let stuck = try RunningCommand(
            [place.binary] + words,
            environment: place.environment,
            directory: place.workspace
        )
        let process = stuck.processIdentifier
        #expect(HostProcesses.awaits(process, blocking: SIGTERM))
        kill(process, SIGTERM)
        #expect(stuck.finish().code == 143)
        let outcome = try place.bailey(words)
        #expect(outcome.code == 125 && outcome.errors.contains("bailey run --alone"), "\(outcome)")
        kill(pid, SIGCONT)
        // It has read what both had sent: it answers in order.
        #expect(try run("true").code == 0)
        #expect(place.read("workspace/made") == nil)
        #expect(try place.bailey(["tree", "--all"]).lines.filter { $0.hasPrefix("run ") }.count == 1)
    }
}
