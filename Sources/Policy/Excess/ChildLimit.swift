extension Profile {
    /// What a child of an agent with this profile is held against.
    ///
    /// - Parameters:
    ///   - folders: what is private to the agent, and its own to share.
    ///   - ancestors: the profiles of all agents above it.
    /// - Returns: it, to be compared with, and nothing that an agent is launched under.
    package func limit(sharing folders: [String], below ancestors: [Profile]) -> Profile {
        var limit = self
        limit.files.shared = folders
        limit.files.above = ancestors.map(\.files)
        return limit
    }
}

/// Of what one agent's children may have a copy: the host's folders that it is granted.
///
/// Not what is private to it or hidden from it, nor what every agent has of the system: a copy is applied to the host's
/// folder of that name, which no profile grants then.
struct CopyableFolders: Sendable {
    private let granted: Folders
    private let hidden: Folders

    init(_ files: FileRules) {
        granted = Folders(files.read + files.write + files.copy)
        hidden = Folders(files.hide)
    }

    func cover(_ path: String) -> Bool { granted.cover(path) && !hidden.cover(path) }
}
