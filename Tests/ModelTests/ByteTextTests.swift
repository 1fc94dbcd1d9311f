import Model
import Testing

/// A combining acute accent: Swift joins it with whatever stands in front of it.
private let mark = "\u{301}"

struct ByteTextTests {
    @Test("An ASCII character counts whatever combines with it, and a line end after a carriage return")
    func characters() {
        let path = "a/\(mark)b/c"
        #expect(path.cut(at: "/") == ["a", "\(mark)b", "c"])
        #expect("a\r\nb\r\n".cut(at: "\n") == ["a\r", "b\r"])
        #expect("//a".cut(at: "/", omittingEmptySubsequences: false) == ["", "", "a"])
        #expect("a=b=c".cut(at: "=", maxSplits: 1) == ["a", "b=c"])
        #expect("/\(mark)a".begins(with: "/") && "a/\(mark)".holds("/") && !"a".holds("/"))
        #expect("a/".ends(with: "/") && !"a/\(mark)".ends(with: "/") && !"".ends(with: "/"))
        #expect("x=\(mark)y".firstPlace(of: "=").map { "x=\(mark)y".rest(behind: $0) } == "\(mark)y")
        #expect("s:/\(mark)/x".firstPlace(ofText: ":/") != nil && "s:/".firstPlace(ofText: "://") == nil)
        #expect("/\(mark)a".dropFirst(bytes: 1).isSame(as: "\(mark)a") && "a".dropLast(bytes: 2).isEmpty)
    }

    @Test("Text is the same only when its bytes are")
    func equality() {
        let (composed, decomposed) = ("\u{e9}", "e\(mark)")
        #expect(composed == decomposed, "Swift's own comparison")
        #expect(!composed.isSame(as: decomposed) && composed.isSame(as: composed))
        #expect(Set([ByteText(composed), ByteText(decomposed), ByteText(composed)]).count == 2)
        #expect(!["\u{212a}"].holds(bytes: "K") && ["K"].holds(bytes: "K"))
    }

    @Test(
        "A path is within a folder by its bytes",
        arguments: [
            ("/a", "/a", true), ("/a/b", "/a", true), ("/a/\(mark)b", "/a", true), ("/ab", "/a", false),
            ("/a\(mark)", "/a", false), ("/\(mark)a", "/", true), ("/", "/", true), ("/", "/a", false),
            ("/e\(mark)/x", "/\u{e9}", false),
        ]
    )
    func within(path: String, folder: String, isWithin: Bool) {
        #expect(path.isWithin(folder) == isWithin)
    }
}
