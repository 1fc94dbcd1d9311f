import Foundation
import Glibc
import Linux
import Policy
import Sandbox
import Testing

@Suite("Stand-ins at protected paths that are absent")
struct StandInsTests {
    let folder: String
    var state: String { folder + "/state" }
    var workspace: String { folder + "/work" }

    init() throws {
        let made = try FileManager.default.url(
            for: .itemReplacementDirectory,
            in: .userDomainMask,
            appropriateFor: FileManager.default.temporaryDirectory,
            create: true
        )
        folder = made.resolvingSymlinksInPath().path(percentEncoded: false).trimmingSuffix("/")
        for path in [state, workspace] {
            try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
        }
    }

    private func rules(protect: [ProtectedPath], read: [String] = [], hide: [String] = []) -> FileRules {
        FileRules(read: read, write: [workspace], hide: hide, protect: protect)
    }

    private var hooksAndConfig: FileRules {
        rules(protect: [
            ProtectedPath(path: workspace + "/.git/hooks", isFolder: true),
            ProtectedPath(path: workspace + "/.git/config"),
        ])
    }

    /// Every path below the workspace, folders with a slash.
    private var tree: [String] {
        let names = FileManager.default.enumerator(atPath: workspace)?.compactMap { $0 as? String } ?? []
        return names.map { name in
            var isFolder: ObjCBool = false
            _ = FileManager.default.fileExists(atPath: workspace + "/" + name, isDirectory: &isFolder)
            return name + (isFolder.boolValue ? "/" : "")
        }.sorted()
    }

    private func ledger() -> [String] {
        let names = (try? FileManager.default.contentsOfDirectory(atPath: state + "/stand-ins")) ?? []
        return names.filter { $0 != "lock" }.sorted()
    }

    @Test("A file stands in for a path, a folder for one with a slash, and both go when they are given back")
    func placedAndReleased() throws {
        let standIns = StandIns(state: state, run: "one")
        let held = try standIns.place(for: hooksAndConfig)
        #expect(tree == [".git/", ".git/config", ".git/hooks/"])
        #expect(ledger() == ["one"])
        standIns.release(held)
        #expect(tree.isEmpty && ledger().isEmpty)
    }

    /// Whose rights to files this thread has, of /proc.
    private func rights() throws -> [String] {
        let status = try String(contentsOfFile: "/proc/thread-self/status", encoding: .utf8)
        return status.split(separator: "\n").map(String.init).filter { line in
            ["Uid:", "Gid:", "Groups:", "CapPrm:", "CapEff:"].contains { line.hasPrefix($0) }
        }
    }

    @Test(
        "What root makes in another's folder is theirs from its first moment, and nothing is given away",
        .enabled(if: geteuid() == 0, "needs root, which can give files away"),
        arguments: [0o755, 0o555] as [mode_t]
    )
    func ownersOwn(mode: mode_t) throws {
        let (user, group): (UInt32, UInt32) = (65_533, 65_532)
        #expect(chown(workspace, user, group) == 0 && chmod(workspace, mode) == 0)
        let watch = inotify_init1(Int32(O_NONBLOCK | O_CLOEXEC))
        #expect(inotify_add_watch(watch, workspace, UInt32(IN_ATTRIB)) > 0)
        let before = try rights()
        let standIns = StandIns(state: state, run: "one")
        let names = ["/.envrc", "/hooks"]
        let held = try standIns.place(
            for: rules(protect: [
                ProtectedPath(path: workspace + "/.envrc"),
                ProtectedPath(path: workspace + "/hooks", isFolder: true),
            ])
        )
        // By a change of owner the kernel would have something to tell.
        var events = [UInt8](repeating: 0, count: 4_096)
        #expect(read(watch, &events, events.count) == -1 && errno == EAGAIN)
        close(watch)
        for name in names {
            var status = stat()
            #expect(lstat(workspace + name, &status) == 0)
            #expect(status.st_uid == user && status.st_gid == group, "\(name)")
        }
        #expect(try rights() == before && before.count == 5)
        standIns.release(held)
        #expect(tree.isEmpty && ledger().isEmpty)
    }

