internal import Glibc
internal import Policy

/// The rlimits of an agent (setrlimit(2)).
enum ResourceLimits {
    /// One rlimit, soft and hard alike.
    struct Limit: Sendable, Hashable {
        var resource: UInt32
        var value: UInt64
        var name: String
    }

    /// Open files where the profile says nothing: systemd's default hard limit.
    static let defaultOpenFiles: UInt64 = 524_288
    /// Processes where the profile says nothing.
    static let defaultProcesses: UInt64 = 4096

    static func of(_ limits: Limits) -> [Limit] {
        let data = limits.memory.map { Limit(resource: 2, value: $0, name: "RLIMIT_DATA") }
        return (data.map { [$0] } ?? []) + [
            Limit(resource: 4, value: 0, name: "RLIMIT_CORE"),
            Limit(resource: 7, value: limits.openFiles ?? 65_536, name: "RLIMIT_NOFILE"),
            Limit(resource: 6, value: limits.processes ?? defaultProcesses, name: "RLIMIT_NPROC"),
        ]
    }
}
