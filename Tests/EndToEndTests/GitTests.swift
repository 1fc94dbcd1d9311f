import Foundation
import Testing

extension EndToEnd {
    /// git's verbs, with git on both sides.
    @Suite("Gateway: git", .serialized)
    struct GitTests {
        let place: Place
        let server: GitServer
        let repository: String

        init() throws {
            place = try Place()
            server = try GitServer.started()
            repository = try server.repository()
            try place.write(Servers.started().operatorConfiguration, to: place.configuration + "/bailey.yaml")
            try rules(
                allow: [
                    "git fetch /acme/*", "git push \(repository) refs/heads/agent/**",
                    "git push \(repository) refs/tags/*",
                ],
                deny: ["git push \(repository) refs/heads/agent/held"]
            )
        }

        static let versions = ["HTTP/1.1", "HTTP/2"]

        func origin(_ version: String = "HTTP/1.1") -> String {
            "https://allowed.test:\(server.ports[version == "HTTP/2" ? 1 : 0])"
        }

        func rules(allow: [String], deny: [String] = [], more: String = "", profile: String = "git") throws {
            let rules = Self.versions.map { version in
                """
                  - to: "\(origin(version))"
                    private: true
                    allow: [\(allow.map { "\"\($0)\"" }.joined(separator: ", "))]
                    deny: [\(deny.map { "\"\($0)\"" }.joined(separator: ", "))]
                \(more)
                """
            }
            try place.profile(profile, "extends: [base]\negress:\n" + rules.joined(separator: "\n") + "\n")
        }

        /// A script with a clone in `work` that has one more commit, and `ORIGIN` and `URL`.
        private func git(
            _ script: String,
            _ version: String = "HTTP/1.1",
            _ repository: String? = nil,
            profile: String = "git",
            environment: [String: String] = [:]
        ) throws -> Outcome {
            let url = "\(origin(version))\(repository ?? self.repository)"
            return try place.agent(
                """
                exec 2>&1; export GIT_TERMINAL_PROMPT=0 ORIGIN=\(origin(version)) URL=\(url)
                git config --global user.name T; git config --global user.email t@t.test
                git config --global advice.detachedHead false; \(speaking(version))
                cd "$(mktemp -d)"; git clone -q $URL work && cd work || exit 9
                git checkout -q -b agent/one; git commit -q --allow-empty -m Second
                \(script)
                """,
                profile: profile,
                environment: environment
            )
        }

        /// A command line that makes the following ones of git speak a version; by default they speak HTTP/1.1.
        private func speaking(_ version: String) -> String {
            "export GIT_CONFIG_PARAMETERS=\"'http.version'='\(version)'\""
        }

        func actions(_ words: [String] = []) throws -> [String] {
            try place.records(words).map(\.record.action)
        }

