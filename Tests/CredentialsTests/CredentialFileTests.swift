import Credentials
import Model
import Profiles
import Testing

let wholeFile = """
    bailey: 1
    credentials:
      github:
        from: {env: GITHUB_TOKEN}
        as: bearer
        for: [https://api.github.com, "https://*.githubusercontent.com"]
        placeholder: GITHUB_TOKEN
        lifetime: 15m
      registry:
        from: {file: ~/.secrets/registry}
        as: basic
        for: [https://registry.example.com:8443]
      model:
        from: {command: [/usr/bin/pass, show, model]}
        as: header X-Api-Key
        for: [https://api.example.com]
    """

/// One credential with one field replaced, and where and what the error is.
private let refused: [(field: String, line: Int, column: Int, says: String)] = [
    ("from: {vault: x}", 4, 10, "\"vault\" of from is not built yet"),
    ("from: {oauth2: x}", 4, 18, "must be a mapping"),
    ("from: {oauth2: {client-id: a, client-secret: {env: S}}}", 4, 18, "no \"token-url\""),
    (
        "from: {oauth2: {token-url: 'http://id.test/t', client-id: a, client-secret: {env: S}}}", 4, 30,
        "not an https URL"
    ),
    (
        "from: {oauth2: {token-url: 'https://id.test/t', client-id: a, client-secret: s3cr3t}}", 4, 80,
        "must be a mapping"
    ),
    (
        "from: {oauth2: {token-url: 'https://id.test/t', client-id: '', client-secret: {env: S}}}", 4, 62,
        "1 to 2048"
    ),
    (
        "from: {oauth2: {token-url: 'https://id.test/t', client-id: a, client-secret: {oauth2: {}}}}", 4, 81,
        "unknown key"
    ),
    (
        "from: {oauth2: {token-url: 'https://id.test/t', client-id: a, client-secret: {env: S}, scope: ['a b']}}",
        4, 98,
        "not one word"
    ),
    (
        "from: {oauth2: {token-url: 'https://id.test/t', client-id: a, client-secret: {env: S}, subject-token-type: jwt}}",
        4,
        110, "without a subject-token"
    ),
    ("from: {agent-token: {}}", 4, 23, "no \"audience\""),
    ("from: {agent-token: {audience: ''}}", 4, 34, "1 to 2048"),
    ("from: {agent-token: {audience: a, key: b}}", 4, 37, "unknown key"),
    ("from: {agent-token: x}", 4, 23, "must be a mapping"),
    ("from: {agent-certificate: {}}", 3, 2, "goes as: client-cert"),
    ("from: {agent-certificate: {key: x}}", 4, 30, "unknown key"),
    ("from: {aws-sts: x}", 4, 10, "\"aws-sts\" of from is not built yet"),
    ("from: {ssh-ca: x}", 4, 10, "\"ssh-ca\" of from is not built yet"),
    ("from: {kubernetes: x}", 4, 10, "\"kubernetes\" of from is not built yet"),
    ("placeholder: PATH", 7, 16, "PATH is a variable that Bailey sets itself"),
    ("placeholder: SSL_CERT_FILE", 7, 16, "SSL_CERT_FILE is a variable that Bailey sets itself"),
    ("placeholder: https_proxy", 7, 16, "or passes to no agent"),
    ("placeholder: GIT_CONFIG_KEY_0", 7, 16, "GIT_CONFIG_KEY_0 is a variable"),
    ("from: {envy: X}", 4, 10, "did you mean \"env\""),
    ("from: {env: 'A B'}", 4, 15, "not the name of a variable"),
    ("from: {env: A, file: /x}", 4, 9, "exactly one of"),
    ("from: {}", 4, 9, "exactly one of"),
    ("from: {command: 'pass show x'}", 4, 19, "must be a list"),
    ("from: {command: []}", 4, 19, "needs a program"),
    ("from: {command: [pass, show]}", 4, 20, "as in /usr/bin/pass"),
    ("from: {command: [$WORKSPACE/pass]}", 4, 20, "away from where agents write"),
    ("from: {file: token}", 4, 16, "not an absolute path; write it out"),
    ("from: {file: $WORKSPACE/token}", 4, 16, "away from where agents write"),
    ("from: {file: $TMPDIR/token}", 4, 16, "away from where agents write"),
    ("from: {file: ~bob/token}", 4, 16, "as in /etc/bailey/token"),
    ("from: env", 4, 9, "must be a mapping"),
    ("as: query", 5, 7, "query key"), ("as: password", 5, 7, "password app"),
    ("as: client-cert a b", 5, 7, "client-cert app"),
    ("as: client-cert app", 6, 9, "is not postgres"),
    ("as: password \u{e4}", 5, 16, "not the name of a database's user"),
    ("as: client-cert \u{e4}", 5, 19, "not the name of a database's user"),
    ("from: {postgres-role: x}", 4, 25, "must be a mapping"),
    ("from: {postgres-role: {by: other}}", 4, 25, "no \"member-of\""),
    ("from: {postgres-role: {by: it, member-of: [a]}}", 3, 2, "no credential \"it\" in this file"),
    ("from: {postgres-role: {by: it, member-of: []}}", 4, 45, "1 to 16 roles"),
    ("from: {postgres-role: {by: it, member-of: ['']}}", 4, 46, "not a role's name"),
    ("from: {postgres-role: {by: it, group: a}}", 4, 34, "unknown key"),
    ("as: query a b", 5, 7, "does not name one place"),
    ("as: query a&b", 5, 13, "not the name of a query parameter"),
    ("as: query a%62", 5, 13, "not the name of a query parameter"),
    ("as: cookie", 5, 7, "cookie session"),
    ("as: 'cookie a=b'", 5, 15, "not the name of a cookie"),
    ("as: client-cert x", 6, 9, "is not postgres"),
    ("as: aws-sigv4 s3", 5, 7, "aws-sigv4 eu-central-1 s3"),
    ("as: aws-sigv4 eu/central s3", 5, 7, "does not name a region and a service"),
    ("as: ssh-key", 5, 7, "\"ssh-key\" is not built yet"),
    ("as: bearrer", 5, 7, "did you mean \"bearer\""),
    ("as: header", 5, 7, "header X-Api-Key"),
    ("as: 'header a:b'", 5, 15, "not the name of a field"),
    ("as: header Host", 5, 14, "no place for a secret"),
    ("as: header Transfer-Encoding", 5, 14, "no place for a secret"),
    ("for: []", 6, 8, "goes nowhere else"),
    ("for: https://h.example", 6, 8, "must be a list"),
    ("for: [http://h.example]", 6, 9, "is not https"),
    ("for: [tls://h.example]", 6, 9, "is not https"),
    ("for: [h.example]", 6, 9, "no scheme"),
    ("for: [https://u@h.example]", 6, 18, "user information"),
    ("lifetime: forever", 7, 13, ""),
    ("lifetime: 25h", 7, 13, "1s to 24h"),
    ("lifetime: 10ms", 7, 13, "1s to 24h"),
    ("placeholder: 1ST", 7, 16, "not the name of a variable"),
    ("value: s3cr3t", 7, 3, "unknown key \"value\""),
]

