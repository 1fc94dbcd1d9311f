import Model
import Policy
import Profiles
import Testing

/// What an agent hears of the operator's files when it brings a profile of its own: their names.
struct AgentTextTests {
    private func folder() throws -> Folder {
        let folder = try Folder([:])
        try folder.write("bailey: 1\negress: [{to: \"https://inner.test\", allow: [GET]}]\n", to: "good.yaml")
        try folder.write("bailey: 1\nsecretword: [/srv/secretpath]\n", to: "broken.yaml")
        try folder.write("bailey: 1\nextends: [broken]\n", to: "deep.yaml")
        return folder
    }

    private func error(_ body: String, author: ProfileAuthor, in folder: Folder) -> String {
        let loader = ProfileLoader(search: folder.loader.search, variables: variables, author: author)
        do {
            _ = try loader.loaded(text: "bailey: 1\nname: mine\n" + body, named: "/ws/mine.yaml")
            return ""
        } catch {
            return error.description
        }
    }

    @Test(
        "M2: errors in what an agent's profile extends are told to the user, and to an agent by the name alone",
        arguments: ["broken", "deep", "god"]
    )
    func extends(name: String) throws {
        let folder = try folder()
        let body = "extends: [\(name)]\n"
        #expect(
            error(body, author: .agent, in: folder)
                == "/ws/mine.yaml:3:11: extends: the profile \"\(name)\" is not there, or does not read; ask the operator"
        )
        let control = error(body, author: .user, in: folder)
        #expect(control.contains(folder.path), "\(control)")
        #expect(control.contains(name == "god" ? "did you mean \"good\"" : "secretword"), "\(control)")
    }

    @Test("M2: a system call policy that is not there does not lead an agent to the operator's folders")
    func systemCalls() throws {
        let folder = try folder()
        let told = error("syscalls: stric\n", author: .agent, in: folder)
        #expect(!told.contains(folder.path) && told.contains("\"stric\" is not there"), "\(told)")
        #expect(error("syscalls: stric\n", author: .user, in: folder).contains(folder.path))
    }

    @Test("An agent's own errors are told as everybody's are, and its good profile reads")
    func own() throws {
        let folder = try folder()
        #expect(error("egres: []\n", author: .agent, in: folder).contains("did you mean \"egress\""))
        #expect(error("extends: [good]\n", author: .agent, in: folder) == "")
    }

    @Test("M2: what a profile says itself is told apart from what it extends")
    func provenance() throws {
        let folder = try folder()
        let loader = ProfileLoader(search: folder.loader.search, variables: variables, author: .agent)
        let text = "bailey: 1\nextends: [good]\negress: [{to: \"https://mine.test\", allow: [GET]}]\n"
        let loaded = try loader.loaded(text: text, named: "mine.yaml")
        #expect(loaded.origins == ["good"])
        #expect(loaded.profile.egress.map(\.to.description) == ["https://inner.test", "https://mine.test"])
        #expect(loaded.own.egress.map(\.to.description) == ["https://mine.test"])
        #expect(try loader.loaded(name: "good").own.egress == [])
    }

    @Test("L3: the text of an agent's profile has 64 KiB at most, the user's 256")
    func size() throws {
        let folder = try folder()
        let comment = "#" + String(repeating: "x", count: 65_000) + "\n"
        #expect(error(comment, author: .agent, in: folder) == "")
        #expect(
            error(comment + "#" + String(repeating: "x", count: 600) + "\n", author: .agent, in: folder)
                .contains("larger than 64 KiB")
        )
        #expect(error(comment + comment, author: .user, in: folder) == "")
    }
}
