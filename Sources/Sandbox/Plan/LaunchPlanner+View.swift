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
    ///
    /// Nothing in a cover has to be covered again. The folders above come last: whatever becomes of one of them then,
    /// what is in it is covered.
    mutating func hide() {
        let named = request.profile.files.hide + CredentialStores.paths(home: request.account.home)
        var hidden = MountPoints()
        for (path, facts) in covered where !hidden.cover(path) {
            hidden.insert(path)
            // In a copy everything has numbers of its own.
            let isCopied = request.profile.files.isCopied(path)
            draft.cover(seen: path, with: Self.cover(of: facts), known: isCopied ? nil : facts)
        }
        for path in named where draft.covers(path) && !hidden.cover(path) {
            draft.cover(path, with: Self.cover(of: machine.facts(of: path)))
        }
        // Of a nested agent's view the host knows the names alone.
        let seen = isNested ? named.filter { machine.facts(of: $0).exists } : covered.map(\.path)
        for folder in Grant.pins(above: seen, among: grants) where !hidden.cover(folder) {
            draft.pin(folder, known: isNested ? nil : machine.facts(of: folder))
        }
    }

    private static func cover(of facts: MachineFacts.PathFacts) -> String {
        facts.isFile ? "/.bailey/empty-file" : "/.bailey/empty"
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
