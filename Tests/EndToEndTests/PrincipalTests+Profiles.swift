import Foundation
import Glibc
import TestSupport
import Testing

/// What profiles demand of principals, and what becomes of a run whose token is over.
extension EndToEnd.PrincipalTests {
    private var origin: String { "https://allowed.test:\(servers.tlsPort)" }

    private func profile(_ name: String, _ text: String) throws {
        try place.write(
            "bailey: 1\nname: \(name)\nextends: [base]\n\(text)",
            to: place.configuration + "/profiles/\(name).yaml"
        )
    }

    private func rule(_ path: String, _ more: String = "") -> String {
        "  - {to: \"\(origin)\", private: true, allow: [\"GET \(path)\"]\(more)}\n"
    }

    @Test("A rule with for: applies to principals of its claims alone, for a child as well")
    func rules() throws {
        let rules =
            "egress:\n" + rule("/all")
            + rule("/payments", ", for: {groups: [payments], claims: {ref: [main]}}")
        try profile("shared", rules + "children: {profiles: [tool], depth: 1, count: 1}\n")
        try profile("tool", rules)
        let get =
            "for path in all payments; do curl -s -m20 -o /dev/null -w '%{http_code}\\n' \(origin)/$path; done"
        let script =
            "\(get); bailey run -p tool -- sh -c \"\(get.replacing("\"", with: "\\\"").replacing("$", with: "\\$"))\""
        let paid = try run(script, token: provider.token(), profile: "shared")
        #expect(paid.output == "200\n200\n200\n200\n", "\(paid)")
        let others = [
            try provider.token(claims: #"{"groups": ["other"], "ref": "main"}"#),
            try provider.token(claims: #"{"groups": ["payments"], "ref": "dev"}"#), nil,
        ]
        for token in others {
            let outcome = try run(script, token: token, profile: "shared")
            #expect(outcome.output == "200\n403\n200\n403\n", "\(outcome)")
        }
        // Whom it is for the operator reads, and the agent does not.
        let heard = try run("curl -s -m20 \(origin)/payments", token: others[0], profile: "shared")
        #expect(heard.output.contains("for others alone") && !heard.output.contains("[payments]"), "\(heard)")
        let records = try place.bailey(["audit", "--denied", "--json"]).output
        #expect(records.contains("for others alone: for: groups [payments]"), "\(records)")
    }

    @Test("A child's rule is measured by what its parent's rules allow this principal")
    func excess() throws {
        let limited = rule("/x", ", for: {groups: [payments]}")
        try profile("narrow", "egress:\n\(limited)children: {profiles: [plain], depth: 1, count: 1}\n")
        try profile("plain", "egress:\n" + rule("/x"))
        let script = "bailey run -p plain -- true; echo $?"
        #expect(try run(script, token: provider.token(), profile: "narrow").output == "0\n")
        let other = try provider.token(claims: #"{"groups": []}"#)
        let outcome = try run(script, token: other, profile: "narrow")
        #expect(outcome.output == "125\n" && outcome.errors.contains("wider"), "\(outcome)")
    }

    @Test("principals: of a profile says who may launch it, and an agent does not hear whom")
    func demands() throws {
        try profile(
            "deploy",
            "principals: {issuers: [idp], subjects: [\"oidc:idp:repo:acme/*\"], claims: {ref: [main]}}\n"
        )
        try profile("parent", "children: {profiles: [deploy], depth: 1, count: 1}\n")
        let acme = try provider.token(for: "bailey", "repo:acme/app")
        #expect(try run("echo ran", token: acme, profile: "deploy").output == "ran\n")
        let others = [
            try provider.token(for: "bailey", "repo:evil/app"),
            try provider.token(for: "bailey", "repo:acme/app", claims: #"{"ref": "dev"}"#), nil,
        ]
        for token in others {
            let outcome = try run("echo ran", token: token, profile: "deploy")
            #expect(outcome.code == 125 && outcome.output.isEmpty, "\(outcome)")
            #expect(outcome.errors.contains("profile 'deploy' is not for"), "\(outcome)")
            #expect(
                outcome.errors.contains("deploy.yaml:4) demands subjects [oidc:idp:repo:acme/*]"),
                "\(outcome)"
            )
            let child = try run("bailey run -p deploy -- echo ran", token: token, profile: "parent")
            #expect(child.code == 125 && child.errors.contains("is not for"), "\(child)")
            #expect(!child.errors.contains("acme/*"), "\(child)")
        }
        let refused = try launches().filter { $0.kind == "spawn-refused" }
        #expect(refused.last?.record.reason?.contains("is not for user:") == true, "\(refused)")
    }

    /// A run under a profile that says what becomes of it, with a token that is over soon.
    private func expiring(
        _ word: String,
        _ script: String,
        seconds: Int = 15,
        of subject: String = "alice"
    ) throws -> RunningCommand {
        try profile(
            "soon",
            "principals: {on-expiry: \(word)}\negress:\n\(rule("/**"))children: {profiles: [leaf], depth: 1, count: 4}\n"
        )
        try place.write(provider.token(for: "bailey", subject, seconds: seconds), to: "token", mode: 0o600)
        return try RunningCommand(
            place.launcher + [
                "-p", "soon", "--oidc-token-file", place.root + "/token", "--", "sh", "-c", script,
            ],
            environment: place.environment,
            directory: place.workspace
        )
    }

    /// Until something is denied for that, or a bound is over: what is decided in that very moment is denied as revoked.
    private var poll: String {
        """
        n=0; until grep -qs principal-expired last || [ $n -ge 600 ]; do
          curl -s -m20 -o last -w '%{http_code}\\n' \(origin)/x; n=$((n+1)); sleep 0.1; done
        """
    }

    @Test("G25: a root whose token expires ends, with all below, and the record says why")
    func ends() throws {
        let running = try expiring("end", "bailey run -p leaf -- sleep 600 & \(poll); sleep 600")
        let outcome = running.finish()
        #expect(outcome.code == 137, "\(outcome)")
        #expect(outcome.errors.contains("soon was ended: its principal's token expired"), "\(outcome)")
        #expect(outcome.output.hasPrefix("200\n"), "\(outcome)")
        let ends = try launches().filter { $0.kind == "exit" }
        #expect(ends.map(\.record.cause) == ["parent ended", "its principal's token expired"])
        #expect(ends.allSatisfy { $0.lineage.hasPrefix("oidc:idp:alice > soon") })
    }

    @Test(
        "G25: with on-expiry: deny it lives on, its requests and new hops are denied, and the records say why"
    )
    func denies() throws {
        let running = try expiring(
            "deny",
            "bailey run -p leaf -- true; echo $?; \(poll); cat last; bailey run -p leaf -- true; echo $?; exit 9"
        )
        let outcome = running.finish()
        #expect(outcome.code == 9 && outcome.output.hasPrefix("0\n200\n"), "\(outcome)")
        #expect(outcome.output.hasSuffix("125\n"), "\(outcome)")
        #expect(Denial.first(in: outcome.output)?.reason == "principal-expired", "\(outcome)")
        #expect(
            outcome.errors.contains("the token of oidc:idp:alice, which this run rests on, expired"),
            "\(outcome)"
        )
        let refused = try #require(try launches().first { $0.kind == "spawn-refused" })
        #expect(refused.lineage.hasPrefix("oidc:idp:alice > soon"))
        #expect(refused.record.reason?.contains("expired") == true)
        #expect(try place.records(["--denied"]).contains { $0.record.reason == "principal-expired" })
    }

    @Test("G25: with on-expiry: deny what is under way ends as well: a reply that would go on is reset")
    func deniesWhatIsOpen() throws {
        let running = try expiring(
            "deny",
            """
            { curl -sSN -m300 -o slow-body \(origin)/v1/slow; echo $? > ended; } &
            \(poll); for i in $(seq 1200); do [ -e ended ] && break; sleep 0.05; done; cat ended; exit 9
            """
        )
        let outcome = running.finish()
        #expect(outcome.code == 9, "\(outcome)")
        // Its own time-out would be 28, and it does not end by itself.
        let code = outcome.output.split(separator: "\n").last.map(String.init) ?? ""
        #expect(["16", "18", "52", "55", "56", "92"].contains(code), "\(outcome)")
    }

    @Test("G25: a root is proved again by a fresh token of the same principal")
    func renews() throws {
        let running = try expiring(
            "renew",
            "until [ -e ask ]; do sleep 0.05; done; curl -s -m20 -o /dev/null -w '%{http_code}\\n' \(origin)/x; bailey run -p leaf -- true; echo $?; sleep 600",
            seconds: 15
        )
        // Somebody keeps the file fresh, as for a job.
        try place.write(provider.token(seconds: 3_600), to: "token", mode: 0o600)
        Thread.sleep(until: Date(timeIntervalSinceNow: 16))
        try place.write("", to: "workspace/ask")
        #expect(running.awaitOutput("200\n0\n"), "\(running.outputSoFar)")
        let child = try #require(try launches().last { $0.kind == "spawn" })
        #expect(
            (child.record.principal?.expiry ?? 0) > Int64(Date().timeIntervalSince1970 * 1_000) + 3_000_000
        )
        // It is on record before anything rests on it, and nothing of the token is; this provider's names no key.
        let renewal = try #require(try launches().first { $0.kind == "renewal" })
        #expect(
            renewal.lineage == "oidc:idp:alice > soon" && renewal.record.key == nil,
            "\(renewal)"
        )
        #expect(renewal.record.principal?.expiry == child.record.principal?.expiry)
        #expect(
            try place.bailey(["audit"]).lines.contains { $0.contains("renewed") && $0.contains(" of idp") }
        )
        let token = try String(contentsOfFile: place.root + "/token", encoding: .utf8)
        #expect(try place.files(holding: String(token.suffix(40).prefix(30)), below: "state").isEmpty)
        #expect(try place.bailey(["audit", "verify"]).code == 0)
        kill(running.processIdentifier, SIGTERM)
        _ = running.finish()
    }

    @Test(
        "G25: a root whose token is renewed as that of another subject ends, also where Unicode takes both for one",
        arguments: [("alice", "mallory"), ("caf\u{e9}", "cafe\u{301}")]
    )
    func renewedAsAnother(subject: String, other: String) throws {
        let running = try expiring("renew", "echo up; sleep 600", of: subject)
        #expect(running.awaitOutput("up"))
        try place.write(provider.token(for: "bailey", other, seconds: 3_600), to: "token", mode: 0o600)
        let outcome = running.finish()
        #expect(
            outcome.code == 137 && outcome.errors.contains("renewed as that of another principal"),
            "\(outcome)"
        )
    }

    @Test("G25: a token that is not renewed in time ends the run, also where the profile says nothing of it")
    func unrenewed() throws {
        let token = try provider.token(seconds: 10)
        let outcome = try run("sleep 600", token: token)
        #expect(outcome.code == 137, "\(outcome)")
        #expect(outcome.errors.contains("its principal's token expired, and was not renewed"), "\(outcome)")
    }

    @Test("A job of GitHub Actions is proved again by its endpoint, whose tokens last minutes")
    func renewsByEndpoint() throws {
        try configure(", from: github-actions")
        try provider.gitHubGives("repo:acme/app", seconds: 10)
        let environment = [
            "GITHUB_ACTIONS": "true", "ACTIONS_ID_TOKEN_REQUEST_URL": provider.gitHub,
            "ACTIONS_ID_TOKEN_REQUEST_TOKEN": IdentityProvider.jobSecret,
        ]
        // Three lives of a token.
        let outcome = try run("sleep 25; echo lived", token: nil, environment: environment)
        #expect(outcome.output == "lived\n", "\(outcome)")
        #expect(try provider.asked("GET /github/token").count >= 3)
    }
}
