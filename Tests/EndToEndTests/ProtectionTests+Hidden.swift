import Foundation
import TestSupport
import Testing

extension EndToEnd.ProtectionTests {
    /// Looks for the key by whatever name.
    private static let look = "echo ran; find . -name key -exec cat {} + 2>/dev/null"

    @Test(
        "M23: what is hidden does not come out of its cover with a folder that it lies in",
        arguments: Standing.possible
    )
    func movedOut(standing: Standing) throws {
        let place = try Place(for: standing.starter)
        try place.write("canary4711", to: "workspace/conf/inner/secrets/key")
        let body = "files: {hide: [$WORKSPACE/conf/inner/secrets]}\n"
        let attack = "mv conf/inner/secrets a; mv conf/inner b; mv conf c; rm -rf conf"
        let moved = try place.agent("{ \(attack); } 2>/dev/null; \(Self.look)", at: standing, body: body)
        #expect(moved.output == "ran\n", "\(moved)")
        let next = try place.agent(Self.look, at: standing, body: body)
        #expect(next.output == "ran\n", "\(next)")
        #expect(place.read("workspace/conf/inner/secrets/key") == "canary4711")
        #expect(try place.control("mv conf c; \(Self.look)").output == "ran\ncanary4711")
    }

    @Test(
        "M23: a credential store does not come out of its cover with the folder that it lies in",
        arguments: Starter.possible
    )
    func storeMovedOut(starter: Starter) throws {
        let place = try Place(for: starter)
        try place.profile("store", "extends: [base]\n")
        try place.write("canary4711", to: "home/.config/gh/key")
        func run(_ script: String) throws -> String {
            let words = ["run", "--profiles", place.profiles, "-p", "store", "-w", place.home, "--"]
            return try place.bailey(words + ["sh", "-c", script], directory: place.home).output
        }
        #expect(try run("mv .config c 2>/dev/null; \(Self.look)") == "ran\n")
        #expect(try run(Self.look) == "ran\n")
        #expect(place.read("home/.config/gh/key") == "canary4711")
        let control = try place.control("cd ../home; mv .config c; \(Self.look)")
        #expect(control.output == "ran\ncanary4711", "\(control)")
    }

    @Test("M23: what a child's profile hides does not come out of its cover either, for the next child")
    func movedOutByChild() throws {
        let place = try Place()
        try place.write("canary4711\n", to: "workspace/conf/secrets/key")
        try place.profile("top", "extends: [base]\nchildren: {profiles: [leaf], depth: 1, count: 2}\n")
        try place.profile("leaf", "extends: [base]\nfiles: {hide: [$WORKSPACE/conf/secrets]}\n")
        func child(_ script: String) -> String { "bailey run -p leaf -- sh -c '\(script)'" }
        let children = child("mv conf c 2>/dev/null; \(Self.look)") + "; " + child(Self.look)
        let outcome = try place.agent("\(children); mv conf c; \(Self.look)", profile: "top")
        // The parent, whose profile hides nothing, sees and moves it: the control.
        #expect(outcome.output == "ran\nran\nran\ncanary4711\n", "\(outcome)")
    }

    @Test("What lies in a hidden folder may be hidden besides")
    func hiddenTwice() throws {
        let place = try Place()
        try place.write("canary4711", to: "workspace/conf/secrets/key")
        try place.profile(
            "twice",
            """
            extends: [base]
            files: {hide: [$WORKSPACE/conf/secrets/key, $WORKSPACE/conf, $WORKSPACE/conf/secrets]}

            """
        )
        let outcome = try place.agent("ls -A conf; \(Self.look)", profile: "twice")
        #expect(outcome.code == 0 && outcome.output == "ran\n", "\(outcome)")
    }

    @Test(
        "Around what is hidden files and folders are made, renamed and deleted as before",
        arguments: Starter.possible
    )
    func workAround(starter: Starter) throws {
        let place = try Place(for: starter)
        try place.write("key", to: "workspace/conf/secrets/key")
        try place.write("a", to: "workspace/conf/app")
        try place.profile("hiding", "extends: [base]\nfiles: {hide: [$WORKSPACE/conf/secrets]}\n")
        let work = """
            set -e; echo b > conf/app; mv conf/app conf/other; mkdir conf/made; mv conf/made conf/folder
            mv conf/other moved; rm moved; mkdir -p x/y; mv x z; rmdir z/y z; ls conf
            """
        let outcome = try place.agent(work, profile: "hiding")
        #expect(outcome.code == 0 && outcome.lines == ["folder", "secrets"], "\(outcome)")
        #expect(try place.control("ls conf").lines == ["folder", "secrets"])
    }
}
