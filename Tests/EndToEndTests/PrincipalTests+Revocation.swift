import Foundation
import Glibc
import TestSupport
import Testing

/// Principals that tokens proved and that are revoked, and what a receipt shows of them.
extension EndToEnd.PrincipalTests {
    /// A run that goes on until `stop` is in the workspace.
    private func lasting(_ name: String, token: String?) throws -> RunningCommand {
        var options: [String] = []
        if let token {
            try place.write(token, to: "token-\(name)", mode: 0o600)
            options = ["--oidc-token-file", "../token-\(name)"]
        }
        let running = try RunningCommand(
            place.launcher + ["--name", name] + options
                + ["--", "sh", "-c", "echo up; until [ -e stop ]; do sleep 0.05; done"],
            environment: place.environment,
            directory: place.workspace
        )
        #expect(running.awaitOutput("up"))
        return running
    }

    @Test(
        "A revoked subject of a token: its run ends, a fresh token launches nothing until it is lifted, and others' go on; a receipt shows all of it"
    )
    func revoked() throws {
        try place.write(
            """
            bailey: 1
            name: asks
            extends: [base]
            egress: [{to: "https://allowed.test:\(servers.tlsPort)", private: true, allow: ["GET /v1/**"]}]

            """,
            to: place.configuration + "/profiles/asks.yaml"
        )
        let get = "curl -sS -m30 -o /dev/null https://allowed.test:\(servers.tlsPort)/v1/proven"
        #expect(try run(get, token: provider.token(), profile: "asks").code == 0)
        let alice = try lasting("hers", token: provider.token())
        let others = [
            try lasting("his", token: provider.token(for: "bailey", "bob")), try lasting("own", token: nil),
        ]
        let outcome = try place.bailey(["revoke", "oidc:idp:alice", "--reason", "left the company"])
        #expect(outcome.code == 0 && outcome.output.contains("revoked oidc:idp:alice: 1 agent"), "\(outcome)")
        let end = alice.finish()
        #expect(end.code == 137 && end.errors.contains("revoked by user:"), "\(end)")
        let refused = try run("echo ran", token: provider.token())
        #expect(refused.code == 125 && refused.output.isEmpty, "\(refused)")
        #expect(refused.errors.contains("nothing is launched: revoked by user:"), "\(refused)")
        #expect(refused.errors.contains("bailey revoke --lift oidc:idp:alice"), "\(refused)")
        // Neither those that run, nor new ones.
        #expect(try place.living().keys.sorted() == ["his", "own"])
        #expect(try run("echo ran", token: provider.token(for: "bailey", "bob")).output == "ran\n")
        #expect(try run("echo ran", token: nil).output == "ran\n")
        try place.write("", to: "workspace/stop")
        for other in others {
            let end = other.finish()
            #expect(end.code == 0, "\(end)")
        }
        let lifted = try place.bailey(["revoke", "--lift", "oidc:idp:alice", "--reason", "is back"])
        #expect(lifted.code == 0, "\(lifted)")
        #expect(try run("echo ran", token: provider.token()).output == "ran\n")

        let receipt = try place.verifiedReceipt()
        #expect(receipt.code == 0, "\(receipt)")
        for text in [
            " oidc:idp:alice, who starts the chain, launches agent ",
            " oidc:idp:bob, who starts the chain, launches agent ",
            " allow GET /v1/proven https://allowed.test:", " revokes oidc:idp:alice: left the company\n",
            " lifts the revocation of oidc:idp:alice: is back\n",
        ] {
            #expect(receipt.output.contains(text), "\(text) is not in \(receipt)")
        }
    }
}
