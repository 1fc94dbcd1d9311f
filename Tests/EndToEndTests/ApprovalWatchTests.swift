import Foundation
import Glibc
import TestSupport
import Testing

extension EndToEnd {
    /// `bailey approvals list --watch` on a terminal.
    @Suite("Approvals, watched", .serialized)
    struct ApprovalWatchTests {
        let place: Place

        init() throws {
            place = try Place()
            try place.profile("tool", "extends: [base]\n")
            try place.profile(
                "parent",
                "extends: [base]\nchildren: {ask: [tool], approval: {wait: 5m}, depth: 1, count: 48}\n"
            )
        }

        private func watching(rows: UInt16 = 24) throws -> TerminalCommand {
            try TerminalCommand(
                [place.binary, "approvals", "list", "--watch"],
                environment: place.environment,
                directory: place.workspace,
                rows: rows
            )
        }

        /// What the terminal shows now: what came behind it was cleared last.
        private func shown(_ terminal: TerminalCommand) -> String {
            // A terminal puts CR before each LF, and both together are one character of Swift's.
            let screen = String(
                String.UnicodeScalarView(terminal.screen.unicodeScalars.filter { $0 != "\r" })
            )
            return screen.components(separatedBy: "\u{1b}[H\u{1b}[2J").last ?? ""
        }

        @Test(
            "H04: it shows what waits as that changes, hostile text escaped, and leaves the terminal as it was",
            arguments: [("\u{3}", SIGINT), ("", SIGTERM), ("", SIGHUP)]
        )
        func watched(typed: String, number: Int32) throws {
            let terminal = try watching()
            let modes = terminal.localModes
            #expect(terminal.awaitScreen("nothing waits for an approval"))
            let running = try place.running(
                "bailey run -p tool -- echo \"$(printf 'x\\033[31m\\033[2J\\033]0;title\\007\\r\\nnothing waits for an approval')\"; echo $?",
                profile: "parent"
            )
            let held = try #require(try place.held(1).first)
            #expect(terminal.awaitScreen("\(held.id)  "))
            #expect(terminal.awaitScreen("launch tool in \(place.workspace)"))
            #expect(place.awaits { shown(terminal).contains("asked by parent.yaml:4") })
            // As time passes.
            let first = shown(terminal)
            #expect(place.awaits { shown(terminal).contains("waited") && shown(terminal) != first })
            for text in ["\u{1b}[31m", "\u{1b}]", "\u{7}", "\nnothing waits"] {
                #expect(!shown(terminal).contains(text), "\(shown(terminal).debugDescription)")
            }
            #expect(try place.bailey(["approvals", "deny", held.id]).code == 0)
            #expect(place.awaits { shown(terminal).hasPrefix("nothing waits for an approval") })
            #expect(running.finish().output == "77\n")
            if typed.isEmpty { kill(try watcher(), number) } else { terminal.type(typed) }
            #expect(terminal.finish() == 128 + number)
            #expect(terminal.screen.hasPrefix("\u{1b}[?1049h\u{1b}[?25l"))
            #expect(terminal.screen.hasSuffix("\u{1b}[?25h\u{1b}[?1049l") || typed == "\u{3}")
            #expect(terminal.screen.contains("\u{1b}[?25h\u{1b}[?1049l"))
            #expect(terminal.localModes == modes)
        }

        /// The program that watches, of this place alone.
        private func watcher() throws -> pid_t {
            let here = "XDG_STATE_HOME=\(place.root)/state"
            let all = HostProcesses.running(with: "--watch").filter {
                HostProcesses.running(variable: here).contains($0)
            }
            // setsid(1), and what it waits for.
            return try #require(all.max())
        }

        @Test("H03: more than the terminal has room for is counted, and the oldest stays in sight")
        func crowded() throws {
            let running = try place.running(
                "for i in $(seq 10); do bailey run -p tool --name n$i -- true & done; wait",
                profile: "parent"
            )
            _ = try place.held(10)
            let other = try place.running("bailey run -p tool -- true", profile: "parent")
            _ = try place.held(11)
            let terminal = try watching(rows: 6)
            #expect(place.awaits { shown(terminal).contains("lines more") })
            #expect(shown(terminal).split(separator: "\n").count <= 5, "\(shown(terminal))")
            terminal.type("\u{3}")
            #expect(terminal.finish() == 128 + SIGINT)
            #expect(try place.bailey(["approvals", "deny", "--all-of", "parent.yaml:4"]).code == 0)
            #expect(running.finish().code == 0 && other.finish().code == 77)
        }

        @Test("Into a pipe it writes one table below the other, without a word to a terminal")
        func piped() throws {
            let watching = try RunningCommand(
                [place.binary, "approvals", "list", "--watch"],
                environment: place.environment,
                directory: place.workspace
            )
            #expect(watching.awaitOutput("nothing waits for an approval\nnothing waits for an approval\n"))
            watching.signal(SIGTERM)
            let outcome = watching.finish()
            #expect(outcome.code == 128 + SIGTERM && !outcome.output.contains("\u{1b}"), "\(outcome)")
        }
    }
}
