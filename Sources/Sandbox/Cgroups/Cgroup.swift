internal import Glibc
internal import Model
package import Policy

/// A control group for one agent and its descendants: the limits that no fork gets around.
///
/// One folder per controller, below `bailey` in the supervisor's own group, or below the parent agent's group,
/// so that children cannot multiply what their parent was given.
package final class Cgroup: Sendable {
    /// Which mechanism holds which limit: `memory: cgroup v1`.
    ///
    /// A limit that is not here is not held.
    package let held: [String: String]
    /// What could not be set and why, for the record.
    package let failures: [CgroupFailure]
    let places: [CgroupPlace]

    private init(
        _ places: [CgroupPlace],
        _ held: [String: String],
        _ failures: [CgroupFailure]
    ) {
        self.places = places
        self.held = held
        self.failures = failures
    }

    /// Makes a group, nil when there is nothing to hold or nowhere to hold it.
    ///
    /// A group that could only be made in part comes back with its `failures`; `held` says what it holds.
    /// `name` is one path component of letters, digits, `.`, `_`, `-`, unique among live agents. Where the parent
    /// has a group the child lives in it, with limits of its own or without; where that cannot be, it throws and
    /// the launch has to fail, or the child would be outside its parent's limits.
    ///
    /// A root agent's launch clears away what supervisors that were killed left behind.
    package static func make(
        name: String,
        parent: Cgroup?,
        limits: Limits,
        in hierarchies: [CgroupHierarchy] = ours
    ) throws(CgroupFailure) -> Cgroup? {
        guard isComponent(name) else { throw CgroupFailure(step: "name a group", path: name, code: EINVAL) }
        var failures: [CgroupFailure] = []
        if parent == nil { for hierarchy in hierarchies { CgroupPlace.removeRemains(in: hierarchy) } }
        let places = try places(name, below: parent?.places ?? [], limits, hierarchies, &failures)
        guard !places.isEmpty || !failures.isEmpty else { return nil }
        var held: [String: String] = [:]
        for place in places {
            for controller in place.controllers {
                guard let settings = limits.settings(for: controller) else { continue }
                if place.apply(settings, &failures) { held[controller.limitName] = place.version.rawValue }
            }
        }
        return Cgroup(places, held, failures)
    }

    /// Below the parent's places, and in those hierarchies it has none in where a limit asks for it.
    private static func places(
        _ name: String,
        below parents: [CgroupPlace],
        _ limits: Limits,
        _ hierarchies: [CgroupHierarchy],
        _ failures: inout [CgroupFailure]
    ) throws(CgroupFailure) -> [CgroupPlace] {
        var made: [CgroupPlace] = []
        for parent in parents {
            guard let place = CgroupPlace(name, in: parent, &failures) else {
                for place in made { _ = place.remove() }
                throw failures.last ?? CgroupFailure(step: "mkdir", path: parent.folder, code: 0)
            }
            made.append(place)
        }
        for hierarchy in hierarchies {
            let isTaken = parents.contains { $0.isOf(hierarchy) }
            let isWanted = hierarchy.controllers.contains { limits.settings(for: $0) != nil }
            guard isWanted, !isTaken, let place = CgroupPlace(name, in: hierarchy, &failures) else {
                continue
            }
            made.append(place)
        }
        return made
    }

    /// Looked up once: reading the mounts costs as much as making a group.
    package static let ours = CgroupHierarchy.all()

    /// What this process could hold a limit with: `memory: cgroup v2`.
    ///
    /// Empty without writable groups.
    package static func available() -> [String: String] {
        var found: [String: String] = [:]
        for hierarchy in CgroupHierarchy.all() {
            for controller in hierarchy.controllers {
                found[controller.limitName] = hierarchy.version.rawValue
            }
        }
        return found
    }

    /// Moves a process, by its id in the supervisor's namespace, into every folder of the group.
    ///
    /// Its later children follow; those it already has do not.
    package func add(_ process: Int32) throws(CgroupFailure) {
        for folder in places.map(\.processFolder) {
            let code = CgroupFile.write("\(process)", to: folder + "/cgroup.procs")
            guard code == 0 else {
                throw CgroupFailure(step: "add process \(process)", path: folder, code: code)
            }
        }
    }

    /// Processes in this very group that the kernel killed for want of memory, its own limit's or an ancestor's; 0 where
    /// it does not say (version 1 since Linux 4.13, version 2 since 5.2).
    package var memoryKills: UInt64 {
        places.filter { $0.controllers.contains(.memory) }.map(\.memoryKills).max() ?? 0
    }

    /// Kills what is left where the kernel can (`cgroup.kill`), and removes the folders; returns those that stay.
    ///
    /// Waits for at most `CgroupPlace.removalTries` times 2 ms per folder: not for an event loop.
    @discardableResult package func remove() -> [CgroupFailure] {
        places.compactMap { $0.remove() }
    }

    private static func isComponent(_ name: String) -> Bool {
        let allowed = name.utf8.allSatisfy {
            switch $0 {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"): true
            case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "_"): true
            case UInt8(ascii: "."): true
            default: false
            }
        }
        return allowed && !name.begins(with: ".") && (1...maximumNameBytes).contains(name.utf8.count)
            && name != CgroupPlace.leafName
    }

    /// NAME_MAX (linux/limits.h) is 255; folders of the kernel's own have names with a dot and a suffix.
    private static let maximumNameBytes = 128
}

/// A limit or a group that could not be made.
package struct CgroupFailure: Error, Sendable, Hashable, CustomStringConvertible {
    package let step: String
    package let path: String
    /// errno(3).
    package let code: Int32

    package var description: String { "control group: \(step) at \(path): errno \(code)" }
}
