internal import Model

/// The mounted cgroup hierarchies and this process's own group in each.
package struct CgroupMounts: Sendable, Hashable {
    package struct Mount: Sendable, Hashable {
        package let point: String
        /// This process's group, below `point`.
        package let ownFolder: String
    }

    package private(set) var unified: Mount?
    /// By controller.
    package private(set) var classic: [String: Mount] = [:]

    package static func current() -> CgroupMounts {
        CgroupMounts(
            mountInfo: CgroupFile.read("/proc/self/mountinfo") ?? "",
            groups: CgroupFile.read("/proc/self/cgroup") ?? ""
        )
    }

    /// From the texts of `/proc/self/mountinfo` and `/proc/self/cgroup` (proc(5), cgroups(7)).
    package init(mountInfo: String, groups: String) {
        let own = Self.ownPaths(groups)
        for line in mountInfo.cut(at: "\n") {
            let fields = line.cut(at: " ")
            guard let dash = fields.firstIndex(where: { $0.isSame(as: "-") }), fields.count > dash + 3,
                dash > 5
            else { continue }
            // An escaped character would need decoding; no cgroup mount has one.
            guard !fields[4].holds("\\") else { continue }
            let options = fields[dash + 3].cut(at: ",").map(String.init)
            add(kind: fields[dash + 1], root: String(fields[3]), point: String(fields[4]), options, own)
        }
    }

    private mutating func add(
        kind: Substring,
        root: String,
        point: String,
        _ options: [String],
        _ own: [String: String]
    ) {
        if kind == "cgroup2", let mount = Self.mount(root, point, own[""]) { unified = unified ?? mount }
        guard kind == "cgroup" else { return }
        for option in options where classic[option] == nil {
            if let mount = Self.mount(root, point, own[option]) { classic[option] = mount }
        }
    }

    /// Our group by controller; version 2 has the empty name.
    private static func ownPaths(_ text: String) -> [String: String] {
        var paths: [String: String] = [:]
        for line in text.cut(at: "\n") {
            let fields = line.cut(at: ":", maxSplits: 2, omittingEmptySubsequences: false)
            guard fields.count == 3 else { continue }
            if fields[1].isEmpty { paths[""] = String(fields[2]) }
            for controller in fields[1].cut(at: ",") {
                paths[String(controller)] = String(fields[2])
            }
        }
        return paths
    }

    /// The group's folder: its path less the part of the hierarchy that is not mounted.
    private static func mount(_ root: String, _ point: String, _ path: String?) -> Mount? {
        guard let path, !path.cut(at: "/").holds(bytes: "..") else { return nil }
        let below = root == "/" ? path[...] : path.dropFirst(bytes: root.utf8.count)
        guard path.isWithin(root) else { return nil }
        return Mount(point: point, ownFolder: below == "/" || below.isEmpty ? point : point + below)
    }
}