    @Test("What is there already is left as it is, and stays")
    func presentPaths() throws {
        try FileManager.default.createDirectory(
            atPath: workspace + "/.git/hooks",
            withIntermediateDirectories: true
        )
        try Data().write(to: URL(filePath: workspace + "/.git/config"))
        let standIns = StandIns(state: state, run: "one")
        let held = try standIns.place(for: hooksAndConfig)
        #expect(held.isEmpty)
        standIns.release(held)
        #expect(tree == [".git/", ".git/config", ".git/hooks/"])
    }

    @Test("What somebody filled meanwhile stays")
    func filledMeanwhile() throws {
        let standIns = StandIns(state: state, run: "one")
        let held = try standIns.place(for: hooksAndConfig)
        try Data("x".utf8).write(to: URL(filePath: workspace + "/.git/config"))
        standIns.release(held)
        #expect(tree == [".git/", ".git/config"])
    }

    @Test("They stay as long as one agent needs them, of this supervisor or of another")
    func shared() throws {
        let (one, two) = (StandIns(state: state, run: "one"), StandIns(state: state, run: "two"))
        let (first, second) = (
            try one.place(for: hooksAndConfig), try one.place(for: hooksAndConfig)
        )
        let others = try two.place(for: hooksAndConfig)
        #expect(Set(first) == Set(others))
        one.release(first)
        one.release(second)
        #expect(tree.count == 3 && ledger() == ["two"])
        two.release(others)
        #expect(tree.isEmpty)
    }

    /// Sweeps, as next supervisors would, until it is so or two thousand have.
    ///
    /// One may not be enough: a dead one's lock lives on in a process that another test has forked, until that executes.
    private func sweep(until isSwept: () -> Bool) {
        for _ in 0..<2_000 where !isSwept() {
            StandIns(state: state, run: "next").sweep()
            usleep(5_000)
        }
    }

    @Test("What a supervisor left that was killed, the next one takes away; a living one's stays")
    func swept() throws {
        let living = StandIns(state: state, run: "living")
        let held = try living.place(for: hooksAndConfig)
        do {
            let killed = StandIns(state: state, run: "killed")
            _ = try killed.place(for: rules(protect: [ProtectedPath(path: workspace + "/.envrc")]))
            // Its lock goes with it, as with a process; its file and its stand-in stay.
        }
        #expect(tree.contains(".envrc") && ledger() == ["killed", "living"])
        sweep { ledger() == ["living"] }
        #expect(tree == [".git/", ".git/config", ".git/hooks/"] && ledger() == ["living"])
        living.release(held)
        #expect(tree.isEmpty)
    }

    @Test("What a killed supervisor left is not taken away while another's agent needs it")
    func inherited() throws {
        do { _ = try StandIns(state: state, run: "killed").place(for: hooksAndConfig) }
        let living = StandIns(state: state, run: "living")
        let held = try living.place(for: hooksAndConfig)
        StandIns(state: state, run: "next").sweep()
        #expect(tree == [".git/", ".git/config", ".git/hooks/"])
        living.release(held)
        sweep { tree.isEmpty }
        #expect(tree.isEmpty)
    }

    @Test("What was found and is another supervisor's stand-in stays until both have given it back")
    func foundByAnother() throws {
        let (one, two) = (StandIns(state: state, run: "one"), StandIns(state: state, run: "two"))
        let first = try one.place(for: hooksAndConfig)
        var found = rules(protect: [])
        found.found.present = [ProtectedPath(path: workspace + "/.git/hooks", isFolder: true)]
        let second = try two.place(for: found)
        #expect(Set(second) == [workspace + "/.git", workspace + "/.git/hooks"])
        one.release(first)
        #expect(tree == [".git/", ".git/hooks/"])
        two.release(second)
        #expect(tree.isEmpty && ledger().isEmpty)
    }

