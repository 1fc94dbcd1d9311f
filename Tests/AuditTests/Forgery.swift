import Audit
import Foundation
import Model
import Testing

/// What somebody does to a receipt with a text editor, and what the verifier must say.
struct Forgery: Sendable, CustomTestStringConvertible {
    let name: String
    let reason: String
    let change: @Sendable (inout Receipt) throws -> Void

    init(_ name: String, _ reason: String, _ change: @escaping @Sendable (inout Receipt) throws -> Void) {
        (self.name, self.reason, self.change) = (name, reason, change)
    }

    var testDescription: String { name }

    /// Rewrites the first line that has a text in it.
    private static func rewrite(
        _ name: String,
        _ reason: String,
        in line: String,
        _ text: String,
        _ other: String
    ) -> Forgery {
        Forgery(name, reason) { receipt in
            let place = try #require(receipt.place(of: line))
            receipt.lines[place] = receipt.lines[place].replacing(text, with: other)
        }
    }

    private static let request = "GET /child"
    private static let launch = "\"kind\":\"spawn\""
    private static let signed = "not what was signed"

    static let all: [Forgery] = columns + seals + order + hidden

    private static let hidden: [Forgery] = [
        Forgery("another key on the command line", "signed by another key") {
            $0.key = String(repeating: "ab", count: 32)
        },
        Forgery("another key, and the head says so", "signature") {
            let other = "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a"
            $0.lines[0] = $0.lines[0].replacing($0.key, with: other)
            $0.key = other
        },
        Forgery("a launch is hidden", "not launched in the receipt") { receipt in
            receipt.remove { $0.contains(launch) && $0.contains("\"agent\":\"0badcafe.2\",\"ancestry\"") }
        },
        Forgery("a root's launch is hidden", "the launch of its parent is not in the receipt") { receipt in
            receipt.remove {
                $0.contains("\"agent\":\"0badcafe.1\"") && !$0.contains("\"ancestry\":\"/0badcafe.1/0b")
            }
        },
        Forgery("the launch of who asked is hidden", "that lineage was not launched") { receipt in
            receipt.remove { $0.contains("\"agent\":\"0badcafe.3\",\"ancestry\"") && $0.contains(launch) }
        },
    ]

    private static let columns: [Forgery] = [
        rewrite("an action", signed, in: request, "GET /child", "GET /chimp"),
        rewrite("one space in a payload", signed, in: request, "\\\"action\\\":", "\\\"action\\\": "),
        rewrite(
            "a rule's verdict",
            signed,
            in: request,
            "\\\"effect\\\":\\\"allow\\\"",
            "\\\"effect\\\":\\\"deny\\\""
        ),
        rewrite(
            "a profile's digest",
            signed,
            in: launch,
            "profileDigest\\\":\\\"0",
            "profileDigest\\\":\\\"1"
        ),
        rewrite("the principal", signed, in: launch, "user:alice", "user:mallo"),
        rewrite("a verdict", signed, in: request, "\"verdict\":\"allow\"}", "\"verdict\":\"deny\"}"),
        rewrite("no verdict", signed, in: request, ",\"verdict\":\"allow\"}}", "}}"),
        rewrite("a time", signed, in: request, "\"time\":1", "\"time\":2"),
        rewrite("a run", signed, in: request, "\"run\":\"0badcafe\"", "\"run\":\"feedface\""),
        rewrite("an agent", signed, in: request, "\"agent\":\"0badcafe.2\"", "\"agent\":\"0badcafe.1\""),
        rewrite(
            "an ancestry",
            signed,
            in: request,
            "\"ancestry\":\"/0badcafe.1",
            "\"ancestry\":\"/0badcafe.9"
        ),
        rewrite("a kind", signed, in: request, "\"kind\":\"request\"", "\"kind\":\"requests\""),
        rewrite(
            "a lineage's text",
            signed,
            in: request,
            "\"lineage\":\"user:alice >",
            "\"lineage\":\"user:bobby >"
        ),
        digit("the record before", signed, in: request, behind: "\"previous\":\""),
        rewrite("a longer digest", "hexadecimal", in: request, "\"previous\":\"", "\"previous\":\"00"),
        rewrite("a sequence", "out of order", in: request, "\"sequence\":", "\"sequence\":1"),
        rewrite("a member more", "other members", in: request, "\"time\":1", "\"time\":\"1\",\"x\":1"),
        rewrite("a member twice", "a name twice", in: request, "\"kind\":", "\"kind\":\"spawn\",\"kind\":"),
        rewrite("no JSON", "malformed", in: request, "{\"record\":", "{\"record\""),
    ]

    private static let seals: [Forgery] = [
        rewrite(
            "a longer digest of a seal",
            "hexadecimal",
            in: "{\"seal\":",
            "\"digests\":[\"",
            "\"digests\":[\"00"
        ),
        digit("one digit of a digest", "signature", in: "{\"seal\":", behind: "\"digests\":[\""),
        digit("one digit of a signature", "signature", in: "{\"seal\":", behind: "\"signature\":\""),
        rewrite("the first of a seal", "signature", in: "{\"seal\":", "\"first\":1", "\"first\":0"),
        rewrite("the last of a seal", "signature", in: "{\"seal\":", "\"last\":1", "\"last\":9"),
        Forgery("no seal", "under no seal") { receipt in receipt.remove { $0.hasPrefix("{\"seal\":") } },
    ]

