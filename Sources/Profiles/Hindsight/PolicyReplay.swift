package import Model
internal import Policy

/// Decides what is on record of one run again, as if one of its profiles had been another.
///
/// The profile stands in for one name: at each level of a lineage that was launched under it. What every other level said is
/// taken from the record. Nothing is guessed: what a decision hangs on and the record does not hold is said.
package struct PolicyReplay {
    /// The profile that stands in, by name or file.
    private let reference: String
    private let shelf: ProfileShelf
    let home: String?
    /// For which name it does.
    package let name: String
    /// The digest of what stands in, for the folder that Bailey was started in.
    package let digest: String
    /// Names of profiles that agents of the run had, by the order in which they came.
    package private(set) var seen: [String] = []
    let run = ReplayedRun()

    /// - Parameters:
    ///   - reference: a profile's name, or its file.
    ///   - name: for which it stands in; nil for its own.
    ///   - search: where profiles are looked up.
    ///   - home: what `~` stands for.
    /// - Throws: where it does not read.
    package init(
        _ reference: String,
        inPlaceOf name: String?,
        search: ProfileSearch,
        home: String?
    ) throws(ProfileError) {
        let shelf = ProfileShelf(search: search, home: home)
        let profile = try shelf.load(reference, workspace: ReplayedRun.elsewhere)
        (self.reference, self.shelf, self.home) = (reference, shelf, home)
        self.name = name ?? profile.name
        digest = profile.digest
    }

    /// Takes the next record of the run, whether it is asked about that one or not; nil where it is no decision.
    package mutating func take(_ entry: AuditEntry, isOfScope: Bool = true) -> Hindsight? {
        switch entry {
        case .spawn(let record):
            run.add(record)
            if isOfScope { note(record.lineage.hops) }
            defer { run.count(record.lineage) }
            return launch(record)
        case .spawnRefused(let record):
            if isOfScope { note(record.parent?.hops ?? [], and: record.namedProfile) }
            return launch(record)
        case .exit(let record):
            run.remove(record.lineage)
            return nil
        case .request(let record):
            guard record.matter == .decision else { return nil }
            if isOfScope { note(record.lineage.hops) }
            return decide(record)
        case .replies, .revocation, .approval, .custody, .renewal: return nil
        }
    }

    /// Whether any agent that was asked about had the profile that is stood in for.
    package var isUsed: Bool { seen.holds(bytes: name) }

    private mutating func note(_ hops: [Hop], and launched: String? = nil) {
        let profiles = hops.enumerated().filter { isOwnText($1, isRoot: $0 == 0) != true }.map(
            \.element.profile
        )
        for profile in profiles + (launched.map { [$0] } ?? [])
        where !seen.holds(bytes: profile) && seen.count < ReplayedRun.maximumNames {
            seen.append(profile)
        }
    }

    /// Whether the profile stands in for that of an agent.
    enum Standing {
        case yes
        case no
        /// It has the name; whether it is the operator's, or a text of an agent's own, is not on record.
        case unknown
    }

    func standing(of hop: Hop, isRoot: Bool) -> Standing {
        guard hop.profile.isSame(as: name) else { return .no }
        return switch isOwnText(hop, isRoot: isRoot) {
        case true?: .no
        case false?: .yes
        case nil: .unknown
        }
    }

    /// Those of a lineage, or of its beginning, that it does not stand in for are left out.
    func standings(in hops: [Hop]) -> [(place: Int, isKnown: Bool)] {
        hops.enumerated().compactMap { place, hop -> (place: Int, isKnown: Bool)? in
            switch standing(of: hop, isRoot: place == 0) {
            case .yes: (place, true)
            case .unknown: (place, false)
            case .no: nil
            }
        }
    }

    static func unknownText(_ hop: Hop) -> String {
        "whether the profile \(hop.profile) of \(hop.name) was a text of the agent's that launched it is not on record"
    }

    /// Whether an agent's profile is a text of the one that launched it, whatever it calls itself; nil where nobody knows.
    private func isOwnText(_ hop: Hop, isRoot: Bool) -> Bool? { isRoot ? false : run.ownText(of: hop.agent) }

    /// What stands in, as it is for an agent; nil where it does not read for its folder.
    func candidate(for hop: Hop) -> Profile? { stand(in: run.workspace(of: hop.agent)) }

    /// The same for what `$WORKSPACE` stands for.
    func stand(in workspace: String) -> Profile? { try? shelf.load(reference, workspace: workspace) }

    /// The profile that an agent had, where it is at hand as it was.
    func original(of hop: Hop, workspace: String? = nil) -> Profile? {
        let workspace = workspace ?? run.workspace(of: hop.agent)
        guard let profile = try? shelf.load(name: hop.profile, workspace: workspace),
            profile.digest.isSame(as: hop.profileDigest)
        else { return nil }
        return profile
    }

    /// It is the very profile that an agent had.
    func isUnchanged(_ hop: Hop) -> Bool { level(of: hop).isUnchanged }

    /// What stands in, as the one level of a lineage, for whom an agent acts; nil where it does not read.
    func policy(of hop: Hop, _ lineage: Lineage) -> LineagePolicy? {
        let level = level(of: hop)
        if let policy = level.policy { return policy }
        guard let profile = level.profile else { return nil }
        let policy = alone(profile, hop, lineage)
        level.policy = policy
        return policy
    }

    /// A profile as the one level of a lineage.
    func alone(_ profile: Profile, _ hop: Hop, _ lineage: Lineage) -> LineagePolicy? {
        let principal = principal(of: lineage)
        return LineagePolicy(
            lineage: Lineage(principal: principal, root: hop),
            levels: [CompiledPolicy(profile.applied(to: principal))]
        )
    }

    private func level(of hop: Hop) -> StandIn {
        if let known = run.levels[hop.agent] { return known }
        let level = StandIn(candidate(for: hop), hop)
        run.keep(level, for: hop.agent)
        return level
    }

    /// Who an agent acts for, with all that was proven.
    func principal(of lineage: Lineage) -> Principal {
        run.principal(of: lineage.agent.agent) ?? lineage.principal
    }
}

