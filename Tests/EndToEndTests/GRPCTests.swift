import Foundation
import Testing

extension EndToEnd {
    /// grpcio on both sides: its client as an agent, its server outside.
    @Suite("Gateway: gRPC", .serialized, .enabled(if: GRPCServer.available, "needs python3-grpcio"))
    struct GRPCTests {
        let place: Place
        let servers: Servers
        let server: PythonServer
        private let token = "s3cr3t/REAL+51fa7c20b9e1"

        init() throws {
            place = try Place()
            servers = try Servers.started()
            server = try GRPCServer.started()
            try place.write(servers.operatorConfiguration, to: place.configuration + "/bailey.yaml")
            let origin = "https://allowed.test:\(server.port)"
            try place.write(
                "bailey: 1\ncredentials:\n  token: {from: {env: SERVICE_TOKEN}, as: bearer, for: [\"\(origin)\"]}\n",
                to: place.configuration + "/credentials.yaml",
                mode: 0o600
            )
            for (name, more) in [("rpc", ""), ("injected", ", credential: token")] {
                try place.profile(
                    name,
                    """
                    extends: [base]
                    egress:
                      - {to: "\(origin)", private: true, allow: ["POST /pkg.Service/*"],
                        deny: ["* /pkg.Service/Delete"]\(more)}
                      - {to: "https://allowed.test:1", private: true, allow: ["POST"]}

                    """
                )
            }
        }

