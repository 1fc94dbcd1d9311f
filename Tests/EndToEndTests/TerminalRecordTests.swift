import Foundation
import Glibc
import TestSupport
import Testing

extension EndToEnd {
    /// `record: {terminal: …}`: what real agents showed on real terminals, recorded and played.
    @Suite("Records of terminals", .serialized)
    struct TerminalRecordTests {
        let place: Place
        private let token = "ghp_16C7e42F292c6912E7710c838347Ae178B4a"

        init() throws {
            place = try Place()
            for (name, mode) in [("required", "required"), ("willing", "best-effort"), ("plain", "off")] {
                try place.profile(
                    name,
                    "extends: [base]\nrecord: {terminal: \(mode)}\nchildren: {profiles: [plain], depth: 1, count: 4}\n"
                )
            }
        }

        func terminal(
            _ script: String,
            profile: String = "required",
            via words: [String] = []
        ) throws
            -> TerminalCommand
        {
            try place.write(script, to: "workspace/script.sh")
            let run = [
                Binary.path, "run", "-p", profile, "--profiles", place.profiles, "--", "sh", "./script.sh",
            ]
            return try TerminalCommand(
                words + run,
                environment: place.environment.merging(["TERM": "xterm"]) { $1 },
                directory: place.workspace
            )
        }

        /// One line of `bailey sessions --json`.
        struct Session: Decodable {
            let agent: String
            let state: String
            let recording: String
            let octets: Int?
            let reason: String?
        }

        func sessions(_ words: [String] = []) throws -> (code: Int32, all: [Session]) {
            let outcome = try place.bailey(["sessions", "--json"] + words)
            #expect(outcome.errors.isEmpty, "\(outcome)")
            return (
                outcome.code,
                try outcome.lines.map { try JSONDecoder().decode(Session.self, from: Data($0.utf8)) }
            )
        }

        /// The asciicast, and what of it was shown.
        private func cast(_ agent: String) throws -> (outcome: Outcome, shown: String) {
            let outcome = try place.bailey(["replay", agent, "--asciicast"])
            let shown = try outcome.lines.dropFirst().reduce(into: "") { shown, line in
                let event = try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [Any]
                if event?[1] as? String == "o" { shown += event?[2] as? String ?? "" }
            }
            return (outcome, shown)
        }

        /// Without sequences, as it is read.
        private func read(_ shown: String) -> String {
            shown.replacing(/\u{1b}\[[0-9;?]*[a-zA-Z]/, with: "")
        }

        @Test(
            "I04: a secret printed across two writes with ANSI codes inside, and one that is typed, are masked on disk"
        )
        func masked() throws {
            let (first, second) = (token.prefix(12), token.dropFirst(12))
            let script = """
                printf 'marked \\033[1mbold\\033[0m words\\n'
                printf '\(first)\\033[31m'; sleep 0.4; printf '\(second)\\033[0m\\n'
                cat; stty size; echo done
                """
            let terminal = try terminal(script)
            #expect(terminal.awaitScreen("\(second)"))
            // The control: whoever watched has seen it.
            #expect(read(terminal.screen).contains(token))
            for character in token { terminal.type(String(character)) }
            terminal.type("\n")
            terminal.resize(rows: 40, columns: 100)
            terminal.type("\u{4}")
            #expect(terminal.finish() == 0, "\(terminal.screen)")
            let session = try #require(try sessions(["--verify"]).all.first)
            #expect(session.state == "whole" && session.recording == "required", "\(session)")
            let (outcome, shown) = try cast(session.agent)
            #expect(outcome.code == 0 && outcome.errors.isEmpty, "\(outcome)")
            let text = read(shown)
            #expect(text.contains("marked bold words") && text.contains("done"), "\(text)")
            #expect(
                text.contains("ghp_*********") && !text.contains("292c") && !text.contains("8347Ae"),
                "\(text)"
            )
            #expect(outcome.output.contains("\"r\", \"100x40\"") || text.contains("24 80"), "\(outcome)")
            for word in [token, String(second), "marked", "bold"] {
                let files = try place.files(holding: word, below: "state").filter { $0.contains("terminals") }
                #expect(files.isEmpty, "\(word) in \(files)")
            }
            #expect(try !place.files(holding: "BTRM", below: "state").isEmpty)
            #expect(try place.bailey(["audit", "verify"]).code == 0)
            let played = try place.bailey(["replay", session.agent, "--terminal", "--speed", "1000"])
            #expect(played.code == 0 && played.output == shown, "\(played)")
        }

