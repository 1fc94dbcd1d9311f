internal import CSandbox
internal import Glibc
internal import Linux
internal import Model

/// Puts the changes of one copied folder onto the host's.
///
/// Each name changes by one rename, from what was to what is to be, and whatever is to go is renamed first and removed
/// then: a crash leaves some changes done and the others as they were, and the next try goes on from there. Additions
/// come before deletions, so that what was moved is never nowhere.
struct Application: ~Copyable {
    private let record: CopyRecord
    private let owner: (user: UInt32, group: UInt32)
    private let layer: Folder
    private let host: Folder
    /// Where the next state of a name stands until it takes the name: one for each folder, of this agent's copy.
    private let draft: EntryName

    init(
        _ record: CopyRecord,
        _ folder: CopyRecord.Folder,
        layer: consuming Folder,
        host: consuming Folder
    ) throws(CopyFailure) {
        guard let draft = EntryName(Array(".bailey-apply-\(record.agent)".utf8)) else {
            throw CopyFailure("its record does not read", at: record.agent)
        }
        (self.record, self.draft) = (record, draft)
        owner = (folder.owner, folder.group)
        self.layer = layer
        self.host = host
    }

    /// Takes away what an application left that did not come to its end.
    func sweep() throws(CopyFailure) {
        try sweep(layer, host, EntryPath())
    }

    private func sweep(
        _ layer: borrowing Folder,
        _ host: borrowing Folder,
        _ path: EntryPath
    ) throws(CopyFailure) {
        try Survey.reading(path) { () throws(SystemCallError) in try Removal.remove(draft, in: host) }
        guard path.names.count < CopyLimits.depth,
            let names = try? layer.names(limit: CopyLimits.entries)
        else { return }
        for name in names {
            guard let inner = try? layer.folder(name), let theirs = try? host.folder(name) else { continue }
            try sweep(inner, theirs, path.appending(name))
        }
    }

    func changes(of folder: CopyRecord.Folder) throws(CopyFailure) -> [Change] {
        try Survey.changes(of: record, folder, layer: layer, host: host)
    }

    /// Applies changes that nothing speaks against.
    func apply(_ changes: [Change]) throws(CopyFailure) {
        for change in changes where change.kind != .deleted {
            try step(change) { () throws(SystemCallError) in try put(change) }
        }
        for change in changes where change.kind == .deleted {
            try step(change) { () throws(SystemCallError) in try takeAway(change) }
        }
        // Deepest first: a folder that is closed against its owner is closed last.
        for change in changes.reversed() {
            guard let now = change.now, now.kind == .folder else { continue }
            try step(change) { () throws(SystemCallError) in
                try host.folder(change.path.names).setPermissions(now.permissions)
            }
        }
    }

    private func step(_ change: Change, _ body: () throws(SystemCallError) -> Void) throws(CopyFailure) {
        do throws(SystemCallError) { try body() } catch {
            let moved = error.errno == ESTALE
            throw CopyFailure(
                (moved ? "The host's changed while changes were applied. " : "")
                    + "What was applied before it stays so; the copy stays as it is, and --apply goes on from here.",
                at: change.path.repairedText,
                because: error
            )
        }
    }

    /// The host's entry, as it was when the change was judged.
    private func checked(
        _ change: Change,
        _ name: EntryName,
        in folder: borrowing Folder
    ) throws(SystemCallError) {
        let entry = try folder.entry(name)
        let isSame =
            switch (entry, change.was) {
            case (nil, nil): true
            case (let entry?, let was?): entry.isSame(as: was)
            default: false
            }
        guard isSame else { throw folder.failure("compare", name, ESTALE) }
    }

    private func put(_ change: Change) throws(SystemCallError) {
        guard let now = change.now, let name = change.path.names.last else { return }
        let folder = try host.folder(change.path.parent.names)
        if change.kind == .mode {
            guard now.kind == .file else { return }
            try checked(change, name, in: folder)
            return try setPermissions(of: name, in: folder, to: now.permissions)
        }
        try checked(change, name, in: folder)
        try make(change, now, name, in: folder)
        switch change.was?.kind {
        case nil: try folder.rename(draft, to: name, .nothing)
        case now.kind: try folder.rename(draft, to: name, .replaced)
        default:
            // A folder cannot be replaced by a file, nor a file by a folder: both names change hands at once.
            try folder.rename(draft, to: name, .exchanged)
            try Removal.remove(draft, in: folder)
        }
        try folder.synchronise()
    }

    /// Makes the draft.
    private func make(
        _ change: Change,
        _ now: Entry,
        _ name: EntryName,
        in folder: borrowing Folder
    ) throws(SystemCallError) {
        try Removal.remove(draft, in: folder)
        let source = try layer.folder(change.path.parent.names)
        switch now.kind {
        case .folder: try folder.makeFolder(draft)
        case .link: try folder.makeLink(draft, to: source.target(name))
        case .file: return try copy(change, now, name, of: source, in: folder)
        case .pipe, .socket, .device: throw folder.failure("make", name, EPERM)
        }
        try give(draft, change, in: folder)
    }

    private func copy(
        _ change: Change,
        _ now: Entry,
        _ name: EntryName,
        of source: borrowing Folder,
        in folder: borrowing Folder
    ) throws(SystemCallError) {
        // A pipe that took the file's place would not be waited for.
        let from = try source.open(name, O_RDONLY | O_NONBLOCK)
        var status = stat()
        guard unsafe fstat(from.rawValue, &status) == 0, Entry(status).isSame(as: now), now.kind == .file
        else {
            throw source.failure("compare", name, ESTALE)
        }
        let to = try folder.makeFile(draft)
        let result = csb_copy(from.rawValue, to.rawValue, now.size)
        guard result == 0 else { throw folder.failure("copy", name, -result) }
        try give(draft, change, in: folder)
        let times = [now.modified, now.modified]
        guard fchmod(to.rawValue, now.permissions) == 0, unsafe futimens(to.rawValue, times) == 0,
            fsync(to.rawValue) == 0
        else { throw folder.failure("finish", name, errno) }
    }

    /// Only root has files to give: to whom the host's file belonged, or else the folder.
    private func give(
        _ name: EntryName,
        _ change: Change,
        in folder: borrowing Folder
    ) throws(SystemCallError) {
        guard geteuid() == 0 else { return }
        let parent = try folder.entry()
        // As mkdir(2) and open(2) do it in a folder with the set-group-id bit.
        let group = parent.mode & UInt32(S_ISGID) != 0 ? parent.group : owner.group
        try folder.giveAway(name, to: change.was?.owner ?? owner.user, change.was?.group ?? group)
    }

    private func setPermissions(
        of name: EntryName,
        in folder: borrowing Folder,
        to permissions: UInt32
    ) throws(SystemCallError) {
        // O_PATH of open(2) (asm-generic/fcntl.h), which Glibc's module does not have: a file need not be readable.
        let place = try folder.open(name, 0o10_000_000)
        guard unsafe chmod("/proc/self/fd/\(place.rawValue)", permissions) == 0 else {
            throw folder.failure("chmod", name, errno)
        }
    }

    private func takeAway(_ change: Change) throws(SystemCallError) {
        guard let name = change.path.names.last else { return }
        let folder = try host.folder(change.path.parent.names)
        try checked(change, name, in: folder)
        try Removal.remove(draft, in: folder)
        try folder.rename(name, to: draft, .nothing)
        try Removal.remove(draft, in: folder)
    }
}
