internal import CSandbox
internal import Glibc
package import Linux
package import Model

/// What an agent's copies are made for.
package struct CopyOrder: Sendable {
    /// One folder to copy.
    package struct Folder: Sendable {
        package var path: String
        package var protected: [String]

        package init(path: String, protected: [String]) {
            (self.path, self.protected) = (path, protected)
        }
    }

    package var agent: String
    package var name: String
    package var profile: String
    /// The agent's ids outside.
    package var user: UInt32
    package var group: UInt32
    package var folders: [Folder]

    package init(
        agent: String,
        name: String,
        profile: String,
        user: UInt32,
        group: UInt32,
        folders: [Folder]
    ) {
        (self.agent, self.name, self.profile) = (agent, name, profile)
        (self.user, self.group, self.folders) = (user, group, folders)
    }
}

/// The copies of an agent that is being launched, or lives.
package final class CopyHold {
    /// The folder of each layer, by the path of what is copied.
    package let layers: [ByteText: String]
    private let store: CopyStore
    private let place: CopyStore.Place
    private var lock: CopyLock?

    fileprivate init(store: CopyStore, place: CopyStore.Place, lock: CopyLock, layers: [ByteText: String]) {
        (self.store, self.place, self.lock, self.layers) = (store, place, lock, layers)
    }

    /// The agent has ended: what it changed stays, and where that is nothing, nothing does.
    package func end() {
        if let record = store.record(of: place), store.isUntouched(place, record) { cancel() }
        lock = nil
    }

    /// The agent never ran.
    package func cancel() {
        try? store.discard(place)
        lock = nil
    }
}

extension CopyStore {
    /// Makes room for an agent's changes; its lock is held for as long as what is given back lives.
    package func make(_ order: CopyOrder) throws(SystemCallError) -> CopyHold {
        guard let place = Place(order.agent) else {
            throw SystemCallError(stage: "name a copy", object: order.agent, errno: EINVAL)
        }
        let top = path[..<(path.lastPlace(of: "/") ?? path.startIndex)]
        for folder in [String(top), path, "\(path)/\(place.run)"] { try Self.make(folder, mode: 0o700) }
        try Self.make(folder(of: place), mode: 0o700, mustBeNew: true)
        guard let lock = try CopyLock.take(folder(of: place), exclusive: true) else {
            throw SystemCallError(stage: "flock", object: folder(of: place), errno: EWOULDBLOCK)
        }
        do throws(SystemCallError) {
            return try fill(place, order, lock)
        } catch {
            try? discard(place)
            throw error
        }
    }

    private func fill(
        _ place: Place,
        _ order: CopyOrder,
        _ lock: CopyLock
    ) throws(SystemCallError) -> CopyHold {
        var record = CopyRecord(
            agent: order.agent,
            name: order.name,
            profile: order.profile,
            made: Self.now(),
            layerOwner: order.user,
            folders: []
        )
        var layers: [ByteText: String] = [:]
        for (index, wanted) in order.folders.enumerated() {
            let host = try Folder.open(wanted.path).entry()
            let layer = layer(of: place, index)
            try Self.make(layer, mode: 0o700, mustBeNew: true)
            // What the agent sees of the folder itself is what its layer's is.
            for (name, mode) in [("upper", host.permissions | 0o700), ("work", 0o700)] {
                try Self.make(layer + "/" + name, mode: mode, mustBeNew: true)
                try Self.giveAway(layer + "/" + name, to: order)
            }
            try Self.giveAway(layer, to: order)
            layers[ByteText(wanted.path)] = layer
            record.folders.append(
                CopyRecord.Folder(
                    path: wanted.path,
                    inode: host.inode,
                    owner: host.owner,
                    group: host.group,
                    protected: wanted.protected
                )
            )
        }
        try write(record, for: place)
        return CopyHold(store: self, place: place, lock: lock, layers: layers)
    }

    /// The clock that files are stamped by, which is the coarse one or ahead of it.
    private static func now() -> Int64 {
        var time = timespec()
        unsafe clock_gettime(CLOCK_REALTIME_COARSE, &time)
        return Entry.nanoseconds(time)
    }

    private static func make(_ path: String, mode: UInt32, mustBeNew: Bool = false) throws(SystemCallError) {
        guard unsafe mkdir(path, mode) == 0 else {
            if errno == EEXIST, !mustBeNew { return }
            throw SystemCallError(stage: "mkdir", object: path, errno: errno)
        }
        // The mask of whoever started this takes nothing away.
        guard unsafe chmod(path, mode) == 0 else {
            throw SystemCallError(stage: "chmod", object: path, errno: errno)
        }
    }

    private static func giveAway(_ path: String, to order: CopyOrder) throws(SystemCallError) {
        guard order.user != geteuid() || order.group != getegid() else { return }
        guard unsafe lchown(path, order.user, order.group) == 0 else {
            throw SystemCallError(stage: "lchown", object: path, errno: errno)
        }
    }

    private func write(_ record: CopyRecord, for place: Place) throws(SystemCallError) {
        let path = recordPath(of: place)
        guard let bytes = try? record.encoded, bytes.count <= CopyLimits.record else {
            throw SystemCallError(stage: "encode", object: path, errno: EFBIG)
        }
        let file = OwnedDescriptor(
            unsafe open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0o600)
        )
        guard file.rawValue >= 0 else { throw SystemCallError(stage: "open", object: path, errno: errno) }
        let count = unsafe bytes.withUnsafeBytes {
            unsafe Glibc.write(file.rawValue, $0.baseAddress, $0.count)
        }
        guard count == bytes.count else {
            throw SystemCallError(stage: "write", object: path, errno: count < 0 ? errno : ENOSPC)
        }
        guard fsync(file.rawValue) == 0 else {
            throw SystemCallError(stage: "fsync", object: path, errno: errno)
        }
    }
}
