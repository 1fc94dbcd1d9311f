import Foundation
import Testing

extension EndToEnd {
    /// What `syscalls` of a profile does to real programs.
    @Suite("System calls", .serialized)
    struct SystemCallTests {
        let place: Place

        init() throws {
            place = try Place()
            try place.profile("plain", "extends: [base]\nchildren: {profiles: [\"*\"], depth: 2, count: 4}\n")
            try place.profile("tight", "extends: [plain]\nsyscalls: strict\n")
            try place.profile("none", "extends: [plain]\nsyscalls: default\n")
            try place.profile("mine", "extends: [plain]\nsyscalls: quiet\n")
            try policy("quiet", default: "allow", "{\"calls\": [\"splice\", \"tee\"], \"answer\": \"EPERM\"}")
        }

        private func policy(_ name: String, default rest: String, _ rules: String) throws {
            try place.write(
                "{\"bailey\": 1, \"architecture\": \"x86_64\", \"default\": \"\(rest)\", \"groups\": "
                    + "[{\"name\": \"g\", \"reason\": \"R.\", \"rules\": [\(rules)]}]}",
                to: "profiles/seccomp/\(name).json"
            )
        }

        /// A Python line that makes one call and prints 0 or errno.
        private func call(_ arguments: String) -> String {
            "python3 -c 'import ctypes; c = ctypes.CDLL(None, use_errno=True); "
                + "print(0 if c.syscall(\(arguments)) >= 0 else ctypes.get_errno())'"
        }

        /// Each program in the way it is used, ending in a word that only success prints.
        private static let programs: [(String, String)] = [
            (
                "coreutils",
                """
                set -e; echo b > a; echo a >> a; cp -p a b; mv b c; ln -s a l; ln a h; mkdir -p d/e; cp -r d f
                sort a | uniq -c >/dev/null; touch -d 2020-01-01 a; chmod 640 a; stat -c %a a | grep -q 640
                ls -la . >/dev/null; df . >/dev/null; du -s . >/dev/null; head -c 100000 /dev/zero | sha256sum >/dev/null
                mkfifo p; (echo x > p) & cat p >/dev/null; wait; dd if=/dev/zero of=z bs=4k count=2 2>/dev/null
                truncate -s 9 z; install -m 600 z y; shred -u y; nice -n 1 timeout 60 env true; rm -r d f
                find . -name a | xargs grep -q b; tar cf t.tar a l; tar xf t.tar; gzip -f c; sed -i s/b/c/ a; echo fine
                """
            ),
            (
                "sh and bash",
                """
                sh -c 'trap "exit 0" TERM; kill $$'; bash -c 'set -em; sleep 5 & kill %1; wait || true; coproc cat;
                read x < <(echo y); test $x = y; ulimit -n 64; (exit 3) || test $? = 3; echo fine'
                """
            ),
            (
                "git",
                """
                set -e; export GIT_AUTHOR_NAME=a GIT_AUTHOR_EMAIL=a@b GIT_COMMITTER_NAME=a GIT_COMMITTER_EMAIL=a@b
                git init -q r; cd r; for i in 1 2 3; do echo $i > f$i; git add .; git commit -qm $i; done
                git checkout -q -b x; echo y > g; git add .; git commit -qm y; git checkout -q -; git merge -q x
                git rebase -q x; git stash -q || true; git gc -q; git fsck 2>/dev/null; git diff HEAD~1 >/dev/null
                cd ..; git clone -q r s; cd s; git fetch -q; git push -q origin HEAD:z; git worktree add -q ../w; echo fine
                """
            ),
            (
                "python",
                """
                cat > t.py <<'END'
                import asyncio, concurrent.futures, fcntl, mmap, multiprocessing, os, pty, shutil, signal, sqlite3
                import socket, subprocess, tempfile, threading
                def square(x): return x * x
                async def run():
                    process = await asyncio.create_subprocess_exec("true")
                    await process.wait()
                    server = await asyncio.start_server(lambda r, w: w.close(), "127.0.0.1", 0)
                    reader, _ = await asyncio.open_connection(*server.sockets[0].getsockname())
                    await reader.read()
                if __name__ == "__main__":
                    subprocess.run(["true"], check=True, start_new_session=True)
                    with multiprocessing.Pool(2) as pool: assert pool.map(square, [1, 2]) == [1, 4]
                    with concurrent.futures.ThreadPoolExecutor() as pool: list(pool.map(square, [1, 2]))
                    folder = tempfile.mkdtemp()
                    base = sqlite3.connect(folder + "/x.db")
                    base.execute("pragma journal_mode=wal")
                    base.execute("create table t(a)")
                    base.commit()
                    base.close()
                    shutil.rmtree(folder)
                    asyncio.run(run())
                    mmap.mmap(-1, 4096).flush()
                    with open("lock", "w") as lock:
                        fcntl.flock(lock, fcntl.LOCK_EX)
                        os.fsync(lock.fileno())
                    signal.setitimer(signal.ITIMER_REAL, 60)
                    try: socket.getaddrinfo("nobody.invalid", 443)
                    except OSError: pass
                    pty.spawn(["true"])
                    print("fine")
                END
                python3 t.py
                """
            ),
            (
                "make and gcc",
                """
                set -e; echo '#include <stdio.h>' > m.c; echo 'int main(void) { puts("fine"); return 0; }' >> m.c
                printf 'all: m o\\nm: m.c\\n\\tgcc -O2 -pipe -o m m.c\\no: m.c\\n\\tgcc -flto -o o m.c\\n' > Makefile
                make -sj2; ./o >/dev/null; ./m
                """
            ),
            (
                "curl",
                """
                python3 -c 'import http.server
                s = http.server.HTTPServer(("127.0.0.1", 8099), http.server.SimpleHTTPRequestHandler)
                print("up", flush=True); s.handle_request(); s.handle_request()' 2>/dev/null | (read up
                echo fine > page; curl -sS -o /dev/null http://localhost:8099/page; curl -sS http://127.0.0.1:8099/page)
                """
            ),
        ]

