import Foundation
import Glibc
import TestSupport
import Testing

extension EndToEnd {
    /// `files.copy`: the agent reads and writes, the host's files stay as they were.
    @Suite("Copies of folders", .serialized)
    struct CopyTests {
        static let script = """
            echo more >> a; rm b; rm -rf gone; mkdir n; echo new > n/f; chmod +x script; ln -sfn b l
            rm d/x; mkdir d/x; echo z > d/x/z; mv d/e d/f; echo end >> d/f/y
            """
        static let changes = [
            "changed a", "deleted b", "deleted d/e", "added d/f", "added d/f/y", "type d/x", "added d/x/z",
            "deleted gone", "changed l", "added n", "added n/f", "mode script",
        ]

        @Test(
            "What an agent changes in a copied folder leaves the host's as it was, and is shown",
            arguments: Standing.possible
        )
        func hostStays(standing: Standing) throws {
            let place = try Place(for: standing.starter)
            try place.fill()
            // Nothing is mounted in the workspace that a child could not be shown: `base` would protect .git.
            for (name, files, below) in [
                ("top", "copy", "mid, leaf"), ("mid", "write", "leaf"),
                ("leaf", standing == .grandchild ? "write" : "copy", ""),
            ] {
                try place.profile(
                    name,
                    "files: {\(files): [$WORKSPACE]}\nchildren: {profiles: [\(below)], depth: 2, count: 4}\n"
                )
            }
            let before = try place.hostState()
            let script = Self.script + "; cat a n/f d/f/y; test ! -e b"
            let launch = place.launcher + ["--profiles", place.profiles, "-p"]
            let words =
                standing == .grandchild
                ? launch + [
                    "top", "--", "bailey", "run", "-p", "mid", "--", "bailey", "run", "-p", "leaf", "--",
                ]
                : launch + ["leaf", "--"]
            let prefix = standing == .container ? ["unshare", "-Ur"] : []
            let outcome = try Command.run(
                standing.starter.prefix + prefix + words + ["sh", "-c", script],
                environment: place.environment,
                directory: place.workspace
            )
            #expect(outcome.code == 0 && outcome.lines == ["one", "more", "new", "y", "end"], "\(outcome)")
            #expect(try place.hostState() == before)
            let copies = try place.copies()
            #expect(copies.count == 1 && copies.first?.kinds == Self.changes, "\(copies)")
            #expect(copies.first?.profile == (standing == .grandchild ? "top" : "leaf"))
            // The same script without a copy changes the host.
            try place.profile("writing", "files: {write: [$WORKSPACE]}\n")
            #expect(try place.agent(script, profile: "writing").code == 0)
            #expect(try place.hostState() != before)
        }

        @Test("At one path copy beats write, and what a profile extends stays protected")
        func precedence() throws {
            let place = try Place()
            try place.fill()
            try place.copying("extends: [base]\n")
            let before = try place.hostState()
            let running = try place.running("echo x > a; echo up; sleep 300.71", profile: "copying")
            #expect(running.awaitOutput("up"))
            // Not even while it runs does anything stand in on the host for what is protected.
            #expect(try place.hostState() == before)
            #expect(try place.copies().first?.running == true)
            kill(running.processIdentifier, SIGTERM)
            _ = running.finish()
            #expect(try place.hostState() == before)
        }

        @Test(
            "M23 M24: in a copy what is protected cannot be made, moved or shadowed, and is never applied",
            arguments: Standing.roots
        )
        func protected(standing: Standing) throws {
            let attack = """
                mkdir -p .git/hooks; echo evil > .git/config; echo evil > .git/hooks/pre-commit
                rm -rf .git/hooks .git/config .git; mv .git old; mv .git/config .git/other; mv .git/hooks .git/others
                ln -sf x .git/hooks/x; mkdir -p .git; echo evil > c; mv -f c .git/config; rm -f c; echo h > .git/HEAD
                """
            let place = try Place(for: standing.starter)
            try place.copying("extends: [base]\n")
            let outcome = try place.agent(
                "{ \(attack); } 2>/dev/null; find .git -type f -size +0 ! -name commondir; cat .git/commondir",
                profile: "copying",
                under: standing
            )
            #expect(outcome.lines == [".git/HEAD", "."], "\(outcome)")
            let copy = try #require(try place.copies().first)
            #expect(copy.kinds == ["added .git", "added .git/HEAD"], "\(copy)")
            // The layer is the user's: what somebody puts there in the agent's stead is refused as well.
            try place.write("evil\n", to: place.layer(of: copy) + "/.git/config")
            chown(place.layer(of: copy) + "/.git/config", ids(of: copy, place).0, ids(of: copy, place).1)
            let refused = try place.bailey(["changes", "--apply", copy.run, "--force"])
            #expect(refused.code == 1 && refused.errors.contains("the profile protects it"), "\(refused)")
            #expect(try place.hostState().isEmpty)
            #expect(try place.control("{ \(attack); } 2>/dev/null; cat .git/config").output.contains("evil"))
        }

        private func ids(of copy: CopiedFolder, _ place: Place) -> (uid_t, gid_t) {
            var status = stat()
            lstat(place.layer(of: copy), &status)
            return (status.st_uid, status.st_gid)
        }

