import Audit
import Foundation
import Model
import PostgresLink
import Synchronization
import Testing

/// The two that read what was revoked elsewhere, at once: the writer before its first record, and the watch.
@Suite(
    .enabled(if: FileManager.default.isExecutableFile(atPath: "/usr/bin/python3"), "needs python3")
)
struct FleetRaceTests {
    /// In the place of bailey-postgres: whoever listens waits for a file, and gets what a machine has revoked; all others get nothing.
    private static func program(_ machine: StateFixture) -> String {
        """
        #!/usr/bin/python3
        import os, socket, sqlite3, struct, time
        stream = socket.socket(fileno=0).makefile("rwb")
        def octets(value):
            if isinstance(value, int):
                return struct.pack(">q", value)
            return value.encode() if isinstance(value, str) else bytes(value)
        def frame(letter, *values):
            fields = [b"0" if v is None else b"b" + struct.pack(">I", len(octets(v))) + octets(v) for v in values]
            body = letter + b"".join(fields)
            stream.write(struct.pack(">I", len(body)) + body)
            stream.flush()
        listens = False
        while True:
            order = stream.read(struct.unpack(">I", stream.read(4))[0])
            listens = listens or b"LISTEN" in order
            if b"server_encoding" in order:
                frame(b"R", "UTF8")
            if b"has_table_privilege" in order:
                frame(b"R", b"\\0", b"\\1", b"\\1")
            if b"pg_constraint" in order:
                frame(b"R", b"\\1")
            if b"LEFT JOIN LATERAL" in order and listens:
                open(__file__ + "-listens", "w").close()
                while not os.path.exists(__file__ + "-go"):
                    time.sleep(0.01)
                log = sqlite3.connect("\(machine.path)/audit.sqlite")
                log.text_factory = bytes
                record = log.execute("SELECT * FROM records WHERE kind = 'revocation'").fetchone()
                seal = log.execute("SELECT last, first, digests, signature FROM seals WHERE last >= ?", record[:1]).fetchone()
                frame(b"R", *record, *seal)
            frame(b"D", "0")
        """
    }

    @Test
    func
        `whom another machine revokes behind the first reading is told of, also when the watch has begun before that`()
        throws
    {
        let machine = try StateFixture()
        let revocation = RevocationRecord(
            lineage: nil,
            principal: "user:alice",
            by: Sample.principal,
            reason: "the key leaked",
            agents: 0,
            keptRunning: false
        )
        #expect(try machine.open().appendTogether([.revocation(revocation)]).failures.isEmpty)
        guard case .verified(let head) = try machine.verify() else { throw FixtureIsBroken() }

        let state = try StateFixture()
        let store = try state.open()
        try state.write(Data(Self.program(machine).utf8), to: "program")
        let path = state.path + "/program"
        try FileManager.default.setAttributes([.posixPermissions: 0o700], ofItemAtPath: path)
        let location = try PostgresLocation("postgresql://u@h/d?sslmode=disable")
        let access = PostgresAccess(location, password: nil, program: path)
        let told = Mutex(0)
        store.share(with: FleetPlan(access, trust: [head.publicKey])) { _ in told.withLock { $0 += 1 } }
        try awaits { FileManager.default.fileExists(atPath: path + "-listens") }
        // The writer's reading finds nothing: a launch would be allowed behind it.
        #expect(store.appendTogether([Sample.request()]).failures.isEmpty)
        #expect(try store.revokedElsewhere("user:alice") == nil)
        try state.write(Data(), to: "program-go")
        try awaits { told.withLock { $0 } == 1 }
        #expect(try store.revokedElsewhere("user:alice") != nil)
    }

    /// Until it is so, a minute long.
    private func awaits(_ condition: () -> Bool) throws {
        let end = Date(timeIntervalSinceNow: 60)
        while !condition() {
            try #require(Date() < end)
            Thread.sleep(forTimeInterval: 0.01)
        }
    }

    private struct FixtureIsBroken: Error {}
}
