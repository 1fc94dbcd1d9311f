import Foundation
import Glibc
import Policy
import Sandbox
import Testing

/// Real groups in the hierarchies of this machine.
///
/// Capability: control groups that this user may write to (`Cgroup.available`).
@Suite(.enabled(if: Cgroup.available().count == 3))
struct CgroupTests {
    private static let limits = Limits(memory: 64 << 20, processes: 12, milliCPUs: 200)

    @Test func `Every limit that was set names the mechanism that holds it`() throws {
        let group = try #require(try Cgroup.make(name: Self.name(), parent: nil, limits: Self.limits))
        #expect(group.held == Cgroup.available())
        #expect(group.failures.isEmpty)
        #expect(group.remove().isEmpty)
    }

    @Test func `A limit the profile does not name is not held`() throws {
        let group = try #require(
            try Cgroup.make(name: Self.name(), parent: nil, limits: Limits(processes: 12))
        )
        #expect(Array(group.held.keys) == ["processes"])
        #expect(group.remove().isEmpty)
    }

    @Test func `Nothing to hold makes no group`() throws {
        #expect(try Cgroup.make(name: Self.name(), parent: nil, limits: Limits()) == nil)
    }

    @Test(arguments: ["", ".", "..", "a/b", "self", "a b", "a\n", String(repeating: "a", count: 129)])
    func `A name that is no plain component is refused`(name: String) {
        #expect(throws: CgroupFailure.self) {
            try Cgroup.make(name: name, parent: nil, limits: Self.limits)
        }
    }

    @Test func `C03: a fork bomb meets the limit of processes`() throws {
        #expect(try Self.run(Self.forks, in: nil) == "40")
        #expect(try Self.run(Self.forks, Self.limits) != "40")
    }

    @Test func `C04: memory beyond the limit is not given`() throws {
        let script = "head -c 200000000 /dev/zero | tail -c 200000000 | wc -c"
        #expect(try Self.run(script, in: nil).contains("200000000"))
        #expect(try !Self.run(script, Self.limits).contains("200000000"))
    }

    @Test func `H06: a child's group lies in its parent's, so the parent's limit holds it too`() throws {
        let parent = try #require(try Cgroup.make(name: Self.name(), parent: nil, limits: Self.limits))
        let child = try #require(
            try Cgroup.make(name: "child", parent: parent, limits: Limits(processes: 1_000))
        )
        #expect(Array(child.held.keys) == ["processes"])
        #expect(try Self.run(Self.forks, in: child) != "40")
        #expect(child.remove().isEmpty)
        #expect(parent.remove().isEmpty)
    }

    @Test func `H06: a child without limits of its own still lives in its parent's group`() throws {
        let parent = try #require(try Cgroup.make(name: Self.name(), parent: nil, limits: Self.limits))
        let child = try #require(try Cgroup.make(name: "child", parent: parent, limits: Limits()))
        #expect(child.held.isEmpty)
        #expect(!parent.remove().isEmpty, "a parent with a child's group in it stays")
        #expect(child.remove().isEmpty)
        #expect(parent.remove().isEmpty)
    }

    @Test func `H01: a child that cannot stand in its parent's group is not made`() throws {
        let parent = try #require(try Cgroup.make(name: Self.name(), parent: nil, limits: Self.limits))
        #expect(parent.remove().isEmpty)
        #expect(throws: CgroupFailure.self) {
            try Cgroup.make(name: "child", parent: parent, limits: Limits(processes: 1))
        }
    }

    @Test func `A process that does not exist cannot be added, and says so`() throws {
        let group = try #require(try Cgroup.make(name: Self.name(), parent: nil, limits: Self.limits))
        defer { group.remove() }
        #expect(throws: CgroupFailure.self) { try group.add(Int32.max) }
    }

    @Test
    func `What a dead supervisor left is removed by the next one; a living one's and what is not ours stay`()
        throws
    {
        let (dying, living, foreign) = (Self.agentName(), Self.agentName(), "not-\(Self.agentName())")
        var first = try Cgroup.make(name: dying, parent: nil, limits: Self.limits)
        _ = try Cgroup.make(name: Self.agentName(), parent: first, limits: Limits())
        let second = try #require(try Cgroup.make(name: living, parent: nil, limits: Self.limits))
        let folders = Self.folders(dying)
        #expect(!folders.isEmpty && Self.folders(living).count == folders.count)
        for folder in folders {
            let common = URL(filePath: folder).deletingLastPathComponent()
            try FileManager.default.createDirectory(
                at: common.appending(path: foreign),
                withIntermediateDirectories: false
            )
        }
        withExtendedLifetime(first) {}
        // From here on nobody holds it, as when its supervisor was killed.
        first = nil
        try Self.sweep(until: dying)
        #expect(Self.folders(dying).isEmpty)
        #expect(Self.folders(living).count == folders.count)
        #expect(Self.folders(foreign).count == folders.count)
        for folder in Self.folders(foreign) { #expect(rmdir(folder) == 0) }
        #expect(second.remove().isEmpty)
    }

    /// Launches, as next supervisors would, until that group is gone or a hundred have been.
    ///
    /// One may not be enough: it passes over a folder that another supervisor looks at in this moment, or whose lock
    /// a process forked by another test still has until it executes.
    private static func sweep(until name: String) throws {
        for _ in 0..<100 where !folders(name).isEmpty {
            let next = try #require(try Cgroup.make(name: agentName(), parent: nil, limits: limits))
            #expect(next.remove().isEmpty)
            usleep(5_000)
        }
    }

    /// As the supervisor names its agents.
    private static func agentName() -> String {
        UUID().uuidString.lowercased().filter { $0 != "-" }.prefix(12) + ".2"
    }

    /// A group's folder in each hierarchy.
    private static func folders(_ name: String) -> [String] {
        Cgroup.ours.map { "\($0.base)/bailey/\(name)" }.filter { FileManager.default.fileExists(atPath: $0) }
    }

    /// Prints how many of forty children there were at one time.
    private static let forks = """
        exec perl -e 'for (1..40) { my $p = fork; last unless defined $p; if (!$p) { sleep 9; exit } push @p, $p }
        print scalar @p; kill 9, @p; wait for @p'
        """

    private static func name() -> String { "test-\(UUID())" }

    private static func run(_ script: String, _ limits: Limits) throws -> String {
        let group = try #require(try Cgroup.make(name: name(), parent: nil, limits: limits))
        let text = try run(script, in: group)
        #expect(group.remove().isEmpty)
        return text
    }

    /// What `bash` prints when the script starts only after it stands in the group.
    private static func run(_ script: String, in group: Cgroup?) throws -> String {
        let process = Process()
        let input = Pipe()
        let output = Pipe()
        process.executableURL = URL(filePath: "/bin/bash")
        process.arguments = ["-c", "read go; \(script)"]
        process.standardInput = input
        process.standardOutput = output
        process.standardError = output
        try process.run()
        defer { process.waitUntilExit() }
        try group?.add(process.processIdentifier)
        try input.fileHandleForWriting.write(contentsOf: Data("go\n".utf8))
        let text = try output.fileHandleForReading.readToEnd() ?? Data()
        return String(decoding: text, as: UTF8.self)
    }
}
