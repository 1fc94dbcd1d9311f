import Client
import Foundation
import Glibc
import Testing

/// What is found in the folder where supervisors listen.
struct RuntimeFolderTests {
    @Test func `A folder with more entries than are looked at says that supervisors may be missing`() throws {
        let path = "/tmp/bailey-runtime-\(UUID().uuidString)"
        try FileManager.default.createDirectory(
            atPath: path,
            withIntermediateDirectories: true,
            attributes: [.posixPermissions: 0o700]
        )
        defer { try? FileManager.default.removeItem(atPath: path) }
        let folder = RuntimeFolder(path: path)
        for number in 1...RuntimeFolder.maximumEntries {
            #expect(FileManager.default.createFile(atPath: "\(path)/\(number)", contents: nil))
        }
        #expect(folder.listing.gap == nil, "the control")
        #expect(folder.listing.sockets.count == RuntimeFolder.maximumEntries)
        #expect(FileManager.default.createFile(atPath: "\(path)/more", contents: nil))
        let gap = try #require(folder.listing.gap)
        #expect(gap.contains("\(path) has more than \(RuntimeFolder.maximumEntries) entries"), "\(gap)")
        #expect(folder.listing.sockets.count == RuntimeFolder.maximumEntries)
    }

    @Test func `A folder that is not there has no gap, one that others may write nobody`() throws {
        let path = "/tmp/bailey-runtime-\(UUID().uuidString)"
        #expect(RuntimeFolder(path: path).listing.gap == nil)
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: path) }
        #expect(FileManager.default.createFile(atPath: "\(path)/control", contents: nil))
        try #require(chmod(path, 0o777) == 0)
        #expect(RuntimeFolder(path: path).listing.sockets.isEmpty)
        try #require(chmod(path, 0o700) == 0)
        #expect(RuntimeFolder(path: path).listing.sockets == ["\(path)/control"], "the control")
    }
}
