import Masking
import Testing

private let token = "ghp_R4nd0mR4nd0mR4nd0mR4nd0mR4nd0mR4nd0m"
private let jwt = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.dozjgNryP4J3jVmNHl0w5N_XgL0n3I9P"

private let hiddenTexts: [(String, String)] = [
    ("ghp_R4nd0mR4nd0mR4nd0mR4nd0mR4nd0mR4nd0m", "ghp_***"),
    ("gho_R4nd0mR4nd0mR4nd0mR4nd0mR4nd0mR4nd0m", "gho_***"),
    (
        "github_pat_11ABCDEFG0R4nd0mR4nd0mR4nd0mR4nd0mR4nd0mR4nd0m_R4nd0mR4nd0mR4nd0mR4nd0mR4nd0mR4nd0m",
        "github_pat_***"
    ),
    ("glpat-aB3dE6gH9jK2mN5pQ8sT", "glpat-***"),
    ("sk-R4nd0mR4nd0mR4nd0mR4nd0mR4nd0mR4nd0mabcdef123456", "sk-***"),
    ("sk-proj-abc_DEF-123456789012345", "sk-proj-***"),
    (
        "sk-ant-api03-R4nd0mR4nd0mR4nd0mR4nd0mR4nd0mR4nd0mR4nd0mR4nd0mR4nd0mR4nd0mR4nd0mR4nd0m-AA",
        "sk-ant-***"
    ),
    ("AKIAIOSFODNN7EXAMPLE", "AKIA***"),
    ("ASIAIOSFODNN7EXAMPLE", "ASIA***"),
    ("xoxb-123456789012-abcdefghij", "xoxb-***"),
    ("xoxp-123456789012-abcdefghij", "xoxp-***"),
    ("AIzaSyA1234567890abcdefghijklmnopqrstuv", "AIza***"),
    ("npm_R4nd0mR4nd0mR4nd0mR4nd0mR4nd0mR4nd0m", "npm_***"),
    ("pypi-AgEIcHlwaS5vcmcCJDU3ZDM0", "pypi-***"),
    ("hf_abcdefghijklmnopqrstuvwxyzABCDEFGH", "hf_***"),
    (jwt, "eyJ***"),
    ("https://alice:hunter2@host/x", "https://alice:***@host/x"),
    ("https://alice:p@ss:word@host/x", "https://alice:***@host/x"),
    ("https://a1b2c3d4e5f6a7b8c9@host/x", "https://***@host/x"),
    ("https://ghp_R4nd0mR4nd0mR4nd0mR4nd0mR4nd0mR4nd0m@github.com/a/b", "https://ghp_***@github.com/a/b"),
    ("password=hunter2", "password=***"),
    ("--password=hunter2", "--password=***"),
    ("mysql --password hunter2 -e x", "mysql --password *** -e x"),
    ("PGPASSWORD=hunter2 psql", "PGPASSWORD=*** psql"),
    ("/p?access_token=abc&x=1", "/p?access_token=***&x=1"),
    ("/p?x=1&secret=abc#f", "/p?x=1&secret=***"),
    (#"{"password": "hunter 2", "a": 1}"#, #"{"password": "***", "a": 1}"#),
    ("client-secret: abc", "client-secret: ***"),
    ("token=ghp_R4nd0mR4nd0mR4nd0mR4nd0mR4nd0mR4nd0m", "token=ghp_***"),
    ("Authorization: Bearer abc.def", "Authorization: Bearer ***"),
    ("Authorization: Basic dXNlcjpwYXNz", "Authorization: Basic ***"),
    ("Cookie: a=b; c=d", "Cookie: ***"),
    ("STRIPE_KEY=rAnd0mrAnd0mrAnd0m", "STRIPE_KEY=***"),
    ("sig=a1b2c3d4e5f6a7b8c9d0", "sig=***"),
    ("accessToken=abc", "accessToken=***"),
    ("/data/token=abc", "/data/token=***"),
    ("example.com/password: hunter2", "example.com/password: ***"),
    ("https://host/token:abc", "https://host/token:***"),
    ("https://host/a/password: abc", "https://host/a/password: ***"),
    ("/etc/passwd: password: hunter2", "/etc/passwd: password: ***"),
    (#"{"/token": 1, "a/token": "abc"}"#, #"{"/token": 1, "a/token": "***"}"#),
    ("passwd: hunter2", "passwd: ***"),
    ("-e /x password: hunter2", "-e /x password: ***"),
]

private let variables: [(String, String, Bool)] = [
    ("XDATA", token, true), ("DB_PASSWORD", "hunter2", true), ("DB_PASSWORD", "", false),
    ("DB_PASSWORD", "/run/secrets/db", false), ("DEPLOY_KEY", "blue", false),
    ("DEPLOY_KEY", "a1b2c3d4e5f6a7b8c9", true), ("LANG", "C.UTF-8", false),
    ("COMMIT", "da39a3ee5e6b4b0d3255bfef95601890afd80709", false),
]

struct SecretShapesTests {
    @Test func `of a long text that mostly holds nothing the same is hidden`() {
        let key = "-----BEGIN RSA PRIVATE KEY-----\nabc\n-----END RSA PRIVATE KEY-----"
        let known = SecretMask(knownSecrets: ["s3cr3t/REAL", "also+s3cret"])
        for text in hiddenTexts.map(\.0) + [key, "x s3cr3t/REAL", "x also%2Bs3cret", "nothing", ""] {
            for text in [text, "host: a.test\n" + text, text.uppercased(), text + "\naccept: */*"] {
                #expect(known.longText(text).utf8.elementsEqual(known.text(text).utf8), "\(text)")
            }
        }
        #expect(known.longText("x s3cr3t/REAL") == "x ***")
    }

    @Test(arguments: hiddenTexts)
    func `a secret is hidden and its kind stays`(text: String, masked: String) {
        #expect(SecretShapes.masked(text) == masked)
        #expect(SecretShapes.isSecretShaped(text))
        #expect(SecretShapes.masked(masked) == masked, "masking is idempotent")
        #expect(!SecretShapes.isSecretShaped(masked))
    }

    @Test(arguments: [
        "", "hello", "GET /v1/users", "https://api.example.com/v1?page=2", "https://alice@host/x",
        "da39a3ee5e6b4b0d3255bfef95601890afd80709",
        "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
        "123e4567-e89b-12d3-a456-426614174000", "aGVsbG8gd29ybGQsIGhvdyBhcmUgeW91",
        "sk-learn-classification-benchmark", "risk-assessment-2024", "task-0123456789abcdef0123",
        "ghp_short", "npm_config_registry=https://registry.npmjs.org", "AKIA", "AKIAlowercaseletters",
        "xAKIAIOSFODNN7EXAMPLE", "AKIAIOSFODNN7EXAMPLEX", "eyJust.a.sentence", "hf_hub_download",
        "pypi-mirror-for-the-whole-organisation", "monkey=banana", "sort_key=created_at", "key=value",
        "--token-file=/run/token", "PWD=/home/alice", "max_tokens=4096", "tokenizer=bpe", "keyboard=us",
        "pass", "the password is required", "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----",
        "/etc/passwd: No such file or directory", "cannot read profile /srv/token: not a readable file",
        "\"/run/secret\": Permission denied", "~/.config/password: Is a directory", "./secret:3:1: bad",
        "../my-token: gone", "-v /run/secrets/db-password:/run/secrets/db-password:ro", "(/etc/passwd: gone)",
        "--volume=/etc/passwd:/etc/passwd", "open(/etc/passwd): Permission denied (errno 13)",
        "http://[::1]:8080/x", "git@github.com:acme/app.git", "user:pass", "session=short",
        "allow GET /x (token.yaml:14) comes nearest", "creds.yaml:6",
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
    ])
    func `what only looks like a secret is left alone`(text: String) {
        #expect(SecretShapes.masked(text) == text)
        #expect(!SecretShapes.isSecretShaped(text))
    }

    @Test func `a private key is hidden between its lines, and to the end without a footer`() {
        let header = "-----BEGIN RSA PRIVATE KEY-----"
        let footer = "-----END RSA PRIVATE KEY-----"
        #expect(
            SecretShapes.masked("a \(header)\nMIIE\nabc\n\(footer)\nb") == "a \(header)***\(footer)\nb"
        )
        #expect(SecretShapes.masked("\(header)\nMIIE") == "\(header)***")
        #expect(SecretShapes.masked("\(header)***") == "\(header)***")
    }

    @Test(arguments: [
        "GITHUB_TOKEN", "AWS_SECRET_ACCESS_KEY", "DB_PASSWORD", "MYSQL_PWD", "apiKey", "api-key", "X-Api-Key",
        "STRIPE_KEY", "client_secret", "NPM_TOKEN", "OPENAI_API_KEY", "authToken", "passphrase",
    ])
    func `a name of a secret is known`(name: String) {
        #expect(SecretShapes.isSecretName(name))
    }

    @Test(arguments: [
        "PATH", "PWD", "OLDPWD", "HOME", "LANG", "TOKEN_FILE", "secret_name", "PUBLIC_KEY", "KEYBOARD", "key",
        "max_tokens", "SSH_AUTH_SOCK_PATH", "passenger", "", "_", "CI",
    ])
    func `a name of something else is not`(name: String) {
        #expect(!SecretShapes.isSecretName(name))
    }

    @Test(arguments: variables)
    func `E11 a variable is judged by its value's shape, then by its name`(
        name: String,
        value: String,
        isSecret: Bool
    ) {
        #expect(SecretShapes.isSecret(name: name, value: value) == isSecret)
    }

    @Test func `known secrets are hidden wherever they stand, also as a URL carries them`() {
        let secrets = ["s3cr3t-REAL", "p@ss/word", "abc"]
        #expect(SecretShapes.masked("x s3cr3t-REAL y", knownSecrets: secrets) == "x *** y")
        #expect(SecretShapes.masked("/p@ss/word/p%40ss%2Fword", knownSecrets: secrets) == "/***/***")
        #expect(SecretShapes.masked("abcabc", knownSecrets: secrets) == "abcabc", "too short to be told")
        #expect(SecretShapes.masked("aaaaaab", knownSecrets: ["aaab"]) == "aaa***")
    }

    @Test("where a text was cut off what a known value may begin with is hidden")
    func cutTexts() {
        let mask = SecretMask(knownSecrets: ["s3cr3t-REAL"])
        #expect(mask.cutText("key s3cr3t-R…") == "key ***…")
        #expect(
            mask.cutText("a s3cr… (2000 octets) and s3cr3t-REAL and s3cr")
                == "a ***… (2000 octets) and *** and s3cr"
        )
        #expect(mask.cutText("as short as s3c…") == "as short as s3c…", "the control")
    }

    @Test func `a command line is masked with regard to its flags`() {
        let mask = SecretMask(knownSecrets: ["s3cr3t-REAL"])
        #expect(
            mask.arguments([
                "curl", "-u", "alice:hunter2", "--token", "abc", "-H", "Authorization: Bearer q",
                "s3cr3t-REAL",
                "--password", "--verbose", "-u", "alice", "--token-file", "/run/t", "-u",
                "eve:\u{301}hunter2",
            ]) == [
                "curl", "-u", "alice:***", "--token", "***", "-H", "Authorization: Bearer ***", "***",
                "--password", "--verbose", "-u", "alice", "--token-file", "/run/t", "-u", "eve:***",
            ]
        )
    }

    @Test func `text that is no UTF-8 boundary safe word survives`() {
        #expect(SecretShapes.masked("pässwörd=ü password=ü tail") == "pässwörd=ü password=*** tail")
    }

    /// A quadratic scan would need some 10^11 steps here and not end within the suite's time limit.
    @Test(
        .timeLimit(.minutes(1)),
        arguments: [
            "sk-", "eyJ", "eyJa.", "://", "token=", "sig=", "-----BEGIN PRIVATE KEY", "a", "--", "=", "ghp_",
            "\"password\": ", "-", "sig= ",
        ]
    )
    func `hostile repetition is read in linear time`(unit: String) {
        let text = String(repeating: unit, count: 400_000 / unit.utf8.count)
        #expect(SecretShapes.masked(text).utf8.count <= 2 * text.utf8.count)
    }
}
