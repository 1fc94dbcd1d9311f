import Foundation
import TestSupport
import Testing

extension EndToEnd {
    /// What goes between an agent and its child is masked; what a root agent shows its user is not, which is the control.
    @Suite("Standard streams between agents", .serialized)
    struct StdioTests {
        let place: Place
        let token = "s3cr3t/REAL+51fa7c20\"b9&e1"
        private let other = "0rd1nary/TEXT+62eb8d31\"c8&f2"

        init() throws {
            place = try Place()
            try place.write(
                """
                bailey: 1
                credentials:
                  token: {from: {env: SERVICE_TOKEN}, as: header x-token, for: ["https://allowed.test"]}

                """,
                to: place.configuration + "/credentials.yaml",
                mode: 0o600
            )
            let rule = "{to: \"https://allowed.test\", allow: [\"GET /**\"], credential: token}"
            let children = "children: {profiles: [leaf], depth: 1, count: 4}"
            for (name, text) in [
                ("top", "record: {terminal: best-effort}\negress: [\(rule)]\n\(children)\n"),
                ("plain", "egress: [\(rule)]\n\(children)\n"), ("leaf", ""),
            ] {
                try place.write(
                    "bailey: 1\nname: \(name)\nextends: [base]\n\(text)",
                    to: "config/bailey/profiles/\(name).yaml"
                )
            }
            try place.write(token, to: "workspace/secret")
            try place.write(other, to: "workspace/other")
            try place.write(Self.speller, to: "workspace/spell.py")
        }

        /// Prints what a file holds in some form, to a descriptor, octet by octet or at once.
        private static let speller = """
            import base64, json, os, sys, urllib.parse
            name, form, descriptor, step = sys.argv[1:]
            text = open(name).read()
            shown = {
                "raw": text, "base64": base64.b64encode(b"u:" + text.encode()).decode(), "hex": text.encode().hex(),
                "url": urllib.parse.quote(text, safe=""), "json": json.dumps(text).replace("/", "\\\\/"),
                "html": text.replace("&", "&amp;").replace('"', "&quot;"),
            }[form]
            octets = ("value " + shown + ";\\n").encode()
            step = int(step) or len(octets)
            for start in range(0, len(octets), step): os.write(int(descriptor), octets[start:start + step])
            """

        func run(_ script: String, profile: String = "plain") throws -> Outcome {
            try place.bailey(
                ["run", "-p", profile, "--", "sh", "-c", script],
                environment: ["SERVICE_TOKEN": token]
            )
        }

        private func spell(
            _ name: String,
            _ form: String,
            _ descriptor: Int = 1,
            by step: Int = 0
        ) -> String {
            "python3 ./spell.py \(name) \(form) \(descriptor) \(step)"
        }

        /// Nothing of a text but what stands around the secret.
        private func expectMasked(_ shown: String, _ control: String) {
            #expect(control.hasPrefix("value ") && control.hasSuffix(";\n"), "the control: \(control)")
            #expect(shown.utf8.count == control.utf8.count && shown != control, "\(shown)")
            #expect(shown.hasPrefix("value ") && shown.hasSuffix(";\n"), "\(shown)")
            let (masked, open) = (Array(shown.utf8), Array(control.utf8))
            // In base64 the first and the last character are shared with what is beside.
            let alike = masked.indices.dropFirst(10).dropLast(4).filter { masked[$0] == open[$0] }
            #expect(alike.count * 3 < masked.count, "\(shown)")
        }

        @Test(
            "A secret that a child prints does not reach its parent, in any form, at once and octet by octet",
            arguments: ["raw", "base64", "hex", "url", "json", "html"],
            [0, 1]
        )
        func printed(form: String, step: Int) throws {
            let control = try run(spell("secret", form))
            let child = try run("bailey run -p leaf -- " + spell("secret", form, by: step))
            #expect(child.code == 0, "\(child)")
            expectMasked(child.output, control.output)
            let free = try run("bailey run -p leaf -- " + spell("other", form, by: step))
            #expect(try free.output == run(spell("other", form)).output)
        }

