import Foundation
import Glibc
import TestSupport
import Testing

extension EndToEnd.CopyTests {
    private func chain(_ place: Place, _ top: String, _ leaf: String) throws {
        try place.profile("top", "files: {\(top)}\nchildren: {profiles: [leaf, more], depth: 3, count: 4}\n")
        try place.profile("leaf", "files: {\(leaf)}\nchildren: {profiles: [more], depth: 2, count: 3}\n")
        try place.profile("more", "files: {\(leaf)}\n")
    }

    @Test("A child's copy is a layer of its own over what its parent sees", arguments: Starter.possible)
    func ownLayer(starter: Starter) throws {
        for top in ["read", "write", "copy"] {
            let place = try Place(for: starter)
            try place.fill()
            try chain(place, "\(top): [$WORKSPACE]", "copy: [$WORKSPACE]")
            let write = top == "read" ? "" : "echo parent >> b;"
            let outcome = try place.agent(
                "\(write) bailey run -p leaf -- sh -c 'echo child >> a; cat a; tail -n 1 b'; cat a; tail -n 1 b",
                profile: "top"
            )
            let last = top == "read" ? "two" : "parent"
            #expect(outcome.lines == ["one", "child", last, "one", last], "\(outcome)")
            #expect(place.read("workspace/a") == "one\n")
            #expect(place.read("workspace/b") == (top == "write" ? "two\nparent\n" : "two\n"))
            let copies = try place.copies()
            #expect(copies.map(\.profile) == (top == "copy" ? ["top", "leaf"] : ["leaf"]), "\(copies)")
            #expect(copies.last?.kinds == ["changed a"] + (top == "copy" ? [] : []), "\(copies)")
            let child = try #require(copies.last)
            #expect(try place.bailey(["changes", "--apply", child.agent]).code == 0)
            #expect(place.read("workspace/a") == "one\nchild\n")
        }
    }

    @Test("There are no copies of copies of copies: the launch is refused by name")
    func depth() throws {
        let place = try Place()
        try place.fill()
        try chain(place, "copy: [$WORKSPACE]", "copy: [$WORKSPACE]")
        let third = "bailey run -p leaf -- bailey run -p more -- echo ran"
        let outcome = try place.agent("\(third); echo \"rc $?\"", profile: "top")
        #expect(outcome.lines == ["rc 125"] && outcome.errors.contains("copies of copies"), "\(outcome)")
        #expect(try place.agent("bailey run -p leaf -- echo ran", profile: "top").lines == ["ran"])
    }

    @Test("A child copies nothing that its parent cannot read")
    func attenuated() throws {
        let place = try Place()
        try place.fill()
        // Not below /tmp, which is an agent's own.
        let other = "/var/lib"
        let leaf = "copy: [$WORKSPACE, \(other)]"
        let launch =
            "bailey run -p leaf -- sh -c 'echo x > \(other)/bailey-x && cat \(other)/bailey-x'; echo \"rc $?\""
        try chain(place, "write: [$WORKSPACE]", leaf)
        let outcome = try place.agent(launch, profile: "top")
        #expect(outcome.lines == ["rc 125"], "\(outcome)")
        #expect(outcome.errors.contains("files.copy: as 'leaf' of the operator's has it"), "\(outcome)")
        try chain(place, "write: [$WORKSPACE], read: [\(other)]", leaf)
        #expect(try place.agent(launch, profile: "top").lines == ["x", "rc 0"])
        #expect(access(other + "/bailey-x", F_OK) != 0)
    }

