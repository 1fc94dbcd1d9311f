internal import CSandbox
internal import Model

/// The steps of a launch as they are put together, and what of the new view they have made so far.
struct ViewDraft: Sendable {
    /// A clone of a part of the old view, taken while it is whole.
    struct Source {
        var slot: UInt32
        var path: String
        /// Which of CSB_OPTIONAL and CSB_PROTECTION it was taken with: what was left out is not mounted either.
        var leniency: UInt32
        var isFile: Bool
        var way = Way.mount

        /// How it comes into the view.
        enum Way {
            /// It is mounted as it is.
            case mount
            /// Below the layer in this slot.
            case copy(layer: UInt32)
            /// From the copy that the view has there already.
            case inCopy(isWritable: Bool, isFolder: Bool)
            /// It is in the view already, with what it lies in.
            case inView(isWritable: Bool, isOptional: Bool)
        }

        static func inView(_ path: String, isWritable: Bool, isOptional: Bool) -> Source {
            let way = Way.inView(isWritable: isWritable, isOptional: isOptional)
            return Source(slot: 0, path: path, leniency: 0, isFile: false, way: way)
        }

        static func inCopy(_ path: String, isWritable: Bool, isFolder: Bool) -> Source {
            let way = Way.inCopy(isWritable: isWritable, isFolder: isFolder)
            return Source(slot: 0, path: path, leniency: 0, isFile: !isFolder, way: way)
        }

        static let leniencies = CSB_OPTIONAL.rawValue | CSB_PROTECTION.rawValue
    }

    private(set) var steps: [LaunchStep] = []
    /// How many of them are the same for every launch; what is ordered follows.
    private(set) var common = 0
    private var isOrdered = false
    /// Files of the supervisor's that are in.
    private var placed: Set<ByteText> = []
    private var slots: UInt32 = 0
    private var made: Set<ByteText> = [ByteText("/")]
    /// Where a mount of the view begins; nothing of ours can be made beneath.
    private var mounted = MountPoints()

    mutating func append(_ step: LaunchStep) {
        steps.append(step)
    }

    /// Where the private file system is mounted, out of the agent's sight; its folders are bound where they belong.
    static let scratch = "/.bailey/covered/scratch"

    /// The common part ends here.
    mutating func beginOrder() {
        (common, isOrdered) = (steps.count, true)
    }

    /// Whether a path is a mount of the view or beneath one.
    func covers(_ path: String) -> Bool { mounted.cover(path) }

    /// Takes a source: `kind` is CSB_TREE, or CSB_HOST_TREE with the supervisor's rights.
    mutating func take(
        _ path: String,
        _ kind: csb_kind = CSB_TREE,
        flags: UInt32,
        owner: (user: UInt32, group: UInt32) = (0, 0),
        inside: String? = nil,
        isFile: Bool = false,
        known: MachineFacts.PathFacts? = nil
    ) -> Source {
        defer { slots += 1 }
        steps.append(
            LaunchStep(
                kind: kind,
                slot: slots,
                flags: flags | (known == nil ? 0 : CSB_VERIFIED.rawValue),
                path: path,
                a: UInt64(owner.user),
                b: UInt64(owner.group),
                device: known?.device ?? 0,
                inode: known?.inode ?? 0
            )
        )
        return Source(
            slot: slots,
            path: inside ?? path,
            leniency: flags & Source.leniencies,
            isFile: isFile
        )
    }

    /// Mounts sources where they belong.
    mutating func place(_ sources: [Source]) {
        for source in sources {
            if !covers(source.path) {
                makeFolders(above: source.path)
                if source.isFile { makeFile(source.path, []) } else { makeFolder(source.path) }
            }
            put(source)
            mounted.insert(source.path)
        }
    }

    private mutating func put(_ source: Source) {
        let path = source.path
        switch source.way {
        case .mount:
            steps.append(LaunchStep(kind: CSB_MOUNT, slot: source.slot, flags: source.leniency, path: path))
        case .copy(let layer):
            for part in ["/lower", "/layer"] {
                makeFolders(above: Self.staging + part)
                makeFolder(Self.staging + part)
            }
            steps.append(
                LaunchStep(
                    kind: CSB_OVERLAY,
                    slot: source.slot,
                    path: path,
                    text: Self.staging,
                    a: UInt64(layer)
                )
            )
        case .inView(let isWritable, let isOptional):
            keep(path, isWritable: isWritable, leniency: isOptional ? CSB_OPTIONAL.rawValue : 0)
        case .inCopy(let isWritable, let isFolder): protect(path, isWritable: isWritable, isFolder: isFolder)
        }
    }

    /// Where the parts of a copy are mounted while its view is made; covered afterwards, as all around it.
    private static let staging = "/.bailey/covered/copy"

