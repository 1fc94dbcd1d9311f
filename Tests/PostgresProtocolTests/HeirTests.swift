import NIOCore
import PostgresProtocol
import TestSupport
import Testing

/// What is known of tables from which one with a masked column inherits.
@Suite
struct HeirTests {
    private static let masks: Set = [ColumnMask(table: "heir", column: "ssn")]

    /// Tables, each the parent of the next but for the last, with `id` (1) and `cmax`; of `heir` also `ssn`
    /// (2).
    private static func catalog() throws -> [ColumnPlace: SourceColumn] {
        func row(_ values: String...) -> [UInt8] { Tell.row(values.map { Array($0.utf8) }) }
        let names = ["above", "parent", "heir", "other"].enumerated().map { ("\($0.offset + 1)", $0.element) }
        let plain = names.flatMap { number, name in
            row(number, "1", "public", name, "id", "23", "")
                + row(number, "-5", "public", name, "cmax", "29", "")
        }
        let answer = [
            Tell.complete("SET"), plain, row("3", "2", "public", "heir", "ssn", "25", ""),
            Tell.complete("SELECT 9"), Tell.complete("SELECT 0"), row("2", "-1", "1", "-1"),
            row("3", "-1", "2", "-1"), Tell.complete("SELECT 2"), Tell.complete("SELECT 0"),
            Tell.complete("SELECT 0"), Tell.ready(),
        ].flatMap(\.self)
        var catalog = PostgresCatalog(masks: masks)
        guard case .ready(let columns) = catalog.received(ByteBuffer(bytes: answer)) else {
            throw Finding(what: "no catalog")
        }
        return columns
    }

    @Test func `A table is held fast above a masked column, and shows its own columns`() throws {
        let catalog = try Self.catalog()
        func isMasked(_ table: UInt32, _ number: Int16) -> Bool {
            catalog[ColumnPlace(table: table, number: number)]?.held(by: Self.masks).isEmpty == false
        }
        #expect(isMasked(3, 2))
        #expect(isMasked(1, -5) && isMasked(2, -5))
        #expect(!isMasked(3, -5) && !isMasked(4, -5))
        #expect((1...4).allSatisfy { !isMasked($0, 1) })
    }
}
