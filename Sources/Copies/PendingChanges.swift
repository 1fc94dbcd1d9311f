internal import Glibc
internal import Linux
internal import Model

/// A copied folder, and how it differs from the host's.
package struct FolderChanges: Sendable {
    package let folder: CopyRecord.Folder
    package var changes: [Change]

    /// Where a path that somebody typed is below the folder; nil when it is not.
    private func place(of path: String) -> EntryPath? {
        guard path.begins(with: "/") else { return EntryPath(path) }
        guard path.isWithin(folder.path) else { return nil }
        return EntryPath(path.dropFirst(bytes: folder.path.utf8.count))
    }

    fileprivate func holds(_ path: String) -> Bool {
        place(of: path).map { place in changes.contains { $0.path.isWithin(place) } } ?? false
    }

    /// The changes at and below paths, and the new folders that these are in; all without paths.
    fileprivate func chosen(_ paths: [String]) -> [Change] {
        guard !paths.isEmpty else { return changes }
        let places = paths.compactMap { place(of: $0) }
        return changes.filter { change in
            let isFolder = change.now?.kind == .folder && change.kind != .mode
            return places.contains { change.path.isWithin($0) || isFolder && $0.isWithin(change.path) }
        }
    }
}

/// What one agent's copies hold that the host's folders do not.
package struct PendingChanges: Sendable {
    package let record: CopyRecord
    package var folders: [FolderChanges]

    package var count: Int { folders.reduce(0) { $0 + $1.changes.count } }
}

extension CopyStore {
    /// Compares an agent's copies with the host.
    package func changes(of place: Place) throws(CopyFailure) -> PendingChanges {
        let record = try existingRecord(of: place)
        var folders: [FolderChanges] = []
        for (index, folder) in record.folders.enumerated() {
            let layer = try layerFolder(of: place, index)
            let host = try hostFolder(folder)
            let changes = try Survey.changes(of: record, folder, layer: layer, host: host)
            folders.append(FolderChanges(folder: folder, changes: changes))
        }
        return PendingChanges(record: record, folders: folders)
    }

    private func existingRecord(of place: Place) throws(CopyFailure) -> CopyRecord {
        guard let record = record(of: place) else {
            throw CopyFailure(
                "no record of this agent's copies; `bailey changes` shows which there are",
                at: place.agent
            )
        }
        return record
    }

    private func layerFolder(of place: Place, _ index: Int) throws(CopyFailure) -> Folder {
        do throws(SystemCallError) { return try Folder.open(layer(of: place, index) + "/upper") } catch {
            throw CopyFailure("The copy is damaged; it can be discarded.", because: error)
        }
    }

    private func hostFolder(_ folder: CopyRecord.Folder) throws(CopyFailure) -> Folder {
        do throws(SystemCallError) { return try Folder.open(folder.path) } catch {
            throw CopyFailure(
                "The folder that was copied is not there any more, or a symbolic link leads to it: put it back.",
                because: error
            )
        }
    }

    /// How an application ended.
    package enum Outcome: Sendable {
        /// So many changes are the host's now; `left` are still the copy's alone.
        case applied(Int, left: Int)
        /// Nothing was applied: what speaks against it.
        case refused([FolderChanges])
        /// Nothing changed at or below this path.
        case unknown(String)
    }

    /// Puts an agent's changes onto the host: all, or those at and below paths.
    ///
    /// Call with the agent's lock. A copy of which nothing is left is taken away.
    package func apply(
        _ place: Place,
        only paths: [String],
        force: Bool
    ) throws(CopyFailure) -> Outcome {
        let record = try existingRecord(of: place)
        for (index, folder) in record.folders.enumerated() {
            try application(place, record, index, folder).sweep()
        }
        let pending = try changes(of: place)
        for path in paths where !pending.folders.contains(where: { $0.holds(path) }) { return .unknown(path) }
        let chosen = pending.folders.map { FolderChanges(folder: $0.folder, changes: $0.chosen(paths)) }
        let refused = chosen.map { part in
            FolderChanges(folder: part.folder, changes: part.changes.filter { $0.isRefused(force: force) })
        }.filter { !$0.changes.isEmpty }
        guard refused.isEmpty else { return .refused(refused) }
        for (index, part) in chosen.enumerated() {
            try application(place, record, index, part.folder).apply(part.changes)
        }
        let left = try changes(of: place).count
        if left == 0 { try discard(place) }
        return .applied(chosen.reduce(0) { $0 + $1.changes.count }, left: left)
    }

    private func application(
        _ place: Place,
        _ record: CopyRecord,
        _ index: Int,
        _ folder: CopyRecord.Folder
    ) throws(CopyFailure) -> Application {
        let layer = try layerFolder(of: place, index)
        let host = try hostFolder(folder)
        return try Application(record, folder, layer: layer, host: host)
    }

    /// Whether an agent left nothing in its copies but what a launch put there.
    ///
    /// Nothing else is looked at: an agent made the rest what it is, and its supervisor has no time for that.
    func isUntouched(_ place: Place, _ record: CopyRecord) -> Bool {
        record.folders.enumerated().allSatisfy { index, folder in
            guard let layer = try? layerFolder(of: place, index),
                let host = try? hostFolder(folder).entry()
            else { return false }
            return Survey(record, folder).isUntouched(
                layer,
                EntryPath(),
                permissions: host.permissions | 0o700
            )
        }
    }
}

extension Change {
    fileprivate func isRefused(force: Bool) -> Bool { problems.contains { !(force && $0.yieldsToForce) } }
}
