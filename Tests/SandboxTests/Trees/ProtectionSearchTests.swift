import Foundation
import Glibc
import Linux
import Policy
import Sandbox
import Testing

@Suite("Looking for what is protected at any depth")
final class ProtectionSearchTests {
    let root: String

    init() throws {
        var template = Array("/tmp/bailey-search-XXXXXX".utf8CString)
        guard mkdtemp(&template) != nil else { throw POSIXError(.init(rawValue: errno) ?? .EIO) }
        root = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    deinit {
        try? FileManager.default.removeItem(atPath: root)
    }

    private func make(_ paths: String...) throws {
        for path in paths {
            let full = root + "/" + path
            let folder = path.hasSuffix("/") ? full : (full as NSString).deletingLastPathComponent
            try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
            if !path.hasSuffix("/") { try Data().write(to: URL(filePath: full)) }
        }
    }

    private func sought(_ base: String = "", _ names: String..., isFolder: Bool = false) -> SoughtPath {
        SoughtPath(base: root + base, names: names, isFolder: isFolder)
    }

    /// What is there, and with a minus in front what is not.
    private func found(
        _ files: FileRules,
        within outer: FileRules? = nil,
        step: Int = 1
    ) throws -> [String] {
        var search = ProtectionSearch(files, within: outer)
        while !search.isFinished { try search.step(step) }
        func short(_ path: ProtectedPath) -> String { String(path.text.dropFirst(root.count + 1)) }
        return (search.found.present.map(short) + search.found.absent.map { "-" + short($0) }).sorted()
    }

    private func rules(_ sought: SoughtPath..., read: [String] = [], hide: [String] = []) -> FileRules {
        FileRules(read: read, write: [root], hide: hide, sought: sought)
    }

    @Test("Every folder that has the first name is a place, whether the rest is there or not")
    func places() throws {
        try make("x/.git/hooks/", "a/b/c/.git/", ".git/hooks/", "x/y/.github/hooks/", "x/.git/x/.git/hooks/")
        #expect(
            try found(rules(sought("", ".git", "hooks", isFolder: true)))
                == ["-a/b/c/.git/hooks/", ".git/hooks/", "x/.git/hooks/"]
        )
    }

