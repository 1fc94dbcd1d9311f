internal import Glibc
internal import Policy

/// The rlimits of an agent (setrlimit(2)): never above what this process itself may have.
enum ResourceLimits {
    /// One rlimit, soft and hard alike.
    struct Limit: Sendable, Hashable {
        var resource: UInt32
        var value: UInt64
        var name: String
    }

    /// Open files where the profile says nothing: enough for build tools, far below what a scan over all
    /// descriptors would take long for.
    static let defaultOpenFiles: UInt64 = 65_536
    /// Processes where the profile says nothing.
    static let defaultProcesses: UInt64 = 4_096

    static func of(_ limits: Limits) -> [Limit] {
        var list = [
            limit(RLIMIT_CORE, 0, "RLIMIT_CORE"),
            limit(RLIMIT_NOFILE, limits.openFiles ?? defaultOpenFiles, "RLIMIT_NOFILE"),
            limit(__RLIMIT_NPROC, limits.processes ?? defaultProcesses, "RLIMIT_NPROC"),
        ]
        if let memory = limits.memory { list.append(limit(RLIMIT_DATA, memory, "RLIMIT_DATA")) }
        return list
    }

    private static func limit(_ resource: __rlimit_resource, _ value: UInt64, _ name: String) -> Limit {
        var own = rlimit()
        let known = unsafe getrlimit(__rlimit_resource_t(resource.rawValue), &own) == 0
        return Limit(
            resource: resource.rawValue,
            value: known ? min(value, UInt64(own.rlim_max)) : value,
            name: name
        )
    }
}
