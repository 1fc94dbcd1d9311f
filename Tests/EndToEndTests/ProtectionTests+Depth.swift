import Foundation
import Glibc
import TestSupport
import Testing

extension EndToEnd {
    /// `files.protect` with `**`: what is there when the agent is launched, at any depth.
    @Suite("Protected at any depth", .serialized)
    struct DeepProtectionTests {
        private static let git = "git -c user.name=n -c user.email=e@x -c protocol.file.allow=always"
        /// A repository of the host's below the workspace, one with a submodule, and a linked work tree.
        private static let repositories = """
            set -e; git init -q group/inner; git -C group/inner config maintenance.auto false
            \(git) -C group/inner commit -q --allow-empty -m one
            git init -q ../origin; \(git) -C ../origin commit -q --allow-empty -m one
            git init -q .; \(git) submodule --quiet add "$PWD/../origin" libs/module; \(git) commit -qm two
            git worktree add -q linked
            """
        /// Each way to have the host's next command in a repository run `../ran`'s maker.
        private static let attack = """
            hook() { mkdir -p "$1"; printf '#!/bin/sh\\ntouch "%s/ran"\\n' "$PWD" > "$1/pre-commit"; chmod +x "$1/pre-commit"; }
            for folder in group/inner/.git .git/modules/libs/module .git/worktrees/linked .git; do
              hook $folder/hooks; echo "[core] hooksPath=$PWD/evil" >> $folder/config
              mkdir -p evil; hook evil; hook evil/hooks; echo "$PWD/evil" > $folder/commondir
            done
            cp -r .git/objects .git/refs .git/HEAD evil; echo "[core] hooksPath=$PWD/evil" > evil/config
            echo "gitdir: $PWD/evil" > libs/module/.git; echo "gitdir: $PWD/evil" > linked/.git
            move() { perl -e 'exit !rename $ARGV[0], $ARGV[1]' "$1" "$2"; }
            move group old; mkdir -p group/inner; cp -r old/inner/. group/inner; hook group/inner/.git/hooks
            move libs/module libs/old; move linked elsewhere; move .git/modules modules
            """
        /// What the host does then.
        private static let host = """
            for folder in group/inner libs/module linked .; do
              \(git) -C $folder commit -q --allow-empty -m host
            done; test ! -e ran || echo RAN
            """

        @Test(
            "M23 M24: no Git folder that is there is made to run what an agent wrote, at any depth",
            arguments: Standing.possible
        )
        func repositories(standing: Standing) throws {
            let place = try Place(for: standing.starter)
            #expect(try place.control(Self.repositories).code == 0)
            _ = try place.agent("{ \(Self.attack); } 2>/dev/null", at: standing)
            let host = try place.control(Self.host)
            #expect(host.output.isEmpty, "\(host)")
            #expect(place.read("workspace/evil/pre-commit") != nil, "the attack did not come so far")
            let control = try place.control("{ \(Self.attack); } 2>/dev/null; \(Self.host)")
            #expect(control.output.contains("RAN"), "\(control)")
        }

        @Test("M24: an absent commondir cannot be made to lead Git elsewhere", arguments: Standing.possible)
        func commonFolder(standing: Standing) throws {
            let place = try Place(for: standing.starter)
            let set = "git init -q .; git init -q inner"
            #expect(try place.control(set).code == 0)
            let attack = """
                for folder in .git inner/.git; do
                  test -d evil || cp -r .git evil; rm -f evil/commondir evil/config
                  printf '[core]\\nfsmonitor = touch %s/ran; false\\n' "$PWD" > evil/config
                  rm -f $folder/commondir; echo "$PWD/evil" > $folder/commondir; cp evil/config $folder/config
                done
                """
            let agent = try place.agent("{ \(attack); } 2>/dev/null", at: standing)
            let host = "git status -s; git -C inner status -s; test ! -e ran || echo RAN"
            #expect(try place.control(host).output.contains("RAN") == false, "\(agent)")
            #expect(place.read("workspace/.git/commondir") == nil)
            #expect(place.read("workspace/inner/.git/commondir") == nil)
            let control = try place.control("{ \(attack); } 2>/dev/null; \(host)")
            #expect(control.output.contains("RAN"), "\(control)")
        }

        /// Repositories whose Git folder, configuration or hooks are not where most have them.
        private static let unusual = """
            set -e; git init -q --bare bare; git init -q --separate-git-dir="$PWD/store" apart
            git init -q own; \(git) -C own commit -q --allow-empty -m one; git -C own worktree add -q ../tree
            git -C own config extensions.worktreeConfig true
            git init -q led; git -C led config include.path ../team.conf; : > led/team.conf
            git init -q hooked; git -C hooked config core.hooksPath .hooks; mkdir hooked/.hooks
            git init -q group/.bare; mv group/.bare/.git group/git; rmdir group/.bare; echo "gitdir: ./git" > group/.git
            git -C group config core.hooksPath later/hooks
            printf '#!/bin/sh\ntouch "%s/ran.$1"\n' "$PWD" > evil; chmod +x evil
            """
        private static let unusualAttack = """
            watch() { printf '[core]\nfsmonitor = %s/evil %s; false\n' "$PWD" "$2" >> "$1"; }
            hook() { mkdir -p "${1%/*}"; printf '#!/bin/sh\n%s/evil %s\n' "$PWD" "$2" > "$1"; chmod +x "$1"; }
            hook bare/hooks/pre-receive bare; watch store/config apart
            watch own/.git/config.worktree own; watch own/.git/worktrees/tree/config.worktree tree
            watch led/team.conf led; hook hooked/.hooks/pre-commit hooked; hook group/later/hooks/pre-commit group
            """
        private static let unusualHost = """
            for folder in apart own tree led; do git -C $folder status -s; done >/dev/null 2>&1
            for folder in hooked group; do \(git) -C $folder commit -q --allow-empty -m host; done >/dev/null 2>&1
            git -C own push -q ../bare HEAD:refs/heads/x$$ 2>/dev/null; ls | grep ran || true
            """