        @Test("strict has room for real programs", arguments: programs.map(\.0))
        func realPrograms(name: String) throws {
            let script = try #require(Self.programs.first { $0.0 == name }?.1)
            let outcome = try place.agent(script, profile: "tight")
            #expect(outcome.code == 0 && outcome.lines.last == "fine", "\(outcome)")
        }

        @Test(
            "strict refuses what the same program may under default",
            arguments: [
                ("135, 0xffffffff", "personality"), ("275, 0, 0, 1, 0, 0, 0", "splice"),
                ("319, b\"x\", 0", "memfd_create"),
                ("41, 16, 3, 0", "netlink"), ("203, 0, 128, b\"\\xff\" * 128", "sched_setaffinity"),
                ("29, 0x5ba11e1, 8, 0o1600", "shmget"), ("157, 29, 1, 0, 0, 0", "PR_SET_TIMERSLACK"),
            ]
        )
        func refusals(arguments: String, name: String) throws {
            #expect(try place.agent(call(arguments), profile: "plain").output == "0\n", "\(name)")
            #expect(try place.agent(call(arguments), profile: "tight").output == "1\n", "\(name)")
        }

        @Test("A policy of the operator's adds its refusals, and nothing else is taken")
        func named() throws {
            let splice = call("275, 0, 0, 1, 0, 0, 0")
            #expect(try place.agent(splice, profile: "plain").output == "0\n")
            #expect(try place.agent(splice, profile: "mine").output == "1\n")
            #expect(try place.agent(call("135, 0xffffffff"), profile: "mine").output == "0\n")
        }

