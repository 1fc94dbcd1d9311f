import Foundation
import Sandbox
import Testing

struct BaseViewTests {
    @Test func `Every entry is an absolute path of its own, with a reason`() {
        #expect(Set(BaseView.entries.map(\.path)).count == BaseView.entries.count)
        for entry in BaseView.entries {
            #expect(entry.path.hasPrefix("/") && !entry.path.contains("..") && !entry.path.hasSuffix("/"))
            #expect(!entry.reason.isEmpty, "\(entry.path)")
        }
    }

    @Test func `Folders of the root are links or bound, all else is below etc`() {
        for entry in BaseView.entries {
            #expect((entry.kind == .bindIfPresent) == entry.path.hasPrefix("/etc/"), "\(entry.path)")
        }
    }

    @Test(arguments: [
        "shadow", "gshadow", "ssh/ssh_host_ed25519_key", "ssl/private/key.pem", "sudoers", "machine-id",
        "mtab",
        "environment", "npmrc", "pip.conf", "curlrc", "wgetrc", "krb5.conf", "maven/settings.xml", "passwd",
        "group",
        "resolv.conf", "hosts", "nsswitch.conf", "fstab", "pki/tls/private", "cron.d", "systemd",
        "apt/auth.conf",
    ])
    func `E17: secrets and the host's identity are not in the view`(name: String) {
        let path = "/etc/" + name
        let top = name.prefix { $0 != "/" }
        let shown = BaseView.entries.flatMap { $0.matches(among: [String(top)]) }
        #expect(!shown.contains { path == $0 || path.hasPrefix($0 + "/") })
    }

    @Test func `A pattern stands for the names it matches and a plain path for itself`() throws {
        let java = try #require(BaseView.entries.first { $0.path == "/etc/java*" })
        #expect(
            java.matches(among: ["java-17-openjdk", "java", "ld.so.cache"]) == [
                "/etc/java", "/etc/java-17-openjdk",
            ]
        )
        let cache = try #require(BaseView.entries.first { $0.path == "/etc/ld.so.cache" })
        #expect(cache.matches(among: []) == ["/etc/ld.so.cache"])
    }
}

struct ProcMasksTests {
    @Test(arguments: [
        "keys", "key-users", "kcore", "kallsyms", "kmsg", "timer_list", "sched_debug", "sysrq-trigger",
        "interrupts",
        "softirqs", "slabinfo", "config.gz", "modules", "latency_stats", "irq", "bus", "fs", "acpi", "scsi",
    ])
    func `E16, M28, M29: host-wide state is covered`(name: String) {
        #expect(ProcMasks.paths.contains { $0.path == "/proc/" + name })
    }

    @Test func `Files are covered as files and folders as folders`() {
        for mask in ProcMasks.paths {
            var isFolder: ObjCBool = false
            guard unsafe FileManager.default.fileExists(atPath: mask.path, isDirectory: &isFolder) else {
                continue
            }
            #expect(isFolder.boolValue == mask.isFolder, "\(mask.path)")
        }
    }

    @Test(arguments: [
        "self", "meminfo", "cpuinfo", "stat", "uptime", "mounts", "sys", "net", "version", "loadavg",
    ])
    func `What programs need of procfs stays`(name: String) {
        #expect(!ProcMasks.paths.contains { $0.path == "/proc/" + name })
    }
}

struct CredentialStoresTests {
    @Test(arguments: [
        ".ssh", ".aws", ".gnupg", ".netrc", ".git-credentials", ".config/gh", ".docker", ".kube", ".npmrc",
        ".pypirc",
        ".cargo/credentials.toml", ".config/gcloud", ".azure", ".claude", ".codex", ".bash_history",
        ".psql_history",
    ])
    func `E17, E18: stores and histories are hidden`(name: String) {
        #expect(CredentialStores.paths(home: "/home/a").contains("/home/a/" + name))
    }

    @Test func `Every name is relative, stands once and is below no other`() {
        let names = CredentialStores.hidden.flatMap(\.names)
        #expect(Set(names).count == names.count)
        for name in names {
            #expect(!name.hasPrefix("/") && !name.contains("..") && !name.hasSuffix("/"))
            #expect(!names.contains { name.hasPrefix($0 + "/") }, "\(name)")
        }
    }
}
