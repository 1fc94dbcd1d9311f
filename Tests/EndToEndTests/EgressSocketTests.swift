import Foundation
import Testing

extension EndToEnd {
    @Suite(
        "Egress without TCP",
        .serialized,
        .enabled(if: Internet.available, "needs root: a network of the test's own")
    )
    struct EgressSocketTests {
        let place: Place
        let internet: Internet

        init() throws {
            place = try Place()
            internet = try Internet.started()
        }

        private func python(_ text: String) -> String { "python3 - <<'END'\nimport socket\n\(text)\nEND\n" }

        /// What a Python statement did, by the name of its error.
        private func tried(_ statements: [String]) -> String {
            python(
                "import errno\n"
                    + statements.map {
                        "try:\n    \($0)\n    print('done')\nexcept OSError as error:\n    print(errno.errorcode[error.errno])"
                    }.joined(separator: "\n")
            )
        }

        @Test("A14 A15: a datagram to any port but 53 is refused at once", arguments: [9999, 443])
        func datagrams(port: Int) throws {
            let script = python(
                """
                peer = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
                peer.settimeout(30)
                peer.connect(("93.184.216.66", \(port)))
                peer.send(b"hello")
                try:
                    print(peer.recv(16))
                except TimeoutError:
                    print("sent")
                except ConnectionRefusedError:
                    print("refused")
                """
            )
            // Outside nobody answers.
            let control = script.replacing("settimeout(30)", with: "settimeout(1)")
            #expect(try place.unconfined(control, in: internet).sink == ["datagram to 93.184.216.66 \(port)"])
            let attempt = try place.attempt(script, in: internet)
            #expect(attempt.sink.isEmpty, "\(attempt)")
            #expect(attempt.output == "refused\n", "\(attempt)")
            #expect(attempt.records.map(\.record.resource) == ["udp://93.184.216.66:\(port)"], "\(attempt)")
            #expect(attempt.records.map(\.verdict) == ["deny"])
        }

        @Test("A16 A17: no ICMP, raw or packet socket can be made")
        func rawSockets() throws {
            let script = tried([
                "socket.socket(socket.AF_INET, socket.SOCK_RAW, 1)",
                "socket.socket(socket.AF_INET6, socket.SOCK_RAW, 58)",
                "socket.socket(17, socket.SOCK_RAW, 768)",
                "socket.socket(17, socket.SOCK_DGRAM, 768)",
            ])
            #expect(try place.unconfined(script, in: internet).output == "done\ndone\ndone\ndone\n")
            let lines = try place.attempt(script, in: internet).output.split(separator: "\n")
            #expect(lines.count == 4)
            #expect(
                lines.allSatisfy { ["EPERM", "EACCES", "EAFNOSUPPORT", "EPROTONOSUPPORT"].contains($0) },
                "\(lines)"
            )
            let ping = try place.attempt(
                tried(["socket.socket(socket.AF_INET, socket.SOCK_DGRAM, 1)"]) + "ping -c1 -W2 93.184.216.66",
                in: internet
            )
            #expect(!ping.output.contains("done"), "\(ping)")
            #expect(ping.outcome.code != 0)
        }

        @Test(
            "A18: no transport but TCP and UDP can be opened",
            arguments: [("STREAM", 132), ("DGRAM", 136)]
        )
        func otherTransports(kind: String, number: Int) throws {
            let script = tried(["socket.socket(socket.AF_INET, socket.SOCK_\(kind), \(number))"])
            let attempt = try place.attempt(script, in: internet)
            #expect(attempt.output.hasPrefix("E"), "\(attempt)")
            let twin = try place.attempt(
                tried(["socket.socket(socket.AF_INET, socket.SOCK_STREAM, 6)"]),
                in: internet
            )
            #expect(twin.output == "done\n", "\(twin)")
        }

        @Test("A19: MPTCP is caught like TCP, or cannot be opened")
        func multipath() throws {
            let script = { (host: String) in
                tried([
                    "peer = socket.socket(socket.AF_INET, socket.SOCK_STREAM, 262)",
                    "peer.connect((\"\(host)\", 80))",
                    "peer.sendall(b\"GET /a19 HTTP/1.1\\r\\nHost: \(host)\\r\\nConnection: close\\r\\n\\r\\n\")",
                    "print(peer.makefile().read())",
                ])
            }
            let attempt = try place.attempt("(\(script("denied.test"))) 2>/dev/null\ntrue", in: internet)
            #expect(attempt.sink.isEmpty, "\(attempt)")
            #expect(attempt.denied.count == 1 || attempt.output.hasPrefix("E"), "\(attempt)")
            let control = try place.unconfined(
                "timeout 60 \(script("denied.test").replacing("262", with: "6"))",
                in: internet
            )
            #expect(control.sink.contains { $0.contains("bytes to 93.184.216.66 80") }, "\(control)")
        }

