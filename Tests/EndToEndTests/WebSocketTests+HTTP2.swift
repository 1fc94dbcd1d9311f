import Foundation
import Testing

// WebSockets as streams of HTTP/2 (RFC 8441): Python's h2 as the client, which is what httpx speaks it with.
extension EndToEnd.WebSocketTests {
    private func client(_ body: String) throws -> Outcome {
        let script = #"""
            import h2.config, h2.connection, h2.events, h2.settings, os, socket, ssl
            PORT = \#(honest.port)
            tls = ssl.create_default_context()
            tls.set_alpn_protocols(['h2'])
            peer = tls.wrap_socket(socket.create_connection(('allowed.test', PORT), timeout=30), server_hostname='allowed.test')
            link = h2.connection.H2Connection(h2.config.H2Configuration(header_encoding='utf-8'))
            link.initiate_connection()
            peer.sendall(link.data_to_send())
            seen = []
            def until(wanted):
                # The first event that is wanted, of those that have come and those to come.
                while True:
                    for event in seen:
                        if wanted(event):
                            seen.remove(event)
                            return event
                    data = peer.recv(65536)
                    if not data: return None
                    for event in link.receive_data(data):
                        if isinstance(event, h2.events.DataReceived):
                            link.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
                        seen.append(event)
                    peer.sendall(link.data_to_send())
            until(lambda e: isinstance(e, h2.events.RemoteSettingsChanged))
            def open(path, protocol='websocket'):
                stream = link.get_next_available_stream_id()
                link.send_headers(stream, [(':method', 'CONNECT'), (':protocol', protocol), (':scheme', 'https'),
                    (':authority', 'allowed.test:%d' % PORT), (':path', path), ('sec-websocket-version', '13')])
                peer.sendall(link.data_to_send())
                answer = until(lambda e: getattr(e, 'stream_id', 0) == stream and isinstance(e,
                    (h2.events.ResponseReceived, h2.events.StreamReset)))
                return stream, dict(answer.headers) if isinstance(answer, h2.events.ResponseReceived) else {}
            def frame(first, text):
                key, data = os.urandom(4), text.encode()
                return bytes([first, 0x80 | len(data)]) + key + bytes(b ^ key[i % 4] for i, b in enumerate(data))
            def send(stream, data, **options):
                link.send_data(stream, data, **options)
                peer.sendall(link.data_to_send())
            def data(stream):
                event = until(lambda e: getattr(e, 'stream_id', 0) == stream and isinstance(e,
                    (h2.events.DataReceived, h2.events.StreamEnded, h2.events.StreamReset)))
                if not isinstance(event, h2.events.DataReceived): return type(event).__name__
                return event.data or data(stream)

            """# + body
        try place.write(script, to: "workspace/client2.py")
        return try place.agent("python3 client2.py", profile: "ws")
    }

    @Test("It is a stream of HTTP/2 where the client asks so, beside other streams, and ends as one")
    func stream() throws {
        let outcome = try client(
            """
            print(link.remote_settings.enable_connect_protocol)
            first, head = open('/v1/echo')
            print(head)
            second, _ = open('/v1/echo')
            send(first, frame(0x81, 'one')); print(data(first))
            send(second, frame(0x01, 'tw') + frame(0x80, 'o')); print(data(second))
            send(first, frame(0x89, 'p')); print(data(first))
            send(first, frame(0x88, '')); print(data(first), data(first))
            send(second, b'', end_stream=True); print(data(second))
            """
        )
        #expect(
            outcome.lines.filter { !$0.hasPrefix("{") } == [
                "1", #"b'\x81\x03one'"#, #"b'\x81\x03two'"#, #"b'\x8a\x01p'"#,
                #"b'\x88\x00' StreamEnded"#, "StreamEnded",
            ],
            "\(outcome)"
        )
        #expect(
            outcome.output.contains("':status': '200'") && !outcome.output.contains("accept"),
            "\(outcome)"
        )
        #expect(try place.records().map(\.record.action) == ["websocket /v1/echo", "websocket /v1/echo"])
        // It goes on over HTTP/1.1, also to a server that would take HTTP/2.
        let spoken = try honest.lines(with: "open /v1/echo").suffix(2)
        #expect(spoken.count == 2 && spoken.allSatisfy { $0.hasSuffix("alpn=http/1.1") }, "\(spoken)")
    }

    @Test(
        "C32: a path that no rule allows, and another protocol than websocket, are refused on their stream alone"
    )
    func refusedStreams() throws {
        let outcome = try client(
            """
            stream, head = open('/v2/x'); print(head[':status'], b'no-rule' in data(stream))
            stream, head = open('/v1/x', protocol='connect-udp'); print(head[':status'], b'websocket is' in data(stream))
            stream, head = open('/v1/echo'); print(head[':status'])
            send(stream, frame(0x83, 'x')); print(data(stream)[:4])
            """
        )
        #expect(outcome.lines == ["403 True", "400 True", "200", #"b'\x88\x1f\x03\xea'"#], "\(outcome)")
        #expect(
            try place.records(["--denied"]).map(\.record.reason) == ["no-rule", "malformed", "malformed"]
        )
    }
}
