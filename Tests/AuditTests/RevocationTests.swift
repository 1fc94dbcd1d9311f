import Audit
import Foundation
import Model
import Testing

/// Who is revoked, and where that is kept.
struct RevocationTests {
    private func word(
        _ principal: String,
        lineage: Lineage? = nil,
        reason: String? = "left",
        lifted: Bool = false,
        kept: Bool = false
    ) -> AuditEntry {
        .revocation(
            RevocationRecord(
                lineage: lineage,
                principal: principal,
                by: Sample.principal,
                reason: reason,
                agents: 3,
                keptRunning: kept,
                isLifted: lifted
            )
        )
    }

    @Test func `a principal is revoked from its record on, and no more when that is lifted`() throws {
        let state = try StateFixture()
        let store = try state.open()
        let principals = try store.revokedPrincipals()
        #expect(try principals.entry(of: "user:alice") == nil)
        #expect(store.appendOneByOne([word("user:alice", kept: true), word("user:bob")]).failures.isEmpty)
        let entry = try #require(try principals.entry(of: "user:alice"))
        #expect(entry.revocation.by == "user:alice" && entry.revocation.reason == "left" && entry.keptRunning)
        #expect(try principals.entries().map(\.revocation.principal) == ["user:alice", "user:bob"])
        // Another process opens the store, and reads the same.
        #expect(
            try AuditReader(directory: state.path).revokedPrincipals.entry(of: "user:alice") == entry
        )
        #expect(store.appendOneByOne([word("user:alice", lifted: true)]).failures.isEmpty)
        #expect(try principals.entry(of: "user:alice") == nil)
        #expect(try principals.entry(of: "user:bob") != nil)
        #expect(store.appendOneByOne([word("user:alice", reason: nil)]).failures.isEmpty)
        #expect(try principals.entry(of: "user:alice")?.revocation.reason == nil)
        #expect(try state.finding() == nil)
    }

    @Test func `a principal is who has the very octets, and an agent's revocation is no principal's`() throws
    {
        let state = try StateFixture()
        let store = try state.open()
        // The last two are shown alike.
        let entries = [
            word("user:é"), word("user:alice", lineage: Sample.child), word("user:\u{200b}"),
        ]
        #expect(store.appendOneByOne(entries).failures.isEmpty)
        let principals = try store.revokedPrincipals()
        #expect(try principals.entry(of: "user:e\u{301}") == nil)
        #expect(try principals.entry(of: "user:alice") == nil)
        #expect(try principals.entry(of: "user:é") != nil)
        #expect(try principals.entry(of: "user:\u{200b}") != nil)
        #expect(try principals.entry(of: "user:\\u200b") == nil)
    }

    @Test func `it is read back as it was written, shown in lines, JSON, the tree and the replay`() throws {
        let state = try StateFixture()
        let store = try state.open()
        let (revoked, principal) = (word("user:alice", lineage: Sample.child, kept: true), word("user:alice"))
        let entries = [Sample.spawn(Sample.root), Sample.spawn(Sample.child), revoked, principal]
        #expect(store.appendOneByOne(entries).failures.isEmpty)
        let reader = try AuditReader(directory: state.path)
        var found: [AuditRecord] = []
        try reader.records(matching: AuditQuery()) { record in
            found.append(record)
            return true
        }
        #expect(found.compactMap(\.entry) == entries)
        let plain = TextStyle(isColoured: false)
        #expect(found[2].lines(plain).contains("revoked  0badcafe.2"), "\(found[2].lines(plain))")
        #expect(found[2].lines(plain).hasSuffix("by user:alice, 3 agents kept running: left"))
        #expect(found[3].lines(plain).hasSuffix("user:alice  by user:alice, 3 agents ended: left"))
        #expect(try found[2].json().contains("\"keptRunning\":true"))
        // A principal's is of no run.
        #expect(try reader.runs() == ["0badcafe"])
        let tree = try #require(try reader.tree())
        // The principal's cut off what was left of its agents.
        #expect(tree.agents.map { $0.revoked?.by } == ["user:alice", "user:alice"])
        #expect(tree.text(plain).contains("revoked by user:alice (left), no end recorded"))
        #expect(try JSONDecoder().decode(AgentTree.self, from: Data(tree.json().utf8)) == tree)
        var events: [String] = []
        try Replay.events(of: .run("0badcafe"), in: reader) { events.append(try $0.json()) }
        #expect(events.count == 1 && events[0].contains("\"event\":\"revocation\""), "\(events)")
    }

    private func traces(_ scope: TraceScope, _ reader: AuditReader) throws -> [Trace] {
        var found: [Trace] = []
        try reader.traces(of: scope) { found.append($0) }
        return found
    }

    /// A run of alice's of which an agent ended before she was revoked, and another was launched when that was lifted; one of bob's.
    private func principalRevoked() throws -> StateFixture {
        let state = try StateFixture()
        let bob = Lineage(
            principal: Principal(localUser: "bob", uid: 1001),
            root: Sample.hop(1, "his", run: "beefbeef")
        )
        let entries = [
            Sample.spawn(Sample.root), Sample.spawn(Sample.child), Sample.exit(Sample.child),
            Sample.spawn(bob), word("user:alice", kept: true),
            word("user:alice", reason: "is back", lifted: true),
            Sample.spawn(Sample.root.child(Sample.hop(5, "later"))), Sample.exit(Sample.root),
            word("user:carol"),
        ]
        #expect(try state.open().appendOneByOne(entries).failures.isEmpty)
        return state
    }

    @Test func `a principal's trace has its revocation and its lift, and its agents that lived are cut off`()
        throws
    {
        let state = try principalRevoked()
        let reader = try AuditReader(directory: state.path)
        let found = try traces(.principal("user:alice"), reader)
        try #require(found.map(\.run) == ["", "0badcafe"], "\(found)")
        #expect(found[0].revocations.map(\.isLifted) == [false, true] && found[0].agents.isEmpty)
        let plain = TextStyle(isColoured: false)
        let lines = found[0].text(plain).split(separator: "\n")
        #expect(lines.first == "principal user:alice")
        #expect(lines.contains { $0.hasSuffix(" by user:alice, 3 agents kept running: left  record 5") })
        #expect(lines.contains { $0.hasPrefix("└─ lifted  ") && $0.hasSuffix(": is back  record 6") })
        #expect(found[1].agents.map(\.name) == ["ci", "test-runner", "later"])
        #expect(found[1].agents.map { $0.revoked?.isOfPrincipal } == [true, nil, nil])
        let text = found[1].text(plain)
        #expect(text.contains("principal revoked by user:alice, exit 0"), "\(text)")
        #expect(text.contains(" by user:alice (principal): left"), "\(text)")
        #expect(try JSONDecoder().decode(Trace.self, from: Data(found[0].json().utf8)) == found[0])
        // Nobody else's.
        let his = try traces(.principal("user:bob"), reader)
        #expect(his.map(\.run) == ["beefbeef"] && his.allSatisfy { $0.agents[0].revoked == nil })
    }

    @Test func `a principal's tree has its revocation and its lift, and its agents that lived are cut off`()
        throws
    {
        let state = try principalRevoked()
        let reader = try AuditReader(directory: state.path)
        let said = try #require(try reader.revocationTree(of: "user:alice"))
        #expect(said.revocations.map(\.isLifted) == [false, true] && said.run.isEmpty)
        let plain = TextStyle(isColoured: false)
        #expect(said.text(plain).hasPrefix("principal user:alice\n├─ revoked  "), "\(said.text(plain))")
        let run = try #require(try reader.tree(run: "0badcafe"))
        #expect(run.agents.map { $0.revoked?.isOfPrincipal } == [true, nil, nil] && run.revocations.isEmpty)
        #expect(run.text(plain).contains("principal revoked by user:alice (left), exit 0"))
        #expect(try JSONDecoder().decode(AgentTree.self, from: Data(said.json().utf8)) == said)
        #expect(try reader.tree(run: "beefbeef")?.agents.map { $0.revoked == nil } == [true])
        #expect(try reader.revocationTree(of: "user:bob") == nil)
    }

    @Test func `a principal of whom there is a revocation alone is on record`() throws {
        let state = try principalRevoked()
        let reader = try AuditReader(directory: state.path)
        let found = try traces(.principal("user:carol"), reader)
        #expect(found.map(\.run) == [""] && found.first?.revocations.map(\.record) == [9], "\(found)")
        #expect(try reader.revocationTree(of: "user:carol")?.revocations.count == 1)
        #expect(try reader.hasSeen("user:carol"))
        #expect(try traces(.principal("user:car"), reader).isEmpty && !reader.hasSeen("user:car"))
    }

    @Test func `a store of an older version opens, verifies before and after, and has the index then`() throws
    {
        let state = try StateFixture()
        do { _ = try state.open().appendOneByOne([Sample.request()]) }
        try state.sqlite("DROP INDEX revocations_by_principal")
        #expect(try state.finding() == nil)
        #expect(try AuditReader(directory: state.path).revokedPrincipals.entries().isEmpty)
        do {
            let store = try state.open()
            #expect(store.appendOneByOne([word("user:alice")]).failures.isEmpty)
            #expect(try store.revokedPrincipals().entry(of: "user:alice") != nil)
        }
        let count = try state.sqliteOutput(
            "SELECT count(*) FROM sqlite_schema WHERE name = 'revocations_by_principal'"
        )
        #expect(count == "1")
        #expect(try state.finding() == nil)
    }

    @Test(arguments: [
        ("DELETE FROM records WHERE sequence = 2", AuditFinding.Code.removed),
        ("UPDATE records SET payload = replace(payload, 'alice', 'alicf') WHERE sequence = 2", .changed),
        ("UPDATE records SET lineage = 'user:other' WHERE sequence = 2", .changed),
        // Nothing of the record itself is touched.
        (
            """
            PRAGMA writable_schema = ON;
            UPDATE sqlite_schema SET sql = 'CREATE INDEX revocations_by_principal ON records (lineage) WHERE 0'
                WHERE name = 'revocations_by_principal';
            PRAGMA writable_schema = RESET; REINDEX revocations_by_principal;
            PRAGMA writable_schema = ON;
            UPDATE sqlite_schema SET sql =
                'CREATE INDEX revocations_by_principal ON records (lineage) WHERE kind = ''revocation'' AND agent IS NULL'
                WHERE name = 'revocations_by_principal'
            """, .schema
        ),
    ])
    func `what takes a principal's revocation away is found out`(sql: String, code: AuditFinding.Code) throws
    {
        let state = try StateFixture()
        do {
            let entries = [Sample.request(), word("user:alice"), Sample.request()]
            #expect(try state.open().appendOneByOne(entries).failures.isEmpty)
        }
        #expect(try state.finding() == nil)
        try state.sqlite(sql)
        let finding = try #require(try state.finding())
        #expect(finding.code == code && finding.record == 2, "\(finding)")
    }
}
