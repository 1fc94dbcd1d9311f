internal import Glibc
internal import Model

/// One folder of a group.
///
/// In version 2 a group that hands controllers on may hold no process (cgroups(7), "no internal processes"), so
/// the agent's own processes stand in a leaf beside its children's groups.
struct CgroupPlace: Sendable {
    let version: CgroupHierarchy.Version
    let controllers: [CgroupController]
    /// The parent agent's folder, or the common one.
    let above: String
    let folder: String
    /// What keeps the next supervisor from removing it as a dead one's; a child's folder is in its parent's.
    private var hold: CgroupHold?

    static let leafName = "self"
    /// A process that has just died keeps its group busy for a moment.
    static let removalTries = 100
    /// Another supervisor looks at a folder for less than one pause.
    private static let holdTries = 20
    private static let removalPause: UInt32 = 2_000
    private static let commonName = "bailey"

    /// Where processes are put.
    var processFolder: String { version == .v2 ? "\(folder)/\(Self.leafName)" : folder }

    /// Processes in this very group that the kernel killed for want of memory: `oom_kill` of memory.oom_control
    /// (cgroup-v1/memory.rst, "OOM Control"), or of memory.events.local (cgroup-v2.rst).
    var memoryKills: UInt64 {
        let file =
            version == .v1 ? "\(folder)/memory.oom_control" : "\(processFolder)/memory.events.local"
        let lines = (CgroupFile.read(file) ?? "").cut(at: "\n").map { $0.cut(at: " ") }
        let line = lines.first { $0.first.map(String.init) == "oom_kill" }
        return line?.last.flatMap { UInt64($0) } ?? 0
    }

    /// A folder below the parent agent's.
    init?(_ name: String, in parent: CgroupPlace, _ failures: inout [CgroupFailure]) {
        version = parent.version
        controllers = parent.controllers
        above = parent.folder
        folder = "\(parent.folder)/\(name)"
        if let failure = make() {
            failures.append(failure)
            _ = remove()
            return nil
        }
    }

    /// A folder of an agent that the supervisor launched for itself.
    init?(_ name: String, in hierarchy: CgroupHierarchy, _ failures: inout [CgroupFailure]) {
        version = hierarchy.version
        controllers = hierarchy.controllers
        above = "\(hierarchy.base)/\(Self.commonName)"
        folder = "\(above)/\(name)"
        if let failure = makeHeld() {
            failures.append(failure)
            _ = remove()
            return nil
        }
    }

    /// Removes what killed supervisors of this user left in a hierarchy.
    static func removeRemains(in hierarchy: CgroupHierarchy) {
        CgroupRemains.remove(in: "\(hierarchy.base)/\(commonName)")
    }

    func isOf(_ hierarchy: CgroupHierarchy) -> Bool {
        version == hierarchy.version && (version == .v2 || controllers == hierarchy.controllers)
    }

    /// Writes the settings; true when all that must hold do.
    func apply(_ settings: CgroupSettings, _ failures: inout [CgroupFailure]) -> Bool {
        var holds = true
        for setting in version == .v2 ? settings.v2 : settings.v1 {
            let path = "\(folder)/\(setting.file)"
            if setting.isOptional, !CgroupFile.exists(path) { continue }
            let code = CgroupFile.write(setting.value, to: path)
            if code == 0 { continue }
            failures.append(CgroupFailure(step: "set \(setting.value)", path: path, code: code))
            if !setting.isOptional { holds = false }
        }
        return holds
    }

    func remove() -> CgroupFailure? {
        if CgroupFile.exists("\(folder)/cgroup.kill") {
            _ = CgroupFile.write("1", to: "\(folder)/cgroup.kill")
        }
        let code = version == .v2 ? Self.remove(processFolder, then: folder) : Self.remove(folder)
        removeCommonFolder()
        return code == 0 ? nil : CgroupFailure(step: "rmdir", path: folder, code: code)
    }

    private static func remove(_ folder: String, then outer: String) -> Int32 {
        let code = remove(folder)
        return code == 0 ? remove(outer) : code
    }

    private static func remove(_ folder: String) -> Int32 {
        var code: Int32 = 0
        for _ in 0..<removalTries {
            code = CgroupFile.removeFolder(folder)
            guard code == EBUSY else { break }
            usleep(removalPause)
        }
        return code
    }

    /// The last agent out takes `bailey` with it; it stays while others have folders in it.
    private func removeCommonFolder() {
        if above.ends(with: "/" + Self.commonName) { _ = CgroupFile.removeFolder(above) }
    }

    /// Makes the folder and takes hold of it: until then another supervisor may take it for a dead one's.
    ///
    /// Where the lock cannot be had, somebody else's keeps the folder just as well.
    private mutating func makeHeld() -> CgroupFailure? {
        for _ in 0..<Self.holdTries {
            if let failure = make() { return failure }
            hold = CgroupHold.taken(of: folder)
            if hold?.isOf(folder) ?? false { return nil }
            usleep(Self.removalPause)
        }
        return nil
    }

    /// Makes the folder, the common one where it is missing, and the leaf.
    private func make() -> CgroupFailure? {
        var code = CgroupFile.makeFolder(folder)
        // Another agent's end may take the common folder away between the two steps.
        for _ in 0..<3 where code == ENOENT && above.ends(with: "/" + Self.commonName) {
            _ = CgroupFile.makeFolder(above)
            code = CgroupFile.makeFolder(folder)
        }
        // A folder left by a supervisor that was killed is taken over: its limits are written anew.
        guard code == 0 || code == EEXIST else {
            return CgroupFailure(step: "mkdir", path: folder, code: code)
        }
        return version == .v2 ? handOn() : nil
    }

    private func handOn() -> CgroupFailure? {
        let names = controllers.map { "+" + $0.rawValue }.joined(separator: " ")
        for group in [above, folder] {
            let path = "\(group)/cgroup.subtree_control"
            let code = CgroupFile.write(names, to: path)
            guard code == 0 else { return CgroupFailure(step: "write \(names)", path: path, code: code) }
        }
        let code = CgroupFile.makeFolder(processFolder)
        guard code == 0 || code == EEXIST else {
            return CgroupFailure(step: "mkdir", path: processFolder, code: code)
        }
        return nil
    }
}
