import Foundation
import Testing

extension EndToEnd {
    /// Channels of the host that are no network, and what of credentials an agent could find.
    @Suite("Host channels", .serialized)
    struct ChannelTests {
        let place: Place

        init() throws {
            place = try .nesting()
        }

        /// Starts a server of the host's, which ends with its input.
        private func started(_ server: String) throws -> RunningCommand {
            let running = try RunningCommand(
                ["python3", "-c", server],
                environment: place.environment,
                directory: place.root
            )
            #expect(running.awaitOutput("up"))
            return running
        }

        /// Answers whoever connects to one of these sockets, until its input ends.
        private func listening(_ names: [String]) -> String {
            """
            import os, select, socket, sys
            listeners = []
            for name in \(names):
                listener = socket.socket(socket.AF_UNIX)
                if name[0] != '@':
                    os.makedirs(os.path.dirname(name), exist_ok=True)
                    listener.bind(name); os.chmod(name, 0o777)
                else: listener.bind(chr(0) + name[1:])
                listener.listen()
                listeners.append(listener)
            print('up', flush=True)
            while True:
                for ready in select.select(listeners + [0], [], [])[0]:
                    if ready == 0: sys.exit()
                    ready.accept()[0].sendall(b'reached')
            """
        }

        private func calling(_ names: [String]) -> String {
            """
            python3 - <<'END'
            import socket
            for name in \(names):
                peer = socket.socket(socket.AF_UNIX)
                peer.settimeout(30)
                try:
                    peer.connect(chr(0) + name[1:] if name[0] == '@' else name)
                    print(peer.recv(7).decode())
                except OSError as error: print('refused')
            END
            """
        }

        @Test(
            "E01 E02: sockets of engines, agents and buses are not there, by no name, and nothing names them"
        )
        func sockets() throws {
            let names = ["docker.sock", "podman/podman.sock", "ssh-agent", "bus", "tmux"].map {
                "\(place.root)/run/\($0)"
            }
            try place.profile("all", "extends: [base]\nenv: {pass: [\"*\"]}\n")
            let environment = [
                "DOCKER_HOST": "unix://\(names[0])", "SSH_AUTH_SOCK": names[2], "TMUX": "\(names[4]),1,0",
                "DBUS_SESSION_BUS_ADDRESS": "unix:path=\(names[3])", "WAYLAND_DISPLAY": "wayland-0",
                "DISPLAY": ":0",
            ]
            let server = try started(listening(names))
            defer { _ = server.finish() }
            _ = try place.control("ln -s \(names[0]) alias")
            let all = names + ["alias"]
            #expect(try place.control(calling(all)).lines == all.map { _ in "reached" }, "the control")
            let script = calling(all) + "\nenv | grep -cE 'DOCKER|SSH_AUTH|TMUX|DBUS|DISPLAY'"
            let outcome = try place.agent(script, profile: "all", environment: environment)
            #expect(outcome.lines == all.map { _ in "refused" } + ["0"], "\(outcome)")
        }

        @Test("E03: an abstract socket of the host's is not there")
        func abstract() throws {
            let name = "@bailey-canary-\(getpid())"
            let server = try started(listening([name]))
            defer { _ = server.finish() }
            #expect(try place.control(calling([name])).lines == ["reached"], "the control")
            #expect(try place.agent(calling([name])).lines == ["refused"])
        }

        @Test("E04: no FIFO, shared memory or temporary file of the host's is shared")
        func shared() throws {
            let marks = ["/tmp/bailey-canary-\(getpid())", "/dev/shm/bailey-canary-\(getpid())"]
            let look =
                "for f in \(marks.joined(separator: " ")); do test -e $f && echo there; done; ipcs -m | grep -c 0x0000beef"
            _ = try place.control("mkfifo \(marks[0]); echo mine >\(marks[1]); ipcmk -M 1 >made")
            defer {
                _ = try? place.control(
                    "rm -f \(marks.joined(separator: " ")); ipcrm -m $(grep -oE '[0-9]+' made)"
                )
            }
            let count = "ipcs -m | grep -c '^0x'"
            #expect(
                try place.control("\(look); [ $(\(count)) -gt 0 ] && echo memory").lines == [
                    "there", "there", "0", "memory",
                ]
            )
            #expect(try place.agent("\(look); \(count)").lines == ["0", "0"])
            // Nor is what an agent leaves there.
            _ = try place.agent("for f in \(marks.joined(separator: ".in ")).in; do echo left >$f; done")
            #expect(try place.control("ls \(marks[0]).in \(marks[1]).in").code != 0)
        }

