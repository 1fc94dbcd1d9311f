import Foundation
import Glibc
import TestSupport
import Testing

extension Escapes {
    /// Section T: the terminal that a launcher is started on.
    @Suite("Terminals", .serialized)
    struct TerminalTests {
        private func terminal(_ words: [String], in place: Place) throws -> TerminalCommand {
            try TerminalCommand(
                words,
                environment: place.environment.merging(["TERM": "dumb"]) { $1 },
                directory: place.workspace
            )
        }

        /// Runs a script on a terminal of its own; whatever it leaves typed there is read afterwards.
        private func typedAhead(_ command: [String], in place: Place) throws -> String {
            let shell = ["sh", "-c", "\"$@\"; echo ended; read line; echo \"got=$line;\"", "sh"]
            let terminal = try terminal(shell + command, in: place)
            #expect(terminal.awaitScreen("ended\r\n"))
            terminal.type("clean\n")
            #expect(terminal.awaitScreen(";\r\n"))
            _ = terminal.finish()
            return terminal.screen
        }

        @Test("T01: TIOCSTI types nothing into the caller's terminal", arguments: Standing.possible)
        func pushedInput(standing: Standing) throws {
            let place = try Place(for: standing.starter)
            try place.arm(with: attacker("terminal"))
            let attempt = ["./terminal", "T01", "pwned\n"]
            let screen = try typedAhead(place.command(attempt, at: standing), in: place)
            #expect(screen.contains("HELD") && screen.contains("got=clean;"), "\(screen)")
        }

        @Test(
            "T01, control: without a sandbox it does",
            .enabled(if: getuid() == 0, "needs root, where the kernel leaves TIOCSTI to nobody else")
        )
        func pushedInputOutside() throws {
            let place = try Place()
            try place.arm(with: attacker("terminal"))
            let screen = try typedAhead(["./terminal", "T01", "pwned\n"], in: place)
            #expect(screen.contains("REACHED") && screen.contains("got=pwned;"), "\(screen)")
        }

        @Test("T02: the terminal inside is the agent's own", arguments: Standing.possible)
        func ownTerminal(standing: Standing) throws {
            let place = try Place(for: standing.starter)
            let script = "tty; echo $(ls /dev/pts); echo through >/dev/tty; exit 5"
            let terminal = try terminal(place.command(["sh", "-c", script], at: standing), in: place)
            #expect(terminal.finish() == 5)
            #expect(terminal.screen.contains("/dev/pts/0\r\n0 ptmx\r\nthrough"), "\(terminal.screen)")
        }

        @Test("T05: the caller's terminal is put back as it was", arguments: Standing.possible)
        func restored(standing: Standing) throws {
            let place = try Place(for: standing.starter)
            let script = "stty raw -echo; kill -9 $$"
            let terminal = try terminal(place.command(["sh", "-c", script], at: standing), in: place)
            let before = UInt32(ICANON | ECHO | ISIG)
            #expect(terminal.finish() == 137)
            #expect(terminal.localModes & before == before)
            let control = try self.terminal(["sh", "-c", script], in: place)
            #expect(control.finish() == 137)
            #expect(control.localModes & before != before)
        }

        @Test("T08: no descriptor of a terminal's other side is the agent's", arguments: Standing.possible)
        func leaked(standing: Standing) throws {
            let place = try Place(for: standing.starter)
            try place.arm(with: attacker("terminal"))
            let held = ["sh", "-c", "exec 9<>/dev/ptmx; exec \"$@\"", "sh"]
            let attempt = ["./terminal", "T08"]
            let inside = try terminal(held + place.command(attempt, at: standing), in: place)
            #expect(inside.finish() == 1)
            #expect(inside.screen.contains("HELD"), "\(inside.screen)")
            let outside = try terminal(held + attempt, in: place)
            #expect(outside.finish() == 0)
            #expect(outside.screen.contains("REACHED"), "\(outside.screen)")
        }

        @Test("One agent has 64 pseudo-terminals, and another one its own", arguments: Standing.possible)
        func manyTerminals(standing: Standing) throws {
            let place = try Place(for: standing.starter)
            // Of the machine's thousands no more than the control may take from others.
            let take = """
                import os, sys
                taken = []
                try:
                    while len(taken) < 100: taken.append(os.open("/dev/ptmx", os.O_RDWR | os.O_NOCTTY))
                except OSError as error: print(error.strerror)
                print(len(taken), flush=True)
                sys.stdin.readline()
                """
            try place.write(take, to: "workspace/take.py")
            let running = try place.running("exec python3 take.py", at: standing)
            #expect(running.awaitOutput("64\n"))
            let other = try place.agent("python3 -c 'import os; os.openpty(); print(1)'", at: standing)
            #expect(other.output == "1\n", "\(other)")
            running.write(Data("go\n".utf8))
            let outcome = running.finish()
            #expect(outcome.lines == ["No space left on device", "64"], "\(outcome)")
            #expect(try place.control("python3 take.py </dev/null").lines == ["100"])
        }

        @Test("T09: output without end or line breaks is not heaped up", arguments: Standing.possible)
        func flood(standing: Standing) throws {
            let place = try Place(for: standing.starter)
            // Prints the largest resident set, in KiB, of what it ran.
            let measure = """
                import resource, subprocess, sys
                process = subprocess.Popen(sys.argv[1:], stdout=subprocess.PIPE)
                total = 0
                while data := process.stdout.read(65536): total += len(data)
                print(total, process.wait(), resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
                """
            let peak = { (command: [String]) in
                let outcome = try Command.run(
                    ["python3", "-c", measure] + command,
                    environment: place.environment,
                    directory: place.workspace
                )
                let numbers = (outcome.lines.last ?? "").split(separator: " ").compactMap { Int($0) }
                #expect(numbers.count == 3 && numbers.first == 96 << 20 && numbers[1] == 0, "\(outcome)")
                return numbers.last ?? .max
            }
            let much = "head -c 96M /dev/zero"
            #expect(try peak(place.command(["sh", "-c", much], at: standing)) < 64 << 10)
            let heap =
                "import subprocess,sys;sys.stdout.buffer.write(subprocess.check_output(['sh','-c','\(much)']))"
            #expect(try peak(["python3", "-c", heap]) > 64 << 10)
        }
    }
}
