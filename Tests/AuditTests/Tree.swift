import Foundation
import TestSupport
import Testing

/// What is done to a database's file behind SQLite's back (sqlite.org/fileformat2.html, sections 1.3 and 1.6).
enum Tree {
    /// The last record of each leaf but the last.
    static func ends(in state: StateFixture) throws -> [Int64] {
        try run("print(*ends, sep='\\n')", state).compactMap { Int64($0) }
    }

    /// Puts a leaf of two records that nobody wrote behind another, whatever their numbers.
    static func put(behind end: Int64, in state: StateFixture) throws {
        _ = try run(
            """
            at, other = ends.index(\(end)), path + ".other"
            made = sqlite3.connect(other)
            made.execute(table)
            for number in (9001, 9002):
                made.execute("INSERT INTO records VALUES (%s)" % ",".join("?" * 11), (number,) + row[1:])
            made.commit()
            place, = made.execute("SELECT rootpage FROM sqlite_schema WHERE name = 'records'").fetchone()
            made.close()
            page = len(octets) // size + 1
            octets += open(other, "rb").read()[(place - 1) * size:place * size]
            content = word(root + 5) - 4 - len(varint(ends[at]))
            new = struct.pack(">I", page) + varint(ends[at])
            octets[root + content:root + content + len(new)] = new
            cells.insert(at + 1, content)
            octets[root + 3:root + 7] = struct.pack(">HH", len(cells), content)
            octets[root + 12:root + 12 + 2 * len(cells)] = struct.pack(">%dH" % len(cells), *cells)
            octets[28:32] = struct.pack(">I", page)
            open(path, "wb").write(octets)
            """,
            state
        )
    }

    /// Says that all texts are UTF-16, and leaves the octets of the records.
    static func recode(_ state: StateFixture) throws {
        _ = try run(
            """
            base = sqlite3.connect(path)
            base.execute("PRAGMA writable_schema = ON")
            rows = base.execute("SELECT type, name, tbl_name, sql, rowid FROM sqlite_schema").fetchall()
            for *texts, rowid in rows:
                base.execute(
                    "UPDATE sqlite_schema SET type = CAST(? AS TEXT), name = CAST(? AS TEXT), "
                    "tbl_name = CAST(? AS TEXT), sql = CAST(? AS TEXT) WHERE rowid = ?",
                    [text and text.encode("utf-16-le") for text in texts] + [rowid])
            base.commit()
            base.close()
            octets = bytearray(open(path, "rb").read())
            octets[56:60] = struct.pack(">I", 2)
            open(path, "wb").write(octets)
            """,
            state
        )
    }

    private static func run(_ script: String, _ state: StateFixture) throws -> [String] {
        let outcome = try Command.run(
            ["python3", "-c", opening + script, state.path + "/audit.sqlite"],
            environment: ["PATH": "/usr/bin:/bin"],
            directory: state.path
        )
        try #require(outcome.code == 0, "\(outcome)")
        return outcome.lines
    }

    /// The root page of `records`, with whole leaves below it.
    private static let opening = """
        import sqlite3, struct, sys, time
        path = sys.argv[1]
        base = sqlite3.connect(path)
        # A store that nobody has any more may still be closing, on its writer's thread.
        for _ in range(600):
            try:
                base.execute("PRAGMA wal_checkpoint(TRUNCATE)")
                if base.execute("PRAGMA journal_mode = DELETE").fetchone() == ("delete",): break
            except sqlite3.OperationalError:
                time.sleep(0.1)
        size, = base.execute("PRAGMA page_size").fetchone()
        rootpage, table = base.execute("SELECT rootpage, sql FROM sqlite_schema WHERE name = 'records'").fetchone()
        row = base.execute("SELECT * FROM records ORDER BY sequence LIMIT 1").fetchone()
        base.close()
        octets, root = bytearray(open(path, "rb").read()), (rootpage - 1) * size
        def word(at): return struct.unpack(">H", octets[at:at + 2])[0]
        def number(at):
            value = 0
            while True:
                value, at = value << 7 | octets[at] & 127, at + 1
                if octets[at - 1] < 128: return value
        def varint(value):
            out = [value & 127]
            while value := value >> 7: out.insert(0, value & 127 | 128)
            return bytes(out)
        # An interior page of a table; a root with all its records in it has none.
        cells = [word(root + 12 + 2 * i) for i in range(word(root + 3))] if octets[root] == 5 else []
        ends = [number(root + cell + 4) for cell in cells]

        """
}