    @Test("A ledger that was cut off in the middle of a path loses that path alone")
    func cutLedger() throws {
        let gone = workspace + "/.envrc"
        try Data().write(to: URL(filePath: gone))
        try FileManager.default.createDirectory(
            atPath: state + "/stand-ins",
            withIntermediateDirectories: true
        )
        try Data("\(gone)\0\(workspace)/.npm".utf8).write(to: URL(filePath: state + "/stand-ins/cut"))
        try Data().write(to: URL(filePath: workspace + "/.npm"))
        StandIns(state: state, run: "next").sweep()
        #expect(tree == [".npm"])
    }

    @Test("Nothing is made where the agent may not write", arguments: ["read", "hide", "elsewhere"])
    func notWritable(why: String) throws {
        let inner = workspace + "/inner"
        try FileManager.default.createDirectory(atPath: inner, withIntermediateDirectories: true)
        let protected = [ProtectedPath(path: inner + "/x")]
        let own =
            switch why {
            case "read": rules(protect: protected, read: [inner])
            case "hide": rules(protect: protected, hide: [inner])
            default: FileRules(write: [folder + "/elsewhere"], protect: protected)
            }
        let standIns = StandIns(state: state, run: "one")
        #expect(try standIns.place(for: own).isEmpty)
        #expect(tree == ["inner/"])
        #expect(try standIns.place(for: rules(protect: protected)) == [inner + "/x"])
    }

    @Test("What is no supervisor's notes stops nobody; notes that cannot be read keep what is there")
    func strangeNotes() throws {
        try FileManager.default.createDirectory(
            atPath: state + "/stand-ins/x",
            withIntermediateDirectories: true
        )
        let one = StandIns(state: state, run: "one")
        let held = try one.place(for: hooksAndConfig)
        #expect(tree.count == 3)
        let huge = state + "/stand-ins/two"
        try Data().write(to: URL(filePath: huge))
        let two = try FileHandle(forUpdating: URL(filePath: huge))
        try two.truncate(atOffset: 64 << 20)
        #expect(flock(two.fileDescriptor, LOCK_EX) == 0)
        one.release(held)
        #expect(tree.count == 3, "whatever the living one's notes say may be needed")
        try two.close()
    }

    @Test("A symbolic link on the way is not followed, neither to make nor to take away")
    func symbolicLinks() throws {
        let outside = folder + "/outside"
        try FileManager.default.createDirectory(atPath: outside, withIntermediateDirectories: true)
        try FileManager.default.createSymbolicLink(atPath: workspace + "/link", withDestinationPath: outside)
        let standIns = StandIns(state: state, run: "one")
        let write = [workspace + "/link"]
        let linked = FileRules(write: write, protect: [ProtectedPath(path: workspace + "/link/x")])
        #expect(throws: LaunchFailure.self) { try standIns.place(for: linked) }
        // A slash with an accent is one `Character`, and a slash all the same.
        let accented = FileRules(write: write, protect: [ProtectedPath(path: workspace + "/link/\u{301}x")])
        _ = try? standIns.place(for: accented)
        #expect(try FileManager.default.contentsOfDirectory(atPath: outside).isEmpty)
        let held = try standIns.place(
            for: rules(protect: [ProtectedPath(path: workspace + "/real/x")])
        )
        try FileManager.default.removeItem(atPath: workspace + "/real")
        try FileManager.default.createSymbolicLink(atPath: workspace + "/real", withDestinationPath: outside)
        try Data().write(to: URL(filePath: outside + "/x"))
        standIns.release(held)
        #expect(FileManager.default.fileExists(atPath: outside + "/x"))
    }
}

extension String {
    fileprivate func trimmingSuffix(_ suffix: String) -> String {
        hasSuffix(suffix) ? String(dropLast(suffix.count)) : self
    }
}
