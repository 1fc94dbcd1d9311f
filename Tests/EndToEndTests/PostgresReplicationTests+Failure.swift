import Foundation
import TestSupport
import Testing

extension EndToEnd.PostgresReplicationTests {
    /// Plays sessions for replication: what came of each, without the data that are streamed.
    private static let streaming = """
        from player import start, until
        for line in open("lines"):
            s, _ = start(replication="database")
            seen = []
            for step, end in zip(line.strip().split(","), b"WZZ"):
                s.sendall(bytes.fromhex(step))
                seen += [kind for kind in until(s, bytes([end])) if kind != "d"]
            s.close()
            print(*seen, flush=True)

        """

    @Test(
        "D01: a stream that fails amid a message of the client's leaves nothing behind that the server reads otherwise than the gateway"
    )
    func streamFailure() throws {
        try rules(database: ["select", "replication", "replication stream"])
        try slots("f")
        // An answer to the stream that is too short, and the beginning of another.
        let failing = [
            Say.query("START_REPLICATION SLOT f_\(database) LOGICAL 0/0"),
            Say.message("d", [0x72]) + SmuggledStatement.begun,
        ]
        let cases = [
            failing + [SmuggledStatement.rest + SmuggledStatement.octets],
            failing + [SmuggledStatement.octets],
        ]
        let lines = cases.map { steps in
            steps.map { $0.map { String(format: "%02x", $0) }.joined() }.joined(separator: ",") + "\n"
        }
        try place.write(EndToEnd.PostgresTests.player, to: place.workspace + "/player.py")
        try place.write(Self.streaming, to: place.workspace + "/streaming.py")
        try place.write(lines.joined(), to: place.workspace + "/lines")
        let outcome = try agent("/usr/bin/python3 streaming.py")
        #expect(outcome.code == 0, "\(outcome)")
        // What the server has no extended protocol for it reads, and refuses; what both read as a statement is decided.
        #expect(outcome.lines == ["W E08P01 ZI E08P01 ZI", "W E08P01 ZI E42501 ZI"], "\(outcome)")
        let stolen = "SELECT count(*) FROM pg_class WHERE relname = 'stolen'"
        #expect(try server.run(stolen, in: database) == ["0"])
        // The control: one that may.
        try rules("wide", database: ["ddl"])
        let made = try agent("psql -XAtc 'create table stolen (a int)'", profile: "wide")
        #expect(made.code == 0, "\(made)")
        #expect(try server.run(stolen, in: database) == ["1"])
        try drop("f")
    }

    @Test("A physical slot is the server's: no rule for one of its databases makes one")
    func physicalSlot() throws {
        let words = ["replication", "replication slot"]
        try rules(database: words, cluster: words)
        let made = { (mode: String) in
            "psql -XAt 'replication=\(mode)' -c 'CREATE_REPLICATION_SLOT p_\(self.database) PHYSICAL'; echo \"code $?\""
        }
        let denied = try agent(made("database"))
        #expect(denied.output.contains("is about the whole server"), "\(denied)")
        #expect(denied.lines.last == "code 1", "\(denied)")
        #expect(try !server.hasLogged("p_\(database)"))
        // The control: a rule for the server.
        let allowed = try agent(made("true"))
        #expect(allowed.lines.last == "code 0", "\(allowed)")
        try drop("p")
    }

    @Test("A stream whose client goes away is on record as cut, with how far it came")
    func abandoned() throws {
        try rules(database: Self.logical + ["select"])
        try slots("c")
        _ = try changes()
        let slot = "c_\(database)"
        let outcome = try agent(
            """
            pg_recvlogical -w -d \(database) -S \(slot) --start -n -f out -o include-xids=0 & client=$!
            n=0; until grep -qs 'id.integer.:400' out || [ $n -ge 600 ]; do n=$((n + 1)); sleep 0.1; done
            kill -9 $client; wait $client; echo "code $?"
            # What the server is told by the gateway.
            active() { psql -XAtc "SELECT active FROM pg_replication_slots WHERE slot_name = '\(slot)'"; }
            n=0; until [ "$(active)" = f ] || [ $n -ge 600 ]; do n=$((n + 1)); sleep 0.1; done
            active
            """
        )
        #expect(outcome.lines.suffix(2) == ["code 137", "f"], "\(outcome)")
        let ends = try place.bailey(["audit", "--json"]).lines.filter { $0.contains("\"messages\":{") }
        #expect(ends.count == 1, "\(ends)")
        #expect(ends.allSatisfy { $0.contains("\"cause\":\"") }, "\(ends)")
        try drop("c")
    }

