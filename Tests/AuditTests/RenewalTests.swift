import Audit
import Model
import Testing

/// That a run rests on a fresh token, and how a subject is shown that looks like a lineage.
struct RenewalTests {
    private static let plain = TextStyle(isColoured: false)
    private static let mallory = Principal(issuer: "corp", subject: "mallory > ci", uid: 1000)

    private func filled(_ entries: [AuditEntry]) throws -> (reader: AuditReader, state: StateFixture) {
        let state = try StateFixture()
        #expect(try state.open().appendOneByOne(entries).failures.isEmpty)
        return (try AuditReader(directory: state.path), state)
    }

    private func launch() -> AuditEntry {
        let principal = Principal(
            issuer: "corp",
            subject: "mallory > ci",
            uid: 1000,
            groups: ["payments"],
            expiry: Timestamp(milliseconds: 1_799_999_700_000)
        )
        return Sample.spawn(Lineage(principal: principal, root: Sample.hop(1, "ci")))
    }

    @Test("A renewal is a record: whose, until when, and by which key of which issuer")
    func shown() throws {
        let (reader, state) = try filled([launch(), Sample.renewal])
        let record = try #require(try reader.record(2))
        let line = record.lines(Self.plain)
        #expect(line.contains("renewed"), "\(line)")
        #expect(line.hasSuffix("its token, until 2027-01-15T08:00:00.000Z, by key 2027-a of corp"), "\(line)")
        let text = RecordText(record, try reader.origins(of: record)).text(Self.plain)
        for part in [
            "  agent: 0badcafe.1", "  principal: oidc:corp:mallory > ci (uid 1000)",
            "  proven by: token of corp", "  signed with the key: 2027-a",
            "  proven until: 2027-01-15T08:00:00.000Z", "  before that, until: 2027-01-15T07:55:00.000Z",
        ] {
            #expect(text.split(separator: "\n").contains { $0 == part }, "\(part): \(text)")
        }
        #expect(text.hasPrefix("proven anew\n  record 2, "), "\(text)")
        #expect(record.kind == "renewal" && record.run == "0badcafe" && record.agent == "0badcafe.1")
        #expect(try record.json().contains(#""expiry":1800000000000"#))
        let tree = try #require(try reader.tree(run: "0badcafe"))
        #expect(tree.text(Self.plain).contains("until 2027-01-15T08:00:00.000Z"), "\(tree)")
        #expect(try state.finding() == nil)
    }

    @Test("A subject that holds what stands between hops is in quotes, with an agent and without")
    func quoted() throws {
        let refusal = SpawnRefusal(
            parent: nil,
            principal: Self.mallory,
            profile: "base",
            argv: ["true"],
            reason: "no"
        )
        let (reader, _) = try filled([launch(), .spawnRefused(refusal)])
        let lines = try (1...2).map { try #require(try reader.record($0)).lines(Self.plain) }
        #expect(lines[0].contains("  \"oidc:corp:mallory > ci\" > ci  "), "\(lines)")
        #expect(lines[1].contains("  \"oidc:corp:mallory > ci\"  launch true"), "\(lines)")
        #expect(try reader.runs(of: "oidc:corp:mallory > ci") == ["0badcafe"])
        #expect(try reader.runs(of: "oidc:corp:mallory").isEmpty)
    }

    @Test("Why a reply ended early is told once, in the list and by its number")
    func once() throws {
        var reply = Reply(exchange: 7, action: "GET /7", resource: "https://a.test")
        reply.cause = "https://a.test could not be reached: refused"
        let (reader, _) = try filled([
            Sample.spawn(), .replies(RepliesRecord(lineage: Sample.child, replies: [reply], evidence: nil)),
        ])
        let record = try #require(try reader.record(2))
        let text = RecordText(record, try reader.origins(of: record)).text(Self.plain)
        #expect(text.components("could not be reached") == 2, "\(text)")
        #expect(record.lines(Self.plain).components("could not be reached") == 2)
    }
}

extension String {
    /// How many pieces a text cuts it into.
    fileprivate func components(_ text: String) -> Int { ranges(of: text).count + 1 }
}
