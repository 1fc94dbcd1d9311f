import Foundation
import Policy
import Sandbox
import Testing

/// Where groups may be made, read from texts and folders like those of other machines.
struct CgroupHierarchyTests {
    @Test func `Version 1: our own group below the controller's mount`() {
        let mounts = CgroupMounts(
            mountInfo: """
                30 25 0:26 / /sys/fs/cgroup/memory rw,nosuid shared:9 - cgroup cgroup rw,memory
                31 25 0:27 / /sys/fs/cgroup/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct
                """,
            groups: "4:memory:/user.slice\n3:cpu,cpuacct:/\n"
        )
        #expect(mounts.classic["memory"]?.ownFolder == "/sys/fs/cgroup/memory/user.slice")
        #expect(mounts.classic["cpu"]?.ownFolder == "/sys/fs/cgroup/cpu,cpuacct")
        #expect(mounts.unified == nil)
    }

    @Test func `A container's mount shows a part of the hierarchy`() {
        let line = "30 25 0:26 /docker/ab /sys/fs/cgroup/pids ro - cgroup cgroup rw,pids"
        let inside = CgroupMounts(mountInfo: line, groups: "8:pids:/docker/ab/x")
        #expect(inside.classic["pids"]?.ownFolder == "/sys/fs/cgroup/pids/x")
        let outside = CgroupMounts(mountInfo: line, groups: "8:pids:/docker/abc")
        #expect(outside.classic["pids"] == nil)
        let above = CgroupMounts(mountInfo: line, groups: "8:pids:/docker/ab/../x")
        #expect(above.classic["pids"] == nil)
    }

    @Test(arguments: ["", "30", "30 25 0:26 / - cgroup2", "a b c d e f g - cgroup2 x", "- - - - - - - - - -"])
    func `Lines that make no sense give no mount`(line: String) {
        let mounts = CgroupMounts(mountInfo: line, groups: "0::/\n::\n:")
        #expect(mounts.classic.isEmpty)
    }

    @Test func `Version 2: the ancestor that hands on most controllers, nearest first`() throws {
        let tree = try UnifiedTree([
            "a": "memory pids", "a/b": "cpu memory pids", "a/b/c": "pids", "a/b/c/d": "",
        ])
        let found = try #require(tree.hierarchies(from: "/a/b/c/d").first)
        #expect(found.version == .v2)
        #expect(found.base == tree.path + "/a/b")
        #expect(found.controllers == [.memory, .processes, .processor])
    }

    @Test func `Version 2 that hands nothing on is no place`() throws {
        let tree = try UnifiedTree(["a": "hugetlb", "a/b": ""])
        #expect(tree.hierarchies(from: "/a/b").isEmpty)
    }

    @Test func `A limit whose file is not there is not held, and says so`() throws {
        let tree = try UnifiedTree(["a": "memory"])
        let limits = Limits(memory: 1 << 20)
        let hierarchies = tree.hierarchies(from: "/a")
        let group = try #require(try Cgroup.make(name: "x", parent: nil, limits: limits, in: hierarchies))
        #expect(group.held.isEmpty)
        #expect(!group.failures.isEmpty)
        #expect(
            try FileManager.default.contentsOfDirectory(atPath: tree.path + "/a") == [
                "cgroup.subtree_control"
            ]
        )
    }
}

/// Folders that look like a version 2 hierarchy.
private struct UnifiedTree: ~Copyable {
    let path: String

    init(_ handedOn: [String: String]) throws {
        path = FileManager.default.temporaryDirectory.appending(path: "tree-\(UUID())").path
        for (folder, controllers) in handedOn {
            let url = URL(filePath: path).appending(path: folder)
            try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
            try Data(controllers.utf8).write(to: url.appending(path: "cgroup.subtree_control"))
        }
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }

    func hierarchies(from own: String) -> [CgroupHierarchy] {
        let mounts = CgroupMounts(
            mountInfo: "30 25 0:26 / \(path) rw,nosuid shared:9 - cgroup2 cgroup2 rw",
            groups: "0::\(own)\n"
        )
        return CgroupHierarchy.all(in: mounts)
    }
}