    @Test("Git folders of submodules are among them, and what leads to a Git folder where it is there")
    func gitFolders() throws {
        try make(
            ".git/config",
            ".git/modules/a/HEAD",
            ".git/modules/a/config",
            ".git/modules/g/b/HEAD",
            ".git/modules/a/modules/deep/HEAD",
            ".git/worktrees/w/commondir",
            ".git/config.worktree",
            "w/.git",
            ".git/modules/a/refs/heads/config"
        )
        #expect(
            try found(rules(sought("", ".git", "config"))) == [
                "-.git/modules/a/modules/deep/config", "-.git/modules/g/b/config", ".git/config",
                ".git/config.worktree", ".git/modules/a/config", ".git/worktrees/w/commondir", "w/.git",
            ]
        )
    }

    private func write(_ text: String, to path: String) throws {
        try make(path)
        try Data(text.utf8).write(to: URL(filePath: root + "/" + path))
    }

    @Test("A folder with what Git keeps is a Git folder whatever its name")
    func shapes() throws {
        try make("bare/HEAD", "bare/objects/", "bare/refs/", "w/HEAD", "no/HEAD", "no/refs/")
        try write("../bare\n", to: "w/commondir")
        #expect(
            try found(rules(sought("", ".git", "config"))) == ["-bare/config", "-w/config", "w/commondir"]
        )
        #expect(try found(rules(sought("", "config"))).isEmpty)
    }

    @Test("A configuration of a work tree's own is a place where Git reads it, there or not")
    func ownConfiguration() throws {
        try make("x/.git/worktrees/w/HEAD", "y/.git/HEAD")
        try write("../..\n", to: "x/.git/worktrees/w/commondir")
        try write("[Extensions]\n\tworktreeConfig", to: "x/.git/config")
        #expect(
            try found(rules(sought("", ".git", "config"))) == [
                "-x/.git/config.worktree", "-x/.git/worktrees/w/config.worktree", "-y/.git/config",
                "x/.git/config",
                "x/.git/worktrees/w/commondir",
            ]
        )
    }

    @Test(
        "What a configuration includes and its folder of hooks are places, however it is written",
        arguments: [
            ("[include]\npath = ../a\n[core]hooksPath=b/c", ["-a", "-b/c/"]),
            ("[includeIf \"gitdir:x]\\\"\"] Path=\"..\" /a ; x", ["-.git/.. /a"]),
            ("[INCLUDE]\n\tpath \t= ../\"a # \\\"b\"   # c\r\n", ["-a # \"b"]),
            ("[include] path = ../a\\\n/b/../c\npath = there", ["-.git/there", "-a/c"]),
            ("# [core] hooksPath = a\n[core \"x\"]\n;\n[core]\n[other]\nhooksPath = b", []),
            ("[core]\nhooksPath = /elsewhere\nhooksPath = ~user/x\nhooksPath =\n", []),
            ("\u{FEFF}[core]\nhooksPath = ROOT/x/./y/\nbad line [core] hooksPath = z", ["-x/y/", "-z/"]),
        ]
    )
    func configured(text: String, places: [String]) throws {
        try write(text.replacingOccurrences(of: "ROOT", with: root), to: ".git/config")
        let all = rules(sought("", ".git", "config"), sought("", ".git", "hooks", isFolder: true))
        let rest = try found(all).filter { ![".git/config", "-.git/hooks/"].contains($0) }
        #expect(rest == places)
    }

    @Test("Included files are read in their turn, once each, and each work tree has hooks of its own")
    func includes() throws {
        try write("[include]\npath = ../one", to: ".git/config")
        try write("[include]\npath = two\npath = .git/config", to: "one")
        try write("[core]\nhooksPath = h", to: "two")
        try make(".git/worktrees/w/", "w/")
        try write("../..", to: ".git/worktrees/w/commondir")
        try write("gitdir: ROOT/.git/worktrees/w".replacingOccurrences(of: "ROOT", with: root), to: "w/.git")
        let all = rules(sought("", ".git", "config"), sought("", ".git", "hooks", isFolder: true))
        #expect(
            try found(all) == [
                "-.git/hooks/", "-h/", "-w/h/", ".git/config", ".git/worktrees/w/commondir", "one", "two",
                "w/.git",
            ]
        )
    }

    @Test("What lies outside is read where the granted folder's own repository leads there, and for no other")
    func outside() throws {
        let outside = root + "-outside"
        defer { unlink(outside) }
        try Data("[core]\nhooksPath = h".utf8).write(to: URL(filePath: outside))
        try write("[include]\npath = \(outside)", to: ".git/config")
        try write("[include]\npath = \(outside)", to: "x/.git/config")
        let all = rules(sought("", ".git", "config"), sought("", ".git", "hooks", isFolder: true))
        #expect(
            try found(all) == ["-.git/hooks/", "-h/", "-x/.git/hooks/", ".git/config", "x/.git/config"]
        )
        #expect(try !found(all, within: FileRules(write: [root])).contains("-h/"))
    }

    @Test("Hooks in all that is granted, a link on the way to them and too long a configuration are refused")
    func refusals() throws {
        let all = rules(sought("", ".git", "hooks", isFolder: true))
        try write("[core]\nhooksPath = .", to: ".git/config")
        #expect(throws: LaunchFailure.self) { try found(all) }
        try write("[core]\nhooksPath = link/hooks", to: ".git/config")
        #expect(try found(all) == ["-.git/hooks/", "-link/hooks/"])
        symlink("elsewhere", root + "/link")
        #expect(throws: LaunchFailure.self) { try found(all) }
        try write(String(repeating: "#", count: 1 << 20) + "\n", to: ".git/config")
        #expect(throws: LaunchFailure.self) { try found(all) }
    }

    @Test("Only what the agent writes is looked through, and what lies below a rule's folder")
    func borders() throws {
        try make("in/.x", "in/no/.x", "in/no/but/.x", "gone/.x", ".x")
        var files = rules(sought("/in", ".x"), read: [root + "/in/no"], hide: [root + "/gone"])
        files.write.append(root + "/in/no/but")
        #expect(try found(files) == ["in/.x", "in/no/but/.x"])
        files.sought = [sought("", ".x")]
        #expect(try found(files) == [".x", "in/.x", "in/no/but/.x"])
        #expect(try found(files, within: FileRules(write: [root + "/in/no/but"])) == ["in/no/but/.x"])
        #expect(try found(files, within: FileRules(copy: [root])).isEmpty)
    }

    @Test("A link where a rule would lead elsewhere is refused, any other is left alone")
    func links() throws {
        try make("a/", "b/.git/hooks/")
        symlink(root + "/b", root + "/a/link")
        #expect(try found(rules(sought("", ".git", "hooks", isFolder: true))) == ["b/.git/hooks/"])
        symlink("hooks", root + "/b/.git/config")
        #expect(throws: LaunchFailure.self) { try found(rules(sought("", ".git", "config"))) }
    }

    @Test("A folder with more entries than are read at once is read whole")
    func large() throws {
        for number in 0..<3000 { try make("many/file\(number)-\(String(repeating: "x", count: 60))") }
        try make("many/zz/.x", "many/aa/.x", "many/.x")
        #expect(try found(rules(sought("", ".x"))) == ["many/.x", "many/aa/.x", "many/zz/.x"])
    }

    @Test("More folders and files than a launch looks at refuse it, and it is said what to do")
    func tooMany() throws {
        for number in 0..<50 { try make("d/\(number)/") }
        let rules = rules(sought("", ".x"))
        // Each folder is looked at as itself and as a name: 52 folders, 51 names.
        func search(_ most: Int) throws {
            var search = ProtectionSearch(rules, within: nil, maximumEntries: most)
            while !search.isFinished { try search.step(7) }
        }
        let refusal = #expect(throws: LaunchFailure.self) { try search(60) }
        let text = refusal.map { "\($0.object) \($0.remedy)" } ?? ""
        #expect(text.contains("more than 60 folders and files") && text.contains("-w"), "\(text)")
        #expect(throws: Never.self) { try search(200) }
        // What a launch has: the number that docs/profiles.md says.
        #expect(ProtectionSearch.maximumEntries == 5_000_000)
    }

    @Test("More places than a launch protects refuse it by the first that is too much")
    func tooManyPlaces() throws {
        for number in 0..<5 { try make("d\(number)/.x") }
        let rules = rules(sought("", ".x"))
        func search(_ most: Int) throws {
            var search = ProtectionSearch(rules, within: nil, maximumPlaces: most)
            while !search.isFinished { try search.step(1) }
        }
        let refusal = #expect(throws: LaunchFailure.self) { try search(4) }
        #expect(refusal?.object.contains("/.x") ?? false)
        #expect(throws: Never.self) { try search(5) }
        #expect(ProtectionSearch.maximumPlaces == 1_024)
    }

    @Test("A folder with a name that is no text is looked through, and refused only where it has something")
    func bytes() throws {
        let odd = root + "/odd-"
        let name = Array(odd.utf8CString.dropLast()) + [CChar(bitPattern: 0xFF), 0]
        #expect(mkdir(name, 0o755) == 0)
        #expect(try found(rules(sought("", ".x"))).isEmpty)
        let inner = name.dropLast() + Array("/.x".utf8CString)
        #expect(mkdir(Array(inner), 0o755) == 0)
        #expect(throws: LaunchFailure.self) { try found(rules(sought("", ".x"))) }
    }
}
