import Foundation
import Glibc
import TestSupport
import Testing

extension EndToEnd {
    /// What a run wrote that the host may execute later.
    @Suite("Files that the host may run", .serialized)
    struct WrittenTests {
        private struct Exit: Decodable {
            struct Record: Decodable { let written: Written? }
            struct Written: Decodable {
                let files: [File]
                let more: Int
                let isWhole: Bool
                let unlooked: String?
            }
            struct File: Decodable {
                let path: String
                let reason: String
            }

            let kind: String
            let record: Record
        }

        /// What the last end of a root agent has on record, paths below the workspace.
        private func recorded(_ place: Place) throws -> Exit.Written? {
            let lines = try place.bailey(["audit", "--json"]).lines.filter {
                $0.contains("\"kind\":\"exit\"")
            }
            let exits = try lines.map { try JSONDecoder().decode(Exit.self, from: Data($0.utf8)) }
            return exits.compactMap(\.record.written).last
        }

        private func names(_ written: Exit.Written?, _ place: Place) -> Set<String> {
            Set((written?.files ?? []).map { String($0.path.dropFirst(place.workspace.count + 1)) })
        }

        @Test("What was there and stays as it is, is not listed, and a run that wrote nothing says nothing")
        func quiet() throws {
            let place = try Place()
            let fill = "echo all: > Makefile; cp /bin/true tool; git init -q inner; git init -q ."
            #expect(try place.control(fill).code == 0)
            let outcome = try place.agent("cat Makefile; echo text > data; mkdir folder; git init -q fresh")
            #expect(outcome.code == 0 && outcome.errors.isEmpty, "\(outcome)")
            #expect(try recorded(place)?.files.isEmpty ?? false)
        }

        @Test(
            "Whatever of it an agent writes is listed once at the end, and on record",
            arguments: Standing.possible
        )
        func listed(standing: Standing) throws {
            let place = try Place(for: standing.starter)
            #expect(try place.control("echo all: > Makefile; cp /bin/true tool; mkdir -p .vscode").code == 0)
            let script = """
                echo x >> Makefile; touch tool; echo {} > .vscode/tasks.json; ln -s elsewhere .envrc
                printf '#!/bin/sh\\n' > run; chmod +x run; printf '#!/bin/sh\\n' > text; echo {} > data.json
                git init -q fresh; git -C fresh config core.fsmonitor evil; echo x > fresh/.git/hooks/pre-commit
                git init -q --bare bare; echo x > bare/hooks/post-update; printf '%s\\n' 'import os' > a.pth
                echo "gitdir: elsewhere" > .git 2>/dev/null; mv tool moved
                """
            let outcome = try place.agent(script, at: standing)
            let written = try recorded(place)
            let expected: Set = [
                "Makefile", ".vscode/tasks.json", ".envrc", "run", "fresh/.git/config",
                "fresh/.git/hooks/pre-commit", "bare/hooks/post-update", "a.pth", "moved",
            ]
            #expect(names(written, place) == expected, "\(outcome)")
            #expect(written?.isWhole ?? false)
            #expect(
                outcome.errors.components(separatedBy: "the host may run it later").count == 2,
                "\(outcome)"
            )
            #expect(outcome.errors.contains("workspace/Makefile: make runs it"), "\(outcome)")
        }

        @Test("A list is bounded, what runs by itself comes first, and it says how many more there are")
        func bounded() throws {
            let place = try Place()
            let make =
                "for i in $(seq 300); do printf '#!/bin/sh\\n' > s$i; chmod +x s$i; done; echo > .envrc"
            let outcome = try place.agent(make)
            let lines = outcome.errors.split(separator: "\n")
            #expect(lines.count == 12 && lines[1].contains("/.envrc: direnv"), "\(outcome)")
            #expect(lines.last?.contains("and 291 more") ?? false, "\(outcome)")
            let written = try recorded(place)
            #expect(written?.files.count == 100 && written?.more == 201)
        }