        @Test(
            "M26: an agent finds neither its layer nor another's, and two agents have two",
            arguments: Standing.roots
        )
        func layersHidden(standing: Standing) throws {
            let place = try Place(for: standing.starter)
            try place.fill()
            try place.copying()
            let look = """
                echo mine > a; grep -c bailey/copies /proc/self/mountinfo; ls \(place.root)/state 2>&1; ls -A /.bailey/covered
                find / -xdev -name upper 2>/dev/null; cat a
                """
            let outcome = try place.agent(look, profile: "copying", under: standing)
            #expect(outcome.lines.first == "0" && outcome.lines.last == "mine", "\(outcome)")
            #expect(outcome.lines.count == 3 && outcome.output.contains("No such file"), "\(outcome)")
            let second = try place.agent("cat a", profile: "copying", under: standing)
            #expect(second.lines == ["one"], "\(second)")
            // The second changed nothing, and left nothing.
            #expect(try place.copies().map(\.kinds) == [["changed a"]])
            let copy = try #require(try place.copies().first)
            #expect(FileManager.default.fileExists(atPath: place.layer(of: copy) + "/a"))
            if standing.starter == .this, getuid() == 0 {
                let stranger = try Command.run(
                    Starter.plainUser.prefix + ["ls", place.layer(of: copy)],
                    environment: place.environment,
                    directory: "/"
                )
                #expect(stranger.code != 0, "\(stranger)")
            }
        }

        @Test("M27: a folder's name cannot say anything to overlayfs", arguments: Starter.possible)
        func names(starter: Starter) throws {
            let place = try Place(for: starter)
            let name = #"a:b,c\d"e,upperdir=x"#
            try place.write("one\n", to: "workspace/\(name)/f")
            try place.profile("odd", "files: {copy: ['$WORKSPACE/\(name)']}\n")
            let outcome = try place.agent("cd '\(name)' && echo two > f && cat f", profile: "odd")
            #expect(outcome.code == 0 && outcome.lines == ["two"], "\(outcome)")
            #expect(place.read("workspace/\(name)/f") == "one\n")
            #expect(try place.copies().first?.kinds == ["changed f"])
        }

        @Test(
            "Where overlayfs cannot be had the launch is refused, and nothing is written",
            .enabled(if: getuid() == 0)
        )
        func refused() throws {
            let place = try Place()
            try place.fill()
            try place.copying()
            let before = try place.hostState()
            // Overlayfs does not take overlayfs for its upper layer.
            let state = place.root + "/state"
            let script = """
                mkdir -p \(place.root)/l \(place.root)/o/u \(place.root)/o/w && mount -t overlay o \
                -o lowerdir=\(place.root)/l,upperdir=\(place.root)/o/u,workdir=\(place.root)/o/w \(state) && \
                exec \(place.binary) run -p copying --profiles \(place.profiles) -- sh -c 'echo ran; echo x > a'
                """
            let outcome = try Command.run(
                ["unshare", "-m", "sh", "-c", script],
                environment: place.environment,
                directory: place.workspace
            )
            #expect(outcome.code == 125 && outcome.output.isEmpty, "\(outcome)")
            for part in ["overlayfs", place.workspace, "errno 22", "XDG_STATE_HOME"] {
                #expect(outcome.errors.contains(part), "\(part): \(outcome)")
            }
            #expect(try place.hostState() == before)
            #expect(try place.agent("echo ran", profile: "copying").lines == ["ran"])
        }

        @Test("What is no folder, is not there, or has something mounted in it is not copied")
        func unfit() throws {
            let place = try Place()
            try place.fill()
            for (path, part) in [
                ("a", "files.copy takes folders"), ("absent", "is not there"),
                ("l", "files.copy takes folders"),
            ] {
                try place.profile("odd", "files: {read: [$WORKSPACE], copy: [$WORKSPACE/\(path)]}\n")
                let outcome = try place.agent("echo ran", profile: "odd")
                #expect(
                    outcome.code == 125 && outcome.output.isEmpty && outcome.errors.contains(part),
                    "\(outcome)"
                )
            }
            guard getuid() == 0 else { return }
            try place.copying()
            let script = """
                mount -t tmpfs none d && exec \(place.binary) run -p copying --profiles \(place.profiles) -- cat d/x
                """
            let outcome = try Command.run(
                ["unshare", "-m", "sh", "-c", script],
                environment: place.environment,
                directory: place.workspace
            )
            #expect(
                outcome.code == 125 && outcome.errors.contains("mounted in it, at \(place.workspace)/d"),
                "\(outcome)"
            )
            #expect(try place.agent("cat d/x", profile: "copying").lines == ["x"])
        }

        @Test(
            "A supervisor that is killed leaves a copy that can be shown and applied",
            arguments: Starter.possible
        )
        func killed(starter: Starter) throws {
            let place = try Place(for: starter)
            try place.fill()
            try place.copying()
            let running = try place.running("echo x > a; echo up; sleep 300.72", profile: "copying")
            #expect(running.awaitOutput("up"))
            let live = try #require(try place.copies().first)
            for words in [["--apply", live.run], ["--discard", live.run]] {
                let early = try place.bailey(["changes"] + words)
                #expect(early.code == 1 && early.errors.contains(": the agent lives"), "\(early)")
            }
            // With the prefix there is one process more, which becomes Bailey.
            kill(running.processIdentifier, SIGKILL)
            _ = running.finish()
            #expect(HostProcesses.left(with: "300.72", within: 60).isEmpty)
            #expect(place.read("workspace/a") == "one\n")
            let copy = try #require(try place.copies().first)
            #expect(!copy.running && copy.kinds == ["changed a"])
            let applied = try place.bailey(["changes", "--apply", copy.run])
            #expect(applied.code == 0 && place.read("workspace/a") == "x\n", "\(applied)")
            #expect(try place.bailey(["changes"]).output.isEmpty)
        }
    }
}
