internal import CSandbox
internal import Glibc
internal import Linux
internal import Model

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

    /// Walks from the root.
    static func open(_ names: some Sequence<String>) throws(SystemCallError) -> StandInFolder {
        let root = unsafe Glibc.open("/", walking)
        guard root >= 0 else { throw SystemCallError(stage: "open", object: "/", errno: errno) }
        var folder = StandInFolder(OwnedDescriptor(root), path: "")
        for name in names { folder = try folder.inner(name) }
        return folder
    }

    func inner(_ name: String) throws(SystemCallError) -> StandInFolder {
        try check(name)
        let inner = unsafe openat(descriptor.rawValue, name, Self.walking)
        guard inner >= 0 else {
            throw SystemCallError(stage: "openat", object: path + "/" + name, errno: errno)
        }
        return StandInFolder(OwnedDescriptor(inner), path: path + "/" + name)
    }

    /// One name, and nothing that leads elsewhere.
    private func check(_ name: String) throws(SystemCallError) {
        let isName = !name.isEmpty && !name.utf8.contains(UInt8(ascii: "/")) && ![".", ".."].contains(name)
        guard isName else { throw SystemCallError(stage: "walk", object: path + "/" + name, errno: EINVAL) }
    }

    func entry(_ name: String) throws(SystemCallError) -> Entry {
        try check(name)
        var status = stat()
        guard unsafe fstatat(descriptor.rawValue, name, &status, AT_SYMLINK_NOFOLLOW) == 0 else {
            guard errno == ENOENT else {
                throw SystemCallError(stage: "fstatat", object: path + "/" + name, errno: errno)
            }
            return .absent
        }
        return status.st_mode & S_IFMT == S_IFDIR ? .folder : .other
    }

    /// Makes an empty folder, or a file that says nothing, owned as its folder is; nothing when somebody else was faster.
    ///
    /// By root, too, nothing is given away: in between, the owner of the folder could put something else in its place.
    func make(_ name: String, isFolder: Bool) throws(SystemCallError) {
        try check(name)
        let object = path + "/" + name
        let made = unsafe csb_make_owned(descriptor.rawValue, name, isFolder ? 1 : 0)
        guard made >= 0 else {
            if made == -EEXIST { return }
            throw SystemCallError(stage: isFolder ? "mkdirat" : "openat", object: object, errno: -made)
        }
        if !isFolder { try fill(OwnedDescriptor(made), object) }
    }

    private func fill(_ file: borrowing OwnedDescriptor, _ object: String) throws(SystemCallError) {
        let content = StandInContent.bytes(at: object)
        let raw = file.rawValue
        let count = unsafe content.withUnsafeBytes { unsafe write(raw, $0.baseAddress, $0.count) }
        guard count == content.count else {
            throw SystemCallError(stage: "write", object: object, errno: count < 0 ? errno : ENOSPC)
        }
    }

    /// Whether nobody with this process's rights, or an agent's, makes anything here: the file system is read-only,
    /// or the folder is another user's.
    func isClosed(_ error: SystemCallError) -> Bool {
        if error.errno == EROFS { return true }
        var status = stat()
        guard error.errno == EACCES, unsafe fstat(descriptor.rawValue, &status) == 0 else { return false }
        return status.st_uid != geteuid()
    }

    /// Takes away a file that nobody filled, or an empty folder; whatever else has the name stays.
    ///
    /// Throws when it could not be taken away although nobody has filled it.
    func removeIfEmpty(_ name: String) throws(SystemCallError) {
        try check(name)
        var status = stat()
        let found = unsafe fstatat(descriptor.rawValue, name, &status, AT_SYMLINK_NOFOLLOW) == 0
        guard found || errno == ENOENT else { throw failure("fstatat", name) }
        let kind = status.st_mode & S_IFMT
        guard found, kind == S_IFDIR || kind == S_IFREG && isUnfilled(name, size: Int(status.st_size))
        else { return }
        let flags = kind == S_IFDIR ? Int32(AT_REMOVEDIR) : 0
        guard unsafe unlinkat(descriptor.rawValue, name, flags) != 0 else { return }
        guard [ENOENT, ENOTEMPTY, EEXIST].contains(errno) else { throw failure("unlinkat", name) }
    }

    /// Whether a file holds what was put there to hold its place.
    private func isUnfilled(_ name: String, size: Int) -> Bool {
        let content = StandInContent.bytes(at: path + "/" + name)
        guard size == content.count, size > 0 else { return size == 0 }
        let file = OwnedDescriptor(
            unsafe openat(descriptor.rawValue, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC)
        )
        return ReadFile.bytes(of: file.rawValue, limit: size) == content
    }

    private func failure(_ stage: String, _ name: String) -> SystemCallError {
        SystemCallError(stage: stage, object: path + "/" + name, errno: errno)
    }
}
