internal import Policy

/// A protected path that an agent could make if it is absent.
struct ProtectedPlace: Sendable, Hashable {
    /// Names from the root to the writable path of the profile that it is in; that one exists.
    var anchor: [String]
    /// From there on, name by name.
    var names: [String]
    var isFolder: Bool

    /// The places of a root agent's profile, shallow ones first.
    static func all(of files: FileRules) -> [ProtectedPlace] {
        let places = (files.protect + files.found.absent).compactMap { protected -> ProtectedPlace? in
            guard let anchor = files.writableAnchor(of: protected.path) else { return nil }
            let (above, whole) = (Self.names(of: anchor), Self.names(of: protected.path))
            guard whole.count > above.count else { return nil }
            return ProtectedPlace(
                anchor: above,
                names: Array(whole.dropFirst(above.count)),
                isFolder: protected.isFolder
            )
        }
        return places.sorted { ($0.names.count, $0.names.last ?? "") < ($1.names.count, $1.names.last ?? "") }
    }

    /// The path of the first so many of its names.
    func path(upTo count: Int) -> String {
        "/" + (anchor + names.prefix(count)).joined(separator: "/")
    }

    /// A path's names, cut at each byte that is a slash: to a `Character` one with an accent would be another.
    static func names(of path: String) -> [String] {
        path.utf8.split(separator: UInt8(ascii: "/")).compactMap { String($0) }
    }
}

extension FileRules {
    /// The innermost writable path around another, unless something narrower forbids writing there.
    fileprivate func writableAnchor(of path: String) -> String? {
        func innermost(_ paths: [String]) -> String? { Self.innermost(paths, around: path) }
        // In a copy what stands in for it is in the agent's layer, not on the host.
        guard let anchor = innermost(write), !isCopied(path) else { return nil }
        let readOnly = innermost(read).map { $0.utf8.count > anchor.utf8.count } ?? false
        let hidden = innermost(hide).map { $0.utf8.count >= anchor.utf8.count } ?? false
        return readOnly || hidden ? nil : anchor
    }
}
