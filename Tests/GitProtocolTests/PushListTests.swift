import GitProtocol
import Model
import Testing

/// A line with its length in front.
func line(_ text: String) -> String {
    let digits = String(text.utf8.count + 4, radix: 16)
    return String(repeating: "0", count: 4 - digits.count) + digits + text
}

private let zero = String(repeating: "0", count: 40)
private let one = String(repeating: "1", count: 40)
private let two = String(repeating: "2", count: 40)

private func command(_ ref: String, _ more: String = "", to new: String = two) -> String {
    line("\(one) \(new) \(ref)\(more)")
}

struct PushListTests {
    /// What comes of a list that is fed in pieces: its refs, or the fault.
    private static func read(_ text: String, cut: Int = .max) -> Result<PushList, PushFault> {
        var reader = PushListReader()
        var rest = Array(text.utf8)[...]
        do throws(PushFault) {
            while !rest.isEmpty {
                let piece = rest.prefix(cut)
                rest = rest.dropFirst(piece.count)
                if let list = try reader.read(piece) { return .success(list) }
            }
            return .success(try reader.end())
        } catch {
            return .failure(error)
        }
    }

    private static func refs(_ text: String, cut: Int = .max) throws -> [String] {
        try read(text, cut: cut).get().push.updates.map { ($0.isDeletion ? ":" : "") + $0.ref }
    }

    private static let capabilities = "\0 report-status side-band-64k agent=git/2.39.5"
    private static let longOne = String(repeating: "a", count: 64)
    private static let longTwo = String(repeating: "b", count: 64)

    @Test(
        "D06: the refs of a push, however its list is cut",
        arguments: [
            (command("refs/heads/main", capabilities) + "0000PACK", ["refs/heads/main"]),
            (command("refs/heads/main", "\(capabilities)\n") + "0000PACK...", ["refs/heads/main"]),
            (
                command("refs/heads/a", capabilities) + command("refs/tags/v1", to: zero) + "0000PACK",
                ["refs/heads/a", ":refs/tags/v1"]
            ),
            (command("refs/heads/gone", to: zero) + "0000", [":refs/heads/gone"]),
            (line("shallow \(one)") + command("refs/heads/a", capabilities) + "0000PACK", ["refs/heads/a"]),
            (line("\(longOne) \(longTwo) refs/heads/a") + "0000PACK", ["refs/heads/a"]),
            ("0000", []), ("00000000", ["fault"]),
            (command("refs/for/main%topic=x") + "0000PACK", ["refs/for/main%topic=x"]),
            (command("refs/heads/f\u{FC}r") + "0000PACK", ["refs/heads/f\u{FC}r"]),
        ]
    )
    func refs(list: String, refs: [String]) throws {
        for cut in [1, 2, 3, 7, 64, .max] {
            switch Self.read(list, cut: cut) {
            case .success(let found):
                #expect(
                    found.push.updates.map { ($0.isDeletion ? ":" : "") + $0.ref } == refs,
                    "cut at \(cut)"
                )
            case .failure: #expect(refs == ["fault"], "cut at \(cut)")
            }
        }
    }

    @Test("Options are told from a pack by the capability that the client asked for")
    func options() throws {
        let asked = command("refs/heads/a", "\0push-options")
        #expect(try Self.read(asked + "0000" + line("ci.skip") + "0000PACK").get().push.hasOptions)
        #expect(try !Self.read(asked + "00000000PACK").get().push.hasOptions)
        #expect(throws: PushFault.self) { try Self.refs(asked + "0000PACK") }
        let silent = command("refs/heads/a") + "0000"
        #expect(throws: PushFault.self) { try Self.refs(silent + line("ci.skip") + "0000PACK") }
        #expect(try Self.refs(silent + "PACK") == ["refs/heads/a"], "the control")
    }

    @Test(
        "D06: a list that servers may read differently is refused, however it is cut",
        arguments: [
            "", "00", "zzzz", "0001", "0002PACK", "0003", "0004", "fff1",
            line("x"), command("refs/heads/a") + "0001PACK", command("refs/heads/a") + "0004" + "0000PACK",
            command("refs/heads/a"), command("refs/heads/a") + "0000PAC",
            command("refs/heads/a") + "0000PICK",
            // A second list behind the flush.
            command("refs/heads/a") + "0000" + command("refs/heads/main") + "0000PACK",
            command("refs/heads/a") + command("refs/heads/b", "\0report-status") + "0000PACK",
            command("refs/heads/a", "\0a\0b") + "0000PACK",
            command("refs/heads/a", "\0a\tpush-options") + "0000PACK",
            command("refs/heads/a\0", "\0") + "0000PACK",
            line("\(one) \(two)") + "0000PACK", line("\(one)  \(two) refs/heads/a") + "0000PACK",
            line("\(one.dropLast()) \(two) refs/heads/a") + "0000PACK",
            line("\(one.dropLast())g \(two) refs/heads/a") + "0000PACK",
            line("\(one) \(String(repeating: "2", count: 64)) refs/heads/a") + "0000PACK",
            line("\(one) \(two) refs/heads/a\n\n") + "0000PACK",
            line("shallow \(one.dropLast())") + "0000PACK",
            command("refs/heads/a") + line("shallow \(one)") + "0000PACK",
        ]
    )
    func malformed(list: String) {
        for cut in [1, 5, .max] {
            guard case .failure(.malformed) = Self.read(list, cut: cut) else {
                Issue.record("\(list.debugDescription) cut at \(cut)")
                continue
            }
        }
    }

    @Test(
        "D06: a name that git-check-ref-format refuses is no ref",
        arguments: [
            "main", "heads/main", "HEAD", "refs/", "refs//main", "refs/heads/", "refs/heads/../heads/main",
            "refs/heads/.hidden", "refs/heads/a..b", "refs/heads/a.lock", "refs/heads/a.lock/b",
            "refs/heads/a.",
            "refs/heads/a b", "refs/heads/a~1", "refs/heads/a^", "refs/heads/a:b", "refs/heads/a?",
            "refs/heads/*",
            "refs/heads/[a", "refs/heads/a\\b", "refs/heads/a@{1}", "refs/heads/a\u{7F}", "refs/heads/a\u{1}",
            "refs/heads/a\r", "REFS/heads/a", "/refs/heads/a",
        ]
    )
    func names(ref: String) {
        #expect(!GitPush.isRef(ref))
        guard case .failure(.malformed) = Self.read(command(ref) + "0000PACK") else {
            Issue.record("\(ref.debugDescription)")
            return
        }
    }

    @Test(
        "Names that git takes are refs",
        arguments: ["refs/heads/a", "refs/x", "refs/heads/a@b", "refs/a/#1{}<>|\"'"]
    )
    func goodNames(ref: String) throws { #expect(try Self.refs(command(ref) + "0000PACK") == [ref]) }

    @Test("A name that is not UTF-8 is refused")
    func octets() {
        var reader = PushListReader()
        let text = Array("\(one) \(two) refs/heads/".utf8) + [0xFF]
        let whole = Array("00\(String(text.count + 4, radix: 16))".utf8) + text + Array("0000PACK".utf8)
        #expect(throws: PushFault.malformed("a command's ref is none by git-check-ref-format")) {
            try reader.read(whole)
        }
    }

    @Test(
        "D06: a signed push is refused by name",
        arguments: ["push-cert\0 report-status\n", "push-cert", "push-certificate"]
    )
    func signed(first: String) {
        let list = line(first) + line("certificate version 0.1\n") + "0000PACK"
        #expect(Self.read(list, cut: 3) == .failure(.signed))
    }

    @Test(
        "J12: a list at its limit is read, and one octet more is refused, before it is here",
        arguments: [1, 4_096, .max]
    )
    func limits(cut: Int) throws {
        let last = 92
        var text = ""
        var count = 0
        while text.utf8.count + 3 * last + 4 <= GitPush.maximumList {
            text += command("refs/x\(100 + count)")
            count += 1
        }
        let room = GitPush.maximumList - 4 - text.utf8.count - command("refs/y").utf8.count
        let fitting = text + command("refs/y" + String(repeating: "y", count: room)) + "0000"
        #expect(fitting.utf8.count == GitPush.maximumList)
        #expect(try Self.refs(fitting + "PACK and more", cut: cut).count == count + 1)
        let larger = text + command("refs/y" + String(repeating: "y", count: room + 1))
        #expect(Self.read(larger + "0000PACK", cut: cut) == .failure(.tooLarge))
        #expect(Self.read("fff0", cut: cut) == .failure(.tooLarge), "what only is said")
        #expect(count + 1 <= GitPush.maximumUpdates)
    }
}

