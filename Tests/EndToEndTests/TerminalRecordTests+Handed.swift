import Foundation
import TestSupport
import Testing

// A terminal that is in another's hands when its agent ends.
extension EndToEnd.TerminalRecordTests {
    @Test("An agent whose terminal somebody else holds, and writes to, ends all the same, with its record")
    func handed() throws {
        try place.write(
            """
            import os, socket, subprocess, threading
            giver = socket.socket(socket.AF_UNIX); giver.bind("give"); giver.listen()
            child = subprocess.Popen(["bailey", "run", "-p", "plain", "--", "python3", "./given.py"])
            peer, _ = giver.accept()
            _, (slave,), _, _ = socket.recv_fds(peer, 1, 1)
            written = 0
            def flood():
                global written
                try:
                    while written < 1 << 30: written += os.write(slave, b"handed on " * 100)
                except OSError: pass
            thread = threading.Thread(target=flood, daemon=True)
            thread.start()
            # The control: it is the child's terminal, and takes what is written.
            while written < 5000: pass
            peer.close()
            print("ended", child.wait(), flush=True)
            thread.join(60)
            print("flood", "over" if not thread.is_alive() and written < 1 << 30 else "on", flush=True)
            """,
            to: "workspace/holder.py"
        )
        try place.write(
            """
            import socket, sys
            taken = socket.socket(socket.AF_UNIX); taken.connect("give")
            socket.send_fds(taken, [b"x"], [0])
            taken.recv(1)
            sys.exit(7)
            """,
            to: "workspace/given.py"
        )
        let terminal = try terminal("exec python3 ./holder.py")
        #expect(terminal.awaitScreen("flood over"), "\(terminal.screen.suffix(400))")
        #expect(terminal.finish() == 0, "\(terminal.screen.suffix(400))")
        #expect(terminal.screen.contains("ended 7"), "\(terminal.screen.suffix(400))")
        #expect(terminal.screen.contains("handed on "))
        let exits = try place.bailey(["audit", "--json"]).lines.filter { $0.contains("\"kind\":\"exit\"") }
        #expect(exits.count == 2 && exits.count { $0.contains("\"status\":7") } == 1, "\(exits)")
        let (code, all) = try sessions(["--verify"])
        #expect(code == 0 && all.count == 2 && all.allSatisfy { $0.state == "whole" }, "\(all)")
    }
}
