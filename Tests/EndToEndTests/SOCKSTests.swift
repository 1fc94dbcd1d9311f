import Foundation
import Testing

extension EndToEnd {
    @Suite(
        "Gateway: SOCKS",
        .serialized,
        .enabled(if: Internet.available, "needs root: a network of the test's own")
    )
    struct SOCKSTests {
        let place: Place
        let internet: Internet

        init() throws {
            place = try Place()
            internet = try Internet.started()
        }

        private static let proxy = "127.0.0.1:3128"

        @Test(
            "curl reaches what is allowed by name and by an address it looked up itself, over TLS and in the clear",
            arguments: ["--socks5-hostname", "--socks5"]
        )
        func served(option: String) throws {
            let attempt = try place.attempt(
                """
                curl -sS -m30 \(option) \(Self.proxy) https://allowed.test/v1/socks
                curl -sS -m30 \(option) \(Self.proxy) http://allowed.test/socks
                """,
                in: internet
            )
            #expect(attempt.output.contains("reached allowed.test /v1/socks"), "\(attempt)")
            #expect(attempt.output.contains("reached allowed.test /socks"), "\(attempt)")
            #expect(attempt.records.map(\.record.action) == ["GET /v1/socks", "GET /socks"], "\(attempt)")
        }

        @Test(
            "ALL_PROXY=socks5h://… is enough for curl and wget's like; a request inside is decided as any other"
        )
        func environment() throws {
            let attempt = try place.attempt(
                "export ALL_PROXY=socks5h://\(Self.proxy); curl -sS -m30 https://allowed.test/v1/a; curl -sS -m30 https://allowed.test/v2/b",
                in: internet
            )
            #expect(attempt.output.contains("reached allowed.test /v1/a"), "\(attempt)")
            #expect(attempt.denial?.reason == "no-rule", "\(attempt)")
            #expect(attempt.denied.map(\.record.action) == ["GET /v2/b"], "\(attempt)")
        }

        @Test(
            "A place that no rule speaks of is refused with reply 2, before anything is looked up or dialled",
            arguments: ["--socks5-hostname", "--socks5"]
        )
        func denied(option: String) throws {
            let attempt = try place.attempt(
                "curl -sS -m30 \(option) \(Self.proxy) https://denied.test/ 2>&1; echo $?",
                in: internet
            )
            #expect(attempt.output.contains("(2)") && attempt.output.hasSuffix("97\n"), "\(attempt)")
            #expect(attempt.sink.isEmpty && attempt.queries.isEmpty, "\(attempt)")
            #expect(attempt.denied.map(\.record.resource) == ["tcp://denied.test:443"], "\(attempt)")
            #expect(attempt.denied.map(\.record.reason) == ["no-rule"], "\(attempt)")
            let control = try place.unconfined("curl -sS -k -m30 https://denied.test/", in: internet)
            #expect(!control.sink.isEmpty, "the control: \(control)")
        }

        @Test(
            "C17 C21: what names no host, asks for another command or insists on a password gets its reply, and a record",
            arguments: [
                ("050100", "0501000319" + hex("denied.test\0allowed.test.") + "01bb", "05000501"),
                ("050100", "0501000305" + hex("a b.c") + "0050", "05000501"),
                ("050100", "05010001" + "7f000001" + "0050", "05000502"),
                ("050100", "05020001" + "5db8d822" + "0050", "05000507"),
                ("050100", "05030001" + "5db8d822" + "0050", "05000507"),
                ("050100", "05010002" + "5db8d822" + "0050", "05000508"), ("050102", "", "05ff"),
            ]
        )
        func refused(greeting: String, request: String, reply: String) throws {
            let attempt = try place.attempt(
                """
                python3 - <<'END'
                import socket
                peer = socket.create_connection(("127.0.0.1", 3128), timeout=30)
                peer.sendall(bytes.fromhex("\(greeting)\(request)"))
                got = b""
                while data := peer.recv(100): got += data
                print(got.hex())
                END
                """,
                in: internet
            )
            #expect(attempt.output.hasPrefix(reply), "\(attempt)")
            #expect(attempt.sink.isEmpty && attempt.denied.count == 1, "\(attempt)")
        }

        private static func hex(_ text: String) -> String {
            text.utf8.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
        }

        @Test("C01: another server name, and another host in the request, are refused within as everywhere")
        func fronting() throws {
            let attempt = try place.attempt(
                """
                curl -sSk -m30 --socks5-hostname \(Self.proxy) --connect-to denied.test:443:allowed.test:443 https://denied.test/v1/x
                curl -sS -m30 --socks5-hostname \(Self.proxy) -H 'Host: denied.test' https://allowed.test/v1/x
                """,
                in: internet
            )
            #expect(!attempt.output.contains("reached"), "\(attempt)")
            #expect(attempt.sink.isEmpty && attempt.denied.count == 2, "\(attempt)")
        }
    }
}