        @Test("Nor by its standard error, and a parent's secret does not reach the child by its input")
        func others() throws {
            let control = try run(spell("secret", "raw"))
            let child = try run("bailey run -p leaf -- " + spell("secret", "raw", 2, by: 1))
            expectMasked(child.errors, control.output)
            for (name, isSecret) in [("secret", true), ("other", false)] {
                let script = spell(name, "raw", by: 1) + " | bailey run -p leaf -- sh -c 'cat >got'"
                #expect(try run(script).code == 0)
                let got = try #require(place.read("workspace/got"))
                if isSecret { expectMasked(got, control.output) } else { #expect(got == "value \(other);\n") }
            }
        }

        @Test("A token is masked by its shape, and what was masked is on record, and in the trace")
        func recorded() throws {
            let token = "ghp_16C7e42F292c6912E7710c838347Ae178B4a"
            try place.write("\(token)\n", to: "workspace/token")
            let outcome = try run(
                """
                { cat secret; echo; cat token token; } |
                    bailey run -p leaf -- sh -c 'cat >/dev/null; cat secret; echo; cat secret; cat token >&2'
                """
            )
            let masked = "ghp_" + String(repeating: "x", count: 36)
            #expect(outcome.code == 0 && outcome.errors.contains(masked), "\(outcome)")
            let exits = try place.bailey(["audit", "--json"]).lines.compactMap {
                try? JSONDecoder().decode(Exit.self, from: Data($0.utf8))
            }.filter { $0.kind == "exit" }
            #expect(exits.count == 2, "\(exits)")
            let counts: [String: Int] = [
                "credential on stdin": 1, "token on stdin": 2, "credential on stdout": 2,
                "token on stderr": 1,
            ]
            let child = try #require(exits.first { $0.record.masked != nil }, "\(exits)")
            #expect(child.record.masked == counts)
            #expect(exits.count { $0.record.masked == nil } == 1)
            let trace = try place.bailey(["trace", child.agent])
            #expect(trace.code == 0 && trace.output.contains("masked  credential on stdout 2"), "\(trace)")
            let saw = try place.bailey(["trace", "--who-saw", "token"])
            #expect(saw.code == 0 && saw.lines.count == 2, "\(saw)")
            #expect(saw.output.contains("token 2 from stdin of \(child.agent)"), "\(saw)")
            #expect(saw.output.contains("token 1 from stderr of \(child.agent)"), "\(saw)")
            #expect(try place.bailey(["audit", "verify"]).code == 0)
        }

        private struct Exit: Decodable {
            let kind: String
            let agent: String
            let record: Details

            struct Details: Decodable {
                let masked: [String: Int]?
            }
        }

        @Test("64 MiB of any octets come through as they are, in both directions")
        func large() throws {
            let outcome = try run(
                """
                head -c 67108864 /dev/urandom >data; sha256sum <data
                bailey run -p leaf -- sha256sum <data
                bailey run -p leaf -- cat data | sha256sum
                bailey run -p leaf -- cat <data | sha256sum
                """
            )
            #expect(outcome.lines.count == 4 && Set(outcome.lines).count == 1, "\(outcome)")
        }

        @Test("The end of input, a reader that went away and exit codes are what they are without a relay")
        func ends() throws {
            let outcome = try run(
                """
                printf one | bailey run -p leaf -- sh -c 'cat; cat; echo " end"; exit 3'; echo code=$?
                bailey run -p leaf -- sh -c 'exec >&- 2>&-; exit 4' </dev/null; echo code=$?
                bailey run -p leaf -- sh -c 'printf last; kill -9 $$'; echo " code=$?"
                { bailey run -p leaf -- yes; echo code=$? >&2; } | head -n 2
                """
            )
            #expect(
                outcome.lines == ["one end", "code=3", "code=4", "last code=137", "y", "y"],
                "\(outcome)"
            )
            #expect(outcome.errors.contains("code=141"), "\(outcome)")
        }

        @Test("What a child wrote last is there, however slowly it is read, before the end is told")
        func slowReader() throws {
            let outcome = try run(
                """
                { bailey run -p leaf -- sh -c 'head -c 1000000 /dev/zero; exit 7'; echo code=$? >&2; } | { sleep 1; wc -c; }
                """
            )
            #expect(outcome.lines.last == "1000000", "\(outcome)")
            #expect(outcome.errors.contains("code=7"), "\(outcome)")
        }
    }
}
