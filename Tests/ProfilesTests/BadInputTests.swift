import Policy
import Profiles
import Testing

/// What bad input gets: file, line, column, the offending text and the nearest valid word.
struct BadInputTests {
    @Test("A valid profile has no errors")
    func valid() {
        #expect(
            problems(
                "bailey: 1\nname: p\nfiles: {write: [$WORKSPACE, ~/x, $TMPDIR/y, /z]}\nrecord: metadata\nsyscalls: default\n"
            ) == []
        )
    }

    @Test(
        "R14: an unknown key is refused where it stands, with the nearest key",
        arguments: [
            (
                "bailey: 1\negres: []",
                "test.yaml:2:1: unknown key \"egres\" in the profile; did you mean \"egress\"?"
            ),
            (
                "bailey: 1\nfiles:\n  raed: [/x]",
                "test.yaml:3:3: unknown key \"raed\" in files; did you mean \"read\"?"
            ),
            (
                "bailey: 1\nenv: {past: [X]}",
                "test.yaml:2:7: unknown key \"past\" in env; did you mean \"pass\"?"
            ),
            (
                "bailey: 1\nlimits: {open_files: 3}",
                "test.yaml:2:10: unknown key \"open_files\" in limits; did you mean \"open-files\"?"
            ),
            (
                "bailey: 1\nchildren:\n  dept: 1",
                "test.yaml:3:3: unknown key \"dept\" in children; did you mean \"depth\"?"
            ),
            (
                "bailey: 1\negress:\n  - to: https://a.test\n    alow: [GET]",
                "test.yaml:4:5: unknown key \"alow\" in a rule of egress; did you mean \"allow\"?"
            ),
            ("bailey: 1\nzzzzzzz: 1", "test.yaml:2:1: unknown key \"zzzzzzz\" in the profile"),
        ]
    )
    func unknownKeys(text: String, expected: String) {
        #expect(problems(text) == [expected])
    }

    @Test(
        "A duplicate key is refused at its second place",
        arguments: [
            ("bailey: 1\nname: a\nname: b", "test.yaml:3:1: duplicate key \"name\"; it is first at line 2"),
            (
                "bailey: 1\nfiles:\n  read: [/a]\n  write: [/b]\n  read: [/c]",
                "test.yaml:5:3: duplicate key \"read\"; it is first at line 3"
            ),
            (
                "bailey: 1\n\"name\": a\nname: b",
                "test.yaml:3:1: duplicate key \"name\"; it is first at line 2"
            ),
        ]
    )
    func duplicateKeys(text: String, expected: String) {
        #expect(problems(text) == [expected])
    }

    @Test("A duplicate key in braces is refused as well")
    func duplicateInFlow() {
        #expect(
            problems("bailey: 1\nlimits: {time: 1s, time: 2s}") == ["test.yaml:2:10: duplicate key \"time\""]
        )
    }

    @Test(
        "A value of the wrong type is refused where it stands",
        arguments: [
            (
                "bailey: one",
                "test.yaml:1:9: bailey, the version of the format, must be a whole number from 1 to 1, not \"one\""
            ),
            (
                "bailey: 2",
                "test.yaml:1:9: bailey, the version of the format, must be a whole number from 1 to 1, not \"2\""
            ),
            (
                "bailey: \"1\"",
                "test.yaml:1:9: bailey, the version of the format, must be a whole number from 1 to 1, not \"1\""
            ),
            ("name: x", "test.yaml:1:1: \"bailey: 1\" is missing: the version of the format"),
            ("[]", "test.yaml:1:1: the profile must be a mapping of keys to values, not a list"),
            ("bailey: 1\nname: [x]", "test.yaml:2:7: name must be a text, not a list"),
            (
                "bailey: 1\nextends: base",
                "test.yaml:2:10: extends must be a list, as in [a, b], not \"base\""
            ),
            (
                "bailey: 1\nfiles: [/a]",
                "test.yaml:2:8: files must be a mapping of keys to values, not a list"
            ),
            (
                "bailey: 1\nfiles: {read: /a}",
                "test.yaml:2:15: files.read must be a list, as in [a, b], not \"/a\""
            ),
            (
                "bailey: 1\nfiles: {read: [[/a]]}",
                "test.yaml:2:16: an item of files.read must be a text, not a list"
            ),
            (
                "bailey: 1\nenv: {set: [A]}",
                "test.yaml:2:12: env.set must be a mapping of keys to values, not a list"
            ),
            ("bailey: 1\nenv: {set: {A: [b]}}", "test.yaml:2:16: env.set A must be a text, not a list"),
            ("bailey: 1\negress: {}", "test.yaml:2:9: egress must be a list, as in [a, b], not a mapping"),
            (
                "bailey: 1\negress: [x]",
                "test.yaml:2:10: a rule of egress must be a mapping of keys to values, not \"x\""
            ),
            (
                "bailey: 1\nchildren: {depth: x}",
                "test.yaml:2:19: children.depth must be a whole number from 0 to 32, not \"x\""
            ),
            (
                "bailey: 1\nchildren: {count: -1}",
                "test.yaml:2:19: children.count must be a whole number from 0 to 10000, not \"-1\""
            ),
            (
                "bailey: 1\negress:\n  - {to: \"https://a.test\", private: yes}",
                "test.yaml:3:37: private must be true or false, not \"yes\""
            ),
            ("bailey: 1\nlimits: {memory: [1]}", "test.yaml:2:18: limits.memory must be a text, not a list"),
            ("bailey: 1\negress:", "test.yaml:2:8: egress must be a list, as in [a, b], not nothing"),
        ]
    )
    func wrongTypes(text: String, expected: String) {
        #expect(problems(text) == [expected])
    }

    @Test(
        "A kind that nobody knows, and a mask where nothing is read, are refused",
        arguments: [
            (
                "{to: \"https://a.test\", mask: [emial]}",
                "2:40: mask: unknown kind \"emial\"; it may be email, payment-card, iban, phone, us-ssn, uk-nino, "
                    + "de-tax-id, fr-nir, es-dni, it-codice-fiscale, pl-pesel, private-key, token, pii, national-id, "
                    + "secrets; did you mean \"email\"?"
            ),
            (
                "{to: \"tls://a.test\", mask: [email]}",
                "2:37: mask works on http, https and postgres only: what tls forwards is not read"
            ),
            (
                "{to: \"https://a.test\", mask: email}",
                "2:39: mask must be a list, as in [a, b], not \"email\""
            ),
        ]
    )
    func masks(rule: String, expected: String) {
        #expect(problems("bailey: 1\negress: [\(rule)]") == ["test.yaml:\(expected)"])
    }

    @Test(
        "What the format knows and is not built yet is refused by name",
        arguments: [
            ("children: {transitions: {}}", "2:12: \"transitions\" of children is not built yet: remove it"),
            (
                "egress: [{to: \"redis://a.test\"}]",
                "2:16: the protocol \"redis\" is not built yet; use http, https, postgres, tls or tcp"
            ),
        ]
    )
    func unbuilt(line: String, expected: String) {
        #expect(problems("bailey: 1\n\(line)") == ["test.yaml:\(expected)"])
    }

    @Test("All errors of a file are told at once, in order, up to a bound")
    func allAtOnce() {
        let found = problems("bailey: 1\nnmae: x\nfiles: {read: [rel, /a/../b]}\nlimits: {time: 5}\n")
        #expect(
            found.map { String($0.prefix(14)) } == [
                "test.yaml:2:1:", "test.yaml:3:16", "test.yaml:3:24", "test.yaml:4:17",
            ]
        )
        let many = "bailey: 1\n" + (0..<500).map { "key\($0): 1\n" }.joined()
        #expect(problems(many).count == Diagnostics.maximumCount)
    }

    @Test("An empty file is no profile")
    func empty() {
        for text in ["", "# nothing\n", "---\n", "null"] {
            #expect(problems(text).count == 1, "\(text)")
        }
    }

    @Test(
        "R14: paths are absolute, exact and use only the three variables",
        arguments: [
            (
                "src", 0,
                "\"src\" is a relative path; begin it with /, $WORKSPACE, ~ or $TMPDIR; did you mean \"$WORKSPACE/src\"?"
            ),
            (
                "./src", 0,
                "\"./src\" is a relative path; begin it with /, $WORKSPACE, ~ or $TMPDIR; did you mean \"$WORKSPACE/src\"?"
            ),
            ("../src", 0, "\"../src\" is a relative path; begin it with /, $WORKSPACE, ~ or $TMPDIR"),
            ("/a/../b", 3, "\"..\" is not allowed in a path; write where it leads"),
            ("/a/./b", 3, "\".\" is not allowed in a path; write where it leads"),
            ("$WORKSPACE/..", 11, "\"..\" is not allowed in a path; write where it leads"),
            ("$HOME/x", 0, "unknown variable $HOME; there are only $WORKSPACE, ~ and $TMPDIR"),
            (
                "$WORKSPAC/x", 0,
                "unknown variable $WORKSPAC; there are only $WORKSPACE, ~ and $TMPDIR; did you mean \"$WORKSPACE/x\"?"
            ),
            (
                "\"${WORKSPACE}/x\"", 0,
                "unknown variable ${WORKSPACE}; there are only $WORKSPACE, ~ and $TMPDIR; did you mean \"$WORKSPACE/x\"?"
            ),
            ("~root/x", 0, "~root: only ~ itself, the home directory, is known; did you mean \"~/x\"?"),
            ("/a/$TMPDIR", 3, "a variable stands only in front of a path"),
            (
                "/a/*.c", 3,
                "\"*\": paths under files are exact, there are no globs but one /**/ in files.protect"
            ),
            ("/a//b", 3, "an empty part (//) is not allowed in a path"),
            ("\"\"", 0, "a path must not be empty"),
        ]
    )
    func paths(path: String, offset: Int, expected: String) {
        // The list's item begins in column 17, and a quoted text one later.
        let column = 17 + offset + (path.hasPrefix("\"") ? 1 : 0)
        #expect(problems("bailey: 1\nfiles: {write: [\(path)]}") == ["test.yaml:2:\(column): \(expected)"])
    }

    @Test(
        "R14: what is protected at any depth has a folder in front of one ** and a name behind it",
        arguments: [
            ("/**/x", "a folder stands in front of /**/"), ("$WORKSPACE/**/a/**/b", "there are no globs"),
            ("$WORKSPACE/**", "there are no globs"), ("$WORKSPACE/**/", "a name stands behind"),
            ("$WORKSPACE/**x/a", "there are no globs"), ("$WORKSPACE/**/../x", "\"..\" is not allowed"),
            ("src/**/x", "relative path"), ("$WORKSPACE/**/*.c", "there are no globs"),
        ]
    )
    func depths(path: String, expected: String) {
        let found = problems("bailey: 1\nfiles: {protect: [\"\(path)\"]}")
        #expect(found.count == 1 && found.first?.contains(expected) ?? false, "\(found)")
        #expect(problems("bailey: 1\nfiles: {write: [\"$WORKSPACE/**/x\"]}").count == 1)
    }

    @Test("R14: a variable that is not set is refused, never empty")
    func unsetVariables() {
        let loader = ProfileLoader(
            search: ProfileSearch(folders: []),
            variables: ProfileVariables(workspace: nil, home: nil, temporary: nil)
        )
        for variable in ["$WORKSPACE", "~/x", "$TMPDIR"] {
            #expect(throws: ProfileError.self) {
                _ = try loader.load(text: "bailey: 1\nfiles: {write: [\(variable)]}", named: "t.yaml")
            }
        }
    }

    @Test(
        "Names and limits have their own rules",
        arguments: [
            ("name: Ci", "2:7: name: \"Ci\" is not a name"),
            ("name: ../x", "2:7: name: \"../x\" is not a name"),
            ("extends: [../x]", "2:11: extends: \"../x\" is not a name"),
            ("env: {pass: [\"A B\"]}", "2:14: env.pass: \"A B\" is not a variable's name"),
            ("env: {set: {1A: x}}", "2:13: env.set: \"1A\" is not a variable's name"),
            ("children: {profiles: [\"/x\"]}", "2:23: children.profiles: \"/x\" is not a profile's name"),
            (
                "limits: {memory: 4GB}",
                "2:19: unknown unit \"GB\"; it may be B, KiB, MiB, GiB, TiB; did you mean \"4GiB\"?"
            ),
            ("limits: {memory: 4}", "2:19: \"4\" has no unit"),
            ("limits: {memory: 0KiB}", "2:18: \"0KiB\" leaves room for nothing"),
            ("limits: {memory: -4GiB}", "2:18: \"-4GiB\" is not a whole number with a unit"),
            ("limits: {memory: 1.5GiB}", "2:19: unknown unit \".5GiB\""),
            ("limits: {memory: 16777216TiB}", "2:18: \"16777216TiB\" is too large"),
            ("limits: {disk: 99999999999999999999B}", "2:16: \"99999999999999999999B\" is too large"),
            (
                "limits: {time: 5min}",
                "2:17: unknown unit \"min\"; it may be ms, s, m, h; did you mean \"5m\"?"
            ),
            ("limits: {cpus: 0}", "2:16: a limit of 0"),
            ("limits: {cpus: 0.0001}", "2:16: \"0.0001\" is not a number of CPUs"),
            ("limits: {cpus: 1e3}", "2:16: \"1e3\" is not a number of CPUs"),
            ("limits: {cpus: 18446744073709551615}", "2:16: \"18446744073709551615\" is too large"),
            ("limits: {enforced: best-efort}", "2:20: limits.enforced: unknown word \"best-efort\""),
            (
                "record: ful",
                "2:9: record: unknown word \"ful\"; it may be metadata, full; did you mean \"full\"?"
            ),
            ("record: [full]", "2:9: record must be"),
            ("limits: {processes: many}", "2:21: \"many\" is not a whole number"),
            ("limits: {processes: +4}", "2:21: \"+4\" is not"),
        ]
    )
    func others(line: String, expected: String) throws {
        let found = problems("bailey: 1\n\(line)")
        #expect(found.count == 1)
        let first = try #require(found.first)
        #expect(first.hasPrefix("test.yaml:\(expected)"), "\(first)")
    }

    @Test("Amounts are read in base units")
    func amounts() throws {
        let limits = try load(
            "bailey: 1\nlimits: {memory: 4GiB, processes: 512, cpus: 1.25, open-files: 4096, time: 30m, disk: 10MiB}"
        ).limits
        #expect(limits.memory == 4 << 30 && limits.processes == 512 && limits.milliCPUs == 1250)
        #expect(limits.isBestEffort == nil)
        #expect(limits.openFiles == 4096 && limits.time == 1_800_000 && limits.disk == 10 << 20)
    }
}
