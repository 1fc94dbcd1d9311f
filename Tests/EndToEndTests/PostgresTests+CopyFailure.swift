import Foundation
import TestSupport
import Testing

extension EndToEnd.PostgresTests {
    private func stolen() throws -> [String] {
        try server.run("SELECT count(*) FROM pg_class WHERE relname = 'stolen'", in: database)
    }

    @Test(
        "D01: a COPY that fails amid a message leaves nothing behind that the server reads otherwise than the gateway: no statement comes out of a parameter"
    )
    func copyFailure() throws {
        try rules(allow: ["select on public.*", "copy in on public.people"])
        let rest = 600
        let evil = Say.query("create table stolen as select 1")
        let parse = Say.parse("select $1::bytea")
        func bind(_ value: [UInt8]) -> [UInt8] {
            let length = [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: value.count >> $0) }
            return Say.message("B", [0, 0, 0, 1, 0, 1, 0, 1] + length + value + [0, 0])
        }
        // Where the server took this for the rest of the data, it would read on at the statement, and then a head that takes the end.
        let filling = [UInt8](repeating: 0x2E, count: rest - parse.count - (bind([]).count - 2))
        let smuggled = parse + bind(filling + evil + Say.message("d", [], length: 6)) + Say.sync
        let begun = Say.message("d", [0x78], length: UInt32(4 + 1 + rest))
        let failing = [Say.query("copy people from stdin"), Say.message("d", Array("nonsense\n".utf8)) + begun]
        let cases = [
            (name: "the rest first", steps: failing + [[UInt8](repeating: 0x2E, count: rest) + smuggled]),
            (name: "no rest", steps: failing + [smuggled]),
        ]
        let lines = cases.map { one in
            one.steps.map { $0.map { String(format: "%02x", $0) }.joined() }.joined(separator: ",")
        }
        let seen = try play(lines)
        #expect(seen.count == 2 && seen.allSatisfy { $0.hasPrefix("G E22P02 ZI ") }, "\(seen)")
        #expect(seen.first == "G E22P02 ZI 1 2 ZI", "\(seen)")
        // Both read a statement there, and it is decided.
        #expect(seen.last?.hasPrefix("G E22P02 ZI E42501 ZI") == true, "\(seen)")
        #expect(try stolen() == ["0"])
        // The control: one that may.
        try rules(allow: ["select on public.*", "ddl on public.*"])
        let made = try psql("psql -XAtc 'create table stolen (a int)'")
        #expect(made.code == 0, "\(made)")
        #expect(try stolen() == ["1"])
    }
}
