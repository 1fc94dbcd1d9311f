import Foundation
import TestSupport
import Testing

extension EndToEnd {
    /// Statements that rules ask about, with psql and a real server.
    @Suite(
        "Approvals of statements",
        .serialized,
        .enabled(if: DatabaseServer.isInstalled, "needs postgresql-15 and postgresql-client")
    )
    struct StatementApprovalTests {
        let place: Place
        let databases: DatabaseServer
        let database: String

        init() throws {
            place = try Place()
            databases = try DatabaseServer.started()
            database = try databases.database()
            try place.write(
                try Servers.started().operatorConfiguration,
                to: place.configuration + "/bailey.yaml"
            )
            let login = "password \(DatabaseServer.account.user)"
            try place.write(
                """
                bailey: 1
                credentials:
                  db: {from: {env: SECRET}, as: \(login), for: ["postgres://allowed.test:\(databases.port)"]}

                """,
                to: place.configuration + "/credentials.yaml",
                mode: 0o600
            )
            let rule = """
                extends: [base]
                egress:
                  - {to: "postgres://allowed.test:\(databases.port)/db_*", private: true, credential: db,
                     ALLOW, approval: {for: once, wait: WAIT}}

                """
            for (name, wait, rules) in [
                ("asking", "60s", "allow: [select, prepare, execute], ask: [insert on public.people]"),
                ("hasty", "1s", "allow: [select], ask: [insert on public.people]"),
                (
                    "allowing", "60s",
                    "allow: [select, prepare, execute, insert on public.people], ask: [delete]"
                ), ("brief", "60s", "allow: [select], ask: [insert on public.people]"),
            ] {
                try place.profile(
                    name,
                    rule.replacingOccurrences(of: "ALLOW", with: rules)
                        .replacingOccurrences(of: "WAIT", with: wait)
                        .replacingOccurrences(
                            of: "for: once",
                            with: name == "brief" ? "for: 10s" : "for: once"
                        )
                )
            }
        }

        private func psql(_ script: String, _ profile: String = "asking") throws -> RunningCommand {
            try place.running(
                """
                export PGHOST=allowed.test PGPORT=\(databases.port) PGDATABASE=\(database) PGUSER=any PGSSLMODE=verify-full
                \(script)
                """,
                profile: profile,
                environment: ["SECRET": DatabaseServer.account.password]
            )
        }

        private func rows(_ name: String) throws -> String {
            try databases.run("SELECT count(*) FROM public.people WHERE name = '\(name)'", in: database).first
                ?? ""
        }

        @Test("A statement is held in its session, shown as it is, and goes on when it is approved, once")
        func held() throws {
            let insert = "INSERT INTO public.people VALUES (70, 'asked')"
            let running = try psql(
                "psql -XAt -v ON_ERROR_STOP=0 -c \"SELECT 'before'\" -c \"\(insert)\" -c \"\(insert)\" -c \"SELECT 'after'\" 2> errors"
            )
            let first = try #require(try place.held(1).first)
            #expect(first.preview == insert && first.action.contains("insert on public.people"), "\(first)")
            #expect(try rows("asked") == "0")
            #expect(try place.bailey(["approvals", "approve", first.id]).code == 0)
            let second = try #require(try place.held(1).first { $0.id != first.id })
            #expect(second.digest == first.digest)
            #expect(
                try place.bailey(["approvals", "deny", second.id, "--reason", "once is enough"]).code == 0
            )
            let outcome = running.finish()
            #expect(outcome.output == "before\nINSERT 0 1\nafter\n", "\(outcome)")
            #expect(place.read("workspace/errors")?.contains("once is enough") == true)
            #expect(try rows("asked") == "1")
            #expect(try place.approvalEvents() == ["asked", "approved", "asked", "denied"])
            let receipt = try place.verifiedReceipt()
            #expect(receipt.code == 0, "\(receipt)")
            #expect(receipt.output.contains("\n    question \(first.id), approved\n"), "\(receipt)")
            #expect(receipt.output.contains("\n    question \(second.id)\n"), "\(receipt)")
        }

