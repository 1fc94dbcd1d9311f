import Foundation
import Testing

extension EndToEnd {
    @Suite("Profile commands and bad profiles", .serialized)
    struct PolicyCommandTests {
        let place: Place

        init() throws {
            place = try Place()
        }

        private func expectNothingRan() {
            #expect(!FileManager.default.fileExists(atPath: place.workspace + "/ran"))
        }

        @Test(
            "A bad profile is refused with file, line, column and the nearest word, and nothing runs",
            arguments: [
                ("egres: []", "3:1: ", "did you mean \"egress\"?"),
                ("limits: {memoory: 1GiB}", "3:10: ", "did you mean \"memory\"?"),
                ("limits: {time: soon}", "3:16: ", "\"soon\""), ("limits: 3", "3:9: ", "must be a mapping"),
                ("files: {read: 7}", "3:15: ", "must be a list"),
                ("name: again", "3:1: ", "duplicate key \"name\""),
                ("egress: [{to: \"https://a.test\", allow: [\"GT /x\"]}]", "3:42: ", "did you mean \"GET\"?"),
                ("egress: [{to: \"htps://a.test\", allow: [GET]}]", "3:", "did you mean \"https\"?"),
                ("extends: [bse]", "3:11: ", "did you mean \"base\"?"), ("env: {set: {A: 1", "4:1: ", "'}'"),
            ]
        )
        func badProfile(line: String, position: String, words: String) throws {
            try place.profile("mistaken", line + "\n")
            let outcome = try place.bailey([
                "run", "-p", "mistaken", "--profiles", place.profiles, "--", "touch", "ran",
            ])
            #expect(outcome.code == 125, "\(outcome)")
            #expect(outcome.errors.contains("mistaken.yaml:\(position)"), "\(outcome)")
            #expect(outcome.errors.contains(words), "\(outcome)")
            expectNothingRan()
            let check = try place.bailey(["profile", "check", place.profiles + "/mistaken.yaml"])
            #expect(check.code == 65 && check.errors.contains("mistaken.yaml:\(position)"), "\(check)")
        }

        @Test(
            "C20: a host pattern that covers other people's hosts is warned of where it is written; one's own is not",
            arguments: [
                ("https://*.github.io", true), ("https://*.amazonaws.com", true), ("https://**.com", true),
                ("https://*.own.test", false), ("https://me.github.io", false),
            ]
        )
        func sharedSuffix(to: String, isWarned: Bool) throws {
            try place.profile("wide", "egress: [{to: \"\(to)\", allow: [GET]}]\n")
            let check = try place.bailey(["profile", "check", place.profiles + "/wide.yaml"])
            #expect(check.code == 0, "\(check)")
            #expect((check.output + check.errors).contains("wide.yaml:3:") == isWarned, "\(check)")
            #expect((check.output + check.errors).contains("warning") == isWarned, "\(check)")
        }

        @Test("The profile and the credentials of README.md pass a strict check")
        func readme() throws {
            let file = #filePath.split(separator: "/").dropLast(3).map { "/" + $0 }.joined() + "/README.md"
            let text = try String(contentsOfFile: file, encoding: .utf8)
            let blocks = text.components(separatedBy: "```yaml\n").dropFirst().compactMap {
                $0.components(separatedBy: "\n```").first
            }
            let profile = try #require(blocks.first { $0.contains("\nname: mine\n") })
            let credentials = try #require(blocks.first { $0.contains("\ncredentials:\n") })
            try place.write(profile + "\n", to: "mine.yaml")
            let check = ["profile", "check", "--strict", place.root + "/mine.yaml"]
            let before = try place.bailey(check)
            #expect(before.code == 1 && before.errors.contains("toolcache will be refused: it is not there"))
            #expect(before.errors.contains("there is no credential github in"), "\(before)")
            try place.write(credentials + "\n", to: "config/bailey/credentials.yaml")
            try FileManager.default.createDirectory(
                atPath: try #require(place.environment["HOME"]) + "/toolcache",
                withIntermediateDirectories: true
            )
            let after = try place.bailey(check)
            #expect(after.code == 0 && after.errors.isEmpty, "\(after)")
            try place.write("bailey: 1\ncredentials: 7\n", to: "config/bailey/credentials.yaml")
            let broken = try place.bailey(check)
            #expect(broken.code == 1 && broken.errors.contains("every launch is refused"), "\(broken)")
        }

