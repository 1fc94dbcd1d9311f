import Foundation
import Glibc
import TestSupport
import Testing

extension EndToEnd {
    /// `bailey revoke` of an agent, with real clients and servers.
    @Suite(
        "Revocation",
        .serialized,
        .enabled(
            if: DatabaseServer.isInstalled && WebSocketServers.available,
            "needs postgresql-15, postgresql-client and python3-websockets"
        )
    )
    struct RevocationTests {
        let place: Place
        let servers: Servers
        let sockets: PythonServer
        let databases: DatabaseServer
        let database: String
        /// An argument that only this test's processes have.
        let mark = "300.\(getpid())\(UInt32.random(in: 1000...9999))"

        init() throws {
            place = try Place()
            servers = try Servers.started()
            sockets = try WebSocketServers.honest()
            databases = try DatabaseServer.started()
            database = try databases.database()
            try place.write(servers.operatorConfiguration, to: place.configuration + "/bailey.yaml")
            let login = "password \(DatabaseServer.account.user)"
            let bound = "\"postgres://allowed.test:\(databases.port)\""
            try place.write(
                "bailey: 1\ncredentials:\n  db: {from: {env: SECRET}, as: \(login), for: [\(bound)]}\n",
                to: place.configuration + "/credentials.yaml",
                mode: 0o600
            )
            try place.lineageProfiles(
                egress: """
                      - {to: "https://allowed.test:\(servers.tlsPort)", private: true, allow: ["GET /v1/**"],
                         ask: ["GET /asked/**"], approval: {for: once, wait: 30s}}
                      - {to: "https://allowed.test:\(servers.http2Port)", private: true, allow: ["GET /v1/**"]}
                      - {to: "https://allowed.test:\(sockets.port)", private: true, allow: ["websocket /v1/**"]}
                      - {to: "postgres://allowed.test:\(databases.port)/db_*", private: true, credential: db,
                         allow: ["select on public.people", "select calling pg_sleep"]}

                    """
            )
            try place.write(Self.socket.replacing("ORIGIN", with: origin), to: "workspace/talk.py")
        }

        private var origin: String { "wss://allowed.test:\(sockets.port)" }
        private var web: String { "https://allowed.test:\(servers.tlsPort)" }
        private var web2: String { "https://allowed.test:\(servers.http2Port)" }

