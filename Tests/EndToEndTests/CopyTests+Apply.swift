import Foundation
import Glibc
import TestSupport
import Testing

extension EndToEnd.CopyTests {
    /// A place where an agent has run a script in a copy, and what it changed.
    private func changed(
        _ script: String,
        for starter: Starter = .this,
        profile more: String = "",
        prepare: (Place) throws -> Void = { _ in }
    ) throws -> (Place, CopiedFolder) {
        let place = try Place(for: starter)
        try place.fill()
        try prepare(place)
        try place.copying(more)
        let outcome = try place.agent(script, profile: "copying")
        #expect(outcome.code == 0, "\(outcome)")
        return (place, try #require(try place.copies().first))
    }

    @Test("Applied, the host has what the agent had, and the copy is gone", arguments: Starter.possible)
    func applied(starter: Starter) throws {
        let (place, copy) = try changed(Self.script, for: starter)
        let (twin, _) = (try Place(for: starter), ())
        try twin.fill()
        #expect(try twin.control(Self.script).code == 0)
        let outcome = try place.bailey(["changes", "--apply", copy.run])
        #expect(outcome.code == 0 && outcome.output == "applied 12 changes\n", "\(outcome)")
        let inspect = "find . ! -name . -printf '%p %y %m %l\\n' | sort; cat a n/f d/f/y d/x/z"
        #expect(try place.control(inspect).output == twin.control(inspect).output)
        #expect(try place.bailey(["changes"]).output.isEmpty)
        let kept = try FileManager.default.contentsOfDirectory(atPath: place.root + "/state/bailey/copies")
        #expect(kept.isEmpty, "\(kept)")
    }

    @Test(
        "What is applied belongs to whom the folder belongs, and has no set-id bit",
        .enabled(if: getuid() == 0)
    )
    func owners() throws {
        let (place, copy) = try changed("echo x >> a; mkdir n; echo f > n/f; ln -s a s") { place in
            _ = try Command.run(
                ["chown", "-Rh", "4711:4712", place.workspace],
                environment: ["PATH": "/usr/bin:/bin"],
                directory: "/"
            )
        }
        chmod(place.layer(of: copy) + "/a", 0o6755)
        chmod(place.layer(of: copy) + "/n", 0o7755)
        #expect(try place.bailey(["changes", "--apply", copy.run]).code == 0)
        let found = try place.control("stat -c '%n %u %g %a' a n n/f s")
        #expect(
            found.lines == ["a 4711 4712 755", "n 4711 4712 755", "n/f 4711 4712 644", "s 4711 4712 777"],
            "\(found)"
        )
    }

    @Test(
        "Where the host's changed since, nothing is applied, unless it is forced",
        arguments: Starter.possible
    )
    func conflicts(starter: Starter) throws {
        let (place, copy) = try changed(
            "echo x > a; echo x > b; rm -rf gone; echo mine > fresh",
            for: starter
        )
        #expect(try place.control("echo theirs > a; echo more > gone/h; echo theirs > fresh").code == 0)
        let before = try place.hostState()
        let refused = try place.bailey(["changes", "--apply", copy.run])
        #expect(refused.code == 1 && refused.errors.contains("nothing was applied"), "\(refused)")
        #expect(refused.errors.contains("--force overrides what changed on the host"), "\(refused)")
        #expect(refused.errors.split(separator: "changed on the host since").count == 4, "\(refused)")
        #expect(!refused.errors.contains("~ b") && refused.errors.contains("~ a"), "\(refused)")
        #expect(try place.hostState() == before)
        // What nothing speaks against is applied by itself; the rest only by force.
        let one = try place.bailey(["changes", "--apply", copy.run, "b"])
        #expect(one.code == 0 && one.output == "applied 1 change, 3 left\n", "\(one)")
        #expect(place.read("workspace/b") == "x\n" && place.read("workspace/a") == "theirs\n")
        let forced = try place.bailey(["changes", "--apply", copy.run, "--force"])
        #expect(forced.code == 0 && place.read("workspace/a") == "x\n", "\(forced)")
        #expect(place.read("workspace/fresh") == "mine\n" && place.read("workspace/gone/h") == nil)
    }

