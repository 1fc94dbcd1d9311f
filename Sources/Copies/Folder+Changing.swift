internal import CSandbox
internal import Glibc
internal import Linux

/// What changes a folder.
extension Folder {
    /// An empty file of nobody else's (mode 0600) where nothing was.
    func makeFile(_ name: EntryName) throws(SystemCallError) -> OwnedDescriptor {
        let flags = O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC
        let made = unsafe openat(descriptor.rawValue, name.characters, flags, 0o600)
        guard made >= 0 else { throw failure("openat", name, errno) }
        return OwnedDescriptor(made)
    }

    func makeFolder(_ name: EntryName) throws(SystemCallError) {
        guard unsafe mkdirat(descriptor.rawValue, name.characters, 0o700) == 0 else {
            throw failure("mkdirat", name, errno)
        }
    }

    func makeLink(_ name: EntryName, to target: [UInt8]) throws(SystemCallError) {
        let text = target.map { CChar(bitPattern: $0) } + [0]
        guard unsafe symlinkat(text, descriptor.rawValue, name.characters) == 0 else {
            throw failure("symlinkat", name, errno)
        }
    }

    /// What a rename may meet at its end.
    enum Meeting: UInt32 {
        case replaced = 0
        case nothing = 1
        case exchanged = 2
    }

    func rename(_ from: EntryName, to name: EntryName, _ meeting: Meeting) throws(SystemCallError) {
        let status = unsafe csb_rename(
            descriptor.rawValue,
            from.characters,
            name.characters,
            meeting.rawValue
        )
        guard status == 0 else { throw failure("renameat2", name, -status) }
    }

    /// Moves a folder here from below.
    func take(_ name: EntryName, of other: borrowing Folder, as own: EntryName) throws(SystemCallError) {
        let status = unsafe renameat(
            other.descriptor.rawValue,
            name.characters,
            descriptor.rawValue,
            own.characters
        )
        guard status == 0 else { throw failure("renameat", name, errno) }
    }

    func unlink(_ name: EntryName, isFolder: Bool = false) throws(SystemCallError) {
        let flags = isFolder ? AT_REMOVEDIR : 0
        guard unsafe unlinkat(descriptor.rawValue, name.characters, flags) == 0 else {
            throw failure("unlinkat", name, errno)
        }
    }

    func giveAway(_ name: EntryName, to owner: UInt32, _ group: UInt32) throws(SystemCallError) {
        let status = unsafe fchownat(
            descriptor.rawValue,
            name.characters,
            owner,
            group,
            AT_SYMLINK_NOFOLLOW
        )
        guard status == 0 else { throw failure("fchownat", name, errno) }
    }

    /// The folder's own permissions; its set-id and sticky bits stay.
    func setPermissions(_ permissions: UInt32) throws(SystemCallError) {
        let mode = try entry().mode & 0o7000 | permissions & 0o777
        guard fchmod(descriptor.rawValue, mode) == 0 else {
            throw SystemCallError(stage: "fchmod", object: "folder", errno: errno)
        }
    }

    func synchronise() throws(SystemCallError) {
        guard fsync(descriptor.rawValue) == 0 else {
            throw SystemCallError(stage: "fsync", object: "folder", errno: errno)
        }
    }

    /// Lets the owner into a folder that was closed against its owner.
    func unlock(_ name: EntryName) throws(SystemCallError) {
        // O_PATH of open(2) (asm-generic/fcntl.h), which Glibc's module does not have.
        let place = try open(name, 0o10_000_000 | O_DIRECTORY)
        guard unsafe chmod("/proc/self/fd/\(place.rawValue)", 0o700) == 0 else {
            throw failure("chmod", name, errno)
        }
    }
}