struct GitReplyTests {
    private static func list(_ capabilities: String) throws -> PushList {
        var reader = PushListReader()
        let first = line("\(one) \(two) refs/heads/a\0\(capabilities)")
        return try #require(try reader.read(Array((first + command("refs/heads/b") + "0000PACK").utf8)))
    }

    private static func text(_ octets: [UInt8]) -> String { String(decoding: octets, as: UTF8.self) }

    @Test("D06: an answer has the form that the client asked for")
    func forms() throws {
        let report =
            line("unpack ok\n") + line("ng refs/heads/a no\n") + line("ng refs/heads/b no\n") + "0000"
        let plain = GitReply.report(try Self.list("report-status"), "why", reason: "no")
        #expect(Self.text(plain) == report)
        let banded = GitReply.report(try Self.list("report-status-v2 side-band-64k"), "why", reason: "no")
        #expect(Self.text(banded) == line("\u{2}why\n") + line("\u{1}\(report)") + "0000")
        let silent = GitReply.report(try Self.list("quiet side-band-64k"), "why", reason: "no")
        #expect(Self.text(silent) == line("\u{2}why\n") + "0000")
        #expect(GitReply.report(try Self.list("quiet"), "why", reason: "no").isEmpty)
        #expect(Self.text(GitReply.fetch("why")) == line("ERR why\n"))
        #expect(Self.text(GitReply.push("why")) == line("\u{3}why\n") + "0000")
    }

    @Test("What is told is one line, and fits")
    func told() throws {
        #expect(Self.text(GitReply.fetch("a\nb\u{1}c")) == line("ERR a b c\n"))
        let long = String(repeating: "x", count: 100_000)
        #expect(GitReply.fetch(long).count < 10_000)
        let many = GitReply.report(try Self.list("report-status side-band-64k"), long, reason: long)
        #expect(many.count < 30_000)
    }
}
