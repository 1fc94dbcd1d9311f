internal import CSandbox
internal import Glibc
internal import Linux

/// What a path leads to, opened and looked at once, and the names by which this process sees it.
struct OpenPlace: ~Copyable {
    /// O_PATH of open(2) (asm-generic/fcntl.h), which Glibc's module does not have: nothing need be readable.
    static let looking = 0o10_000_000 | O_CLOEXEC

    let file: OwnedDescriptor
    let names: [ArraySlice<UInt8>]
    private let seen: csb_seen

    /// Nil when it cannot be looked at, or was removed.
    private init?(_ file: consuming OwnedDescriptor, names: [ArraySlice<UInt8>]) {
        var seen = csb_seen()
        guard unsafe csb_see(file.rawValue, &seen) == 0, seen.links > 0 else { return nil }
        self.file = file
        self.names = names
        self.seen = seen
    }

    /// The same of an open file, by the names that the kernel knows.
    init?(_ file: consuming OwnedDescriptor) {
        guard let names = MountTable.names(of: file.rawValue) else { return nil }
        self.init(file, names: names)
    }

    /// An absolute path that no symbolic link is part of, so that its own names are the kernel's; nil otherwise, with
    /// errno.
    static func straight(_ path: String) -> OpenPlace? {
        let names = Location.names(path.utf8)
        let dots: [ArraySlice<UInt8>] = [[UInt8(ascii: ".")], [UInt8(ascii: "."), UInt8(ascii: ".")]]
        guard path.utf8.first == UInt8(ascii: "/"), !names.contains(where: dots.contains) else {
            errno = ELOOP
            return nil
        }
        let file = OwnedDescriptor(unsafe csb_open_straight(path, looking))
        guard file.rawValue >= 0 else {
            errno = -file.rawValue
            return nil
        }
        errno = ESTALE
        return OpenPlace(file, names: names)
    }

    var facts: MachineFacts.PathFacts {
        MachineFacts.PathFacts(
            owner: seen.user,
            group: seen.group,
            isFile: !isFolder,
            exists: true,
            device: seen.device,
            inode: seen.inode
        )
    }

    var isFolder: Bool { seen.mode & UInt32(S_IFMT) == UInt32(S_IFDIR) }

    /// Nil when its mount is out of reach.
    func location(in table: MountTable) -> Location? { table.location(in: seen.mount, names: names) }
}
