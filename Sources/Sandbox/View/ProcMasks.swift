/// What of a fresh procfs is covered: host-wide state that a pid namespace does not separate.
///
/// Files are covered by an empty file, folders by an empty read-only folder; `/proc/sys` is made read-only by the
/// launcher.
package enum ProcMasks {
    package static let paths: [MaskedPath] = [
        .file("keys", "keys of the same user outside"),
        .file("key-users", "who has keys"),
        .file("kcore", "the kernel's memory"),
        .file("kallsyms", "the kernel's addresses"),
        .file("kmsg", "the kernel's log"),
        .file("cmdline", "the kernel's command line: disks, hosts, at times secrets"),
        .file("config.gz", "which attacks the kernel is open to"),
        .file("modules", "the same; where the kernel has modules"),
        .file("timer_list", "timers and addresses of every process"),
        .file("sched_debug", "names of every process"),
        .file("latency_stats", "stacks of every process"),
        .file("sysrq-trigger", "one byte reboots the machine"),
        .file("slabinfo", "allocations, for heap attacks"),
        .file("pagetypeinfo", "allocations, for heap attacks"),
        .file("vmallocinfo", "the kernel's addresses"),
        .file("iomem", "physical addresses"),
        .file("ioports", "physical addresses"),
        .file("mtrr", "physical addresses; writable as root"),
        .file("kpagecount", "physical pages"),
        .file("kpageflags", "physical pages"),
        .file("kpagecgroup", "physical pages"),
        .file("interrupts", "key strokes and packets of others, by their timing"),
        .file("softirqs", "the same"),
        .folder("irq", "which CPU serves a device; writable as root"),
        .folder("bus", "devices"),
        .folder("fs", "file systems of the host, with names of disks"),
        .folder("acpi", "hardware; writable as root"),
        .folder("scsi", "disks; writable as root"),
        .folder("asound", "sound devices"),
        .folder("driver", "hardware"),
        .folder("tty", "drivers of terminals"),
        .folder("dynamic_debug", "the kernel's log switches"),
    ]

    static var files: [String] { paths.filter { !$0.isFolder }.map(\.path) }
    static var folders: [String] { paths.filter(\.isFolder).map(\.path) }
}

/// A path of procfs that agents do not see, and why.
package struct MaskedPath: Sendable, Hashable {
    package let path: String
    package let isFolder: Bool
    package let reason: String

    static func file(_ name: String, _ reason: String) -> Self {
        Self(path: "/proc/" + name, isFolder: false, reason: reason)
    }

    static func folder(_ name: String, _ reason: String) -> Self {
        Self(path: "/proc/" + name, isFolder: true, reason: reason)
    }
}
