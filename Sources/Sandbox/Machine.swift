internal import CSandbox
internal import Glibc
package import Linux
internal import Model
package import Policy

/// The machine as launching sees it: looked up once, then every plan is made from it.
package struct Machine: Sendable {
    /// The outside ids of a supervisor that runs as root: far above what systems and directories give to people
    /// (login.defs SUB_UID_MAX is 600,100,000), below the ids that are reserved (2^31).
    package static let outsideIdentities: Range<UInt32> = 1_900_000_000..<2_000_000_000
    /// The user and group id inside of an agent that root launched: none looks like root.
    static let insideIdentity: UInt32 = 1000
    /// Whether agents can be given ids that nobody else has: this is uid 0, and its user namespace has them.
    ///
    /// Root of a rootless container, or of `unshare -r`, has few ids or one, and launches as an ordinary user does.
    static let isRoot: Bool =
        geteuid() == 0
        && ["uid_map", "gid_map"].allSatisfy { name in
            // Unread is taken for the host's: an id that is not there then fails, and none is given away.
            CgroupFile.read("/proc/self/\(name)").map { IdentityMap($0).covers(outsideIdentities) } ?? true
        }

    let facts: MachineFacts
    let identity: LaunchPlan.Identity
    /// User and group that agents have outside.
    package var outside: (user: UInt32, group: UInt32) { (identity.outsideUser, identity.outsideGroup) }

    /// Looks the machine up.
    ///
    /// - Throws: when bailey-init is not there, or no id is left for agents.
    package init() throws(LaunchFailure) {
        facts = MachineFacts(
            isRoot: Self.isRoot,
            landlock: Int(csb_landlock_abi()),
            system: Self.parts(of: BaseView.folders + BaseView.settings),
            links: Self.links(),
            programs: try BaileyPrograms.located()
        )
        identity = try Self.outsideIdentity()
    }

    /// Which ids agents have, inside and outside.
    static func outsideIdentity() throws(LaunchFailure) -> LaunchPlan.Identity {
        isRoot ? unusedIdentity() : try ownIdentity()
    }

    private static func unusedIdentity() -> LaunchPlan.Identity {
        let outside = UInt32.random(in: outsideIdentities)
        return LaunchPlan.Identity(
            insideUser: insideIdentity,
            insideGroup: insideIdentity,
            outsideUser: outside,
            outsideGroup: outside
        )
    }

    private static func ownIdentity() throws(LaunchFailure) -> LaunchPlan.Identity {
        let (user, group) = (geteuid(), getegid())
        guard !isMachineRoot(user) else {
            throw LaunchFailure(
                step: "choose an id outside",
                object: "uid \(user), which is the machine's root",
                errno: 0,
                remedy:
                    "This user namespace has no other id to give to an agent, and none is given root's: start Bailey"
                    + " as an ordinary user, or outside of the namespace."
            )
        }
        return LaunchPlan.Identity(
            insideUser: user == 0 ? insideIdentity : user,
            insideGroup: group == 0 ? insideIdentity : group,
            outsideUser: user,
            outsideGroup: group
        )
    }

    /// Whether a user of this user namespace is uid 0 of the machine: then the kernel's own files are that user's.
    ///
    /// Where they cannot be seen, uid 0 is taken for root.
    private static func isMachineRoot(_ user: uid_t) -> Bool {
        var status = stat()
        guard unsafe stat("/proc/sys/kernel/core_pattern", &status) == 0 else { return user == 0 }
        return status.st_uid == user
    }

    /// Name of the second wall, for `--allow-degraded`.
    package static let landlockName = "landlock"
    /// The first Landlock ABI that scopes signals (Linux 6.12).
    static let signalScope = 6

    /// Only Landlock keeps a parent's processes from those of its child: they share a user outside.
    private func checkNesting(_ request: LaunchRequest) throws(LaunchFailure) {
        guard facts.landlock < Self.signalScope, !request.degraded.contains(Self.landlockName) else { return }
        throw LaunchFailure(
            step: "wall a child off from its parent",
            object: "Landlock ABI \(facts.landlock) of \(Self.signalScope)",
            errno: 0,
            remedy:
                "Use a kernel of 6.12 or later with Landlock, or accept that a parent may signal and read its"
                + " children with --allow-degraded landlock."
        )
    }

    /// Refuses a profile that demands more of Landlock than this kernel has; nothing lifts that but the profile.
    package func check(_ profile: Profile) throws(LaunchFailure) {
        guard let demanded = profile.landlock, facts.landlock < demanded else { return }
        throw LaunchFailure(
            step: "have the Landlock that the profile demands",
            object: "ABI \(demanded) (landlock: \(demanded)), where this kernel has "
                + (facts.landlock > 0 ? "ABI \(facts.landlock)" : "none"),
            errno: 0,
            remedy:
                "Use a newer kernel, with landlock among its security modules (lsm= on the command line), or a profile"
                + " that demands less; 'bailey doctor' says what there is."
        )
    }

    /// Which mechanism does what, where machines differ; by the names that `bailey doctor` has.
    package var mechanisms: [String: String] {
        [
            "landlock": LandlockWall.description(of: facts.landlock),
            "files": facts.isRoot ? "id-mapped mounts" : "the user's own id",
        ]
    }

    /// Refuses a profile that grants what no agent is given, before anything is done for it.
    ///
    /// - Returns: the rules, for an agent that the user launches with what of the operator's lies in it protected; and
    ///   what was seen of the machine.
    package func checked(
        _ files: FileRules,
        home: String,
        own: OwnFiles,
        isNested: Bool
    ) throws(LaunchFailure) -> (files: FileRules, survey: GrantSurvey?) {
        let grants = try grants(of: files, home: home, own: own)
        guard !isNested else { return (files, nil) }
        let survey = try survey(grants, of: files, home: home, own: own)
        var files = files
        files.protect += try survey.protections()
        _ = try self.grants(of: files, home: home, own: own)
        return (files, survey)
    }

    private func grants(
        of files: FileRules,
        home: String,
        own: OwnFiles
    ) throws(LaunchFailure) -> [Grant] {
        let grants = Grant.all(of: files, home: home)
        guard grants.count(where: { !$0.isFound }) <= Int(CSB_SLOTS) else {
            throw LaunchFailure(
                step: "grant paths",
                object: "\(grants.count), with the folders above protected ones",
                errno: 0,
                remedy: "A launch takes \(CSB_SLOTS) parts of the file system at most: name folders."
            )
        }
        for grant in grants { try facts.check(grant, own: own) }
        return grants
    }

    /// The part of a launch that is the same for every agent that the user launches.
    func common(for account: Account, extraFiles: ExtraFiles?) -> ViewDraft {
        CommonPlanner(
            machine: facts,
            identity: identity,
            account: account,
            extraFiles: extraFiles,
            isNested: false
        ).planned()
    }

    /// The plan that carries the common part out.
    func plan(of common: ViewDraft) -> LaunchPlan {
        var plan = LaunchPlan(steps: common.steps, identity: identity)
        plan.continues = true
        return plan
    }

    /// The plan of one launch: a child's whole, else what comes after the common part.
    func plan(
        _ request: LaunchRequest,
        filters: [[UInt8]],
        under parent: Sandbox?,
        continuing common: ViewDraft
    ) throws(LaunchFailure) -> LaunchPlan {
        guard parent != nil else {
            var plan = try planner(request, filters: filters, isNested: false, draft: common).plan()
            plan.range = common.steps.count..<plan.steps.count
            return plan
        }
        try checkNesting(request)
        var facts = facts
        // The parent's /etc is whole and already holds what the supervisor put in.
        facts.system = facts.system.filter { !Grant.covers("/etc", $0.path) }
        facts.system.append(MachineFacts.Part(path: "/etc", isFile: false))
        let draft = CommonPlanner(
            machine: facts,
            identity: identity,
            account: request.account,
            extraFiles: nil,
            isNested: true
        ).planned()
        var plan = try planner(request, filters: filters, isNested: true, draft: draft).plan()
        plan.parentProcesses = request.parentProcesses
        return plan
    }

    private func planner(
        _ request: LaunchRequest,
        filters: [[UInt8]],
        isNested: Bool,
        draft: ViewDraft
    ) throws(LaunchFailure) -> LaunchPlanner {
        let (files, home) = (request.profile.files, request.account.home)
        let grants = try grants(of: files, home: home, own: request.own)
        let survey = isNested ? nil : try self.survey(grants, for: request)
        return LaunchPlanner(
            request: request,
            grants: grants,
            survey: survey,
            covered: try survey?.covers(CredentialStores.paths(home: home) + request.own.secrets + files.hide)
                ?? [],
            machine: facts,
            identity: identity,
            filters: filters,
            isNested: isNested,
            draft: draft
        )
    }

    private func survey(_ grants: [Grant], for request: LaunchRequest) throws(LaunchFailure) -> GrantSurvey {
        if let survey = request.survey { return try survey.extended(to: grants) }
        return try survey(grants, of: request.profile.files, home: request.account.home, own: request.own)
    }

    private func survey(
        _ grants: [Grant],
        of files: FileRules,
        home: String,
        own: OwnFiles
    ) throws(LaunchFailure) -> GrantSurvey {
        let survey = try GrantSurvey(grants, own: own, on: facts)
        try survey.checkSecrets(behind: CredentialStores.paths(home: home) + files.hide)
        return survey
    }

    /// Those that are there and are no links.
    private static func parts(of paths: [String]) -> [MachineFacts.Part] {
        paths.compactMap { path in
            var status = stat()
            guard unsafe stat(path, &status) == 0,
                PathText.target(of: path) == nil || path.begins(with: "/etc/")
            else { return nil }
            return MachineFacts.Part(path: path, isFile: status.st_mode & S_IFMT != S_IFDIR)
        }
    }

    private static func links() -> [(String, String)] {
        BaseView.folders.compactMap { path in PathText.target(of: path).map { (path, $0) } }
    }
}
