import Foundation
import Glibc
import Testing

// An agent's control socket in other hands.
extension EndToEnd.DelegationTests {
    /// Functions of a program that speaks the control protocol by itself.
    private static let order = #"""
        import os, socket, struct, subprocess, sys
        def text(value): return struct.pack(">i", len(value.encode())) + value.encode()
        def texts(values): return struct.pack(">i", len(values)) + b"".join(map(text, values))
        def order(profile, argv):
            here = os.getcwd()
            return (b"\0\1" + b"\0" + text(profile) + b"\1" + text("named") + text(here) + b"\0" + text(here)
                + texts(argv) + texts(["PATH=/usr/bin:/bin"]) + b"\0" + struct.pack(">i", 0o022) + b"\0\0")
        def made(): return socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        def launch(control, file):
            """Orders a launch, and says how it ended: exited, or refused and why."""
            control.settimeout(60)
            try: control.sendall(order("one", ["touch", file]))
            except OSError: pass
            while True:
                # A peer that closed with something unread is reported before its last words.
                try: reply, descriptors, _, _ = socket.recv_fds(control, 65536, 4)
                except ConnectionResetError: continue
                for descriptor in descriptors: os.close(descriptor)
                if not reply: return print(file, "closed", flush=True)
                if reply[1] == 2: return print(file, "refused", reply[10:].decode(errors="replace"), flush=True)
                if reply[1] == 3: return print(file, "exited", flush=True)

        """#

    /// The parent hands its child what leads to the parent's control socket, and tries the same by itself.
    private static let giver =
        order + #"""
            way = os.open("/.bailey/control", os.O_PATH)
            giver = socket.socket(socket.AF_UNIX); giver.bind("give"); giver.listen()
            child = subprocess.Popen(["bailey", "run", "-p", "child", "--", "python3", "./taker.py"])
            peer, _ = giver.accept()
            unused, used = made(), made()
            used.connect("/.bailey/control")
            socket.send_fds(peer, [b"x"], [way, unused.fileno(), used.fileno()])
            code = child.wait()
            own = made(); own.connect("/proc/self/fd/%d" % way); launch(own, "by-parent")
            sys.exit(code)

            """#

    private static let taker =
        order + #"""
            taken = socket.socket(socket.AF_UNIX); taken.connect("give")
            _, (way, unused, used), _, _ = socket.recv_fds(taken, 1, 3)
            path = "/proc/self/fd/%d" % way
            own = made(); own.connect("/.bailey/control"); launch(own, "by-itself")
            own = made(); own.connect(path); launch(own, "by-path")
            unused = socket.socket(fileno=unused); unused.connect(path); launch(unused, "by-socket")
            launch(socket.socket(fileno=used), "by-connection")

            """#

    /// Whether the kernel says who connected a socket.
    static let namesPeers: Bool = {
        var (value, size) = (Int32(-1), socklen_t(MemoryLayout<Int32>.size))
        var ends: [Int32] = [-1, -1]
        guard socketpair(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0, &ends) == 0 else { return false }
        defer { for end in ends { close(end) } }
        // SO_PEERPIDFD of asm-generic/socket.h.
        guard getsockopt(ends[0], SOL_SOCKET, 77, &value, &size) == 0 else { return false }
        close(value)
        return true
    }()

    @Test(
        "G13, G15: a child that is handed the way to its parent's control socket is refused there, by name and on record; so is one that connects its parent's own socket",
        .enabled(if: namesPeers, "needs Linux 6.5, which says who connected a socket")
    )
    func parentsControl() throws {
        try place.write(Self.giver, to: "workspace/giver.py")
        try place.write(Self.taker, to: "workspace/taker.py")
        let outcome = try place.agent("python3 ./giver.py", profile: "parent")
        #expect(outcome.code == 0, "\(outcome)")
        func line(_ name: String) -> String {
            outcome.lines.first { $0.hasPrefix(name + " ") } ?? "nothing of \(name): \(outcome)"
        }
        // Its own socket is taken, and its own profile has no children.
        #expect(line("by-itself").contains("refused") && !line("by-itself").contains("is not the agent's"))
        let foreign =
            "refused nothing is launched: a connection to the agent's control socket is not the agent's: "
        #expect(line("by-path").contains(foreign + "it was made in network namespace "), "\(outcome)")
        #expect(line("by-socket").contains(foreign + "a process of another pid namespace"), "\(outcome)")
        // One that the parent made and connected is the parent's, whoever writes into it: what comes over it, it answers for.
        #expect(line("by-connection") == "by-connection exited")
        // The same way is good for the parent itself.
        #expect(line("by-parent") == "by-parent exited")
        for (file, isThere) in [
            ("by-itself", false), ("by-path", false), ("by-socket", false), ("by-connection", true),
            ("by-parent", true),
        ] {
            #expect((place.read("workspace/\(file)") != nil) == isThere, "\(file)")
        }
        #expect(
            try launches() == [["parent"], ["parent", "child"], ["parent", "named"], ["parent", "named"]]
        )
        let records = try place.bailey(["audit"]).lines
        #expect(
            records.count { $0.contains("(not read)") && $0.contains("is not the agent's: ") } == 2,
            "\(records)"
        )
        #expect(try place.bailey(["audit", "verify"]).code == 0)
    }

    @Test(
        "G13: whoever connects to the control socket and may not be looked at is refused for that, and not as one who has ended",
        .enabled(if: namesPeers && getuid() == 0, "needs root, which can be another user, and Linux 6.5")
    )
    func unreadable() throws {
        let place = try Place(for: .plainUser)
        try place.profile("parent", "extends: [base]\nchildren: {profiles: [base], depth: 1, count: 1}\n")
        try place.write(
            """
            import socket
            control = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
            control.settimeout(3)
            control.connect("/.bailey/control")
            try: print(control.recv(65536)[10:].decode(errors="replace"))
            except TimeoutError: print("taken")
            """,
            to: "workspace/ask.py"
        )
        // What runs a program that its user may not read is nobody's to look at but root's (ptrace(2), PTRACE_MODE_READ_FSCREDS).
        let made = try Command.run(
            ["sh", "-c", "install -m 0111 /usr/bin/python3 hidden; install -m 0755 /usr/bin/python3 plain"],
            environment: ["PATH": "/usr/bin:/bin"],
            directory: place.workspace
        )
        #expect(made.code == 0, "\(made)")
        let outcome = try place.agent("./hidden ask.py; ./plain ask.py", profile: "parent")
        #expect(
            outcome.lines.first?.contains(
                "who connected to its control socket cannot be known: Permission denied"
            )
                == true,
            "\(outcome)"
        )
        // The control: the same program where it may be read.
        #expect(outcome.code == 0 && outcome.lines.last == "taken", "\(outcome)")
    }
}