        @Test("The allowed twin of the bad profiles runs")
        func goodProfile() throws {
            try place.profile("good", "extends: [base]\nlimits: {time: 1m}\n")
            #expect(try place.agent("touch ran", profile: "good").code == 0)
            #expect(FileManager.default.fileExists(atPath: place.workspace + "/ran"))
        }

        @Test("A circle of extends is refused with its way round")
        func circle() throws {
            try place.profile("one", "extends: [two]\n")
            try place.profile("two", "extends: [one]\n")
            let outcome = try place.agent("touch ran", profile: "one")
            #expect(outcome.code == 125, "\(outcome)")
            #expect(
                outcome.errors.contains("two.yaml:3:11: ") && outcome.errors.contains("/one.yaml) > two (")
                    && outcome.errors.contains("/two.yaml) > one"),
                "\(outcome)"
            )
            expectNothingRan()
        }

        @Test(
            "A file that is no text, no file, or not there is refused by name",
            arguments: ["binary", "folder", "absent"]
        )
        func unreadable(name: String) throws {
            try Data([0x62, 0xFF, 0xFE, 0x00]).write(to: URL(filePath: place.profiles + "/binary.yaml"))
            try FileManager.default.createDirectory(
                atPath: place.profiles + "/folder.yaml",
                withIntermediateDirectories: true
            )
            let outcome = try place.agent("touch ran", profile: name)
            #expect(outcome.code == 125 && outcome.errors.contains(name), "\(outcome)")
            expectNothingRan()
        }

        @Test(
            "A profile that cannot be read is refused by name, never replaced by its namesake further down",
            arguments: ["base", "loop"]
        )
        func unopenable(name: String) throws {
            try FileManager.default.createSymbolicLink(
                atPath: place.profiles + "/\(name).yaml",
                withDestinationPath: name == "loop" ? "loop.yaml" : "/nowhere/base.yaml"
            )
            let outcome = try place.agent("touch ran", profile: name)
            #expect(outcome.code == 125 && outcome.errors.contains("profiles/\(name).yaml:"), "\(outcome)")
            expectNothingRan()
        }

        @Test("What is not built yet is refused by name")
        func unbuilt() throws {
            try place.profile("later", "children: {transitions: {}}\n")
            let outcome = try place.agent("touch ran", profile: "later")
            #expect(outcome.code == 125 && outcome.errors.contains("later.yaml:3:"), "\(outcome)")
            #expect(outcome.errors.contains("not built yet"), "\(outcome)")
            expectNothingRan()
        }

        @Test("An operator's configuration without its version is refused; an empty one is none")
        func unversionedConfiguration() throws {
            try place.write("resolve: {a.test: 127.0.0.1}\n", to: place.configuration + "/bailey.yaml")
            let outcome = try place.agent("touch ran")
            #expect(outcome.code == 125, "\(outcome)")
            #expect(outcome.errors.contains("bailey.yaml:1:1: \"bailey: 1\""), "\(outcome)")
            expectNothingRan()
            try place.write("# nothing yet\n", to: place.configuration + "/bailey.yaml")
            #expect(try place.agent("true").code == 0)
        }

