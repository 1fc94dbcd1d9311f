import Model
import Policy
import Profiles
import Testing

struct LoaderTests {
    private let folder: Folder

    init() throws {
        folder = try Folder([
            "low.yaml": """
            bailey: 1
            files: {read: [/a], write: [$WORKSPACE]}
            env: {pass: [LANG], set: {MODE: low, KEEP: "1"}}
            limits: {memory: 1GiB, time: 5m, enforced: best-effort}
            egress: [{to: "https://low.test", allow: [GET]}]
            children: {profiles: [x], depth: 1, count: 2}
            """,
            "high.yaml": """
            bailey: 1
            extends: [low]
            files: {read: [/b, /a]}
            limits: {memory: 2GiB}
            """,
            "top.yaml": """
            bailey: 1
            description: Both.
            extends: [low, high]
            env: {pass: [CI], set: {MODE: top}}
            egress:
              - to: https://top.test
                deny: [DELETE]
            children: {profiles: [y], depth: 3}
            """,
            "one.yaml": "bailey: 1\nextends: [two]\n", "two.yaml": "bailey: 1\nextends:\n  - three\n",
            "three.yaml": "bailey: 1\nextends: [low,\n  one]\n", "self.yaml": "bailey: 1\nextends: [self]\n",
            "lost.yaml": "bailey: 1\nextends: [low, hihg]\n", "other.yaml": "bailey: 1\nname: another\n",
            "broken.yaml": "bailey: 1\nextends: [worse]\n", "worse.yaml": "bailey: 1\nfiels: {}\n",
        ])
    }

    private func complaint(_ name: String) -> String {
        do {
            _ = try folder.loader.load(name: name)
            return ""
        } catch {
            return error.description
        }
    }

    @Test("extends merges left to right: lists join, maps merge, the later value wins")
    func merge() throws {
        let top = try folder.loader.load(name: "top")
        #expect(top.name == "top" && top.description == "Both.")
        #expect(top.files.read == ["/a", "/b"] && top.files.write == ["/workspace"])
        #expect(
            top.environment == EnvironmentRules(pass: ["LANG", "CI"], set: ["MODE": "top", "KEEP": "1"])
        )
        #expect(top.limits == Limits(memory: 2 << 30, time: 300_000, isBestEffort: true))
        #expect(top.egress.map(\.to.description) == ["https://low.test", "https://top.test"])
        #expect(top.egress.map(\.source) == ["low.yaml:5", "top.yaml:6"])
        #expect(top.egress.last?.deny.map(\.source) == ["top.yaml:7"])
        #expect(top.children == ChildRules(profiles: ["x", "y"], depth: 3, count: 2))
    }

    @Test("A cycle of extends is refused at the entry that closes it")
    func cycle() {
        #expect(
            complaint("one")
                == "\(folder.path)/three.yaml:3:3: extends goes in a circle: one (\(folder.path)/one.yaml) > two "
                + "(\(folder.path)/two.yaml) > three (\(folder.path)/three.yaml) > one"
        )
        #expect(
            complaint("self")
                == "\(folder.path)/self.yaml:2:11: extends goes in a circle: self (\(folder.path)/self.yaml) > self; the "
                + "file that is found first as \"self\" is this one: to build on a shipped profile give yours another name, "
                + "as in my-self.yaml with extends: [self]"
        )
    }

    @Test("A chain of extends that is too long is refused, not followed")
    func depth() throws {
        for index in 0..<20 {
            try folder.write("bailey: 1\nextends: [c\(index + 1)]\n", to: "c\(index).yaml")
        }
        #expect(
            complaint("c0").contains(
                "c7.yaml:2:11: extends goes deeper than \(ProfileLoader.maximumDepth) profiles"
            )
        )
    }

    @Test("A parent that does not exist is refused at its place, with the nearest name")
    func missingParent() {
        #expect(
            complaint("lost")
                == "\(folder.path)/lost.yaml:2:16: extends: there is no profile \"hihg\"; looked in: \(folder.path); did you mean \"high\"?"
        )
    }

    @Test("A broken parent is reported in the parent's file")
    func brokenParent() {
        #expect(complaint("broken").hasPrefix("\(folder.path)/worse.yaml:2:1: unknown key \"fiels\""))
    }

    @Test("A profile that does not exist names the nearest one, and no name leads out of the folder")
    func unknownName() {
        #expect(
            complaint("hgih").contains(
                "there is no profile \"hgih\"; looked in: \(folder.path); did you mean \"high\"?"
            )
        )
        #expect(complaint("../etc/passwd").contains("there is no profile"))
        #expect(complaint("other").contains("calls itself \"another\""))
    }

    @Test("A name whose file lies in the workspace is told to be a path")
    func nameOfAFile() throws {
        let workspace = try Folder(["mine.yaml": "bailey: 1\n"])
        let variables = ProfileVariables(workspace: workspace.path, home: "/home/me", temporary: "/tmp")
        let loader = ProfileLoader(search: folder.loader.search, variables: variables)
        for name in ["mine", "mine.yaml"] {
            let error = #expect(throws: ProfileError.self) { try loader.load(name: name) }
            let text = error?.description ?? ""
            #expect(text.hasSuffix("did you mean \"\(workspace.path)/mine.yaml\"?"), "\(text)")
        }
        let error = #expect(throws: ProfileError.self) { try loader.load(name: "yours") }
        #expect(error?.description.contains("did you mean") == false)
    }

    @Test("A file that cannot be read is refused with its name and the reason")
    func unreadable() {
        func complaint(_ file: String) -> String {
            do {
                _ = try folder.loader.load(file: file)
                return ""
            } catch {
                return error.description
            }
        }
        #expect(
            complaint("/nowhere/x.yaml")
                == "/nowhere/x.yaml: the profile cannot be read: open: No such file or directory"
        )
        #expect(complaint(folder.path).contains("it is a folder"))
        #expect(complaint("/dev/zero").contains("not a regular file"))
    }

    @Test("The first folder that has a name wins")
    func searchOrder() throws {
        let first = try Folder(["low.yaml": "bailey: 1\ndescription: mine\n"])
        let search = ProfileSearch(folders: [first.path, folder.path])
        let loader = ProfileLoader(search: search, variables: variables)
        #expect(try loader.load(name: "low").description == "mine")
        #expect(try loader.load(name: "high").files.read == ["/b", "/a"])
        let relative = ProfileSearch(explicit: nil, configurationHome: "relative", home: "/home/x")
        #expect(relative.folders.first == "/home/x/.config/bailey/profiles")
        let explicit = ProfileSearch(explicit: "/p", configurationHome: "/c", home: "/home/x")
        #expect(Array(explicit.folders.prefix(2)) == ["/p", "/c/bailey/profiles"])
    }

    @Test("The digest is of what decides: rules change it, comments and descriptions do not")
    func digest() throws {
        let plain = try load("bailey: 1\nname: p\nenv: {pass: [A]}\n").digest
        #expect(plain.count == 64)
        #expect(try load("# c\nbailey: 1\nname: p\ndescription: d\nenv:\n  pass:\n    - A\n").digest == plain)
        for other in [
            "name: q\nenv: {pass: [A]}", "name: p\nenv: {pass: [B]}",
            "name: p\nenv: {pass: [A], set: {A: x}}", "name: p",
        ] {
            #expect(try load("bailey: 1\n\(other)\n").digest != plain)
        }
    }
}
