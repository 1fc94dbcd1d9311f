import Foundation
import Glibc
import TestSupport
import Testing

extension Escapes {
    /// Section E: environment and credentials.
    @Suite("Environment and credentials", .serialized)
    struct EnvironmentTests {
        /// Nobody else's, also where another test process runs on this machine.
        static let canary = "canary4711value\(getpid())"

        @Test(
            "E01: a secret in the caller's environment does not reach the agent",
            arguments: Standing.possible
        )
        func secretVariable(standing: Standing) throws {
            let place = try Place(for: standing.starter)
            let secret = ["MY_TOKEN": Self.canary]
            let outcome = try place.agent("env; cat /proc/self/environ", at: standing, environment: secret)
            #expect(outcome.code == 0 && outcome.output.contains("HOME="))
            #expect(!outcome.output.contains(Self.canary))
            #expect(try place.control("env", environment: secret).output.contains(Self.canary))
        }

        @Test("E04: no process of the host's shows the environment or a profile in its arguments")
        func hostArguments() throws {
            let place = try Place()
            try place.profile("setting", "extends: [base]\nenv: {set: {GIVEN: \(Self.canary)}}\n")
            let running = try place.running("echo \"$GIVEN\"; read wait", profile: "setting")
            #expect(running.awaitOutput(Self.canary))
            let shown = try place.control("cat /proc/[0-9]*/cmdline | tr '\\0' ' '").output
            #expect(shown.contains("read wait") && !shown.contains(Self.canary))
            running.write(Data("\n".utf8))
            #expect(running.finish().code == 0)
        }

        @Test("E05: the memory of init holds nothing that can be read", arguments: Standing.possible)
        func initMemory(standing: Standing) throws {
            let place = try Place(for: standing.starter)
            try place.arm(with: attacker("e05"))
            let secret = ["MY_TOKEN": Self.canary]
            let needle = shifted(Self.canary)
            let outcome = try place.agent("./e05 1 \(needle)", at: standing, environment: secret)
            #expect(outcome.code == 1 && outcome.errors.contains("mem: Permission denied"), "\(outcome)")
            // The same program reads a process that it may read.
            let victim = "sleep 20 & v=$!; until [ -r /proc/$v/mem ]; do :; done; sleep 0.2"
            let control = try place.control("\(victim); ./e05 $v \(needle); kill $v", environment: secret)
            #expect(control.output.contains("REACHED"), "\(control)")
        }

        @Test("E06: init cannot be debugged", arguments: Standing.possible)
        func debugger(standing: Standing) throws {
            let place = try Place(for: standing.starter)
            try place.arm(with: attacker("e06"))
            let outcome = try place.agent("./e06 1", at: standing)
            #expect(outcome.code == 1 && !outcome.output.contains("REACHED"), "\(outcome)")
            #expect(try place.control("sleep 20 & ./e06 $!; kill -9 $!").output.contains("REACHED"))
        }

        @Test(
            "E08 E09 E10 E11 E14: hooks, handles, tokens and proxies of the caller are dropped",
            arguments: [
                ["BASH_ENV", "ENV", "PROMPT_COMMAND", "PS4", "IFS", "CDPATH"],
                ["PYTHONSTARTUP", "PYTHONPATH", "NODE_OPTIONS", "PERL5OPT", "RUBYOPT", "JAVA_TOOL_OPTIONS"],
                [
                    "GIT_SSH_COMMAND", "GIT_CONFIG_COUNT", "EDITOR", "PAGER", "LESSOPEN", "LD_PRELOAD",
                    "LD_AUDIT",
                ],
                [
                    "SSH_AUTH_SOCK", "GPG_AGENT_INFO", "DBUS_SESSION_BUS_ADDRESS", "DISPLAY", "TMUX",
                    "DOCKER_HOST",
                ],
                [
                    "XDG_RUNTIME_DIR", "KUBECONFIG", "NOTIFY_SOCKET", "LISTEN_FDS", "SUDO_USER",
                    "VSCODE_IPC_HOOK_CLI",
                ],
                [
                    "AWS_SECRET_ACCESS_KEY", "GITHUB_TOKEN", "NPM_TOKEN", "OPENAI_API_KEY", "DB_PASSWORD",
                    "XDATA",
                ],
                ["HTTP_PROXY", "https_proxy", "NO_PROXY", "no_proxy", "ALL_PROXY", "GRPC_PROXY"],
            ],
            Standing.possible
        )
        func dropped(names: [String], standing: Standing) throws {
            let place = try Place(for: standing.starter)
            let values = Dictionary(uniqueKeysWithValues: names.map { ($0, "/nowhere/\(Self.canary)") })
            let outcome = try Command.run(
                ["env"] + values.map { "\($0)=\($1)" } + place.command(["/usr/bin/env"], at: standing),
                environment: place.environment,
                directory: place.workspace
            )
            #expect(outcome.code == 0)
            #expect(!outcome.output.contains(Self.canary), "\(outcome)")
            let control = try Command.run(
                ["/usr/bin/env"],
                environment: place.environment.merging(values.filter { !$0.key.hasPrefix("LD_") }) { $1 },
                directory: "/"
            )
            #expect(control.output.contains(Self.canary) || names.contains("LD_PRELOAD"))
        }

