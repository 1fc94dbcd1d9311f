internal import Model

/// A place where groups may be made, and the controllers that work there (cgroups(7)).
package struct CgroupHierarchy: Sendable, Hashable {
    /// Versions of the kernel's interface.
    package enum Version: String, Sendable {
        case v1 = "cgroup v1"
        case v2 = "cgroup v2"
    }

    package let version: Version
    /// The existing folder in which `bailey` is made.
    package let base: String
    package let controllers: [CgroupController]

    /// The places there are: version 2 where it is delegated, version 1 for what that lacks.
    ///
    /// A process stands in one group of version 2 only, so that is one place for all its controllers.
    package static func all(in mounts: CgroupMounts = .current()) -> [CgroupHierarchy] {
        let unified = delegated(mounts)
        let left = CgroupController.allCases.filter { unified?.controllers.contains($0) != true }
        return (unified.map { [$0] } ?? []) + left.compactMap { classic($0, mounts) }
    }

    /// The ancestor of our own group that we may write to and that hands on most; the nearest of equals.
    private static func delegated(_ mounts: CgroupMounts) -> CgroupHierarchy? {
        guard let mount = mounts.unified else { return nil }
        var best: CgroupHierarchy?
        var folder = mount.ownFolder
        for _ in 0..<maximumDepth {
            let found = handedOn(by: folder)
            if found.count > best?.controllers.count ?? 0, CgroupFile.isWritable(folder) {
                best = Self(version: .v2, base: folder, controllers: found)
            }
            guard folder != mount.point, let slash = folder.lastPlace(of: "/") else { break }
            folder = String(folder[..<slash])
        }
        return best
    }

    private static func handedOn(by folder: String) -> [CgroupController] {
        let words = (CgroupFile.read(folder + "/cgroup.subtree_control") ?? "").split(
            whereSeparator: \.isWhitespace
        )
        return CgroupController.allCases.filter { words.contains($0.rawValue[...]) }
    }

    private static func classic(_ controller: CgroupController, _ mounts: CgroupMounts) -> CgroupHierarchy? {
        guard let mount = mounts.classic[controller.rawValue],
            CgroupFile.exists(mount.ownFolder + "/cgroup.procs"), CgroupFile.isWritable(mount.ownFolder)
        else { return nil }
        return Self(version: .v1, base: mount.ownFolder, controllers: [controller])
    }

    /// More levels than groups have in practice; bounds the walk.
    private static let maximumDepth = 64
}

/// The controllers that hold a profile's limits.
package enum CgroupController: String, Sendable, CaseIterable {
    case memory
    case processes = "pids"
    case processor = "cpu"
}
