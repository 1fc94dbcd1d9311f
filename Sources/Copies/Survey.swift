internal import CSandbox
internal import Glibc
internal import Linux
internal import Model

/// Compares one copied folder with the host's.
///
/// Both sides are read by descriptor, name by name; of files, bytes only where both sides have one of the same size.
struct Survey {
    let record: CopyRecord
    let folder: CopyRecord.Folder
    let protected: [EntryPath]
    private(set) var changes: [Change] = []
    private var entries = 0

    init(_ record: CopyRecord, _ folder: CopyRecord.Folder) {
        self.record = record
        self.folder = folder
        protected = folder.protected.compactMap { path in
            guard path.isWithin(folder.path) else { return nil }
            return EntryPath(path.dropFirst(bytes: folder.path.utf8.count))
        }
    }

    /// Every change, folders before what is in them.
    static func changes(
        of record: CopyRecord,
        _ folder: CopyRecord.Folder,
        layer: borrowing Folder,
        host: borrowing Folder
    ) throws(CopyFailure) -> [Change] {
        var survey = Survey(record, folder)
        let (now, was) = try Self.reading(EntryPath()) { () throws(SystemCallError) in
            (try layer.entry(), try host.entry())
        }
        if now.permissions != was.permissions, now.permissions != was.permissions | 0o700 {
            survey.add(EntryPath(), .mode, now, was)
        }
        try survey.walk(layer, host, EntryPath())
        if was.inode != folder.inode {
            let problem = Change.Problem(
                "the host's folder is another one than was copied",
                yieldsToForce: true
            )
            for index in survey.changes.indices { survey.changes[index].problems.append(problem) }
        }
        return survey.changes
    }

    private mutating func add(
        _ path: EntryPath,
        _ kind: Change.Kind,
        _ now: Entry?,
        _ was: Entry?,
        _ problems: [Change.Problem] = []
    ) {
        changes.append(Change(path: path, kind: kind, now: now, was: was, problems: problems))
    }

    private mutating func count(_ path: EntryPath, more: Int) throws(CopyFailure) {
        entries += more
        guard entries <= CopyLimits.entries, path.names.count <= CopyLimits.depth else {
            throw CopyFailure(
                "A copy of more than \(CopyLimits.entries) entries, or \(CopyLimits.depth) folders deep, is not looked"
                    + " through; it can be discarded.",
                at: path.repairedText
            )
        }
    }

    static func reading<Value: ~Copyable>(
        _ path: EntryPath,
        _ body: () throws(SystemCallError) -> Value
    ) throws(CopyFailure) -> Value {
        do throws(SystemCallError) { return try body() } catch {
            throw CopyFailure(
                "It changed meanwhile, or may not be read: try again.",
                at: path.repairedText,
                because: error
            )
        }
    }

    private mutating func walk(
        _ layer: borrowing Folder,
        _ host: borrowing Folder,
        _ path: EntryPath
    ) throws(CopyFailure) {
        let names = try Self.reading(path) { () throws(SystemCallError) in
            try layer.names(limit: CopyLimits.entries)
        }
        try count(path, more: names.count)
        for name in names {
            let inner = path.appending(name)
            let (now, was) = try Self.reading(inner) { () throws(SystemCallError) in
                (try layer.entry(name), try host.entry(name))
            }
            if let now { try compare(name, now, was, layer, host, inner) }
        }
        guard try Self.reading(path, { () throws(SystemCallError) in try layer.isOpaque() }) else { return }
        let left = try Self.reading(path) { () throws(SystemCallError) in
            try host.names(limit: CopyLimits.entries)
        }
        let kept = Set(names)
        for name in left where !kept.contains(name) { try delete(name, host, path.appending(name)) }
    }