        /// Says when it is open and how it ended; on `go` it says once more whether it is.
        private static let socket = #"""
            import asyncio, os, ssl, sys, websockets
            name = sys.argv[1]
            def say(what): open("%s-ws-%s" % (name, what), "w").close()
            async def main():
                async with websockets.connect("ORIGIN/v1/echo", ssl=ssl.create_default_context()) as peer:
                    await peer.send("first")
                    await peer.recv()
                    say("open")
                    try:
                        while not os.path.exists("go"):
                            try: await asyncio.wait_for(peer.recv(), 0.1)
                            except asyncio.TimeoutError: pass
                        await peer.send("second")
                        say("lives" if await peer.recv() == "second" else "strange")
                    except websockets.ConnectionClosed:
                        say("ended")
            asyncio.run(main())
            """#

        /// A script in which an agent keeps one connection of each kind, launches the next, and waits; `kept` runs when all of
        /// its connections have ended.
        private func script(_ kept: String = "true") -> String {
            """
            name=$1; shift; next=$1
            export PGHOST=allowed.test PGPORT=\(databases.port) PGDATABASE=\(database) PGUSER=any PGSSLMODE=verify-full
            transfer() { curl -sSN -m 600 --http$1 -o $name-h$1 $2; echo $? > $name-h$1-ended; }
            transfer 1.1 \(web)/v1/slow 2> /dev/null &
            transfer 2 \(web2)/v1/slow 2> /dev/null &
            python3 talk.py $name &
            { psql -XAtc "SELECT pg_sleep(600)" > $name-sql 2>&1; echo $? > $name-sql-ended; } &
            [ -z "$next" ] || bailey run -p $next -- sh ./script "$@" &
            : > $name-up
            until [ -e $name-h1.1-ended ] && [ -e $name-h2-ended ] && [ -e $name-sql-ended ] && [ -e $name-ws-ended ]
            do [ -e over ] && exit 0; sleep 0.05; done
            \(kept)
            until [ -e over ]; do sleep 0.05; done
            """
        }

        private func tree(_ kept: String = "true") throws -> RunningCommand {
            try place.write(script(kept), to: "workspace/script")
            let running = try place.running(
                "exec sh ./script a b c d",
                profile: "a",
                environment: ["SECRET": DatabaseServer.account.password]
            )
            let all = ["a", "b", "c", "d"].flatMap {
                ["\($0)-up", "\($0)-h1.1", "\($0)-h2", "\($0)-ws-open"]
            }
            #expect(place.awaits(files: all))
            #expect(try place.awaits { try sleeping() == 4 })
            return running
        }

        /// Sessions of the database that are in the middle of a statement.
        private func sleeping() throws -> Int {
            let count = try databases.run(
                "SELECT count(*) FROM pg_stat_activity WHERE datname = '\(database)' AND query LIKE '%pg_sleep%' AND state = 'active' AND pid <> pg_backend_pid()",
                in: database
            )
            return Int(count.first ?? "") ?? -1
        }

        private func revoke(_ words: [String]) throws -> Outcome { try place.bailey(["revoke"] + words) }

        @Test(
            "G17, H08: revoke(B) in A→B→C→D resets every stream, WebSocket and session of B, C and D, has their statements stopped, refuses new ones and launches with why, and leaves A alone; one record"
        )
        func subtree() throws {
            let running = try tree(
                """
                curl -sS -m30 -w ' %{http_code}\\n' \(web)/v1/again > $name-again 2>&1
                psql -XAtc 'SELECT 1' > $name-again-sql 2>&1
                bailey run -p d -- true > $name-again-run 2>&1; echo $? >> $name-again-run
                : > $name-again-done
                """
            )
            let agent = try #require(try place.living()["b"])
            let outcome = try revoke([agent, "--reason", "it sends too much", "--keep-running", "--json"])
            #expect(outcome.code == 0, "\(outcome)")
            #expect(outcome.output.contains("\"agents\":3"), "\(outcome)")
            #expect(outcome.output.contains("\"recorded\":true"), "\(outcome)")
            let below = ["b", "c", "d"]
            #expect(
                place.awaits(
                    files: below.flatMap { name in
                        ["h1.1", "h2", "ws", "sql"].map { "\(name)-\($0)-ended" } + ["\(name)-again-done"]
                    }
                )
            )
            for name in below {
                // Cut short, not ended: curl's 18 and 56 (partial file, receive error), 92 (HTTP/2 stream).
                let (one, two) = (first("\(name)-h1.1-ended") ?? "", first("\(name)-h2-ended") ?? "")
                #expect(["18", "56"].contains(one), "\(name) \(one)")
                #expect(["16", "56", "92"].contains(two), "\(name) \(two)")
                #expect(first("\(name)-sql-ended") == "2", "\(name)")
                let why = "revoked by user:\(try user()) at "
                for file in ["again", "again-sql"] {
                    let said = place.read("workspace/\(name)-\(file)") ?? ""
                    #expect(said.contains(why) && said.contains(": it sends too much"), "\(said)")
                }
                #expect(place.read("workspace/\(name)-again")?.hasSuffix(" 403\n") == true)
            }
            for name in ["b", "c"] {
                let said = place.read("workspace/\(name)-again-run") ?? ""
                #expect(said.contains("nothing is launched: revoked by"), "\(said)")
                #expect(said.hasSuffix("125\n"), "\(said)")
            }
            #expect(try servers.requests(with: "/v1/again ") == 0)
            // Their statements are stopped in the server as well, which would have gone on for minutes; A's is not.
            #expect(try place.awaits { try sleeping() == 1 })
            // A goes on: on the very connections, and with new ones.
            try place.write("", to: "workspace/go")
            #expect(place.awaits(files: ["a-ws-lives"]))
            #expect(!FileManager.default.fileExists(atPath: place.workspace + "/a-h1.1-ended"))
            #expect(!FileManager.default.fileExists(atPath: place.workspace + "/a-h2-ended"))
            #expect(try place.living().keys.sorted() == ["a", "b", "c", "d"])
            try place.write("", to: "workspace/over")
            _ = running.finish()
            let records = try place.revocations()
            #expect(records.map(\.agent) == [agent])
            #expect(records.map(\.record.agents) == [3] && records.map(\.record.keptRunning) == [true])
            #expect(records.map(\.record.reason) == ["it sends too much"])
            #expect(try place.bailey(["tree"]).output.contains("revoked by user:"))
            #expect(try place.bailey(["audit", "verify"]).code == 0)
        }

        private func first(_ file: String) -> String? {
            place.read("workspace/\(file)")?.split(separator: "\n").first.map(String.init)
        }

        private func user() throws -> String { try place.control("id -un").lines.first ?? "" }

        @Test(
            "G07, G17: without --keep-running the processes of B, C and D are killed, those that left their session and parents too; A's are not"
        )
        func killed() throws {
            try place.write(
                """
                name=$1; shift; [ -z "$1" ] || bailey run -p $1 -- sh ./nest "$@" &
                # Forked twice, in a session of its own, and nobody's child but init's.
                (setsid sh -c 'sleep \(mark) & echo $! > daemon-'$name) > /dev/null
                [ $(sed 's/.*) . //; s/ .*//' /proc/$(cat daemon-$name)/stat) = 1 ] && : > $name-up
                exec sleep \(mark)