        @Test(
            "D09: a rule on calls allows its methods of its service as calls alone; a deny and an ask hold for theirs"
        )
        func calledByRule() throws {
            try place.profile(
                "called",
                """
                extends: [base]
                egress:
                  - {to: "https://allowed.test:\(server.port)", private: true, allow: ["grpc pkg.Service/E*", "grpc pkg.Service/Many"],
                    deny: ["grpc pkg.Service/Endless"], ask: ["grpc pkg.Service/Many"], approval: {wait: 1s}}

                """
            )
            let outcome = try client(
                """
                print(call('unary_unary', 'Echo')(b'on', timeout=60).decode())
                print(*failing(lambda: list(call('unary_stream', 'Endless')(b'called', timeout=60))))
                print(*failing(lambda: list(call('unary_stream', 'Many')(b'3', timeout=60))))
                print(*failing(lambda: call('unary_unary', 'Fail')(b'', timeout=60)))
                print(*failing(lambda: channel.unary_unary('/pkg.Service.Other/Echo')(b'', timeout=60)))
                import urllib.request
                try: urllib.request.urlopen('https://allowed.test:\(server.port)/pkg.Service/Echo', b'x', timeout=60)
                except urllib.error.HTTPError as error: print(error)
                """,
                profile: "called"
            )
            #expect(outcome.lines.count == 6 && outcome.lines.first == "echo on 2", "\(outcome)")
            #expect(
                outcome.lines.dropFirst().prefix(4).allSatisfy { $0.hasPrefix("PERMISSION_DENIED ") },
                "\(outcome)"
            )
            #expect(outcome.lines.last?.hasPrefix("HTTP Error 403: Forbidden: ") == true, "\(outcome)")
            #expect(
                try place.records().map(\.record.reason)
                    == [nil, "denied", "approval-unanswered", "no-rule", "no-rule", "no-rule"]
            )
            #expect(try server.lines(with: "called").isEmpty)
        }

        @Test("A call to a channel that is told of no roots trusts the gateway")
        func ownRoots() throws {
            let outcome = try client(
                """
                own = grpc.secure_channel('allowed.test:\(server.port)', grpc.ssl_channel_credentials())
                print(own.unary_unary('/pkg.Service/Echo')(b'own', timeout=60).decode())
                """
            )
            #expect(outcome.lines == ["echo own 3"], "\(outcome)")
        }

        /// A client in the agent: `call(kind, method)` gives what to call.
        private func client(_ body: String, profile: String = "rpc", port: UInt16? = nil) throws -> Outcome {
            let script = """
                import grpc, os, queue, ssl, sys, threading
                roots = open(os.environ['SSL_CERT_FILE'], 'rb').read()
                options = [('grpc.max_receive_message_length', -1), ('grpc.max_send_message_length', -1)]
                channel = grpc.secure_channel('allowed.test:\(port ?? server.port)', grpc.ssl_channel_credentials(roots), options)
                def call(kind, method): return getattr(channel, kind)('/pkg.Service/' + method)
                def failing(future):
                    try: future()
                    except grpc.RpcError as error: return error.code().name, error.details()
                \(body)
                """
            try place.write(script, to: "workspace/client.py")
            return try place.agent(
                "GRPC_DNS_RESOLVER=native python3 client.py",
                profile: profile,
                environment: ["SERVICE_TOKEN": token]
            )
        }

        @Test("D09: unary calls and streams of all kinds, with metadata, trailers, large messages and errors")
        func calls() throws {
            let outcome = try client(
                """
                answer, told = call('unary_unary', 'Echo').with_call(b'hello', timeout=60)
                print(answer.decode(), dict(told.initial_metadata())['initial'], told.code().name,
                    dict(told.trailing_metadata())['data-bin'])
                print(failing(lambda: call('unary_unary', 'Fail')(b'', timeout=60)))
                print(failing(lambda: call('unary_unary', 'Missing')(b'', timeout=60))[0])
                print(len(call('unary_unary', 'Large')(b'20000000', timeout=60)))
                print(call('unary_unary', 'Echo')(b'y' * 20000000, timeout=60)[-8:].decode())
                print(call('stream_unary', 'Count')(iter([b'z' * 100000] * 100), timeout=60).decode())
                print(sum(int(part) for part in call('unary_stream', 'Many')(b'1000', timeout=60)))
                """
            )
            #expect(
                outcome.lines == [
                    "echo hello 5 first OK b'\\x00\\xff'", "('NOT_FOUND', 'nothing é here: 100%')",
                    "UNIMPLEMENTED",
                    "20000000", "20000000", "10000000", "499500",
                ],
                "\(outcome)"
            )
            let records = try place.records()
            #expect(records.first?.record.action == "POST /pkg.Service/Echo")
            #expect(records.allSatisfy { $0.verdict == "allow" })
        }

        @Test("D09: in a stream of both directions each answer comes before the next question is put")
        func pingPong() throws {
            let outcome = try client(
                """
                questions = queue.SimpleQueue()
                answers = call('stream_stream', 'Both')(iter(questions.get, None), timeout=60)
                for word in [b'a', b'b', b'c']:
                    questions.put(word)
                    print(next(answers).decode())
                questions.put(None)
                print(list(answers))
                """
            )
            #expect(outcome.lines == ["re a", "re b", "re c", "[]"], "\(outcome)")
        }

        @Test(
            "D09: a call that is denied ends with PERMISSION_DENIED and the reason; its neighbours are served"
        )
        func denied() throws {
            let outcome = try client(
                """
                print(*failing(lambda: call('unary_unary', 'Delete')(b'x', timeout=60)))
                print(*failing(lambda: list(call('stream_stream', 'Delete')(iter([b'x'] * 3), timeout=60))))
                print(*failing(lambda: channel.unary_unary('/other.Service/Echo')(b'x', timeout=60)))
                print(call('unary_unary', 'Echo')(b'on', timeout=60).decode())
                """
            )
            #expect(outcome.lines.count == 4, "\(outcome)")
            for line in outcome.lines.prefix(3) {
                #expect(line.hasPrefix("PERMISSION_DENIED grpc https://allowed.test"), "\(outcome)")
                #expect(line.contains("ask "), "\(outcome)")
            }
            #expect(outcome.lines.last == "echo on 2")
            #expect(try server.lines(with: "echo x").isEmpty)
            #expect(try place.records(["--denied"]).count == 3)
        }

        @Test("An upstream that is not there is UNAVAILABLE, and says why")
        func unavailable() throws {
            let outcome = try client(
                "print(*failing(lambda: call('unary_unary', 'Echo')(b'x', timeout=60)))",
                port: 1
            )
            #expect(
                outcome.output.hasPrefix("UNAVAILABLE https://allowed.test:1 could not be reached"),
                "\(outcome)"
            )
        }

        @Test("A call that the client gives up, by itself or by its deadline, ends at the server as well")
        func cancelled() throws {
            let outcome = try client(
                """
                stream = call('unary_stream', 'Endless')(b'cancel')
                print(next(stream).decode())
                stream.cancel()
                late = call('unary_stream', 'Endless')(b'deadline', timeout=5)
                print(next(late).decode())
                print(failing(lambda: next(late))[0])
                """
            )
            #expect(outcome.lines == ["begun", "begun", "DEADLINE_EXCEEDED"], "\(outcome)")
            for word in ["cancel", "deadline"] {
                let end = Date(timeIntervalSinceNow: 60)
                while try server.lines(with: "over \(word)").isEmpty, Date() < end {
                    Thread.sleep(forTimeInterval: 0.02)
                }
                #expect(try server.lines(with: "over \(word)").count == 1)
            }
        }

        @Test(
            "What a client compresses is looked into: a token in it is refused, and what holds none comes through"
        )
        func compressed() throws {
            let token = "ghp_16C7e42F292c6912E7710c838347Ae178B4a"
            let body = """
                def echo(text, kind):
                    try: print(call('unary_unary', 'Echo')(text * 20, timeout=60, compression=kind)[:9].decode())
                    except grpc.RpcError as error: print(error.code().name)
                for kind in [grpc.Compression.Gzip, grpc.Compression.Deflate, grpc.Compression.NoCompression]:
                    echo(b'plain ', kind)
                    echo(b'\(token) ', kind)
                print(call('stream_unary', 'Count')(iter([b'z' * 1000] * 5), timeout=60, compression=grpc.Compression.Gzip).decode())
                """
            let outcome = try client(body)
            let pair = ["echo plai", "PERMISSION_DENIED"]
            #expect(outcome.lines == pair + pair + pair + ["5000"], "\(outcome)")
            #expect(try server.lines(with: token).isEmpty)
            #expect(try place.records(["--denied"]).allSatisfy { $0.record.reason == "secret-leaving" })
        }

        @Test(
            "F10: what a server compresses although it was asked not to is undone where it must be searched, up to 4 MiB"
        )
        func coded() throws {
            let body = """
                def coded(count):
                    own = (('authorization', os.environ['OWN']),) if 'OWN' in os.environ else ()
                    try:
                        parts = list(call('unary_stream', 'Coded')(b'%d' % count, timeout=60, metadata=own))
                        return parts[0].decode(), len(parts[1])
                    except grpc.RpcError as error: return error.details()
                print(coded(1000), coded(4194304), coded(4194306))
                """
            func told(_ secret: String, _ sizes: [Int]) -> String {
                let text = String(repeating: "Bearer \(secret) ", count: 20)
                return sizes.map { "('\(text)', \($0))" }.joined(separator: " ")
            }
            let control = try client("os.environ['OWN'] = 'Bearer \(token)'\n" + body)
            #expect(control.output == told(token, [1000, 4_194_304, 4_194_306]) + "\n", "the control")
            let outcome = try client(body, profile: "injected")
            let stars = String(repeating: "*", count: token.count)
            #expect(
                outcome.output.hasPrefix(told(stars, [1000, 4_194_304])),
                "\(outcome.output.suffix(500))"
            )
            #expect(!outcome.output.contains(", 4194306)") && !outcome.output.contains(token))
            #expect(
                try place.records(["--denied"]).map(\.record.message).contains {
                    $0?.contains("compressed message of more than 4194304 octets") == true
                }
            )
        }

        @Test("F09: a credential is masked in a call's messages and in its trailers")
        func reflection() throws {
            let outcome = try client(
                """
                print([part.decode() for part in call('unary_stream', 'Secret')(b'x', timeout=60)])
                answer, told = call('unary_unary', 'Echo').with_call(b'x', timeout=60)
                print(dict(told.trailing_metadata())['auth'])
                """,
                profile: "injected"
            )
            let stars = String(repeating: "*", count: token.count)
            #expect(outcome.lines == ["['Bearer \(stars)']", "Bearer \(stars)"], "\(outcome)")
            #expect(
                try place.records().filter { $0.record.message?.contains("was masked") == true }.count == 2
            )
        }
    }
}