/// Profiles that were read, by name or file and the folder that `$WORKSPACE` stands for.
final class ProfileShelf {
    private struct Key: Hashable {
        let reference: ByteText
        let workspace: ByteText
    }

    /// As many as a run mostly has workspaces and profiles of; then it begins anew.
    private static let maximumKept = 256

    private let search: ProfileSearch
    private let home: String?
    private let memory = ProfileMemory()
    private var kept: [Key: Result<Profile, ProfileError>] = [:]

    init(search: ProfileSearch, home: String?) {
        (self.search, self.home) = (search, home)
    }

    /// By name, or from a file: `./FILE`, `/FILE` and what ends in `.yaml`.
    func load(_ reference: String, workspace: String) throws(ProfileError) -> Profile {
        let isFile = reference.holds("/") || reference.ends(with: ".yaml")
        return try known(reference, workspace) { loader throws(ProfileError) in
            isFile ? try loader.load(file: reference) : try loader.load(name: reference)
        }
    }

    func load(name: String, workspace: String) throws(ProfileError) -> Profile {
        try known(name, workspace) { loader throws(ProfileError) in try loader.load(name: name) }
    }

    private func known(
        _ reference: String,
        _ workspace: String,
        _ load: (ProfileLoader) throws(ProfileError) -> Profile
    ) throws(ProfileError) -> Profile {
        let key = Key(reference: ByteText(reference), workspace: ByteText(workspace))
        if let known = kept[key] { return try known.get() }
        // As a supervisor reads them.
        let variables = ProfileVariables(workspace: workspace, home: home, temporary: "/tmp")
        let result: Result<Profile, ProfileError>
        do throws(ProfileError) {
            result = .success(
                try load(ProfileLoader(search: search, variables: variables, memory: memory))
            )
        } catch {
            result = .failure(error)
        }
        if kept.count >= Self.maximumKept { kept = [:] }
        kept[key] = result
        return try result.get()
    }
}

/// What stands in for the profile of one agent.
final class StandIn {
    let profile: Profile?
    let isUnchanged: Bool
    /// Once something was decided by it.
    var policy: LineagePolicy?

    init(_ profile: Profile?, _ hop: Hop) {
        self.profile = profile
        isUnchanged = profile?.digest.isSame(as: hop.profileDigest) == true
    }
}

/// What is known of a run's agents at a moment of its record.
final class ReplayedRun {
    /// Names of profiles that are told: nobody reads more.
    static let maximumNames = 256

    /// What `$WORKSPACE` stands for where that is not on record.
    static var elsewhere: String { TextFile.currentDirectory ?? "/" }

    private struct Agent {
        let workspace: String
        let principal: Principal
        let ownText: Bool?
        /// Live descendants.
        var below = 0
    }

    /// Those that live: as many as a supervisor has at most.
    private var agents: [AgentID: Agent] = [:]
    /// What stands in for their profiles; some are asked for after their end.
    private(set) var levels: [AgentID: StandIn] = [:]
    private static let maximumLevels = 1_024

    func keep(_ level: StandIn, for agent: AgentID) {
        if levels.count >= Self.maximumLevels { levels = [:] }
        levels[agent] = level
    }

    func add(_ record: SpawnRecord) {
        agents[record.lineage.agent.agent] = Agent(
            workspace: record.workspace,
            principal: record.principal ?? record.lineage.principal,
            ownText: record.ownText
        )
    }

    /// It lives from here on.
    func count(_ lineage: Lineage) {
        for hop in lineage.ancestors { agents[hop.agent]?.below += 1 }
    }

    func remove(_ lineage: Lineage) {
        guard agents.removeValue(forKey: lineage.agent.agent) != nil else { return }
        for hop in lineage.ancestors { agents[hop.agent]?.below -= 1 }
    }

    func workspace(of agent: AgentID) -> String { agents[agent]?.workspace ?? Self.elsewhere }

    func principal(of agent: AgentID) -> Principal? { agents[agent]?.principal }

    /// Nil where it is not on record.
    func ownText(of agent: AgentID) -> Bool? { agents[agent]?.ownText }

    /// Live descendants; nil of an agent whose launch is not on record.
    func below(_ agent: AgentID) -> Int? { agents[agent]?.below }
}
