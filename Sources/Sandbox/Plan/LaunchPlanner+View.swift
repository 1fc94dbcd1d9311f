internal import CSandbox
internal import Model
internal import Policy

/// The new view, completed: private folders, what the profile hides, and what Bailey puts in.
extension LaunchPlanner {
    /// The private file system is as large as the profile says.
    mutating func sizePrivate() {
        guard let size = request.profile.limits.disk else { return }
        draft.append(LaunchStep(kind: CSB_TMPFS_SIZE, path: ViewDraft.scratch, a: size))
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
        draft.place(request.extraFiles)
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
