import Foundation
import Testing

extension EndToEnd {
    @Suite("Completion for bash", .serialized)
    struct CompletionTests {
        let place: Place

        init() throws {
            place = try Place()
        }

        /// What is offered for the last word; `before` runs first.
        private func offered(_ words: String, before: String = "") throws -> [String] {
            let file = URL(filePath: #filePath).deletingLastPathComponent()
                .appending(path: "../../docs/bailey.bash").standardizedFileURL.path
            let outcome = try place.control(
                """
                exec bash -c '. "\(file)"; bailey() { "\(Binary.path)" "$@"; }; \(before)
                    COMP_WORDS=(\(words)) COMP_CWORD=$((${#COMP_WORDS[@]} - 1)); _bailey
                    printf "%s\\n" "${COMPREPLY[@]}"'
                """
            )
            #expect(outcome.code == 0 && outcome.errors.isEmpty, "\(outcome)")
            return outcome.output.split(separator: "\n").map(String.init)
        }

        @Test(
            "Each option is offered what it takes",
            arguments: [
                ("bailey run --allow-degraded \"\"", ["cgroups", "cpus", "landlock"]),
                ("bailey serve --allow-degraded \"\"", ["cgroups", "cpus", "landlock"]),
                ("bailey run --prof", ["--profile", "--profiles"]),
                ("bailey run --work", ["--workspace"]),
                ("bailey profile check --s", ["--strict"]), ("bailey profile explain --u", ["--under"]),
                ("bailey audit --a", ["--agent"]), ("bailey audit sh", ["show"]),
                ("bailey audit show --j", ["--json"]),
                ("bailey audit show 1 --body re", ["request", "response"]),
                ("bailey audit ex", ["export"]), ("bailey audit export --rec", ["--receipts", "--record"]),
                ("bailey audit export --output ./lo", ["./lower.yaml"]), ("bailey help apr", []),
                ("bailey help appr", ["approvals"]), ("bailey appr", ["approvals"]),
                ("bailey profile check --conf", ["--config"]), ("bailey tree --ru", ["--run", "--running"]),
                ("bailey audit verify --p", ["--public-key"]),
                (
                    "bailey replay --",
                    [
                        "--as-policy", "--in-place-of", "--offline", "--profile", "--workspace", "--name",
                        "--config", "--allow-degraded", "--profiles", "--terminal", "--asciicast", "--speed",
                        "--state", "--json",
                    ]
                ), ("bailey ses", ["sessions"]), ("bailey sessions --v", ["--verify"]),
                ("bailey replay 1 --as-policy lo", ["./lower.yaml"]),
                ("bailey approvals \"\"", ["list", "show", "approve", "deny"]),
                ("bailey approvals approve --", ["--for", "--reason", "--socket", "--fleet"]),
                ("bailey approvals show 1 --socket ./lo", ["./lower.yaml"]), ("bailey tra", ["trace"]),
                ("bailey trace --", ["--who-saw", "--svg", "--fleet", "--chain", "--state", "--json"]),
                ("bailey rep", ["replay"]),
                ("bailey identity \"\"", ["bundle", "keys"]),
                ("bailey identity keys --j", ["--json"]),
                ("bailey identity bundle --fo", ["--form"]),
                ("bailey identity bundle --form \"\"", ["jwks", "pem", "spiffe"]),
                ("bailey run --profiles \"$HOME/../profiles\" --profile mi", ["mine"]),
                ("bailey run -p lo", ["./lower.yaml"]), ("bailey run -p ./lo", ["./lower.yaml"]),
            ]
        )
        func options(words: String, expected: [String]) throws {
            try place.profile("mine", "")
            try place.write("", to: "workspace/lower.yaml")
            #expect(try offered(words) == expected)
        }

        @Test("Runs and agents that are on record are offered")
        func records() throws {
            #expect(try place.agent("true").code == 0)
            let first = try place.bailey(["tree"]).lines.first?.split(separator: " ").dropFirst().first
            let run = String(try #require(first))
            let agents = try offered("bailey audit --agent \"\"")
            #expect(agents.count == 1 && agents.allSatisfy { $0.hasPrefix(run + ".") }, "\(agents)")
            #expect(try offered("bailey replay \"\"") == [run] + agents)
            for command in ["audit", "tree"] { #expect(try offered("bailey \(command) --run \"\"") == [run]) }
            #expect(try offered("bailey tree \"\"") == [run])
            // As bash divides words, at colons, and as it does not.
            let name = NSUserName()
            for words in ["bailey revoke user", "bailey audit --principal us"] {
                #expect(try offered(words) == ["user:\(name)"], "\(words)")
            }
            for words in ["bailey revoke user : \"\"", "bailey tree --principal user : \(name.prefix(1))"] {
                #expect(try offered(words) == [name], "\(words)")
            }
        }

        @Test("Words after the command are that command's to complete, where bash-completion is there")
        func command() throws {
            let stub = "_command_offset() { COMPREPLY=(\"offset $1\"); };"
            for (words, offset) in [
                ("bailey run -p ci make M", 4), ("bailey run --name=x --alone -- make M", 5),
                ("bailey run --name x -- make -", 5), ("bailey replay 1 --offline -- make -", 5),
            ] {
                #expect(try offered(words, before: stub) == ["offset \(offset)"])
            }
            #expect(try offered("bailey run -p ci -", before: stub).contains("--alone"))
        }
    }
}
