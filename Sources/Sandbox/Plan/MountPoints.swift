internal import Model

/// Where mounts of a view begin: whether a path lies beneath one is asked hundreds of times for each plan.
package struct MountPoints: Sendable {
    private var paths: Set<ByteText> = []

    package init() {}

    package mutating func insert(_ path: String) {
        paths.insert(ByteText(path))
    }

    /// Whether a path is one of them or beneath one.
    package func cover(_ path: String) -> Bool {
        var folder = path[...]
        while !folder.isEmpty {
            if paths.contains(ByteText(folder)) { return true }
            folder = folder[..<(folder.utf8.lastIndex(of: UInt8(ascii: "/")) ?? folder.startIndex)]
        }
        return paths.contains(ByteText("/"))
    }
}
