import Foundation
import Model
import NIOCore
import PostgresProtocol
import TestSupport
import Testing

/// With a real PostgreSQL behind the engine, and real clients in front of it.
@Suite(.serialized, .enabled(if: Cluster.binaries != nil, "needs PostgreSQL's server"))
struct ServerTests {
    /// What a client says.
    ///
    /// One statement of it is denied: by the server itself, where the user has no right to it, or by a rule. What the
    /// client sees must be the same.
    struct Script: Sendable, CustomTestStringConvertible {
        let name: String
        let messages: @Sendable (_ denied: String) -> [[UInt8]]
        /// How many ReadyForQuery come.
        var ready = 1

        var testDescription: String { name }
    }

    static let scripts = [
        Script(name: "one", messages: { [Say.query($0)] }),
        Script(
            name: "after another",
            messages: { [Say.query("select 1"), Say.query($0), Say.query("select 2")] },
            ready: 3
        ),
        Script(
            name: "in a transaction",
            messages: {
                [
                    Say.query("begin"), Say.query($0), Say.query("select 1"), Say.query("rollback"),
                    Say.query("select 2"),
                ]
            },
            ready: 5
        ),
        Script(name: "extended", messages: { [Say.whole($0), Say.sync] }),
        Script(
            name: "in a pipeline: what was before it stands in order, what follows is skipped until Sync",
            messages: {
                [
                    Say.whole("select 1"), Say.whole($0), Say.whole("select 2"), Say.sync,
                    Say.whole("select 3"), Say.sync,
                ]
            },
            ready: 2
        ),
        Script(
            name: "in a pipeline behind an error of the server's",
            messages: {
                [Say.whole("select 1/0"), Say.whole($0), Say.sync, Say.whole("select 2"), Say.sync]
            },
            ready: 2
        ),
        Script(
            name: "in a pipeline of several segments",
            messages: {
                [Say.whole("select 1"), Say.sync, Say.whole($0), Say.sync, Say.whole("select 2"), Say.sync]
            },
            ready: 3
        ),
        Script(
            name: "in an explicit transaction of a pipeline",
            messages: {
                [
                    Say.whole("begin"), Say.whole("insert into notes values (1)"), Say.whole($0), Say.sync,
                    Say.whole("select 1"), Say.sync, Say.whole("rollback"), Say.sync,
                ]
            },
            ready: 3
        ),
        Script(
            name: "in the implicit transaction of a pipeline, which is undone",
            messages: {
                [
                    Say.whole("insert into notes values (99)"), Say.whole($0), Say.sync,
                    Say.query("select count(*) from notes where id = 99"),
                ]
            },
            ready: 2
        ),
        Script(
            name: "with a simple query amid the messages that are skipped",
            messages: { [Say.whole($0), Say.query("select 1"), Say.sync, Say.query("select 2")] },
            ready: 2
        ),
    ]