    /// Keeps a path of a copy as it is: what is there, or what is made in the agent's layer to hold its place, becomes
    /// a mount of its own.
    private mutating func protect(_ path: String, isWritable: Bool, isFolder: Bool) {
        let careful = CSB_NO_SYMLINKS.rawValue | CSB_PROTECTION.rawValue
        steps.append(
            isFolder
                ? LaunchStep(kind: CSB_DIRECTORY, flags: careful, mode: 0o755, path: path)
                : LaunchStep(
                    kind: CSB_FILE,
                    flags: careful,
                    mode: 0o644,
                    path: path,
                    payload: StandInContent.bytes(at: path)
                )
        )
        keep(path, isWritable: isWritable, leniency: CSB_PROTECTION.rawValue | CSB_OPTIONAL.rawValue)
    }

    /// Makes what is there a mount of its own.
    private mutating func keep(_ path: String, isWritable: Bool, leniency: UInt32) {
        let flags = CSB_NO_SYMLINKS.rawValue | leniency | (isWritable ? 0 : CSB_READ_ONLY.rawValue)
        bind(path, on: path, flags)
    }

    mutating func makeFolders(above path: String) {
        var folder = ""
        for part in path.cut(at: "/").dropLast() {
            folder += "/" + part
            makeFolder(folder)
        }
    }

    mutating func makeFolder(_ path: String, mode: UInt32 = 0o755) {
        guard !covers(path), made.insert(ByteText(path)).inserted else { return }
        steps.append(LaunchStep(kind: CSB_DIRECTORY, mode: mode, path: path))
    }

    mutating func makeFile(_ path: String, _ content: [UInt8], mode: UInt32 = 0o644) {
        guard made.insert(ByteText(path)).inserted else { return }
        makeFolders(above: path)
        steps.append(LaunchStep(kind: CSB_FILE, mode: mode, path: path, payload: content))
    }

    mutating func makeFile(_ path: String, sharing part: ExtraFiles.Part) {
        guard made.insert(ByteText(path)).inserted else { return }
        makeFolders(above: path)
        steps.append(
            LaunchStep(
                kind: CSB_FILE,
                flags: CSB_SHARED_DATA.rawValue,
                mode: 0o444,
                path: path,
                a: part.offset,
                b: part.size
            )
        )
    }

    mutating func makeFile(_ path: String, _ part: ExtraFiles.Part, of files: ExtraFiles) {
        // A plan that is carried out before anybody orders has nothing beside it: it holds the bytes itself.
        guard isOrdered else { return makeFile(path, files.bytes(of: part), mode: 0o444) }
        makeFile(path, sharing: part)
    }

    /// Puts in, over what is there, what is not there yet or was mounted over since.
    mutating func place(_ files: ExtraFiles) {
        for (index, part) in files.parts.enumerated() {
            let path = ByteText(part.path)
            if placed.contains(path), !isDisturbed(part.path) { continue }
            placed.insert(path)
            guard covers(part.path) else {
                makeFile(part.path, part, of: files)
                continue
            }
            let source = "/.bailey/files/\(index)"
            makeFile(source, part, of: files)
            cover(part.path, with: source)
        }
    }

    /// Whether something was mounted there, or around it, by what was ordered.
    private func isDisturbed(_ path: String) -> Bool {
        let kinds = [CSB_MOUNT, CSB_OVERLAY, CSB_BIND, CSB_TMPFS].map(\.rawValue)
        return steps[common...].contains { step in
            kinds.contains(step.kind.rawValue) && (step.path.map { path.isWithin($0) } ?? false)
        }
    }

    mutating func link(_ path: String, to target: String) {
        makeFolders(above: path)
        made.insert(ByteText(path))
        steps.append(LaunchStep(kind: CSB_SYMLINK, path: path, text: target))
    }

    /// Covers what may be there with a read-only bind of what the new view holds at `source`.
    mutating func cover(_ path: String, with source: String) {
        bind(source, on: path, CSB_READ_ONLY.rawValue | CSB_OPTIONAL.rawValue | CSB_NO_EXEC.rawValue)
    }

    /// Covers what was seen there: where it is gone meanwhile, or `known` is not what is there, nothing is launched.
    mutating func cover(seen path: String, with source: String, known: MachineFacts.PathFacts?) {
        bind(source, on: path, CSB_READ_ONLY.rawValue | CSB_NO_EXEC.rawValue, known: known)
    }

    /// Makes a folder a mount of its own, which cannot be renamed: the known one, or what may be there.
    mutating func pin(_ path: String, known: MachineFacts.PathFacts?) {
        let flags = known == nil ? CSB_OPTIONAL.rawValue : CSB_NO_SYMLINKS.rawValue
        bind(path, on: path, flags, known: known)
    }

    private mutating func bind(
        _ source: String,
        on path: String,
        _ flags: UInt32,
        known: MachineFacts.PathFacts? = nil
    ) {
        steps.append(
            LaunchStep(
                kind: CSB_BIND,
                flags: flags | (known == nil ? 0 : CSB_VERIFIED.rawValue),
                path: path,
                text: source,
                device: known?.device ?? 0,
                inode: known?.inode ?? 0
            )
        )
    }
}
