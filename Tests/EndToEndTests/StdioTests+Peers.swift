import Foundation
import TestSupport
import Testing

// Who is at the other side of a stream, and what becomes of the others.
extension EndToEnd.StdioTests {
    private func python(_ program: String, profile: String = "plain") throws -> Outcome {
        try place.write(program, to: "workspace/peer.py")
        return try run("exec python3 ./peer.py", profile: profile)
    }

    @Test("A prompt without a line's end and what is typed come through at once, in both directions")
    func interactive() throws {
        let outcome = try python(
            """
            import os, select, statistics, subprocess, time
            child = subprocess.Popen(["bailey", "run", "-p", "leaf", "--", "cat"], stdin=subprocess.PIPE,
                stdout=subprocess.PIPE, bufsize=0)
            def said(text):
                begun = time.monotonic()
                child.stdin.write(text)
                got = b""
                while len(got) < len(text) and select.select([child.stdout], [], [], 60)[0]:
                    got += os.read(child.stdout.fileno(), 100)
                print(got == text)
                return time.monotonic() - begun
            # It has begun.
            said(b"up")
            taken = [said(text) for text in [b"Password:", b"name", b"x", b"50%", b" \\\\", b"&", b"y/n"]]
            for text in [b"s3", b"ghp_"]: said(text)
            print("at once", statistics.median(taken) < 1)
            child.stdin.close()
            print(child.stdout.read(), child.wait())
            """
        )
        let through = Array(repeating: "True", count: 10)
        #expect(outcome.lines == through + ["at once True", "b'' 0"], "\(outcome)")
    }

    @Test("A child whose output nobody reads holds up itself alone, and ends when it is told to")
    func unread() throws {
        let outcome = try python(
            """
            import subprocess, time
            run = ["bailey", "run", "-p", "leaf", "--"]
            stuck = [subprocess.Popen(run + ["yes"], stdout=subprocess.PIPE) for _ in range(2)]
            # It has an output that is full.
            ended = subprocess.Popen(run + ["head", "-c", "150000", "/dev/zero"], stdout=subprocess.PIPE)
            print(subprocess.run(run + ["echo", "through"], capture_output=True, text=True, timeout=60).stdout.strip())
            end = time.monotonic() + 60
            while any(child.poll() is None for child in stuck) and time.monotonic() < end:
                for child in stuck: child.terminate()
                time.sleep(0.05)
            print([child.poll() for child in stuck])
            print(len(ended.stdout.read()), ended.wait(60))
            """
        )
        #expect(outcome.lines == ["through", "[143, 143]", "150000 0"], "\(outcome)")
    }

    @Test("A front-end that is told to end does not wait for a reader of what its child left")
    func interrupted() throws {
        let outcome = try python(
            """
            import subprocess, time
            # What fits into the pipes between, so that the child has ended, and what does not.
            for count in 200000, 3000000:
                child = subprocess.Popen(
                    ["bailey", "run", "-p", "leaf", "--", "sh", "-c", f"echo up >&2; head -c {count} /dev/zero"],
                    stdout=subprocess.PIPE, stderr=subprocess.PIPE)
                child.stderr.readline()
                end = time.monotonic() + 60
                while child.poll() is None and time.monotonic() < end:
                    child.terminate()
                    time.sleep(0.05)
                print("ended", child.poll() is not None)
            """
        )
        #expect(outcome.lines == ["ended True", "ended True"], "\(outcome)")
    }

    @Test("A child's output that somebody else holds, and writes to, does not keep it from ending")
    func handed() throws {
        try place.write(
            """
            import socket, sys
            taken = socket.socket(socket.AF_UNIX); taken.connect("give")
            socket.send_fds(taken, [b"x"], [1])
            taken.recv(1)
            sys.exit(7)
            """,
            to: "workspace/given.py"
        )
        let outcome = try python(
            """
            import os, socket, subprocess, threading, time
            giver = socket.socket(socket.AF_UNIX); giver.bind("give"); giver.listen()
            child = subprocess.Popen(["bailey", "run", "-p", "leaf", "--", "python3", "./given.py"],
                stdout=subprocess.PIPE)
            peer, _ = giver.accept()
            _, (output,), _, _ = socket.recv_fds(peer, 1, 1)
            read, written = 0, 0
            def flood():
                global written
                try:
                    while written < 1 << 30: written += os.write(output, b"handed on " * 100)
                except OSError: pass
            def drain():
                global read
                while octets := os.read(child.stdout.fileno(), 65536): read += len(octets)
            threads = [threading.Thread(target=each, daemon=True) for each in (flood, drain)]
            for thread in threads: thread.start()
            # The control: it is the child's output, and is read.
            end = time.monotonic() + 60
            while read < 5000 and time.monotonic() < end: time.sleep(0.01)
            print("read", read >= 5000)
            peer.close()
            print("ended", child.wait(60))
            for thread in threads: thread.join(60)
            print("over", written < 1 << 30)
            """
        )
        #expect(outcome.lines == ["read True", "ended 7", "over True"], "\(outcome)")
    }