        @Test(
            "asciinema plays what is written",
            .enabled(if: Programs.has("asciinema"), "needs asciinema")
        )
        func asciinema() throws {
            #expect(try terminal("printf '\\033[32mgreen\\033[0m\\n'; sleep 0.2; echo second").finish() == 0)
            let agent = try #require(try sessions().all.first).agent
            let (outcome, shown) = try cast(agent)
            try place.write(outcome.output, to: "workspace/run.cast")
            for words in [["cat"], ["play", "-s", "100"]] {
                // It wants a terminal of its own.
                let player = try TerminalCommand(
                    ["asciinema"] + words + ["run.cast"],
                    environment: place.environment.merging(["TERM": "xterm"]) { $1 },
                    directory: place.workspace
                )
                #expect(player.finish() == 0, "\(words): \(player.screen)")
                #expect(
                    player.screen.contains("\u{1b}[32mgreen") && player.screen.contains("second"),
                    "\(words)"
                )
            }
            #expect(shown.contains("\u{1b}[32mgreen\u{1b}[0m\r\n"), "\(shown)")
        }

        @Test(
            "A child's terminal is recorded where an ancestor's profile demands it; without a terminal nothing is"
        )
        func child() throws {
            let terminal = try terminal("bailey run -p plain -- sh -c 'echo from the child'; echo parent")
            #expect(terminal.finish() == 0, "\(terminal.screen)")
            let all = try sessions(["--verify"]).all
            #expect(
                all.map(\.state) == ["whole", "whole"] && all.allSatisfy { $0.recording == "required" },
                "\(all)"
            )
            #expect(try cast(all[1].agent).shown == "from the child\r\n")
            let run = String(all[0].agent.prefix { $0 != "." })
            let several = try place.bailey(["replay", run, "--terminal"])
            #expect(several.code == 1 && several.errors.contains("2 terminals of"), "\(several)")
            #expect(try place.agent("echo piped", profile: "required").code == 0)
            #expect(try sessions().all.count == 2)
            let terminalOff = try self.terminal("echo off", profile: "plain")
            #expect(terminalOff.finish() == 0)
            #expect(try sessions().all.count == 2)
        }

        @Test("I06: kill -9 of the supervisor: what was written is readable, and verify reports the cut")
        func killed() throws {
            let mark = "304.\(getpid())7"
            let terminal = try terminal("echo the first line; sleep \(mark)")
            #expect(terminal.awaitScreen("the first line"))
            let agent = try #require(try sessions().all.first)
            #expect(agent.state == "recording")
            let end = Date(timeIntervalSinceNow: 60)
            while Date() < end, try !cast(agent.agent).shown.contains("the first line") {}
            let supervisors = HostProcesses.running(with: place.profiles).filter {
                let program = try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/\($0)/exe")
                return program?.hasSuffix("/bailey-core") == true
            }
            #expect(!supervisors.isEmpty)
            for process in supervisors { kill(process, SIGKILL) }
            _ = terminal.finish()
            #expect(HostProcesses.left(with: mark, within: 60).isEmpty)
            let (code, all) = try sessions(["--verify"])
            #expect(code == 1 && all.map(\.state) == ["cut"], "\(all)")
            let (outcome, shown) = try cast(agent.agent)
            #expect(outcome.code == 65 && outcome.errors.contains("has no end"), "\(outcome)")
            #expect(shown == "the first line\r\n")
        }

        @Test("I06: a file that is cut or changed shows; the control verifies")
        func tampered() throws {
            #expect(try terminal("for i in 1 2 3; do echo line $i; sleep 0.4; done").finish() == 0)
            let agent = try #require(try sessions().all.first).agent
            #expect(try sessions(["--verify"]).code == 0)
            let file = URL(
                filePath: "\(place.root)/state/bailey/terminals/\(agent.prefix { $0 != "." })/\(agent)"
            )
            let whole = try Data(contentsOf: file)
            #expect(try sessions().code == 0 && sessions().all.map(\.state) == ["whole"], "the control")
            try whole.dropLast(20).write(to: file)
            // By its size as well, without --verify.
            for words in [["--verify"], []] {
                let cut = try sessions(words)
                #expect(cut.code == 1 && cut.all.map(\.state) == ["cut"], "\(words): \(cut)")
            }
            #expect(try cast(agent).shown.contains("line 3"))
            var changed = whole
            changed[whole.count - 30] ^= 1
            try changed.write(to: file)
            let other = try sessions(["--verify"])
            #expect(other.code == 1 && other.all.map(\.state) == ["changed"], "\(other)")
            try (whole + Data([0])).write(to: file)
            #expect(try sessions().all.map(\.state) == ["changed"])
            try FileManager.default.removeItem(at: file)
            for words in [["--verify"], [], [agent]] {
                let gone = try sessions(words)
                #expect(gone.code == 1 && gone.all.map(\.state) == ["gone"], "\(words): \(gone)")
                #expect(gone.all.first?.reason?.contains("it was recorded, its file is gone") == true)
            }
            let played = try place.bailey(["replay", agent, "--terminal"])
            #expect(played.code == 1 && played.errors.contains("there is no recording of"), "\(played)")
        }

        @Test("Of a run or an agent that is not on record there are no sessions, which is an error")
        func unknown() throws {
            #expect(try terminal("echo shown").finish() == 0)
            let agent = try #require(try sessions().all.first).agent
            let run = String(agent.prefix { $0 != "." })
            #expect(try sessions([run]).all.map(\.agent) == [agent])
            for (name, words) in [("abc", "has nothing of run abc"), ("\(run).99", "has no agent \(run).99")]
            {
                let outcome = try place.bailey(["sessions", name])
                #expect(outcome.code == 1 && outcome.output.isEmpty, "\(outcome)")
                #expect(outcome.errors.contains(words), "\(outcome)")
            }
        }

        /// A small file system of the test's own below the recordings of terminals alone.
        ///
        /// `then` is what follows there.
        private func onFullDisk(
            _ profile: String,
            then more: String = "exec \"$@\""
        ) throws -> TerminalCommand {
            let script = """
                echo begun; for i in $(seq 400); do seq 600; sleep 0.02; done
                touch ended; echo ended
                """
            let mount = """
                mkdir -p -m 700 "$XDG_STATE_HOME/bailey" "$XDG_STATE_HOME/bailey/terminals"
                mount -t tmpfs -o size=64k,mode=700 none "$XDG_STATE_HOME/bailey/terminals" || exit 99
                \(more)
                """
            return try terminal(script, profile: profile, via: ["unshare", "-m", "sh", "-c", mount, "-"])
        }

        @Test(
            "I05: on a full disk 'required' ends the agent, and says so",
            .enabled(if: Internet.available, "needs root: a small file system of the test's own")
        )
        func required() throws {
            let terminal = try onFullDisk("required")
            #expect(terminal.finish() == 137, "\(terminal.screen.suffix(600))")
            #expect(terminal.screen.contains("begun") && !terminal.screen.contains("ended\r"))
            #expect(
                terminal.screen.contains("its terminal could not be recorded"),
                "\(terminal.screen.suffix(600))"
            )
            #expect(terminal.screen.contains("No space left"), "\(terminal.screen.suffix(600))")
            #expect(place.read("workspace/ended") == nil)
            let session = try #require(try sessions().all.first)
            #expect(
                // Its file system is gone with the command.
                session.state == "gone" && session.reason?.contains("No space left") == true,
                "\(session)"
            )
        }

        @Test(
            "I05: with room again the next terminal is recorded to its end",
            .enabled(if: Internet.available, "needs root: a small file system of the test's own")
        )
        func roomAgain() throws {
            let both = """
                "$@"; echo "first $?"
                mount -o remount,size=64m "$XDG_STATE_HOME/bailey/terminals" || exit 99
                "$@"; echo "second $?"; "$1" sessions --verify --json > sessions.json; true
                """
            let terminal = try onFullDisk("required", then: both)
            #expect(terminal.finish() == 0, "\(terminal.screen.suffix(600))")
            #expect(terminal.screen.contains("first 137\r"), "\(terminal.screen.suffix(600))")
            #expect(terminal.screen.contains("second 0\r"), "\(terminal.screen.suffix(600))")
            let lines = (place.read("workspace/sessions.json") ?? "").split(separator: "\n")
            let states = try lines.map { try JSONDecoder().decode(Session.self, from: Data($0.utf8)).state }
            #expect(states.sorted() == ["not to its end", "whole"], "\(lines)")
        }

        @Test(
            "I05: on a full disk 'best-effort' ends the recording, on record and said, and the agent goes on",
            .enabled(if: Internet.available, "needs root: a small file system of the test's own")
        )
        func bestEffort() throws {
            let terminal = try onFullDisk("willing")
            #expect(terminal.finish() == 0, "\(terminal.screen.suffix(600))")
            #expect(terminal.screen.contains("ended\r"))
            #expect(terminal.screen.contains("is not recorded to its end"), "\(terminal.screen.suffix(600))")
            let session = try #require(try sessions().all.first)
            #expect(
                // Its file system is gone with the command.
                session.state == "gone" && session.reason?.contains("No space left") == true,
                "\(session)"
            )
        }

        @Test(
            "I05: where nothing can be made 'required' launches nothing, and its size is bounded by 'recordings'"
        )
        func bounded() throws {
            try place.write("bailey: 1\nrecordings: 2KiB\n", to: place.configuration + "/bailey.yaml")
            let terminal = try terminal("while :; do echo a line that is written again and again; done")
            #expect(terminal.finish() == 137, "\(terminal.screen.suffix(400))")
            #expect(
                terminal.screen.contains("2048 octets, the limit; raise recordings"),
                "\(terminal.screen.suffix(400))"
            )
            let session = try #require(try sessions(["--verify"]).all.first)
            #expect(session.state == "not to its end", "\(session)")
            try FileManager.default.removeItem(atPath: "\(place.root)/state/bailey/terminals")
            try place.write("", to: "state/bailey/terminals")
            let refused = try self.terminal("touch ran")
            #expect(refused.finish() == 125, "\(refused.screen)")
            #expect(refused.screen.contains("record.terminal"), "\(refused.screen)")
            #expect(place.read("workspace/ran") == nil)
        }

        @Test(
            "I05: octets that join to a control character where others are left out reach nobody who watches"
        )
        func joined() throws {
            let script = "printf 'before\\302\\005\\23552;c;aGVsbG8=\\007behind\\r\\n'"
            let terminal = try terminal(script)
            #expect(terminal.finish() == 0, "\(terminal.screen)")
            let agent = try #require(try sessions(["--verify"]).all.first).agent
            let (outcome, shown) = try cast(agent)
            #expect(outcome.code == 0 && shown.contains("before") && shown.contains("behind"), "\(shown)")
            #expect(!shown.unicodeScalars.contains { (0x80...0x9F).contains($0.value) }, "\(shown)")
            let played = try place.bailey(["replay", agent, "--terminal", "--speed", "1000"])
            #expect(played.code == 0 && played.output.contains("behind"), "\(played)")
            #expect(!played.output.unicodeScalars.contains { (0x80...0x9F).contains($0.value) }, "\(played)")
        }

        @Test("Ctrl-C while it is played ends it, and leaves the terminal as it was; so does its end")
        func interrupted() throws {
            let script = "printf '\\033[?1049h\\033[?25l\\033[?1003hfirst\\n'; sleep 3; echo second"
            #expect(try terminal(script).finish() == 0)
            let agent = try #require(try sessions().all.first).agent
            func play(_ speed: String) throws -> TerminalCommand {
                try TerminalCommand(
                    [Binary.path, "replay", agent, "--terminal", "--speed", speed],
                    environment: place.environment.merging(["TERM": "xterm"]) { $1 },
                    directory: place.workspace
                )
            }
            // Three seconds become thirty.
            let slow = try play("0.1")
            #expect(slow.awaitScreen("first"))
            slow.type("\u{3}")
            #expect(slow.finish() == 130, "\(slow.screen)")
            let fast = try play("1000")
            #expect(fast.finish() == 0 && fast.screen.contains("second"), "\(fast.screen)")
            for screen in [slow.screen, fast.screen] {
                #expect(screen.contains("\u{1b}[?1049h") && screen.contains("\u{1b}[?25l"), "\(screen)")
                #expect(screen.contains("\u{1b}[?1049l") && screen.contains("\u{1b}[?25h"), "\(screen)")
                #expect(!screen.contains("1003"), "\(screen)")
            }
            #expect(!slow.screen.contains("second"), "\(slow.screen)")
        }

        @Test("I05: terminals of one run share its limit, whichever of its agents opens them")
        func shared() throws {
            try place.write("bailey: 1\nrecordings: 6KiB\n", to: place.configuration + "/bailey.yaml")
            let terminal = try terminal("while :; do bailey run -p plain -- seq 100 400; done")
            #expect(terminal.finish() == 137, "\(terminal.screen.suffix(400))")
            let (code, all) = try sessions(["--verify"])
            #expect(code == 0 && all.count > 1, "\(all)")
            #expect(all.contains { $0.state == "not to its end" }, "\(all)")
            // Each of them alone would have had as many.
            let octets = all.compactMap(\.octets).reduce(0, +)
            #expect(octets <= 6 * 1_024, "\(octets)")
        }

        @Test("What cannot be replayed is refused by name")
        func refused() throws {
            let offline = try place.bailey(["replay", "x", "--offline"])
            #expect(
                offline.code == 64 && offline.errors.contains("--offline needs a command behind --"),
                "\(offline)"
            )
            let none = try place.bailey(["replay", "0123456789ab.1", "--terminal"])
            #expect(none.code == 1, "\(none)")
            let speed = try place.bailey(["replay", "x", "--terminal", "--speed", "0"])
            #expect(speed.code == 64 && speed.errors.contains("above 0"), "\(speed)")
        }
    }
}
