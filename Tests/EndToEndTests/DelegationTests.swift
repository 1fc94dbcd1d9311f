import Foundation
import Glibc
import Testing

extension EndToEnd {
    /// Who is asking, whatever it does to be taken for another.
    @Suite("Delegation", .serialized)
    struct DelegationTests {
        let place: Place
        let servers: Servers

        init() throws {
            place = try Place()
            servers = try Servers.started()
            try place.write(servers.operatorConfiguration, to: place.configuration + "/bailey.yaml")
            try profile("parent", "GET /**", children: "child, one, two")
            try profile("child", "GET /child/**")
            try profile("one", "GET /one/**")
            try profile("two", "GET /two/**")
        }

        var origin: String { "http://allowed.test:\(servers.httpPort)" }
        let curl = "curl -sS -m60 -o /dev/null"

        private func profile(_ name: String, _ action: String, children: String = "") throws {
            try place.profile(
                name,
                "extends: [base]\negress: [{to: \"\(origin)\", private: true, allow: [\"\(action)\"]}]\n"
                    + (children.isEmpty ? "" : "children: {profiles: [\(children)], depth: 3, count: 8}\n")
            )
        }

        /// Launches on record, as the agents of their lineages, root first.
        func launches() throws -> [[String]] {
            struct Line: Decodable {
                struct Entry: Decodable {
                    struct Lineage: Decodable {
                        struct Hop: Decodable { let name: String }
                        let ancestors: [Hop]
                        let agent: Hop
                    }
                    let lineage: Lineage
                }
                let kind: String
                let record: Entry
            }
            return try place.bailey(["audit", "--json"]).lines.compactMap { line in
                guard let line = try? JSONDecoder().decode(Line.self, from: Data(line.utf8)),
                    line.kind == "spawn"
                else { return nil }
                return (line.record.lineage.ancestors + [line.record.lineage.agent]).map(\.name)
            }
        }

        @Test("G08: a process with the number of one that was killed, in another agent, is the other agent")
        func sameProcessNumber() throws {
            try place.write(
                "echo $$; \(curl) -w '%{http_code}\\n' \(origin)/one/g08 \(origin)/two/g08; kill -9 $$",
                to: "workspace/asks"
            )
            let outcome = try place.agent(
                "for profile in one two one two; do bailey run -p $profile -- sh ./asks; done; true",
                profile: "parent"
            )
            let (numbers, codes) = (
                outcome.lines.filter { $0.count < 3 }, outcome.lines.filter { $0.count == 3 }
            )
            #expect(numbers.count == 4 && Set(numbers).count == 1, "\(outcome)")
            #expect(codes == ["200", "403", "403", "200", "200", "403", "403", "200"], "\(outcome)")
            let records = try place.records()
            #expect(records.count == 8 && Set(records.map(\.agent)).count == 4, "\(records)")
            for record in records {
                let isOwn = record.record.action == "GET /\(record.record.levels[1].profile)/g08"
                #expect(record.verdict == (isOwn ? "allow" : "deny"), "\(record)")
            }
        }

