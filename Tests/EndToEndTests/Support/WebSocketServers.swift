import Foundation

/// A server of WebSockets, Python's `websockets`, over TLS and in the clear; and one that breaks their rules.
enum WebSocketServers {
    static let available = FileManager.default.fileExists(atPath: "/usr/lib/python3/dist-packages/websockets")

    private static let sharedHonest = Result { try PythonServer("websocket", honestProgram, ports: 2) }
    private static let sharedHostile = Result { try PythonServer("hostile-websocket", hostileProgram) }

    /// Over TLS on its first port, in the clear on its second.
    static func honest() throws -> PythonServer { try sharedHonest.get() }
    static func hostile() throws -> PythonServer { try sharedHostile.get() }

    private static let honestProgram = #"""
        import asyncio, hashlib, websockets

        async def pieces(data, kind):
            for octet in data: yield kind([octet]) if kind is bytes else chr(octet)

        async def serve(peer, path):
            fields = peer.request_headers
            auth = fields.get("Authorization", "")
            spoken = peer.transport.get_extra_info("ssl_object")
            log.write("open %s extensions=%s auth=%s alpn=%s\n" % (path, fields.get("Sec-WebSocket-Extensions", "-"), auth,
                      spoken and spoken.selected_alpn_protocol()))
            try:
                if path.startswith("/v1/text"): await peer.send("auth=" + auth)
                elif path.startswith("/v1/pieces"):
                    await peer.send(pieces(("auth=" + auth).encode(), str))
                    await peer.send(pieces(("auth=" + auth).encode(), bytes))
                elif path.startswith("/v1/bye"): return await peer.close(4001, "auth=" + auth)
                elif path.startswith("/v1/large"): await peer.send(b"x" * 5000000)
                async for message in peer:
                    log.write("message %s %s\n" % (path, message[:200]))
                    if isinstance(message, bytes) and len(message) > 1000:
                        await peer.send("%d %s" % (len(message), hashlib.sha256(message).hexdigest()))
                    else:
                        await peer.send(message)
            except websockets.ConnectionClosed:
                pass
            finally:
                log.write("close %s %s %s\n" % (path, peer.close_code, peer.close_reason))

        async def main():
            context.set_alpn_protocols(["h2", "http/1.1"])
            options = dict(max_size=None, subprotocols=["chat"], ping_interval=None)
            async with websockets.serve(serve, "127.0.0.1", ports[0], ssl=context, **options), \
                    websockets.serve(serve, "127.0.0.1", ports[1], **options):
                await asyncio.Future()

        asyncio.run(main())
        """#

    /// The path says what it does wrong.
    private static let hostileProgram = #"""
        import base64, hashlib
        def answer(key, *more, accept=None, head="HTTP/1.1 101 Switching Protocols"):
            digest = hashlib.sha1(key + b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11").digest()
            fields = [head, "Upgrade: websocket", "Connection: Upgrade",
                      "Sec-WebSocket-Accept: " + (accept or base64.b64encode(digest).decode()), *more, "", ""]
            return "\r\n".join(fields).encode()

        def serve(raw):
            try:
                peer = context.wrap_socket(raw, server_side=True)
                data = b""
                while b"\r\n\r\n" not in data:
                    more = peer.recv(65536)
                    if not more: return
                    data += more
                path = data.split(b" ")[1].decode()
                fields = dict(line.lower().split(b": ", 1) for line in data.split(b"\r\n")[1:] if b": " in line)
                key = [line.split(b": ")[1] for line in data.split(b"\r\n") if line.lower().startswith(b"sec-websocket-key")]
                key = key[0] if key else b""
                kind = path.rpartition("/")[2]
                peer.sendall({
                    "fine": lambda: answer(key) + b"\x81\x02hi",
                    "accept": lambda: answer(key, accept="AAAAAAAAAAAAAAAAAAAAAAAAAAA="),
                    "extension": lambda: answer(key, "Sec-WebSocket-Extensions: permessage-deflate"),
                    "protocol": lambda: answer(key, "Sec-WebSocket-Protocol: other"),
                    "unasked": lambda: answer(b"x"),
                    "other": lambda: answer(key).replace(b"Upgrade: websocket", b"Upgrade: h2c"),
                    "mask": lambda: answer(key) + b"\x81\x82\0\0\0\0hi",
                    "bits": lambda: answer(key) + b"\xc1\x02hi",
                    "opcode": lambda: answer(key) + b"\x83\x02hi",
                    "control": lambda: answer(key) + b"\x89\x7e\0\x80" + bytes(128),
                }[kind]())
                data = b""
                while more := peer.recv(65536): data += more
                log.write("%s got %s\n" % (kind, data.hex()))
            except OSError as error:
                pass
        listener = socket.create_server(("127.0.0.1", ports[0]), backlog=64)
        while True:
            threading.Thread(target=serve, args=(listener.accept()[0],), daemon=True).start()
        """#
}
