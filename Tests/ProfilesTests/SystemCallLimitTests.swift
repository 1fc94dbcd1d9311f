import Policy
import Profiles
import Testing

/// What a policy may ask of libseccomp, as its reader says it.
struct SystemCallLimitTests {
    /// The problems of a policy of refusals with these rules; they begin in line 2, column 1.
    private func rule(_ rules: String) -> [String] {
        let text =
            "{\"bailey\": 1, \"architecture\": \"x86_64\", \"default\": \"allow\", \"groups\": "
            + "[{\"name\": \"g\", \"reason\": \"R.\", \"rules\": [\n\(rules)]}]}"
        do {
            _ = try SystemCallPolicies.parse(text, name: "p", file: "p.json")
            return []
        } catch {
            return error.diagnostics.map(\.description)
        }
    }

    /// A rule of `ioctl` with `answer`, when argument 1 is one of these.
    private func ioctl(_ values: String, _ answer: String) -> String {
        "{\"calls\": [\"ioctl\"], \"when\": [{\"argument\": 1, \"low32\": [\(values)]}], \"answer\": \"\(answer)\"}"
    }

    @Test(
        "Rules of one call that repeat or contradict each other are refused by the call's name, where the second stands"
    )
    func contradictions() {
        let always = "{\"calls\": [\"ioctl\"], \"answer\": \"EPERM\"}"
        let one = ioctl("\"0x1\"", "EPERM")
        let within =
            "{\"calls\": [\"ioctl\"], \"when\": [{\"argument\": 1, \"low32\": [\"0x1\"]}, "
            + "{\"argument\": 2, \"anyBit\": \"0x1\"}], \"answer\": \"ENOSYS\"}"
        let pairs = [
            (always, always, "\"ioctl\" has a rule without conditions already"),
            (always, one, "\"ioctl\" has a rule without conditions already"),
            (one, always, "\"ioctl\" has a rule with conditions already"),
            (one, one, "\"ioctl\" has a rule with these conditions already"),
            (one, ioctl("\"0x1\"", "ENOSYS"), "\"ioctl\" has a rule with these conditions already"),
            (one, ioctl("\"0x2\", \"0x1\"", "ENOSYS"), "another rule of \"ioctl\" answers EPERM, not ENOSYS"),
            (one, within, "another rule of \"ioctl\" answers EPERM, not ENOSYS"),
            (within, one, "another rule of \"ioctl\" answers ENOSYS, not EPERM"),
        ]
        for (first, second, expected) in pairs {
            #expect(
                rule(first + ",\n" + second).first?.hasPrefix("p.json:3:12: " + expected) == true,
                "\(expected)"
            )
        }
        #expect(
            rule("{\"calls\": [\"tee\", \"tee\"], \"answer\": \"EPERM\"}").first?.hasPrefix("p.json:2:19: ")
                == true
        )
        #expect(rule(one + "," + ioctl("\"0x2\"", "ENOSYS")) == [])
        #expect(rule(one + "," + ioctl("\"0x2\", \"0x1\"", "EPERM")) == [])
    }

    @Test("A call has as many alternatives as libseccomp answers at once, and no more")
    func alternatives() {
        func values(_ range: Range<Int>) -> String {
            range.map { "\"0x" + String($0, radix: 16) + "\"" }.joined(separator: ", ")
        }
        let whole = ioctl(values(0..<64), "EPERM") + ",\n" + ioctl(values(64..<128), "EPERM")
        #expect(rule(whole) == [])
        let found = rule(whole + ",\n" + ioctl(values(128..<129), "EPERM"))
        #expect(
            found.first?.hasPrefix("p.json:4:12: the rules of \"ioctl\" have more than 128 alternatives")
                == true,
            "\(found)"
        )
        let when = (0..<6).map { "{\"argument\": \($0), \"low32\": \"mixed\"}" }.joined(separator: ", ")
        let product = rule("{\"calls\": [\"ioctl\"], \"when\": [\(when)], \"answer\": \"EPERM\"}")
        #expect(
            product.first?.hasPrefix("p.json:2:12: the rules of \"ioctl\" have more than 128") == true,
            "\(product)"
        )
    }

    @Test("A policy has as many comparisons as a filter has room for, and no more")
    func comparisons() {
        let names = SystemCallTable.calls.prefix(9).map { "\"\($0.name)\"" }
        let values = (0..<64).map { "\"0x" + String($0, radix: 16) + "\"" }.joined(separator: ", ")
        func text(_ count: Int) -> String {
            "{\"calls\": [\(names.prefix(count).joined(separator: ", "))], "
                + "\"when\": [{\"argument\": 1, \"low32\": [\(values)]}], \"answer\": \"EPERM\"}"
        }
        #expect(rule(text(8)) == [])
        #expect(
            rule(text(9)).first?.contains("the rules up to here have more than 512 comparisons") == true
        )
    }

    @Test("A policy names as many calls as a filter has room for, and no more")
    func allCalls() {
        func text(_ count: Int) -> String {
            let calls = (0..<count).map { "{\"name\": \"c\($0)\", \"number\": \(1000 + $0)}" }
            return "{\"calls\": [\(calls.joined(separator: ", "))], \"answer\": \"EPERM\"}"
        }
        #expect(rule(text(1024)) == [])
        #expect(rule(text(1025)).first?.contains("a policy names 1024 calls at most") == true)
    }
}
