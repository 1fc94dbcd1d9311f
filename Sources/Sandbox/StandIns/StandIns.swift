internal import Glibc
package import Linux
internal import Model
package import Policy

/// What stands at a protected path that is absent: an empty file or folder, so that there is something for a
/// read-only mount to cover, and nothing for an agent to make.
///
/// They are on the host, since a mount needs a place there; they go when the last agent that needs them has ended,
/// unless somebody has filled them meanwhile. Supervisors of one user share them. Used by one thread.
package final class StandIns {
    private let state: String
    private let run: String
    private var ledger: StandInLedger?
    /// Agents of this supervisor that need a path.
    private var holders: [String: Int] = [:]
    /// What no agent needs any more and could not be taken away yet.
    private var left: Set<String> = []

    /// Notes are kept in the state directory, which exists.
    package init(state: String, run: String) {
        self.state = state
        self.run = run
    }

    /// Protected paths of one profile that may be absent: each that is costs a mount, and a plan holds 256 sources.
    private static let maximumPlaces = 128
    /// Names of one of them below the writable path.
    private static let maximumDepth = 64

    /// Puts one at every protected path that a root agent could make; the paths to give back with `release`.
    ///
    /// Never for a nested agent: its profile may be an agent's own text, and nothing is made on the host by its word.
    package func place(for files: FileRules) throws(LaunchFailure) -> [String] {
        let places = ProtectedPlace.all(of: files)
        guard !places.isEmpty || !files.found.present.isEmpty else { return [] }
        let maximum = Self.maximumPlaces + files.found.absent.count
        guard places.count <= maximum, places.allSatisfy({ $0.names.count <= Self.maximumDepth })
        else {
            throw LaunchFailure(
                step: "protect",
                object: "\(places.count) paths",
                errno: 0,
                remedy:
                    "A profile protects \(Self.maximumPlaces) paths at most, \(Self.maximumDepth) folders deep."
            )
        }
        do throws(SystemCallError) {
            return try hold(places, seen: files.found.present.map(\.path))
        } catch {
            throw LaunchFailure(error, remedy: Self.remedy(error.errno))
        }
    }

    private static func remedy(_ code: Int32) -> String {
        let why =
            "The profile protects this path, which is absent: an empty file or folder has to hold its place."
        return switch code {
        case EACCES, EPERM:
            "\(why) Make its folder writable (chmod u+w), or use a profile that does not protect it ('base' does)."
        case ENOSPC, EDQUOT: "\(why) Make room on its file system, and where Bailey keeps its state."
        case ENOTDIR, ELOOP:
            "\(why) Name a folder, and one that no symbolic link leads to, with -w or in the profile."
        default: "\(why) Make it, or use a profile that does not protect it."
        }
    }

    /// Gives paths back; what no agent needs any more is taken away.
    package func release(_ paths: [String]) {
        for path in paths { holders[path, default: 1] -= 1 }
        let unused = holders.filter { $0.value <= 0 }.keys.sorted { $0.utf8.count > $1.utf8.count }
        guard !unused.isEmpty else { return }
        for path in unused { holders[path] = nil }
        try? ledger?.exclusively { ledger throws(SystemCallError) in
            try remove(unused, &ledger)
        }
    }

    /// Takes away what supervisors left that were killed.
    package func sweep() {
        guard var ledger = try? StandInLedger.open(state: state, run: run, create: false) else { return }
        try? ledger.exclusively { ledger throws(SystemCallError) in
            let needed = Self.needed(ledger)
            for other in ledger.others() where !other.isAlive {
                guard let paths = other.paths else { continue }
                let left = Self.removed(paths.sorted { $0.utf8.count > $1.utf8.count }, unless: needed)
                if left.isEmpty { ledger.forget(other.name) }
            }
        }
    }

    /// Of the paths that were seen, those that are another supervisor's stand-ins are held as well: they would go with it
    /// while this launch needs them.
    private func hold(_ places: [ProtectedPlace], seen: [String]) throws(SystemCallError) -> [String] {
        if ledger == nil { ledger = try StandInLedger.open(state: state, run: run, create: true) }
        let held = try ledger?.exclusively { ledger throws(SystemCallError) in
            // Also a killed one's: whoever comes next would sweep them.
            let shared = Set(ledger.others().flatMap { $0.paths ?? [] })
            var held = Self.held(of: seen, among: shared)
            var missing: [ProtectedPlace] = []
            for place in places {
                let survey = try Self.survey(place)
                held += survey.absent
                held += survey.present.filter {
                    shared.contains($0) || holders[$0] != nil || left.contains($0)
                }
                if !survey.absent.isEmpty { missing.append(place) }
            }
            guard !held.isEmpty else { return held }
            held = Array(Set(held))
            try ledger.note(Array(left.union(holders.keys).union(held)))
            for path in held { holders[path, default: 0] += 1 }
            do throws(SystemCallError) {
                for place in missing { try Self.make(place) }
            } catch {
                // Held only to be taken away: the launch is refused.
                for path in held { holders[path] = holders[path].flatMap { $0 > 1 ? $0 - 1 : nil } }
                try remove(
                    held.filter { holders[$0] == nil }.sorted { $0.utf8.count > $1.utf8.count },
                    &ledger
                )
                throw error
            }
            return held
        }
        return held ?? []
    }

    /// Which of some paths, and of the folders that they are in, are stand-ins.
    private static func held(of seen: [String], among standIns: Set<String>) -> [String] {
        guard !standIns.isEmpty else { return [] }
        let held = seen.filter(standIns.contains)
        return held + standIns.filter { standIn in held.contains { $0.isWithin(standIn) } }
    }

    /// Which of a place's paths are there.
    private static func survey(
        _ place: ProtectedPlace
    ) throws(SystemCallError) -> (present: [String], absent: [String]) {
        var (present, absent): ([String], [String]) = ([], [])
        var folder = try StandInFolder.open(place.anchor)
        for (index, name) in place.names.enumerated() {
            let path = place.path(upTo: index + 1)
            guard absent.isEmpty else {
                absent.append(path)
                continue
            }
            switch try folder.entry(name) {
            case .absent: absent.append(path)
            case .folder:
                present.append(path)
                if index < place.names.count - 1 { folder = try folder.inner(name) }
            // Beneath a file, or a link that the launch refuses, there is nothing to make.
            case .other: return (present + [path], [])
            }
        }
        return (present, absent)
    }

    private static func make(_ place: ProtectedPlace) throws(SystemCallError) {
        var folder = try StandInFolder.open(place.anchor)
        for (index, name) in place.names.enumerated() {
            let isLast = index == place.names.count - 1
            switch try folder.entry(name) {
            case .other: return
            case .folder: break
            case .absent:
                do throws(SystemCallError) {
                    try folder.make(name, isFolder: !isLast || place.isFolder)
                } catch {
                    guard folder.isClosed(error) else { throw error }
                    return
                }
            }
            if !isLast { folder = try folder.inner(name) }
        }
    }

    /// What other supervisors that live need; nil when one's notes cannot be read, and anything may be.
    private static func needed(_ ledger: borrowing StandInLedger) -> Set<String>? {
        var needed: Set<String> = []
        for other in ledger.others() where other.isAlive {
            guard let paths = other.paths else { return nil }
            needed.formUnion(paths)
        }
        return needed
    }

    /// Takes away what no agent needs; what cannot be now stays noted, and is tried again.
    private func remove(_ paths: [String], _ ledger: inout StandInLedger) throws(SystemCallError) {
        let unused = left.union(paths).subtracting(holders.keys)
        left = Self.removed(
            unused.sorted { $0.utf8.count > $1.utf8.count },
            unless: Self.needed(ledger)
        )
        try ledger.note(Array(left.union(holders.keys)))
    }

    /// What could not be taken away, though nobody needs it: each path deeper than those above it comes before them.
    private static func removed(_ paths: [String], unless needed: Set<String>?) -> Set<String> {
        guard let needed else { return Set(paths) }
        var left: Set<String> = []
        for path in paths where !needed.contains(path) {
            // A folder that holds what is left is not somebody else's.
            let isHolding = left.contains { $0.isWithin(path) }
            if isHolding || !isRemoved(path) { left.insert(path) }
        }
        return left
    }

    private static func isRemoved(_ path: String) -> Bool {
        let names = ProtectedPlace.names(of: path)
        guard let name = names.last else { return true }
        do throws(SystemCallError) {
            try StandInFolder.open(names.dropLast()).removeIfEmpty(name)
            return true
        } catch {
            // A folder on the way that is gone, or became something else, holds nothing of ours.
            return [ENOENT, ENOTDIR, ELOOP, EINVAL].contains(error.errno)
        }
    }
}