        @Test("Init and the command are under both filters")
        func both() throws {
            let count = "grep -h Seccomp_filters /proc/1/status /proc/self/status | tr -cd '0-9\\n'"
            func filters(_ profile: String) throws -> [Int] {
                try place.agent(count, profile: profile).lines.compactMap { Int($0) }
            }
            let outside = try place.control("grep -h Seccomp_filters /proc/self/status | tr -cd '0-9\\n'")
                .lines
            let before = try #require(outside.first.flatMap { Int($0) })
            #expect(try filters("plain") == [before + 1, before + 1])
            for profile in ["tight", "mine"] { #expect(try filters(profile) == [before + 2, before + 2]) }
        }

        @Test("A policy that refuses what filters are loaded with is loaded, and default behind it")
        func unloadable() throws {
            try policy("shut", default: "allow", "{\"calls\": [\"seccomp\"], \"answer\": \"EPERM\"}")
            try place.profile("shut", "extends: [plain]\nsyscalls: shut\n")
            #expect(try place.agent(call("317, 0, 1, 0"), profile: "plain").output == "22\n")
            #expect(try place.agent(call("317, 0, 1, 0"), profile: "shut").output == "1\n")
            #expect(try place.agent(call("272, 0"), profile: "shut").output == "1\n")
            #expect(try place.agent(call("435, 0, 0"), profile: "shut").output == "38\n")
        }

        @Test(
            "A policy that refuses what keeps init apart from the command runs nothing",
            arguments: ["prctl", "fcntl"]
        )
        func needed(name: String) throws {
            try policy("bare", default: "allow", "{\"calls\": [\"\(name)\"], \"answer\": \"EPERM\"}")
            try place.profile("bare", "extends: [plain]\nsyscalls: bare\n")
            let outcome = try place.agent("touch ran", profile: "bare")
            #expect(outcome.code == 126 && outcome.errors.contains("Operation not permitted"), "\(outcome)")
            #expect(place.read("workspace/ran") == nil)
            #expect(
                try place.agent("touch ran", profile: "mine").code == 0 && place.read("workspace/ran") != nil
            )
        }

        @Test("profile check and a launch refuse a policy that makes too long a filter")
        func tooLong() throws {
            // Within every limit of the reader: 128 calls of four comparisons each, and 896 of none.
            let rules = (0..<1024).map { number in
                let values = (0..<4).map {
                    "\"0x" + String((number << 2 | $0) * 0x1_0000_0001, radix: 16) + "\""
                }
                let when =
                    "\"when\": [{\"argument\": 0, \"mask\": \"0xffff0000ffff\", \"in\": [\(values.joined(separator: ", "))]}], "
                return "{\"calls\": [{\"name\": \"c\(number)\", \"number\": \(1000 + 3 * number)}], "
                    + (number < 128 ? when : "") + "\"answer\": \"\(number % 2 == 0 ? "EPERM" : "ENOSYS")\"}"
            }
            try policy("long", default: "allow", rules.joined(separator: ", "))
            try place.profile("long", "extends: [plain]\nsyscalls: long\n")
            let checked = try place.bailey(["profile", "check", "\(place.profiles)/seccomp/long.json"])
            #expect(checked.code == 65 && checked.errors.contains("4096 instructions"), "\(checked)")
            let launched = try place.agent("touch ran", profile: "long")
            #expect(launched.code == 125 && launched.errors.contains("4096 instructions"), "\(launched)")
            #expect(place.read("workspace/ran") == nil)
        }

        @Test("A policy of the operator's that allows everything allows no more than default")
        func wideOpen() throws {
            let names = try Set(
                String(contentsOfFile: "/usr/include/x86_64-linux-gnu/asm/unistd_64.h", encoding: .utf8)
                    .matches(of: /__NR_(\w+) (\d+)/).map { String($0.output.1) }
            )
            #expect(names.count > 350)
            let calls = names.sorted().map { "\"\($0)\"" }.joined(separator: ", ")
            try policy("open", default: "EPERM", "{\"calls\": [\(calls)], \"answer\": \"allow\"}")
            try place.profile("open", "extends: [base]\nsyscalls: open\n")
            // unshare of nothing, mount, ptrace(PTRACE_TRACEME), bpf: each would be something else without the filter.
            for arguments in ["272, 0", "165, 0, 0, 0, 0, 0", "101, 0, 0, 0, 0", "321, -1, 0, 0"] {
                #expect(try place.agent(call(arguments), profile: "open").output == "1\n", "\(arguments)")
            }
            #expect(try place.control(call("272, 0")).output == "0\n")
            #expect(try place.agent(call("435, 0, 0"), profile: "open").output == "38\n")
        }