        @Test("A bad operator's configuration is refused with its place, and nothing runs")
        func badConfiguration() throws {
            try place.write(
                "bailey: 1\nresolv: {a.test: 127.0.0.1}\n",
                to: place.configuration + "/bailey.yaml"
            )
            let outcome = try place.agent("touch ran")
            #expect(outcome.code == 125 && outcome.errors.contains("bailey.yaml:2:1: "), "\(outcome)")
            #expect(outcome.errors.contains("did you mean \"resolve\"?"), "\(outcome)")
            expectNothingRan()
        }

        @Test(
            "The shipped profiles are valid",
            arguments: ["base", "ci", "llm-tool", "test-runner", "offline"]
        )
        func shipped(name: String) throws {
            let outcome = try place.bailey(["profile", "check", name])
            #expect(outcome.code == 0 && outcome.output.contains("valid, profile \"\(name)\""), "\(outcome)")
            #expect(try place.bailey(["run", "-p", name, "--", "true"]).code == 0)
        }

        @Test("profile show prints the merged profile, each line with the file it came from")
        func show() throws {
            try place.profile("mine", "extends: [base]\nenv: {pass: [MINE]}\n")
            let outcome = try place.bailey(["profile", "show", "mine", "--profiles", place.profiles])
            let lines = outcome.output.split(separator: "\n")
            #expect(lines.contains { $0.contains("- MINE ") && $0.hasSuffix("# mine.yaml:4") }, "\(outcome)")
            #expect(lines.contains { $0.contains("- LANG ") && $0.contains("# base.yaml:") }, "\(outcome)")
        }

