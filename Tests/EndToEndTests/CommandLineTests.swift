import Foundation
import Testing

extension EndToEnd {
    @Suite("The command line", .serialized)
    struct CommandLineTests {
        let place: Place

        init() throws {
            place = try Place()
        }

        @Test("Help names every command, and each command has help with an example or its exit codes")
        func help() throws {
            let outcome = try place.bailey(["--help"])
            #expect(outcome.code == 0 && outcome.errors.isEmpty, "\(outcome)")
            for command in ["run", "profile", "tree", "audit", "doctor"] {
                #expect(outcome.output.contains("  \(command) "), "\(outcome)")
                let own = try place.bailey([command, "--help"])
                #expect(own.code == 0 && own.output.contains("bailey \(command)"), "\(own)")
            }
            #expect(outcome.output.contains("125") && outcome.output.contains("127"))
        }

        @Test("Called without a command it shows its help, and was called wrongly")
        func alone() throws {
            let outcome = try place.bailey([])
            #expect(outcome.code == 64 && outcome.output.contains("bailey run -- make test"), "\(outcome)")
        }

        @Test("bailey run --help names its options, also inside an agent")
        func runHelp() throws {
            for outcome in [try place.bailey(["run", "--help"]), try place.agent("bailey run --help")] {
                #expect(outcome.code == 0, "\(outcome)")
                for option in ["--profile", "--name", "--workspace", "--profiles", "--config"] {
                    #expect(outcome.output.contains(option), "\(outcome)")
                }
            }
        }

        @Test("The version is one line")
        func version() throws {
            let outcome = try place.bailey(["--version"])
            #expect(outcome.code == 0 && outcome.output.split(separator: "\n").count == 1, "\(outcome)")
        }

        @Test(
            "What bailey run does not know is refused by name, and nothing runs",
            arguments: [["--nmae", "x"], ["--profile"], ["-x"], ["--allow", "y"]]
        )
        func unknownOption(words: [String]) throws {
            let outcome = try place.bailey(["run"] + words + (words.count > 1 ? ["touch", "ran"] : []))
            #expect(outcome.code == 125, "\(outcome)")
            #expect(
                outcome.errors.contains(words[0]) && outcome.errors.contains("bailey run --help"),
                "\(outcome)"
            )
            #expect(!FileManager.default.fileExists(atPath: place.workspace + "/ran"))
        }

        @Test("A short option takes its value with or without a space")
        func attached() throws {
            #expect(try place.bailey(["run", "-pci", "--", "true"]).code == 0)
            let outcome = try place.bailey(["run", "-pnosuch", "true"])
            #expect(outcome.code == 125 && outcome.errors.contains("\"nosuch\""), "\(outcome)")
        }

        @Test("Help on what is no command is wrong usage, and errors of audit point to its own help")
        func pointers() throws {
            let outcome = try place.bailey(["help", "nosuch"])
            #expect(outcome.code == 64 && outcome.errors.contains("'nosuch'"), "\(outcome)")
            #expect(try place.bailey(["help", "run"]).code == 0)
            let audit = try place.bailey(["audit", "--limit", "x"])
            #expect(audit.code == 64 && audit.errors.contains("'bailey audit --help'"), "\(audit)")
            #expect(!audit.errors.contains("audit list"), "\(audit)")
        }

        @Test("An answer that is lost is no answer: 74, whatever it was")
        func lostAnswer() throws {
            for profile in ["base", "ci"] {
                let words = "profile explain \(profile) 'GET https://pypi.org/simple/'"
                let outcome = try place.control("'\(Binary.path)' \(words) >/dev/full")
                #expect(outcome.code == 74, "\(outcome)")
            }
        }

        @Test("Without a command bailey run says so")
        func withoutCommand() throws {
            let outcome = try place.bailey(["run"])
            #expect(outcome.code == 125 && outcome.errors.contains("needs a command"), "\(outcome)")
        }

