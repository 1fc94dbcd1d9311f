internal import Glibc

/// What stands at a name, as lstat(2) has it.
package struct Entry: Sendable, Hashable {
    package enum Kind: String, Sendable {
        case file
        case folder
        case link
        case pipe
        case socket
        case device
    }

    package let kind: Kind
    /// Permission and set-id bits.
    package let mode: UInt32
    package let owner: UInt32
    package let group: UInt32
    package let size: Int64
    let device: UInt64
    let inode: UInt64
    /// Nanoseconds since 1970 of the last change to the file or to what is known of it.
    let changed: Int64
    let modified: timespec
    /// A character device 0:0, which overlayfs puts where a name of the lower layer is gone.
    let isWhiteout: Bool

    init(_ status: stat) {
        kind = Self.kind(status.st_mode)
        mode = status.st_mode & 0o7777
        (owner, group) = (status.st_uid, status.st_gid)
        size = Int64(status.st_size)
        (device, inode) = (UInt64(status.st_dev), UInt64(status.st_ino))
        changed = Self.nanoseconds(status.st_ctim)
        modified = status.st_mtim
        isWhiteout = status.st_mode & S_IFMT == S_IFCHR && status.st_rdev == 0
    }

    /// Read, write, execute for owner, group and others: what a copy carries over.
    package var permissions: UInt32 { mode & 0o777 }

    /// The same thing with the same content: another name of a file may go meanwhile, which ctime would tell.
    func isSame(as other: Entry) -> Bool {
        device == other.device && inode == other.inode && size == other.size
            && Self.nanoseconds(modified) == Self.nanoseconds(other.modified)
    }

    package static func == (left: Entry, right: Entry) -> Bool {
        left.isSame(as: right) && left.kind == right.kind && left.mode == right.mode
    }

    package func hash(into hasher: inout Hasher) { hasher.combine(inode) }

    static func nanoseconds(_ time: timespec) -> Int64 {
        let (seconds, isOver) = Int64(time.tv_sec).multipliedReportingOverflow(by: 1_000_000_000)
        return isOver ? .max : seconds &+ Int64(time.tv_nsec)
    }

    private static func kind(_ mode: mode_t) -> Kind {
        switch mode & S_IFMT {
        case S_IFREG: .file
        case S_IFDIR: .folder
        case S_IFLNK: .link
        case S_IFIFO: .pipe
        case S_IFSOCK: .socket
        default: .device
        }
    }
}
