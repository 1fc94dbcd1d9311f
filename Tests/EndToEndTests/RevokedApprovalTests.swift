import Foundation
import TestSupport
import Testing

extension EndToEnd {
    /// What is held when who asked, one above it, or its principal is revoked.
    @Suite(
        "Approvals and revocations",
        .serialized,
        .enabled(
            if: DatabaseServer.isInstalled && WebSocketServers.available,
            "needs postgresql-15, postgresql-client and python3-websockets"
        )
    )
    struct RevokedApprovalTests {
        let place: Place
        let servers: Servers
        let sockets: PythonServer
        let databases: DatabaseServer
        let database: String
        let mark = "mark-\(UInt32.random(in: 0...UInt32.max))"

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
        }

        /// What is asked about.
        enum Kind: Sendable { case request, webSocket, forwarded, statement }
        /// Who is revoked.
        enum Revoked: Sendable { case asker, ancestor, principal }

        /// The rule that asks, and a command that ends with 0 when it was let through.
        private func attempt(_ kind: Kind) -> (rule: String, command: String) {
            let curl = "curl -sSkf -m60 -o /dev/null https://allowed.test:\(servers.tlsPort)/asked/\(mark)"
            switch kind {
            case .request:
                return ("to: \"https://allowed.test:\(servers.tlsPort)\", ask: [\"GET /asked/**\"]", curl)
            case .forwarded: return ("to: \"tls://allowed.test:\(servers.tlsPort)\", ask: [connect]", curl)
            case .webSocket:
                let address = "wss://allowed.test:\(sockets.port)/v1/\(mark)"
                let client = """
                    import asyncio, ssl, websockets
                    async def main():
                        async with websockets.connect("\(address)", ssl=ssl.create_default_context(), open_timeout=60) as peer:
                            await peer.send("there"); await peer.recv()
                    asyncio.run(main())
                    """
                return (
                    "to: \"https://allowed.test:\(sockets.port)\", ask: [\"websocket /v1/**\"]",
                    "python3 -c '\(client)'"
                )
            case .statement:
                return (
                    "to: \"postgres://allowed.test:\(databases.port)/db_*\", credential: db, allow: [select], ask: [insert on public.people]",
                    "psql -XAtc \"INSERT INTO public.people VALUES (91, '\(mark)')\""
                )
            }
        }

        /// How often it was let through, as the server has it.
        private func count(_ kind: Kind) throws -> Int {
            switch kind {
            case .request, .forwarded: return try servers.requests(with: "/asked/\(mark)")
            case .webSocket: return try sockets.lines(with: "open /v1/\(mark) ", count: 1).count
            case .statement:
                let rows = "SELECT count(*) FROM public.people WHERE name = '\(mark)'"
                return Int(try databases.run(rows, in: database).first ?? "") ?? -1
            }
        }

        private func subject(_ revoked: Revoked, of held: HeldLine) throws -> String {
            switch revoked {
            case .asker: return held.agent
            case .ancestor: return try #require(try place.living()["top"])
            case .principal: return held.principal
            }
        }

        @Test(
            "H06: what is held is void when who asks is revoked, an agent above it or its principal: nothing of it leaves, whoever answers, and nothing is asked about any more",
            arguments: [
                (.request, .ancestor), (.request, .principal), (.webSocket, .asker), (.webSocket, .principal),
                (.forwarded, .asker), (.forwarded, .ancestor), (.statement, .asker), (.statement, .ancestor),
            ] as [(Kind, Revoked)]
        )
        func void(kind: Kind, revoked: Revoked) throws {
            let (rule, command) = attempt(kind)
            let rules = "egress: [{\(rule), private: true, approval: {for: once, wait: 60s}}]\n"
            try place.profile("asker", "extends: [base]\n\(rules)")
            try place.profile(
                "top",
                "extends: [base]\n\(rules)children: {profiles: [asker], depth: 1, count: 1}\n"
            )
            try place.write(
                """
                export PGHOST=allowed.test PGPORT=\(databases.port) PGDATABASE=\(database) PGUSER=any PGSSLMODE=verify-full
                attempt() { \(command) > said-$1 2>&1; echo $? > code-$1; }
                attempt 1; attempt 2; until [ -e go ]; do sleep 0.05; done; attempt 3

                """,
                to: "workspace/attempts"
            )
            let running = try place.running(
                "bailey run -p asker -- sh ./attempts",
                profile: "top",
                environment: ["SECRET": DatabaseServer.account.password]
            )
            // What is approved goes on.
            let first = try #require(try place.held(1).first)
            #expect(first.demands.count == 2, "both levels ask: \(first)")
            #expect(try place.bailey(["approvals", "approve", first.id]).code == 0)
            let second = try #require(try place.held(1).first { $0.id != first.id })
            #expect(second.digest == first.digest)
            #expect(place.read("workspace/code-1") == "0\n", "\(place.read("workspace/said-1") ?? "")")
            #expect(try count(kind) == 1)
            let subject = try subject(revoked, of: second)
            let outcome = try place.bailey(["revoke", subject, "--keep-running", "--reason", "enough"])
            #expect(outcome.code == 0, "\(outcome)")
            #expect(try place.bailey(["approvals", "approve", second.id]).code == 1)
            #expect(place.awaits(files: ["code-2"]))
            try place.write("", to: "workspace/go")
            #expect(place.awaits(files: ["code-3"]))
            _ = running.finish()
            for code in ["code-2", "code-3"] {
                let said = place.read("workspace/\(code)") ?? ""
                #expect(!said.isEmpty && said != "0\n", "\(code) \(said)")
            }
            #expect(try count(kind) == 1)
            #expect(try place.approvalEvents() == ["asked", "approved", "asked", "void"])
            #expect(try place.revocations().map(\.record.reason) == ["enough"])
            #expect(try place.bailey(["audit", "verify"]).code == 0)
        }
    }
}
