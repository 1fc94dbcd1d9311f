import Foundation
import TestSupport
import Testing

extension EndToEnd {
    /// Connections as a whole that rules ask about: WebSockets, and what is forwarded as it is.
    @Suite("Approvals of connections", .serialized)
    struct ConnectionApprovalTests {
        let place: Place
        let servers: Servers

        init() throws {
            place = try Place()
            servers = try Servers.started()
            try place.write(servers.operatorConfiguration, to: place.configuration + "/bailey.yaml")
            for (scheme, port) in [("tls", servers.tlsPort), ("tcp", servers.httpPort)] {
                try place.profile(
                    scheme,
                    """
                    extends: [base]
                    egress:
                      - {to: "\(scheme)://allowed.test:\(port)", private: true, ask: [connect], approval: {for: 15m, wait: 60s}}

                    """
                )
            }
        }

        private func approve(_ id: String, _ more: String...) throws {
            let outcome = try place.bailey(["approvals", "approve", id] + more)
            #expect(outcome.code == 0, "\(outcome)")
        }

        @Test(
            "A connection that is forwarded is held before anything is dialled, and goes on when it is approved, once",
            arguments: [("tls", "https"), ("tcp", "http")]
        )
        func forwarded(scheme: String, way: String) throws {
            let port = scheme == "tls" ? servers.tlsPort : servers.httpPort
            let mark = "held-\(UInt32.random(in: 0...UInt32.max))"
            let curl =
                "curl -sSk -m60 -o /dev/null -w '%{http_code}\\n' \(way)://allowed.test:\(port)/\(mark)"
            let running = try place.running("\(curl); \(curl); echo $?", profile: scheme)
            let first = try #require(try place.held(1).first)
            #expect(first.kind == "connect" && first.action == "connect" && first.octets == 0)
            #expect(first.resource == "\(scheme)://allowed.test:\(port)" && first.life == "15m")
            #expect(try servers.requests(with: mark) == 0)
            try approve(first.id)
            let second = try #require(try place.held(1).first { $0.id != first.id })
            #expect(second.digest == first.digest)
            #expect(try place.bailey(["approvals", "deny", second.id]).code == 0)
            let outcome = running.finish()
            #expect(outcome.lines.first == "200" && outcome.lines.last != "0", "\(outcome)")
            #expect(try servers.requests(with: mark) == 1)
            let records = try place.records()
            #expect(records.map(\.verdict) == ["allow", "ask"], "\(records)")
            #expect(records.map(\.record.approval) == [first.id, second.id])
        }

        @Test(
            "An approval for a time is good for further connections to the same place, and a client that went gets none"
        )
        func again() throws {
            let curl = "curl -sSk -o /dev/null -w '%{http_code}\\n' https://allowed.test:\(servers.tlsPort)"
            let running = try place.running(
                """
                \(curl)/early -m1; : > gone; until [ -e go ]; do sleep 0.05; done
                \(curl)/late -m60; \(curl)/late -m60
                """,
                profile: "tls"
            )
            #expect(place.awaits(files: ["gone"]))
            #expect(try place.awaits { try place.held(1).first?.waiting == 0 })
            try approve(try #require(try place.held(1).first).id, "--for", "15m")
            try place.write("", to: "workspace/go")
            let outcome = running.finish()
            #expect(outcome.lines == ["000", "200", "200"], "\(outcome)")
            #expect(try servers.requests(with: "/early") == 0)
            #expect(try place.approvalEvents() == ["asked", "approved"])
        }

        @Test(
            "Who is named by a rule approves a request; who is not does not, and it is still held",
            arguments: [true, false]
        )
        func named(isNamed: Bool) throws {
            let user = "user:" + (try place.control("id -un").lines.first ?? "")
            let origin = "https://allowed.test:\(servers.tlsPort)"
            let mark = "named-\(UInt32.random(in: 0...UInt32.max))"
            try place.profile(
                "named",
                """
                extends: [base]
                egress:
                  - {to: "\(origin)", private: true, ask: [GET],
                     approval: {wait: 60s, by: ["\(isNamed ? user : user + "2")", "user:nobody-here"]}}

                """
            )
            let running = try place.running(
                "curl -sS -m90 -o /dev/null -w '%{http_code}' \(origin)/\(mark)",
                profile: "named"
            )
            let held = try #require(try place.held(1).first)
            let answer = try place.bailey(["approvals", "approve", held.id])
            if isNamed {
                #expect(answer.code == 0, "\(answer)")
                #expect(running.finish().output == "200")
                #expect(try place.approvalEvents() == ["asked", "approved"])
            } else {
                #expect(
                    answer.code == 1 && answer.errors.contains("may not approve it by the rules"),
                    "\(answer)"
                )
                #expect(try place.held(1).map(\.id) == [held.id])
                #expect(try place.bailey(["approvals", "deny", held.id]).code == 0)
                #expect(running.finish().output == "403")
                #expect(try place.approvalEvents() == ["asked", "refused", "denied"])
            }
            #expect(try servers.requests(with: mark) == (isNamed ? 1 : 0))
        }

        @Test(
            "A WebSocket is held at its opening, by its path and fields, and a retry is the same question",
            .enabled(if: WebSocketServers.available, "needs python3-websockets")
        )
        func webSocket() throws {
            let honest = try WebSocketServers.honest()
            try place.profile(
                "asking",
                """
                extends: [base]
                egress:
                  - {to: "https://allowed.test:\(honest.port)", private: true, ask: ["websocket /v1/**"], approval: {for: 15m}}

                """
            )
            try place.write(
                """
                import asyncio, ssl, websockets
                async def main():
                    for path in ["echo", "echo", "echo?x"]:
                        try:
                            async with websockets.connect("wss://allowed.test:\(honest.port)/v1/" + path,
                                    ssl=ssl.create_default_context(), open_timeout=60, close_timeout=2) as peer:
                                await peer.send("there")
                                print(await peer.recv())
                        except Exception as error: print(getattr(error, "status_code", error))
                asyncio.run(main())
                """,
                to: "workspace/client.py"
            )
            let running = try place.running("python3 client.py", profile: "asking")
            let first = try #require(try place.held(1).first)
            #expect(first.kind == "websocket" && first.action == "websocket /v1/echo", "\(first)")
            try approve(first.id, "--for", "15m")
            let other = try #require(try place.held(1).first { $0.id != first.id })
            #expect(other.query == "x" && other.digest != first.digest)
            #expect(try place.bailey(["approvals", "deny", other.id]).code == 0)
            let outcome = running.finish()
            #expect(outcome.lines == ["there", "there", "403"], "\(outcome)")
            #expect(try place.approvalEvents() == ["asked", "approved", "asked", "denied"])
        }
    }
}
