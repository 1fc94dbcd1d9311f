internal import Policy

/// One path that a profile lets an agent see.
struct Grant: Sendable, Hashable {
    var path: String
    var isWritable: Bool
    /// Only takes something away: where the path is not there, there is nothing to take.
    var isProtection = false

    /// Every grant, shallow paths first.
    ///
    /// At one path `protect` beats `write` beats `read`; hidden ones are left out.
    static func all(of files: FileRules, home: String) -> [Grant] {
        var writable: [String: Bool] = [:]
        for path in files.read { writable[path] = writable[path] ?? false }
        for path in files.write { writable[path] = true }
        let protected = files.protect.map(\.path)
        let pinned = protected.flatMap { foldersAbove($0, within: files.write) }
        for path in pinned { writable[path] = writable[path] ?? true }
        for path in protected { writable[path] = false }
        for path in files.hide { writable[path] = nil }
        let optional = Set(protected + pinned).subtracting(files.read + files.write)
        let grants = writable.map { path, isWritable in
            Grant(path: path, isWritable: isWritable, isProtection: optional.contains(path))
        }
        return grants.sorted {
            let (left, right) = ($0.path.split(separator: "/").count, $1.path.split(separator: "/").count)
            return left == right ? $0.path < $1.path : left < right
        }
    }

    /// The folders between a protected path and the writable one that it is in.
    ///
    /// Each becomes a mount of its own, which cannot be renamed: else `.git` would be moved away, protected parts
    /// and all, and made again without.
    private static func foldersAbove(_ path: String, within writable: [String]) -> [String] {
        var folders: [String] = []
        var folder = path[...]
        while let slash = folder.lastIndex(of: "/"), slash > folder.startIndex {
            folder = folder[..<slash]
            let name = String(folder)
            guard writable.contains(where: { $0 != name && covers($0, name) }) else { break }
            folders.append(name)
        }
        return folders
    }

    /// Whether `path` is `folder` or beneath it.
    static func covers(_ folder: String, _ path: String) -> Bool {
        folder == "/" || path == folder || path.hasPrefix(folder + "/")
    }
}
