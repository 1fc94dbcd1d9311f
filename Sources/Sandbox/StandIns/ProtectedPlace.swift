internal import Policy

/// A protected path that an agent could make if it is absent.
struct ProtectedPlace: Sendable, Hashable {
    /// The writable path of the profile that it is in; it exists.
    var anchor: String
    /// From there on, name by name.
    var names: [String]
    var isFolder: Bool

    /// The places of a profile, shallow ones first.
    ///
    /// What an ancestor does not let the agent write is left out: nobody can make it. So is what is writable only in
    /// the agents' own private folders, since the root agent's profile grants every path that is the host's.
    static func all(of files: FileRules, below ancestors: [FileRules]) -> [ProtectedPlace] {
        let places = files.protect.compactMap { protected -> ProtectedPlace? in
            guard let anchor = files.writableAnchor(of: protected.path, besides: []),
                ancestors.allSatisfy({ $0.writableAnchor(of: protected.path, besides: $0.protect) != nil })
            else { return nil }
            let names = protected.path.dropFirst(anchor.count).split(separator: "/").map(String.init)
            guard !names.isEmpty else { return nil }
            return ProtectedPlace(anchor: anchor, names: names, isFolder: protected.isFolder)
        }
        return places.sorted { ($0.names.count, $0.names.last ?? "") < ($1.names.count, $1.names.last ?? "") }
    }
}

extension FileRules {
    /// The innermost writable path around another, unless something narrower forbids writing there: what is
    /// read-only or hidden, or one of `protections`.
    fileprivate func writableAnchor(of path: String, besides protections: [ProtectedPath]) -> String? {
        func innermost(_ paths: [String]) -> String? {
            paths.filter { Grant.covers($0, path) }.max { $0.utf8.count < $1.utf8.count }
        }
        guard let anchor = innermost(write) else { return nil }
        let readOnly = innermost(read).map { $0.utf8.count > anchor.utf8.count } ?? false
        let covered =
            innermost(hide + protections.map(\.path)).map { $0.utf8.count >= anchor.utf8.count } ?? false
        return readOnly || covered ? nil : anchor
    }
}
