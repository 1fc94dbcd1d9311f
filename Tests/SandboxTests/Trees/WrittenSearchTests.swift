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
