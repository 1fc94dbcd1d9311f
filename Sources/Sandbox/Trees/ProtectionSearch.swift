internal import Glibc
package import Linux
internal import Model
package import Policy

/// Looks for what a profile protects at any depth, in what the agent may write, as it is when it is launched.
///
/// In steps, since there may be many folders. `.git` is every Git folder: also those of submodules, in `modules` of
/// another, and each that Git takes for one by what is in it; and what says which folder is the Git folder is protected
/// with it where it is there: a file `.git`, `commondir`, and `config.worktree`. What a configuration includes is
/// protected with `.git/config`, and the folder that it says hooks are in with `.git/hooks`.
package struct ProtectionSearch: ~Copyable, Sendable {
    /// Folders and names looked at for one launch: some hundred thousand files of a large repository with what it
    /// depends on, and some seconds of one core (docs/specification.md).
    package static let maximumEntries = 5_000_000
    /// Places that are found for one launch: three for each of some hundred repositories; each is a mount.
    package static let maximumPlaces = 1_024
    /// Configurations of Git that are read for one launch: those of as many repositories, and what they include.
    static let maximumConfigurations = 16 * maximumPlaces

    private let (entriesAtMost, placesAtMost): (Int, Int)
    let sought: [SoughtPath]
    /// First names of what is sought.
    private let firsts: Set<[UInt8]>
    private let borders: Set<ByteText>
    /// Trees and borders within which it is the agent that writes, each pair of them.
    private let writable: [(trees: [String], borders: [String])]
    /// How what Git reads is read here.
    let files: GitFiles
    /// It is for a root agent, whose grants are the operator's.
    let isRoot: Bool
    /// Configurations that were read.
    var configurations: Set<ByteText> = []
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
        self.files = GitFiles(trees: trees)
        isRoot = root == nil
        let own = (trees, borders.map(\.text))
        let starts = sought.isEmpty ? [] : files.searchStarts(in: trees, borders)
        guard let root else {
            self.starts = starts
            writable = [own]
            return
        }
        let (hostTrees, hostBorders) = root.writableTrees(isCopied: false)
        writable = [own, (hostTrees, hostBorders.map(\.text))]
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
            if Self.isSame("HEAD", entry.name) { try lookAtShape(of: folder, walk) }
            let inner = visit.place.inner(entry.name)
            if isSought, Self.isSame(Self.git, entry.name) {
                try lookInGit(inner.names, entry.kind, of: folder, &walk)
            } else if entry.kind == .folder, !isSought, !walkBorders.contains(inner.names) {
                try walk.enter(inner)
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
    mutating func protect(
        _ rule: SoughtPath,
        in folder: [UInt8],
        _ walk: borrowing FolderWalk
    ) throws(SystemCallError) {
        try protect(rule.names.dropFirst().map { Array($0.utf8) }, in: folder, isFolder: rule.isFolder, walk)
    }

    /// Protects what is behind names in a folder, or what is there in the stead of one of them.
    private mutating func protect(
        _ inner: [[UInt8]],
        in folder: [UInt8],
        isFolder: Bool,
        _ walk: borrowing FolderWalk
    ) throws(SystemCallError) {
        var names = folder
        var isThere = true
        for name in inner {
            names = FolderWalk.Place.joined(names, name)
            guard isThere, let kind = walk.status(names)?.kind else {
                isThere = false
                continue
            }
            guard kind != .link else {
                throw SystemCallError(stage: "protect", object: walk.text(names), errno: ELOOP)
            }
            guard kind == .folder else { break }
        }
        try note(names, isFolder: isFolder, isThere: isThere, walk)
    }

    /// Protects a path that a configuration names, if the agent could write there.
    mutating func protect(path: String, isFolder: Bool) throws(SystemCallError) {
        guard let tree = tree(around: path) else { return }
        guard let walk = FolderWalk(tree) else {
            // A file may be granted as well.
            return tree.isSame(as: path) ? try note(path, isFolder: isFolder, isThere: true) : ()
        }
        guard !tree.isSame(as: path) else {
            throw SystemCallError(stage: "protect", object: path, errno: EBUSY)
        }
        let inner = Self.names(path, below: tree).split(separator: UInt8(ascii: "/")).map { Array($0) }
        try protect(inner, in: [], isFolder: isFolder, walk)
    }

    /// The granted folder or file in which the agent writes a path; nil where it does not.
    private func tree(around path: String) -> String? {
        var tree: String?
        for (trees, borders) in writable {
            guard let around = FileRules.innermost(trees + borders, around: path),
                trees.holds(bytes: around), !borders.holds(bytes: around)
            else { return nil }
            tree = tree ?? around
        }
        return tree
    }

    mutating func note(
        _ names: [UInt8],
        isFolder: Bool,
        isThere: Bool,
        _ walk: borrowing FolderWalk
    ) throws(SystemCallError) {
        guard let path = walk.exactText(names) else {
            throw SystemCallError(stage: "protect", object: walk.text(names), errno: EILSEQ)
        }
        try note(path, isFolder: isFolder, isThere: isThere)
    }

    private mutating func note(_ path: String, isFolder: Bool, isThere: Bool) throws(SystemCallError) {
        guard paths.insert(ByteText(path)).inserted else { return }
        let protected = ProtectedPath(path: path, isFolder: isFolder)
        if isThere { found.present.append(protected) } else { found.absent.append(protected) }
        guard paths.count <= placesAtMost else {
            throw SystemCallError(stage: "protect", object: path, errno: E2BIG)
        }
    }

    static let git = ".git"

    private static func names(_ path: String, below start: String) -> [UInt8] {
        Array(path.utf8.dropFirst(start.utf8.count).drop { $0 == UInt8(ascii: "/") })
    }

    static func isSame(_ name: String?, _ bytes: [UInt8]) -> Bool {
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
            case EBUSY:
                "A Git configuration in it says that this is where hooks are, and all that is granted would have to be"
                    + " read-only: change core.hooksPath, or use a profile without **/.git/hooks/ in files.protect."
            case EFBIG:
                "What Git's configuration leads to is protected, and this is more than is read of one: shorten it, or"
                    + " grant folders without it, with -w or in the profile."
            case ENOBUFS:
                "Too many folders with too long paths are in it: take them away, or grant folders without them, with -w or"
                    + " in the profile."
            default:
                "It is looked through for what the profile protects at any depth (**): mend this, or grant folders"
                    + " without it, with -w or in the profile."
            }
        return LaunchFailure(error, remedy: remedy)
    }
}
