import Model
import Supervisor
import Synchronization
import Testing

/// The names of groups, looked up so often and no more.
struct GroupNamesTests {
    private final class Database: Sendable {
        let time = Mutex<UInt64>(1_000_000)
        let asked = Mutex<[UInt32]>([])
        let names = Mutex<[UInt32: String]>([600: "deploy", 601: "a:b"])

        func look(_ group: UInt32) -> String? {
            asked.withLock { $0.append(group) }
            return names.withLock { $0[group] }
        }
    }

    private func names(_ database: Database) -> GroupNames {
        GroupNames(now: { database.time.withLock { $0 } }, lookUp: { database.look($0) })
    }

    @Test func `a group is looked up once a minute, with a name or without, and then anew`() {
        let database = Database()
        let names = names(database)
        for _ in 0..<100 { #expect(names.names(of: [600, 601, 602]) == [ByteText("group:deploy")]) }
        #expect(database.asked.withLock { $0.sorted() } == [600, 601, 602])
        database.names.withLock { $0 = [602: "deploy"] }
        database.time.withLock { $0 += GroupNames.memory - 1 }
        #expect(names.names(of: [600]).count == 1 && names.names(of: [602]).isEmpty)
        database.time.withLock { $0 += 1 }
        #expect(names.names(of: [600]).isEmpty, "the control: nobody is in it for longer than that")
        #expect(names.names(of: [602]) == [ByteText("group:deploy")])
        #expect(database.asked.withLock { $0.count } == 5)
    }

    @Test func `no more of them are kept than there is room for`() {
        let database = Database()
        let names = names(database)
        let all = Set((0..<UInt32(GroupNames.most)).map { 10_000 + $0 })
        for _ in 0..<2 { #expect(names.names(of: all).isEmpty) }
        #expect(database.asked.withLock { $0.count } == GroupNames.most)
        #expect(names.names(of: [600]).count == 1)
        _ = names.names(of: [10_000])
        #expect(database.asked.withLock { $0.count } == GroupNames.most + 2, "begun anew")
    }
}
