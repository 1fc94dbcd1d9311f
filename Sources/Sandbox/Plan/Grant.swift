internal import Model
package import Policy

/// One path that a profile lets an agent see.
package struct Grant: Sendable, Hashable {
    package var path: String
    package var isWritable: Bool
    /// Only takes something away: where the path is not there, there is nothing to take.
    var isProtection = false

    package static func == (left: Grant, right: Grant) -> Bool {
        left.path.isSame(as: right.path) && left.isWritable == right.isWritable
            && left.isProtection == right.isProtection
    }

    package func hash(into hasher: inout Hasher) { hasher.combine(ByteText(path)) }

    /// Every grant, shallow paths first.
    ///
    /// At one path `protect` beats `write` beats `read`; hidden ones are left out.
    package static func all(of files: FileRules, home: String) -> [Grant] {
        let (read, write) = (files.read.map { ByteText($0) }, files.write.map { ByteText($0) })
        var writable: [ByteText: Bool] = [:]
        for path in read { writable[path] = writable[path] ?? false }
        for path in write { writable[path] = true }
        let protected = files.protect.map { ByteText($0.path) }
        let pinned = protected.flatMap { foldersAbove($0.text, within: files.write) }.map { ByteText($0) }
        for path in pinned { writable[path] = writable[path] ?? true }
        for path in protected { writable[path] = false }
        for path in files.hide { writable[ByteText(path)] = nil }
        let optional = Set(protected + pinned).subtracting(read + write)
        let grants = writable.map { path, isWritable in
            Grant(path: path.text, isWritable: isWritable, isProtection: optional.contains(path))
        }
        return grants.sorted {
            let (left, right) = ($0.path.cut(at: "/").count, $1.path.cut(at: "/").count)
            return left == right ? $0.path.precedes($1.path) : left < right
        }
    }

    /// The folders between a protected path and the writable one that it is in.
    ///
    /// Each becomes a mount of its own, which cannot be renamed: else `.git` would be moved away, protected parts
    /// and all, and made again without.
    private static func foldersAbove(_ path: String, within writable: [String]) -> [String] {
        var folders: [String] = []
        var folder = path[...]
        while let slash = folder.lastPlace(of: "/"), slash > folder.startIndex {
            folder = folder[..<slash]
            let name = String(folder)
            guard writable.contains(where: { !$0.isSame(as: name) && covers($0, name) }) else { break }
            folders.append(name)
        }
        return folders
    }

    /// Whether `path` is `folder` or beneath it.
    package static func covers(_ folder: String, _ path: String) -> Bool {
        path.isWithin(folder)
    }
}
