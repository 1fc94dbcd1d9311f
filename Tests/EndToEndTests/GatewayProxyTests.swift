import Foundation
import Testing

extension EndToEnd {
    @Suite(
        "Gateway: names",
        .serialized,
        .enabled(if: Internet.available, "needs root: a network of the test's own")
    )
    struct GatewayProxyTests {
        let place: Place
        let internet: Internet

        init() throws {
            place = try Place()
            internet = try Internet.started()
        }

        /// What the proxy port answers to bytes, as text.
        private func told(_ bytes: String, then more: String = "") throws -> Attempt {
            try place.write(bytes, to: "workspace/bytes")
            try place.write(more, to: "workspace/more")
            return try place.attempt(
                """
                python3 - <<'END'
                import socket
                peer = socket.create_connection(("127.0.0.1", 3128), timeout=30)
                peer.sendall(open("bytes", "rb").read())
                more = open("more", "rb").read()
                try:
                    if more:
                        print(peer.recv(65536).decode("latin-1"), end="")
                        peer.sendall(more)
                    while data := peer.recv(65536):
                        print(data.decode("latin-1"), end="")
                    print("<closed>")
                except ConnectionResetError:
                    print("<reset>")
                END
                """,
                in: internet
            )
        }

        @Test("C02: a server name other than the CONNECT target's is denied before anything is dialled")
        func serverName() throws {
            let script = { (name: String) in
                "curl -sSk -m30 -x http://127.0.0.1:3128 --connect-to \(name):443:allowed.test:443 https://\(name)/v1/c02"
            }
            let attempt = try place.attempt(script("denied.test"), in: internet)
            #expect(!attempt.output.contains("reached"), "\(attempt)")
            #expect(attempt.sink.isEmpty && attempt.queries.isEmpty, "\(attempt)")
            #expect(attempt.denied.count == 1, "\(attempt)")
            let twin = try place.attempt(script("allowed.test"), in: internet)
            #expect(twin.output.contains("reached allowed.test /v1/c02"), "\(twin)")
        }

        @Test(
            "C18: a name that only looks like the allowed one is another name",
            arguments: [
                "notallowed.test", "allowed.test.denied.test", "allowed-test", "sub.allowed.test",
                "xallowed.test",
                "allowed.tes", "xn--llowed-7fg.test",
            ]
        )
        func lookAlike(name: String) throws {
            let attempt = try place.attempt("curl -sk -m30 https://\(name)/v1/c18", in: internet)
            #expect(attempt.denial?.reason == "no-rule", "\(attempt)")
            #expect(attempt.sink.isEmpty && attempt.queries.isEmpty, "\(attempt)")
        }

        @Test(
            "C21 C23: CONNECT to an address, however it is written, or to the gateway itself is refused",
            arguments: [
                "93.184.216.66:443", "2852039166:443", "0xa9fea9fe:80", "[2606:2800::66]:443",
                "[::ffff:10.9.9.9]:443",
                "127.0.0.1:3128", "127.1:3128", "localhost:3128", "0.0.0.0:3128",
            ]
        )
        func connectToAddress(target: String) throws {
            let attempt = try told(
                "CONNECT \(target) HTTP/1.1\r\nHost: \(target)\r\n\r\n",
                then: "GET /v1/c21 HTTP/1.1\r\nHost: \(target)\r\nConnection: close\r\n\r\n"
            )
            #expect(attempt.sink.isEmpty, "\(attempt)")
            #expect(!attempt.output.contains("reached"), "\(attempt)")
            #expect(!attempt.denied.isEmpty && attempt.denied.count == attempt.records.count, "\(attempt)")
        }

        @Test(
            "C22: what follows CONNECT must be what the rule is for",
            arguments: ["SSH-2.0-test\r\n", "\u{0}\u{1}\u{2}\u{3}"]
        )
        func otherProtocol(bytes: String) throws {
            let attempt = try told(
                "CONNECT allowed.test:443 HTTP/1.1\r\nHost: allowed.test:443\r\n\r\n",
                then: bytes
            )
            #expect(attempt.denied.count == 1, "\(attempt)")
            #expect(attempt.queries.isEmpty, "\(attempt)")
        }

        @Test("A23: neither the 32-bit nor the x32 system calls are there")
        func otherABI() throws {
            let calls = [
                // mov eax, 20 (getpid of i386); int 0x80; ret
                "b8140000 00cd80c3",  // mov eax, 0x40000027 (getpid of x32); syscall; ret
                "b8270000 400f05c3",
            ]
            for code in calls {
                let script = """
                    python3 - <<'END'
                    import ctypes, mmap
                    page = mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)
                    page.write(bytes.fromhex("\(code)"))
                    call = ctypes.CFUNCTYPE(ctypes.c_long)(ctypes.addressof(ctypes.c_char.from_buffer(page)))
                    print("called" if call() > 0 else "refused")
                    END
                    """
                let attempt = try place.attempt(script, in: internet)
                #expect(!attempt.output.contains("called"), "\(attempt)")
            }
            let native = "b8270000 000f05c3"
            let control = try place.attempt(
                """
                python3 - <<'END'
                import ctypes, mmap
                page = mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)
                page.write(bytes.fromhex("\(native)"))
                call = ctypes.CFUNCTYPE(ctypes.c_long)(ctypes.addressof(ctypes.c_char.from_buffer(page)))
                print("called" if call() > 0 else "refused")
                END
                """,
                in: internet
            )
            #expect(control.output == "called\n", "\(control)")
        }
    }
}