    @Test(
        "A child has no copy of a folder that is private to an agent above it, whether the host has one or not",
        arguments: Starter.possible
    )
    func privateFolder(starter: Starter) throws {
        let place = try Place(for: starter)
        try place.write("the host's\n", to: "home/.local/bin/git")
        let children = "children: {profiles: [mid, kid], depth: 2, count: 4}\n"
        try place.profile("top", "extends: [base]\n\(children)")
        try place.profile("granted", "extends: [base]\nfiles: {read: [~/.local/bin]}\n\(children)")
        try place.profile(
            "mid",
            "files: {write: [$WORKSPACE, ~/.local/bin]}\nchildren: {profiles: [kid], depth: 1, count: 2}\n"
        )
        for (file, folder) in [("one", ".local/bin"), ("two", "absent/bin")] {
            let files = "files: {write: [$WORKSPACE], copy: [~/\(folder)]}"
            try place.write("bailey: 1\nname: kid\n\(files)\n", to: "workspace/\(file).yaml")
        }
        let script = """
            mkdir -p ~/.local/bin ~/absent/bin
            bailey run -p ./one.yaml -- sh -c "echo evil > ~/.local/bin/git; echo ran"; echo "rc $?"
            bailey run -p ./two.yaml -- echo ran; echo "rc $?"
            """
        let outcome = try place.agent(script, profile: "top")
        #expect(outcome.lines == ["rc 125", "rc 125"], "\(outcome)")
        for folder in [".local/bin", "absent/bin"] {
            let why = "the profiles of the parent and of all above it do not grant it"
            #expect(outcome.errors.contains("files.copy \(place.home)/\(folder): \(why)"), "\(outcome)")
        }
        // Nor by an agent between, which may share what is its parent's own.
        let below = "bailey run -p mid -- sh -c 'bailey run -p ./one.yaml -- echo ran; echo rc $?'"
        let between = try place.agent("mkdir -p ~/.local/bin; \(below)", profile: "top")
        #expect(between.lines == ["rc 125"] && between.errors.contains("do not grant it"), "\(between)")
        #expect(try place.copies().isEmpty)
        // Where the host's folder is granted, that is what is copied.
        let granted = try place.agent(script, profile: "granted")
        #expect(granted.lines == ["ran", "rc 0", "rc 125"], "\(granted)")
        let copy = try #require(try place.copies().first)
        #expect(copy.kinds == ["changed git"], "\(copy)")
        #expect(place.read("home/.local/bin/git") == "the host's\n")
        #expect(try place.bailey(["changes", "--apply", copy.run]).code == 0)
        #expect(place.read("home/.local/bin/git") == "evil\n")
    }

    @Test("A child reads nothing through a copy that its parent's profile hides", arguments: Starter.possible)
    func hidden(starter: Starter) throws {
        let place = try Place(for: starter)
        try place.fill()
        try place.write("secret\n", to: "workspace/d/key")
        let launch = "bailey run -p leaf -- sh -c 'cat d/key moved/d/key'"
        for top in ["read", "write", "copy"] {
            try chain(place, "\(top): [$WORKSPACE], hide: [$WORKSPACE/d/key]", "copy: [$WORKSPACE]")
            let outcome = try place.agent("\(launch); mkdir moved; mv d moved/d; \(launch)", profile: "top")
            #expect(!outcome.output.contains("secret"), "\(top): \(outcome)")
            #expect(
                outcome.errors.contains("has nothing mounted in it")
                    || outcome.errors.contains("nothing mounted"),
                "\(outcome)"
            )
            _ = try place.control("test -e d || mv moved/d d; rmdir moved")
        }
        try chain(place, "read: [$WORKSPACE]", "copy: [$WORKSPACE]")
        #expect(try place.agent(launch, profile: "top").output.contains("secret"))
    }

    @Test("What a profile hides in its own copy is not read there either", arguments: Starter.possible)
    func ownHidden(starter: Starter) throws {
        let place = try Place(for: starter)
        try place.write("secret\n", to: "workspace/d/key")
        try place.profile("hiding", "files: {copy: [$WORKSPACE], hide: [$WORKSPACE/d/key]}\n")
        let attack = "cat d/key; mv d e; cat e/key; rm -f d/key; mv d/key k; ln d/key k; cat k"
        let outcome = try place.agent("{ \(attack); } 2>/dev/null", profile: "hiding")
        #expect(!outcome.output.contains("secret"), "\(outcome)")
        #expect(try place.control(attack).output.contains("secret"))
    }
}