        @Test(
            "M23 M24: a Git folder of another name, a configuration that is included and hooks elsewhere are protected",
            arguments: Standing.possible
        )
        func unusualRepositories(standing: Standing) throws {
            let place = try Place(for: standing.starter)
            let made = try place.control(Self.unusual)
            #expect(made.code == 0, "\(made)")
            let agent = try place.agent("{ \(Self.unusualAttack); } 2>/dev/null; echo tried", at: standing)
            #expect(agent.lines.last == "tried", "\(agent)")
            let host = try place.control(Self.unusualHost)
            #expect(host.output.isEmpty, "\(host)")
            #expect(place.read("workspace/group/later") == nil)
            let control = try place.control("\(Self.unusualAttack); \(Self.unusualHost)")
            let names = ["apart", "bare", "group", "hooked", "led", "own", "tree"]
            #expect(control.lines == names.map { "ran." + $0 }, "\(control)")
        }

        @Test(
            "With hooks elsewhere and a bare repository git commits, pushes and adds work trees",
            arguments: Starter.possible
        )
        func unusualWork(starter: Starter) throws {
            let place = try Place(for: starter)
            #expect(try place.control(Self.unusual).code == 0)
            let outcome = try place.agent(
                """
                set -e
                for folder in apart own tree led hooked group; do
                  echo text > $folder/file; git -C $folder add file; \(Self.git) -C $folder commit -qm more
                done
                git -C own push -q ../bare HEAD:refs/heads/x; git clone -q -b x bare copy; git -C copy log --oneline | wc -l
                git -C own worktree add -q ../more; git -C group worktree add -q ../other; git -C bare gc -q
                """
            )
            #expect(outcome.code == 0 && outcome.lines == ["2"], "\(outcome)")
        }

        @Test(
            "In a protected repository git commits, adds work trees, updates and clones",
            arguments: Starter.possible
        )
        func gitWorks(starter: Starter) throws {
            let place = try Place(for: starter)
            #expect(try place.control(Self.repositories).code == 0)
            let outcome = try place.agent(
                """
                set -e
                for folder in group/inner libs/module linked; do
                  echo text > $folder/file; git -C $folder add file; \(Self.git) -C $folder commit -qm more
                  git -C $folder log --oneline | wc -l
                done
                git -C group/inner worktree add -q ../tree; git clone -q group/inner copy; git -C group/inner gc -q
                \(Self.git) -C copy commit -q --allow-empty -m more; git -C copy log --oneline | wc -l
                """
            )
            #expect(outcome.code == 0 && outcome.lines == ["2", "2", "2", "3"], "\(outcome)")
        }

        @Test("What an agent's own clone holds is protected from its child, and stays the agent's")
        func childs() throws {
            let place = try Place()
            try place.nestingProfiles()
            let words = ["run", "--profiles", place.profiles, "-p", "top", "--", "sh", "-c"]
            let write = "echo evil > fresh/.git/hooks/pre-commit"
            let script =
                "git init -q fresh; bailey run -p leaf -- sh -c '\(write)'; cat fresh/.git/hooks/pre-commit"
            let outcome = try place.bailey(words + ["\(script); \(write); cat fresh/.git/hooks/pre-commit"])
            #expect(outcome.errors.contains("Read-only") && outcome.lines == ["evil"], "\(outcome)")
        }

        @Test("A search that one turn is too short for finds what lies at its end")
        func manyFolders() throws {
            let place = try Place()
            let fill =
                "for i in $(seq 3000); do echo d/$((i % 50))/$i; done | xargs mkdir -p; git init -q z/last"
            #expect(try place.control(fill).code == 0)
            let write = "echo evil > z/last/.git/config"
            #expect(try place.agent(write).errors.contains("Read-only"))
            #expect(place.read("workspace/z/last/.git/config")?.contains("evil") == false)
            #expect(try place.control(write).code == 0)
        }

        @Test("More places than a launch takes, and a link in one's stead, refuse it with rule and remedy")
        func refused() throws {
            let place = try Place()
            #expect(try place.control("ln -s elsewhere .git").code == 0)
            let link = try place.agent("echo ran")
            #expect(link.code == 125 && link.output.isEmpty, "\(link)")
            #expect(link.errors.contains("/workspace/.git") && link.errors.contains("-w"), "\(link)")
            #expect(try place.control("rm .git; for i in $(seq 350); do mkdir -p r/$i/.git; done").code == 0)
            let many = try place.agent("echo ran")
            #expect(many.code == 125 && many.output.isEmpty, "\(many)")
            #expect(many.errors.contains("more than 1024 that the profile protects at any depth"), "\(many)")
            #expect(try place.control("find r -mindepth 3; rm -r r/2*").output.isEmpty)
            #expect(try place.agent("echo ran").lines == ["ran"])
            #expect(try place.control("find r -mindepth 3").output.isEmpty)
        }
    }
}
