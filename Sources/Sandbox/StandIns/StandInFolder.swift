internal import Glibc
internal import Linux

/// A folder on the way to a stand-in, held by descriptor: no name on the way may be a symbolic link, which an agent
/// could have planted.
struct StandInFolder: ~Copyable {
    /// O_PATH of open(2) (asm-generic/fcntl.h), which Glibc's module does not have: a folder need not be readable.
    private static let walking = 0o10_000_000 | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC

    private let descriptor: OwnedDescriptor
    let path: String

    /// What has a name in a folder.
    enum Entry {
        case absent
        case folder
        case other
    }

    private init(_ descriptor: consuming OwnedDescriptor, path: String) {
        self.descriptor = descriptor
        self.path = path
    }

    /// Walks from the root along an absolute path without symbolic links.
    static func open(_ path: String) throws(SystemCallError) -> StandInFolder {
        let root = unsafe Glibc.open("/", walking)
        guard root >= 0 else { throw SystemCallError(stage: "open", object: "/", errno: errno) }
        var folder = StandInFolder(OwnedDescriptor(root), path: "")
        for name in path.split(separator: "/") { folder = try folder.inner(String(name)) }
        return folder
    }

    func inner(_ name: String) throws(SystemCallError) -> StandInFolder {
        let inner = unsafe openat(descriptor.rawValue, name, Self.walking)
        guard inner >= 0 else {
            throw SystemCallError(stage: "openat", object: path + "/" + name, errno: errno)
        }
        return StandInFolder(OwnedDescriptor(inner), path: path + "/" + name)
    }

    func entry(_ name: String) throws(SystemCallError) -> Entry {
        var status = stat()
        guard unsafe fstatat(descriptor.rawValue, name, &status, AT_SYMLINK_NOFOLLOW) == 0 else {
            guard errno == ENOENT else {
                throw SystemCallError(stage: "fstatat", object: path + "/" + name, errno: errno)
            }
            return .absent
        }
        return status.st_mode & S_IFMT == S_IFDIR ? .folder : .other
    }

    /// Makes an empty folder or file, owned as its folder is; nothing when somebody else was faster.
    func make(_ name: String, isFolder: Bool) throws(SystemCallError) {
        let object = path + "/" + name
        if isFolder {
            guard unsafe mkdirat(descriptor.rawValue, name, 0o755) == 0 || errno == EEXIST else {
                throw SystemCallError(stage: "mkdirat", object: object, errno: errno)
            }
        } else {
            let flags = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC
            let file = unsafe openat(descriptor.rawValue, name, flags, 0o644)
            guard file >= 0 || errno == EEXIST else {
                throw SystemCallError(stage: "openat", object: object, errno: errno)
            }
            if file >= 0 { close(file) }
        }
        giveAway(name)
    }

    /// As root, to whom the folder belongs; elsewhere there is nothing to give and the call changes nothing.
    private func giveAway(_ name: String) {
        var status = stat()
        guard unsafe fstat(descriptor.rawValue, &status) == 0, status.st_uid != geteuid() else { return }
        unsafe _ = fchownat(descriptor.rawValue, name, status.st_uid, status.st_gid, AT_SYMLINK_NOFOLLOW)
    }

    /// Whether nobody with this process's rights, or an agent's, makes anything here: the file system is read-only,
    /// or the folder is another user's.
    func isClosed(_ error: SystemCallError) -> Bool {
        if error.errno == EROFS { return true }
        var status = stat()
        guard error.errno == EACCES, unsafe fstat(descriptor.rawValue, &status) == 0 else { return false }
        return status.st_uid != geteuid()
    }

    /// Takes away an empty file or an empty folder; whatever else has the name stays.
    func removeIfEmpty(_ name: String) {
        var status = stat()
        guard unsafe fstatat(descriptor.rawValue, name, &status, AT_SYMLINK_NOFOLLOW) == 0 else { return }
        switch status.st_mode & S_IFMT {
        case S_IFDIR: unsafe _ = unlinkat(descriptor.rawValue, name, AT_REMOVEDIR)
        case S_IFREG where status.st_size == 0: unsafe _ = unlinkat(descriptor.rawValue, name, 0)
        default: return
        }
    }
}
