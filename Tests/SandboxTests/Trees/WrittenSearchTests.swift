import Foundation
import Glibc
import Model
import Policy
import Sandbox
import Testing

@Suite("Looking for what the host may run")
final class WrittenSearchTests {
    let root: String

    init() throws {
        var template = Array("/tmp/bailey-written-XXXXXX".utf8CString)
        guard mkdtemp(&template) != nil else { throw POSIXError(.init(rawValue: errno) ?? .EIO) }
        root = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    deinit {
        try? FileManager.default.removeItem(atPath: root)
    }

    /// Files of one inode, each with so many bytes in which words are looked for, in folders.
    private func made(_ files: Int, size: Int) throws {
        let seed = root + "/seed"
        try Data(repeating: UInt8(ascii: "x"), count: size).write(to: URL(filePath: seed))
        for number in 0..<files {
            #expect(mkdir("\(root)/\(number)", 0o755) == 0 && link(seed, "\(root)/\(number)/config") == 0)
        }
    }

    private func search(_ table: String) throws -> WrittenFiles {
        let table = try HostRunTable(table)
        var search = WrittenSearch(FileRules(write: [root]), since: .now(), table: table)
        while !search.isFinished { search.step(4_096) }
        return search.written
    }

    /// Each takes its path's bytes while it waits: those of 17,500 long ones are more than may.
    @Test("Of folders that wait with long paths there are only so many", arguments: [(15, false), (1, true)])
    func longPaths(depth: Int, isWhole: Bool) throws {
        var folder = root
        for _ in 0..<depth {
            folder += "/" + String(repeating: "x", count: 255)
            #expect(mkdir(folder, 0o755) == 0)
        }
        for number in 0..<17_500 { mkdir("\(folder)/\(number)", 0o755) }
        #expect(try search("x\t-\twhy\n").isWhole == isWhole)
        var protection = ProtectionSearch(
            FileRules(
                write: [root],
                sought: [SoughtPath(base: root, names: [".git", "hooks"], isFolder: true)]
            ),
            within: nil
        )
        var failure: String?
        do {
            while !protection.isFinished { try protection.step(4_096) }
        } catch { failure = "\(error)" }
        #expect(
            (failure == nil) == isWhole && failure?.contains("too long paths") ?? true,
            "\(failure ?? "")"
        )
    }

    @Test(
        "Files in which words are looked for count by what is read of them",
        arguments: [(5_000, false), (50, true)]
    )
    func readFiles(files: Int, isWhole: Bool) throws {
        let moment = FileMoment.now()
        try made(files, size: (64 << 10) - 1)
        let table = try HostRunTable("config\tfsmonitor\tGit may run what it names\n")
        var search = WrittenSearch(FileRules(write: [root]), since: moment, table: table)
        while !search.isFinished { search.step(4_096) }
        #expect(search.written.isWhole == isWhole && search.written.files.isEmpty)
    }

    @Test("More folders and files than are looked at cut the list, which says so", arguments: [7, 100_000])
    func tooMany(step: Int) throws {
        let moment = FileMoment.now()
        for number in 0..<50 {
            let folder = "\(root)/\(number)"
            try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
            try Data().write(to: URL(filePath: "\(folder)/Makefile"))
        }
        let table = try HostRunTable("Makefile\t-\tmake runs it\n")
        func found(_ most: Int) -> (count: Int, isWhole: Bool) {
            var search = WrittenSearch(
                FileRules(write: [root]),
                since: moment,
                table: table,
                maximumEntries: most
            )
            while !search.isFinished { search.step(step) }
            return (search.written.files.count + search.written.more, search.written.isWhole)
        }
        #expect(found(1_000) == (50, true))
        #expect(!found(100).isWhole)
        #expect(found(100).count < 50)
        #expect(WrittenSearch.maximumEntries == 1_000_000)
    }
}
