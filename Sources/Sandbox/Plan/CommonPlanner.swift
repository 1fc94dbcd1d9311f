internal import CSandbox
internal import Model

/// The first part of every launch: namespaces' insides that no profile and no order changes.
///
/// It can be carried out before anybody asks for a launch. Its steps leave the old view whole but for `/dev`, which no
/// agent is granted: what an order grants is taken from it afterwards.
struct CommonPlanner {
    /// Bytes and inodes of the root's own tmpfs: folders, links, the files that Bailey puts in.
    static let rootSize: (bytes: UInt64, inodes: UInt64) = (16 << 20, 4096)

    private let machine: MachineFacts
    private let files: AccountFiles
    /// The parent's view is what sources are taken from.
    private let isNested: Bool
    /// What the supervisor puts in, where it is there already; a child sees its parent's, which are the same.
    private let extraFiles: ExtraFiles?
    private var draft = ViewDraft()

    init(
        machine: MachineFacts,
        identity: LaunchPlan.Identity,
        account: Account,
        extraFiles: ExtraFiles?,
        isNested: Bool
    ) {
        self.extraFiles = extraFiles
        self.machine = machine
        files = AccountFiles(identity: identity, account: account)
        self.isNested = isNested
    }

    /// The steps, to be continued.
    consuming func planned() -> ViewDraft {
        draft.append(LaunchStep(kind: CSB_KEYRING))
        let system = takeSystem()
        draft.append(
            LaunchStep(kind: CSB_ROOT, mode: 0o755, a: Self.rootSize.bytes, b: Self.rootSize.inodes)
        )
        placeSystem(system)
        placeOwn()
        placeProc()
        placePrivate()
        if let extraFiles { draft.place(extraFiles) }
        network()
        draft.beginOrder()
        return draft
    }

    /// The system's folders, devices and Bailey's own programs.
    private mutating func takeSystem() -> [ViewDraft.Source] {
        let readOnly = CSB_READ_ONLY.rawValue
        var sources: [ViewDraft.Source] = []
        for part in machine.system {
            sources.append(draft.take(part.path, flags: readOnly, isFile: part.isFile))
        }
        for name in ["null", "zero", "full", "random", "urandom", "tty"] {
            let flags = CSB_KEEP_DEVICES.rawValue | CSB_NO_EXEC.rawValue
            sources.append(draft.take("/dev/\(name)", flags: flags, isFile: true))
        }
        for (inside, outside) in machine.programs {
            // They may lie where only root may go, which the agent's process is not any more.
            let kind = machine.isRoot && !isNested ? CSB_HOST_TREE : CSB_TREE
            let path = isNested ? inside : outside
            sources.append(draft.take(path, kind, flags: readOnly, inside: inside, isFile: true))
        }
        return sources
    }

    private mutating func placeSystem(_ sources: [ViewDraft.Source]) {
        for (path, target) in machine.links { draft.link(path, to: target) }
        draft.place(sources)
        for name in ["sys", "run", "mnt", "opt", "srv", "var", "home"] { draft.makeFolder("/\(name)") }
        for (name, target) in [
            ("fd", "/proc/self/fd"), ("stdin", "/proc/self/fd/0"), ("stdout", "/proc/self/fd/1"),
            ("stderr", "/proc/self/fd/2"), ("ptmx", "pts/ptmx"),
        ] {
            draft.link("/dev/\(name)", to: target)
        }
        draft.makeFolder("/dev/pts")
        draft.append(LaunchStep(kind: CSB_DEVPTS, path: "/dev/pts"))
        for (path, text) in files.all where !isNested || !path.isSame(as: "/etc/hosts") {
            guard !draft.covers(path) else { continue }
            draft.makeFile(path, Array(text.utf8))
        }
    }

    private mutating func placeOwn() {
        for folder in ["/.bailey", "/.bailey/empty", "/.bailey/files"] { draft.makeFolder(folder) }
        draft.makeFile("/.bailey/empty-file", [], mode: 0o444)
    }

    /// A fresh procfs with its dangerous parts covered, and an untouched one that no path leads to: the kernel lets a
    /// nested agent mount its own only where one without locked covers is in sight (mount_too_revealing).
    private mutating func placeProc() {
        draft.makeFolders(above: "/.bailey/covered/proc")
        draft.makeFolder("/.bailey/covered/proc")
        draft.append(LaunchStep(kind: CSB_PROC, path: "/.bailey/covered/proc"))
        draft.makeFolder("/proc")
        draft.append(LaunchStep(kind: CSB_PROC, path: "/proc"))
        for path in ProcMasks.files { draft.cover(path, with: "/.bailey/empty-file") }
        for path in ProcMasks.folders { draft.cover(path, with: "/.bailey/empty") }
        draft.cover("/proc/sys", with: "/proc/sys")
    }

    /// `/tmp`, `/var/tmp`, the home directory and `/dev/shm`: one private file system, of the default size until the
    /// profile is known.
    private mutating func placePrivate() {
        let scratch = ViewDraft.scratch
        draft.makeFolders(above: scratch)
        draft.makeFolder(scratch)
        draft.append(
            LaunchStep(
                kind: CSB_TMPFS,
                mode: 0o755,
                path: scratch,
                a: LaunchPlanner.defaultDisk,
                b: LaunchPlanner.scratchInodes
            )
        )
        for (name, mode) in [("tmp", UInt32(0o1777)), ("home", 0o700), ("shm", 0o1777)] {
            draft.append(LaunchStep(kind: CSB_DIRECTORY, mode: mode, path: "\(scratch)/\(name)"))
        }
        let home = files.account.home
        for (name, path) in [("tmp", "/tmp"), ("tmp", "/var/tmp"), ("home", home), ("shm", "/dev/shm")] {
            draft.makeFolders(above: path)
            draft.makeFolder(path)
            draft.append(LaunchStep(kind: CSB_BIND, path: path, text: "\(scratch)/\(name)"))
        }
    }

    private mutating func network() {
        draft.append(LaunchStep(kind: CSB_LOOPBACK))
        draft.append(LaunchStep(kind: CSB_ROUTES))
        draft.append(LaunchStep(kind: CSB_LISTEN, a: LaunchPlanner.capturePort))
        draft.append(LaunchStep(kind: CSB_RESOLVER, a: LaunchPlanner.resolverPort))
        draft.append(LaunchStep(kind: CSB_WITNESS))
        draft.append(LaunchStep(kind: CSB_REFUSALS))
        draft.append(LaunchStep(kind: CSB_CAPTURE, a: LaunchPlanner.capturePort))
        draft.append(LaunchStep(kind: CSB_HOSTNAME, text: files.account.hostName))
    }
}
