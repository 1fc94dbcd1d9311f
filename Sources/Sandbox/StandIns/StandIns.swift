internal import Glibc
internal import Linux
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

    /// Notes are kept in the state directory, which exists.
    package init(state: String, run: String) {
        self.state = state
        self.run = run
    }

    /// Puts one at every protected path that an agent below these ancestors could make; the paths to give back with
    /// `release`.
    package func place(
        for files: FileRules,
        below ancestors: [FileRules]
    ) throws(LaunchFailure) -> [String] {
        let places = ProtectedPlace.all(of: files, below: ancestors)
        guard !places.isEmpty else { return [] }
        do throws(SystemCallError) {
            var held: [String] = []
            for place in places { held += try self.place(place) }
            return held
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
        // Whatever fails stays noted, and the next supervisor tries again.
        try? ledger?.exclusively { ledger throws(SystemCallError) in
            Self.remove(unused, unless: try Self.shared(ledger))
            try ledger.note(Array(holders.keys))
        }
    }

    /// Takes away what supervisors left that were killed.
    package func sweep() {
        guard var ledger = try? StandInLedger.open(state: state, run: run, create: false) else { return }
        try? ledger.exclusively { ledger throws(SystemCallError) in
            let needed = try Self.shared(ledger)
            for other in try ledger.others() where !other.isAlive {
                Self.remove(other.paths.sorted { $0.utf8.count > $1.utf8.count }, unless: needed)
                ledger.forget(other.name)
            }
        }
    }

    private func place(_ place: ProtectedPlace) throws(SystemCallError) -> [String] {
        // A writable path that is not there refuses the launch in its own words.
        guard let anchor = PathText.resolved(place.anchor) else { return [] }
        if ledger == nil { ledger = try StandInLedger.open(state: state, run: run, create: true) }
        let held = try ledger?.exclusively { ledger throws(SystemCallError) in
            let shared = try Self.shared(ledger)
            let survey = try Self.survey(place, in: anchor)
            let held = survey.absent + survey.present.filter { shared.contains($0) || holders[$0] != nil }
            guard !held.isEmpty else { return held }
            try ledger.note(Array(Set(holders.keys).union(held)))
            try Self.make(place, in: anchor)
            return held
        }
        for path in held ?? [] { holders[path, default: 0] += 1 }
        return held ?? []
    }

    /// Which of a place's paths are there.
    private static func survey(
        _ place: ProtectedPlace,
        in anchor: String
    ) throws(SystemCallError) -> (present: [String], absent: [String]) {
        var (present, absent): ([String], [String]) = ([], [])
        var folder = try StandInFolder.open(anchor)
        for (index, name) in place.names.enumerated() {
            let path = anchor + "/" + place.names[...index].joined(separator: "/")
            if absent.isEmpty {
                switch try folder.entry(name) {
                case .absent: absent.append(path)
                case .folder:
                    present.append(path)
                    if index < place.names.count - 1 { folder = try folder.inner(name) }
                // Beneath a file, or a link that the launch refuses, there is nothing to make.
                case .other: return (present + [path], [])
                }
            } else {
                absent.append(path)
            }
        }
        return (present, absent)
    }

    private static func make(_ place: ProtectedPlace, in anchor: String) throws(SystemCallError) {
        var folder = try StandInFolder.open(anchor)
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

    /// What other supervisors that live need.
    private static func shared(_ ledger: borrowing StandInLedger) throws(SystemCallError) -> Set<String> {
        Set(try ledger.others().filter(\.isAlive).flatMap(\.paths))
    }

    private static func remove(_ paths: [String], unless needed: Set<String>) {
        for path in paths where !needed.contains(path) {
            guard let slash = path.lastIndex(of: "/"),
                let folder = try? StandInFolder.open(String(path[..<slash]))
            else { continue }
            folder.removeIfEmpty(String(path[path.index(after: slash)...]))
        }
    }
}