        @Test(
            "An unknown command or option of another command is refused with 64",
            arguments: [
                ["runn"], ["audit", "--no-such"], ["doctor", "extra"], ["profile", "chek"],
                ["audit", "--agent", "?"],
            ]
        )
        func unknownCommand(words: [String]) throws {
            let outcome = try place.bailey(words)
            #expect(outcome.code == 64, "\(outcome)")
            #expect(outcome.errors.hasPrefix("bailey: "), "\(outcome)")
            #expect(outcome.errors.contains("Usage: ") || outcome.errors.contains("--help'"), "\(outcome)")
        }

        @Test(
            "What is called wrongly is told what was meant, or what is taken, with 64",
            arguments: [
                (["rnu"], "'bailey' has no command 'rnu'; did you mean 'run'?"),
                (["audit", "verfy"], "did you mean 'verify'?"),
                (["profile", "chek"], "did you mean 'check'?"),
                (["audit", "--agent", "foo"], "RUN.N, as `bailey tree` and `bailey ps` show it"),
                (["kill", "foo"], "RUN.N, as `bailey tree` and `bailey ps` show it"),
                (["audit", "--limit", "0"], "from 1"), (["audit", "--limit", "-1"], ""),
                (["audit", "verify", "--public-key", "xx"], "64 hex digits"),
                (["audit", "verify", "--public-key", String(repeating: "g", count: 64)], "64 hex digits"),
            ]
        )
        func calledWrongly(words: [String], says: String) throws {
            let outcome = try place.bailey(words)
            #expect(outcome.code == 64 && outcome.errors.hasPrefix("bailey: "), "\(outcome)")
            #expect(says.isEmpty || outcome.errors.contains(says), "\(outcome)")
        }

        @Test("The help of bailey audit has the options that it takes, and names verify")
        func auditHelp() throws {
            for words in [["audit", "--help"], ["audit", "-h"], ["help", "audit"]] {
                let outcome = try place.bailey(words)
                for option in ["--agent", "--run", "--denied", "--limit", "--state", "--json", "verify"] {
                    #expect(outcome.code == 0 && outcome.output.contains(option), "\(outcome)")
                }
            }
        }

        @Test(
            "An empty word is no option's value and no command",
            arguments: [
                ["-p", "", "--", "true"], ["--config=", "true"], ["-w", "", "true"], ["--", ""], [""],
            ]
        )
        func emptyWords(words: [String]) throws {
            let outcome = try place.bailey(["run"] + words)
            #expect(outcome.code == 125 && outcome.errors.contains("not an empty word"), "\(outcome)")
        }

        @Test(
            "A file that cannot be read is refused with the reason",
            arguments: [
                ("nosuch.yaml", "No such file or directory"), ("folder.yaml", "it is a folder"),
                ("large.yaml", "larger than 256 KiB"), ("binary.yaml", "it is not UTF-8"),
            ]
        )
        func unreadableFile(name: String, reason: String) throws {
            let file = place.root + "/" + name
            try FileManager.default.createDirectory(
                atPath: place.root + "/folder.yaml",
                withIntermediateDirectories: true
            )
            try place.write(String(repeating: "#", count: 300 << 10), to: "large.yaml")
            try Data([0x62, 0xFF, 0xFE]).write(to: URL(filePath: place.root + "/binary.yaml"))
            for option in ["-p", "--config"] {
                let outcome = try place.bailey(["run", option, file, "--", "touch", "ran"])
                #expect(outcome.code == 125, "\(outcome)")
                #expect(outcome.errors.contains(file) && outcome.errors.contains(reason), "\(outcome)")
                #expect(outcome.errors.contains("with \(option)"), "\(outcome)")
                #expect(!FileManager.default.fileExists(atPath: place.workspace + "/ran"))
            }
        }