    /// What is taken for commands of replication (`ReplicationCommandTests`), harmless where it is carried out.
    private static let taken = [
        "IDENTIFY_SYSTEM;", " \t IDENTIFY_SYSTEM ; ", "TIMELINE_HISTORY 999",
        "READ_REPLICATION_SLOT \"nobody\"",
        "CREATE_REPLICATION_SLOT t TEMPORARY LOGICAL test_decoding (SNAPSHOT 'nothing', TWO_PHASE)",
        "CREATE_REPLICATION_SLOT t TEMPORARY LOGICAL \"test_decoding\" NOEXPORT_SNAPSHOT TWO_PHASE",
        "DROP_REPLICATION_SLOT nobody WAIT;",
        "START_REPLICATION SLOT \"nobody\" LOGICAL 0/0 (\"include-xids\" '0', \"skip-empty-xacts\")",
        "START_REPLICATION SLOT nobody LOGICAL 0/0 (proto_version '3', publication_names '\"a\",\"b''c\"')",
    ]
    private static let takenOfCluster = [
        "CREATE_REPLICATION_SLOT \"t\" TEMPORARY PHYSICAL ( RESERVE_WAL)",
        "START_REPLICATION SLOT nobody PHYSICAL 16/B374D848 TIMELINE 1",
        "START_REPLICATION SLOT nobody 0/3000000",
        "BASE_BACKUP (TARGET 'blackhole', TARGET_DETAIL 'none', LABEL 'it''s', PROGRESS, CHECKPOINT 'fast', WAIT 0)",
    ]

    /// Runs each line of a file as a session's only command.
    private func each(_ lines: [String], replication mode: String) throws -> Outcome {
        try place.write(lines.map { $0 + "\n" }.joined(), to: place.workspace + "/texts")
        return try agent(
            """
            while IFS= read -r text; do psql -XAt replication=\(mode) -c "$text"; echo "code $?"; done < texts
            """
        )
    }

    @Test("What is taken for a command the real server takes for one, and what is not never reaches it")
    func grammar() throws {
        let words = ["replication", "replication slot", "replication stream"]
        try rules(database: words, cluster: words)
        for (texts, mode) in [(Self.taken, "database"), (Self.taken + Self.takenOfCluster, "true")] {
            let outcome = try each(texts, replication: mode)
            #expect(outcome.lines.count { $0.hasPrefix("code ") } == texts.count, "\(outcome)")
            #expect(outcome.lines.contains("code 0"), "\(outcome)")
            #expect(!outcome.output.contains("syntax error"), "\(outcome)")
            #expect(!outcome.output.contains("is not allowed"), "\(outcome)")
            #expect(!outcome.output.contains("not understood"), "\(outcome)")
        }
        let mark = "none_\(database)"
        let others = [
            "IDENTIFY_SYSTEM \(mark)", "/* \(mark) */ IDENTIFY_SYSTEM", "; IDENTIFY_SYSTEM -- \(mark)",
            "DROP_REPLICATION_SLOT \(mark); SELECT 1", "CREATE_REPLICATION_SLOT \(mark) LOGICAL p ()",
            "START_REPLICATION LOGICAL 0/0 \(mark)", "BASE_BACKUP (LABEL 'f\u{FC}r \(mark)')",
            "BASE_BACKUP (TARGET 'client', TARGET '\(mark)')",
        ]
        let denied = try each(others, replication: "true")
        #expect(denied.lines.count { $0 == "code 1" } == others.count, "\(denied)")
        #expect(try !server.hasLogged(mark))
        // The control: what it takes is logged.
        _ = try each(["READ_REPLICATION_SLOT \(mark)"], replication: "true")
        #expect(try server.hasLogged(mark))
    }
}