    @Test("With paths only what is at and below them is applied; a path without changes is refused")
    func selected() throws {
        let (place, copy) = try changed(Self.script)
        let before = try place.hostState()
        let unknown = try place.bailey(["changes", "--apply", copy.run, "a", "nothing"])
        #expect(unknown.code == 1 && unknown.errors.contains("no change at or below nothing"), "\(unknown)")
        #expect(try place.hostState() == before)
        let outcome = try place.bailey(["changes", "--apply", copy.agent, "n/f", place.workspace + "/d"])
        #expect(outcome.code == 0, "\(outcome)")
        #expect(place.read("workspace/n/f") == "new\n" && place.read("workspace/d/f/y") == "y\nend\n")
        #expect(place.read("workspace/a") == "one\n")
        #expect(try place.copies().first?.kinds.contains("changed a") == true)
    }

    @Test("Discarded, nothing of it is left, and the host is as it was", arguments: Starter.possible)
    func discarded(starter: Starter) throws {
        let (place, copy) = try changed(
            Self.script + "; mkdir shut; echo x > shut/x; chmod 0 shut",
            for: starter
        )
        let before = try place.hostState()
        #expect(try place.bailey(["changes", "--discard", copy.run]).code == 0)
        #expect(try place.hostState() == before)
        let kept = try FileManager.default.contentsOfDirectory(atPath: place.root + "/state/bailey/copies")
        #expect(kept.isEmpty, "\(kept)")
        let again = try place.bailey(["changes", "--discard", copy.run])
        #expect(again.code == 1 && again.errors.contains("no copy of run or agent"), "\(again)")
    }

    @Test(
        "A crash in the middle loses nothing, and the next try goes on from there",
        arguments: Starter.possible
    )
    func crash(starter: Starter) throws {
        let (place, copy) = try changed(
            "echo x > a; head -c 3000000 /dev/urandom > b; echo y > script; rm -rf gone",
            for: starter
        )
        // The kernel kills it (SIGXFSZ) while it writes what is to become `b`.
        let crashed = try place.control("ulimit -f 1000; \(place.binary) changes --apply \(copy.run)")
        #expect(crashed.code != 0 && crashed.output.isEmpty, "\(crashed)")
        #expect(place.read("workspace/a") == "x\n" && place.read("workspace/b") == "two\n")
        #expect(place.read("workspace/script") == "#!/bin/sh\n" && place.read("workspace/gone/g") == "g\n")
        let left = try FileManager.default.contentsOfDirectory(atPath: place.workspace)
        #expect(left.contains { $0.hasPrefix(".bailey-apply-") }, "\(left)")
        #expect(try place.bailey(["changes", "--apply", copy.run]).code == 0)
        let found = try place.control("cat a script; wc -c < b; test -e gone || ls -A")
        #expect(found.lines == ["x", "y", "3000000", "a", "b", "d", "l", "script"], "\(found)")
    }

    @Test("bailey changes is the operator's, and is called rightly or not at all")
    func usage() throws {
        let place = try Place()
        #expect(try place.bailey(["changes"]).code == 0)
        #expect(try place.agent("bailey changes; test $? = 64").code == 0)
        for words in [
            ["--force"], ["--apply", "x", "--discard", "y"], ["a", "b"], ["--apply", "x", "--json"],
        ] {
            #expect(try place.bailey(["changes"] + words).code == 64, "\(words)")
        }
        for words in [["none"], ["--apply", "none"], ["--discard", "../.."]] {
            #expect(try place.bailey(["changes"] + words).code == 1, "\(words)")
        }
    }
}
