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
            #expect(outcome.errors.contains("Error: ") && outcome.errors.contains("Usage: "), "\(outcome)")
        }

        @Test("Options after the command are the command's")
        func commandOptions() throws {
            #expect(try place.bailey(["run", "echo", "--name", "-p"]).output == "--name -p\n")
            #expect(
                try place.bailey(["run", "--name", "one", "--", "sh", "-c", "echo $0", "--help"]).output
                    == "--help\n"
            )
        }

        @Test("Reading a store that is not there says where it was looked for", arguments: ["audit", "tree"])
        func noStore(command: String) throws {
            let outcome = try place.bailey([command])
            #expect(outcome.code != 0, "\(outcome)")
            #expect(outcome.errors.contains(place.root + "/state"), "\(outcome)")
        }
    }
}
