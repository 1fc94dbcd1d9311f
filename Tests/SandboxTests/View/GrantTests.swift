import Policy
import Sandbox
import Testing

/// A combining acute accent: Swift joins it with whatever stands in front of it.
private let mark = "\u{301}"

struct GrantTests {
    private func grants(_ files: FileRules) -> [String] {
        Grant.all(of: files, home: "/home/agent").map { grant in
            (grant.isWritable ? "w " : "r ") + grant.path
        }
    }

    @Test("What is protected stays so under a folder whose name begins with a combining mark")
    func pinned() {
        let files = FileRules(write: ["/ws"], protect: [ProtectedPath(path: "/ws/\(mark)a/b")])
        #expect(
            grants(files).elementsEqual(["w /ws", "w /ws/\(mark)a", "r /ws/\(mark)a/b"]) {
                $0.utf8.elementsEqual($1.utf8)
            },
            "\(grants(files))"
        )
    }

    @Test("What is pinned is not written where something narrower forbids it")
    func pinnedInside() {
        let deep = [ProtectedPath(path: "/ws/a"), ProtectedPath(path: "/ws/a/b/c")]
        #expect(grants(FileRules(write: ["/ws"], protect: deep)) == ["w /ws", "r /ws/a", "r /ws/a/b/c"])
        let read = FileRules(read: ["/ws/a"], write: ["/ws"], protect: [ProtectedPath(path: "/ws/a/b/c")])
        #expect(grants(read) == ["w /ws", "r /ws/a", "r /ws/a/b/c"])
    }

    @Test("Deeper paths come later, whatever their names begin with")
    func order() {
        let files = FileRules(read: ["/ws/\(mark)a/\(mark)b", "/ws/x"], write: ["/ws"])
        #expect(
            grants(files).map(\.utf8.count)
                == ["w /ws", "r /ws/x", "r /ws/\(mark)a/\(mark)b"].map(\.utf8.count)
        )
    }

    @Test("A copy beats write at its path, keeps what is protected in it, and stays where it is")
    func copies() {
        let protect = [ProtectedPath(path: "/ws/a/.git/hooks", isFolder: true)]
        let files = FileRules(write: ["/ws", "/ws/a/b/out"], copy: ["/ws/a/b", "/ws"], protect: protect)
        let all = Grant.all(of: files, home: "/home/agent")
        #expect(all.filter(\.isCopy).map(\.path) == ["/ws", "/ws/a/b"])
        #expect(
            grants(files) == [
                "w /ws", "w /ws/a", "w /ws/a/.git", "w /ws/a/b", "r /ws/a/.git/hooks", "w /ws/a/b/out",
            ]
        )
        #expect(Grant.all(of: FileRules(copy: ["/ws"], hide: ["/ws"]), home: "/home/agent").isEmpty)
        let guarded = FileRules(copy: ["/ws"], protect: [ProtectedPath(path: "/ws")])
        #expect(grants(guarded) == ["r /ws"])
    }

    @Test("Two spellings of one accent are two grants, and hiding one leaves the other")
    func spellings() {
        #expect(grants(FileRules(read: ["/\u{e9}"], write: ["/e\(mark)"])).count == 2)
        #expect(grants(FileRules(read: ["/\u{e9}", "/e\(mark)"], hide: ["/\u{e9}"])).count == 1)
    }

    @Test("Folders above what is hidden are kept where the host's could be renamed, and nowhere else")
    func pinsAboveHidden() {
        func pins(_ files: FileRules, _ hidden: String...) -> [String] {
            Grant.pins(above: hidden, among: Grant.all(of: files, home: "/home/agent"))
        }
        let whole = FileRules(write: ["/ws"])
        #expect(pins(whole, "/ws/a/b/key", "/ws/a/c/key", "/ws/key") == ["/ws/a", "/ws/a/b", "/ws/a/c"])
        #expect(pins(whole, "/ws/\(mark)a/key").map(\.utf8.count) == [7])
        #expect(pins(whole, "/ws", "/other/a/key").isEmpty)
        #expect(pins(FileRules(read: ["/ws"]), "/ws/a/key").isEmpty)
        #expect(pins(FileRules(read: ["/ws/a"], write: ["/ws"]), "/ws/a/b/key").isEmpty)
        #expect(
            pins(FileRules(read: ["/ws/a/b"], write: ["/ws", "/ws/a/b/c"]), "/ws/a/b/c/d/key")
                == ["/ws/a", "/ws/a/b/c/d"]
        )
        #expect(pins(FileRules(copy: ["/ws"]), "/ws/a/key").isEmpty)
        #expect(pins(FileRules(write: ["/ws/out"], copy: ["/ws"]), "/ws/out/a/key") == ["/ws/out/a"])
        let protect = [ProtectedPath(path: "/ws/a/kept")]
        #expect(pins(FileRules(write: ["/ws"], protect: protect), "/ws/a/key", "/ws/a/kept/b/key").isEmpty)
    }

    @Test("A folder covers what is beneath it, by bytes")
    func covers() {
        #expect(Grant.covers("/proc", "/proc/\(mark)x") && Grant.covers("/a", "/a/b"))
        #expect(!Grant.covers("/\u{e9}", "/e\(mark)") && !Grant.covers("/a", "/a\(mark)/b"))
        var mounted = MountPoints()
        mounted.insert("/\u{e9}")
        mounted.insert("/ws/\(mark)a")
        #expect(mounted.cover("/\u{e9}/x") && mounted.cover("/ws/\(mark)a/x"))
        #expect(!mounted.cover("/e\(mark)/x") && !mounted.cover("/ws"))
    }
}
