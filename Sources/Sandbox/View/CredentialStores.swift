/// Credential stores below the home directory: hidden even where a profile grants what is around them.
package enum CredentialStores {
    /// Names below the home directory, by what they hold.
    package static let hidden: [CredentialPlace] = [
        CredentialPlace(
            "keys and passwords",
            [
                ".ssh", ".gnupg", ".password-store", ".config/op", ".config/sops", ".config/age",
                ".vault-token", ".step",
                ".sigstore", ".local/share/keyrings", ".local/share/kwalletd", ".pki", ".config/keybase",
                ".Xauthority",
                ".ICEauthority",
            ]
        ),
        CredentialPlace(
            "source hosts",
            [
                ".netrc", "_netrc", ".git-credentials", ".config/git/credentials", ".config/gh",
                ".config/hub",
                ".config/glab-cli", ".config/tea",
            ]
        ),
        CredentialPlace(
            "registries",
            [
                ".docker", ".config/containers/auth.json", ".npmrc", ".yarnrc", ".yarnrc.yml", ".pypirc",
                ".pip/pip.conf",
                ".config/pip/pip.conf", ".config/pypoetry/auth.toml", ".cargo/credentials",
                ".cargo/credentials.toml",
                ".gem/credentials", ".m2/settings.xml", ".m2/settings-security.xml",
                ".gradle/gradle.properties",
                ".nuget/NuGet", ".config/NuGet", ".composer/auth.json", ".config/composer/auth.json",
                ".condarc",
                ".config/helm", ".hex", ".swiftpm/configuration",
            ]
        ),
        CredentialPlace(
            "clouds",
            [
                ".aws", ".azure", ".config/gcloud", ".boto", ".s3cfg", ".oci", ".aliyun", ".kube",
                ".minikube",
                ".terraform.d", ".terraformrc", ".config/doctl", ".config/hcloud", ".config/rclone", ".fly",
                ".config/netlify", ".vercel", ".config/heroku", ".databrickscfg", ".snowflake",
                ".pulumi/credentials.json",
            ]
        ),
        CredentialPlace(
            "models and their agents",
            [
                ".claude", ".claude.json", ".codex", ".gemini", ".config/github-copilot", ".config/openai",
                ".cursor",
                ".huggingface", ".cache/huggingface/token", ".kaggle",
            ]
        ),
        CredentialPlace(
            "databases",
            [".pgpass", ".pg_service.conf", ".my.cnf", ".mylogin.cnf", ".dbshell", ".odbc.ini"]
        ),
        CredentialPlace(
            "browsers and mail",
            [
                ".mozilla", ".thunderbird", ".config/google-chrome", ".config/chromium",
                ".config/BraveSoftware",
                ".config/microsoft-edge", ".muttrc", ".msmtprc", ".fetchmailrc",
            ]
        ),
        CredentialPlace(
            "histories: what was typed, secrets among it",
            [
                ".bash_history", ".zsh_history", ".local/share/fish/fish_history", ".history", ".sh_history",
                ".python_history", ".node_repl_history", ".irb_history", ".psql_history", ".mysql_history",
                ".sqlite_history", ".rediscli_history", ".lesshst", ".viminfo",
            ]
        ),
    ]

    /// Absolute paths for a home directory.
    package static func paths(home: String) -> [String] {
        hidden.flatMap(\.names).map { "\(home)/\($0)" }
    }
}

/// Places of one kind of secret.
package struct CredentialPlace: Sendable, Hashable {
    package let holds: String
    /// Relative to the home directory.
    package let names: [String]

    init(_ holds: String, _ names: [String]) {
        self.holds = holds
        self.names = names
    }
}
