import Foundation
import Glibc
import Testing

extension EndToEnd.LaunchTests {
    @Test("The end of the caller's input is the end of the command's")
    func endOfInput() throws {
        let outcome = try place.agent("cat; cat; echo end", input: Data("one\n".utf8))
        #expect(outcome.lines == ["one", "end"])
    }

    @Test("A command whose reader has gone gets SIGPIPE, as without Bailey")
    func closedOutput() throws {
        let run = "\(Binary.path) run --"
        let outcome = try place.control("{ \(run) yes; echo code=$? >&2; } | head -n 2")
        #expect(outcome.lines == ["y", "y"])
        #expect(outcome.errors.contains("code=141"), "\(outcome)")
        #expect(try place.control("bash -c '{ yes; echo code=$? >&2; } | head -n 2'").errors.contains("141"))
    }

    @Test("An output that was closed from the start is no reason to hang")
    func noOutput() throws {
        let outcome = try place.control("\(Binary.path) run -- sh -c 'echo lost; exit 4' >&-; echo code=$?")
        #expect(outcome.output.contains("code=4"), "\(outcome)")
    }

    @Test("Signals for the launcher reach the command", arguments: ["TERM", "INT", "HUP", "USR1", "USR2", "QUIT"])
    func signals(name: String) throws {
        let script = "trap 'echo got \(name); exit 42' \(name); echo ready; while :; do sleep 0.01; done"
        let running = try place.running(script)
        #expect(running.awaitOutput("ready"))
        let numbers = ["TERM": SIGTERM, "INT": SIGINT, "HUP": SIGHUP, "USR1": SIGUSR1, "USR2": SIGUSR2]
        running.signal(numbers[name] ?? SIGQUIT)
        let outcome = running.finish()
        #expect(outcome.code == 42)
        #expect(outcome.output.contains("got \(name)"))
    }

    @Test("R07: a caller that ignores SIGCHLD still learns the exit code")
    func ignoredChildSignal() throws {
        let outcome = try place.control(
            "bash -c \"trap '' CHLD; \(Binary.path) run -- sh -c 'sh -c \\\"exit 3\\\"; exit 9'\"; echo code=$?"
        )
        #expect(outcome.output.contains("code=9"), "\(outcome)")
    }
}