        @Test("profile explain says what an agent would get and by which rule of which ancestor")
        func explain() throws {
            try place.profile("up", "egress: [{to: \"https://a.test\", allow: [\"GET /x/**\"]}]\n")
            try place.profile("down", "egress: [{to: \"https://a.test\", allow: [GET]}]\n")
            let words = ["profile", "explain", "down", "--profiles", place.profiles, "--under", "up"]
            let allowed = try place.bailey(words + ["GET https://a.test/x/y"])
            #expect(allowed.code == 0 && allowed.output.contains("up.yaml:3"), "\(allowed)")
            let denied = try place.bailey(words + ["GET https://a.test/z"])
            #expect(
                denied.code == 1 && denied.output.contains("denied") && denied.output.contains("\"up\""),
                "\(denied)"
            )
            #expect(try place.bailey(["profile", "explain", "base", "nonsense"]).code == 65)
        }

        @Test("profile test runs the decision tables and fails with the row that does not hold")
        func tables() throws {
            try FileManager.default.createDirectory(
                atPath: place.profiles + "/tests",
                withIntermediateDirectories: true
            )
            try place.profile("web", "egress: [{to: \"https://a.test\", allow: [GET]}]\n")
            let table = { (verdict: String) in
                "bailey: 1\ncases:\n  - {lineage: [web], request: \"GET https://a.test/\", verdict: \(verdict)}\n"
            }
            try place.write(table("allow"), to: "profiles/tests/web.yaml")
            #expect(
                try place.bailey(["profile", "test", place.profiles]).output.contains("1 passed, 0 failed")
            )
            try place.write(table("deny"), to: "profiles/tests/web.yaml")
            let failed = try place.bailey(["profile", "test", place.profiles])
            #expect(failed.code == 1, "\(failed)")
            #expect((failed.output + failed.errors).contains("expected deny, got allow"), "\(failed)")
        }

        @Test("profile test finds what the folder's own profiles extend where run finds it")
        func tablesExtend() throws {
            try place.profile("mine", "extends: [base]\negress: [{to: \"https://a.test\", allow: [GET]}]\n")
            try place.write(
                "bailey: 1\ncases:\n  - {lineage: [mine], request: \"GET https://a.test/\", verdict: allow}\n",
                to: "profiles/tests/mine.yaml"
            )
            let outcome = try place.bailey(["profile", "test", place.profiles])
            #expect(outcome.code == 0 && outcome.output.contains("1 passed, 0 failed"), "\(outcome)")
            // The control: nowhere else is a profile of that name.
            try place.profile("mine", "extends: [bse]\n")
            #expect(try place.bailey(["profile", "test", place.profiles]).code != 0)
        }

        @Test("profile check warns of what a launch would refuse, and fails of it under --strict")
        func refusals() throws {
            let lines = [
                ("files: {read: [/proc/1]}", "/proc/1 will be refused"),
                ("files: {write: [\"\(place.root)\"]}", "\(place.root) will be refused"),
                ("env: {pass: [HTTPS_PROXY]}", "\"HTTPS_PROXY\" is never passed"),
                ("limits: {open-files: 20}", "limits.open-files"),
                ("egress: [{to: \"https://a.test\", credential: nope, allow: [GET]}]", "no credential nope"),
                ("egress: [{to: \"tcp://127.0.0.1:18080\", allow: [connect]}]", "loopback is its own"),
                (
                    "egress: [{to: \"http://localhost\", private: true, allow: [GET]}]",
                    "loopback is its own"
                ),
                ("children: {profiles: [nosuch], depth: 1, count: 1}", "no profile \"nosuch\""),
                (
                    "limits: {time: 1m}\nchildren: {profiles: [wide], depth: 1, count: 1}",
                    "limits.time: 2m is more than the parent's 1m"
                ),
            ]
            try place.profile("wide", "limits: {time: 2m}\n")
            for (line, words) in lines {
                try place.profile("doubtful", line + "\n")
                let file = ["profile", "check", "--profiles", place.profiles, "doubtful"]
                let outcome = try place.bailey(file)
                #expect(outcome.code == 0 && outcome.errors.contains(words), "\(line): \(outcome)")
                #expect(try place.bailey(file + ["--strict"]).code == 1, "\(line)")
            }
            try place.profile(
                "doubtful",
                "files: {read: [/opt]}\nenv: {pass: [CI]}\nlimits: {open-files: 32, time: 2m}\n"
                    + "children: {profiles: [wide, \"x*\"], depth: 1, count: 1}\n"
            )
            let clean = try place.bailey(
                ["profile", "check", "--strict", "--profiles", place.profiles, "doubtful"]
            )
            #expect(clean.code == 0 && clean.errors.isEmpty, "\(clean)")
        }

        @Test("profile explain says that what goes to an agent's own loopback never reaches the gateway")
        func loopback() throws {
            try place.profile("local", "egress: [{to: \"http://localhost\", private: true, allow: [GET]}]\n")
            let words = ["profile", "explain", "--profiles", place.profiles, "local"]
            #expect(try place.bailey(words + ["GET http://localhost/"]).output.contains("never reaches"))
            #expect(try !place.bailey(words + ["GET http://a.test/"]).output.contains("never reaches"))
        }

        @Test("A profile that cannot be read by its author's mistake is told the mistake in plain words")
        func plainWords() throws {
            let texts = [
                ("\u{FEFF}bailey: 1\nname: odd\n", "byte order mark"),
                ("bailey: 1\n---\nbailey: 1\n", "second document"),
                ("bailey: 1\nlimits: {mem: 1GiB}\n", "did you mean \"memory\"?"),
            ]
            for (text, words) in texts {
                try place.write(text, to: "profiles/odd.yaml")
                let outcome = try place.bailey(["profile", "check", place.profiles + "/odd.yaml"])
                #expect(outcome.code == 65 && outcome.errors.contains(words), "\(outcome)")
            }
        }

        @Test(
            "profile words prints the action words of a protocol",
            arguments: ["http", "https", "tls", "tcp"]
        )
        func words(name: String) throws {
            let outcome = try place.bailey(["profile", "words", name])
            #expect(outcome.code == 0, "\(outcome)")
            #expect(
                outcome.output.contains(name.hasPrefix("http") ? "METHOD /path/glob" : "connect"),
                "\(outcome)"
            )
            #expect(try place.bailey(["profile", "words", "gopher"]).code == 65)
        }
    }
}
