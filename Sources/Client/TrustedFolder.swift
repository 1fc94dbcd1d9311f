internal import Glibc
package import Linux
internal import Model

/// A folder that is held open, on the way to which nobody but root and one user could put another in its place.
///
/// Each name of the way is looked up in the folder before it, links included: what is renamed meanwhile is noticed, or no longer asked.
package struct TrustedFolder: ~Copyable {
    /// Links that are followed (MAXSYMLINKS, linux/namei.h).
    private static let maximumLinks = 40

    /// O_PATH of open(2) (asm-generic/fcntl.h), which Glibc's module does not have: a folder need not be readable.
    private static let placeOnly: Int32 = 0o10000000

    /// Whom one folder is left to.
    private enum Trust {
        /// To root and the user alone.
        case full
        /// To everybody, each of whom moves their own names alone (S_ISVTX, inode(7)).
        case shared
        /// To more, who may put others in the place of what is there.
        case many
    }

    private let descriptor: OwnedDescriptor

    /// The folder itself, whatever has its name by now: for calls that take a path, which is short enough for any socket's.
    package var path: String { "/proc/self/fd/\(descriptor.rawValue)" }

    /// Goes to a folder by an absolute path.
    ///
    /// - Parameters:
    ///   - path: may lead over links, wherever nobody else could change them.
    ///   - owner: who may write in the folder and above it, besides root.
    /// - Throws: EPERM with the folder or the link that is somebody else's to change.
    package init(_ path: String, owner: UInt32) throws(SystemCallError) {
        var names = path.cut(at: "/").map(String.init)[...]
        var place = try Self.root()
        var (shown, links) = ("/", 0)
        while let name = names.popFirst() {
            let trust = try Self.trust(in: place.rawValue, shown, owner)
            guard trust != .many else { throw Self.distrusted(shown) }
            let next = OwnedDescriptor(
                unsafe openat(place.rawValue, name, Self.placeOnly | O_NOFOLLOW | O_CLOEXEC)
            )
            let code = errno
            let here = (shown.isSame(as: "/") ? shown : shown + "/") + name
            let status = try Self.status(of: next.rawValue, here, code)
            if trust == .shared, status.st_uid != 0, status.st_uid != owner { throw Self.distrusted(here) }
            guard status.st_mode & S_IFMT == S_IFLNK else {
                place = next
                shown = here
                continue
            }
            links += 1
            guard links <= Self.maximumLinks, let target = Self.target(of: next.rawValue) else {
                throw SystemCallError(stage: Self.search, object: here, errno: ELOOP)
            }
            names = (target.cut(at: "/").map(String.init) + Array(names))[...]
            if target.begins(with: "/") {
                place = try Self.root()
                shown = "/"
            }
        }
        guard try Self.trust(in: place.rawValue, shown, owner) == .full else {
            throw SystemCallError(
                stage:
                    "trust the folder of the approvers' socket, in which others than its owner and root may write",
                object: shown,
                errno: EPERM
            )
        }
        descriptor = place
    }

    private static let search = "find the folder of the approvers' socket"

    private static func root() throws(SystemCallError) -> OwnedDescriptor {
        let root = OwnedDescriptor(unsafe open("/", placeOnly | O_DIRECTORY | O_CLOEXEC))
        guard root.rawValue >= 0 else { throw SystemCallError(stage: search, object: "/", errno: errno) }
        return root
    }

    /// What is known of something that was just opened, or `code` of why it was not.
    private static func status(
        of descriptor: Int32,
        _ shown: String,
        _ code: Int32 = 0
    ) throws(SystemCallError) -> stat {
        var status = stat()
        guard descriptor >= 0 else { throw SystemCallError(stage: search, object: shown, errno: code) }
        guard unsafe fstat(descriptor, &status) == 0 else {
            throw SystemCallError(stage: search, object: shown, errno: errno)
        }
        return status
    }

    /// Who may write in a folder of the way.
    private static func trust(
        in folder: Int32,
        _ shown: String,
        _ owner: UInt32
    ) throws(SystemCallError) -> Trust {
        let status = try status(of: folder, shown)
        guard status.st_mode & S_IFMT == S_IFDIR else {
            throw SystemCallError(stage: search, object: shown, errno: ENOTDIR)
        }
        guard status.st_uid == owner || status.st_uid == 0 else { throw distrusted(shown) }
        if status.st_mode & 0o022 == 0 { return .full }
        return status.st_mode & S_ISVTX != 0 ? .shared : .many
    }

    private static func distrusted(_ shown: String) -> SystemCallError {
        SystemCallError(
            stage:
                "trust the way to the approvers' socket, on which others than its owner and root may move a folder",
            object: shown,
            errno: EPERM
        )
    }

    /// What a link that is open leads to (readlinkat(2)); nil where that is longer than any path.
    private static func target(of link: Int32) -> String? {
        let bytes = unsafe [UInt8](unsafeUninitializedCapacity: Int(PATH_MAX)) { buffer, count in
            let filled = unsafe buffer.withMemoryRebound(to: CChar.self) { chars -> Int in
                guard let base = chars.baseAddress else { return -1 }
                return unsafe readlinkat(link, "", base, Int(PATH_MAX))
            }
            count = max(0, filled)
        }
        return bytes.isEmpty || bytes.count == Int(PATH_MAX) ? nil : String(validating: bytes, as: UTF8.self)
    }
}