        @Test("A policy that is not there or does not read whole refuses the launch with its place")
        func broken() throws {
            try policy("quiet", default: "allow", "{\"calls\": [\"splcie\"], \"answer\": \"EPERM\"}")
            let unread = try place.agent("touch ran", profile: "mine")
            #expect(unread.code == 125 && unread.errors.contains("seccomp/quiet.json:1:"), "\(unread)")
            #expect(unread.errors.contains("did you mean \"splice\"?"), "\(unread)")
            try place.profile("lost", "extends: [base]\nsyscalls: strickt\n")
            let lost = try place.agent("touch ran", profile: "lost")
            #expect(lost.code == 125 && lost.errors.contains("lost.yaml:4:11"), "\(lost)")
            #expect(lost.errors.contains("did you mean \"strict\"?"), "\(lost)")
            #expect(place.read("workspace/ran") == nil)
        }

        @Test("No file replaces a built-in policy")
        func shadowed() throws {
            let all = "{\"calls\": [\"read\"], \"answer\": \"EPERM\"}"
            for name in ["strict", "default"] { try policy(name, default: "allow", all) }
            #expect(try place.agent("echo fine", profile: "none").output == "fine\n")
            #expect(try place.agent(call("135, 0xffffffff"), profile: "tight").output == "1\n")
        }

        @Test(
            "A child's policy is never wider than its parent's",
            arguments: [
                ("tight", "none", "syscalls default"), ("tight", "mine", "syscalls quiet"),
                ("mine", "none", "syscalls default: splice"),
            ]
        )
        func wider(parent: String, child: String, what: String) throws {
            // The agent's own text: of an operator's profile it would hear no more than the key.
            let text = try #require(place.read("profiles/\(child).yaml"))
            try place.write(text, to: "workspace/own.yaml")
            let outcome = try place.agent("bailey run -p ./own.yaml -- touch ran", profile: parent)
            #expect(outcome.code == 125 && outcome.errors.contains(what), "\(outcome)")
            let named = try place.agent("bailey run -p \(child) -- touch ran", profile: parent)
            #expect(named.code == 125 && named.errors.contains("syscalls: as '\(child)'"), "\(named)")
            #expect(place.read("workspace/ran") == nil)
        }

        @Test(
            "A child's policy may be as narrow as its parent's or narrower, and what it leaves out is the parent's",
            arguments: [
                ("plain", "tight", true), ("tight", "tight", true), ("tight", "plain", true),
                ("mine", "tight", true),
                ("mine", "plain", false), ("plain", "plain", false),
            ]
        )
        func narrower(parent: String, child: String, isStrict: Bool) throws {
            let personality = call("135, 0xffffffff")
            try place.write(personality, to: "workspace/script")
            let outcome = try place.agent("bailey run -p \(child) -- sh ./script", profile: parent)
            #expect(outcome.output == (isStrict ? "1\n" : "0\n"), "\(outcome)")
        }

        @Test("A child that leaves it out is refused what its parent's own policy refuses")
        func inherited() throws {
            try place.write(call("275, 0, 0, 1, 0, 0, 0"), to: "workspace/script")
            let outcome = try place.agent("bailey run -p plain -- sh ./script", profile: "mine")
            #expect(outcome.output == "1\n", "\(outcome)")
        }

        @Test("The spawn record says which policy")
        func record() throws {
            for profile in ["plain", "tight", "mine"] { _ = try place.agent("true", profile: profile) }
            let spawns = try place.bailey(["audit", "--json"]).output.split(separator: "\n")
                .filter { $0.contains("\"kind\":\"spawn\"") }
            try #require(spawns.count == 3)
            #expect(spawns[0].contains("\"systemCalls\":\"default\""), "\(spawns[0])")
            #expect(spawns[1].contains("\"systemCalls\":\"strict\""), "\(spawns[1])")
            #expect(spawns[2].firstMatch(of: /"systemCalls":"quiet [0-9a-f]{64}"/) != nil, "\(spawns[2])")
        }
    }
}
