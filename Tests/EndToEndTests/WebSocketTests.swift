import Foundation
import Testing

extension EndToEnd {
    @Suite(
        "Gateway: WebSocket",
        .serialized,
        .enabled(if: WebSocketServers.available, "needs python3-websockets")
    )
    struct WebSocketTests {
        let place: Place
        let servers: Servers
        let honest: PythonServer
        let hostile: PythonServer
        private let token = "s3cr3t/REAL+51fa7c20b9e1"

        init() throws {
            place = try Place()
            servers = try Servers.started()
            honest = try WebSocketServers.honest()
            hostile = try WebSocketServers.hostile()
            try place.write(servers.operatorConfiguration, to: place.configuration + "/bailey.yaml")
            try place.write(
                """
                bailey: 1
                credentials:
                  token: {from: {env: SERVICE_TOKEN}, as: bearer, for: ["https://allowed.test:\(honest.port)"],
                    placeholder: SERVICE_TOKEN}

                """,
                to: place.configuration + "/credentials.yaml",
                mode: 0o600
            )
            try profile("ws", "websocket /v1/**")
            try profile("injected", "websocket /v1/**", "credential: token")
            try profile("masked", "websocket /v1/**", "mask: [pii]")
        }

        private func profile(_ name: String, _ allow: String, _ more: String = "deny: []") throws {
            try place.profile(
                name,
                """
                extends: [base]
                egress:
                  - {to: "https://allowed.test:\(honest.port)", private: true, allow: ["\(allow)"], \(more)}
                  - {to: "http://allowed.test:\(honest.ports[1])", private: true, allow: ["websocket"]}
                  - {to: "https://allowed.test:\(hostile.port)", private: true, allow: ["websocket", "GET"]}

                """
            )
        }

        private var origin: String { "wss://allowed.test:\(honest.port)" }

        /// A client in the agent: `open(path)` connects; what `main` prints is the outcome's.
        private func client(_ body: String, profile: String = "ws") throws -> Outcome {
            try place.write(script(body), to: "workspace/client.py")
            return try place.agent(
                "python3 client.py",
                profile: profile,
                environment: ["SERVICE_TOKEN": token]
            )
        }

        private func script(_ body: String, roots: String? = nil, fields: String = "") -> String {
            """
            import asyncio, hashlib, os, ssl, websockets
            tls = ssl.create_default_context(\(roots.map { "cafile='\($0)'" } ?? ""))
            def open(path, origin='\(origin)', **options):
                options = dict(ssl=tls if origin.startswith('wss') else None, open_timeout=60, close_timeout=2, ping_interval=None, **options)
                \(fields)
                return websockets.connect(origin + path, **options)
            async def main():
            \(body.split(separator: "\n").map { "    " + $0 }.joined(separator: "\n"))
            asyncio.run(asyncio.wait_for(main(), 120))
            """
        }

        /// The same client outside, with the real credential: the control.
        private func outside(_ body: String) throws -> Outcome {
            let fields =
                "options.update(host='127.0.0.1', extra_headers={'Authorization': 'Bearer ' + os.environ['SERVICE_TOKEN']})"
            try place.write(
                script(body, roots: servers.folder + "/ca.pem", fields: fields),
                to: "workspace/outside.py"
            )
            return try place.control("python3 outside.py", environment: ["SERVICE_TOKEN": token])
        }