    @Test(arguments: scripts)
    func `A denial looks to a client as the server's own would`(script: Script) throws {
        let cluster = try Cluster.shared.get()
        let relay = try Relay(to: cluster.port)
        defer { relay.stop() }
        func play(_ port: UInt16, _ denied: String, cut: Int) throws -> [String] {
            let client = try RawClient(port)
            let octets = script.messages(denied).flatMap(\.self)
            for start in stride(from: 0, to: octets.count, by: cut) {
                client.send([Array(octets[start..<min(start + cut, octets.count)])])
            }
            // The server denies at Bind or Execute, the gateway at Parse: what comes of Parse itself is left out.
            return try (0..<script.ready).flatMap { _ in try client.until("Z") }.filter {
                $0 != "1" && $0 != "2" && $0 != "T" && $0 != "n"
            }
        }
        let direct = try play(cluster.port, "select * from forbidden_table", cut: .max)
        #expect(
            direct.contains("E(42501)") || script.name.contains("behind")
        )
        for cut in [1, 7, Int.max] {
            #expect(try play(relay.port, "select * from forbidden_table", cut: cut) == direct)
        }
        #expect(!relay.log.contains { $0.hasPrefix("fault") || $0.hasPrefix("broken") })
    }

    @Test func `Nothing of a denied statement, or of a batch with one, reaches the server`() throws {
        let cluster = try Cluster.shared.get()
        let relay = try Relay(to: cluster.port)
        defer { relay.stop() }
        let client = try RawClient(relay.port)
        client.send([Say.query("insert into notes values (77); select 'forbidden-fruit'")])
        #expect(try client.until("Z") == ["E(42501)", "Z(I)"])
        client.send([
            Say.whole("select 'forbidden-apple'"), Say.sync,
            Say.query("select count(*) from notes where id = 77"),
        ])
        #expect(try client.until("Z") == ["E(42501)", "Z(I)"])
        #expect(try client.until("Z") == ["T", "D(0)", "C(SELECT 1)", "Z(I)"])
        #expect(cluster.log.contains("notes where id = 77"))
        #expect(!cluster.log.contains("fruit") && !cluster.log.contains("apple"))
    }

    @Test func `psql goes on after a denial, and is told the rule and how to ask`() throws {
        let cluster = try Cluster.shared.get()
        let relay = try Relay(to: cluster.port)
        defer { relay.stop() }
        let input =
            "\\set VERBOSITY verbose\nselect 1;\nselect 'forbidden';\nselect 'unreadable';\nselect 2;\n"
        let run = try cluster.run(["psql", "-At"], port: relay.port, user: "agent", input: input)
        #expect(run.code == 0)
        #expect(run.lines == ["1", "2"])
        #expect(run.errors.contains("ERROR:  42501: a rule denies it"))
        #expect(run.errors.contains("DETAIL:  The rule: deny select on forbidden (t.yaml:3)"))
        #expect(run.errors.contains("HINT:  ask the author"))
        #expect(run.errors.contains("ERROR:  42501: it cannot be read"))
        #expect(relay.log.contains("refused it cannot be read"))
        #expect(relay.log.contains("end SELECT 1 -"))
    }

    @Test func `A statement that was prepared is decided on again at each Execute`() throws {
        let cluster = try Cluster.shared.get()
        let relay = try Relay(to: cluster.port)
        defer { relay.stop() }
        let client = try RawClient(relay.port)
        client.send([Say.parse("select 5", as: "five"), Say.sync])
        #expect(try client.until("Z") == ["1", "Z(I)"])
        for _ in 0..<2 {
            client.send([Say.bind("five"), Say.execute(), Say.sync])
            #expect(try client.until("Z") == ["2", "D(5)", "C(SELECT 1)", "Z(I)"])
        }
        #expect(relay.log.filter { $0 == "ask SQL select 5" }.count == 3)
        #expect(relay.log.filter { $0 == "end SELECT 1 -" }.count == 2)
        // What is parsed and executed at once is asked about once.
        client.send([Say.whole("select 6"), Say.sync])
        #expect(try client.until("Z") == ["1", "2", "T", "D(6)", "C(SELECT 1)", "Z(I)"])
        #expect(relay.log.filter { $0 == "ask SQL select 6" }.count == 1)
    }

    @Test func `An Execute that is denied when its Parse was not fails the transaction as the server would`()
        throws
    {
        let cluster = try Cluster.shared.get()
        let relay = try Relay(to: cluster.port)
        defer { relay.stop() }
        let client = try RawClient(relay.port)
        client.send([Say.parse("select 'once'", as: "o"), Say.sync, Say.whole("begin"), Say.sync])
        #expect(try client.until("Z") == ["1", "Z(I)"])
        #expect(try client.until("Z") == ["1", "2", "n", "C(BEGIN)", "Z(T)"])
        client.send([Say.bind("o"), Say.execute(), Say.whole("select 1"), Say.sync])
        #expect(try client.until("Z") == ["2", "E(42501)", "Z(E)"])
        client.send([Say.query("select 1"), Say.query("rollback"), Say.query("select 2")])
        #expect(try client.until("Z") == ["E(25P02)", "Z(E)"])
        #expect(try client.until("Z") == ["C(ROLLBACK)", "Z(I)"])
        #expect(try client.until("Z") == ["T", "D(2)", "C(SELECT 1)", "Z(I)"])
    }

    @Test(arguments: ["simple", "extended"])
    func `COPY goes in and out, fails and is denied, and the session goes on`(protocol manner: String) throws
    {
        let cluster = try Cluster.shared.get()
        let relay = try Relay(to: cluster.port)
        defer { relay.stop() }
        func play(_ port: UInt16) throws -> [String] {
            let client = try RawClient(port)
            func say(_ sql: String) -> [[UInt8]] {
                manner == "simple" ? [Say.query(sql)] : [Say.parse(sql), Say.bind(), Say.execute(), Say.sync]
            }
            let end = manner == "simple" ? [] : [Say.sync]
            var seen: [String] = []
            client.send(say("create temp table c (id int)"))
            seen += try client.until("Z")
            client.send(say("copy c from stdin"))
            seen += try client.until("G")
            client.send([Say.data("1\n2\n"), Say.data("3\n"), Say.done] + end)
            seen += try client.until("Z")
            client.send(say("copy c to stdout"))
            seen += try client.until("Z")
            client.send(say("copy c from stdin"))
            seen += try client.until("G")
            client.send([Say.data("4\n"), Say.failed] + end)
            seen += try client.until("Z")
            client.send(say("copy c from stdin"))
            seen += try client.until("G")
            client.send([Say.data("no number\n"), Say.data("5\n"), Say.done] + end)
            seen += try client.until("Z")
            client.send(say("copy forbidden_table from stdin"))
            seen += try client.until("Z")
            client.send(say("select count(*) from c"))
            seen += try client.until("Z")
            return seen.filter { $0 != "1" && $0 != "2" }
        }
        let direct = try play(cluster.port)
        #expect(direct.contains("C(COPY 3)") && direct.contains("E(57014)") && direct.contains("E(22P02)"))
        #expect(try play(relay.port) == direct)
        #expect(!relay.log.contains { $0.hasPrefix("fault") || $0.hasPrefix("broken") })
    }

    @Test(arguments: ["simple", "extended", "prepared"])
    func `pgbench runs, with several clients and in a pipeline`(mode: String) throws {
        let cluster = try Cluster.shared.get()
        let relay = try Relay(to: cluster.port)
        defer { relay.stop() }
        let made = try cluster.run(["pgbench", "-i", "-s", "1", "-q"], port: relay.port)
        #expect(made.code == 0, "\(made)")
        let run = try cluster.run(
            ["pgbench", "-M", mode, "-c", "4", "-j", "2", "-t", "50"],
            port: relay.port
        )
        #expect(run.code == 0 && run.output.contains("actually processed: 200/200"), "\(run)")
        if mode != "simple" {
            let script = cluster.folder + "/pipeline-\(mode).sql"
            let text = "\\startpipeline\n" + String(repeating: "select 1;\n", count: 300) + "\\endpipeline\n"
            try text.write(toFile: script, atomically: true, encoding: .utf8)
            let piped = try cluster.run(
                ["pgbench", "-n", "-M", mode, "-t", "10", "-f", script],
                port: relay.port
            )
            #expect(piped.code == 0 && piped.output.contains("actually processed: 10/10"), "\(piped)")
        }
        #expect(!relay.log.contains { $0.hasPrefix("fault") || $0.hasPrefix("broken") })
    }

    @Test(arguments: ["scram", "md5", "clear"])
    func `The gateway logs in by itself, and the client needs no password`(user: String) throws {
        let cluster = try Cluster.shared.get()
        for (password, isRight) in [("secret", true), ("wrong", false)] {
            let relay = try Relay(to: cluster.port) { startup in
                PostgresLoginSettings(
                    user: user,
                    database: startup.database,
                    password: password,
                    settings: startup.settings + [PostgresSetting("statement_timeout", "4321")],
                    isTrusted: true,
                    binding: nil
                )
            }
            defer { relay.stop() }
            let run = try cluster.run(
                ["psql", "-Atc", "select current_user", "-c", "reset all", "-c", "show statement_timeout"],
                port: relay.port,
                user: "anybody"
            )
            #expect((run.code == 0) == isRight, "\(run)")
            if isRight {
                #expect(run.lines == [user, "RESET", "4321ms"])
            } else {
                #expect(run.errors.contains("the database refused the gateway's login (28P01)"))
                #expect(!run.errors.contains("\"\(user)\""))
            }
        }
    }
}
