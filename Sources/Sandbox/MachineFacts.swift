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
        var device: UInt64 = 0
        var inode: UInt64 = 0
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
    let mounts = MountMemory()

    func facts(of path: String) -> PathFacts {
        var status = stat()
        return unsafe stat(path, &status) == 0 ? PathFacts(status) : PathFacts()
    }
}

extension MachineFacts.PathFacts {
    init(_ status: stat) {
        owner = status.st_uid
        group = status.st_gid
        isFile = status.st_mode & S_IFMT != S_IFDIR
        exists = true
        (device, inode) = (UInt64(status.st_dev), UInt64(status.st_ino))
    }
}

extension MachineFacts {
    /// Refuses, by its name, what would hand the agent the machine, or Bailey itself; what lies where is for
    /// `GrantSurvey`.
    func check(_ grant: Grant, own: OwnFiles) throws(LaunchFailure) {
        let isKernels = (OwnPlaces.kernelPaths + ["/.bailey"]).contains { Grant.covers($0, grant.path) }
        guard !grant.path.cut(at: "/").isEmpty, !isKernels else { throw .kernelGrant(grant.path) }
        for folder in own.hidden where Grant.covers(folder, grant.path) || Grant.covers(grant.path, folder) {
            // An agent may ask: it hears of its own path alone.
            throw .ownGrant(grant.path, nil)
        }
    }
}