        @Test("A profile's file in this folder, named without a slash, is told with one")
        func fileWithoutSlash() throws {
            try place.write("bailey: 1\nextends: [base]\n", to: place.workspace + "/mine.yaml")
            for words in [["run", "-p", "mine", "--", "true"], ["profile", "check", "mine"]] {
                let outcome = try place.bailey(words)
                #expect(outcome.errors.contains("did you mean \"./mine.yaml\"?"), "\(outcome)")
                #expect(!outcome.errors.contains(":1:1:"), "\(outcome)")
            }
            #expect(try place.bailey(["run", "-p", "./mine.yaml", "--", "true"]).code == 0)
        }

        @Test("Inside an agent the operator's commands say whose they are, with 64; outside they answer")
        func insideAgent() throws {
            for command in [
                "doctor", "tree", "audit", "audit verify", "ps", "kill 1.1", "profile show base",
            ] {
                let outcome = try place.agent("bailey \(command)")
                #expect(outcome.code == 64, "\(outcome)")
                #expect(outcome.errors.hasPrefix("bailey: 'bailey "), "\(outcome)")
                #expect(outcome.errors.contains("is the operator's, outside of agents"), "\(outcome)")
            }
            #expect(try place.agent("bailey tree --help && bailey profile words https").code == 0)
            #expect(try place.bailey(["profile", "show", "base"]).code == 0)
        }

        @Test("A store that is junk is said to be broken, and nobody is sent round in a circle")
        func junkStore() throws {
            #expect(try place.agent("true").code == 0)
            let store = place.root + "/state/bailey/audit.sqlite"
            for suffix in ["-wal", "-shm"] { try? FileManager.default.removeItem(atPath: store + suffix) }
            try place.write(String(repeating: "junk", count: 4096), to: store, mode: 0o600)
            let outcome = try place.bailey(["audit", "verify"])
            #expect(outcome.code == 1 && outcome.output.contains("broken"), "\(outcome)")
            #expect(!(outcome.output + outcome.errors).contains("audit verify"), "\(outcome)")
        }