        @Test(
            "D06: git clones and fetches by git fetch, in each version of its protocol",
            arguments: versions
        )
        func fetch(version: String) throws {
            let outcome = try git(
                """
                for protocol in 0 1 2; do
                  git -c protocol.version=$protocol fetch -q origin main && echo fetched $protocol
                  git -c protocol.version=$protocol clone -q --depth 1 --no-single-branch $URL shallow$protocol \\
                    && git -C shallow$protocol log --oneline | wc -l
                done
                git ls-remote $URL refs/tags/*
                """,
                version
            )
            #expect(
                outcome.lines.prefix(6) == ["fetched 0", "1", "fetched 1", "1", "fetched 2", "1"]
                    && outcome.lines.last?.hasSuffix("refs/tags/v0") == true,
                "\(outcome)"
            )
            #expect(Set(try actions()) == ["git fetch \(repository)"])
            #expect(
                try server.requests(with: "\(repository)/git-upload-pack").contains {
                    $0.contains("version=2")
                }
            )
            #expect(
                try server.requests(with: "\(repository)/git-upload-pack").contains {
                    $0.contains("protocol=\"-\"")
                }
            )
        }

        @Test("A fetch whose request git compresses is served")
        func compressed() throws {
            let outcome = try git(
                """
                for n in $(seq 40); do git commit -q --allow-empty -m $n; git branch agent/m$n; done
                git push -q origin 'refs/heads/agent/*:refs/heads/agent/*'
                git clone -q $URL other && git -C other branch -r | grep -c agent
                """
            )
            #expect(outcome.lines == ["41"], "\(outcome)")
            #expect(
                try server.requests(with: "\(repository)/git-upload-pack").contains {
                    $0.contains("coding=\"gzip\"")
                }
            )
        }

        @Test(
            "D06: git pushes the refs that rules name: new, forced, deleted, tags, several",
            arguments: versions
        )
        func push(version: String) throws {
            let outcome = try git(
                """
                git push -q origin HEAD:refs/heads/agent/new && echo new
                git commit -q --amend --allow-empty -m Third
                git push -q origin HEAD:refs/heads/agent/new 2>/dev/null || git push -q -f origin HEAD:refs/heads/agent/new && echo forced
                git push -q origin :refs/heads/agent/new && echo deleted
                git tag v1; git tag -a -m signed v2
                git push -q origin v1 v2 HEAD:agent/two HEAD:agent/three && echo several
                git push -q --atomic origin :refs/tags/v1 HEAD:agent/four && echo atomic
                git push -q origin v1 && git push -q origin :v1 HEAD:agent/five && echo mixed
                """,
                version
            )
            #expect(
                outcome.lines == ["new", "forced", "deleted", "several", "atomic", "mixed"],
                "\(outcome)"
            )
            #expect(
                try server.refs(of: repository) == [
                    "refs/heads/agent/five Third", "refs/heads/agent/four Third",
                    "refs/heads/agent/three Third",
                    "refs/heads/agent/two Third", "refs/tags/v2 signed",
                ]
            )
            let actions = try actions()
            #expect(actions.contains("git push \(repository) refs/heads/agent/new"))
            #expect(actions.contains("git push \(repository) :refs/heads/agent/new"))
            #expect(actions.contains("git push \(repository)"), "the opening")
            #expect(try actions.allSatisfy { !$0.hasPrefix("POST") } && self.actions(["--denied"]).isEmpty)
        }

        @Test("D06: of two refs one is denied: none is changed, and git names the rule", arguments: versions)
        func denied(version: String) throws {
            let outcome = try git(
                """
                git push origin HEAD:refs/heads/agent/two HEAD:refs/heads/agent/held; echo code $?
                git push origin HEAD:refs/heads/agent/two HEAD:main; echo code $?
                git push origin :main; echo code $?
                git push -q origin HEAD:refs/heads/agent/two; echo code $?
                """,
                version
            )
            #expect(
                outcome.lines.filter { $0.hasPrefix("code") } == ["code 1", "code 1", "code 1", "code 0"],
                "\(outcome)"
            )
            let rule = "deny git push \(repository) refs/heads/agent/held (git.yaml:"
            #expect(
                outcome.lines.contains { $0.hasPrefix("remote: git push https://") && $0.contains(rule) },
                "\(outcome)"
            )
            for ref in ["agent/two", "agent/held"] {
                #expect(
                    outcome.lines.contains {
                        $0.contains("! [remote rejected] HEAD -> \(ref) (denied: https://")
                            && $0.contains(rule)
                    },
                    "\(outcome)"
                )
            }
            #expect(
                outcome.lines.contains {
                    $0.hasPrefix("remote: git push https://")
                        && $0.contains("refs/heads/main is not allowed: no rule of")
                },
                "\(outcome)"
            )
            #expect(outcome.output.contains("! [remote rejected] main (no-rule)"), "\(outcome)")
            #expect(try server.refs(of: repository) == ["refs/heads/agent/two Second"])
            let denied = try actions(["--denied"])
            #expect(
                denied.count == 3 && denied.last == "git push \(repository) :refs/heads/main",
                "\(denied)"
            )
            #expect(
                denied.prefix(2).map { Set($0.split(separator: " ").suffix(2).map(String.init)) } == [
                    ["refs/heads/agent/two", "refs/heads/agent/held"],
                    ["refs/heads/agent/two", "refs/heads/main"],
                ],
                "\(denied)"
            )
        }

        @Test(
            "D06: without a rule to push git is told at its first request, and with one to read alone",
            arguments: versions
        )
        func unopened(version: String) throws {
            try rules(allow: ["git fetch"])
            let outcome = try git("git push origin HEAD:main; echo code $?", version)
            #expect(outcome.lines.last == "code 128", "\(outcome)")
            #expect(
                outcome.lines.first?.hasPrefix(
                    "remote: git push \(origin(version))\(repository) is not allowed: no rule of agent"
                ) == true,
                "\(outcome)"
            )
            #expect(try server.requests(with: "\(repository)/info/refs?service=git-receive-pack").isEmpty)
            // A rule for the first request alone, as people have them: the second is told as well.
            try rules(allow: ["GET"])
            let cloned = try place.agent(
                "git clone \(origin(version))\(repository) work2 2>&1; echo code $?",
                profile: "git"
            )
            #expect(
                cloned.lines.contains {
                    $0.hasPrefix("fatal: remote error: git fetch https://") && $0.contains("no rule of")
                },
                "\(cloned)"
            )
            try rules(allow: ["GET", "git fetch"])
            let pushed = try git("git push origin HEAD:main; echo code $?", version)
            #expect(
                pushed.lines.contains {
                    $0.hasPrefix("remote: git push https://") && $0.contains("no rule of")
                },
                "\(pushed)"
            )
            #expect(pushed.lines.last != "code 0")
            #expect(try server.refs(of: repository).isEmpty)
        }

        @Test("A rule for the paths of git's requests goes on to mean them", arguments: versions)
        func paths(version: String) throws {
            try rules(
                allow: ["GET /acme/**", "POST /acme/**"],
                deny: ["git push \(repository.dropLast(4)) refs/heads/main"]
            )
            let outcome = try git(
                """
                git push -q origin HEAD:refs/heads/free; echo code $?
                git push origin HEAD:main; echo code $?
                """,
                version
            )
            #expect(outcome.lines.first == "code 0" && outcome.lines.last == "code 1", "\(outcome)")
            #expect(outcome.output.contains("denied by the rule"), "\(outcome)")
            #expect(try server.refs(of: repository) == ["refs/heads/free Second"])
        }

        /// As git does by itself: over HTTP/1.1, also where server and client know better (`GitSettings`).
        @Test(
            "J12: a push that is larger than git's buffer goes out in chunks; refused, git hears why",
            arguments: versions
        )
        func large(version: String) throws {
            let outcome = try git(
                """
                unset GIT_CONFIG_PARAMETERS; git config --global http.version HTTP/2
                head -c 20000000 /dev/urandom > big; git add big; git commit -q -m Big
                git push -q origin HEAD:refs/heads/agent/big && echo pushed
                git push origin HEAD:refs/heads/agent/held; echo code $?
                """,
                version
            )
            #expect(outcome.lines.first == "pushed" && outcome.lines.last == "code 1", "\(outcome)")
            #expect(outcome.output.contains("[remote rejected] HEAD -> agent/held (denied: "), "\(outcome)")
            #expect(try server.refs(of: repository) == ["refs/heads/agent/big Big"])
            #expect(try actions().contains("git push \(repository) refs/heads/agent/big"))
        }

        @Test("A push of objects in SHA-256, and one from a shallow clone")
        func forms() throws {
            let outcome = try git(
                """
                git clone -q --depth 1 --no-single-branch $URL ../shallow; cd ../shallow; git commit -q --allow-empty -m Shallow
                git push -q origin HEAD:refs/heads/agent/shallow && echo shallow; rm -rf ../shallow
                git init -q --object-format=sha256 ../long; cd ../long; git commit -q --allow-empty -m Long
                git push origin HEAD:refs/heads/agent/x 2>/dev/null
                git push -q $URL HEAD:refs/heads/agent/long 2>&1 | grep -o 'does not support'; rm -rf ../long
                """
            )
            #expect(outcome.lines.first == "shallow", "\(outcome)")
            #expect(try server.refs(of: repository) == ["refs/heads/agent/shallow Shallow"])
        }

        @Test("D06: a push with options needs a rule without refs; a signed one is refused by name")
        func options() throws {
            let other = try server.repository([
                "receive.advertisePushOptions true", "receive.certNonceSeed seed",
            ])
            try rules(allow: ["git fetch", "git push \(other) refs/heads/**"])
            let push = """
                git push -o ci.skip origin HEAD:refs/heads/a; echo code $?
                git push -q -f origin HEAD:refs/heads/b; echo code $?
                """
            let outcome = try git(push, "HTTP/1.1", other)
            #expect(outcome.lines.filter { $0.hasPrefix("code") } == ["code 1", "code 0"], "\(outcome)")
            #expect(outcome.output.contains("git push -o https://"), "\(outcome)")
            try rules(allow: ["git fetch", "git push \(other)"])
            let open = try git(push, "HTTP/1.1", other)
            #expect(open.lines.filter { $0.hasPrefix("code") } == ["code 0", "code 0"], "\(open)")
            #expect(try server.refs(of: other) == ["refs/heads/a Second", "refs/heads/b Second"])
            let signed = try git(
                """
                ssh-keygen -q -t ed25519 -N '' -f key; git config gpg.format ssh; git config user.signingKey $PWD/key
                git push --signed origin HEAD:refs/heads/c; echo code $?
                """,
                "HTTP/1.1",
                other
            )
            #expect(
                signed.output.contains("the push is signed") && signed.lines.last != "code 0",
                "\(signed)"
            )
            #expect(try server.refs(of: other).count == 2)
        }

        @Test("F01: a placeholder in the URL becomes the real password, and is no good elsewhere")
        func credentials() throws {
            let account = GitServer.account
            let hosts = Self.versions.map { "\"\(origin($0))\"" }.joined(separator: ", ")
            try place.write(
                """
                bailey: 1
                credentials:
                  git: {from: {env: GIT_PASSWORD}, as: basic, for: [\(hosts)], placeholder: GIT_TOKEN}

                """,
                to: place.configuration + "/credentials.yaml",
                mode: 0o600
            )
            try rules(
                allow: ["git fetch /secure/**", "git push /secure/** refs/heads/agent/*"],
                more: "    credential: git"
            )
            for version in Self.versions {
                let outcome = try place.agent(
                    """
                    exec 2>&1; export GIT_TERMINAL_PROMPT=0
                    git config --global user.name T; git config --global user.email t@t.test; cd "$(mktemp -d)"
                    \(speaking(version))
                    git clone -q https://agent:$GIT_TOKEN@\(origin(version).dropFirst(8))/secure\(repository) one && echo cloned
                    git clone -q \(origin(version))/secure\(repository) two && cd two && git commit -q --allow-empty -m \(version)
                    git push -q -f origin HEAD:refs/heads/agent/secure && echo pushed
                    case $GIT_TOKEN in *REAL*) echo leaked;; esac
                    """,
                    profile: "git",
                    environment: ["GIT_PASSWORD": "\(account.user):\(account.password)"]
                )
                #expect(outcome.lines == ["cloned", "pushed"], "\(outcome)")
            }
            #expect(try server.refs(of: repository) == ["refs/heads/agent/secure HTTP/2"])
            #expect(try place.records().allSatisfy { $0.record.credential == "git" })
        }
    }
}
