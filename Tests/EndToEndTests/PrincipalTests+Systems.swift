import Foundation
import TestSupport
import Testing

/// Jobs of CI systems, recognised by their environment.
extension EndToEnd.PrincipalTests {
    private var gitHub: [String: String] {
        [
            "GITHUB_ACTIONS": "true", "ACTIONS_ID_TOKEN_REQUEST_URL": provider.gitHub,
            "ACTIONS_ID_TOKEN_REQUEST_TOKEN": IdentityProvider.jobSecret,
        ]
    }

    @Test(
        "A job of GitHub Actions is recognised, its token fetched as GitHub documents it, and never the agent's"
    )
    func gitHubActions() throws {
        try configure(", from: github-actions")
        try place.write(
            "bailey: 1\nname: greedy\nextends: [base]\nenv: {pass: [\"ACTIONS_*\", ACTIONS_ID_TOKEN_REQUEST_TOKEN, ACTIONS_ID_TOKEN_REQUEST_URL, GITHUB_ACTIONS]}\n",
            to: place.configuration + "/profiles/greedy.yaml"
        )
        let outcome = try run("env", token: nil, profile: "greedy", environment: gitHub)
        #expect(outcome.code == 0 && outcome.output.contains("GITHUB_ACTIONS=true"), "\(outcome)")
        #expect(
            !outcome.output.contains("ACTIONS_ID_TOKEN")
                && !outcome.output.contains(IdentityProvider.jobSecret)
        )
        #expect(try launches().last?.lineage.hasPrefix("oidc:idp:repo:acme/app") == true)
        #expect(try provider.asked("GET /github/token?api-version=2.0&audience=bailey").count == 1)
        for folder in ["state", "run", "home", "workspace"] {
            #expect(try place.files(holding: IdentityProvider.jobSecret, below: folder).isEmpty)
        }
    }

    @Test(
        "Where a job's token cannot be had nothing runs; a job without the permission for one is the local user's"
    )
    func gitHubFails() throws {
        try configure(", from: github-actions")
        let refused = try run(
            "echo ran",
            token: nil,
            environment: gitHub.merging(["ACTIONS_ID_TOKEN_REQUEST_TOKEN": "wrong"]) { $1 }
        )
        #expect(refused.code == 125 && refused.errors.contains("answered 403"), "\(refused)")
        #expect(!refused.errors.contains("wrong"))
        let plain = gitHub.filter { $0.key != "ACTIONS_ID_TOKEN_REQUEST_TOKEN" }
        let local = try run("true", token: nil, environment: plain)
        #expect(local.code == 0, "\(local)")
        #expect(
            local.errors.contains("it has no ACTIONS_ID_TOKEN_REQUEST_TOKEN, which a workflow gets"),
            "\(local)"
        )
        #expect(local.errors.contains("; so it ran for user:"), "\(local)")
        // Who is in no job hears nothing of it.
        #expect(try !run("true", token: nil).errors.contains("so it ran for"))
        #expect(try launches().last { $0.kind == "spawn" }?.lineage.hasPrefix("user:") == true)
    }

    @Test("Without an issuer that is for them, the environment of a job counts for nothing")
    func unconfigured() throws {
        #expect(try run("true", token: nil, environment: gitHub).code == 0)
        #expect(try launches().last?.lineage.hasPrefix("user:") == true)
        #expect(try provider.asked("GET").isEmpty)
        // And a token in a file is not taken from an issuer that is for jobs alone.
        try configure(", from: github-actions")
        let outcome = try run("true", token: provider.token())
        #expect(outcome.code == 125 && outcome.errors.contains("not taken from a file"), "\(outcome)")
    }

    @Test("A GitLab job has its token in a variable of its choosing, BAILEY_ID_TOKEN by default")
    func gitLab() throws {
        try configure(", from: [gitlab, file]")
        let token = try provider.token(for: "bailey", "project_path:acme/app:ref_type:branch:ref:main")
        let environment = ["GITLAB_CI": "true", "BAILEY_ID_TOKEN": token]
        #expect(try run("true", token: nil, environment: environment).code == 0)
        #expect(try launches().last?.lineage.hasPrefix("oidc:idp:project_path:acme/app") == true)
        let chosen = try place.bailey(
            ["run", "--oidc-token-env", "OTHER", "--", "true"],
            environment: ["GITLAB_CI": "true", "OTHER": token]
        )
        #expect(chosen.code == 0, "\(chosen)")
        let absent = try place.bailey(["run", "--oidc-token-env", "OTHER", "--", "true"])
        #expect(absent.code == 125 && absent.errors.contains("OTHER is not set"), "\(absent)")
    }

    @Test("A job that lacks its token's variable, and is refused a profile for such jobs, is told which")
    func lacking() throws {
        try configure(", from: gitlab")
        try place.write(
            "bailey: 1\nname: jobs\nextends: [base]\nprincipals: {issuers: [idp]}\n",
            to: place.configuration + "/profiles/jobs.yaml"
        )
        let job = ["GITLAB_CI": "true"]
        let refused = try run("true", token: nil, profile: "jobs", environment: job)
        #expect(refused.code == 125 && refused.errors.contains("is not for user:"), "\(refused)")
        let advice =
            "it has no BAILEY_ID_TOKEN, which a job gets that names it, with its aud, under id_tokens"
        #expect(refused.errors.contains(advice), "\(refused)")
        // Nothing of it is taken for a secret on record.
        #expect(try place.bailey(["audit", "--denied"]).output.contains(advice))
        // Elsewhere there is no job to speak of.
        let other = try run("true", token: nil, profile: "jobs")
        #expect(other.code == 125 && !other.errors.contains("BAILEY_ID_TOKEN"), "\(other)")
        // The control.
        let token = try provider.token(for: "bailey", "project_path:acme/app:ref_type:branch:ref:main")
        let proven = try run(
            "true",
            token: nil,
            profile: "jobs",
            environment: job.merging(["BAILEY_ID_TOKEN": token]) { $1 }
        )
        #expect(proven.code == 0, "\(proven)")
    }

    @Test("A Buildkite job's token is asked of its agent, as Buildkite documents it")
    func buildkite() throws {
        try configure(", from: buildkite")
        let token = try provider.token(for: "bailey", "organization:acme:pipeline:app:ref:refs/heads/main")
        try place.write(
            """
            #!/bin/sh
            [ "$BUILDKITE_AGENT_ACCESS_TOKEN" = agent-secret ] || exit 3
            [ "$*" = "oidc request-token --audience bailey" ] || exit 4
            echo \(token)

            """,
            to: "tools/buildkite-agent",
            mode: 0o755
        )
        let environment = [
            "BUILDKITE": "true", "BUILDKITE_JOB_ID": "1", "BUILDKITE_AGENT_ACCESS_TOKEN": "agent-secret",
            "PATH": "\(place.root)/tools:/usr/bin:/bin",
        ]
        // What passes nearly everything, by a pattern and by name, passes all but that.
        try place.write(
            "bailey: 1\nname: greedy\nextends: [base]\nenv: {pass: [\"BUILDKITE*\", BUILDKITE_AGENT_ACCESS_TOKEN, BUILDKITE_JOB_ID]}\n",
            to: place.configuration + "/profiles/greedy.yaml"
        )
        for profile in ["base", "greedy"] {
            let outcome = try run(
                "env; tr '\\0' '\\n' < /proc/1/environ; tr '\\0' '\\n' < /proc/self/environ",
                token: nil,
                profile: profile,
                environment: environment
            )
            #expect(outcome.code == 0 && !outcome.output.contains("agent-secret"), "\(outcome)")
            #expect(!outcome.output.contains("BUILDKITE_AGENT_ACCESS_TOKEN"), "\(outcome)")
            #expect(outcome.output.contains("BUILDKITE_JOB_ID=1") == (profile == "greedy"), "\(outcome)")
            #expect(try launches().last?.lineage.hasPrefix("oidc:idp:organization:acme") == true)
        }
        for folder in ["state", "run", "home", "workspace"] {
            #expect(try place.files(holding: "agent-secret", below: folder).isEmpty)
        }
        let refused = try run(
            "true",
            token: nil,
            environment: environment.merging(["BUILDKITE_AGENT_ACCESS_TOKEN": "other"]) { $1 }
        )
        #expect(refused.code == 125 && refused.errors.contains("ended with 3"), "\(refused)")
    }

    @Test(
        "The program that gives a Buildkite job's token, which is run again outside, is no agent's to write where it lies in the workspace"
    )
    func buildkiteProgram() throws {
        try configure(", from: buildkite")
        let token = try provider.token(for: "bailey", "organization:acme", seconds: 12)
        let program = "#!/bin/sh\necho \(token)\n"
        try place.write(program, to: "workspace/tools/bin/buildkite-agent", mode: 0o755)
        let environment = [
            "BUILDKITE": "true", "BUILDKITE_JOB_ID": "1", "BUILDKITE_AGENT_ACCESS_TOKEN": "agent-secret",
            "PATH": "\(place.workspace)/tools/bin:/usr/bin:/bin",
        ]
        // Long enough for it to be run again: what it was made to do would be done outside.
        let attack = """
            { f=tools/bin/buildkite-agent; echo "#!/bin/sh" > new; echo 'touch \(place.root)/escaped' >> new
              chmod +x new; cat new > $f; cp -p new n; mv -f n $f; rm -f $f; mv tools other; mkdir -p tools/bin; cp -p new $f; } 2>&1
            """
        let outcome = try run("\(attack); sleep 600", token: nil, environment: environment)
        #expect(outcome.code == 137 && outcome.errors.contains("expired"), "\(outcome)")
        #expect(place.read("workspace/tools/bin/buildkite-agent") == program, "\(outcome)")
        #expect(place.read("escaped") == nil)
        let control = try place.control("\(attack); tools/bin/buildkite-agent", environment: environment)
        #expect(place.read("escaped") != nil, "the control: \(control)")
    }
}