struct CredentialFileTests {
    @Test func `a whole file is read`() throws {
        let definitions = try CredentialFile.parse(wholeFile, file: "credentials.yaml", home: "/home/alice")
        #expect(definitions.map(\.name) == ["github", "registry", "model"])
        #expect(
            definitions.map(\.source) == [
                .environment("GITHUB_TOKEN"), .file("/home/alice/.secrets/registry"),
                .command(["/usr/bin/pass", "show", "model"]),
            ]
        )
        #expect(definitions.map(\.position) == [.bearer, .basic, .header("x-api-key")])
        #expect(definitions.map(\.lifetime) == [900_000, 60_000, 60_000])
        #expect(definitions.map(\.variable) == ["GITHUB_TOKEN", nil, nil])
        #expect(
            definitions[0].hosts.map(\.description) == [
                "https://api.github.com", "https://*.githubusercontent.com",
            ]
        )
    }

    @Test(arguments: refused)
    func `what is wrong is refused at its place`(
        field: String,
        line: Int,
        column: Int,
        says: String
    ) throws {
        let key = String(field.prefix { $0 != ":" })
        var fields = ["from: {env: TOKEN}", "as: bearer", "for: [https://h.example]"]
        if let place = fields.firstIndex(where: { $0.hasPrefix(key + ":") }) {
            fields[place] = field
        } else {
            fields.append(field)
        }
        let text = "bailey: 1\ncredentials:\n github:\n" + fields.map { "  \($0)\n" }.joined()
        let error = #expect(throws: ProfileError.self) {
            try CredentialFile.parse(text, file: "c.yaml", home: "/h")
        }
        let messages = error?.diagnostics.map(\.description) ?? []
        #expect(
            messages.contains { $0.hasPrefix("c.yaml:\(line):\(column): ") && $0.contains(says) },
            "\(messages)"
        )
        #expect(!messages.contains { $0.contains("did you mean \"$") }, "\(messages)")
    }

    @Test(arguments: ["{envy: X}", "{vault: x}"])
    func `a wrong source is reported once`(source: String) {
        let text = "bailey: 1\ncredentials:\n a: {from: \(source), as: bearer, for: [https://h.example]}\n"
        let error = #expect(throws: ProfileError.self) {
            try CredentialFile.parse(text, file: "c.yaml", home: nil)
        }
        #expect(error?.diagnostics.count == 1, "\(error?.description ?? "")")
    }

    @Test(arguments: [
        ("credentials: {}\n", "1:1", "\"bailey: 1\""),
        ("bailey: 2\n", "1:9", "1 to 1"),
        ("bailey: 1\ncredentals: {}\n", "2:1", "credentials"),
        ("bailey: 1\ncredentials:\n a: 1\n", "3:5", "must be a mapping"),
        ("bailey: 1\ncredentials:\n a: {}\n", "3:2", "has no \"from\""),
        ("bailey: 1\ncredentials:\n a: {as: bearer}\n a: {as: bearer}\n", "4:2", "duplicate key"),
        ("bailey: 1\ncredentials:\n 'a b': {}\n", "3:2", "a credential's name"),
        ("bailey: [\n", "2:1", ""),
    ])
    func `a file that is wrong as a whole is refused`(text: String, place: String, says: String) {
        let error = #expect(throws: ProfileError.self) {
            try CredentialFile.parse(text, file: "c.yaml", home: nil)
        }
        let messages = error?.diagnostics.map(\.description) ?? []
        #expect(messages.contains { $0.hasPrefix("c.yaml:\(place): ") && $0.contains(says) }, "\(messages)")
    }

    @Test(arguments: [
        ("query api_key", CredentialDefinition.Position.query("api_key")),
        ("cookie __Host-sid", .cookie("__Host-sid")),
        ("client-cert", .clientCertificate), ("aws-sigv4", .awsSignature(nil)),
        ("aws-sigv4 eu-central-1 s3", .awsSignature(AWSScope(region: "eu-central-1", service: "s3"))),
    ])
    func `a place is read`(text: String, position: CredentialDefinition.Position) throws {
        let file = "bailey: 1\ncredentials:\n a: {from: {env: T}, as: \(text), for: [https://h.example]}\n"
        #expect(try CredentialFile.parse(file, file: "c.yaml", home: nil).map(\.position) == [position])
    }

    /// A file in which the credential `made` has roles made by `maker`.
    private func roles(
        maker: String = "as: password root, for: [\"postgres://db.example\", \"postgres://other.example\"]",
        source: String = "by: maker, member-of: [readers, 'the \"writers\"']",
        more: String = "as: password"
    ) -> String {
        """
        bailey: 1
        credentials:
          made: {from: {postgres-role: {\(source)}}, \(more), for: ["postgres://db.example"]}
          maker: {from: {env: MAKER}, \(maker)}
        """
    }

    @Test func `a role that is made for each session is read, and its maker's secret is what it takes`()
        throws
    {
        let definitions = try CredentialFile.parse(
            roles(more: "as: password, lifetime: 2m"),
            file: "c.yaml",
            home: nil
        )
        #expect(definitions.map(\.name) == ["made", "maker"])
        guard case .sessionRole(let role)? = definitions.first?.position else {
            Issue.record("\(definitions)")
            return
        }
        #expect(role.maker == "maker" && role.login == .password(user: "root") && role.lifetime == 120_000)
        #expect(role.groups == ["readers", "the \"writers\""])
        let store = CredentialStore(definitions, environment: ["MAKER": "s3cr3t-s3cr3t"])
        #expect(try store.value(of: "made") == "s3cr3t-s3cr3t")
        #expect(store.shortcoming(of: "made", knowsEnvironment: true) == nil)
        let empty = CredentialStore(definitions, environment: [:])
        #expect(empty.shortcoming(of: "made", knowsEnvironment: true)?.contains("MAKER is not set") == true)
        let name = try #require(DNSName("db.example"))
        let endpoint = Endpoint(scheme: .postgres, host: .name(name), port: 5432)
        #expect(store.binding(of: "made")?.covers(endpoint) == true)
        let elsewhere = try CredentialFile.parse(
            roles(maker: "as: client-cert root, for: [\"postgres://other.example\"]"),
            file: "c.yaml",
            home: nil
        )
        let narrow = CredentialStore(elsewhere, environment: [:])
        #expect(narrow.binding(of: "made")?.covers(endpoint) == false, "its maker may not be sent there")
    }

    @Test func `what makes no roles is refused by name`() {
        let cases: [(text: String, says: String)] = [
            (roles(maker: "as: bearer, for: [https://h.example]"), "logs in to no database"),
            (roles(source: "by: makr, member-of: [a]"), "did you mean \"maker\""),
            (roles(source: "by: made, member-of: [a]"), "or a role itself"),
            (roles(more: "as: password app"), "without a user"),
            (roles(more: "as: bearer"), "without a user"),
            (roles(more: "as: password, placeholder: TOKEN"), "no secret for a placeholder"),
            (roles(more: "as: password, lifetime: 5s"), "30s at least"),
        ]
        for (text, says) in cases {
            let error = #expect(throws: ProfileError.self) {
                try CredentialFile.parse(text, file: "c.yaml", home: nil)
            }
            #expect(error?.description.contains(says) == true, "\(error?.description ?? "")")
        }
    }

    @Test(arguments: [
        ("password app", CredentialDefinition.Position.password("app")),
        ("client-cert app", .loginCertificate("app")),
    ])
    func `what logs in to a database is read`(text: String, position: CredentialDefinition.Position) throws {
        let file = "bailey: 1\ncredentials:\n a: {from: {env: T}, as: \(text), for: [postgres://h.example]}\n"
        #expect(try CredentialFile.parse(file, file: "c.yaml", home: nil).map(\.position) == [position])
        let web = file.replacing("postgres:", with: "https:")
        #expect(throws: ProfileError.self) { try CredentialFile.parse(web, file: "c.yaml", home: nil) }
    }

    @Test func `a placeholder for a client certificate is refused: it is no part of a request`() {
        let entry = "{from: {env: T}, as: client-cert, for: [https://h.example], placeholder: TOKEN}"
        let error = #expect(throws: ProfileError.self) {
            try CredentialFile.parse("bailey: 1\ncredentials:\n a: \(entry)\n", file: "c.yaml", home: nil)
        }
        #expect(error?.description.contains("no part of a request") == true)
    }

    @Test func `two look-alikes under one variable are refused`() {
        let entry = "{from: {env: T}, as: bearer, for: [https://h.example], placeholder: TOKEN}"
        let text = "bailey: 1\ncredentials:\n a: \(entry)\n b: \(entry)\n"
        let error = #expect(throws: ProfileError.self) {
            try CredentialFile.parse(text, file: "c.yaml", home: nil)
        }
        #expect(error?.description.contains("already that of credential a") == true)
    }

    @Test(arguments: [
        "", "bailey: 1\n", "bailey: 1\ncredentials:\n", "bailey: 1\ncredentials: {}\n", "# none\n",
    ])
    func `a file without credentials is a valid one`(text: String) throws {
        #expect(try CredentialFile.parse(text, file: "c.yaml", home: nil) == [])
    }
}
