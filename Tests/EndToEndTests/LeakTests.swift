import Foundation
import Testing

extension EndToEnd {
    /// What must not leave, with clients and servers as they are; each request reaches the server from outside.
    @Suite("Leaks", .serialized)
    struct LeakTests {
        let place: Place
        let servers: Servers
        private let token = "ghp_16C7e42F292c6912E7710c838347Ae178B4a"

        init() throws {
            place = try Place()
            servers = try Servers.started()
            try place.write(servers.operatorConfiguration, to: place.configuration + "/bailey.yaml")
            func rules(_ more: String) -> String {
                "egress:\n"
                    + [servers.tlsPort, servers.http2Port].map {
                        "  - {private: true, to: \"https://allowed.test:\($0)\", allow: [\"* /**\"]\(more)}\n"
                    }.joined()
            }
            let children = "children: {profiles: [\"*\"], depth: 1, count: 4}\n"
            try place.profile("closed", "extends: [base]\n\(children)\(rules(""))")
            try place.profile("sending", "extends: [base]\n\(children)\(rules(", send: [token]"))")
        }

        private func curl(_ words: String, _ port: UInt16, _ path: String) -> String {
            "curl -sS -m20 -w ' %{http_code}' \(words) 'https://allowed.test:\(port)/v1/read\(path)'"
        }

        /// How often a request for this path has come whole: nginx sends it on to itself once it has all of the body.
        private func served(_ path: String) throws -> Int { try servers.requests(with: " \(path) HTTP/1.0") }

        /// The same of one that comes whole: nginx logs it once it has answered.
        private func isServed(_ path: String) throws -> Bool {
            for _ in 0..<3_000 {
                if try served(path) == 1 { return true }
                Thread.sleep(forTimeInterval: 0.02)
            }
            return false
        }

        @Test("A token in URL, field or body is refused over both HTTPs, recorded by place and not by value")
        func refused() throws {
            try place.write("x=\(token)&y=1", to: "workspace/form")
            var number = 0
            for port in [servers.tlsPort, servers.http2Port] {
                for (words, query) in [
                    ("", "?t=\(token)"), ("-H 'Authorization: Bearer \(token)'", ""), ("-u me:\(token)", ""),
                    ("-d @form", ""), ("-T form -H 'Transfer-Encoding: chunked'", ""),
                ] {
                    number += 1
                    let path = "/leak/\(port)/\(number)"
                    let request = curl(words, port, path + query)
                    let agent = try place.agent(request, profile: "closed")
                    #expect(agent.output.hasSuffix(" 403") || agent.errors.contains("curl: ("), "\(agent)")
                    let denial = Denial.first(in: agent.output)
                    #expect(
                        denial?.reason == "secret-leaving" && denial?.rule?.contains("closed.yaml") == true,
                        "\(agent)"
                    )
                    #expect(denial?.remedy.contains("send: [token]") == true, "\(agent)")
                    #expect(try served("\(path)\(query)") == 0, "\(words)")
                    let control = try place.control(
                        request.replacing(
                            "curl -sS",
                            with:
                                "curl -sS --cacert \(servers.folder)/ca.pem --resolve allowed.test:\(port):127.0.0.1"
                        )
                    )
                    #expect(control.output.hasSuffix(" 200"), "the control: \(control)")
                    #expect(try isServed("\(path)\(query)"), "the control: \(words)")
                }
            }
            let denied = try place.records(["--denied"])
            #expect(
                denied.count == number && denied.allSatisfy { $0.record.reason == "secret-leaving" },
                "\(denied)"
            )
            #expect(try place.files(holding: String(token.dropFirst(4)), below: "state").isEmpty)
        }

        @Test("A rule that names tokens lets them out; a child may only where its parent may")
        func named() throws {
            let request = curl("-H 'Authorization: Bearer \(token)'", servers.tlsPort, "/named")
            let sent = try place.agent(request, profile: "sending")
            #expect(sent.output.hasSuffix(" 200"), "\(sent)")
            let child = try place.agent("bailey run -p closed -- \(request)", profile: "sending")
            #expect(child.output.hasSuffix(" 403"), "\(child)")
            let wider = try place.agent("bailey run -p sending -- \(request)", profile: "closed")
            #expect(wider.code == 125 && wider.errors.contains("wider"), "\(wider)")
        }

        @Test("An upload of 8 MiB with a token at its end never becomes a whole request")
        func largeUpload() throws {
            let path = "/leak/large"
            let script = "{ head -c 8388608 /dev/zero | tr '\\0' a; printf ' \(token)'; } > big; "
            let request = curl("-T big", servers.tlsPort, path)
            let agent = try place.agent(script + request, profile: "closed")
            #expect(agent.output.hasSuffix(" 403") || agent.errors.contains("curl: ("), "\(agent)")
            #expect(try place.records(["--denied"]).map(\.record.reason) == ["secret-leaving"])
            #expect(try served(path) == 0)
        }
    }
}
