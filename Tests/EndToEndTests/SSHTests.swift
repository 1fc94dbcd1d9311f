import Foundation
import TestSupport
import Testing

extension EndToEnd {
    /// git over SSH, which a `tcp` rule forwards: the real ssh and git in an agent.
    @Suite("Gateway: SSH", .serialized, .enabled(if: SSHServer.available, "needs python3-asyncssh"))
    struct SSHTests {
        let place: Place
        let server: PythonServer

        init() throws {
            place = try Place()
            server = try SSHServer.started()
            try place.write(
                try Servers.started().operatorConfiguration,
                to: place.configuration + "/bailey.yaml"
            )
            for name in ["ssh-client", "ssh-known"] {
                let text = try String(contentsOfFile: "\(server.folder)/\(name)", encoding: .utf8)
                try place.write(text, to: "workspace/\(name)", mode: 0o600)
            }
            let rule = "{to: \"tcp://allowed.test:\(server.port)\", private: true, allow: [connect]}"
            try place.profile("ssh", "extends: [base]\negress: [\(rule)]\n")
            try place.profile(
                "none",
                "extends: [base]\negress: [{to: \"https://allowed.test\", allow: [GET]}]\n"
            )
        }

        private func git(_ script: String, _ more: String = "", profile: String = "ssh") throws -> Outcome {
            try place.agent(
                """
                export GIT_CONFIG_COUNT=2 GIT_CONFIG_KEY_0=user.name GIT_CONFIG_VALUE_0=a GIT_CONFIG_KEY_1=user.email GIT_CONFIG_VALUE_1=a@b
                export GIT_SSH_COMMAND="ssh -F none -i $PWD/ssh-client -o UserKnownHostsFile=$PWD/ssh-known -o BatchMode=yes \(more)"
                url=ssh://git@allowed.test:\(server.port)/app.git
                \(script)
                """,
                profile: profile
            )
        }

        @Test(
            "J02: git over SSH clones and pushes under a tcp rule, captured and by a ProxyCommand of either kind",
            arguments: ["", "-X connect", "-X 5"]
        )
        func clones(proxy: String) throws {
            let mark = "J02-\(UUID().uuidString)"
            let command = "nc \(proxy) -x 127.0.0.1:3128 %h %p"
            let outcome = try git(
                "git clone -q $url one && cd one && echo \(mark) > word && git add word && git commit -qm one "
                    + "&& git push -q $url HEAD:main && git clone -q $url ../two && cat ../two/word",
                proxy.isEmpty ? "" : "-o 'ProxyCommand=\(command)'"
            )
            #expect(outcome.output == mark + "\n", "\(outcome)")
            let records = try place.records().map(\.record.resource)
            #expect(
                records.count == 3 && Set(records) == ["tcp://allowed.test:\(server.port)"],
                "\(records)"
            )
        }

        @Test("J02: without a rule ssh is told at once, and nothing reaches the server")
        func denied() throws {
            let before = try server.lines(with: "connected").count
            let outcome = try git("git clone -q $url one", profile: "none")
            #expect(outcome.code != 0 && outcome.errors.contains("Could not read from remote"), "\(outcome)")
            #expect(try server.lines(with: "connected").count == before)
            #expect(try place.records(["--denied"]).count == 1)
        }
    }
}
