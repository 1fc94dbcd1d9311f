internal import Policy

/// Which mechanism holds which limit of a profile.
enum HeldLimits {
    static func of(_ limits: Limits) -> [String: String] {
        var held: [String: String] = [:]
        if limits.openFiles != nil { held["open-files"] = "rlimit" }
        if limits.processes != nil { held["processes"] = "rlimit" }
        if limits.disk != nil { held["disk"] = "tmpfs size" }
        if limits.time != nil { held["time"] = "supervisor" }
        return held
    }
}