    @Test("What a child says goes no further when it is revoked, although it goes on")
    func revoked() throws {
        let talk = "i=0; while :; do i=$((i + 1)); echo $i; echo $i >at; sleep 0.01; done"
        let running = try RunningCommand(
            place.launcher + [
                "-p", "plain", "--", "sh", "-c",
                "bailey run -p leaf -- sh -c '\(talk)' | while read -r i; do echo $i >heard; done; echo over",
            ],
            environment: place.environment.merging(["SERVICE_TOKEN": token]) { $1 },
            directory: place.workspace
        )
        #expect(place.awaits { number(in: "heard") > 5 })
        let child = try #require(try place.living()["leaf"])
        let revocation = try place.bailey(["revoke", child, "--keep-running"])
        #expect(revocation.code == 0, "\(revocation)")
        var last = 0
        #expect(
            place.awaits {
                last = number(in: "at")
                return last > 0
            }
        )
        // It does go on.
        #expect(place.awaits { number(in: "at") > last + 50 })
        #expect(try place.bailey(["kill", child]).code == 0)
        #expect(running.awaitOutput("over"))
        #expect(running.finish().code == 0)
        #expect((5...last + 1).contains(number(in: "heard")))
    }

    private func number(in file: String) -> Int {
        place.read("workspace/" + file).flatMap { Int($0.dropLast()) } ?? 0
    }

    @Test("On a terminal as well, recorded or not", arguments: ["plain", "top"])
    func terminal(profile: String) throws {
        let run = place.launcher + ["-p", profile, "--", "sh", "-c"]
        for (script, isSeen) in [
            ("bailey run -p leaf -- sh -c 'test -t 1 && cat secret'; echo over", false),
            ("cat secret; echo over", true),
        ] {
            let terminal = try TerminalCommand(
                run + [script],
                environment: place.environment.merging(["SERVICE_TOKEN": token]) { $1 },
                directory: place.workspace
            )
            #expect(terminal.awaitScreen("over"), "\(terminal.screen)")
            #expect(terminal.finish() == 0)
            #expect(terminal.screen.contains(token) == isSeen, "\(terminal.screen)")
            #expect(terminal.screen.contains(String(repeating: "*", count: token.utf8.count)) != isSeen)
        }
    }

    @Test("Over the streams that stand for a child's terminal its parent can send octets, and no descriptors")
    func octetsAlone() throws {
        try place.write(
            """
            import os, subprocess, time
            child = subprocess.Popen(["bailey", "run", "-p", "leaf", "--", "cat"])
            folder = f"/proc/{child.pid}/fd"
            def held(kind):
                links = []
                for number in os.listdir(folder):
                    try: links.append(os.readlink(f"{folder}/{number}"))
                    except FileNotFoundError: pass
                return sum(link.startswith(kind + ":") for link in links)
            end = time.monotonic() + 60
            while held("pipe") + held("socket") < 3 and time.monotonic() < end: time.sleep(0.05)
            # One socket is that to the supervisor, which takes none.
            print(f"held {held('socket')} and {held('pipe')}", end="\\r\\n", flush=True)
            child.terminate()
            print(f"over {child.wait()}", end="\\r\\n")
            """,
            to: "workspace/look.py"
        )
        let terminal = try TerminalCommand(
            place.launcher + ["-p", "plain", "--", "python3", "./look.py"],
            environment: place.environment.merging(["SERVICE_TOKEN": token]) { $1 },
            directory: place.workspace
        )
        #expect(terminal.awaitScreen("over"), "\(terminal.screen)")
        #expect(terminal.finish() == 0)
        #expect(terminal.screen.contains("held 1 and 2"), "\(terminal.screen)")
    }

    @Test("A key without a last newline and a token beside punctuation do not come through, whatever follows")
    func unended() throws {
        let body = "MIIEvQIBADANBgkqhkiG9w0"
        let key = "-----BEGIN PRIVATE KEY-----\n\(body)\n-----END PRIVATE KEY-----"
        let token = "16C7e42F292c6912E7710c838347Ae178B4a"
        for (text, secret) in [(key, body), ("(ghp_\(token))", token), ("is ghp_\(token).", token)] {
            try place.write(text, to: "workspace/text")
            let (open, masked) = (try run("cat text"), try run("bailey run -p leaf -- cat text"))
            #expect(open.code == 0 && open.output == text, "the control: \(open)")
            #expect(masked.code == 0 && !masked.output.contains(secret.prefix(8)), "\(masked)")
            #expect(masked.output.utf8.count == text.utf8.count, "\(masked)")
            #expect(try run("cat text | bailey run -p leaf -- cat").output == masked.output)
        }
    }

    @Test("A parent that ends beside a child whose output is full ends its run, and both ends are on record")
    func left() throws {
        let outcome = try python(
            """
            import os, select, subprocess, time
            read, write = os.pipe()
            child = subprocess.Popen(["bailey", "run", "-p", "leaf", "--", "yes"], stdout=write)
            def full(): return not select.select([], [write], [], 0)[1]
            end = time.monotonic() + 60
            while not full() and time.monotonic() < end: time.sleep(0.05)
            print("full", full(), flush=True)
            os._exit(3)
            """
        )
        #expect(outcome.code == 3 && outcome.lines == ["full True"], "\(outcome)")
        let records = try place.bailey(["audit", "--json"])
        #expect(records.lines.count { $0.contains("\"kind\":\"exit\"") } == 2, "\(records)")
    }
}