        @Test(
            "A21: no socket family but IPv4, IPv6, UNIX and route netlink can be opened",
            arguments: [
                "(38, 5, 0)", "(16, 3, 4)", "(16, 3, 12)", "(31, 3, 1)", "(29, 3, 1)", "(30, 5, 0)",
                "(44, 3, 0)",
                "(40, 1, 0)", "(15, 3, 2)", "(21, 5, 0)", "(9, 5, 0)",
            ]
        )
        func families(arguments: String) throws {
            let attempt = try place.attempt(tried(["socket.socket\(arguments)"]), in: internet)
            #expect(attempt.output.hasPrefix("E"), "\(attempt)")
        }

        @Test("A21: the families that programs need do open")
        func usualFamilies() throws {
            let script = tried(
                ["(2, 1, 0)", "(10, 1, 0)", "(1, 1, 0)", "(16, 3, 0)"].map { "socket.socket\($0)" }
            )
            #expect(try place.attempt(script, in: internet).output == "done\ndone\ndone\ndone\n")
        }

        @Test("A22: io_uring cannot stand in for system calls")
        func ring() throws {
            let script = python(
                """
                import ctypes, errno
                libc = ctypes.CDLL(None, use_errno=True)
                print(libc.syscall(425, 0, None), errno.errorcode[ctypes.get_errno()])
                """
            )
            let attempt = try place.attempt(script, in: internet)
            #expect(attempt.output == "-1 EPERM\n" || attempt.output == "-1 ENOSYS\n", "\(attempt)")
            let control = try place.unconfined(script, in: internet)
            #expect(control.output == "-1 EINVAL\n" || control.output == "-1 EFAULT\n", "\(control)")
        }

        @Test("A24: a network namespace of its own is not to be had, or leads nowhere")
        func ownNamespace() throws {
            let script = "unshare -Urn sh -c 'ip link set lo up; curl -sk -m30 https://allowed.test/v1/a24'"
            let attempt = try place.attempt(script, in: internet)
            #expect(attempt.outcome.code != 0, "\(attempt)")
            #expect(attempt.sink.isEmpty)
            #expect(try internet.requests(with: "a24") == 0)
            #expect(
                try place.attempt("curl -sS -m30 https://allowed.test/v1/b24", in: internet).outcome.code == 0
            )
        }

        @Test("A25: no namespace of another process can be entered")
        func otherNamespace() throws {
            let attempt = try place.attempt(
                "nsenter -t 1 -n true; echo $?; nsenter -t $PPID -n true; echo $?; nsenter -U -t 1 true; echo $?",
                in: internet
            )
            #expect(attempt.output == "1\n1\n1\n", "\(attempt)")
            #expect(
                try place.unconfined(
                    "sleep 5 >/dev/null 2>&1 & nsenter -t $! -n true && kill $!",
                    in: internet
                ).outcome.code == 0
            )
        }

        @Test("A26: the capture's rules cannot be removed, and hold afterwards")
        func removeRules() throws {
            let attempt = try place.attempt(
                """
                nft flush ruleset; echo $?; ip route del local 0.0.0.0/0 dev lo table local; echo $?
                ip -6 route flush table all; ip link set lo down; echo $?; ip addr add 10.0.0.1/8 dev lo; echo $?
                curl -sk -m30 https://93.184.216.66/
                """,
                in: internet
            )
            #expect(!attempt.output.split(separator: "\n").prefix(4).contains("0"), "\(attempt)")
            #expect(attempt.denial?.reason == "no-rule", "\(attempt)")
            #expect(attempt.sink.isEmpty)
            #expect(try place.unconfined("nft list ruleset", in: internet).outcome.code == 0)
        }

        @Test("A27: a set-user-id program gains nothing")
        func setUserID() throws {
            let outside = try place.unconfined(
                "cp /usr/bin/id /usr/bin/env . && chmod 4755 id && chmod 755 .. && setpriv --reuid 65534 ./id -u",
                in: internet
            )
            #expect(outside.output == "0\n", "\(outside)")
            let attempt = try place.attempt("./id -u; id -u", in: internet)
            let lines = attempt.output.split(separator: "\n")
            #expect(lines.count == 2 && lines[0] == lines[1] && lines[0] != "0", "\(attempt)")
        }

        @Test("A28: no engine's socket is there to start a container with")
        func engineSockets() throws {
            let script = "ls -A /run /var/run | grep -c ."
            #expect(try place.unconfined(script, in: internet).output != "0\n")
            let attempt = try place.attempt("ls -A /run; ls -A /var/run/", in: internet)
            #expect(attempt.output.isEmpty, "\(attempt)")
        }
    }
}