        @Test("E08: a function exported by the caller's shell is not imported")
        func exportedFunction() throws {
            let place = try Place()
            let function = ["BASH_FUNC_ls%%": "() { echo hooked; }"]
            let inside = try place.bailey(["run", "--", "bash", "-c", "ls"], environment: function)
            #expect(inside.code == 0 && !inside.output.contains("hooked"))
            let outside = try Command.run(["bash", "-c", "ls"], environment: function, directory: "/")
            #expect(outside.output == "hooked\n", "\(outside)")
        }

        @Test("E13: malformed entries are dropped, long ones do no harm")
        func malformed() throws {
            let place = try Place()
            let program = """
                import os,sys
                os.execve(sys.argv[1], sys.argv[1:], {
                    b'PATH': b'/usr/bin:/bin', b'HOME': b'\(place.home)', b'XDG_STATE_HOME': b'\(place.root)/state',
                    b'A\\nLANG': b'forged', b'LC_ALL': b'\\xff\\xfe', b'TZ': b'x' * 120000, b'1BAD': b'y'})
                """
            try place.write(program, to: "launch.py")
            let outcome = try place.control(
                "exec /usr/bin/python3 \(place.root)/launch.py \(place.binary) run -- sh -c 'env | cut -c1-40'"
            )
            #expect(outcome.code == 0, "\(outcome)")
            #expect(!outcome.output.contains("forged") && !outcome.output.contains("BAD"))
            #expect(outcome.output.contains("HOME="))
        }

        @Test("E17 E18: credentials, histories and dot-env files are not there", arguments: Standing.possible)
        func credentialFiles(standing: Standing) throws {
            let place = try Place(for: standing.starter)
            let names = [
                ".ssh/id_ed25519", ".aws/credentials", ".netrc", ".git-credentials", ".config/gh/hosts.yml",
                ".docker/config.json", ".kube/config", ".npmrc", ".pypirc", ".cargo/credentials.toml",
                ".gnupg/private-keys-v1.d/key", ".claude/settings.json", ".codex/auth.json", ".bash_history",
            ]
            for name in names { try place.write(Self.canary, to: "home/\(name)") }
            try place.write(Self.canary, to: ".env")
            let read = "cd ~; cat \(names.joined(separator: " ")) ../.env"
            let outcome = try place.agent(read, at: standing)
            #expect(!outcome.output.contains(Self.canary))
            #expect(
                outcome.errors.split(separator: "\n").count { $0.contains("No such file") } == names.count + 1
            )
            #expect(try place.control(read).output.contains(Self.canary))
        }

        @Test("E17: a profile that grants the whole home directory still does not grant its credentials")
        func grantedHome() throws {
            let place = try Place()
            for name in [".ssh/id_ed25519", ".netrc", ".bash_history", "notes"] {
                try place.write("\(Self.canary) \(name)", to: "home/\(name)")
            }
            try place.profile("homely", "extends: [base]\nfiles: {read: [~]}\n")
            let outcome = try place.agent(
                "cat ~/.ssh/id_ed25519 ~/.netrc ~/.bash_history ~/notes",
                profile: "homely"
            )
            #expect(outcome.output == "\(Self.canary) notes")
        }

        @Test("E20: the agent's own memory does not hold the caller's secrets", arguments: Standing.possible)
        func ownMemory(standing: Standing) throws {
            let place = try Place(for: standing.starter)
            try place.arm(with: attacker("e05"))
            let scan = "./e05 self \(shifted(Self.canary))"
            let secret = ["MY_TOKEN": Self.canary]
            let outcome = try place.agent(scan, at: standing, environment: secret)
            #expect(outcome.code == 1 && outcome.output.contains("nothing found"), "\(outcome)")
            #expect(try place.control(scan, environment: secret).output.contains("REACHED"))
        }

        @Test("E21: no private key is in the agent's view, and what the launcher writes is the user's alone")
        func writtenKeys() throws {
            let place = try Place()
            let places = "/tmp /etc/ssl /dev/shm /.bailey ~"
            let outcome = try place.agent("grep -rlIE 'PRIVATE KEY' \(places) 2>/dev/null; ls -d /.bailey")
            #expect(outcome.lines == ["/.bailey"])
            let loose = try place.control("find '\(place.root)/state/bailey' -perm /077")
            #expect(loose.code == 0 && loose.output.isEmpty, "\(loose)")
        }
    }
}
