import Sandbox
import Testing

struct MountTableTests {
    @Test("A list of mounts is read in the kernel's bytes, with its escapes")
    func parsed() throws {
        let text = #"""
            27 1 254:0 / / rw,relatime - ext4 /dev/vda rw
            40 27 254:0 /home/a\040b /mnt/x\134y rw shared:1 - ext4 /dev/vda rw
            not a line

            """#
        let table = MountTable(Array(text.utf8))
        #expect(table.mounts.map(\.number) == [27, 40])
        let mount = try #require(table.mounts.last)
        #expect(mount.root == Location(fileSystem: 254 << 32, path: "/home/a b".utf8))
        #expect(mount.point == Location.names("/mnt/x\\y".utf8))
        #expect(table.beneath(Location.names("/mnt".utf8)).map(\.number) == [40])
        #expect(table.beneath(Location.names("/mnt/x\\y".utf8)).isEmpty)
    }

    @Test("One place covers another in its own file system only, name by name")
    func covering() {
        func at(_ device: UInt64, _ path: String) -> Location {
            Location(fileSystem: device, path: path.utf8)
        }
        #expect(at(1, "/a").covers(at(1, "/a/b")) && at(1, "/").covers(at(1, "/a")))
        #expect(!at(1, "/a").covers(at(1, "/ab")) && !at(1, "/a").covers(at(2, "/a/b")))
        #expect(!at(1, "/a/b").covers(at(1, "/a")))
        #expect(at(1, "/a").way(to: at(1, "/a/b/c")) == "/b/c" && at(1, "/a").way(to: at(1, "/a")) == "")
        let broken = Location(fileSystem: 1, names: [[0xFF]])
        #expect(at(1, "/").way(to: broken) == nil)
    }
}