        @Test(
            "G09: whoever has a connection when it is asked for something, the agent that opened it is asking",
            arguments: ["exec", "fork", "hand over", "exit"]
        )
        func processRaces(race: String) throws {
            try place.write(
                """
                import os, socket, sys
                def ask(up, path):
                    up.sendall(b"GET /%s HTTP/1.1\\r\\nHost: allowed.test:\(servers.httpPort)\\r\\nConnection: close\\r\\n\\r\\n" % path.encode())
                    reply = b""
                    while piece := up.recv(4096): reply += piece
                    print(reply.split()[1].decode(), flush=True)
                def finish(up, path):
                    if os.fork() == 0:
                        ask(up, path)
                        os._exit(0)
                    up.close()
                if sys.argv[1] == "ask":
                    ask(socket.socket(fileno=int(sys.argv[2])), sys.argv[3])
                    sys.exit()
                for turn in range(10):
                    for path in ["child/g09", "parent/g09"]:
                        up = socket.create_connection(("allowed.test", \(servers.httpPort)))
                        if sys.argv[1] == "exec" and os.fork() == 0:
                            os.set_inheritable(up.fileno(), True)
                            os.execv("/usr/bin/python3", ["harmless", "race.py", "ask", str(up.fileno()), path])
                        elif sys.argv[1] == "fork":
                            finish(up, path)
                        elif sys.argv[1] == "hand over":
                            ours, theirs = socket.socketpair()
                            if os.fork() == 0:
                                os.setsid()
                                message, descriptors, _, _ = socket.recv_fds(theirs, 1, 1)
                                ask(socket.socket(fileno=descriptors[0]), path)
                                os._exit(0)
                            socket.send_fds(ours, [b"x"], [up.fileno()])
                        elif sys.argv[1] == "exit":
                            # Who opened it is gone, and who sends was its grandchild.
                            if os.fork() == 0:
                                finish(up, path)
                                os._exit(0)
                        up.close()
                        try:
                            while True: os.wait()
                        except ChildProcessError: pass
                """,
                to: "workspace/race.py"
            )
            let outcome = try place.agent(
                "bailey run -p child -- sh -c 'python3 ./race.py \"\(race)\"; while [ $(ls -d /proc/[0-9]* | wc -l) -gt 4 ]; do sleep 0.02; done'",
                profile: "parent"
            )
            #expect(outcome.lines.count { $0 == "200" } == 10, "\(outcome)")
            #expect(outcome.lines.count { $0 == "403" } == 10, "\(outcome)")
            let records = try place.records()
            #expect(records.count == 20 && Set(records.map(\.agent)).count == 1, "\(records)")
            #expect(
                records.allSatisfy { $0.record.levels.map(\.profile) == ["parent", "child"] },
                "\(records)"
            )
            #expect(records.allSatisfy { ($0.verdict == "allow") == ($0.record.action == "GET /child/g09") })
        }

