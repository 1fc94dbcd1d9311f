internal import CSandbox
internal import Glibc
internal import Linux
internal import Model

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

extension MachineFacts {
    /// Refuses what would hand the agent the machine, or Bailey itself.
    func check(_ grant: Grant) throws(LaunchFailure) {
        let parts = grant.path.cut(at: "/").count
        let kernel = ["/proc", "/sys", "/dev", "/run", "/.bailey"].contains { Grant.covers($0, grant.path) }
        let own = ownFolders.contains { Grant.covers($0, grant.path) || Grant.covers(grant.path, $0) }
        guard parts > 0, !kernel, !own else {
            throw LaunchFailure(
                step: "grant a path",
                object: grant.path,
                errno: 0,
                remedy: own && parts > 0
                    ? "Bailey keeps its own state there, which no agent may see: use a folder inside it that is apart."
                    : "An agent is never given /, /proc, /sys, /dev or /run: name a folder below, or another workspace with -w."
            )
        }
    }
}