        @Test(
            "A request to cancel, and a client that goes, withdraw their statement; nobody waits, and nothing is done"
        )
        func withdrawn() throws {
            let insert = "INSERT INTO public.people VALUES (80, 'withdrawn')"
            let running = try psql(
                "timeout -s INT 2 psql -XAtc \"\(insert)\" > cancelled 2>&1; timeout -s KILL 2 psql -XAtc \"\(insert)\" > killed 2>&1; :"
            )
            #expect(running.finish().code == 0)
            #expect(place.read("workspace/cancelled")?.contains("cancelled this while it waited") == true)
            #expect(try rows("withdrawn") == "0")
        }

        @Test(
            "H05: a prepared statement is held with its parameters, each execution by itself",
            arguments: ["extended", "prepared"]
        )
        func prepared(mode: String) throws {
            try place.write(
                "\\set id 90\nINSERT INTO public.people VALUES (:id, 'prepared');\n",
                to: "workspace/load.sql"
            )
            let running = try psql(
                "/usr/lib/postgresql/15/bin/pgbench -n -t 2 -M \(mode) -f load.sql \(database) > bench 2>&1; echo $? >> bench"
            )
            let first = try #require(try place.held(1).first)
            #expect(
                first.preview
                    == "1 parameter:\n$1 = \"90\"\nof the statement:\nINSERT INTO public.people VALUES ($1, 'prepared');",
                "\(first)"
            )
            #expect(first.kind == "sql" && first.action.contains("insert on public.people"))
            #expect(try rows("prepared") == "0")
            #expect(try place.bailey(["approvals", "approve", first.id]).code == 0)
            let second = try #require(try place.held(1).first { $0.id != first.id })
            #expect(second.digest == first.digest)
            #expect(
                try place.bailey(["approvals", "deny", second.id, "--reason", "once is enough"]).code == 0
            )
            #expect(running.finish().code == 0)
            let bench = try #require(place.read("workspace/bench"))
            #expect(bench.contains("once is enough") && !bench.hasSuffix("\n0\n"), "\(bench)")
            #expect(try rows("prepared") == "1")
            let records = try place.records().filter { $0.record.action.contains("insert on public.people") }
            #expect(Set(records.map(\.verdict)) == ["ask", "allow"], "\(records)")
            let preparation = try #require(records.first { $0.verdict == "ask" && $0.record.reason == nil })
            let told = try place.bailey(["audit", "show", "\(preparation.sequence)"]).output
            #expect(told.contains("It was prepared:") && !told.contains("refused"), "\(told)")
            #expect(records.filter { $0.verdict == "allow" }.map(\.record.approval) == [first.id])
        }

        @Test("H06: an Execute that comes when the approval of its Bind is over is asked about anew")
        func late() throws {
            try place.write(
                #"""
                import os, socket, struct, time
                s = socket.create_connection((os.environ["PGHOST"], int(os.environ["PGPORT"])), 120)
                def say(kind, body): s.sendall(kind + struct.pack("!I", len(body) + 4) + body)
                def kinds(last):
                    said = b""
                    while not said.endswith(last):
                        head = s.recv(5, socket.MSG_WAITALL)
                        said += head[:1]
                        s.recv(struct.unpack("!I", head[1:])[0] - 4, socket.MSG_WAITALL)
                    return said.decode()
                say(b"", struct.pack("!I", 196608) + b"user\0x\0database\0" + os.environ["PGDATABASE"].encode() + b"\0\0")
                kinds(b"Z")
                for number in (95, 96):
                    say(b"P", b"\0INSERT INTO public.people VALUES (%d, 'late')\0\0\0" % number)
                    say(b"B", b"\0\0" + bytes(6))
                    say(b"H", b"")
                    print(kinds(b"2"), flush=True)
                    # The control does not wait until the ten seconds are over.
                    if number == 96: time.sleep(11)
                    say(b"E", b"\0" + bytes(4))
                    say(b"S", b"")
                    print(kinds(b"Z"), flush=True)
                """#,
                to: "workspace/late.py"
            )
            let running = try psql("/usr/bin/python3 -u late.py", "brief")
            let control = try #require(try place.held(1).first)
            #expect(try place.bailey(["approvals", "approve", control.id, "--for", "10s"]).code == 0)
            let first = try #require(try place.held(1).first { $0.id != control.id })
            #expect(try rows("late") == "1")
            #expect(try place.bailey(["approvals", "approve", first.id, "--for", "10s"]).code == 0)
            #expect(running.awaitOutput("12\nCZ\n12\n"))
            let again = try #require(try place.held(1).first { $0.id != first.id })
            #expect(again.digest == first.digest)
            #expect(try rows("late") == "1", "what was bound is not carried out")
            #expect(try place.bailey(["approvals", "deny", again.id]).code == 0)
            let outcome = running.finish()
            #expect(outcome.output == "12\nCZ\n12\nEZ\n", "\(outcome)")
            #expect(try rows("late") == "1")
            let denied = try place.bailey(["audit", "--denied"]).output
            #expect(
                !denied.contains("it is prepared;") && denied.contains("insert on public.people"),
                "\(denied)"
            )
            #expect(try place.bailey(["audit"]).output.contains("  ask "), "the control: it is on record")
        }

        private static let psycopg: ConditionTrait = .enabled(
            if: Programs.hasPython("psycopg"),
            "needs python3-psycopg"
        )

        /// A program of psycopg's; `waits()` returns when the test says so.
        private func python(_ body: String, _ profile: String = "asking") throws -> RunningCommand {
            try place.write(
                """
                import os, psycopg, sys, threading, time
                def waits(name):
                    while not os.path.exists(name): time.sleep(0.02)
                def tried(what):
                    try: return what()
                    except psycopg.Error as error: return f"{error.sqlstate} {error}".splitlines()[0]
                insert = "INSERT INTO public.people VALUES (%s, %s)"
                count = "SELECT count(*) FROM public.people WHERE name = %s"
                with psycopg.connect("", autocommit=True) as c:
                \(body.split(separator: "\n").map { "    " + $0 }.joined(separator: "\n"))
                """,
                to: "workspace/client.py"
            )
            return try psql("/usr/bin/python3 -u client.py", profile)
        }

        @Test(
            "A pipeline keeps its order while a statement in it is held, and one that is prepared by name",
            psycopg
        )
        func pipeline() throws {
            let running = try python(
                """
                with c.pipeline():
                    before = c.execute(count, ("piped",))
                    one = c.execute(insert, (71, "piped"), prepare=True)
                    between = c.execute(count, ("piped",))
                    two = c.execute(insert, (72, "piped"), prepare=True)
                    after = c.execute(count, ("piped",))
                print(before.fetchone(), one.rowcount, between.fetchone(), two.rowcount, after.fetchone())
                """
            )
            let first = try #require(try place.held(1).first)
            #expect(first.preview.contains("2 parameters:\n") && first.preview.contains("\n$2 = \"piped\"\n"))
            #expect(try place.bailey(["approvals", "approve", first.id]).code == 0)
            let second = try #require(try place.held(1).first { $0.id != first.id })
            #expect(second.digest != first.digest)
            #expect(try place.bailey(["approvals", "approve", second.id]).code == 0)
            let outcome = running.finish()
            #expect(outcome.output == "(0,) 1 (1,) 1 (2,)\n", "\(outcome)")
            #expect(try rows("piped") == "2")
        }

        @Test("A cancellation, and a time that is over, end what is held and leave the session", psycopg)
        func ended() throws {
            let running = try python(
                """
                threading.Thread(target=lambda: (waits("cancel"), c.cancel())).start()
                print(tried(lambda: c.execute(insert, (73, "ended"))))
                print(c.execute("SELECT 1").fetchone())
                waits("hasty")
                """
            )
            _ = try place.held(1)
            try place.write("", to: "workspace/cancel")
            #expect(running.awaitOutput("(1,)"))
            try place.write("", to: "workspace/hasty")
            let outcome = running.finish()
            #expect(
                outcome.output.contains("42501 ") && outcome.output.contains("cancelled this"),
                "\(outcome)"
            )
            let hasty = try python(
                "print(tried(lambda: c.execute(insert, (74, 'ended'))), c.execute('SELECT 2').fetchone())",
                "hasty"
            )
            let late = hasty.finish()
            #expect(
                late.output.contains("nobody answered within 1s") && late.output.hasSuffix("(2,)\n"),
                "\(late)"
            )
            #expect(try rows("ended") == "0")
        }

        @Test(
            "A session that ends while its statement is held leaves nothing done, whatever is answered then",
            psycopg
        )
        func terminated() throws {
            let running = try python(
                """
                threading.Thread(target=lambda: (waits("go"), os._exit(3))).start()
                c.execute(insert, (75, "terminated"))
                """
            )
            let held = try #require(try place.held(1).first)
            try place.write("", to: "workspace/go")
            #expect(running.finish().code == 3)
            #expect(try place.bailey(["approvals", "approve", held.id]).code == 1)
            #expect(try rows("terminated") == "0")
        }

        @Test("H05: EXECUTE of SQL gets around no question about what the protocol prepared", psycopg)
        func executed() throws {
            func script(_ id: Int) -> String {
                """
                c.execute(insert, (\(id), "direct"), prepare=True)
                name = c.execute("SELECT name FROM pg_prepared_statements WHERE statement LIKE 'INSERT%'").fetchone()[0]
                print(tried(lambda: c.execute(f"EXECUTE {name}(\(id + 1), 'around')").rowcount))
                """
            }
            let running = try python(script(76))
            let held = try #require(try place.held(1).first)
            #expect(try place.bailey(["approvals", "approve", held.id]).code == 0)
            let outcome = running.finish()
            #expect(outcome.output.hasPrefix("42501 EXECUTE could carry out"), "\(outcome)")
            #expect(try rows("around") == "0" && rows("direct") == "1")
            // The same where nobody has to be asked.
            let control = try python(script(78), "allowing").finish()
            #expect(control.output == "1\n", "\(control)")
            #expect(try rows("around") == "1")
        }

        @Test(
            "H05: what takes a statement's name in vain is not executed in its place, and the statement is not without being asked about",
            psycopg
        )
        func replaced() throws {
            func script(_ id: Int) -> String {
                """
                pg = c.pgconn
                pg.enter_pipeline_mode()
                def results():
                    while True:
                        result = pg.get_result()
                        if result is None:
                            after = pg.get_result()
                            if after is None: return
                            result = after
                        print(psycopg.pq.ExecStatus(result.status).name, (result.command_status or b"").decode(), flush=True)
                        if result.status == psycopg.pq.ExecStatus.PIPELINE_SYNC: return
                pg.send_prepare(b"s", b"INSERT INTO public.people VALUES (\(id), 'replaced')")
                pg.pipeline_sync(); results()
                pg.send_prepare(b"s", b"SELECT 1")
                pg.pipeline_sync()
                pg.send_query_prepared(b"s", [])
                pg.pipeline_sync()
                results(); results()
                """
            }
            let running = try python(script(85))
            let held = try #require(try place.held(1).first)
            #expect(held.preview.contains("INSERT INTO public.people"), "\(held)")
            #expect(try rows("replaced") == "0")
            #expect(try place.bailey(["approvals", "deny", held.id]).code == 0)
            let outcome = running.finish()
            #expect(outcome.code == 0 && !outcome.output.contains("INSERT 0 1"), "\(outcome)")
            #expect(try rows("replaced") == "0")
            // The server does execute it in the other's place, where nobody has to be asked.
            let control = try python(script(86), "allowing").finish()
            #expect(control.output.contains("INSERT 0 1"), "\(control)")
            #expect(try rows("replaced") == "1")
        }

        @Test(
            "What SQL's PREPARE would keep for any number of executions is refused where rules ask about it"
        )
        func sqlPrepared() throws {
            let script =
                "psql -XAt -c \"PREPARE p AS INSERT INTO public.people VALUES (87, 'kept')\" -c 'EXECUTE p' -c \"SELECT 'after'\" 2> errors; :"
            let outcome = try psql(script).finish()
            #expect(outcome.output == "after\n", "\(outcome)")
            let errors = try #require(place.read("workspace/errors"))
            #expect(
                errors.contains("executed any number of times") && errors.contains("by the protocol"),
                "\(errors)"
            )
            #expect(try rows("kept") == "0")
            let control = try psql(script, "allowing").finish()
            #expect(control.output == "PREPARE\nINSERT 0 1\nafter\n", "\(control)")
            #expect(try rows("kept") == "1")
        }
    }
}
