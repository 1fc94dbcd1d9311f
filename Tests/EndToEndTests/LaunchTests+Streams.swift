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

    @Test(
        "Output that cannot be written is told, with the reason, and 0 becomes 74",
        arguments: [("echo lost", 74), ("echo lost; exit 3", 3), ("true", 0)]
    )
    func fullOutput(script: String, code: Int32) throws {
        let outcome = try place.control("\(Binary.path) run -- sh -c '\(script)' >/dev/full")
        #expect(outcome.code == code, "\(outcome)")
        let isTold = outcome.errors.contains("bailey: cannot write standard output: No space left on device")
        #expect(isTold == script.contains("lost"), "\(outcome)")
    }

    @Test("Complaints that cannot be written are a loss as well, and what else was written stays")
    func fullErrors() throws {
        let outcome = try place.control("\(Binary.path) run -- sh -c 'echo lost >&2; echo kept' 2>/dev/full")
        #expect(outcome.code == 74 && outcome.lines == ["kept"], "\(outcome)")
    }

    @Test("An agent's front-end tells it of its child's output as well")
    func fullOutputOfChild() throws {
        try place.profile("top", "extends: [base]\nchildren: {profiles: [base], depth: 1, count: 1}\n")
        let outcome = try place.agent("bailey run -- echo lost >/dev/full; echo code=$?", profile: "top")
        #expect(outcome.lines == ["code=74"], "\(outcome)")
        #expect(outcome.errors.contains("cannot write standard output"), "\(outcome)")
    }

    @Test(
        "Other commands tell it too; a reader that went away is told by none",
        arguments: [
            "run -- true", "run --help", "--help", "audit", "audit --json", "profile show base", "doctor",
        ]
    )
    func fullOutputOfOthers(words: String) throws {
        _ = try place.agent("true")
        let run = "\(Binary.path) \(words)"
        let full = try place.control("\(run) >/dev/full")
        let isQuiet = words == "run -- true"
        #expect(full.code == (isQuiet ? 0 : 74), "\(full)")
        #expect(full.errors.contains("cannot write standard output: No space left") != isQuiet, "\(full)")
        let closed = """
            import os, subprocess, sys; r, w = os.pipe(); os.close(r)
            sys.exit(subprocess.call(sys.argv[1:], stdout=w, restore_signals=False))
            """
        let gone = try place.control("python3 -c '\(closed)' \(run)")
        #expect(gone.code == 0 && gone.errors.isEmpty, "\(gone)")
    }

    @Test(
        "Signals for the launcher reach the command",
        arguments: ["TERM", "INT", "HUP", "USR1", "USR2", "QUIT"]
    )
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
