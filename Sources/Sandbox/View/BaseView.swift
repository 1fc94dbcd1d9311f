/// The system as every agent sees it, read-only: an allow-list.
enum BaseView {
    /// Folders of the root: programs and libraries. Links among them are made again.
    static let folders = ["/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32"]

    /// What programs need of /etc; everything else, and every secret among it, is not there.
    static let settings = [
        "alternatives", "bash.bashrc", "bash_completion.d", "ca-certificates", "ca-certificates.conf", "crypto-policies",
        "debian_version", "ethertypes", "fonts", "gai.conf", "gitconfig", "gnutls", "host.conf", "inputrc", "ld.so.cache",
        "ld.so.conf", "ld.so.conf.d", "localtime", "login.defs", "lsb-release", "magic", "magic.mime", "mailcap",
        "maven", "mime.types", "networks", "os-release", "perl", "pki", "profile", "profile.d", "protocols", "python3",
        "python3.11", "rpc", "services", "shells", "ssl/certs", "ssl/openssl.cnf", "terminfo", "timezone", "vim",
        "wgetrc", "xattr.conf", "java-17-openjdk", "java", "openssl.cnf",
    ].map { "/etc/" + $0 }
}

/// What of a fresh procfs is covered.
enum ProcMasks {
    static let files = [
        "/proc/keys", "/proc/key-users", "/proc/kcore", "/proc/kallsyms", "/proc/kmsg", "/proc/timer_list",
        "/proc/sched_debug", "/proc/sysrq-trigger", "/proc/latency_stats", "/proc/config.gz", "/proc/slabinfo",
        "/proc/pagetypeinfo", "/proc/vmallocinfo", "/proc/iomem", "/proc/ioports", "/proc/kpagecount",
        "/proc/kpageflags", "/proc/kpagecgroup",
    ]
    static let folders = ["/proc/irq", "/proc/bus", "/proc/fs", "/proc/acpi", "/proc/scsi", "/proc/asound", "/proc/driver"]
}

/// Credential stores below the home directory: hidden even where a profile grants what is around them.
enum CredentialStores {
    static let names = [
        ".ssh", ".aws", ".gnupg", ".netrc", ".git-credentials", ".config/gh", ".docker", ".kube", ".npmrc", ".pypirc",
        ".cargo/credentials.toml", ".config/gcloud", ".azure", ".claude", ".codex", ".bash_history", ".psql_history",
    ]

    static func paths(home: String) -> [String] { names.map { "\(home)/\($0)" } }
}
