internal import CSandbox
internal import Model
internal import Policy

/// The new view, completed: private folders, what the profile hides, and what Bailey puts in.
extension LaunchPlanner {
    /// `/tmp`, the home directory and `/dev/shm`: one private file system, of the profile's size.
    mutating func placePrivate() {
        let scratch = "/.bailey/covered/scratch"
        draft.makeFolders(above: scratch + "/x")
        draft.append(
            LaunchStep(
                kind: CSB_TMPFS,
                mode: 0o755,
                path: scratch,
                a: request.profile.limits.disk ?? Self.defaultDisk,
                b: Self.scratchInodes
            )
        )
        for (name, path, mode) in [
            ("tmp", "/tmp", UInt32(0o1777)), ("home", request.account.home, 0o700),
            ("shm", "/dev/shm", 0o1777),
        ] {
            draft.append(LaunchStep(kind: CSB_DIRECTORY, mode: mode, path: "\(scratch)/\(name)"))
            draft.makeFolders(above: path)
            draft.makeFolder(path)
            draft.append(LaunchStep(kind: CSB_BIND, path: path, text: "\(scratch)/\(name)"))
        }
        placeVariableTemporary(of: scratch)
    }

    /// `/var/tmp` is `/tmp`; a folder of its own where the profile grants it, or something in it.
    private mutating func placeVariableTemporary(of scratch: String) {
        draft.makeFolder("/var")
        let files = request.profile.files
        guard (files.read + files.write + files.copy).contains(where: { Grant.covers("/var/tmp", $0) }) else {
            return draft.link("/var/tmp", to: "/tmp")
        }
        draft.makeFolder("/var/tmp")
        draft.append(LaunchStep(kind: CSB_BIND, path: "/var/tmp", text: "\(scratch)/tmp"))
    }

    /// Covers what the profile hides and the credentials that lie in what it grants.
    mutating func hide() {
        let located = Set(covered.map { ByteText($0.path) })
        for path in request.profile.files.hide + CredentialStores.paths(home: request.account.home)
        where draft.covers(path) && !located.contains(ByteText(path)) {
            let isFile = machine.facts(of: path).isFile
            draft.cover(path, with: isFile ? "/.bailey/empty-file" : "/.bailey/empty")
        }
        for (path, isFile) in covered {
            draft.cover(path, with: isFile ? "/.bailey/empty-file" : "/.bailey/empty")
        }
    }

    /// What the supervisor puts in; a child sees its parent's, which are the same.
    mutating func placeExtraFiles() {
        guard !isNested else { return }
        for (index, file) in request.extraFiles.parts.enumerated() {
            if draft.covers(file.path) {
                let source = "/.bailey/files/\(index)"
                draft.makeFile(source, sharing: file)
                draft.cover(file.path, with: source)
            } else {
                draft.makeFile(file.path, sharing: file)
            }
        }
    }

    mutating func finishView() {
        draft.append(
            LaunchStep(
                kind: CSB_TMPFS,
                flags: CSB_READ_ONLY.rawValue,
                mode: 0o555,
                path: "/.bailey/covered",
                a: 4096,
                b: 8
            )
        )
        draft.append(LaunchStep(kind: CSB_PIVOT))
        draft.append(LaunchStep(kind: CSB_NAMESPACES))
        draft.append(LaunchStep(kind: CSB_CONTROL, path: "/.bailey/control"))
        draft.append(LaunchStep(kind: CSB_SEAL, path: "/"))
    }
}
