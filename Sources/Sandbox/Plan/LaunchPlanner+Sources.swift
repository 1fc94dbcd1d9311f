internal import CSandbox
internal import Model
internal import Policy

/// What the new view is made of: clones of the old view's parts, taken while it is whole.
extension LaunchPlanner {
    struct Source {
        var slot: UInt32
        var path: String
        /// Which of CSB_OPTIONAL and CSB_PROTECTION it was taken with: what was left out is not mounted either.
        var leniency: UInt32
        var isFile: Bool

        static let leniencies = CSB_OPTIONAL.rawValue | CSB_PROTECTION.rawValue
    }

    private mutating func freshSlot() -> UInt32 {
        defer { slots += 1 }
        return slots
    }

    private mutating func take(_ path: String, flags: UInt32, isFile: Bool = false) -> Source {
        let slot = freshSlot()
        steps.append(LaunchStep(kind: CSB_TREE, slot: slot, flags: flags, path: path))
        return Source(slot: slot, path: path, leniency: flags & Source.leniencies, isFile: isFile)
    }

    /// The system's folders, devices and Bailey's own programs.
    mutating func takeSystem() -> [Source] {
        let readOnly = CSB_READ_ONLY.rawValue
        var sources = machine.system.map { take($0.path, flags: readOnly, isFile: $0.isFile) }
        for name in ["null", "zero", "full", "random", "urandom", "tty"] {
            sources.append(
                take("/dev/\(name)", flags: CSB_KEEP_DEVICES.rawValue | CSB_NO_EXEC.rawValue, isFile: true)
            )
        }
        for (inside, outside) in machine.programs {
            let slot = freshSlot()
            let path = isNested ? inside : outside
            // They may lie where only root may go, which the agent's process is not any more.
            let kind = machine.isRoot && !isNested ? CSB_HOST_TREE : CSB_TREE
            steps.append(LaunchStep(kind: kind, slot: slot, flags: readOnly, path: path))
            sources.append(Source(slot: slot, path: inside, leniency: 0, isFile: true))
        }
        return sources
    }

    /// What the profile grants, outermost first so that the deepest path wins.
    mutating func takeGranted() throws(LaunchFailure) -> [Source] {
        var sources: [Source] = []
        for grant in Grant.all(of: request.profile.files, home: request.home) {
            try machine.check(grant)
            if let source = take(grant) { sources.append(source) }
        }
        return sources
    }

    private mutating func take(_ grant: Grant) -> Source? {
        var flags = grant.isWritable ? 0 : CSB_READ_ONLY.rawValue
        if grant.isProtection { flags |= leniency(of: grant) }
        let below = grant.path.isWithin(request.workspace)
        if isNested || below { flags |= CSB_NO_SYMLINKS.rawValue }
        let facts = machine.facts(of: grant.path)
        if !facts.exists, grant.isProtection, !isNested { return nil }
        guard machine.isRoot, !isNested else { return take(grant.path, flags: flags, isFile: facts.isFile) }
        let slot = freshSlot()
        steps.append(
            LaunchStep(
                kind: CSB_HOST_TREE,
                slot: slot,
                flags: flags | CSB_ID_MAPPED.rawValue,
                path: grant.path,
                a: UInt64(facts.owner),
                b: UInt64(facts.group)
            )
        )
        return Source(
            slot: slot,
            path: grant.path,
            leniency: flags & Source.leniencies,
            isFile: facts.isFile
        )
    }

    /// What a protection may lack.
    ///
    /// For a root agent something stands at every path that it could make (`StandIns`). A nested one's must be there:
    /// nothing is made for it, and what is absent it could make.
    private func leniency(of grant: Grant) -> UInt32 {
        let couldMake = request.profile.files.write.contains { Grant.covers($0, grant.path) }
        return isNested && couldMake ? CSB_PROTECTION.rawValue : CSB_OPTIONAL.rawValue
    }
}
