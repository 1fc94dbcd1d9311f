internal import CSandbox
internal import Glibc
internal import Linux
internal import Model
internal import Policy

/// The rest of a launch, from what the supervisor wants and what the machine is: no system calls.
///
/// The order is fixed. What the profile grants is cloned while the old view is whole; the new root is filled, becomes
/// the root and is sealed; then the process; the locks come last.
struct LaunchPlanner {
    /// TCP port inside that captured connections are redirected to; also the explicit proxy, on loopback.
    static let capturePort: UInt64 = 3128
    /// DNS (RFC 1035 section 4.2).
    static let resolverPort: UInt64 = 53
    /// Bytes of private writable storage where the profile says nothing.
    static let defaultDisk: UInt64 = 1 << 30
    /// Inodes of private writable storage: one for every 4 KiB of the default.
    static let scratchInodes: UInt64 = 262_144

    /// Folders of PATH that are searched: each may lead through 40 links (path_resolution(7)), and a search is to take
    /// milliseconds whatever an agent made of it.
    static let maximumSearch = 256

    let request: LaunchRequest
    /// Every one, outermost first.
    let grants: [Grant]
    /// What they lead to on the host; nil for a nested agent, which is granted its parent's view.
    let survey: GrantSurvey?
    /// What lies in them and no agent may see.
    let covered: [(path: String, facts: MachineFacts.PathFacts)]
    let machine: MachineFacts
    let identity: LaunchPlan.Identity
    /// The compiled seccomp filters, in the order in which they are loaded.
    let filters: [[UInt8]]
    /// The parent's view is what sources are taken from.
    let isNested: Bool
    /// Continues the common part.
    var draft: ViewDraft

    /// The whole plan, the common part included.
    consuming func plan() throws(LaunchFailure) -> LaunchPlan {
        let search = try searchPath()
        draft.append(LaunchStep(kind: CSB_PRIVATE))
        let granted = try takeGranted()
        sizePrivate()
        draft.place(granted)
        hide()
        placeExtraFiles()
        finishView()
        process()
        locks()
        return finished(search)
    }

    private func searchPath() throws(LaunchFailure) -> [String] {
        let path = request.environment.first { $0.name.isSame(as: "PATH") }?.value ?? "/usr/bin:/bin"
        let folders = path.cut(at: ":").filter { $0.begins(with: "/") }.map(String.init)
        guard folders.count <= Self.maximumSearch else {
            throw LaunchFailure(
                step: "search PATH",
                object: "\(folders.count) folders",
                errno: 0,
                remedy: "At most \(Self.maximumSearch) are searched: shorten PATH."
            )
        }
        return folders
    }

    private func finished(_ search: [String]) -> LaunchPlan {
        let variables = request.environment.map { "\($0.name)=\($0.value)" }
        var plan = LaunchPlan(steps: draft.steps, identity: identity)
        plan.arguments = request.argv
        plan.environment = variables
        plan.search = search
        plan.umask = request.umask
        let wall = LandlockWall(abi: machine.landlock, writable: writablePaths)
        plan.landlockHandled = wall.handled
        plan.landlockScopes = wall.scopes
        plan.landlockRules = wall.rules
        return plan
    }

    private var writablePaths: [String] {
        let files = request.profile.files
        return files.write + files.copy + ["/tmp", request.account.home, "/dev/shm"]
    }

    private mutating func process() {
        for limit in ResourceLimits.of(request.profile.limits) {
            draft.append(
                LaunchStep(
                    kind: CSB_LIMIT,
                    mode: limit.resource,
                    text: limit.name,
                    a: limit.value,
                    b: limit.value
                )
            )
        }
        draft.append(LaunchStep(kind: request.terminal ? CSB_TERMINAL : CSB_STREAMS))
        draft.append(LaunchStep(kind: CSB_CHDIR, path: request.workingDirectory))
        draft.append(LaunchStep(kind: CSB_PROGRAM))
    }

    private mutating func locks() {
        if machine.landlock > 0 { draft.append(LaunchStep(kind: CSB_LANDLOCK)) }
        draft.append(LaunchStep(kind: CSB_CAPABILITIES))
        for filter in filters { draft.append(LaunchStep(kind: CSB_SECCOMP, payload: filter)) }
    }
}
