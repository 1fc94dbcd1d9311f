internal import CSandbox
internal import Glibc
internal import Linux

/// What planning needs to know of the machine, looked up once.
struct MachineFacts: Sendable {
    /// A part of the system view.
    struct Part: Sendable, Hashable {
        var path: String
        var isFile: Bool
    }

    /// Who owns a path, and what it is.
    struct PathFacts: Sendable, Hashable {
        var owner: UInt32 = 0
        var group: UInt32 = 0
        var isFile = false
        var exists = false
    }

    var isRoot: Bool
    /// Landlock's ABI, 0 for none.
    var landlock: Int
    /// The compiled seccomp filter.
    var filter: [UInt8]
    /// Bound as they are.
    var system: [Part]
    /// Symbolic links of the root, path and target.
    var links: [(String, String)]
    /// Bailey's own programs: path inside, path outside.
    var programs: [(String, String)]
    /// Bailey's state and configuration: never granted.
    var ownFolders: [String]

    func facts(of path: String) -> PathFacts {
        var status = stat()
        guard unsafe stat(path, &status) == 0 else { return PathFacts() }
        return PathFacts(
            owner: status.st_uid,
            group: status.st_gid,
            isFile: status.st_mode & S_IFMT != S_IFDIR,
            exists: true
        )
    }
}
