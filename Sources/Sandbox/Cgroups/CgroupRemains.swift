internal import Glibc
internal import Model

/// What supervisors that were killed left in the common folder: groups that nobody holds any more.
enum CgroupRemains {
    /// Removes them where they are this user's and empty.
    ///
    /// Nothing is killed: a group whose processes are still dying stays for the next supervisor.
    static func remove(in common: String) {
        for name in FolderListing.names(in: common) where isAgents(name) {
            let folder = "\(common)/\(name)"
            guard let hold = CgroupHold.taken(of: folder), hold.isOwn else { continue }
            remove(folder, depth: 0)
        }
    }

    /// The group's own children first: those of the agent's children, and the leaf of version 2.
    private static func remove(_ folder: String, depth: Int) {
        for name in FolderListing.names(in: folder)
        where depth < maximumDepth && (isAgents(name) || name == CgroupPlace.leafName) {
            remove("\(folder)/\(name)", depth: depth + 1)
        }
        _ = CgroupFile.removeFolder(folder)
    }

    /// More levels than agents can be nested, and one for the leaf.
    private static let maximumDepth = 32

    /// `RUN.N`, as the supervisor names its agents: twelve hex digits, a dot, a number.
    private static func isAgents(_ name: String) -> Bool {
        let parts = name.cut(at: ".", omittingEmptySubsequences: false)
        guard parts.count == 2, parts[0].utf8.count == 12, !parts[1].isEmpty else { return false }
        let isRun = parts[0].utf8.allSatisfy { (0x30...0x39).contains($0) || (0x61...0x66).contains($0) }
        return isRun && parts[1].utf8.allSatisfy { (0x30...0x39).contains($0) }
    }
}
