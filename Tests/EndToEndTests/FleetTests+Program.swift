import Foundation
import Glibc
import TestSupport
import Testing

// bailey-postgres by itself, spoken with as Bailey does.
extension EndToEnd.FleetTests {
    /// The program beside bailey-core, of the build or of an installation.
    private func program() throws -> String {
        let folder = URL(filePath: Binary.path).deletingLastPathComponent().path(percentEncoded: false)
        let places = ["\(folder)/bailey-postgres", "\(folder)/../libexec/bailey/bailey-postgres"]
        return try #require(places.first { FileManager.default.isExecutableFile(atPath: $0) }, "\(places)")
    }

    @Test("bailey-postgres is gone when its owner is, also while a server that says nothing is waited for")
    func orphaned() throws {
        try place.write(
            """
            import socket, struct, subprocess, sys
            listener = socket.create_server(("127.0.0.1", 0))
            ours, theirs = socket.socketpair()
            program = subprocess.Popen([sys.argv[1]], stdin=theirs, stdout=theirs, env={})
            theirs.close()
            port = str(listener.getsockname()[1])
            words = ["host", "127.0.0.1", "port", port, "sslmode", "disable", "gssencmode", "disable"]
            frame = b"C" + b"".join(b"t" + struct.pack(">I", len(word)) + word.encode() for word in words)
            ours.sendall(struct.pack(">I", len(frame)) + frame)
            silent = listener.accept()
            ours.close()
            try:
                program.wait(60)
                print("gone")
            except subprocess.TimeoutExpired:
                program.kill()
                print("stays")
            """,
            to: place.root + "/owner.py"
        )
        let outcome = try place.control("python3 '\(place.root)/owner.py' '\(program())'")
        #expect(outcome.code == 0 && outcome.output == "gone\n", "\(outcome)")
    }

    @Test(
        "bailey-postgres reads nothing of the user's but what a connection needs, and has bounded memory",
        .enabled(if: Kernel.wallsChildren, "\(Kernel.childrenWall)")
    )
    func confined() throws {
        let password = LogDatabase.role.password
        try place.write("*:*:*:*:\(password)\n", to: place.root + "/passwords", mode: 0o600)
        try place.write(
            """
            import socket, struct, subprocess, sys
            program, port, name, passwords = sys.argv[1:5]
            def trial(*more):
                ours, theirs = socket.socketpair()
                process = subprocess.Popen([program], stdin=theirs, stdout=theirs, env={})
                theirs.close()
                words = ["host", "127.0.0.1", "port", port, "dbname", name, "user", "bailey", "sslmode", "require",
                    "sslrootcert", "/nonexistent", "sslcert", "/nonexistent", "sslcrl", "/nonexistent"] + list(more)
                frame = b"C" + b"".join(b"t" + struct.pack(">I", len(word)) + word.encode() for word in words)
                ours.sendall(struct.pack(">I", len(frame)) + frame)
                answer = ours.recv(4096)[4:]
                limits = open(f"/proc/{process.pid}/limits").read().split("\\n")
                print(answer[:1].decode(), *[line.split()[3] for line in limits if line.startswith("Max address space")])
                ours.close()
                process.wait()
            trial("passfile", passwords)
            trial("passfile", "/nonexistent", "password", "\(password)")
            """,
            to: place.root + "/confined.py"
        )
        let port = database.server.port
        let words =
            "'\(place.root)/confined.py' '\(try program())' \(port) \(database.name) '\(place.root)/passwords'"
        let outcome = try place.control("python3 \(words)")
        #expect(outcome.code == 0 && outcome.lines == ["E 536870912", "D 536870912"], "\(outcome)")
        let client =
            "psql -XAtq 'host=127.0.0.1 port=\(port) dbname=\(database.name) user=bailey sslmode=require' -c 'SELECT 1'"
        let control = try place.control(client, environment: ["PGPASSFILE": place.root + "/passwords"])
        #expect(control.output == "1\n", "the control: the file has the password; \(control)")
    }

    @Test("Where bailey-postgres is missing nothing runs, and it is said what to do")
    func missing() throws {
        let other = try Place()
        let configuration = other.configuration + "/bailey.yaml"
        try other.write("bailey: 1\n", to: configuration)
        // A copy of the programs, without this one.
        let source = URL(filePath: other.binary).deletingLastPathComponent().path(percentEncoded: false)
        let made = try other.control(
            "mkdir '\(other.root)/programs' && cd '\(other.root)/programs' && cp '\(source)bailey' '\(source)bailey-core' '\(source)bailey-init' . "
                + "&& cp -rL '\(source)profiles' ."
        )
        try #require(made.code == 0, "\(made)")
        func agent(_ script: String) throws -> Outcome {
            try Command.run(
                ["\(other.root)/programs/bailey", "run"] + Kernel.options + ["--", "sh", "-c", script],
                environment: other.environment,
                directory: other.workspace
            )
        }
        let control = try agent("true")
        #expect(control.code == 0, "the control: \(control)")
        let url = "postgresql://bailey@127.0.0.1:\(database.server.port)/\(database.name)?sslmode=disable"
        try other.write("bailey: 1\naudit: {postgres: {url: \"\(url)\"}}\n", to: configuration)
        let outcome = try agent("touch ran")
        #expect(outcome.code == 125, "\(outcome)")
        #expect(outcome.errors.contains("bailey-postgres cannot be run"), "\(outcome)")
        #expect(outcome.errors.contains("run 'make install' again"), "\(outcome)")
        #expect(!FileManager.default.fileExists(atPath: other.workspace + "/ran"))
    }
}
