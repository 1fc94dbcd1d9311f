import Foundation
import Testing

// What rules say of git, and what is said of them.
extension EndToEnd.GitTests {
    @Test("D06: the dumb protocol is no git fetch; ordinary rules allow it")
    func dumb() throws {
        let script = "git clone -q \(origin())/dumb\(repository) copy 2>&1 && echo cloned"
        try rules(allow: ["git fetch", "git push"])
        let refused = try place.agent(script, profile: "git")
        #expect(refused.code != 0 && !refused.output.contains("cloned"), "\(refused)")
        try rules(allow: ["GET /dumb/**", "HEAD /dumb/**"])
        #expect(try place.agent(script, profile: "git").output.hasSuffix("cloned\n"))
    }

    @Test("explain, check and words speak git")
    func explain() throws {
        for (request, code, says) in [
            ("git push \(origin())\(repository) refs/heads/agent/a", 0, "allowed: git push"),
            (
                "git push \(origin())\(repository) refs/heads/agent/a refs/heads/main", 1,
                "refs/heads/main"
            ),
            ("git push \(origin())\(repository) refs/heads/agent/held", 1, "agent/held (git.yaml:"),
            ("git fetch \(origin())/acme/other", 0, "git fetch /acme/*"),
            ("POST \(origin())\(repository)/git-receive-pack", 1, "no rule"),
            ("git push \(origin())\(repository) main", 65, "refs/heads/main"),
        ] {
            let outcome = try place.bailey([
                "profile", "explain", "--profiles", place.profiles, "git", request,
            ])
            #expect(
                outcome.code == Int32(code) && (outcome.output + outcome.errors).contains(says),
                "\(request): \(outcome)"
            )
        }
        #expect(try place.bailey(["profile", "words", "https"]).output.contains("git push /path REF"))
        let checked = try place.bailey(["profile", "check", place.profiles + "/git.yaml"])
        #expect(checked.code == 0, "\(checked)")
    }

    @Test("G02: a child with a wider verb is not launched")
    func children() throws {
        for (child, isWithin) in [
            ("git push \(repository) refs/heads/agent/x", true), ("git push \(repository)", false),
        ] {
            try rules(
                allow: ["git fetch /acme/*", "git push \(repository) refs/heads/agent/**"],
                more: ""
            )
            let text = try #require(place.read("profiles/git.yaml"))
            try place.write(
                text + "children: {profiles: [child], depth: 1, count: 2}\n",
                to: "profiles/git.yaml"
            )
            try rules(allow: [child], profile: "child")
            let outcome = try place.agent("bailey run -p child -- echo ran 2>&1", profile: "git")
            #expect(outcome.output.contains("ran\n") == isWithin, "\(outcome)")
        }
    }
}