        @Test("A flood of one reason hides no other, and what lies near is in the list")
        func flood() throws {
            let place = try Place()
            let flood = """
                for i in $(seq 300); do mkdir -p d/$i/.git/hooks; echo > d/$i/.git/hooks/pre-commit; done
                mkdir -p z/.git/hooks .idea; echo > z/.git/hooks/pre-commit; echo > .bashrc; echo > .idea/x
                """
            let outcome = try place.agent(flood)
            #expect(
                outcome.errors.contains("/.bashrc: ") && outcome.errors.contains("/.idea/x: "),
                "\(outcome)"
            )
            #expect(outcome.errors.contains("/z/.git/hooks/pre-commit: "), "\(outcome)")
            let written = try recorded(place)
            #expect(written?.files.count == 100 && written?.more == 203)
        }

        @Test(
            "Neither a comment before it, a mode, a link, a missing #! nor a name hides what the host may run",
            arguments: Standing.possible
        )
        func hidden(standing: Standing) throws {
            let place = try Place(for: standing.starter)
            let script = """
                git init -q a; { seq 20000 | sed 's/^/# /'; printf '[core]\\nfsmonitor = evil\\n'; } > a/.git/config
                git init -q b; printf '[remote "o"]\\nurl = ext::evil\\n[protocol "ext"]\\nallow = always\\n' > b/.git/config
                cp /bin/true unread; chmod 111 unread; echo evil > plain; chmod 755 plain
                mkdir store; echo {} > store/tasks.json; ln -s store .vscode; mkdir -p c; ln -s ../store c/workflows
                mkdir -p .git/modules/logs/hooks .github; echo > .git/modules/logs/hooks/pre-commit; ln -s ../store .github/workflows
                mkdir -p .idea/runConfigurations; echo > .idea/runConfigurations/x.xml; echo '{"\\u0073cripts": {}}' > package.json
                """
            let outcome = try place.agent(script, at: standing)
            let expected: Set = [
                "a/.git/config", "b/.git/config", "unread", "plain", ".vscode",
                ".git/modules/logs/hooks/pre-commit",
                ".github/workflows", ".idea/runConfigurations/x.xml", "package.json",
            ]
            let written = try recorded(place)
            #expect(names(written, place) == expected && written?.isWhole ?? false, "\(outcome)")
        }

        @Test(
            "What was written on a file system that has whole seconds alone is listed",
            .enabled(if: Self.mayMount, "needs root, mke2fs and a loop device")
        )
        func wholeSeconds() throws {
            let place = try Place()
            let mount = """
                dd if=/dev/zero of=../image bs=1M count=16 status=none; mke2fs -q -t ext4 -I 128 ../image 2>/dev/null
                mount -t ext4 -o loop ../image .
                """
            #expect(try place.control(mount).code == 0)
            defer { _ = try? place.control("umount ../workspace") }
            let outcome = try place.agent("echo > .envrc; stat -c %z .envrc")
            #expect(outcome.output.contains(".000000000 "), "\(outcome)")
            #expect(try names(recorded(place), place) == [".envrc"], "\(outcome)")
        }

        private static let mayMount =
            getuid() == 0
            && ["/dev/loop-control", "/sbin/mke2fs"].allSatisfy { FileManager.default.fileExists(atPath: $0) }

        @Test("Names that an agent chose write nothing on a terminal")
        func names() throws {
            let place = try Place()
            let outcome = try place.agent("printf x > \"$(printf 'a\\033[31m\\nb.mk')\"")
            #expect(outcome.errors.contains("b.mk") && !outcome.errors.contains("\u{1B}"), "\(outcome)")
            #expect(outcome.errors.split(separator: "\n").count == 2, "\(outcome)")
        }

        @Test("A workspace that one turn is too short for is listed whole, and the operator's patterns count")
        func manyFiles() throws {
            let place = try Place()
            try place.write(
                "bailey: 1\nhost-runs: {\"*.nomad\": \"nomad runs it\"}\n",
                to: "config/bailey/bailey.yaml"
            )
            let fill = "for i in $(seq 3000); do echo d/$((i % 50))/$i; done | xargs mkdir -p"
            #expect(try place.control(fill).code == 0)
            let outcome = try place.agent("echo x > d/49/49/job.nomad; echo x > d/1/1/conftest.py")
            #expect(
                try names(recorded(place), place) == ["d/49/49/job.nomad", "d/1/1/conftest.py"],
                "\(outcome)"
            )
            #expect(outcome.errors.contains("nomad runs it"))
        }

        @Test("Where the operator says off, nobody looks, and the exit record says so")
        func off() throws {
            let place = try Place()
            let configuration = "config/bailey/bailey.yaml"
            try place.write("bailey: 1\nhost-runs: off\n", to: configuration)
            let outcome = try place.agent("echo all: > Makefile")
            #expect(outcome.code == 0 && outcome.errors.isEmpty, "\(outcome)")
            let written = try #require(try recorded(place))
            #expect(written.unlooked == "host-runs: off" && written.files.isEmpty && !written.isWhole)
            let log = try place.bailey(["audit"]).output
            #expect(log.contains("what the host may run was not looked for (host-runs: off)"), "\(log)")
            #expect(try place.bailey(["audit", "verify"]).code == 0)
            try place.write("bailey: 1\nhost-runs: no\n", to: configuration)
            let refused = try place.agent("true")
            #expect(refused.code == 125 && refused.errors.contains("unknown word \"no\""), "\(refused)")
            try place.write("bailey: 1\n", to: configuration)
            #expect(try place.agent("echo all: >> Makefile").errors.contains("make runs it"))
            #expect(try recorded(place)?.unlooked == nil)
        }

        @Test("Beyond the number of files that the operator says, the list says that it was cut")
        func cut() throws {
            let place = try Place()
            #expect(try place.control("for i in $(seq 3000); do echo d/$i; done | xargs mkdir -p").code == 0)
            for (entries, isWhole) in [(2000, false), (20_000, true)] {
                try place.write(
                    "bailey: 1\nhost-runs-entries: \(entries)\n",
                    to: "config/bailey/bailey.yaml"
                )
                let outcome = try place.agent("echo all: >> Makefile")
                #expect(try recorded(place)?.isWhole == isWhole)
                #expect(outcome.errors.contains("not everything was looked at") != isWhole, "\(outcome)")
            }
            try place.write("bailey: 1\nhost-runs-entries: 1000001\n", to: "config/bailey/bailey.yaml")
            #expect(try place.agent("true").errors.contains("from 1 to 1000000"))
        }

        @Test("A copy is not the host's; what is applied of it is listed then")
        func applied() throws {
            let place = try Place()
            try place.profile("copying", "files: {copy: [$WORKSPACE]}\n")
            let outcome = try place.agent("echo x > Makefile", profile: "copying")
            #expect(outcome.errors.isEmpty, "\(outcome)")
            let agent = try #require(try place.copies().first?.agent)
            let applied = try place.bailey(["changes", "--apply", agent])
            #expect(applied.code == 0 && applied.errors.contains("Makefile: make runs it"), "\(applied)")
        }
    }
}