    private mutating func compare(
        _ name: EntryName,
        _ now: Entry,
        _ was: Entry?,
        _ layer: borrowing Folder,
        _ host: borrowing Folder,
        _ path: EntryPath
    ) throws(CopyFailure) {
        if now.isWhiteout { return try delete(name, host, path) }
        if isStandIn(now, was, path) { return }
        let problems = try problems(of: name, now, was, layer, host, path)
        switch (now.kind, was?.kind) {
        case (.folder, .folder):
            if let was, now.permissions != was.permissions { add(path, .mode, now, was, problems) }
            guard let inner = try entered(name, layer, path, now, was) else { return }
            let theirs = try Self.reading(path) { () throws(SystemCallError) in try host.folder(name) }
            try walk(inner, theirs, path)
        case (.folder, _): try newFolder(name, now, was, layer, path, problems)
        case (_, nil): add(path, .added, now, nil, problems)
        case (let mine, let theirs?) where mine != theirs: add(path, .type, now, was, problems)
        case (.file, _), (.link, _):
            guard let was else { return }
            if try !isSameContent(name, now, was, layer, host, path) {
                add(path, .changed, now, was, problems)
            } else if now.kind == .file, now.permissions != was.permissions {
                add(path, .mode, now, was, problems)
            }
        default: add(path, .changed, now, was, problems)
        }
    }

    /// A folder of the layer; nil where it may not be read, which is noted.
    private mutating func entered(
        _ name: EntryName,
        _ layer: borrowing Folder,
        _ path: EntryPath,
        _ now: Entry,
        _ was: Entry?
    ) throws(CopyFailure) -> Folder? {
        do throws(SystemCallError) { return try layer.folder(name) } catch {
            let problem = Change.Problem("it cannot be read: \(SystemCallError.text(error.errno))")
            add(path, was == nil ? .added : .changed, now, was, [problem])
            return nil
        }
    }

    /// A folder where the host has none: everything in it is new.
    private mutating func newFolder(
        _ name: EntryName,
        _ now: Entry,
        _ was: Entry?,
        _ layer: borrowing Folder,
        _ path: EntryPath,
        _ problems: [Change.Problem]
    ) throws(CopyFailure) {
        let place = changes.count
        guard let inner = try entered(name, layer, path, now, was) else { return }
        try walk(inner, path)
        // What holds the place of a protected path is Bailey's, not the agent's.
        if was == nil, changes.count == place, protected.contains(where: { $0.isWithin(path) }) { return }
        changes.insert(
            Change(path: path, kind: was == nil ? .added : .type, now: now, was: was, problems: problems),
            at: place
        )
    }

    private mutating func walk(_ layer: borrowing Folder, _ path: EntryPath) throws(CopyFailure) {
        let names = try Self.reading(path) { () throws(SystemCallError) in
            try layer.names(limit: CopyLimits.entries)
        }
        try count(path, more: names.count)
        for name in names {
            let inner = path.appending(name)
            guard
                let now = try Self.reading(inner, { () throws(SystemCallError) in try layer.entry(name) }),
                !now.isWhiteout, !isStandIn(now, nil, inner)
            else { continue }
            let problems = own(now, nil, inner)
            if now.kind == .folder {
                try newFolder(name, now, nil, layer, inner, problems)
            } else {
                add(inner, .added, now, nil, problems)
            }
        }
    }

    /// Whether a folder of the layer holds nothing but what stands in for protected paths, and folders above these.
    func isUntouched(_ layer: borrowing Folder, _ path: EntryPath, permissions: UInt32?) -> Bool {
        guard let own = try? layer.entry(), let names = try? layer.names(limit: protected.count) else {
            return false
        }
        guard own.permissions | 0o700 == permissions ?? Self.standInPermissions | 0o700 else { return false }
        return names.allSatisfy { name in
            let inner = path.appending(name)
            guard let now = try? layer.entry(name) else { return false }
            if isStandIn(now, nil, inner) { return true }
            guard protected.contains(where: { $0.isWithin(inner) }), let folder = try? layer.folder(name)
            else {
                return false
            }
            return isUntouched(folder, inner, permissions: try? host(inner))
        }
    }

    /// Of the folders that a launch makes above what stands in for a protected path (`LaunchPlanner`).
    private static let standInPermissions: UInt32 = 0o755

    /// The permissions of a folder of the host's; nil where it has none there.
    private func host(_ path: EntryPath) throws(SystemCallError) -> UInt32 {
        try Folder.open(folder.path).folder(path.names).entry().permissions
    }

    /// A file without content of its own, or a folder, at a protected path that is absent: a launch puts it there, and the agent cannot change
    /// it.
    private func isStandIn(_ now: Entry, _ was: Entry?, _ path: EntryPath) -> Bool {
        guard was == nil, protected.contains(path) else { return false }
        let content = StandInContent.bytes(at: "/" + path.repairedText)
        return now.kind == .folder || now.kind == .file && Int(now.size) == content.count
    }

