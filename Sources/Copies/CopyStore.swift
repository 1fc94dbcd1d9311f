internal import CSandbox
internal import Glibc
internal import Linux
internal import Model

/// Where copies are kept: `copies` in the state directory.
///
/// `RUN/N.json` is an agent's record; `RUN/N` holds its layers, locked while it lives, each a folder with what the agent
/// made (`upper`) and overlayfs's own (`work`). The folders on the way are nobody's to enter but the user's; the
/// layers belong to the id that the agent has outside.
package struct CopyStore: Sendable {
    package let path: String

    package init(state: String) { path = state + "/copies" }

    /// One agent's copies.
    package struct Place: Sendable, Hashable {
        package let run: String
        package let number: String

        /// Nil for what is no agent's id.
        package init?(_ agent: String) {
            let parts = agent.cut(at: ".", omittingEmptySubsequences: false)
            guard parts.count == 2, parts.allSatisfy({ Self.isPlain($0) }) else { return nil }
            (run, number) = (String(parts[0]), String(parts[1]))
        }

        package var agent: String { "\(run).\(number)" }

        static func isPlain(_ text: some StringProtocol) -> Bool {
            (1...64).contains(text.utf8.count)
                && text.utf8.allSatisfy { (0x61...0x7A).contains($0 | 0x20) || (0x30...0x39).contains($0) }
        }
    }

    func folder(of place: Place) -> String { "\(path)/\(place.run)/\(place.number)" }
    func recordPath(of place: Place) -> String { folder(of: place) + ".json" }
    func layer(of place: Place, _ index: Int) -> String { "\(folder(of: place))/\(index)" }

    /// Agents that have copies, in the order of their names.
    package func places() throws(CopyFailure) -> [Place] {
        do throws(SystemCallError) {
            let top = try Folder.open(path)
            try requireOurs(top)
            var places: [Place] = []
            for run in try top.names(limit: CopyLimits.copies) {
                guard let inner = try? top.folder(run) else { continue }
                for name in try inner.names(limit: CopyLimits.copies) where name.bytes.last != 0x6E {
                    let agent = String(decoding: run.bytes + [0x2E] + name.bytes, as: UTF8.self)
                    if let place = Place(agent) { places.append(place) }
                }
            }
            return places
        } catch {
            if error.errno == ENOENT { return [] }
            throw CopyFailure(
                "Copies are kept in the state directory: name another with --state.",
                because: error
            )
        }
    }

    /// The state directory must be this user's alone, as the audit store wants it too.
    private func requireOurs(_ folder: borrowing Folder) throws(SystemCallError) {
        let entry = try folder.entry()
        guard entry.owner == geteuid(), entry.mode & 0o077 == 0 else {
            throw SystemCallError(stage: "trust", object: path, errno: EPERM)
        }
    }

    /// An agent's record; nil when there is none that reads.
    package func record(of place: Place) -> CopyRecord? {
        ReadFile.bytes(at: recordPath(of: place), limit: CopyLimits.record).flatMap { CopyRecord.read($0) }
    }

    /// Takes an agent's copies for oneself; nil while the agent lives, or another command has them.
    package func lock(_ place: Place) throws(CopyFailure) -> CopyLock? {
        do throws(SystemCallError) {
            return try CopyLock.take(folder(of: place), exclusive: true)
        } catch {
            throw CopyFailure("`bailey changes` shows what there is.", because: error)
        }
    }

    /// Whether an agent that has copies lives.
    package func isHeld(_ place: Place) -> Bool {
        do throws(SystemCallError) {
            return try CopyLock.take(folder(of: place), exclusive: false) == nil
        } catch {
            return false
        }
    }

    /// Takes an agent's copies away, with what it made.
    package func discard(_ place: Place) throws(CopyFailure) {
        do throws(SystemCallError) {
            let top = try Folder.open(path)
            try requireOurs(top)
            guard let run = EntryName(Array(place.run.utf8)),
                let number = EntryName(Array(place.number.utf8)),
                let record = EntryName(Array("\(place.number).json".utf8))
            else { return }
            let folder = try top.folder(run)
            try Removal.remove(number, in: folder)
            if try folder.entry(record) != nil { try folder.unlink(record) }
            // Other agents of the run may have theirs.
            try? top.unlink(run, isFolder: true)
        } catch {
            throw CopyFailure(
                "What is left of the copy is in \(folder(of: place)); it harms nothing there.",
                because: error
            )
        }
    }
}

/// An agent's copies, held: by its supervisor while it lives, or by a command.
package final class CopyLock: Sendable {
    private let descriptor: Int32

    private init(_ descriptor: consuming OwnedDescriptor) { self.descriptor = descriptor.release() }

    deinit { close(descriptor) }

    /// Nil when somebody else holds them.
    static func take(_ path: String, exclusive: Bool) throws(SystemCallError) -> CopyLock? {
        let opened = unsafe csb_open_straight(path, O_RDONLY | O_DIRECTORY)
        guard opened >= 0 else { throw SystemCallError(stage: "open", object: path, errno: -opened) }
        let folder = OwnedDescriptor(opened)
        let answer = csb_try_lock(opened, exclusive ? 1 : 0)
        guard answer >= 0 else { throw SystemCallError(stage: "flock", object: path, errno: -answer) }
        return answer == 1 ? CopyLock(folder) : nil
    }
}
