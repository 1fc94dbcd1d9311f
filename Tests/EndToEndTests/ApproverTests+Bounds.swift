import Foundation
import TestSupport
import Testing

/// What one of the approvers may send without end, and costs others nothing.
extension EndToEnd.ApproverTests {
    /// What a program of user 6's does at the approvers' socket; `s` is a connection.
    private func attack(_ script: String) throws -> Outcome {
        let program = """
            import os, socket, struct
            os.setgroups([\(Self.users)]); os.setgid(60); os.setuid(6)
            s = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
            s.settimeout(60)
            s.connect("\(socket)")
            text = lambda words: struct.pack(">i", len(words)) + words.encode()
            def receive():
                try: return s.recv(65536)
                # What was said before the end is there still.
                except ConnectionResetError: return s.recv(65536)
            # A packet has 0 in front where no more follow. Many at once: it is to be over within the minute that is counted.
            def send(count, octets):
                try:
                    for _ in range(count): s.send(bytes([0]) + octets)
                except ConnectionError: pass

            """
        return try Command.run(
            ["python3", "-c", program + script],
            environment: place.environment,
            directory: "/"
        )
    }

    @Test("Who asks for the parts of what was put together once, without end, is sent away")
    func parts() throws {
        let server = try service.serving()
        let running = try service.asking("/a/parts")
        let id = try #require(try place.held(1).first).id
        // 9 is to show all of one, from an octet on: 50 looks for the first part, and one for each other, of 6,000.
        let outcome = try attack(
            """
            def look(start): return bytes([9]) + text("\(id)") + struct.pack(">Q", start)
            send(1, look(0))
            told, seen = receive(), 0
            while told and b"than anybody reads" not in told and seen < 100_000:
                if seen % 16 == 0: send(16, look(1))
                told, seen = receive(), seen + 1
            print(5_951 <= seen < 100_000, receive())
            """
        )
        #expect(outcome.code == 0 && outcome.output == "True b''\n", "\(outcome)")
        // The control: somebody else is shown it, and answers.
        let groups = [Self.users, Self.source]
        #expect(try approvals(5, groups: groups, ["show", id]).code == 0)
        #expect(try approvals(5, groups: groups, ["approve", id]).code == 0)
        #expect(running.finish().output == "200")
        service.end(server)
    }

    @Test("Who answers more often than anybody reads is sent away, and others' answers count")
    func answersWithoutEnd() throws {
        let server = try service.serving()
        let running = try service.asking("/a/answers")
        let id = try #require(try place.held(1).first).id
        // 8 is a denial, of what nobody has asked.
        let outcome = try attack(
            """
            told, seen = b"", 0
            while b"answers within" not in told and seen < 1_000:
                send(1, bytes([8, 0]) + text("none") + bytes(3))
                told, seen = receive(), seen + 1
            print(121 <= seen < 1_000, receive())
            """
        )
        #expect(outcome.code == 0 && outcome.output == "True b''\n", "\(outcome)")
        #expect(try approvals(5, groups: [Self.users, Self.source], ["approve", id]).code == 0)
        #expect(running.finish().output == "200")
        service.end(server)
    }
}
