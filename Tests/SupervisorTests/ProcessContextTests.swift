import Client
import Supervisor
import Testing

/// A combining acute accent: Swift joins it with whatever stands in front of it.
private let mark = "\u{301}"

struct ProcessContextTests {
    @Test(
        "A path is made absolute by its bytes",
        arguments: [
            ("a", "/b", "/b/a"), ("../a", "/b/c", "/b/a"), ("/x/./y", "/b", "/x/y"),
            ("/\(mark)a", "/b", "/\(mark)a"), ("/x/../\(mark)a", "/b", "/\(mark)a"),
            ("..", "/b/\(mark)c", "/b"),
        ]
    )
    func absolute(path: String, directory: String, expected: String) {
        let found = WorkingDirectory.absolute(path, from: directory)
        #expect(found.utf8.elementsEqual(expected.utf8), "\(Array(found.utf8))")
    }

    @Test("A supervisor whose folders are spelled otherwise is another")
    func origin() {
        func origin(_ home: String) -> LaunchOrigin {
            LaunchOrigin(version: "1", state: "/s", configuration: "/c", home: home)
        }
        #expect(origin("/\u{e9}") != origin("/e\(mark)") && origin("/\u{e9}") == origin("/\u{e9}"))
    }
}
