import Audit
import Foundation
import PostgresLink
import Testing

/// What is known of others' revocations while their database says nothing of them.
@Suite(
    .enabled(if: FileManager.default.isExecutableFile(atPath: "/usr/bin/python3"), "needs python3")
)
struct FleetSilenceTests {
    /// In the place of bailey-postgres: the first reading finds nothing, and each one behind it fails.
    private static let program = """
        #!/usr/bin/python3
        import os, socket, struct
        stream = socket.socket(fileno=0).makefile("rwb")
        def frame(letter, *fields):
            body = letter + b"".join(b"b" + struct.pack(">I", len(field)) + field for field in fields)
            stream.write(struct.pack(">I", len(body)) + body)
            stream.flush()
        while True:
            order = stream.read(struct.unpack(">I", stream.read(4))[0])
            if b"server_encoding" in order:
                frame(b"R", b"UTF8")
            if b"bailey_record" in order:
                if os.path.exists(__file__ + "-read"):
                    frame(b"E", b"XX000", b"gone")
                    continue
                open(__file__ + "-read", "w").close()
            frame(b"D", b"0")
        """

    @Test func `nothing is known of who was revoked when nothing could be read for thirty seconds`() throws {
        let state = try StateFixture()
        let store = try state.open()
        let path = state.path + "/bailey-postgres"
        try state.write(Data(Self.program.utf8), to: "bailey-postgres")
        try FileManager.default.setAttributes([.posixPermissions: 0o700], ofItemAtPath: path)
        let access = PostgresAccess(
            try PostgresLocation("postgresql://u@h/d?sslmode=disable"),
            password: nil,
            program: path
        )
        store.share(with: FleetPlan(access, trust: [String(repeating: "0", count: 64)])) { _ in }
        let start = Date()
        var failure: (any Error)?
        while failure == nil, Date().timeIntervalSince(start) < 180 {
            do {
                #expect(try store.revokedElsewhere("user:alice") == nil)
                Thread.sleep(forTimeInterval: 0.2)
            } catch {
                failure = error
            }
        }
        let words = "\(try #require(failure))"
        #expect(words.contains("has not been read for") && words.contains("gone"), "\(words)")
        #expect(
            Date().timeIntervalSince(start) > 29,
            "it is not refused at once: a database may be away for a moment"
        )
    }
}