        @Test(
            "Text, binary, fragments, pings, large messages, a subprotocol and the close handshake come through"
        )
        func conversation() throws {
            let outcome = try client(
                """
                async def parts():
                    for part in ['a', 'b', 'c']: yield part
                async with open('/v1/echo', subprotocols=['other', 'chat'], max_size=None) as peer:
                    print(peer.subprotocol)
                    for message in ['text', b'binary', 'é', '']:
                        await peer.send(message)
                        print(await peer.recv() == message)
                    await peer.send(parts())
                    print(await peer.recv())
                    await asyncio.wait_for(await peer.ping(b'there?'), 60)
                    large = os.urandom(5000000)
                    await peer.send(large)
                    print(await peer.recv() == '5000000 ' + hashlib.sha256(large).hexdigest())
                    await peer.close(4000, 'done')
                async with open('/v1/large', max_size=None) as peer:
                    print(len(await peer.recv()))
                """
            )
            #expect(
                outcome.lines == ["chat", "True", "True", "True", "True", "abc", "True", "5000000"],
                "\(outcome)"
            )
            #expect(try honest.lines(with: "close /v1/echo 4000 done", count: 1).count == 1)
            #expect(
                try place.records().map(\.record.action) == ["websocket /v1/echo", "websocket /v1/large"]
            )
            #expect(try place.records().allSatisfy { $0.verdict == "allow" })
        }

        @Test("One in the clear comes through as well")
        func clear() throws {
            let outcome = try client(
                """
                async with open('/v1/clear', origin='ws://allowed.test:\(honest.ports[1])') as peer:
                    await peer.send('hello')
                    print(await peer.recv())
                """
            )
            #expect(outcome.lines == ["hello"], "\(outcome)")
        }

        @Test(
            "C32: it takes a rule of its own, whose path is held against it; a deny of the path holds for it as well",
            arguments: [
                ("GET /v1/**", "deny: []"), ("*", "deny: []"), ("websocket /v2/**", "deny: []"),
                ("websocket", "deny: [\"GET /v1/**\"]"), ("websocket", "deny: [\"* /v1/c32\"]"),
                ("websocket", "deny: [\"websocket /v1/*\"]"),
                ("websocket", "ask: [\"* /v1/c32\"], approval: {wait: 1s}"),
            ]
        )
        func denied(allow: String, more: String) throws {
            try profile("other", allow, more)
            let outcome = try client(
                """
                try:
                    async with open('/v1/c32') as peer: print('open')
                except websockets.InvalidStatusCode as error:
                    print(error.status_code)
                """,
                profile: "other"
            )
            #expect(outcome.lines == ["403"], "\(outcome)")
            #expect(try honest.lines(with: "/v1/c32").isEmpty)
            #expect(try place.records().map(\.record.action) == ["websocket /v1/c32"])
            #expect(try place.records(["--denied"]).count == 1)
        }

        @Test("C33: no extension is offered to the server, so that nothing is deflated")
        func extensions() throws {
            let body = """
                async with open('/v1/c33') as peer:
                    await peer.send('x' * 500)
                    print(len(await peer.recv()), [e.name for e in peer.extensions])
                """
            #expect(try client(body).lines == ["500 []"])
            #expect(try outside(body).lines == ["500 ['permessage-deflate']"], "the control")
            let lines = try honest.lines(with: "open /v1/c33")
            #expect(lines.count == 2 && lines.count { $0.contains("extensions=- ") } == 1, "\(lines)")
        }

        @Test(
            "F11: a credential put into the opening is masked in whatever comes back, across fragments of a message"
        )
        func reflection() throws {
            let body = """
                async with open('/v1/text') as peer:
                    print(await peer.recv())
                    await peer.send('next')
                    print(await peer.recv())
                async with open('/v1/pieces') as peer:
                    print(await peer.recv())
                    print((await peer.recv()).decode())
                async with open('/v1/bye') as peer:
                    await peer.wait_closed()
                    print(peer.close_code, peer.close_reason)
                """
            let shown = "auth=Bearer "
            let real = shown + token
            let hidden = shown + String(repeating: "*", count: token.count)
            let lines = { (value: String) in [value, "next", value, value, "4001 \(value)"] }
            #expect(try outside(body).lines == lines(real), "the control")
            let outcome = try client(body, profile: "injected")
            #expect(outcome.lines == lines(hidden), "\(outcome)")
            #expect(try honest.lines(with: "open /v1/pieces").allSatisfy { $0.contains(token) })
            let masked = try place.records().filter { $0.record.message?.contains("was masked") == true }
            #expect(masked.count == 3)
            #expect(try place.files(holding: token).isEmpty)
        }

        @Test(
            "What a rule masks is masked in text messages, in fragments too, and a binary one ends it by name; outside it comes"
        )
        func masks() throws {
            let body = """
                person = '{"mail":"bob@example.org","pan":"4111 1111 1111 1111"}'
                async def parts(text):
                    for octet in text: yield octet
                async with open('/v1/masked', max_size=None) as peer:
                    for message in [person, 'é ' + person, '']:
                        await peer.send(message)
                        print(await peer.recv())
                    await peer.send(parts(person))
                    print(await peer.recv())
                    long = 'x' * 70000 + ' bob@example.org ' + 'é' * 70000
                    await peer.send(long)
                    reply = await peer.recv()
                    print(len(reply) == len(long), reply[70000:70017])
                    await peer.send(b'bob@example.org')
                    try: print((await peer.recv()).decode())
                    except websockets.ConnectionClosed as error: print(error.rcvd.code)
                """
            let person = #"{"mail":"bob@example.org","pan":"4111 1111 1111 1111"}"#
            let masked = #"{"mail":"xxx@xxxxxxx.xxx","pan":"9999 9999 9999 9999"}"#
            #expect(
                try outside(body).lines == [
                    person, "é " + person, person, "True  bob@example.org ", "bob@example.org",
                ],
                "the control"
            )
            let outcome = try client(body, profile: "masked")
            #expect(
                outcome.lines == [masked, "é " + masked, masked, "True  xxx@xxxxxxx.xxx ", "1001"],
                "\(outcome)"
            )
            let records = try place.records()
            #expect(
                records.contains {
                    $0.record.message?.contains("masked in the reply's body: 4 email, 3 payment-card") == true
                },
                "\(records)"
            )
            let denied = try place.records(["--denied"])
            #expect(denied.map(\.record.reason) == ["upstream-failed"], "\(denied)")
            #expect(
                denied.first?.record.message?.contains("a binary message, which cannot be masked") == true
            )
            #expect(try place.files(holding: "bob@example.org", below: "state").isEmpty)
        }

        @Test(
            "F05: a placeholder in a message, in one frame or in two, closes it before the server has all of it"
        )
        func placeholder() throws {
            for parts in ["[ph]", "[ph[:5], ph[5:]]"] {
                let outcome = try client(
                    """
                    ph = os.environ['SERVICE_TOKEN']
                    async def parts():
                        for part in \(parts): yield part
                    async with open('/v1/f05') as peer:
                        await peer.send('fine')
                        print(await peer.recv())
                        try:
                            await peer.send(parts())
                            print(await peer.recv())
                        except websockets.ConnectionClosed as error:
                            print(error.rcvd.code)
                    """,
                    profile: "injected"
                )
                #expect(outcome.lines == ["fine", "1008"], "\(outcome)")
            }
            #expect(
                try honest.lines(with: "message /v1/f05") == ["message /v1/f05 fine", "message /v1/f05 fine"]
            )
            #expect(try honest.lines(with: "close /v1/f05 1001", count: 2).count == 2)
            let reasons = try place.records(["--denied"]).map(\.record.reason)
            #expect(reasons == ["placeholder-misused", "placeholder-misused"])
        }

        @Test(
            "A client that breaks the protocol is told 1002, the server that it goes away; another is served meanwhile",
            arguments: [
                "81026869", "c1820000000068690a", "8382000000006869",
                "89fe008000000000" + String(repeating: "00", count: 128),
                "808200000000" + "6869",
            ]
        )
        func violations(frame: String) throws {
            let outcome = try client(
                """
                async with open('/v1/other') as other, open('/v1/violation') as peer:
                    peer.transport.write(bytes.fromhex('\(frame)'))
                    try: print(await peer.recv())
                    except websockets.ConnectionClosed as error: print(error.rcvd.code)
                    await other.send('served')
                    print(await other.recv())
                """
            )
            #expect(outcome.lines == ["1002", "served"], "\(outcome)")
            #expect(try !honest.lines(with: "close /v1/violation 1001", count: 1).isEmpty)
            let denied = try place.records(["--denied"])
            #expect(denied.map(\.record.reason) == ["malformed"])
            #expect(denied.first?.record.message?.contains("the WebSocket was closed") == true)
        }

        @Test(
            "C39: a server's consent that is none, or not to what was asked, is a 502",
            arguments: ["accept", "extension", "protocol", "other"]
        )
        func consent(kind: String) throws {
            let outcome = try client(
                """
                try:
                    async with open('/v1/\(kind)', origin='wss://allowed.test:\(hostile.port)') as peer: print('open')
                except websockets.InvalidStatusCode as error:
                    print(error.status_code)
                async with open('/v1/fine', origin='wss://allowed.test:\(hostile.port)') as peer:
                    print(await peer.recv())
                """
            )
            #expect(outcome.lines == ["502", "hi"], "\(outcome)")
            #expect(try place.records(["--denied"]).map(\.record.reason) == ["upstream-failed"])
        }

        @Test(
            "A server that breaks the protocol is told 1002, the client that it goes away",
            arguments: ["mask", "bits", "opcode", "control"]
        )
        func hostileServer(kind: String) throws {
            let outcome = try client(
                """
                async with open('/v1/\(kind)', origin='wss://allowed.test:\(hostile.port)') as peer:
                    try: print(await peer.recv())
                    except websockets.ConnectionClosed as error: print(error.rcvd.code)
                """
            )
            #expect(outcome.lines == ["1001"], "\(outcome)")
            #expect(try place.records(["--denied"]).map(\.record.reason) == ["malformed"])
        }

        @Test("C39: a change of protocols that nobody asked for is a 502")
        func unasked() throws {
            let outcome = try place.agent(
                "curl -sS -m30 -o /dev/null -w '%{http_code}' https://allowed.test:\(hostile.port)/v1/unasked",
                profile: "ws"
            )
            #expect(outcome.output == "502", "\(outcome)")
        }
    }
}
