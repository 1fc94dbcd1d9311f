internal import Glibc
internal import Linux

/// Takes a tree away, however deep it is and whatever is in it.
///
/// An agent can nest folders deeper than there are descriptors; those beyond a bound are moved up first, so that no
/// more than that many are held. Nothing in the tree is followed or opened but folders.
struct Removal {
    /// Folders held open at a time.
    private static let maximumDepth = 64

    /// Names made where folders from below are moved to: unlike any that an agent could foresee.
    private var moved = 0
    private let mark = UInt64.random(in: .min ... .max)

    /// Removes an entry of a folder that is ours alone while this goes on.
    static func remove(_ name: EntryName, in folder: borrowing Folder) throws(SystemCallError) {
        var removal = Removal()
        guard let entry = try folder.entry(name) else { return }
        guard entry.kind == .folder else { return try folder.unlink(name) }
        var pending = [name]
        while let next = pending.popLast() {
            try removal.empty(next, in: folder, top: folder, depth: 1, &pending)
            try folder.unlink(next, isFolder: true)
        }
    }

    private mutating func empty(
        _ name: EntryName,
        in parent: borrowing Folder,
        top: borrowing Folder,
        depth: Int,
        _ pending: inout [EntryName]
    ) throws(SystemCallError) {
        // The owner may have been shut out: overlayfs's own work folder has no permissions at all.
        if try parent.entry(name)?.permissions ?? 0 & 0o700 != 0o700 { try? parent.unlock(name) }
        let folder = try parent.folder(name)
        for inner in try folder.names(limit: .max) {
            guard let entry = try folder.entry(inner) else { continue }
            if entry.kind != .folder {
                try folder.unlink(inner)
            } else if depth < Self.maximumDepth {
                try empty(inner, in: folder, top: top, depth: depth + 1, &pending)
                try folder.unlink(inner, isFolder: true)
            } else {
                moved += 1
                guard let own = EntryName(Array(".bailey-removed-\(mark)-\(moved)".utf8)) else { continue }
                if entry.permissions & 0o700 != 0o700 { try? folder.unlock(inner) }
                try top.take(inner, of: folder, as: own)
                pending.append(own)
            }
        }
    }
}
