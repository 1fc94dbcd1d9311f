internal import CSandbox
internal import Model
internal import Policy

/// The new root, filled: the system, private folders, what the profile grants, procfs, and what Bailey puts in.
extension LaunchPlanner {
    private mutating func makeFolders(above path: String) {
        var folder = ""
        for part in path.cut(at: "/").dropLast() {
            folder += "/" + part
            makeFolder(folder)
        }
    }

    private mutating func makeFolder(_ path: String, mode: UInt32 = 0o755) {
        guard !mounted.cover(path), made.insert(ByteText(path)).inserted else { return }
        steps.append(LaunchStep(kind: CSB_DIRECTORY, mode: mode, path: path))
    }

    private mutating func makeFile(_ path: String, _ content: [UInt8], mode: UInt32 = 0o644) {
        guard made.insert(ByteText(path)).inserted else { return }
        makeFolders(above: path)
        steps.append(LaunchStep(kind: CSB_FILE, mode: mode, path: path, payload: content))
    }

    private mutating func makeFile(_ path: String, sharing part: ExtraFiles.Part) {
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

    private mutating func link(_ path: String, to target: String) {
        makeFolders(above: path)
        made.insert(ByteText(path))
        steps.append(LaunchStep(kind: CSB_SYMLINK, path: path, text: target))
    }

    mutating func place(_ sources: [Source]) {
        for source in sources {
            let beneath = mounted.cover(source.path)
            if !beneath {
                makeFolders(above: source.path)
                if source.isFile { makeFile(source.path, []) } else { makeFolder(source.path) }
            }
            steps.append(
                LaunchStep(kind: CSB_MOUNT, slot: source.slot, flags: source.leniency, path: source.path)
            )
            mounted.insert(source.path)
        }
        for path in request.profile.files.hide + CredentialStores.paths(home: request.home)
        where mounted.cover(path) {
            hide(path)
        }
    }

    mutating func placeSystem(_ sources: [Source]) {
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
        where !isNested || !path.isSame(as: "/etc/hosts") {
            guard !mounted.cover(path) else { continue }
            makeFile(path, Array(text.utf8))
        }
    }

    /// `/tmp`, the home directory and `/dev/shm`: one private file system, of the profile's size.
    mutating func placePrivate() {
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
        placeVariableTemporary(of: scratch)
    }

    /// `/var/tmp` is `/tmp`; a folder of its own where the profile grants it, or something in it.
    private mutating func placeVariableTemporary(of scratch: String) {
        makeFolder("/var")
        let files = request.profile.files
        guard (files.read + files.write).contains(where: { Grant.covers("/var/tmp", $0) }) else {
            return link("/var/tmp", to: "/tmp")
        }
        makeFolder("/var/tmp")
        steps.append(LaunchStep(kind: CSB_BIND, path: "/var/tmp", text: "\(scratch)/tmp"))
    }

    mutating func placeOwn() {
        for folder in ["/.bailey", "/.bailey/empty", "/.bailey/files"] { makeFolder(folder) }
        makeFile("/.bailey/empty-file", [], mode: 0o444)
    }

    /// A fresh procfs with its dangerous parts covered, and an untouched one that no path leads to: the kernel lets a
    /// nested agent mount its own only where one without locked covers is in sight (mount_too_revealing).
    mutating func placeProc() {
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
    mutating func placeExtraFiles() {
        guard !isNested else { return }
        for (index, file) in request.extraFiles.parts.enumerated() {
            if mounted.cover(file.path) {
                let source = "/.bailey/files/\(index)"
                makeFile(source, sharing: file)
                cover(file.path, with: source)
            } else {
                makeFile(file.path, sharing: file)
            }
        }
    }

    mutating func finishView() {
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
}
