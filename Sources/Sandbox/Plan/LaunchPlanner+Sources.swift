internal import CSandbox
internal import Linux
internal import Model
internal import Policy

/// What the new view is made of beside the system: clones of the old view's parts, taken while it is whole.
extension LaunchPlanner {
    /// What the profile grants, outermost first so that the deepest path wins.
    mutating func takeGranted() throws(LaunchFailure) -> [ViewDraft.Source] {
        var sources: [ViewDraft.Source] = []
        for grant in grants {
            if let source = try take(grant) { sources.append(source) }
        }
        return sources
    }

    private mutating func take(_ grant: Grant) throws(LaunchFailure) -> ViewDraft.Source? {
        if grant.isInCopy {
            let isFolder = (request.profile.files.protect + request.profile.files.found.all).allSatisfy {
                !$0.path.isSame(as: grant.path) || $0.isFolder
            }
            return .inCopy(grant.path, isWritable: grant.isWritable, isFolder: isFolder)
        }
        if grant.isFound {
            return .inView(grant.path, isWritable: grant.isWritable, isOptional: grant.isOptional)
        }
        guard grant.isCopy else { return takeTree(grant) }
        guard var source = takeTree(grant), let layer = request.layers[ByteText(grant.path)] else {
            throw LaunchFailure(
                step: "copy a folder",
                object: grant.path,
                errno: 0,
                remedy: "It has no layer: this is a mistake of Bailey's."
            )
        }
        source.way = .copy(layer: draft.take(layer, CSB_LAYER, flags: 0).slot)
        return source
    }

    private mutating func takeTree(_ grant: Grant) -> ViewDraft.Source? {
        var flags = grant.isWritable && !grant.isCopy ? 0 : CSB_READ_ONLY.rawValue
        if grant.isProtection { flags |= leniency(of: grant) }
        let below = grant.path.isWithin(request.workspace)
        if isNested || below || grant.isCopy { flags |= CSB_NO_SYMLINKS.rawValue }
        let facts = facts(of: grant)
        if !facts.exists, grant.isProtection, !isNested { return nil }
        guard machine.isRoot, !isNested else {
            return draft.take(
                grant.path,
                flags: flags,
                isFile: facts.isFile,
                known: survey.map { _ in facts }
            )
        }
        return draft.take(
            grant.path,
            CSB_HOST_TREE,
            flags: flags | CSB_ID_MAPPED.rawValue,
            owner: (facts.owner, facts.group),
            isFile: facts.isFile,
            known: facts
        )
    }

    /// What was looked at is what the launcher must find.
    ///
    /// Of a nested one the host can tell little.
    private func facts(of grant: Grant) -> MachineFacts.PathFacts {
        guard let survey else { return machine.facts(of: grant.path) }
        return survey.trees[ByteText(grant.path)]?.facts ?? MachineFacts.PathFacts()
    }

    /// What a protection may lack.
    ///
    /// For a root agent something stands at every path that it could make (`StandIns`). A nested one's must be there:
    /// nothing is made for it, and what is absent it could make.
    private func leniency(of grant: Grant) -> UInt32 {
        let files = request.profile.files
        let couldMake = (files.write + files.copy).contains { Grant.covers($0, grant.path) }
        return isNested && couldMake ? CSB_PROTECTION.rawValue : CSB_OPTIONAL.rawValue
    }
}
