internal import Glibc
internal import Linux
internal import Model
internal import Policy

/// Reads what says how a repository is laid out.
///
/// What lies in what agents write may be an agent's: it is read through no symbolic link, and what it leads to is read
/// only where it lies there as well. Elsewhere the very look at a name may mean something, to an automounter or to a
/// server. What only the host writes leads anywhere.
struct GitFiles: Sendable {
    /// Folders and files that agents write.
    let trees: [String]

    func isAgents(_ path: String) -> Bool { tree(around: path) != nil }

    private func tree(around path: String) -> String? { FileRules.innermost(trees, around: path) }

    /// Nil where there is nothing to read.
    ///
    /// - Throws: when there is more than the limit.
    func bytes(at path: String, limit: Int, isHosts: Bool) throws(SystemCallError) -> [UInt8]? {
        guard let tree = tree(around: path) else {
            return isHosts ? try Self.bytes(at: path, limit: limit) : nil
        }
        let names = path.utf8.dropFirst(tree.utf8.count).split(separator: UInt8(ascii: "/"))
        guard let name = names.last, let walk = FolderWalk(tree) else {
            return try Self.bytes(at: path, limit: limit)
        }
        return try walk.bytes(
            of: Array(names.dropLast().joined(separator: [UInt8(ascii: "/")])),
            Array(name),
            limit: limit
        )
    }

    private static func bytes(at path: String, limit: Int) throws(SystemCallError) -> [UInt8]? {
        var status = stat()
        guard unsafe stat(path, &status) == 0, status.kind == .file else { return nil }
        guard status.st_size <= limit else {
            throw SystemCallError(stage: "read", object: path, errno: EFBIG)
        }
        return ReadFile.bytes(at: path, limit: limit)
    }
}

/// A folder that Git keeps a repository in, or what one work tree has of its own (gitrepository-layout(5)).
struct GitFolder {
    /// Read beside `config` where that says so (git-worktree(1), extensions.worktreeConfig).
    static let ownConfiguration = "config.worktree"
    /// Bytes of a file that leads to a folder: a path, and a word.
    private static let maximumLead = 8 << 10

    let path: String
    let files: GitFiles
    /// What leads here is the host's.
    let isHosts: Bool

    /// What a repository's work trees share; the folder itself where it says nothing else.
    private var common: String {
        get throws(SystemCallError) {
            try Self.text(of: path + "/commondir", files, isHosts).flatMap { Self.path($0, from: path) }
                ?? path
        }
    }

    /// Files with configuration that Git reads here, and nowhere else in the repository.
    var configurations: [String] {
        get throws(SystemCallError) {
            let (common, own) = (try common, path + "/" + Self.ownConfiguration)
            return [common + "/config", own]
                + (common.isSame(as: path) ? [] : [common + "/" + Self.ownConfiguration])
        }
    }

    /// Whether Git reads `config.worktree` here.
    var readsOwnConfiguration: Bool {
        get throws(SystemCallError) {
            try GitConfiguration.read(common + "/config", files, isHosts: isHosts)?.readsOwn ?? false
        }
    }

    /// The folder that a file `.git` leads to.
    static func led(
        by file: String,
        in folder: String,
        _ files: GitFiles,
        isHosts: Bool
    ) throws(SystemCallError) -> String? {
        let word = "gitdir:"
        guard let text = try text(of: file, files, isHosts), text.begins(with: word) else { return nil }
        let path = text.dropFirst(bytes: word.utf8.count).drop { $0 == " " || $0 == "\t" }
        return path.isEmpty ? nil : Self.path(String(path), from: folder)
    }

    /// A file's text without the end of its line.
    private static func text(
        of file: String,
        _ files: GitFiles,
        _ isHosts: Bool
    ) throws(SystemCallError) -> String? {
        guard let bytes = try files.bytes(at: file, limit: maximumLead, isHosts: isHosts) else { return nil }
        let ends = [UInt8(ascii: "\n"), UInt8(ascii: "\r")]
        let end = bytes.lastIndex { !ends.contains($0) }.map { $0 + 1 } ?? 0
        return String(validating: bytes[..<end], as: UTF8.self)
    }

    static func parent(of path: String) -> String {
        String(path[..<(path.lastPlace(of: "/") ?? path.startIndex)])
    }

    /// A path as Git's configuration has it, absolute and without `.` and `..`; nil for one that begins where only Git
    /// knows.
    static func path(_ text: String, from folder: String) -> String? {
        var full = text.begins(with: "/") ? text : folder + "/" + text
        if text.begins(with: "~") {
            guard text.begins(with: "~/"), let home = unsafe getenv("HOME") else { return nil }
            full = unsafe String(cString: home) + text.dropFirst(bytes: 1)
        }
        guard !text.begins(with: "%(") else { return nil }
        var names: [Substring] = []
        for name in full.cut(at: "/") where !name.isSame(as: ".") {
            if name.isSame(as: "..") { _ = names.popLast() } else { names.append(name) }
        }
        return "/" + names.joined(separator: "/")
    }
}