                """,
                to: "workspace/nest"
            )
            let running = try place.running("exec sh ./nest a b c d", profile: "a")
            #expect(place.awaits(files: ["a-up", "b-up", "c-up", "d-up"]))
            #expect(HostProcesses.running(with: mark, count: 8).count == 8)
            let agent = try #require(try place.living()["b"])
            let outcome = try revoke([agent])
            #expect(outcome.code == 0 && outcome.output.contains("3 agents cut off and ended"), "\(outcome)")
            #expect(place.awaits { HostProcesses.running(with: mark).count == 2 })
            #expect(try place.awaits { try place.living().keys.sorted() == ["a"] })
            #expect(try revoke([agent]).code == 1)
            running.signal(SIGTERM)
            _ = running.finish()
            #expect(HostProcesses.left(with: mark, within: 60).isEmpty)
            #expect(try place.revocations().count == 1)
            let tree = try place.bailey(["tree"]).output
            #expect(tree.components(separatedBy: "(revoked by user:").count == 4, "\(tree)")
        }

        /// Answers every question with yes until the storm is over, as a user would who looks at none.
        private func approving() throws -> RunningCommand {
            let script = """
                while [ ! -e over ]; do
                    "$0" approvals list --json | python3 -c 'import json, sys
                for line in sys.stdin: print(json.loads(line)["id"])' | while read id; do "$0" approvals approve $id; done
                done > answers 2>&1
                """
            return try RunningCommand(
                place.starter.prefix + ["sh", "-c", script, place.binary],
                environment: place.environment,
                directory: place.workspace
            )
        }

        /// Asks without end: for what is allowed, for what is asked about, for what never ends, and for agents that ask as well.
        private func writeStorm(_ tag: String) throws {
            let curl = "curl -sS -m60 -o /dev/null"
            try place.write("\(curl) \(web)/v1/\(tag); exec sleep 0.$1\n", to: "workspace/leaf")
            try place.write(
                """
                spin() { while :; do "$@" > /dev/null 2>&1; echo >> tried-$1; [ -e over ] && exit; done; }
                connect() { \(curl) \(web)/v1/\(tag); }
                approved() { \(curl) \(web)/asked/\(tag); }
                slow() { curl -sSN -m 600 -o slow-body '\(web)/v1/slow?open-\(tag.dropFirst(6))'; }
                launch() { bailey run -p d -- sh ./leaf $1; }
                for i in 1 2 3; do spin connect & spin launch $i & done
                spin approved & spin approved & spin slow &
                exec sleep \(mark)
                """,
                to: "workspace/storm"
            )
        }

        @Test(
            "G18: a storm of launches, approvals and reconnects during the revocation leaves no survivor: what the servers have seen when the command returns is all",
            arguments: [true, false]
        )
        func storm(keepsRunning: Bool) throws {
            let tag = "storm-\(UUID().uuidString)"
            let open = "open-\(tag.dropFirst(6))"
            try writeStorm(tag)
            let running = try place.running("bailey run -p b -- sh ./storm; exec sleep \(mark)", profile: "a")
            let approving = try approving()
            #expect(
                try place.awaits {
                    try servers.requests(with: "/v1/\(tag)") > 20
                        && servers.requests(with: "/asked/\(tag)") > 2
                }
            )
            #expect(tries("launch") > 0 && place.awaits(files: ["slow-body"]))
            // The log of nginx has a request when it has ended.
            #expect(try servers.requests(with: open) == 0 && tries("slow") == 0)
            let agent = try #require(try place.living()["b"])
            let outcome = try revoke([agent] + (keepsRunning ? ["--keep-running"] : []))
            let seen = try servers.requests(with: tag)
            #expect(outcome.code == 0, "\(outcome)")
            let before = ["connect", "launch", "approved"].map { tries($0) }
            if keepsRunning {
                #expect(
                    place.awaits {
                        tries("connect") > before[0] + 20 && tries("launch") > before[1] + 5
                            && tries("approved") > before[2] + 5 && tries("slow") > 0
                    }
                )
                #expect(try place.awaits { try place.living().keys.sorted() == ["a", "b"] })
                let listed = try place.bailey(["ps"]).lines
                #expect(
                    listed.count == 3 && listed.filter { $0.contains("  revoked  ") }.count == 1,
                    "\(listed)"
                )
            } else {
                #expect(place.awaits { HostProcesses.running(with: mark).count == 1 })
                #expect(try place.awaits { try place.living().keys.sorted() == ["a"] })
            }
            #expect(try place.awaits { try servers.requests(with: open) == 1 }, "what was open has ended")
            #expect(try place.bailey(["approvals", "list", "--json"]).output.isEmpty)
            #expect(try servers.requests(with: tag) == seen && servers.requests(with: open) == 1)
            try place.write("", to: "workspace/over")
            running.signal(SIGTERM)
            _ = running.finish()
            #expect(approving.finish().code == 0)
            #expect(HostProcesses.left(with: mark, within: 60).isEmpty)
            let answers = place.read("workspace/answers") ?? ""
            let (approved, asked) = (
                answers.components(separatedBy: "approved ").count - 1,
                try servers.requests(with: "/asked/\(tag)")
            )
            #expect(approved >= asked && asked > 2, "\(answers)")
            #expect(try place.bailey(["audit", "verify"]).code == 0)
        }

        /// How often something was tried in the storm.
        private func tries(_ what: String) -> Int { place.read("workspace/tried-\(what)")?.utf8.count ?? 0 }

        @Test(
            "A full disk under the store: the agent is revoked all the same, and the command says that it is not on record",
            .enabled(if: Internet.available, "needs root: a small file system of the test's own")
        )
        func fullDisk() throws {
            try place.write("touch ready; exec sleep \(mark)", to: "workspace/waiting")
            let outcome = try place.control(
                """
                unshare -m sh -c '
                    mount -t tmpfs -o size=2m,mode=700 none "$XDG_STATE_HOME" || exit 99
                    "$0" run -p a --profiles "$1" -- sh ./waiting 2> /dev/null & agent=$!
                    for i in $(seq 2000); do [ -e ready ] && break; sleep 0.05; done
                    dd if=/dev/zero of="$XDG_STATE_HOME/fill" bs=4k 2>/dev/null
                    "$0" revoke --json "$("$0" ps --json | sed "s/.*agent\\":\\"//;s/\\".*//")"; echo "exit $?"
                    wait $agent; echo "agent $?"
                    "$0" revoke user:somebody; echo "exit $?"
                ' '\(Binary.path)' '\(place.profiles)'
                """
            )
            #expect(outcome.output.contains("\"recorded\":false"), "\(outcome)")
            #expect(outcome.lines.contains("agent 137"), "\(outcome)")
            #expect(outcome.lines.filter { $0 == "exit 74" }.count == 2, "\(outcome)")
            #expect(outcome.errors.contains("it is revoked, and that is not on record"), "\(outcome)")
            #expect(outcome.errors.contains("later launches are not refused"), "\(outcome)")
            #expect(HostProcesses.left(with: mark, within: 60).isEmpty)
        }
    }
}
