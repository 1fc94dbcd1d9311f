import Reflection
import Testing

struct StreamTablesTests {
    private func value(_ number: Int) -> String { "Bearer s3cr3t-of-number-\(number)" }

    @Test func `a table that is used is kept, and not more than are remembered`() throws {
        let tables = StreamTables()
        let own = try #require(tables.spellings(of: [value(0)]).first)
        let other = try #require(tables.spellings(of: [value(1)]).first)
        for number in 2...2 * ReflectionLimits.remembered {
            #expect(tables.spellings(of: [value(number)]).count == 1)
            #expect(tables.spellings(of: [value(0)]).first === own)
        }
        #expect(tables.spellings(of: [value(1)]).first !== other)
    }

    @Test func `what was secret before is looked for as well, as many as of a host`() {
        var sought: [String] = []
        for number in 0..<10 { sought = StreamTables.values([value(number)], beside: sought) }
        #expect(sought == (5...9).map(value))
        // It is good again.
        #expect(StreamTables.values([value(6)], beside: sought) == [5, 7, 8, 9, 6].map(value))
    }

    @Test func `where many are secret as many are looked for that were so before`() {
        let (before, now) = ((0..<8).map(value), (8..<16).map(value))
        #expect(StreamTables.values(now, beside: before) == before + now)
    }
}
