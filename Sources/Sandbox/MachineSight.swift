internal import Glibc
internal import Linux

/// What the system's part of a view is bound from: a view that was made earlier is as good as a new one while nothing
/// was mounted and no file or folder replaced.
struct MachineSight: ~Copyable {
    private struct Identity: Equatable {
        var device: UInt
        var inode: UInt
    }

    private let mounts = unsafe OwnedDescriptor(open("/proc/self/mounts", O_RDONLY | O_CLOEXEC))
    private var identities: [Identity?]

    init(of facts: MachineFacts) {
        identities = Self.identities(of: facts)
        _ = haveMountsChanged
    }

    /// Whether something changed since this was last asked.
    mutating func hasChanged(_ facts: MachineFacts) -> Bool {
        let now = Self.identities(of: facts)
        defer { identities = now }
        return haveMountsChanged || now != identities
    }

    /// Whether something was mounted or unmounted since this was last asked.
    ///
    /// The file is in error when the table has changed since the last poll(2) of it (proc(5), /proc/pid/mounts). What
    /// cannot be seen may have changed.
    private var haveMountsChanged: Bool {
        var watched = pollfd(fd: mounts.rawValue, events: Int16(POLLPRI), revents: 0)
        return unsafe poll(&watched, 1, 0) != 0
    }

    private static func identities(of facts: MachineFacts) -> [Identity?] {
        facts.system.map { part in
            var status = stat()
            guard unsafe stat(part.path, &status) == 0 else { return nil }
            return Identity(device: UInt(status.st_dev), inode: UInt(status.st_ino))
        }
    }
}
