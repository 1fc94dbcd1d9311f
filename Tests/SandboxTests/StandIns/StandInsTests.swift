import Foundation
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
        let held = try standIns.place(for: hooksAndConfig, below: [])
        #expect(tree == [".git/", ".git/config", ".git/hooks/"])
        #expect(ledger() == ["one"])
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
        let held = try standIns.place(for: hooksAndConfig, below: [])
        #expect(held.isEmpty)
        standIns.release(held)
        #expect(tree == [".git/", ".git/config", ".git/hooks/"])
    }

    @Test("What somebody filled meanwhile stays")
    func filledMeanwhile() throws {
        let standIns = StandIns(state: state, run: "one")
        let held = try standIns.place(for: hooksAndConfig, below: [])
        try Data("x".utf8).write(to: URL(filePath: workspace + "/.git/config"))
        standIns.release(held)
        #expect(tree == [".git/", ".git/config"])
    }

    @Test("They stay as long as one agent needs them, of this supervisor or of another")
    func shared() throws {
        let (one, two) = (StandIns(state: state, run: "one"), StandIns(state: state, run: "two"))
        let (first, second) = (
            try one.place(for: hooksAndConfig, below: []), try one.place(for: hooksAndConfig, below: [])
        )
        let others = try two.place(for: hooksAndConfig, below: [])
        #expect(Set(first) == Set(others))
        one.release(first)
        one.release(second)
        #expect(tree.count == 3 && ledger() == ["two"])
        two.release(others)
        #expect(tree.isEmpty)
    }

    @Test("What a supervisor left that was killed, the next one takes away; a living one's stays")
    func swept() throws {
        let living = StandIns(state: state, run: "living")
        let held = try living.place(for: hooksAndConfig, below: [])
        do {
            let killed = StandIns(state: state, run: "killed")
            _ = try killed.place(for: rules(protect: [ProtectedPath(path: workspace + "/.envrc")]), below: [])
            // Its lock goes with it, as with a process; its file and its stand-in stay.
        }
        #expect(tree.contains(".envrc") && ledger() == ["killed", "living"])
        StandIns(state: state, run: "next").sweep()
        #expect(tree == [".git/", ".git/config", ".git/hooks/"] && ledger() == ["living"])
        living.release(held)
        #expect(tree.isEmpty)
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

    @Test(
        "Nothing is made where the agent, or an ancestor, may not write",
        arguments: ["read", "hide", "protect"]
    )
    func notWritable(why: String) throws {
        let inner = workspace + "/inner"
        try FileManager.default.createDirectory(atPath: inner, withIntermediateDirectories: true)
        let own = rules(protect: [ProtectedPath(path: inner + "/x")])
        let above =
            switch why {
            case "read": rules(protect: [], read: [inner])
            case "hide": rules(protect: [], hide: [inner])
            default: rules(protect: [ProtectedPath(path: inner)])
            }
        let standIns = StandIns(state: state, run: "one")
        #expect(try standIns.place(for: own, below: [above]).isEmpty)
        #expect(try standIns.place(for: own, below: [FileRules(write: ["/elsewhere"])]).isEmpty)
        #expect(tree == ["inner/"])
        #expect(try standIns.place(for: own, below: [rules(protect: [])]) == [inner + "/x"])
    }

    @Test("A symbolic link on the way is not followed, neither to make nor to take away")
    func symbolicLinks() throws {
        let outside = folder + "/outside"
        try FileManager.default.createDirectory(atPath: outside, withIntermediateDirectories: true)
        try FileManager.default.createSymbolicLink(atPath: workspace + "/link", withDestinationPath: outside)
        let standIns = StandIns(state: state, run: "one")
        #expect(
            try standIns.place(for: rules(protect: [ProtectedPath(path: workspace + "/link/x")]), below: [])
                .isEmpty
        )
        let held = try standIns.place(
            for: rules(protect: [ProtectedPath(path: workspace + "/real/x")]),
            below: []
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
