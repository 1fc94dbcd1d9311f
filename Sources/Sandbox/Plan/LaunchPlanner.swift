internal import CSandbox
internal import Glibc
internal import Model
internal import Policy

/// Makes a `LaunchPlan` from what the supervisor wants and what the machine is: no system calls.
///
/// The order is fixed. Sources are cloned while the old view is whole; then the new root covers it, is filled,
/// becomes the root and is sealed; then the network; then the process; the locks come last.
struct LaunchPlanner {
    /// TCP port inside that captured connections are redirected to; also the explicit proxy, on loopback.
    static let capturePort: UInt64 = 3128
    /// DNS (RFC 1035 section 4.2).
    static let resolverPort: UInt64 = 53
    /// Bytes and inodes of the root's own tmpfs: folders, links, the files that Bailey puts in.
    static let rootSize: (bytes: UInt64, inodes: UInt64) = (16 << 20, 4096)
    /// Bytes of private writable storage where the profile says nothing.
    static let defaultDisk: UInt64 = 1 << 30
    /// Inodes of private writable storage: one for every 4 KiB of the default.
    static let scratchInodes: UInt64 = 262_144

    let request: LaunchRequest
    let machine: MachineFacts
    let identity: LaunchPlan.Identity
    /// The compiled seccomp filters, in the order in which they are loaded.
    let filters: [[UInt8]]
    /// The parent's view is what sources are taken from.
    let isNested: Bool
    var steps: [LaunchStep] = []
    var slots: UInt32 = 0
    var made: Set<ByteText> = [ByteText("/")]
    /// Where a mount of the view begins; nothing of ours can be made beneath.
    var mounted = MountPoints()

    init(
        request: LaunchRequest,
        machine: MachineFacts,
        identity: LaunchPlan.Identity,
        filters: [[UInt8]],
        isNested: Bool
    ) {
        self.request = request
        self.machine = machine
        self.identity = identity
        self.filters = filters
        self.isNested = isNested
    }

    /// The whole plan.
    consuming func plan() throws(LaunchFailure) -> LaunchPlan {
        steps.append(LaunchStep(kind: CSB_KEYRING))
        steps.append(LaunchStep(kind: CSB_PRIVATE))
        let system = takeSystem()
        let granted = try takeGranted()
        steps.append(LaunchStep(kind: CSB_ROOT, mode: 0o755, a: Self.rootSize.bytes, b: Self.rootSize.inodes))
        placeSystem(system)
        placePrivate()
        placeOwn()
        place(granted)
        placeProc()
        placeExtraFiles()
        finishView()
        network()
        process()
        locks()
        return finished()
    }

    private func finished() -> LaunchPlan {
        let variables = request.environment.map { "\($0.name)=\($0.value)" }
        let path = request.environment.first { $0.name.isSame(as: "PATH") }?.value ?? "/usr/bin:/bin"
        var plan = LaunchPlan(
            steps: steps,
            arguments: request.argv,
            environment: variables,
            search: path.cut(at: ":").filter { $0.begins(with: "/") }.map(String.init),
            initPath: "/.bailey/bin/init",
            identity: identity
        )
        plan.umask = request.umask
        let wall = LandlockWall(abi: machine.landlock, writable: writablePaths)
        plan.landlockHandled = wall.handled
        plan.landlockScopes = wall.scopes
        plan.landlockRules = wall.rules
        return plan
    }

    private var writablePaths: [String] {
        request.profile.files.write + ["/tmp", request.home, "/dev/shm"]
    }

    private mutating func network() {
        steps.append(LaunchStep(kind: CSB_LOOPBACK))
        steps.append(LaunchStep(kind: CSB_ROUTES))
        steps.append(LaunchStep(kind: CSB_LISTEN, a: Self.capturePort))
        steps.append(LaunchStep(kind: CSB_RESOLVER, a: Self.resolverPort))
        steps.append(LaunchStep(kind: CSB_REFUSALS))
        steps.append(LaunchStep(kind: CSB_CAPTURE, a: Self.capturePort))
        steps.append(LaunchStep(kind: CSB_HOSTNAME, text: request.hostName))
    }

    private mutating func process() {
        for limit in ResourceLimits.of(request.profile.limits) {
            steps.append(
                LaunchStep(
                    kind: CSB_LIMIT,
                    mode: limit.resource,
                    text: limit.name,
                    a: limit.value,
                    b: limit.value
                )
            )
        }
        steps.append(LaunchStep(kind: request.terminal ? CSB_TERMINAL : CSB_STREAMS))
        steps.append(LaunchStep(kind: CSB_CHDIR, path: request.workingDirectory))
        steps.append(LaunchStep(kind: CSB_PROGRAM))
    }

    private mutating func locks() {
        if machine.landlock > 0 { steps.append(LaunchStep(kind: CSB_LANDLOCK)) }
        steps.append(LaunchStep(kind: CSB_CAPABILITIES))
        for filter in filters { steps.append(LaunchStep(kind: CSB_SECCOMP, payload: filter)) }
    }
}
