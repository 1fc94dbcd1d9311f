import Foundation
import Glibc
import TestSupport
import Testing

extension EndToEnd.CopyTests {
    private func attacked(_ script: String, for starter: Starter) throws -> (Place, CopiedFolder) {
        let place = try Place(for: starter)
        try place.fill()
        try place.write("precious\n", to: "outside/p")
        try place.copying()
        let outcome = try place.agent(script, profile: "copying")
        #expect(outcome.code == 0, "\(outcome)")
        return (place, try #require(try place.copies().first))
    }

    @Test(
        "M21: no link of an agent's, and none put in a folder's place, leads an application out of the folder",
        arguments: Starter.possible
    )
    func links(starter: Starter) throws {
        let (place, copy) = try attacked(
            "rm -rf d; ln -s ../outside d; mkdir deep; ln -s ../../outside deep/o; echo evil > gone/g; echo evil > gone/p",
            for: starter
        )
        // The host's folder is swapped for a link meanwhile.
        #expect(try place.control("rm -rf gone; ln -s ../outside gone").code == 0)
        let before = try place.hostState()
        let refused = try place.bailey(["changes", "--apply", copy.run])
        #expect(refused.code == 1, "\(refused)")
        #expect(try place.hostState() == before)
        let forced = try place.bailey(["changes", "--apply", copy.run, "--force"])
        #expect(forced.code == 0, "\(forced)")
        // Links are applied as links, and a folder takes a link's place: nothing went through one.
        #expect(
            try place.control("readlink d deep/o; cat gone/p").lines == [
                "../outside", "../../outside", "evil",
            ]
        )
        #expect(place.read("outside/p") == "precious\n" && place.read("outside/g") == nil)
        #expect(try place.control("echo evil > d/p; cat d/p").output == "evil\n")
    }

    @Test(
        "M22: pipes, sockets and devices in a layer are refused by name and never opened",
        arguments: Starter.possible
    )
    func specials(starter: Starter) throws {
        let (place, copy) = try attacked(
            "mkfifo pipe; rm a; mkfifo a; python3 -c 'import socket; socket.socket(socket.AF_UNIX).bind(\"sock\")'; echo x > b",
            for: starter
        )
        let layer = place.layer(of: copy)
        if getuid() == 0 { mknod(layer + "/disk", S_IFBLK | 0o666, 0x801) }
        let shown = try #require(try place.copies([copy.run]).first)
        #expect(
            shown.problems.contains { $0.hasPrefix("a: a named pipe is not applied") },
            "\(shown.problems)"
        )
        #expect(
            shown.problems.contains { $0.hasPrefix("sock: a socket is not applied") },
            "\(shown.problems)"
        )
        let before = try place.hostState()
        let refused = try place.bailey(["changes", "--apply", copy.run, "--force"])
        #expect(refused.code == 1 && refused.errors.contains("not applied"), "\(refused)")
        if getuid() == 0 { #expect(refused.errors.contains("a device is not applied"), "\(refused)") }
        #expect(try place.hostState() == before)
        #expect(try place.bailey(["changes", "--apply", copy.run, "b"]).code == 0)
        #expect(try place.bailey(["changes", "--discard", copy.run]).code == 0)
    }

    @Test("Names steer no terminal and start no line of their own", arguments: Starter.possible)
    func safeText(starter: Starter) throws {
        let (place, copy) = try attacked(
            #"printf x > "$(printf 'e\033[2Jx\n+ fake')"; printf x > "$(printf 'bad\377')"; printf x > "$(printf 'u\342\200\256v')""#,
            for: starter
        )
        for words in [["changes", copy.run], ["changes", "--json", copy.run]] {
            let shown = try place.bailey(words)
            #expect(shown.code == 0, "\(shown)")
            #expect(!shown.output.unicodeScalars.contains { $0 == "\u{1b}" || $0 == "\u{202e}" })
            #expect(shown.lines.count == (words.contains("--json") ? 1 : 5), "\(shown)")
        }
        #expect(try place.bailey(["changes", copy.run]).output.contains(#"bad\xff"#))
        #expect(try place.bailey(["changes", "--apply", copy.run]).code == 0)
        #expect(try place.control("ls | wc -l; ls -b").output.contains(#"bad\377"#))
    }

    @Test(
        "A tree deeper than there are descriptors is refused, and can be discarded",
        arguments: Starter.possible
    )
    func deep(starter: Starter) throws {
        let place = try Place(for: starter)
        try place.fill()
        try place.copying()
        let outcome = try place.agent(
            "python3 -c 'import os\nfor i in range(3000): os.mkdir(\"x\"); os.chdir(\"x\")'",
            profile: "copying"
        )
        #expect(outcome.code == 0, "\(outcome)")
        let copies = place.root + "/state/bailey/copies"
        let run = try #require(try FileManager.default.contentsOfDirectory(atPath: copies).first)
        for words in [[], [run], ["--apply", run]] {
            let outcome = try place.bailey(["changes"] + words)
            #expect(outcome.code == 1 && outcome.errors.contains("folders deep"), "\(outcome.code)")
        }
        #expect(try place.bailey(["changes", "--discard", run]).code == 0)
        let kept = try FileManager.default.contentsOfDirectory(atPath: copies)
        #expect(kept.isEmpty, "\(kept)")
        #expect(try place.hostState().contains("./a f"))
    }

    @Test("M22: a file of many holes costs no more than its bytes", arguments: Starter.possible)
    func holes(starter: Starter) throws {
        let (place, copy) = try attacked("truncate -s 1T huge; printf end >> huge", for: starter)
        #expect(try place.bailey(["changes", "--apply", copy.run]).code == 0)
        let found = try place.control("stat -c '%s' huge; test $(stat -c %b huge) -lt 1000; tail -c 3 huge")
        #expect(found.code == 0 && found.lines == ["1099511627779", "end"], "\(found)")
    }

    @Test("An agent's attributes and devices are no word to overlayfs", arguments: Starter.possible)
    func attributes(starter: Starter) throws {
        let program = """
            import os
            for name, value in (("opaque", b"y"), ("redirect", b"/gone"), ("metacopy", b""), ("whiteout", b"")):
                for path in ("d", "a"):
                    try: os.setxattr(path, "user.overlay." + name, value)
                    except OSError: pass
            try: os.mknod("b", 0o020000, 0)
            except OSError: pass
            try: os.mknod("w", 0o020000, 0)
            except OSError: pass
            """
        let (place, copy) = try attacked(
            "echo x > d/new; python3 -c '\(program)'; ls d; cat a b",
            for: starter
        )
        #expect(copy.kinds == ["added d/new"], "\(copy)")
        #expect(try place.bailey(["changes", "--apply", copy.run]).code == 0)
        #expect(place.read("workspace/d/x") == "x\n" && place.read("workspace/a") == "one\n")
    }
}
