internal import Policy

/// The files that hold one limit, for both versions of the interface.
struct CgroupSettings: Sendable, Hashable {
    struct Setting: Sendable, Hashable {
        let file: String
        let value: String
        /// Sharpens the limit where the kernel has it; the limit holds without.
        var isOptional = false
    }

    let v1: [Setting]
    let v2: [Setting]
}

extension Limits {
    /// The settings for a controller; nil where the profile says nothing.
    func settings(for controller: CgroupController) -> CgroupSettings? {
        switch controller {
        case .memory: memory.map(CgroupSettings.memory)
        case .processes: processes.map(CgroupSettings.processes)
        case .processor: milliCPUs.map(CgroupSettings.processor)
        }
    }
}

extension CgroupController {
    /// The limit's name in a profile.
    var limitName: String {
        switch self {
        case .memory: "memory"
        case .processes: "processes"
        case .processor: "cpus"
        }
    }
}

extension CgroupSettings {
    /// Memory without swap beside it.
    ///
    /// When it is used up the kernel ends the process that has most of it, in both
    /// versions: with `memory.oom.group` it would end init as well, and with it who could tell why.
    fileprivate static func memory(_ bytes: UInt64) -> CgroupSettings {
        CgroupSettings(
            v1: [
                Setting(file: "memory.limit_in_bytes", value: "\(bytes)"),
                Setting(file: "memory.memsw.limit_in_bytes", value: "\(bytes)", isOptional: true),
            ],
            v2: [
                Setting(file: "memory.max", value: "\(bytes)"),
                Setting(file: "memory.swap.max", value: "0", isOptional: true),
            ]
        )
    }

    fileprivate static func processes(_ count: UInt64) -> CgroupSettings {
        let setting = Setting(file: "pids.max", value: "\(count)")
        return CgroupSettings(v1: [setting], v2: [setting])
    }

    /// Thousandths of a CPU as microseconds of running in each period.
    fileprivate static func processor(_ milliCPUs: UInt64) -> CgroupSettings {
        let (product, overflow) = milliCPUs.multipliedReportingOverflow(by: period / 1_000)
        let quota = overflow ? maximumQuota : min(max(product, minimumQuota), maximumQuota)
        return CgroupSettings(
            v1: [
                Setting(file: "cpu.cfs_period_us", value: "\(period)"),
                Setting(file: "cpu.cfs_quota_us", value: "\(quota)"),
            ],
            v2: [Setting(file: "cpu.max", value: "\(quota) \(period)")]
        )
    }

    /// Microseconds; the kernel's default (Documentation/scheduler/sched-bwc.rst).
    private static let period: UInt64 = 100_000
    /// The kernel takes no quota below 1 ms (sched-bwc.rst).
    private static let minimumQuota: UInt64 = 1_000
    /// A hundred thousand CPUs: far below the kernel's own bound of 2^44 ns.
    private static let maximumQuota: UInt64 = 10_000_000_000
}
