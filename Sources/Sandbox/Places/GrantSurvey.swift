internal import Glibc
internal import Linux
internal import Model
internal import Policy

/// What a root agent is granted, compared by place and not by name with what no agent may have.
///
/// A nested agent's sources are its parent's view, in which nothing of this is.
package struct GrantSurvey: Sendable {
    private let table: MountTable
    private let own: OwnPlaces
    private(set) var trees: [ByteText: GrantedTree] = [:]

    /// - Parameters:
    ///   - grants: of one launch.
    ///   - own: what no agent may have.
    ///   - machine: whose folders every agent sees.
    /// - Throws: what is granted and must not be, or where nothing can be known of it.
    init(_ grants: [Grant], own: OwnFiles, on machine: MachineFacts) throws(LaunchFailure) {
        guard let table = machine.mounts.table() else {
            throw LaunchFailure(
                step: "read what is mounted",
                object: "/proc/self/mountinfo",
                errno: EIO,
                remedy: "Where grants lie cannot be known without it: is /proc mounted?"
            )
        }
        self.table = table
        self.own = try OwnPlaces(own, in: table)
        try check(machine.system)
        try look(at: grants)
    }

    /// The same look at the machine, with what was granted since.
    func extended(to grants: [Grant]) throws(LaunchFailure) -> GrantSurvey {
        var survey = self
        survey.trees = [:]
        try survey.look(at: grants, knowing: trees)
        return survey
    }

    private mutating func look(
        at grants: [Grant],
        knowing known: [ByteText: GrantedTree] = [:]
    ) throws(LaunchFailure) {
        // What is taken from a copy was looked at with the copy.
        // What was found lies in what is granted, and no link leads to it.
        for grant in grants where !grant.isInCopy && !grant.isFound {
            let path = ByteText(grant.path)
            if let tree = known[path], tree.grant == grant {
                trees[path] = tree
                continue
            }
            guard let tree = try GrantedTree.of(grant, in: table) else { continue }
            try check(tree)
            trees[path] = tree
        }
    }

    /// The system's folders are every agent's to read; what is a link there is made again as one.
    private func check(_ system: [MachineFacts.Part]) throws(LaunchFailure) {
        for part in system where !Grant.covers("/etc", part.path) {
            guard let trail = try? PathTrail.of(part.path, in: table) else { continue }
            // What is mounted beneath comes with it.
            let shown = [trail.location] + table.beneath(Location.names(part.path.utf8)).map(\.root)
            for entry in own.entries where shown.contains(where: { $0.covers(entry.trail.location) }) {
                if entry.isHidden { throw .ownGrant(part.path, entry.path) }
                if entry.isSecret { throw .systemSecret(part.path, entry.path) }
            }
        }
    }

    /// Refuses what shows Bailey's own folders or the kernel's, and what would let an agent decide where they are.
    private func check(_ tree: GrantedTree) throws(LaunchFailure) {
        let place = tree.parts.first?.location
        guard !tree.names.isEmpty, !own.kernel.contains(where: { kernel in place.map(kernel.covers) ?? true })
        else { throw .kernelGrant(tree.grant.path) }
        let path = "/" + tree.names.map { String(decoding: $0, as: UTF8.self) }.joined(separator: "/")
        guard !OwnPlaces.kernelPaths.contains(where: { path.isWithin($0) }) else {
            throw .kernelGrant(tree.grant.path)
        }
        for entry in own.entries {
            for part in tree.parts { try check(part, of: tree, against: entry) }
        }
    }

    private func check(
        _ part: GrantedTree.Part,
        of tree: GrantedTree,
        against entry: OwnPlaces.Entry
    ) throws(LaunchFailure) {
        let isInside = entry.trail.location.covers(part.location)
        if entry.isHidden, isInside || part.location.covers(entry.trail.location) {
            throw .ownGrant(tree.grant.path, entry.path)
        }
        // A pin is gone once what it is in is protected.
        guard tree.grant.isWritable, !tree.grant.isProtection else { return }
        if isInside { throw .trustedGrant(tree.grant.path, entry.path) }
        // A copy's changes reach no link of the host's.
        if !tree.grant.isCopy, entry.trail.links.contains(where: part.location.covers) {
            throw .linkGrant(tree.grant.path, entry.path)
        }
    }

    /// Refuses to grant the name of a secret's file.
    ///
    /// What covers a file is a mount on its name, which the kernel takes away when somebody outside renames another file onto
    /// it, as whatever rotates a secret does. The cover on a folder around it stays.
    ///
    /// - Parameter covered: paths that are covered in what is granted.
    /// - Throws: where a grant shows such a name.
    func checkSecrets(behind covered: [String]) throws(LaunchFailure) {
        for entry in own.entries where entry.isSecret {
            for place in [entry.trail.location] + entry.trail.links {
                for tree in trees.values where !tree.grant.isProtection {
                    let isShown = tree.parts.contains { part in
                        part.location.covers(place) && !isBehind(covered, place, in: part)
                    }
                    if isShown { throw .secretGrant(tree.grant.path, entry.path) }
                }
            }
        }
    }

    /// Whether one of these paths is a folder around a place, within a part of what is granted.
    private func isBehind(_ paths: [String], _ place: Location, in part: GrantedTree.Part) -> Bool {
        paths.contains { path in
            guard let trail = try? PathTrail.of(path, in: table), trail.isFolder else { return false }
            let folder = trail.location
            return part.location.covers(folder) && folder.covers(place) && folder != place
        }
    }

    /// What is not to be written in what is granted, by the names that the agent sees it by.
    func protections() throws(LaunchFailure) -> [ProtectedPath] {
        var protections: Set<ProtectedPath> = []
        for entry in own.entries where !entry.isHidden {
            for tree in trees.values where tree.grant.isWritable {
                for view in try tree.views(of: entry.trail.location) {
                    protections.insert(ProtectedPath(path: view, isFolder: entry.isFolder))
                }
            }
        }
        return protections.sorted { $0.path.precedes($1.path) }
    }

    /// What has to be covered because it lies at one of these paths, whatever name the agent would see it by.
    func covers(_ paths: [String]) throws(LaunchFailure) -> [(path: String, facts: MachineFacts.PathFacts)] {
        var covers: [ByteText: MachineFacts.PathFacts] = [:]
        for path in paths {
            // Most are not there, which one call tells.
            var status = stat()
            guard unsafe lstat(path, &status) == 0, let trail = try? PathTrail.of(path, in: table),
                trail.exists
            else { continue }
            for tree in trees.values {
                for view in try tree.views(of: trail.location) { covers[ByteText(view)] = trail.facts }
                if leads(tree, into: path, trail) { covers[ByteText(tree.grant.path)] = tree.facts }
            }
        }
        return covers.sorted { $0.key.text.precedes($1.key.text) }.map { ($0.key.text, $0.value) }
    }

    /// Whether a grant leads into a place that its name does not tell of: whoever named it may not have meant that.
    private func leads(_ tree: GrantedTree, into path: String, _ trail: PathTrail) -> Bool {
        guard let part = tree.parts.first, trail.location.covers(part.location),
            !tree.grant.path.isWithin(path)
        else { return false }
        return PathText.resolved(path).map { !tree.grant.path.isWithin($0) } ?? true
    }
}

