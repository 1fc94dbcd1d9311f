internal import Model
package import Policy

/// One path that a profile lets an agent see.
package struct Grant: Sendable, Hashable {
    package var path: String
    package var isWritable: Bool
    /// What is written goes to a layer above the host's folder.
    package var isCopy = false
    /// The innermost grant around it is such a copy: it is taken from there, and not from the host.
    var isInCopy = false
    /// Only takes something away: where the path is not there, there is nothing to take.
    var isProtection = false
    /// It was found in what is granted: it is mounted on itself there, not taken from the old view.
    var isFound = false
    /// Nothing need be there: nobody could make it.
    var isOptional = false

    package static func == (left: Grant, right: Grant) -> Bool {
        left.path.isSame(as: right.path) && left.isWritable == right.isWritable && left.isCopy == right.isCopy
            && left.isInCopy == right.isInCopy && left.isProtection == right.isProtection
            && left.isFound == right.isFound && left.isOptional == right.isOptional
    }

    package func hash(into hasher: inout Hasher) { hasher.combine(ByteText(path)) }

    /// Every grant, shallow paths first.
    ///
    /// At one path `protect` beats `copy` beats `write` beats `read`; hidden ones are left out.
    package static func all(of files: FileRules, home: String) -> [Grant] {
        let (read, write) = (files.read.map { ByteText($0) }, (files.write + files.copy).map { ByteText($0) })
        var writable: [ByteText: Bool] = [:]
        for path in read { writable[path] = writable[path] ?? false }
        for path in write { writable[path] = true }
        let named = files.protect.map { ByteText($0.path) }
        let protected = named + files.found.all.map { ByteText($0.path) }
        let copied = Set(files.copy.map { ByteText($0) }).subtracting(protected)
        let (folders, onHost) = (Set(write), Set(files.write.map { ByteText($0) }))
        let (isRead, isProtected) = (Set(read), Set(protected))
        // A copy's own folder, and those above it that are written on the host, stay where they are.
        let pinned =
            named.flatMap { foldersAbove($0.text, within: folders) }
            + copied.flatMap { foldersAbove($0.text, within: onHost) }
        let byName = Set(read + write + named + pinned)
        let above = Set(files.found.all.flatMap { foldersAbove($0.path, within: folders) }).subtracting(
            byName
        )
        // Where nothing may be written, nothing is moved either.
        let pins = (pinned + above).filter { isWritable($0, folders, isRead, isProtected) }
        for path in pins { writable[path] = writable[path] ?? true }
        for path in protected { writable[path] = false }
        for path in files.hide { writable[ByteText(path)] = nil }
        let optional = Set(protected + pins).subtracting(read + write)
        let absent = Set(files.found.absent.map { ByteText($0.path) })
        let grants = writable.map { path, isWritable in
            let isProtection = optional.contains(path)
            let grant = Grant(
                path: path.text,
                isWritable: isWritable,
                isCopy: copied.contains(path),
                isInCopy: isProtection && files.isCopied(path.text),
                isProtection: isProtection,
                isFound: !byName.contains(path),
                isOptional: absent.contains(path)
            )
            return (depth: path.text.cut(at: "/").count, grant: grant)
        }
        return grants.sorted { left, right in
            left.depth == right.depth
                ? left.grant.path.precedes(right.grant.path) : left.depth < right.depth
        }.map(\.grant)
    }

    /// The folders between a protected path and the writable one that it is in.
    ///
    /// Each becomes a mount of its own, which cannot be renamed: else `.git` would be moved away, protected parts
    /// and all, and made again without.
    private static func foldersAbove(_ path: String, within writable: Set<ByteText>) -> [ByteText] {
        var above: [ByteText] = []
        var folder = path[...]
        while let slash = folder.lastPlace(of: "/"), slash > folder.startIndex {
            folder = folder[..<slash]
            above.append(ByteText(folder))
        }
        // Deepest first; what is above the outermost writable folder may be renamed by nobody.
        if writable.contains(ByteText("/")) { return above }
        guard let outermost = above.lastIndex(where: { writable.contains($0) }) else { return [] }
        return Array(above[..<outermost])
    }

    /// The folders above hidden paths that could be renamed, outermost first.
    ///
    /// The cover would go along, and the next launch find nothing where it looks, so that what was hidden is seen by
    /// another name. In a copy all that stays in the agent's layer, which no other launch looks at.
    package static func pins(above hidden: [String], among grants: [Grant]) -> [String] {
        var pins: Set<ByteText> = []
        for path in hidden {
            var folder = path[...]
            while let slash = folder.lastPlace(of: "/"), slash > folder.startIndex {
                folder = folder[..<slash]
                let name = String(folder)
                guard let grant = grants.last(where: { covers($0.path, name) }) else { break }
                let isOnHost = grant.isWritable && !grant.isCopy && !grant.isInCopy
                if isOnHost, !grant.path.isSame(as: name) { pins.insert(ByteText(name)) }
            }
        }
        return pins.map { (depth: $0.text.cut(at: "/").count, path: $0.text) }.sorted { left, right in
            left.depth == right.depth ? left.path.precedes(right.path) : left.depth < right.depth
        }.map(\.path)
    }

    /// Whether the innermost of these paths that is at or above another is a writable one.
    private static func isWritable(
        _ path: ByteText,
        _ writable: Set<ByteText>,
        _ read: Set<ByteText>,
        _ protected: Set<ByteText>
    ) -> Bool {
        var folder = path.text[...]
        while !folder.isEmpty {
            let key = ByteText(folder)
            if protected.contains(key) { return false }
            if writable.contains(key) { return true }
            if read.contains(key) { return false }
            folder = folder[..<(folder.lastPlace(of: "/") ?? folder.startIndex)]
        }
        return writable.contains(ByteText("/"))
    }

    /// Whether `path` is `folder` or beneath it.
    package static func covers(_ folder: String, _ path: String) -> Bool {
        path.isWithin(folder)
    }
}

extension FileRules {
    /// The innermost of these paths around another.
    static func innermost(_ paths: [String], around path: String) -> String? {
        paths.filter { Grant.covers($0, path) }.max { $0.utf8.count < $1.utf8.count }
    }

    /// Whether the innermost grant around a path is a copy, so that nothing of the host's is made or changed there.
    func isCopied(_ path: String) -> Bool {
        guard let copied = Self.innermost(copy, around: path) else { return false }
        let other = Self.innermost(read + write, around: path)
        return copied.utf8.count >= other?.utf8.count ?? 0
    }
}
