/// The mounted cgroup hierarchies and this process's own group in each.
struct CgroupMounts: Sendable, Hashable {
    struct Mount: Sendable, Hashable {
        let point: String
        /// This process's group, below `point`.
        let ownFolder: String
    }

    private(set) var unified: Mount?
    /// By controller.
    private(set) var classic: [String: Mount] = [:]

    static func current() -> CgroupMounts {
        CgroupMounts(
            mountInfo: CgroupFile.read("/proc/self/mountinfo") ?? "",
            groups: CgroupFile.read("/proc/self/cgroup") ?? ""
        )
    }

    /// From the texts of `/proc/self/mountinfo` and `/proc/self/cgroup` (proc(5), cgroups(7)).
    init(mountInfo: String, groups: String) {
        let own = Self.ownPaths(groups)
        for line in mountInfo.split(separator: "\n") {
            let fields = line.split(separator: " ")
            guard let dash = fields.firstIndex(of: "-"), fields.count > dash + 3, dash > 5 else { continue }
            // An escaped character would need decoding; no cgroup mount has one.
            guard !fields[4].contains("\\") else { continue }
            let options = fields[dash + 3].split(separator: ",").map(String.init)
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
        for line in text.split(separator: "\n") {
            let fields = line.split(separator: ":", maxSplits: 2, omittingEmptySubsequences: false)
            guard fields.count == 3 else { continue }
            if fields[1].isEmpty { paths[""] = String(fields[2]) }
            for controller in fields[1].split(separator: ",") {
                paths[String(controller)] = String(fields[2])
            }
        }
        return paths
    }

    /// The group's folder: its path less the part of the hierarchy that is not mounted.
    private static func mount(_ root: String, _ point: String, _ path: String?) -> Mount? {
        guard let path, !path.split(separator: "/").contains("..") else { return nil }
        let below = root == "/" ? path[...] : path.dropFirst(root.count)
        guard root == "/" || path == root || path.hasPrefix(root + "/") else { return nil }
        return Mount(point: point, ownFolder: below == "/" || below.isEmpty ? point : point + below)
    }
}
