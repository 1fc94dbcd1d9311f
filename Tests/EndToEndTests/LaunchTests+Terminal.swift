import Foundation
import Glibc
import TestSupport
import Testing

extension EndToEnd.LaunchTests {
    private func terminal(
        _ words: [String],
        rows: UInt16 = 24,
        columns: UInt16 = 80
    ) throws
        -> TerminalCommand
    {
        try TerminalCommand(
            place.launcher + ["--"] + words,
            environment: place.environment.merging(["TERM": "dumb"]) { $1 },
            directory: place.workspace,
            rows: rows,
            columns: columns
        )
    }

    @Test("T02: an interactive launch has a pty of its own: isatty, the window's size, /dev/tty")
    func ownTerminal() throws {
        let script = "tty; stty size; echo through the tty > /dev/tty; exit 5"
        let terminal = try terminal(["sh", "-c", script], rows: 33, columns: 77)
        #expect(terminal.finish() == 5)
        #expect(terminal.screen.contains("/dev/pts/0"))
        #expect(terminal.screen.contains("33 77"))
        #expect(terminal.screen.contains("through the tty"))
    }

    @Test("What is typed reaches the command, and end of input ends it")
    func typing() throws {
        let terminal = try terminal(["sh", "-c", "echo ready; cat; echo finished"])
        #expect(terminal.awaitScreen("ready"))
        terminal.type("hello\n")
        #expect(terminal.awaitScreen("hello\r\nhello"))
        terminal.type("\u{4}")
        #expect(terminal.finish() == 0)
        #expect(terminal.screen.contains("finished"))
    }

    @Test("T04: a window that changes its size is told to the command")
    func resizing() throws {
        let script = "trap 'stty size; exit 6' WINCH; echo ready; while :; do sleep 0.01; done"
        let terminal = try terminal(["sh", "-c", script])
        #expect(terminal.awaitScreen("ready"))
        terminal.resize(rows: 50, columns: 132)
        #expect(terminal.finish() == 6)
        #expect(terminal.screen.contains("50 132"))
    }

    @Test("T04: Ctrl-C ends the foreground job, and the shell goes on")
    func interrupt() throws {
        let terminal = try terminal(["sh", "-i"])
        #expect(terminal.awaitScreen("$ "))
        let mark = "301.\(getpid())9"
        terminal.type("sleep \(mark)\n")
        // The echo of the line is not yet the job: the shell hands the terminal over when it starts it.
        #expect(HostProcesses.appearing(with: mark).count == 1)
        insist(on: "\u{3}", to: terminal) { HostProcesses.running(with: mark).isEmpty }
        #expect(HostProcesses.running(with: mark).isEmpty)
        // A line that comes behind the last of those is lost with it, as it is to any shell.
        insist(on: "echo still $((40 + 2))\n", to: terminal) { terminal.screen.contains("still 42") }
        #expect(terminal.screen.contains("still 42"))
        terminal.type("exit 3\n")
        #expect(terminal.finish() == 3)
    }

    @Test("T04: job control works in an interactive shell")
    func jobControl() throws {
        let terminal = try terminal(["bash", "--norc", "-i"])
        #expect(terminal.awaitScreen("$ "))
        terminal.type("sleep 1000 &\n")
        terminal.type("jobs\n")
        #expect(terminal.awaitScreen("Running"))
        terminal.type("fg\n")
        #expect(terminal.awaitScreen("fg\r\nsleep 1000"))
        // The shell says so before it hands the terminal over.
        insist(on: "\u{1A}", to: terminal) { terminal.screen.contains("Stopped") }
        #expect(terminal.screen.contains("Stopped"))
        #expect(!terminal.screen.contains("no job control"))
        // The first is refused while a job is stopped.
        insist(on: "kill %1; exit 2\nexit 2\n", to: terminal) {
            !HostProcesses.isAlive(terminal.processIdentifier)
        }
        #expect(terminal.finish() == 2)
    }

    @Test("T05: the caller's terminal is put back as it was, even after kill -9 of the command")
    func terminalRestored() throws {
        let terminal = try terminal(["sh", "-c", "stty raw -echo; echo ready; kill -9 $$"])
        let before = UInt32(ICANON | ECHO | ISIG)
        #expect(terminal.finish() == 137)
        #expect(terminal.localModes & before == before)
    }

    @Test("T01: TIOCSTI does not push input into the caller's terminal")
    func pushedInput() throws {
        let push = "import fcntl,termios;[fcntl.ioctl(0,termios.TIOCSTI,bytes([c])) for c in b'pwned']"
        let terminal = try terminal(["/usr/bin/python3", "-c", push])
        #expect(terminal.finish() != 0)
        #expect(!terminal.screen.contains("pwned\r") && terminal.screen.contains("rror"))
    }

    @Test("T04: a shell is an agent with a terminal of its own: job control, Ctrl-Z, Ctrl-C, window size")
    func shell() throws {
        let terminal = try TerminalCommand(
            [Binary.path, "shell"],
            environment: place.environment.merging(["TERM": "dumb"]) { $1 },
            directory: place.workspace,
            rows: 30,
            columns: 90
        )
        terminal.type("stty size; touch made; curl -sS http://example.com; echo $((6 * 7))th\n")
        #expect(terminal.awaitScreen("42th"))
        #expect(terminal.screen.contains("30 90") && terminal.screen.contains("\"no-rule\""))
        #expect(place.read("workspace/made") != nil)
        terminal.type("sleep \(Self.mark)\n")
        #expect(HostProcesses.appearing(with: Self.mark).count == 1)
        insist(on: "\u{1A}", to: terminal) { terminal.screen.contains("Stopped") }
        #expect(terminal.screen.contains("Stopped"))
        // What is typed while the shell takes its terminal back is lost, as it is to any shell.
        insist(on: "fg\n", to: terminal) { !isStopped }
        #expect(!isStopped)
        insist(on: "\u{3}", to: terminal) { HostProcesses.running(with: Self.mark).isEmpty }
        insist(on: "echo code=$((100 + $?))\n", to: terminal) { terminal.screen.contains("code=230") }
        #expect(terminal.screen.contains("code=230"), "\(terminal.screen)")
        terminal.type("exit 9\n")
        #expect(terminal.finish() == 9)
    }

    /// An argument that only this test's processes have.
    private static let mark = "300.\(getpid())9"

    private var isStopped: Bool {
        HostProcesses.running(with: Self.mark).contains { process in
            let status = try? String(contentsOfFile: "/proc/\(process)/status", encoding: .utf8)
            return status?.contains("State:\tT") ?? false
        }
    }

    /// Types the same until something is so, a bounded number of times.
    private func insist(on text: String, to terminal: TerminalCommand, until isSo: () -> Bool) {
        for _ in 0..<100 where !isSo() {
            terminal.type(text)
            let end = Date(timeIntervalSinceNow: 0.6)
            while !isSo(), Date() < end { Thread.sleep(forTimeInterval: 0.02) }
        }
    }

    @Test("A shell without a terminal is refused, and says what to use")
    func shellWithoutTerminal() throws {
        let outcome = try place.bailey(["shell"])
        #expect(outcome.code == 125 && outcome.errors.contains("bailey run -- sh"), "\(outcome)")
        #expect(try place.bailey(["shell", "--help"]).output.contains("job control"))
    }
}
