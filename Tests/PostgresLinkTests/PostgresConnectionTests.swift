import Foundation
import PostgresLink
import Testing

/// A server that wants to hold up, or to fill, whoever asks it, behind a program in the place of bailey-postgres.
@Suite(
    "A hostile server of a connection",
    .enabled(if: FileManager.default.isExecutableFile(atPath: "/usr/bin/python3"), "needs python3")
)
struct PostgresConnectionTests {
    private static let location = "postgresql://u@h/d?sslmode=disable"

    /// Logs in, and answers the next statement so; removed when the test is over.
    private final class Hostile {
        let path = NSTemporaryDirectory() + "/bailey-hostile-\(UUID().uuidString)"

        init(_ answer: String) throws {
            let text = """
                #!/usr/bin/python3
                import socket, struct, time
                stream = socket.socket(fileno=0).makefile("rwb")
                def frame(letter, *fields):
                    body = letter + b"".join(b"b" + struct.pack(">I", len(field)) + field for field in fields)
                    stream.write(struct.pack(">I", len(body)) + body)
                    stream.flush()
                def order():
                    stream.read(struct.unpack(">I", stream.read(4))[0])
                order()
                frame(b"D", b"0")
                order()
                frame(b"R", b"UTF8")
                frame(b"D", b"0")
                order()
                \(answer)
                frame(b"D", b"0")
                order()
                """
            try Data(text.utf8).write(to: URL(filePath: path))
            try FileManager.default.setAttributes([.posixPermissions: 0o700], ofItemAtPath: path)
        }

        deinit { try? FileManager.default.removeItem(atPath: path) }

        func connection(statement: Int) throws -> PostgresConnection {
            PostgresConnection(
                PostgresAccess(
                    try PostgresLocation(PostgresConnectionTests.location),
                    password: nil,
                    program: path
                ),
                statement: statement
            )
        }
    }

    @Test("The control: rows that come in time are had")
    func control() throws {
        let server = try Hostile("frame(b'R', b'one'); frame(b'R', b'two')")
        let rows = try server.connection(statement: 5_000).rows("SELECT 1")
        #expect(rows.map { $0.first?.string } == ["one", "two"])
    }

    @Test("One that drips its rows does not hold up a statement beyond its time")
    func drip() throws {
        // Twenty seconds, a row each tenth of one; a statement has two fifths, and what an answer may come later.
        let server = try Hostile("for _ in range(200): frame(b'R', b'x'); time.sleep(0.1)")
        let connection = try server.connection(statement: 400)
        let failure = #expect(throws: PostgresFailure.self) { try connection.rows("SELECT 1") }
        #expect(failure?.reason.contains("no answer in time") == true, "\(String(describing: failure))")
    }

    @Test("All that is asked for one thing has one time, the connection among it")
    func together() throws {
        let server = try Hostile("time.sleep(20)")
        let connection = try server.connection(statement: 60_000)
        let failure = #expect(throws: PostgresFailure.self) {
            try connection.within(3_000) { try connection.rows("SELECT 1") }
        }
        #expect(failure?.reason.contains("no answer in time") == true, "\(String(describing: failure))")
    }

    @Test(
        "What is run once more may have been done the first time, whatever is said of the second; without a connection nothing was"
    )
    func certain() throws {
        let refusal = "frame(b'E', b'42501', b'permission denied'); order()"
        let plain = try Hostile(refusal)
        let refused = #expect(throws: PostgresFailure.self) {
            try plain.connection(statement: 5_000).run("SELECT 1")
        }
        #expect(refused?.state == "42501" && refused?.isCertain == true, "the control")
        // Its second statement loses the connection; the next one refuses.
        let server = try Hostile(
            """
            import os
            mark = __file__ + ".second"
            if os.path.exists(mark):
                \(refusal)
            open(mark, "w").close()
            frame(b"D", b"0")
            order()
            frame(b"E", b"", b"server closed the connection unexpectedly")
            """
        )
        defer { try? FileManager.default.removeItem(atPath: server.path + ".second") }
        let connection = try server.connection(statement: 5_000)
        try connection.run("SELECT 1")
        let again = #expect(throws: PostgresFailure.self) { try connection.run("SELECT 1") }
        #expect(again?.state == "42501" && again?.isCertain == false, "\(String(describing: again))")
        let none = PostgresConnection(
            PostgresAccess(
                try PostgresLocation(Self.location),
                password: nil,
                program: "/nonexistent/bailey-postgres"
            )
        )
        let unsent = #expect(throws: PostgresFailure.self) { try none.run("SELECT 1") }
        #expect(unsent?.state == "" && unsent?.isCertain == true, "\(String(describing: unsent))")
    }

    @Test(
        "One that gives more than few rows is not believed, and its table is read in bounded memory all the same"
    )
    func flood() throws {
        let server = try Hostile("for _ in range(80): frame(b'R', bytes(1 << 20))")
        let connection = try server.connection(statement: 60_000)
        let failure = #expect(throws: PostgresFailure.self) { try connection.rows("SELECT 1") }
        #expect(failure?.reason.contains("where few rows are asked for") == true)
        var count = 0
        try connection.run("SELECT 1") { _ in count += 1 }
        #expect(count == 80)
    }
}
