import Model
import Statements
import Testing

/// Commands of the replication protocol, and what they do; `-` for what is none.
let replicationCommands: [(text: String, deeds: String)] = [
    ("IDENTIFY_SYSTEM", "replication"),
    ("identify_system;", "replication"),
    (" \t\r\n IDENTIFY_SYSTEM ; ", "replication"),
    ("IDENTIFY_SYSTEM; IDENTIFY_SYSTEM", "-"),
    ("IDENTIFY_SYSTEM;;", "-"),
    ("IDENTIFY_SYSTEM x", "-"),
    ("/* */ IDENTIFY_SYSTEM", "-"),
    ("IDENTIFY_SYSTEM -- x", "-"),
    ("\"IDENTIFY_SYSTEM\"", "-"),
    ("; IDENTIFY_SYSTEM", "-"),
    ("TIMELINE_HISTORY 2", "replication"),
    ("TIMELINE_HISTORY x", "-"),
    ("READ_REPLICATION_SLOT s", "replication"),
    ("READ_REPLICATION_SLOT \"s\"", "replication"),
    ("READ_REPLICATION_SLOT", "-"),
    ("CREATE_REPLICATION_SLOT s PHYSICAL", "replication slot of the cluster"),
    ("CREATE_REPLICATION_SLOT \"s\" TEMPORARY PHYSICAL ( RESERVE_WAL)", "replication slot of the cluster"),
    ("CREATE_REPLICATION_SLOT s TEMPORARY PHYSICAL RESERVE_WAL", "replication slot of the cluster"),
    ("CREATE_REPLICATION_SLOT s LOGICAL pgoutput (SNAPSHOT 'nothing', TWO_PHASE)", "replication slot"),
    ("CREATE_REPLICATION_SLOT s LOGICAL \"pgoutput\" NOEXPORT_SNAPSHOT TWO_PHASE", "replication slot"),
    ("CREATE_REPLICATION_SLOT s LOGICAL \"/tmp/evil\"", "replication slot, load"),
    ("CREATE_REPLICATION_SLOT s LOGICAL \"$libdir/../evil\" (SNAPSHOT 'use')", "replication slot, load"),
    ("CREATE_REPLICATION_SLOT s LOGICAL", "-"),
    ("CREATE_REPLICATION_SLOT s PHYSICAL p", "-"),
    ("CREATE_REPLICATION_SLOT s PHYSICAL LOGICAL p", "-"),
    ("CREATE_REPLICATION_SLOT s", "-"),
    ("CREATE_REPLICATION_SLOT s LOGICAL p (", "-"),
    ("CREATE_REPLICATION_SLOT s LOGICAL p ()", "-"),
    ("CREATE_REPLICATION_SLOT s LOGICAL p (a 'b' c)", "-"),
    ("DROP_REPLICATION_SLOT s", "replication slot"),
    ("DROP_REPLICATION_SLOT s WAIT;", "replication slot"),
    ("DROP_REPLICATION_SLOT s; SELECT 1", "-"),
    ("START_REPLICATION 0/3000000", "replication stream of the cluster"),
    ("START_REPLICATION PHYSICAL 16/B374D848 TIMELINE 1", "replication stream of the cluster"),
    ("START_REPLICATION SLOT \"s\" 0/3000000 TIMELINE 1", "replication stream of the cluster"),
    ("START_REPLICATION SLOT s PHYSICAL 0/0", "replication stream of the cluster"),
    ("START_REPLICATION SLOT s LOGICAL 0/0", "replication stream"),
    (
        "START_REPLICATION SLOT \"s\" LOGICAL 0/0 (proto_version '3', publication_names '\"a\",\"b''c\"')",
        "replication stream"
    ),
    (
        "START_REPLICATION SLOT \"s\" LOGICAL 0/0 (\"include-xids\" '0', \"skip-empty-xacts\")",
        "replication stream"
    ),
    ("START_REPLICATION LOGICAL 0/0", "-"),
    ("START_REPLICATION SLOT s LOGICAL", "-"),
    ("START_REPLICATION SLOT s LOGICAL 0/0xyz", "-"),
    ("START_REPLICATION SLOT s LOGICAL 0", "-"),
    ("START_REPLICATION SLOT s LOGICAL 0/0 (a 'it''s", "-"),
    ("START_REPLICATION SLOT s LOGICAL 0/0 (a é)", "-"),
    ("BASE_BACKUP", "replication stream of the cluster"),
    (
        "BASE_BACKUP ( LABEL 'pg_basebackup base backup',  PROGRESS,  CHECKPOINT 'fast',  WAIT 0,  MANIFEST 'yes',  TARGET 'client')",
        "replication stream of the cluster"
    ),
    (
        "BASE_BACKUP LABEL 'it''s' PROGRESS FAST MAX_RATE 100 MANIFEST 'yes'",
        "replication stream of the cluster"
    ),
    ("BASE_BACKUP (TARGET 'blackhole')", "replication stream of the cluster"),
    (
        "BASE_BACKUP (TARGET 'server', TARGET_DETAIL '/tmp/x')",
        "replication stream, copy file of the cluster"
    ),
    ("BASE_BACKUP (\"target\" server)", "replication stream, copy file of the cluster"),
    ("BASE_BACKUP (TARGET 'shell')", "replication stream, copy program of the cluster"),
    ("BASE_BACKUP (TARGET 1)", "replication stream, copy program of the cluster"),
    ("BASE_BACKUP (TARGET)", "replication stream, copy program of the cluster"),
    ("BASE_BACKUP (TARGET 'client', TARGET 'shell')", "-"),
    ("BASE_BACKUP (TARGET, \"target\", TARGET)", "-"),
    ("BASE_BACKUP (LABEL 'a', TARGET 'client', TARGET_DETAIL 'b')", "replication stream of the cluster"),
    ("BASE_BACKUP LABEL", "-"),
    ("BASE_BACKUP ()", "-"),
    ("SHOW wal_segment_size", "-"),
    ("SELECT 1", "-"),
    ("UPLOAD_MANIFEST", "-"),
    ("", "-"),
    (";", "-"),
]