        @Test("E09: an agent sees none of what it is kept by: configuration, state, keys, records, sockets")
        func ownFolders() throws {
            try place.write("bailey: 1\n", to: "config/bailey/bailey.yaml")
            let script = """
                find / -xdev \\( -name 'audit.*' -o -name bailey.yaml -o -name credentials.yaml -o -name stand-ins \\) 2>/dev/null
                for f in \(place.root)/config \(place.root)/state \(place.root)/run \(place.profiles)
                do test -e $f && echo $f; done
                echo; for f in /.bailey/* /.bailey/bin/*; do test -f $f && echo x >>$f && echo written; done 2>/dev/null; echo end
                """
            let outcome = try place.agent(script)
            #expect(outcome.lines == ["end"], "\(outcome)")
            #expect(
                try place.control("test -e \(place.root)/config && test -e \(place.root)/state").code == 0
            )
        }

        @Test("E09: what a repository brings along as a profile can only narrow")
        func ownProfile() throws {
            try place.write(
                "bailey: 1\nname: leaf\nextends: [base]\negress: [{to: \"https://denied.test\", allow: [GET]}]\n",
                to: "workspace/wide.yaml"
            )
            try place.write("bailey: 1\nname: leaf\nextends: [base]\n", to: "workspace/narrow.yaml")
            let outcome = try place.agent(
                "bailey run -p ./wide.yaml -- echo wide; bailey run -p ./narrow.yaml -- echo narrow",
                profile: "top"
            )
            #expect(
                outcome.lines == ["narrow"] && outcome.errors.contains("https://denied.test"),
                "\(outcome)"
            )
        }

        @Test(
            "E10: a profile that is broken while its agent runs changes nothing for it, and launches nobody else"
        )
        func brokenProfile() throws {
            let servers = try Servers.started()
            try place.write(servers.operatorConfiguration, to: place.configuration + "/bailey.yaml")
            let rule =
                "{to: \"https://allowed.test:\(servers.tlsPort)\", private: true, allow: [\"GET /v1/**\"]}"
            try place.profile("live", "extends: [base]\negress: [\(rule)]\n")
            let ask = { (path: String) in
                "curl -sS -m30 -o /dev/null -w '%{http_code}\\n' https://allowed.test:\(servers.tlsPort)/\(path)"
            }
            let running = try place.running(
                "\(ask("v1/e10")); read line; \(ask("v1/e10")); \(ask("v2/e10"))",
                profile: "live"
            )
            #expect(running.awaitOutput("200"))
            try place.profile("live", "extends: [base]\negress: [{to: \"https://**\", allow: [")
            let other = try place.agent("true", profile: "live")
            #expect(other.code == 125 && other.errors.contains("live.yaml"), "\(other)")
            running.write(Data("\n".utf8))
            #expect(running.finish().lines == ["200", "200", "403"])
        }

        @Test("F03 F22: no command line, environment or proxy setting in an agent holds a secret or a token")
        func commandLines() throws {
            let secret = "s3cr3t-REAL-51fa7c20b9e1"
            let configuration = """
                bailey: 1
                credentials:
                  token: {from: {env: SERVICE_TOKEN}, as: bearer, for: ["https://allowed.test"], placeholder: TOKEN}

                """
            try place.write(configuration, to: place.configuration + "/credentials.yaml", mode: 0o600)
            try place.profile(
                "bound",
                "extends: [base]\negress: [{to: \"https://allowed.test\", allow: [GET], credential: token}]\n"
            )
            let mark = { (text: String) in text.utf8.map { String($0 + 1) }.joined(separator: ",") }
            let script = """
                python3 - <<'END'
                import glob, os
                def told(text): return bytes(n - 1 for n in text)
                secret = told([\(mark(secret))])
                for path in glob.glob('/proc/[0-9]*/cmdline') + glob.glob('/proc/[0-9]*/environ'):
                    try: print(path) if secret in open(path, 'rb').read() else None
                    except OSError: pass
                print(sum('proxy' in name.lower() or '@' in value for name, value in os.environ.items()), 'TOKEN' in os.environ)
                END
                """
            let outcome = try place.agent(script, profile: "bound", environment: ["SERVICE_TOKEN": secret])
            #expect(outcome.lines == ["0 True"], "\(outcome)")
            let control = try place.control(script, environment: ["SERVICE_TOKEN": secret, "TOKEN": ""])
            #expect(control.lines.first?.hasSuffix("/environ") == true, "the control: \(control)")
        }

        @Test("F04: credential files of the home folder are not there")
        func credentialFiles() throws {
            let names = [
                ".aws/credentials", ".ssh/id_ed25519", ".netrc", ".docker/config.json",
                ".config/gh/hosts.yml", ".kube/config",
            ]
            for name in names { try place.write("secret\n", to: "home/\(name)") }
            try place.profile("home", "extends: [base]\nfiles: {read: [\"~\"]}\n")
            let script = "cat \(names.map { "\(place.home)/\($0)" }.joined(separator: " ")) 2>/dev/null"
            #expect(try place.control(script).lines.count == names.count)
            for profile in ["base", "home"] {
                #expect(try place.agent(script, profile: profile).output.isEmpty)
            }
        }

        @Test(
            "F22: who asks is known by the listener: a child that uses its parent's proxy address is the child"
        )
        func identity() throws {
            let servers = try Servers.started()
            try place.write(servers.operatorConfiguration, to: place.configuration + "/bailey.yaml")
            let origin = "https://allowed.test:\(servers.tlsPort)"
            let rule = "egress: [{to: \"\(origin)\", private: true, allow: [\"GET /v1/**\"]}]\n"
            try place.profile(
                "parent",
                "extends: [base]\n\(rule)children: {profiles: [leaf], depth: 1, count: 4}\n"
            )
            try place.profile("leaf", "extends: [base]\n")
            let ask = "curl -sS -m30 -o /dev/null -w '%{http_code}\\n' -x http://127.0.0.1:3128"
            let outcome = try place.agent(
                "\(ask) \(origin)/v1/f22; bailey run -p leaf -- \(ask) -H 'X-Agent: root' \(origin)/v1/f22",
                profile: "parent"
            )
            #expect(outcome.lines == ["200", "403"], "\(outcome)")
            #expect(try place.records(["--denied"]).map(\.lineage).first?.hasSuffix("> leaf") == true)
        }
    }
}