        @Test(
            "G13: a child that is handed its parent's network and a connection in it stays in its own network"
        )
        func parentsNetwork() throws {
            try place.write(
                """
                import os, socket, subprocess, sys
                giver = socket.socket(socket.AF_UNIX); giver.bind("give"); giver.listen()
                child = subprocess.Popen(["bailey", "run", "-p", "child", "--", "python3", "./taker.py"])
                peer, _ = giver.accept()
                space = os.open("/proc/self/ns/net", os.O_RDONLY)
                up = socket.create_connection(("allowed.test", \(servers.httpPort)))
                socket.send_fds(peer, [b"x"], [space, up.fileno()])
                print(os.readlink("/proc/self/ns/net"), flush=True)
                sys.exit(child.wait())
                """,
                to: "workspace/giver.py"
            )
            try place.write(
                """
                import ctypes, os, socket, subprocess
                taken = socket.socket(socket.AF_UNIX); taken.connect("give")
                _, (space, up), _, _ = socket.recv_fds(taken, 1, 2)
                libc = ctypes.CDLL(None, use_errno=True)
                print("setns", libc.setns(space, 0x40000000), os.readlink("/proc/self/fd/%d" % space), flush=True)
                print("own", os.readlink("/proc/self/ns/net"), flush=True)
                request = "GET /given/g13 HTTP/1.1\\r\\nHost: allowed.test:\(servers.httpPort)\\r\\nConnection: close\\r\\n\\r\\n"
                up = socket.socket(fileno=up); up.sendall(request.encode()); print(up.recv(4096).split()[1].decode(), flush=True)
                up = socket.create_connection(("allowed.test", \(servers.httpPort)))
                up.sendall(request.replace("given", "own").encode()); print(up.recv(4096).split()[1].decode(), flush=True)
                """,
                to: "workspace/taker.py"
            )
            let outcome = try place.agent("python3 ./giver.py", profile: "parent")
            #expect(outcome.code == 0, "\(outcome)")
            let parents = try #require(outcome.lines.first { $0.hasPrefix("net:") })
            #expect(outcome.lines.contains("setns -1 \(parents)"), "\(outcome)")
            let own = try #require(outcome.lines.first { $0.hasPrefix("own ") }?.dropFirst(4))
            #expect(own != parents, "\(outcome)")
            #expect(outcome.lines.filter { $0.count == 3 } == ["200", "403"], "\(outcome)")
            // The connection is its giver's, which opened it: what goes over it the giver asks for, and answers for.
            let records = try place.records()
            #expect(records.map(\.record.action) == ["GET /given/g13", "GET /own/g13"], "\(records)")
            #expect(
                records.map { $0.record.levels.map(\.profile) } == [["parent"], ["parent", "child"]],
                "\(records)"
            )
        }

        @Test(
            "G14: whatever is launched at once and however deep, depth and count hold for all of it together"
        )
        func storm() throws {
            try place.profile("worm", "extends: [base]\nchildren: {profiles: [worm], depth: 2, count: 5}\n")
            // As deep as it goes, one below the other; then all at once.
            try place.write(
                """
                echo $1 >> deep
                exec bailey run -p worm -- sh ./ladder $(($1 + 1)) 2>> refused

                """,
                to: "workspace/ladder"
            )
            try place.write(
                """
                echo $1 >> ran
                for i in 1 2 3 4 5 6 7 8 9 10 11 12; do
                    bailey run -p worm -- sh ./worm $(($1 + 1)) 2>> refused &
                done
                wait

                """,
                to: "workspace/worm"
            )
            // One stays until it was counted: a quick machine is done with all others between two looks.
            let stays = "touch stays; for i in $(seq 600); do [ -e seen ] && break; sleep 0.1; done"
            let awaits = "for i in $(seq 600); do [ -e stays ] && break; sleep 0.1; done"
            let running = try place.running(
                """
                sh ./ladder 1
                bailey run -p worm -- sh -c '\(stays)' & \(awaits); sh ./worm 1; sh ./worm 1; wait; echo over; cat
                """,
                profile: "worm"
            )
            var most = 0
            let end = Date(timeIntervalSinceNow: 150)
            while !running.awaitOutput("over", within: 0.2), Date() < end {
                most = max(most, try place.bailey(["ps", "--json"]).lines.count)
                if most > 1 { try place.write("", to: "workspace/seen") }
            }
            #expect(most > 1 && most <= 6, "\(most)")
            // Afterwards there is room again.
            #expect(try place.bailey(["ps", "--json"]).lines.count == 1)
            #expect(running.finish().code == 0)
            #expect(place.read("workspace/deep") == "1\n2\n3\n")
            let levels = Set((place.read("workspace/ran") ?? "").split(separator: "\n").map(String.init))
            #expect(levels.contains("2") && levels.isSubset(of: ["1", "2", "3"]), "\(levels)")
            let refused = place.read("workspace/refused") ?? ""
            #expect(
                refused.contains("children.count") && refused.contains("children.depth"),
                "\(refused.prefix(2_000))"
            )
            #expect(try launches().allSatisfy { $0.count <= 3 })
        }

        @Test("G15: a launch has no field for who asks, and what claims to be one changes nothing")
        func forgedParent() throws {
            try place.write(
                """
                import os, socket, struct, sys
                def text(value): return struct.pack(">i", len(value.encode())) + value.encode()
                def texts(values): return struct.pack(">i", len(values)) + b"".join(map(text, values))
                def order(argv, more=b""):
                    here = os.getcwd()
                    return (b"\\1" + b"\\0" + text("one") + b"\\1" + text("root") + text(here) + b"\\0" + text(here)
                        + texts(argv) + texts(["BAILEY_PARENT=%s" % sys.argv[1], "PATH=/usr/bin:/bin"]) + b"\\0"
                        + struct.pack(">i", 0o022) + b"\\0\\0" + more)
                def send(message):
                    control = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
                    control.connect("/.bailey/control")
                    control.sendall(b"\\0" + message)
                    control.settimeout(60)
                    replies = []
                    while True:
                        reply, descriptors, _, _ = socket.recv_fds(control, 65536, 4)
                        for descriptor in descriptors: os.close(descriptor)
                        if not reply: return replies
                        replies.append(reply[1])
                        if reply[1] in (2, 3): return replies
                print(send(order(["touch", "forged"], text(sys.argv[1]))), os.path.exists("forged"), flush=True)
                print(send(order(["touch", "honest"])), os.path.exists("honest"), flush=True)
                """,
                to: "workspace/forge.py"
            )
            try place.write(
                "bailey: 1\nname: one\nextends: [one]\nparent: root\n",
                to: "workspace/forged.yaml"
            )
            try profile("child", "GET /**", children: "one")
            let outcome = try place.agent(
                """
                bailey run -p child -- sh -c 'python3 ./forge.py \(String(repeating: "0", count: 12)).1
                    BAILEY_AGENT=root BAILEY_PARENT=root bailey run -p one --name root -- touch named; echo $?
                    bailey run -p ./forged.yaml -- touch filed; echo $?'
                """,
                profile: "parent"
            )
            #expect(outcome.code == 0, "\(outcome)")
            #expect(outcome.lines.count == 4 && outcome.lines.suffix(2) == ["0", "125"], "\(outcome)")
            #expect(outcome.lines.first?.hasSuffix("False") == true, "\(outcome)")
            #expect(outcome.lines.dropFirst().first?.hasSuffix("True") == true, "the control: \(outcome)")
            #expect(outcome.errors.contains("\"parent\"") || outcome.errors.contains("parent:"), "\(outcome)")
            #expect(
                try launches() == [
                    ["parent"], ["parent", "child"], ["parent", "child", "root"],
                    ["parent", "child", "root"],
                ]
            )
        }

        @Test(
            "G22: the launcher inside an agent asks the one outside, or refuses; it never launches by itself"
        )
        func nestedLauncher() throws {
            // The operator's own programs, brought along.
            for name in ["bailey", "bailey-core", "bailey-init"] {
                let folder = URL(filePath: Binary.path).deletingLastPathComponent()
                try FileManager.default.copyItem(
                    at: folder.appending(path: name).resolvingSymlinksInPath(),
                    to: URL(filePath: place.workspace + "/mine/" + name, directoryHint: .notDirectory)
                        .creatingFolder()
                )
            }
            let script = """
                for program in bailey ./mine/bailey ./mine/bailey-core; do
                    env -i PATH="$PATH" HOME=/tmp XDG_STATE_HOME=/tmp/state XDG_RUNTIME_DIR=/tmp "$program" run -p one -- touch "ran$?" 2>>errors
                    echo "$program $?"; ls ran* 2>/dev/null; rm -f ran*
                done
                ./mine/bailey serve; echo "serve $?"
                """
            let alone = try place.agent(script, profile: "child")
            #expect(
                alone.lines == ["bailey 125", "./mine/bailey 125", "./mine/bailey-core 125", "serve 64"]
                    || alone.lines.filter { $0.hasPrefix("ran") }.isEmpty
                        && !alone.lines.contains { $0.hasSuffix(" 0") },
                "\(alone)"
            )
            let errors = place.read("workspace/errors") ?? ""
            #expect(errors.contains("child") && errors.contains("children"), "\(errors)")
            #expect(try launches() == [["child"]])
            // Where the profile lets it launch, all three ask for a child of that agent.
            let nested = try place.agent(script, profile: "parent")
            #expect(
                nested.lines.filter { !$0.hasPrefix("serve") } == [
                    "bailey 0", "ran0", "./mine/bailey 0", "ran0", "./mine/bailey-core 0", "ran0",
                ],
                "\(nested)"
            )
            #expect(
                try launches().suffix(4) == [
                    ["parent"], ["parent", "one"], ["parent", "one"], ["parent", "one"],
                ]
            )
            #expect(try place.control("ls -d /tmp/state /tmp/bailey 2>/dev/null").output.isEmpty)
        }
    }
}

extension URL {
    /// The same, once the folder that it is in is there.
    fileprivate func creatingFolder() throws -> URL {
        try FileManager.default.createDirectory(
            at: deletingLastPathComponent(),
            withIntermediateDirectories: true
        )
        return self
    }
}
