internal import Glibc
package import Linux
internal import Model
package import Policy

/// Looks for what a profile protects at any depth, in what the agent may write, as it is when it is launched.
///
/// In steps, since there may be many folders. `.git` is every Git folder: also those of submodules, in `modules` of
/// another; and what says which folder is the Git folder is protected with it where it is there: a file `.git`,
/// `commondir`, and `config.worktree`.
package struct ProtectionSearch: ~Copyable, Sendable {
    /// Folders and names looked at for one launch: some hundred thousand files of a large repository with what it
    /// depends on, and some seconds of one core (docs/specification.md).
    package static let maximumEntries = 5_000_000
    /// Places that are found for one launch: three for each of some hundred repositories; each is a mount.
    package static let maximumPlaces = 1_024

    private let (entriesAtMost, placesAtMost): (Int, Int)
    private let sought: [SoughtPath]
    /// First names of what is sought.
    private let firsts: Set<[UInt8]>
    private let borders: Set<ByteText>
    /// Those below where it looks now, as names from there.
    private var walkBorders: Set<[UInt8]> = []
    private var starts: [String]
    private var walk: FolderWalk?
    private var looked = 0
    private var paths: Set<ByteText> = []
    package private(set) var found = FoundProtections()

    /// - Parameters:
    ///   - files: of the agent's profile.
    ///   - root: of the profile at the head of its lineage, where it is another's: only what that one writes is the
    ///     host's.
    ///   - maximumEntries: folders and names at which it gives up.
    ///   - maximumPlaces: places at which it does.
    package init(
        _ files: FileRules,
        within root: FileRules?,
        maximumEntries: Int = Self.maximumEntries,
        maximumPlaces: Int = Self.maximumPlaces
    ) {
        (entriesAtMost, placesAtMost) = (maximumEntries, maximumPlaces)
        sought = files.sought
        firsts = Set(files.sought.compactMap { $0.names.first.map { Array($0.utf8) } })
        let (trees, borders) = files.writableTrees(isCopied: root == nil)
        self.borders = borders
        let starts = sought.isEmpty ? [] : files.searchStarts(in: trees, borders)
        guard let root else {
            self.starts = starts
            return
        }
        let (hostTrees, hostBorders) = root.writableTrees(isCopied: false)
        self.starts = starts.filter { start in
            FileRules.innermost(hostTrees + hostBorders.map(\.text), around: start)
                .map { hostTrees.holds(bytes: $0) } ?? false
        }
    }

    package var isFinished: Bool { starts.isEmpty && walk == nil }

    /// Looks at so many folders and names, or a few more.
    package mutating func step(_ amount: Int) throws(LaunchFailure) {
        let end = looked + amount
        while looked < end, !isFinished {
            if walk == nil {
                guard let start = starts.popLast() else { return }
                walk = FolderWalk(start)
                walkBorders = Set(
                    borders.filter { $0.text.isWithin(start) }.map { Self.names($0.text, below: start) }
                )
            }
            try advance()
        }
        guard looked <= entriesAtMost else {
            throw Self.failure(
                "more than \(entriesAtMost) folders and files",
                "They are looked through for what the profile protects at any depth (**): grant folders that hold"
                    + " less, with -w or in the profile, or use a profile without ** in files.protect."
            )
        }
    }

    private mutating func advance() throws(LaunchFailure) {
        looked += 1
        guard var walk = walk.take() else { return }
        do throws(SystemCallError) {
            if let visit = try walk.next() {
                looked += visit.entries.count
                try look(at: visit, &walk)
            }
        } catch {
            throw Self.failure(error)
        }
        if !walk.isFinished { self.walk = consume walk }
    }

    private mutating func look(
        at visit: FolderWalk.Visit,
        _ walk: inout FolderWalk
    ) throws(SystemCallError) {
        switch visit.place.role {
        case .plain: try lookInPlain(visit, &walk)
        case .modules: try lookInModules(visit, &walk)
        case .worktrees: try lookInWorktrees(visit, &walk)
        }
    }

    private mutating func lookInPlain(
        _ visit: FolderWalk.Visit,
        _ walk: inout FolderWalk
    ) throws(SystemCallError) {
        let folder = visit.place.names
        for entry in visit.entries {
            var isSought = false
            let isCandidate = firsts.contains(entry.name)
            for rule in sought where isCandidate && Self.isSame(rule.names.first, entry.name) {
                let names = FolderWalk.Place.joined(folder, entry.name)
                guard walk.text(names).isWithin(rule.base) else { continue }
                isSought = true
                try protect(rule, at: names, entry.kind, walk)
            }
            guard entry.kind == .folder else { continue }
            let inner = visit.place.inner(entry.name)
            if !isSought {
                if !walkBorders.contains(inner.names) { walk.enter(inner) }
            } else if Self.isSame(Self.git, entry.name) {
                try enterGit(inner.names, &walk)
            }
        }
    }

    /// Protects what a rule says of a name that was found.
    private mutating func protect(
        _ rule: SoughtPath,
        at names: [UInt8],
        _ kind: FolderEntry.Kind,
        _ walk: borrowing FolderWalk
    ) throws(SystemCallError) {
        guard kind != .link else {
            throw SystemCallError(stage: "protect", object: walk.text(names), errno: ELOOP)
        }
        // A file that leads to the folder, or is in the folder's stead, is what the rule is about.
        guard kind == .folder else { return try note(names, isFolder: false, isThere: true, walk) }
        try protect(rule, in: names, walk)
    }

    /// Protects what is behind the rule's first name in a folder.
    private mutating func protect(
        _ rule: SoughtPath,
        in folder: [UInt8],
        _ walk: borrowing FolderWalk
    ) throws(SystemCallError) {
        var names = folder
        var isThere = true
        for name in rule.names.dropFirst() {
            names = FolderWalk.Place.joined(names, Array(name.utf8))
            guard isThere, let kind = walk.status(names)?.kind else {
                isThere = false
                continue
            }
            guard kind != .link else {
                throw SystemCallError(stage: "protect", object: walk.text(names), errno: ELOOP)
            }
            guard kind == .folder else { break }
        }
        try note(names, isFolder: rule.isFolder, isThere: isThere, walk)
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
            if kind == .folder { walk.enter(FolderWalk.Place(names: inner, role: role)) }
        }
    }

    private static let leads = ["commondir", "config.worktree"]

    private mutating func protectLeads(
        in folder: [UInt8],
        _ walk: borrowing FolderWalk
    ) throws(SystemCallError) {
        for name in Self.leads {
            let lead = FolderWalk.Place.joined(folder, Array(name.utf8))
            if walk.status(lead)?.kind == .file { try note(lead, isFolder: false, isThere: true, walk) }
        }
    }

    /// A folder with `HEAD` is a submodule's Git folder; another is on the way to one, as in `modules/group/name`.
    private mutating func lookInModules(
        _ visit: FolderWalk.Visit,
        _ walk: inout FolderWalk
    ) throws(SystemCallError) {
        let head = FolderWalk.Place.joined(visit.place.names, Array("HEAD".utf8))
        guard walk.status(head)?.kind == .file else {
            for entry in visit.entries where entry.kind == .folder {
                walk.enter(visit.place.inner(entry.name, .modules))
            }
            return
        }
        guard visit.isFirst else { return }
        for rule in sought where Self.isSame(rule.names.first, Array(Self.git.utf8)) {
            let isBeneath = walk.text(visit.place.names).isWithin(rule.base)
            guard isBeneath, rule.names.count > 1 else { continue }
            try protect(rule, in: visit.place.names, walk)
        }
        try enterGit(visit.place.names, &walk)
    }

    private mutating func lookInWorktrees(
        _ visit: FolderWalk.Visit,
        _ walk: inout FolderWalk
    ) throws(SystemCallError) {
        for entry in visit.entries where entry.kind == .folder {
            try protectLeads(in: FolderWalk.Place.joined(visit.place.names, entry.name), walk)
        }
    }

    private mutating func note(
        _ names: [UInt8],
        isFolder: Bool,
        isThere: Bool,
        _ walk: borrowing FolderWalk
    ) throws(SystemCallError) {
        guard let path = walk.exactText(names) else {
            throw SystemCallError(stage: "protect", object: walk.text(names), errno: EILSEQ)
        }
        guard paths.insert(ByteText(path)).inserted else { return }
        let protected = ProtectedPath(path: path, isFolder: isFolder)
        if isThere { found.present.append(protected) } else { found.absent.append(protected) }
        guard paths.count <= placesAtMost else {
            throw SystemCallError(stage: "protect", object: path, errno: E2BIG)
        }
    }

    private static let git = ".git"

    private static func names(_ path: String, below start: String) -> [UInt8] {
        Array(path.utf8.dropFirst(start.utf8.count).drop { $0 == UInt8(ascii: "/") })
    }

    private static func isSame(_ name: String?, _ bytes: [UInt8]) -> Bool {
        name?.utf8.elementsEqual(bytes) ?? false
    }
}

extension ProtectionSearch {
    private static func failure(_ object: String, _ remedy: String) -> LaunchFailure {
        LaunchFailure(step: "look for what is protected", object: object, errno: 0, remedy: remedy)
    }

    private static func failure(_ error: SystemCallError) -> LaunchFailure {
        let remedy =
            switch error.errno {
            case ELOOP:
                "The profile protects this at any depth (**), and a symbolic link there leads elsewhere: put the folder"
                    + " itself there, or grant folders without it, with -w or in the profile."
            case EACCES:
                "You own this folder and may not read it, and an agent could change that: make it readable"
                    + " (chmod u+rx), or take it out of what is granted."
            case EILSEQ:
                "What the profile protects here has a name that is not UTF-8: rename it, or grant folders without it."
            case E2BIG:
                "With this one there are more than \(maximumPlaces) that the profile protects at any depth (**): grant"
                    + " folders with fewer repositories, with -w or in the profile."
            default:
                "It is looked through for what the profile protects at any depth (**): mend this, or grant folders"
                    + " without it, with -w or in the profile."
            }
        return LaunchFailure(error, remedy: remedy)
    }
}
