internal import Glibc
internal import Linux
internal import Model
internal import Policy

/// What of a repository decides what Git runs in it.
extension ProtectionSearch {
    /// A folder `.git`, or a file that leads to one, in a work tree.
    mutating func lookInGit(
        _ git: [UInt8],
        _ kind: FolderEntry.Kind,
        of top: [UInt8],
        _ walk: inout FolderWalk
    ) throws(SystemCallError) {
        if kind == .folder { try enterGit(git, &walk) }
        guard let path = walk.exactText(top), let own = walk.exactText(git) else { return }
        // That of a granted folder itself is the host's: profiles protect it by name, there or not.
        let isHosts = isRoot && top.isEmpty
        let folder = try kind == .folder ? own : GitFolder.led(by: own, in: path, files, isHosts: isHosts)
        if let folder { try protectConfigured(gitFolder(folder, isHosts: isHosts), at: path) }
    }

    /// A folder that Git takes for a repository's by what is in it, whatever its name: a bare one, one that a file `.git`
    /// leads to, that of a linked work tree (setup.c, is_git_directory).
    mutating func lookAtShape(
        of folder: [UInt8],
        _ walk: borrowing FolderWalk
    ) throws(SystemCallError) {
        func holds(_ name: String) -> Bool {
            walk.status(FolderWalk.Place.joined(folder, Array(name.utf8))) != nil
        }
        let rules = rulesOfGit(at: walk.text(folder))
        guard !rules.isEmpty, holds("commondir") || holds("objects") && holds("refs") else { return }
        for rule in rules { try protect(rule, in: folder, walk) }
        try protectLeads(in: folder, walk)
        guard let path = walk.exactText(folder) else { return }
        try protectConfigured(gitFolder(path), at: path)
    }

    private func gitFolder(_ path: String, isHosts: Bool = false) -> GitFolder {
        GitFolder(path: path, files: files, isHosts: isHosts)
    }

    /// What of a Git folder leads elsewhere, and the Git folders in it.
    private mutating func enterGit(
        _ folder: [UInt8],
        _ walk: inout FolderWalk
    ) throws(SystemCallError) {
        try protectLeads(in: folder, walk)
        for (name, role) in [("modules", FolderWalk.Role.modules), ("worktrees", .worktrees)] {
            let inner = FolderWalk.Place.joined(folder, Array(name.utf8))
            guard let kind = walk.status(inner)?.kind else { continue }
            guard kind != .link else {
                throw SystemCallError(stage: "protect", object: walk.text(inner), errno: ELOOP)
            }
            if kind == .folder { try walk.enter(FolderWalk.Place(names: inner, role: role)) }
        }
    }

    /// What the rules say of `.git`, for a Git folder with another name.
    private func rulesOfGit(at path: String) -> [SoughtPath] {
        sought.filter {
            Self.isSame($0.names.first, Array(Self.git.utf8)) && $0.names.count > 1 && path.isWithin($0.base)
        }
    }

    /// What says where else there is configuration: where it is there, and where the agent could make what Git reads.
    private mutating func protectLeads(
        in folder: [UInt8],
        _ walk: borrowing FolderWalk
    ) throws(SystemCallError) {
        for name in ["commondir", GitFolder.ownConfiguration] {
            let lead = FolderWalk.Place.joined(folder, Array(name.utf8))
            switch walk.status(lead)?.kind {
            case .file: try note(lead, isFolder: false, isThere: true, walk)
            case .link: throw SystemCallError(stage: "protect", object: walk.text(lead), errno: ELOOP)
            case .folder, .other: continue
            case nil:
                // `commondir` is what a rule is about.
                guard name.isSame(as: GitFolder.ownConfiguration) else { continue }
                let git = gitFolder(walk.text(folder))
                if try git.readsOwnConfiguration { try note(lead, isFolder: false, isThere: false, walk) }
            }
        }
    }

    /// A folder with `HEAD` is a submodule's Git folder; another is on the way to one, as in `modules/group/name`.
    mutating func lookInModules(
        _ visit: FolderWalk.Visit,
        _ walk: inout FolderWalk
    ) throws(SystemCallError) {
        let head = FolderWalk.Place.joined(visit.place.names, Array("HEAD".utf8))
        guard walk.status(head)?.kind == .file else {
            for entry in visit.entries where entry.kind == .folder {
                try walk.enter(visit.place.inner(entry.name, .modules))
            }
            return
        }
        guard visit.isFirst else { return }
        for rule in rulesOfGit(at: walk.text(visit.place.names)) {
            try protect(rule, in: visit.place.names, walk)
        }
        try enterGit(visit.place.names, &walk)
    }

    mutating func lookInWorktrees(
        _ visit: FolderWalk.Visit,
        _ walk: inout FolderWalk
    ) throws(SystemCallError) {
        for entry in visit.entries where entry.kind == .folder {
            try protectLeads(in: FolderWalk.Place.joined(visit.place.names, entry.name), walk)
        }
    }

    /// What the configuration of a work tree leads to: files that it includes, and its folder of hooks.
    private mutating func protectConfigured(
        _ folder: GitFolder,
        at top: String
    ) throws(SystemCallError) {
        let names = rulesOfGit(at: top).map { $0.names.dropFirst().joined(separator: "/") }
        let (isIncluded, isHooks) = (names.holds(bytes: "config"), names.holds(bytes: "hooks"))
        var waiting = isIncluded || isHooks ? try folder.configurations.map { ($0, folder.isHosts) } : []
        while let (path, isHosts) = waiting.popLast() {
            // Once for each work tree: its hooks are its own.
            guard configurations.insert(ByteText(top + "\0" + path)).inserted,
                let configuration = try GitConfiguration.read(path, files, isHosts: isHosts)
            else { continue }
            guard configurations.count <= Self.maximumConfigurations else {
                throw SystemCallError(stage: "protect", object: path, errno: EFBIG)
            }
            for include in configuration.includes {
                guard let file = GitFolder.path(include, from: GitFolder.parent(of: path)) else { continue }
                if isIncluded { try protect(path: file, isFolder: false) }
                waiting.append((file, isHosts && !files.isAgents(file)))
            }
            for hooks in configuration.hooks where isHooks {
                if let path = GitFolder.path(hooks, from: top) { try protect(path: path, isFolder: true) }
            }
        }
    }
}
