import Foundation
import Testing

extension EndToEnd {
    /// Each request is made outside as well: what that client gets shows that the server really said it.
    @Suite("Masks", .serialized)
    struct MaskTests {
        let place: Place
        let servers: Servers
        let mirror: Mirror
        private let person = "bob@example.org 4111 1111 1111 1111 DE89370400440532013000"
        private let masked = "xxx@xxxxxxx.xxx 9999 9999 9999 9999 XX99999999999999999999"

        init() throws {
            place = try Place()
            servers = try Servers.started()
            mirror = try Mirror.started()
            try place.write(servers.operatorConfiguration, to: place.configuration + "/bailey.yaml")
            let ports = [mirror.port, servers.tlsPort, servers.http2Port]
            func rules(_ more: String) -> String {
                ports.map {
                    "  - {private: true, to: \"https://allowed.test:\($0)\", allow: [\"* /**\"]\(more)}\n"
                }.joined()
            }
            let children = "children: {profiles: [open], depth: 1, count: 4}\n"
            try place.profile("masked", "extends: [base]\n\(children)egress:\n\(rules(", mask: [pii]"))")
            try place.profile("open", "extends: [base]\negress:\n\(rules(""))")
        }

        /// What curl gets of an agent, and outside.
        private func replies(
            _ words: String,
            _ url: String,
            in shell: String = ""
        ) throws -> (agent: String, outside: String) {
            let curl = "curl -sS -m20 \(words) -H 'Authorization: \(person)' '\(url)'"
            let agent = try place.agent(shell.isEmpty ? curl : "\(shell) \(curl)", profile: "masked")
            let port = url.split(separator: ":").last?.prefix { $0.isNumber } ?? ""
            let outside = try place.control(
                curl.replacing(
                    "curl -sS",
                    with:
                        "curl -sS --cacert \(servers.folder)/ca.pem --resolve allowed.test:\(port):127.0.0.1"
                )
            )
            return (agent.output + agent.errors, outside.output)
        }

        private func mirrored(_ path: String) -> String { "https://allowed.test:\(mirror.port)\(path)" }

        @Test(
            "What the rule names is masked in text, JSON, events and single octets; a document keeps its length and form"
        )
        func plain() throws {
            for path in [
                "/echo?enc=plain", "/echo?enc=slash", "/octets", "/events", "/typed?application/json",
            ] {
                let reply = try replies("", mirrored(path))
                #expect(reply.outside.contains(person), "the control: \(reply)")
                #expect(
                    reply.agent
                        == reply.outside.replacing(person, with: masked)
                        .replacing("4111111111111111", with: "9999999999999999"),
                    "\(reply)"
                )
            }
            let json = try replies("", mirrored("/typed?application/json")).agent
            let read = try JSONSerialization.jsonObject(with: Data(json.utf8)) as? [String: Any]
            #expect((read?["n"] as? [Int]) == [1, 9_999_999_999_999_999])
            let notes = try place.records().compactMap(\.record.message).filter {
                $0.contains("masked in the reply")
            }
            #expect(notes.contains("masked in the reply's body: 1 email, 1 iban, 2 payment-card"), "\(notes)")
            #expect(try place.files(holding: "bob@example.org").isEmpty)
        }

        @Test("It is masked behind the escapes of JSON")
        func escaped() throws {
            let reply = try replies("", mirrored("/echo?enc=json"))
            #expect(reply.outside.contains("\\u0062\\u006f\\u0062\\u0040"), "the control: \(reply)")
            #expect(reply.agent.contains("\\u0078\\u0078\\u0078\\u0040"), "\(reply)")
            #expect(
                !reply.agent.contains("\\u0034\\u0031") && reply.agent.count == reply.outside.count,
                "\(reply)"
            )
        }

        @Test("It is masked through gzip, deflate, br, zstd and two codings")
        func compressed() throws {
            for kind in ["gzip", "deflate", "raw", "br", "zstd", "twice"] {
                let url = mirrored("/echo?enc=\(kind)")
                let reply = try replies("-i -H 'Accept-Encoding: gzip, deflate, br, zstd'", url)
                #expect(reply.agent.contains("auth=\(masked); ;"), "\(reply.agent.prefix(600))")
                if kind != "raw" {
                    let control = try replies("--compressed", url)
                    #expect(
                        control.outside.contains("auth=\(person)"),
                        "the control: \(control.outside.prefix(300))"
                    )
                }
            }
        }

        @Test("nginx's replies are masked, over HTTP/1.1 and HTTP/2")
        func realServer() throws {
            for (words, port) in [("--http1.1", servers.tlsPort), ("--http2", servers.http2Port)] {
                let reply = try replies(words, "https://allowed.test:\(port)/x")
                #expect(reply.outside.contains("auth=\(person)"), "the control: \(reply)")
                #expect(reply.agent == reply.outside.replacing(person, with: masked), "\(reply)")
            }
        }

        @Test("What cannot be masked is refused, by name and with what to do")
        func opaque() throws {
            for (type, said) in [
                ("application/zip", "application/zip"), ("text/plain;charset=utf-16", "charset utf-16"),
            ] {
                let reply = try replies("-w '%{http_code}'", mirrored("/typed?\(type)"))
                #expect(reply.outside.contains("bob@"), "the control: \(reply)")
                #expect(reply.agent.contains("502") && reply.agent.contains(said), "\(reply)")
                #expect(reply.agent.contains("rule without mask"), "\(reply)")
                #expect(!reply.agent.contains("bob@"), "\(reply)")
            }
        }

        @Test("UTF-16 without a label is refused as well: nothing could be masked in it")
        func wide() throws {
            for charset in ["utf-16", "utf-16-le", "utf-16-be", "utf-32"] {
                let reply = try replies("-o -", mirrored("/wide?\(charset)"))
                let (agent, outside) = (
                    reply.agent.replacing("\0", with: ""), reply.outside.replacing("\0", with: "")
                )
                #expect(outside.contains(person), "the control: \(outside)")
                #expect(!agent.contains("bob@") && !agent.contains("xxx@"), "\(agent)")
            }
            let messages = try place.records(["--denied"]).compactMap(\.record.message)
            #expect(
                messages.count == 4 && messages.allSatisfy { $0.contains("octets of zero") },
                "\(messages)"
            )
        }

        @Test("A child whose own profile masks nothing has its parent's masks")
        func inherited() throws {
            let reply = try replies("", mirrored("/echo?enc=plain"), in: "bailey run -p open --")
            #expect(reply.agent.contains(masked) && !reply.agent.contains("bob@"), "\(reply)")
            let outcome = try place.agent(
                "curl -sS -m20 -H 'Authorization: \(person)' '\(mirrored("/echo?enc=plain"))'",
                profile: "open"
            )
            #expect(outcome.output.contains(person), "the control: \(outcome)")
        }

        @Test("A download that the client breaks off has what was masked on record")
        func brokenOff() throws {
            // The reply is passed on octet by octet; curl leaves after so many.
            let script =
                "curl -sS -m20 -H 'Authorization: \(person)' '\(mirrored("/octets"))' | head -c 24 >/dev/null; true"
            let outcome = try place.agent(script, profile: "masked")
            #expect(outcome.code == 0, "\(outcome)")
            let notes = try place.records().compactMap(\.record.message).filter {
                $0.contains("masked in the reply")
            }
            #expect(notes.count == 1, "\(notes)")
        }
    }
}