    /// Changes a digit of the last line that holds a text.
    private static func digit(
        _ name: String,
        _ reason: String,
        in part: String,
        behind text: String
    ) -> Forgery {
        Forgery(name, reason) { receipt in
            let place = try #require(receipt.lines.lastIndex { $0.contains(part) })
            var line = receipt.lines[place]
            let digit = try #require(line.range(of: text)).upperBound
            line.replaceSubrange(digit...digit, with: line[digit] == "0" ? "1" : "0")
            receipt.lines[place] = line
        }
    }

    private static let order: [Forgery] = [
        Forgery("two records swapped", "out of order") { receipt in
            let place = try #require(receipt.place(of: request))
            try #require(receipt.lines[place + 1].hasPrefix("{\"record\":"))
            receipt.lines.swapAt(place, place + 1)
        },
        Forgery("two seals swapped with their records", "seals out of order") { receipt in
            receipt.lines.swapAt(5, 7)
            receipt.lines.swapAt(6, 8)
        },
        Forgery("a record twice", "out of order") { receipt in
            let place = try #require(receipt.place(of: request))
            receipt.lines.insert(receipt.lines[place], at: place)
            receipt.fitEnd()
        },
        Forgery("a record under another seal", "under no seal") { receipt in
            let place = try #require(receipt.place(of: request))
            receipt.lines.insert(receipt.lines.remove(at: place), at: 2)
        },
        Forgery("the tail cut off", "the end is missing") { $0.lines.removeLast(2) },
        Forgery("a record taken out", "not all of it is here") { receipt in
            let place = try #require(receipt.place(of: "GET /root"))
            receipt.lines.remove(at: place)
        },
        Forgery("a line behind the end", "behind the end") { $0.lines.append($0.lines[1]) },
        Forgery("a second end", "behind the end") { $0.lines.append($0.lines[$0.lines.count - 1]) },
        Forgery("nothing", "the end is missing") { $0.lines = [] },
        Forgery("no record", "it proves nothing") { receipt in
            receipt.remove { $0.hasPrefix("{\"seal\":") || $0.hasPrefix("{\"record\":") }
        },
        Forgery("another version", "another format") {
            $0.lines[0] = $0.lines[0].replacing("-v1", with: "-v2")
        },
        Forgery("nested without end", "malformed") {
            $0.lines[1] = "{\"seal\":" + String(repeating: "[", count: 100_000) + "}"
        },
    ]
}

/// What somebody does to the store, and how an export that looks there names it.
struct Damage: Sendable, CustomTestStringConvertible {
    let name: String
    let sql: String
    let code: AuditFinding.Code
    let record: Int64?
    var scope = ReceiptScope.everything

    var testDescription: String { name }

    private static let child = AgentID(run: "0badcafe", ordinal: 2)

    /// Record 4 is of another run, records 1 to 4 have a seal each.
    static let all: [Damage] = [
        Damage(
            name: "a payload",
            sql: "UPDATE records SET payload = replace(payload, 'root', 'tool')",
            code: .changed,
            record: 2
        ),
        Damage(
            name: "a record between those of the run",
            sql: "UPDATE records SET time = 1 WHERE sequence = 4",
            code: .changed,
            record: 4,
            scope: .run("0badcafe")
        ),
        Damage(
            name: "the launch above an agent",
            sql: "UPDATE records SET verdict = 'allow' WHERE sequence = 1",
            code: .changed,
            record: 1,
            scope: .agent(child)
        ),
        Damage(
            name: "a record removed",
            sql: "DELETE FROM records WHERE sequence = 4",
            code: .removed,
            record: 4
        ),
        Damage(
            name: "a request removed",
            sql: "DELETE FROM records WHERE sequence = 2",
            code: .removed,
            record: 2,
            scope: .run("0badcafe")
        ),
        Damage(
            name: "the launch above an agent removed",
            sql: "DELETE FROM records WHERE sequence = 1",
            code: .lineage,
            record: 3,
            scope: .agent(child)
        ),
        Damage(name: "two swapped", sql: swap, code: .changed, record: 2),
        Damage(name: "a seal removed", sql: "DELETE FROM seals WHERE first = 3", code: .seal, record: 3),
        Damage(
            name: "a signature",
            sql: "UPDATE seals SET signature = zeroblob(64) WHERE first = 3",
            code: .seal,
            record: 3
        ),
        Damage(
            name: "record and seal",
            sql:
                "UPDATE records SET payload = '{}' WHERE sequence = 3; UPDATE seals SET digests = zeroblob(32) WHERE first = 3",
            code: .seal,
            record: 3
        ),
        Damage(
            name: "the tail",
            sql: "DELETE FROM records WHERE sequence > 4; DELETE FROM seals WHERE first > 4",
            code: .cut,
            record: 5
        ),
        Damage(
            name: "a record put behind",
            sql:
                "INSERT INTO records SELECT (SELECT max(sequence) + 1 FROM records), run, time, kind, agent, lineage, "
                + "ancestry, verdict, payload, previous, hash FROM records WHERE sequence = 2",
            code: .seal,
            record: nil
        ),
        Damage(
            name: "a view",
            sql: "ALTER TABLE seals RENAME TO x; CREATE VIEW seals AS SELECT * FROM x",
            code: .schema,
            record: nil
        ),
    ]

    private static let swap = """
        UPDATE records SET sequence = -1 WHERE sequence = 2; UPDATE records SET sequence = 2 WHERE sequence = 3;
        UPDATE records SET sequence = 3 WHERE sequence = -1
        """
}