        @Test("Options after the command are the command's")
        func commandOptions() throws {
            #expect(try place.bailey(["run", "echo", "--name", "-p"]).output == "--name -p\n")
            #expect(
                try place.bailey(["run", "--name", "one", "--", "sh", "-c", "echo $0", "--help"]).output
                    == "--help\n"
            )
        }

        @Test("A folder of profiles that is not there is refused by name, and nothing runs")
        func noProfiles() throws {
            try place.write("", to: "file")
            for folder in [place.root + "/nosuch", place.root + "/file"] {
                let run = try place.bailey(["run", "--profiles", folder, "--", "touch", "ran"])
                #expect(run.code == 125 && run.errors.contains("(\(folder)): "), "\(run)")
                #expect(!FileManager.default.fileExists(atPath: place.workspace + "/ran"))
                let check = try place.bailey(["profile", "check", "base", "--profiles", folder])
                #expect(check.code == 64 && check.errors.contains(folder), "\(check)")
            }
            #expect(try place.bailey(["profile", "check", "base", "--profiles", place.profiles]).code == 0)
        }

        @Test(
            "A run or an agent that is not on record is said to be none; one without such records is an answer"
        )
        func noSuchSubject() throws {
            #expect(try place.agent("true").code == 0)
            let first = try #require(
                try place.bailey(["tree"]).lines.first?.split(separator: " ").dropFirst().first
            )
            for words in [
                ["audit", "--run", "nosuch"], ["audit", "--json", "--run", "nosuch"],
                ["tree", "--run", "nosuch"],
                ["audit", "--agent", "0123456789ab.1"], ["audit", "--agent", "\(first).99"],
                ["audit", "--run", String(first), "--agent", "0123456789ab.1"],
            ] {
                let outcome = try place.bailey(words)
                #expect(outcome.code == 1 && outcome.output.isEmpty, "\(words) \(outcome)")
                let named = words.last ?? ""
                #expect(
                    outcome.errors.contains(" has no") && outcome.errors.contains(named),
                    "\(words) \(outcome)"
                )
            }
            let person = try place.bailey(["tree", "oidc:corp:bob"])
            #expect(
                person.code == 64 && person.errors.contains("bailey tree --principal oidc:corp:bob"),
                "\(person)"
            )
            let missing = try place.bailey(["tree", "nosuch"])
            #expect(missing.code == 1 && missing.errors.contains("nothing of run nosuch"), "\(missing)")
            for words in [
                ["tree", String(first)], ["tree", "\(first).1"], ["tree", "--run", String(first)],
            ] {
                #expect(try place.bailey(words).lines.first?.hasPrefix("run \(first)  ") == true, "\(words)")
            }
            #expect(try place.bailey(["tree", "--all", String(first)]).code == 64)
            let denied = try place.bailey(["audit", "--denied", "--run", String(first)])
            #expect(denied.code == 0 && denied.output.isEmpty && denied.errors.isEmpty, "\(denied)")
            #expect(try place.bailey(["audit", "--run", String(first)]).lines.count == 2)
        }

        @Test("What was done for a principal is found by its name, and a name that nobody has is a mistake")
        func principals() throws {
            #expect(try place.agent("true").code == 0)
            let tree = try place.bailey(["tree"])
            let principal = try #require(tree.lines.first?.split(separator: " ").last.map(String.init))
            #expect(try place.bailey(["audit", "--principal", principal]).lines.count == 2)
            let own = try place.bailey(["tree", "--principal", principal])
            #expect(own.code == 0 && own.output == tree.output, "\(own)")
            for command in ["audit", "tree"] {
                let other = try place.bailey([command, "--principal", principal + "x"])
                #expect(other.code == 1 && other.output.isEmpty, "\(other)")
                #expect(other.errors.contains("did you mean \(principal)?"), "\(other)")
            }
        }

        @Test("bailey ps and bailey tree --running show whose agents live now")
        func living() throws {
            #expect(try place.agent("true").code == 0)
            #expect(try place.bailey(["tree", "--running"]).output.isEmpty)
            let running = try place.running("echo ready; sleep 600; : \(String(repeating: "x", count: 120))")
            #expect(running.awaitOutput("ready"))
            let ps = try place.bailey(["ps"])
            #expect(ps.lines.first?.contains("PROFILE  PRINCIPAL") == true, "\(ps)")
            let line = try #require(ps.lines.dropFirst().first { $0.contains("sleep 600") }, "\(ps)")
            #expect(line.contains("  user:") && line.hasSuffix("…"), "\(ps)")
            let tree = try place.bailey(["tree", "--running"])
            #expect(
                tree.lines.count { $0.hasPrefix("run ") } == 1 && tree.output.contains("  running  "),
                "\(tree)"
            )
            running.signal(SIGKILL)
            _ = running.finish()
        }

        @Test("Wrong usage that a command finds by itself is told with that command's usage")
        func usage() throws {
            let outcome = try place.bailey([
                "profile", "explain", "base", "GET https://a.test/", "--claim", "x=y",
            ])
            #expect(outcome.code == 64 && outcome.errors.contains("--claim go with --as"), "\(outcome)")
            #expect(outcome.errors.contains("Usage: bailey profile explain "), "\(outcome)")
            #expect(outcome.errors.contains("'bailey profile explain --help'"), "\(outcome)")
            let inside = try place.agent("bailey audit")
            #expect(inside.code == 64 && inside.errors.contains("Usage: bailey audit ["), "\(inside)")
            #expect(inside.errors.contains("'bailey audit --help'"), "\(inside)")
        }

        @Test("Reading a store that is not there says where it was looked for", arguments: ["audit", "tree"])
        func noStore(command: String) throws {
            let outcome = try place.bailey([command])
            #expect(outcome.code != 0, "\(outcome)")
            #expect(outcome.errors.contains(place.root + "/state"), "\(outcome)")
        }
    }
}
