/// The second wall: what Landlock allows, by the ABI that the kernel has (landlock(7)).
struct LandlockWall {
    /// 0 where the kernel has none.
    let abi: Int
    let writable: [String]

    /// ABI 6 brings the scopes of sockets and signals (Documentation/userspace-api/landlock.rst).
    static let complete = 6

    /// What there is, and what is missing in it.
    static func description(of abi: Int) -> String {
        switch abi {
        case ..<1: "not there: namespaces, capabilities and the filter remain"
        case ..<complete: "ABI \(abi): no walls around abstract sockets and signals"
        default: "ABI \(abi)"
        }
    }

    private static let read: UInt64 = 1 << 0 | 1 << 2 | 1 << 3  // execute, read file, read directory
    private static let writeFile: UInt64 = 1 << 1
    private static let devices: UInt64 = 1 << 6 | 1 << 11  // make character and block devices
    private static let refer: UInt64 = 1 << 13
    private static let truncate: UInt64 = 1 << 14
    private static let ioctl: UInt64 = 1 << 15

    /// Everything this ABI knows of files.
    var handled: UInt64 {
        switch abi {
        case ..<1: 0
        case 1: (1 << 13) - 1
        case 2: (1 << 14) - 1
        case 3, 4: (1 << 15) - 1
        default: (1 << 16) - 1
        }
    }

    /// Abstract sockets and signals stay inside the domain; from ABI 6.
    var scopes: UInt32 { abi >= 6 ? 3 : 0 }

    var rules: [LaunchPlan.Rule] {
        let streams = Self.read | Self.writeFile | Self.truncate | Self.ioctl
        let fixed = [
            ("/", Self.read), ("/dev", streams), ("/proc", Self.read | Self.writeFile | Self.truncate),
        ]
        let granted = writable.map { ($0, handled & ~Self.devices) }
        return (fixed + granted).map { LaunchPlan.Rule(access: $0.1 & handled, path: $0.0) }
    }
}
