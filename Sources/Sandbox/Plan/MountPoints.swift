/// Where mounts of a view begin: whether a path lies beneath one is asked hundreds of times for each plan.
struct MountPoints: Sendable {
    private var paths: Set<Substring> = []

    mutating func insert(_ path: String) {
        paths.insert(path[...])
    }

    /// Whether a path is one of them or beneath one.
    func cover(_ path: String) -> Bool {
        var folder = path[...]
        while !folder.isEmpty {
            if paths.contains(folder) { return true }
            folder = folder[..<(folder.utf8.lastIndex(of: UInt8(ascii: "/")) ?? folder.startIndex)]
        }
        return paths.contains("/")
    }
}