struct ReplicationCommandTests {
    private static func deeds(of text: String) -> String {
        guard let command = ReplicationCommand(Array(text.utf8)) else { return "-" }
        return command.deeds.map(\.description).joined(separator: ", ")
            + (command.isOfCluster ? " of the cluster" : "")
    }

    @Test("What a command of replication does is read by the server's grammar; what is none of them is none")
    func commands() {
        for (text, deeds) in replicationCommands {
            #expect(Self.deeds(of: text) == deeds, "\(text)")
        }
    }

    @Test(
        "What streams is START_REPLICATION and BASE_BACKUP; a text that is too long, or has a NUL, is no command"
    )
    func streams() {
        for (text, deeds) in replicationCommands {
            let command = ReplicationCommand(Array(text.utf8))
            #expect((command?.streams ?? false) == deeds.hasPrefix("replication stream"), "\(text)")
        }
        let label = { (count: Int) in
            Array("BASE_BACKUP (LABEL '\(String(repeating: "a", count: count))')".utf8)
        }
        #expect(ReplicationCommand(label(16_000)) != nil)
        #expect(ReplicationCommand(label(17_000)) == nil)
        #expect(ReplicationCommand(Array("IDENTIFY_SYSTEM\0".utf8)) == nil)
        #expect(ReplicationCommand(Array("BASE_BACKUP (LABEL 'a\0')".utf8)) == nil)
    }

    @Test("Its first word says what is meant for a command of replication")
    func begins() {
        let commands = [
            "IDENTIFY_SYSTEM", " \t\r\n base_backup (LABEL 'für')", "START_REPLICATION/**/",
            "drop_replication_slot;",
            "TIMELINE_HISTORY", "READ_REPLICATION_SLOT é", "CREATE_REPLICATION_SLOT s LOGICAL",
            "BASE_BACKUP (LABEL '" + String(repeating: "a", count: 20_000) + "')",
        ]
        for text in commands { #expect(ReplicationCommand.begins(Array(text.utf8)), "\(text)") }
        let others = [
            "", " ", "SHOW wal_level", "SELECT 1", "BASE_BACKUPS", "BASE", "\"BASE_BACKUP\"", "; BASE_BACKUP",
            "CREATE_REPLICATION_SLOTS", "/* */ IDENTIFY_SYSTEM", "é", String(repeating: "a", count: 20_000),
        ]
        for text in others { #expect(!ReplicationCommand.begins(Array(text.utf8)), "\(text)") }
        for (text, deeds) in replicationCommands where deeds != "-" {
            #expect(ReplicationCommand.begins(Array(text.utf8)), "\(text)")
        }
    }
}
