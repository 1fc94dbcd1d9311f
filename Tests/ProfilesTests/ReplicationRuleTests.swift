import Model
import Policy
import Profiles
import Testing

@Suite
struct ReplicationRuleTests {
    /// The opening of a session for replication.
    private static func opening(of database: String) throws -> Request {
        let endpoint = Endpoint(scheme: .postgres, host: .name(try #require(DNSName("db.test"))), port: 5432)
        let sql = SQLRequest(
            database: ByteText(database),
            deeds: [SQLDeed(.replication)],
            opensReplication: true
        )
        return Request(endpoint: endpoint, action: .sql(sql))
    }

    private static let stream = "START_REPLICATION SLOT s LOGICAL 0/0"

    @Test("A session for replication takes a rule of every level that names it; no star stands for it")
    func opens() throws {
        let plain = try databaseProfile("allow: [\"*\", \"* calling *\"]", named: "plain")
        let named = try databaseProfile("allow: [replication]", named: "named")
        let opening = try Self.opening(of: "app")
        #expect(try decide([named], opening).effect == .allow)
        #expect(try decide([named, named], opening).effect == .allow)
        #expect(try decide([plain], opening).effect == .deny)
        #expect(try decide([named, plain], opening).effect == .deny)
        #expect(try decide([plain, named], opening).effect == .deny)
        #expect(try decide([named], Self.opening(of: "other")).effect == .deny)
        let denial = try #require(try decide([plain], opening).denial)
        #expect(denial.message.contains("replication at postgres://db.test"), "\(denial)")
        #expect(denial.remedy.contains("replication"), "\(denial)")
        // A stream is no opening, nor the other way round.
        #expect(try decide([try databaseProfile("allow: [replication stream]")], opening).effect == .deny)
    }

    @Test(
        "What a command of replication does is allowed by its word, and by no other",
        arguments: [
            ("IDENTIFY_SYSTEM", "replication", "app"), ("READ_REPLICATION_SLOT s", "replication", "app"),
            ("CREATE_REPLICATION_SLOT s LOGICAL pgoutput", "replication slot", "app"),
            ("CREATE_REPLICATION_SLOT s PHYSICAL", "replication slot", "replication"),
            ("DROP_REPLICATION_SLOT s", "replication slot", "app"), (stream, "replication stream", "app"),
            ("START_REPLICATION 0/0", "replication stream", "replication"),
            ("BASE_BACKUP", "replication stream", "replication"),
        ]
    )
    func commands(command: String, word: String, database: String) throws {
        let outcome = { (rule: String) in
            let profile = try databaseProfile(rule, to: "postgres://db.test/\(database)")
            return try decide([profile], command, at: database).effect
        }
        for other in ["*", "replication", "replication slot", "replication stream"] {
            #expect(try outcome("allow: [\"\(other)\"]") == (other == word ? .allow : .deny), "\(other)")
        }
        // Forbidden it is by a star as well.
        #expect(try outcome("allow: [\"\(word)\"], deny: [\"*\"]") == .deny)
    }

    @Test(
        "What is about the whole server no rule for one of its databases is asked about",
        arguments: ["START_REPLICATION 0/0", "BASE_BACKUP", "CREATE_REPLICATION_SLOT s PHYSICAL"]
    )
    func cluster(command: String) throws {
        for database in ["app", "replication2"] {
            #expect {
                try RequestText.parseWhole("postgres://db.test/\(database) \(command)")
            } throws: { error in
                (error as? TextProblem)?.message.contains("about the whole server") ?? false
            }
        }
        // The control, and what is about one database, with whichever.
        _ = try RequestText.parseWhole("postgres://db.test/replication \(command)")
        _ = try RequestText.parseWhole("postgres://db.test/app \(Self.stream)")
    }

    @Test("What a command does on the server besides takes the words of that as well")
    func besides() throws {
        let load = "CREATE_REPLICATION_SLOT s LOGICAL \"/tmp/x\""
        let file = "BASE_BACKUP (TARGET 'server', TARGET_DETAIL '/tmp/x')"
        let program = "BASE_BACKUP (TARGET 'shell')"
        let words = "replication slot, replication stream"
        for (command, word) in [(load, "load"), (file, "copy file"), (program, "copy program")] {
            let outcome = { (words: String) in
                let profile = try databaseProfile("allow: [\(words)]", to: "postgres://db.test/replication")
                return try decide([profile], command, at: "replication").effect
            }
            #expect(try outcome(words) == .deny)
            #expect(try outcome("\(words), \(word)") == .allow)
        }
    }

    /// A rule that lets a database be streamed, and another with a mask.
    private static func profile(_ database: String, masked: String, _ mask: String) throws -> Profile {
        let allow = "allow: [replication, replication stream]"
        return try load(
            """
            bailey: 1
            name: p
            egress:
              - {to: "postgres://db.test/\(database)", \(allow)}
              - {to: "postgres://db.test/\(masked)", allow: [select]\(mask)}

            """,
            named: "p.yaml"
        )
    }

    @Test(
        "What is streamed cannot be masked: it is denied where any rule of any level masks what it shows",
        arguments: [", mask: [email]", ", mask: [\"column ssn\"]"]
    )
    func masks(mask: String) throws {
        let outcome = { (database: String, masked: String, mask: String) in
            let profile = try Self.profile(database, masked: masked, mask)
            return try decide([profile], Self.stream, at: database)
        }
        #expect(try outcome("app", "app", "").effect == .allow)
        let denied = try outcome("app", "app", mask)
        #expect(denied.effect == .deny)
        #expect(denied.denial?.message.contains("cannot be masked") == true, "\(denied)")
        #expect(try outcome("app", "a*", mask).effect == .deny)
        // Another database is none of its matter; the cluster is every one.
        #expect(try outcome("app", "other", mask).effect == .allow)
        #expect(try outcome("replication", "other", mask).effect == .deny)
        #expect(try outcome("replication", "other", "").effect == .allow)
        let plain = try Self.profile("app", masked: "app", "")
        let masking = try Self.profile("app", masked: "app", mask)
        #expect(try decide([plain, plain], Self.stream).effect == .allow)
        #expect(try decide([masking, plain], Self.stream).effect == .deny)
        #expect(try decide([plain, masking], Self.stream).effect == .deny)
        // To open a session and to read its state shows no row.
        #expect(try decide([masking], "IDENTIFY_SYSTEM").effect == .allow)
        #expect(try decide([masking], Self.opening(of: "app")).effect == .allow)
    }

    @Test("A child's rules for replication are within its parent's only where those name it")
    func within() throws {
        let wide = try databaseProfile("allow: [\"*\", \"* calling *\"]", named: "wide")
        let named = try databaseProfile("allow: [replication, replication stream]", named: "named")
        let slot = try databaseProfile("allow: [replication slot]", named: "slot")
        #expect(!excess(of: named, over: wide).isEmpty)
        #expect(excess(of: named, over: named).isEmpty)
        #expect(!excess(of: slot, over: named).isEmpty)
    }
}
