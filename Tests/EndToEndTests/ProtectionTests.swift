import Foundation
import Glibc
import TestSupport
import Testing

extension EndToEnd {
    /// `files.protect`: readable, never writable, also when absent.
    @Suite("Protected paths", .serialized)
    struct ProtectionTests {
        /// What an agent tries against `.git/config` and `.git/hooks` where there is no repository.
        private static let attack = """
            mkdir -p .git/hooks; echo evil > .git/config; echo evil > .git/hooks/pre-commit
            rm -rf .git/hooks .git/config .git; mv .git old; mv .git/config .git/other; mv .git/hooks .git/others
            away=$(mktemp -d); ln -sf $away .git/hooks/x; ln -sfn $away .git; echo evil > $away/c; mv $away/c .git/config
            git init -q .; git config core.fsmonitor evil
            """

        @Test(
            "M23 M24 E06: what is protected and absent cannot be made, moved into place or shadowed",
            arguments: Standing.possible
        )
        func absent(standing: Standing) throws {
            let place = try Place(for: standing.starter)
            let outcome = try place.agent(
                "{ \(Self.attack); } 2>/dev/null; ls -A; find .git -type f -size +0",
                at: standing
            )
            #expect(outcome.output.contains(".git"), "\(outcome)")
            #expect(place.read("workspace/.git/config") == nil, "\(outcome)")
            #expect(try place.control("test -e .git/hooks || test -e old").code != 0, "\(outcome)")
            let control = try place.control("{ \(Self.attack); } 2>/dev/null; cat .git/config; rm -rf $away")
            #expect(control.output.contains("evil"), "\(control)")
        }

        @Test("What stood in for it is gone when the agent has ended, whatever ended it")
        func nothingStays() throws {
            let place = try Place()
            #expect(try place.agent("test -d .git/hooks && test -f .git/config").code == 0)
            #expect(try FileManager.default.contentsOfDirectory(atPath: place.workspace).isEmpty)
            let running = try place.running("echo up; sleep 600")
            #expect(running.awaitOutput("up"))
            #expect(FileManager.default.fileExists(atPath: place.workspace + "/.git/hooks"))
            kill(running.processIdentifier, SIGKILL)
            _ = running.finish()
            #expect(HostProcesses.leftInits(below: place.workspace, within: 60).isEmpty)
            // Nobody was left to tidy up: the next supervisor does, wherever it is started.
            #expect(
                try place.bailey(["run", "-p", "offline", "--allow-degraded", "cpus", "--", "true"]).code == 0
            )
            #expect(try FileManager.default.contentsOfDirectory(atPath: place.workspace).isEmpty)
        }

        @Test(
            "What an agent makes beside it stays, and belongs to the workspace's owner",
            .enabled(if: getuid() == 0)
        )
        func ownersKept() throws {
            let place = try Place()
            chown(place.workspace, 4711, 4712)
            #expect(try place.agent("echo mine > .git/note").code == 0)
            for name in [".git", ".git/note"] {
                let attributes = try FileManager.default.attributesOfItem(
                    atPath: place.workspace + "/" + name
                )
                #expect(attributes[.ownerAccountID] as? UInt32 == 4711, "\(name)")
            }
            #expect(
                try FileManager.default.contentsOfDirectory(atPath: place.workspace + "/.git") == ["note"]
            )
        }

        @Test("A child's protected path holds against the child, where its parent may write")
        func childsOwn() throws {
            let place = try Place()
            try place.profile(
                "top",
                "files: {write: [$WORKSPACE]}\nchildren: {profiles: [leaf], depth: 1, count: 2}\n"
            )
            try place.profile("leaf", "files: {write: [$WORKSPACE], protect: [$WORKSPACE/deep/.envrc]}\n")
            let attack = "mkdir -p deep; echo evil > deep/.envrc; mv deep other"
            let child = try place.agent(
                "bailey run -p leaf -- sh -c '\(attack)'; cat deep/.envrc",
                profile: "top"
            )
            #expect(child.output.isEmpty && place.read("workspace/other/.envrc") == nil, "\(child)")
            #expect(place.read("workspace/deep/.envrc") == nil)
            #expect(try place.agent("\(attack); cat other/.envrc", profile: "top").lines == ["evil"])
        }

        @Test(
            "Beside protected hooks and config git commits, adds work trees and clones",
            arguments: Starter.possible
        )
        func gitWorks(starter: Starter) throws {
            let place = try Place(for: starter)
            let identity = "-c user.name=n -c user.email=e@x"
            let setUp = try place.control(
                "git init -q . && git \(identity) commit -q --allow-empty -m one && touch .git/hooks/kept"
            )
            #expect(setUp.code == 0, "\(setUp)")
            let outcome = try place.agent(
                """
                set -e
                echo text > file; git add file; git \(identity) commit -qm two; git branch side
                git worktree add -q tree side; git clone -q . copy; git -C copy log --oneline | wc -l
                git -C tree \(identity) commit -q --allow-empty -m three; git gc -q; git log --all --oneline | wc -l
                """
            )
            #expect(outcome.code == 0 && outcome.lines == ["2", "3"], "\(outcome)")
            let refused = try place.agent("git config core.fsmonitor evil; echo x > .git/hooks/kept")
            #expect(refused.code != 0, "\(refused)")
            #expect(place.read("workspace/.git/config")?.contains("evil") == false)
            #expect(place.read("workspace/.git/hooks/kept") == "")
        }
    }
}