extension LaunchFailure {
    private static func grant(_ path: String, _ remedy: String) -> LaunchFailure {
        LaunchFailure(step: "grant a path", object: path, errno: 0, remedy: remedy)
    }

    static func kernelGrant(_ path: String) -> LaunchFailure {
        grant(
            path,
            "An agent is never given /, /proc, /sys, /dev or /run, nor what leads there: name a folder below /, or"
                + " another workspace with -w."
        )
    }

    static func ownGrant(_ path: String, _ own: String?) -> LaunchFailure {
        let place = own.map { "there (\($0))" } ?? "there"
        return grant(
            path,
            "Bailey keeps its own state \(place), which no agent may see: use a folder inside it that is apart,"
                + " with -w or in the profile, or move Bailey's with XDG_STATE_HOME, XDG_CONFIG_HOME or XDG_RUNTIME_DIR,"
                + " the approvers' socket with approvals.socket.path in bailey.yaml."
        )
    }

    static func trustedGrant(_ path: String, _ own: String) -> LaunchFailure {
        grant(
            path,
            "\(own) is read to decide what agents may do, and no agent may write there: use another folder, with -w or in"
                + " the profile, or grant this one under files.read."
        )
    }

    static func secretGrant(_ path: String, _ own: String) -> LaunchFailure {
        grant(
            path,
            "\(own) holds a secret and lies in it, where only a cover would keep it from the agent, and a cover goes when"
                + " another file is renamed onto this one, as is done to rotate it: move it to a folder that no agent is"
                + " granted, or hide the folder that it is in with files.hide."
        )
    }

    static func systemSecret(_ path: String, _ own: String) -> LaunchFailure {
        LaunchFailure(
            step: "show agents the system",
            object: path,
            errno: 0,
            remedy:
                "\(own) holds a secret and lies in it, where every agent may read: move it to a folder that no agent is given."
        )
    }

    static func linkGrant(_ path: String, _ own: String) -> LaunchFailure {
        grant(
            path,
            "A symbolic link on the way to \(own) lies there, and who may write there decides where it leads: name the"
                + " folder or file itself and not the link, or use another workspace with -w."
        )
    }
}