    private func isSameContent(
        _ name: EntryName,
        _ now: Entry,
        _ was: Entry,
        _ layer: borrowing Folder,
        _ host: borrowing Folder,
        _ path: EntryPath
    ) throws(CopyFailure) -> Bool {
        if now.kind == .link {
            return try Self.reading(path) { () throws(SystemCallError) in
                try layer.target(name) == host.target(name)
            }
        }
        guard now.size == was.size else { return false }
        // What cannot be read counts as changed; that it cannot is said where it would be applied.
        let flags = O_RDONLY | O_NONBLOCK
        guard let mine = try? layer.open(name, flags), let theirs = try? host.open(name, flags) else {
            return false
        }
        return csb_is_same(mine.rawValue, theirs.rawValue, now.size) == 1
    }
}

/// What speaks against a change.
extension Survey {
    private static let since = "changed on the host since the copy was made"

    fileprivate func own(_ now: Entry, _ was: Entry?, _ path: EntryPath) -> [Change.Problem] {
        var problems: [Change.Problem] = []
        switch now.kind {
        case .file, .folder, .link: break
        case .pipe: problems.append(Change.Problem("a named pipe is not applied"))
        case .socket: problems.append(Change.Problem("a socket is not applied"))
        case .device: problems.append(Change.Problem("a device is not applied"))
        }
        if now.owner != record.layerOwner {
            problems.append(Change.Problem("it belongs to uid \(now.owner), who is not the agent"))
        }
        if protected.contains(where: { path.isWithin($0) }) {
            problems.append(Change.Problem("the profile protects it"))
        }
        return problems
    }

    fileprivate func problems(
        of name: EntryName,
        _ now: Entry,
        _ was: Entry?,
        _ layer: borrowing Folder,
        _ host: borrowing Folder,
        _ path: EntryPath
    ) throws(CopyFailure) -> [Change.Problem] {
        var problems = own(now, was, path)
        guard let was else { return problems }
        if was.owner != folder.owner, now.kind != .folder || was.kind != .folder {
            problems.append(
                Change.Problem("the host's belongs to uid \(was.owner), not to the folder's owner")
            )
        }
        if was.kind == .folder, now.kind != .folder {
            var other = Survey(record, folder)
            problems += try other.loss(name, was, host, path)
        } else if was.kind != .folder, was.changed >= record.made {
            problems.append(Change.Problem(Self.since, yieldsToForce: true))
        }
        if now.kind != was.kind, protected.contains(where: { $0.isWithin(path) }) {
            problems.append(Change.Problem("the profile protects something in it"))
        }
        return problems
    }

    /// Notes that an entry of the host's is gone in the copy.
    fileprivate mutating func delete(
        _ name: EntryName,
        _ host: borrowing Folder,
        _ path: EntryPath
    ) throws(CopyFailure) {
        guard let was = try Self.reading(path, { () throws(SystemCallError) in try host.entry(name) }) else {
            return
        }
        add(path, .deleted, nil, was, try loss(name, was, host, path))
    }

    /// What speaks against taking an entry of the host's away, with all that is in it: the first of each.
    private mutating func loss(
        _ name: EntryName,
        _ was: Entry,
        _ host: borrowing Folder,
        _ path: EntryPath
    ) throws(CopyFailure) -> [Change.Problem] {
        if protected.contains(where: { $0.isWithin(path) || path.isWithin($0) }) {
            return [Change.Problem("the profile protects it, or something in it")]
        }
        try count(path, more: 1)
        if was.changed >= record.made {
            return [Change.Problem(Self.since + ": \(path.repairedText)", yieldsToForce: true)]
        }
        guard was.kind == .folder else { return [] }
        guard let inner = try? host.folder(name) else {
            return [Change.Problem("it cannot be looked through: \(path.repairedText)")]
        }
        for name in try Self.reading(
            path,
            { () throws(SystemCallError) in
                try inner.names(limit: CopyLimits.entries)
            }
        ) {
            let below = path.appending(name)
            guard let entry = try Self.reading(below, { () throws(SystemCallError) in try inner.entry(name) })
            else {
                continue
            }
            let problems = try loss(name, entry, inner, below)
            if !problems.isEmpty { return problems }
        }
        return []
    }
}
