internal import CSandbox
internal import Glibc
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
    /// The parent's view is what sources are taken from.
    let isNested: Bool
    private var steps: [LaunchStep] = []
    private var slots: UInt32 = 0
    private var made: Set<String> = ["/"]
    /// Where a mount of the view begins; nothing of ours can be made beneath.
    private var mounted: [String] = []

    init(request: LaunchRequest, machine: MachineFacts, identity: LaunchPlan.Identity, isNested: Bool) {
        self.request = request
        self.machine = machine
        self.identity = identity
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
        let path = request.environment.first { $0.name == "PATH" }?.value ?? "/usr/bin:/bin"
        var plan = LaunchPlan(
            steps: steps,
            arguments: request.argv,
            environment: variables,
            search: path.split(separator: ":").filter { $0.hasPrefix("/") }.map(String.init),
            initPath: "/.bailey/bin/init",
            identity: identity
        )
        let wall = LandlockWall(abi: machine.landlock, writable: writablePaths)
        plan.landlockHandled = wall.handled
        plan.landlockScopes = wall.scopes
        plan.landlockRules = wall.rules
        return plan
    }

    private var writablePaths: [String] {
        request.profile.files.write + ["/tmp", request.home, "/dev/shm"]
    }

    // MARK: Sources

    private struct Source {
        var slot: UInt32
        var path: String
        var optional: Bool
        var isFile: Bool
    }

    private mutating func freshSlot() -> UInt32 {
        defer { slots += 1 }
        return slots
    }

    private mutating func take(_ path: String, flags: UInt32, isFile: Bool = false) -> Source {
        let slot = freshSlot()
        steps.append(LaunchStep(kind: CSB_TREE, slot: slot, flags: flags, path: path))
        return Source(slot: slot, path: path, optional: flags & CSB_OPTIONAL.rawValue != 0, isFile: isFile)
    }

    /// The system's folders, devices and Bailey's own programs.
    private mutating func takeSystem() -> [Source] {
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
            steps.append(LaunchStep(kind: CSB_TREE, slot: slot, flags: readOnly, path: path))
            sources.append(Source(slot: slot, path: inside, optional: false, isFile: true))
        }
        return sources
    }

    /// What the profile grants, outermost first so that the deepest path wins.
    private mutating func takeGranted() throws(LaunchFailure) -> [Source] {
        var sources: [Source] = []
        for grant in Grant.all(of: request.profile.files, home: request.home) {
            try check(grant)
            if let source = take(grant) { sources.append(source) }
        }
        return sources
    }

    private mutating func take(_ grant: Grant) -> Source? {
        var flags = grant.isWritable ? 0 : CSB_READ_ONLY.rawValue
        if grant.isProtection { flags |= CSB_OPTIONAL.rawValue }
        let below = grant.path == request.workspace || grant.path.hasPrefix(request.workspace + "/")
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
        return Source(slot: slot, path: grant.path, optional: grant.isProtection, isFile: facts.isFile)
    }

    /// Refuses what would hand the agent the machine, or Bailey itself.
    private func check(_ grant: Grant) throws(LaunchFailure) {
        let parts = grant.path.split(separator: "/").count
        let kernel = ["/proc", "/sys", "/dev", "/run", "/.bailey"].contains { Grant.covers($0, grant.path) }
        let own = machine.ownFolders.contains { Grant.covers($0, grant.path) || Grant.covers(grant.path, $0) }
        guard parts > 0, !kernel, !own else {
            throw LaunchFailure(
                step: "grant a path",
                object: grant.path,
                errno: 0,
                remedy: own
                    ? "Bailey keeps its own state there, which no agent may see: use a folder inside it that is apart."
                    : "An agent is never given /, /proc, /sys, /dev or /run: name a folder below, or another workspace with -w."
            )
        }
    }

    // MARK: The new view

    private mutating func makeFolders(above path: String) {
        var folder = ""
        for part in path.split(separator: "/").dropLast() {
            folder += "/" + part
            makeFolder(folder)
        }
    }

    private mutating func makeFolder(_ path: String, mode: UInt32 = 0o755) {
        guard !mounted.contains(where: { Grant.covers($0, path) }), made.insert(path).inserted else { return }
        steps.append(LaunchStep(kind: CSB_DIRECTORY, mode: mode, path: path))
    }

    private mutating func makeFile(_ path: String, _ content: [UInt8], mode: UInt32 = 0o644) {
        guard made.insert(path).inserted else { return }
        makeFolders(above: path)
        steps.append(LaunchStep(kind: CSB_FILE, mode: mode, path: path, payload: content))
    }

    private mutating func link(_ path: String, to target: String) {
        makeFolders(above: path)
        made.insert(path)
        steps.append(LaunchStep(kind: CSB_SYMLINK, path: path, text: target))
    }

    private mutating func place(_ sources: [Source]) {
        for source in sources {
            let beneath = mounted.contains { Grant.covers($0, source.path) }
            if !beneath {
                makeFolders(above: source.path)
                if source.isFile { makeFile(source.path, []) } else { makeFolder(source.path) }
            }
            let flags = source.optional ? CSB_OPTIONAL.rawValue : 0
            steps.append(LaunchStep(kind: CSB_MOUNT, slot: source.slot, flags: flags, path: source.path))
            mounted.append(source.path)
        }
        for path in request.profile.files.hide + CredentialStores.paths(home: request.home)
        where mounted.contains(where: { Grant.covers($0, path) }) {
            hide(path)
        }
    }

    private mutating func placeSystem(_ sources: [Source]) {
        for (path, target) in machine.links { link(path, to: target) }
        place(sources)
        for name in ["sys", "run", "mnt", "opt", "srv", "var", "home"] { makeFolder("/\(name)") }
        for (name, target) in [
            ("fd", "/proc/self/fd"), ("stdin", "/proc/self/fd/0"), ("stdout", "/proc/self/fd/1"),
            ("stderr", "/proc/self/fd/2"), ("ptmx", "pts/ptmx"),
        ] {
            link("/dev/\(name)", to: target)
        }
        makeFolder("/dev/pts")
        steps.append(LaunchStep(kind: CSB_DEVPTS, path: "/dev/pts"))
        for (path, text) in AccountFiles(identity: identity, request: request).files
        where !isNested || path != "/etc/hosts" {
            guard !mounted.contains(where: { Grant.covers($0, path) }) else { continue }
            makeFile(path, Array(text.utf8))
        }
    }

    /// `/tmp`, the home directory and `/dev/shm`: one private file system, of the profile's size.
    private mutating func placePrivate() {
        let scratch = "/.bailey/covered/scratch"
        makeFolders(above: scratch + "/x")
        steps.append(
            LaunchStep(
                kind: CSB_TMPFS,
                mode: 0o755,
                path: scratch,
                a: request.profile.limits.disk ?? Self.defaultDisk,
                b: Self.scratchInodes
            )
        )
        for (name, path, mode) in [
            ("tmp", "/tmp", UInt32(0o1777)), ("home", request.home, 0o700), ("shm", "/dev/shm", 0o1777),
        ] {
            steps.append(LaunchStep(kind: CSB_DIRECTORY, mode: mode, path: "\(scratch)/\(name)"))
            makeFolders(above: path)
            makeFolder(path)
            steps.append(LaunchStep(kind: CSB_BIND, path: path, text: "\(scratch)/\(name)"))
        }
        makeFolder("/var")
        link("/var/tmp", to: "/tmp")
    }

    private mutating func placeOwn() {
        for folder in ["/.bailey", "/.bailey/empty", "/.bailey/files"] { makeFolder(folder) }
        makeFile("/.bailey/empty-file", [], mode: 0o444)
    }

    /// A fresh procfs with its dangerous parts covered, and an untouched one that no path leads to: the kernel lets a
    /// nested agent mount its own only where one without locked covers is in sight (mount_too_revealing).
    private mutating func placeProc() {
        makeFolder("/.bailey/covered/proc")
        steps.append(LaunchStep(kind: CSB_PROC, path: "/.bailey/covered/proc"))
        makeFolder("/proc")
        steps.append(LaunchStep(kind: CSB_PROC, path: "/proc"))
        for path in ProcMasks.files { cover(path, with: "/.bailey/empty-file") }
        for path in ProcMasks.folders { cover(path, with: "/.bailey/empty") }
        let flags = CSB_READ_ONLY.rawValue | CSB_OPTIONAL.rawValue | CSB_NO_EXEC.rawValue
        steps.append(LaunchStep(kind: CSB_BIND, flags: flags, path: "/proc/sys", text: "/proc/sys"))
    }

    private mutating func cover(_ path: String, with text: String) {
        let flags = CSB_READ_ONLY.rawValue | CSB_OPTIONAL.rawValue | CSB_NO_EXEC.rawValue
        steps.append(LaunchStep(kind: CSB_BIND, flags: flags, path: path, text: text))
    }

    private mutating func hide(_ path: String) {
        cover(path, with: machine.facts(of: path).isFile ? "/.bailey/empty-file" : "/.bailey/empty")
    }

    /// What the supervisor puts in; a child sees its parent's, which are the same.
    private mutating func placeExtraFiles() {
        guard !isNested else { return }
        for (index, file) in request.extraFiles.enumerated() {
            if mounted.contains(where: { Grant.covers($0, file.path) }) {
                let source = "/.bailey/files/\(index)"
                makeFile(source, file.bytes, mode: 0o444)
                cover(file.path, with: source)
            } else {
                makeFile(file.path, file.bytes, mode: 0o444)
            }
        }
    }

    private mutating func finishView() {
        steps.append(
            LaunchStep(
                kind: CSB_TMPFS,
                flags: CSB_READ_ONLY.rawValue,
                mode: 0o555,
                path: "/.bailey/covered",
                a: 4096,
                b: 8
            )
        )
        steps.append(LaunchStep(kind: CSB_PIVOT))
        steps.append(LaunchStep(kind: CSB_NAMESPACES))
        steps.append(LaunchStep(kind: CSB_CONTROL, path: "/.bailey/control"))
        steps.append(LaunchStep(kind: CSB_SEAL, path: "/"))
    }

    // MARK: The rest

    private mutating func network() {
        steps.append(LaunchStep(kind: CSB_LOOPBACK))
        steps.append(LaunchStep(kind: CSB_ROUTES))
        steps.append(LaunchStep(kind: CSB_LISTEN, a: Self.capturePort))
        steps.append(LaunchStep(kind: CSB_RESOLVER, a: Self.resolverPort))
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
        steps.append(LaunchStep(kind: CSB_SECCOMP, payload: machine.filter))
    }
}
