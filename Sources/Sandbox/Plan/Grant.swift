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
        for path in files.protect { writable[path] = false }
        for path in files.hide { writable[path] = nil }
        let grants = writable.map { path, isWritable in
            Grant(path: path, isWritable: isWritable, isProtection: files.protect.contains(path))
        }
        return grants.sorted {
            let (left, right) = ($0.path.split(separator: "/").count, $1.path.split(separator: "/").count)
            return left == right ? $0.path < $1.path : left < right
        }
    }

    /// Whether `path` is `folder` or beneath it.
    static func covers(_ folder: String, _ path: String) -> Bool {
        folder == "/" || path == folder || path.hasPrefix(folder + "/")
    }
}
