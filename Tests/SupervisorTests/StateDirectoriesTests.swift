import Client
import Supervisor
import Testing

@Suite("Where Bailey keeps its own files")
struct StateDirectoriesTests {
    private func complaint(_ environment: [String: String], home: String = "/") -> String {
        do {
            try StateDirectories.checkHome(home, environment: environment, uid: 4711)
            return ""
        } catch {
            return "\(error)"
        }
    }

    @Test(
        "Without a home directory of any kind the state directory must be named",
        arguments: [[:], ["HOME": ""], ["HOME": "here"], ["XDG_STATE_HOME": "state"]]
    )
    func homeless(environment: [String: String]) {
        #expect(complaint(environment).contains("uid 4711"))
        #expect(complaint(environment).contains("set HOME or XDG_STATE_HOME"))
    }

    @Test("A home directory or a state directory is enough")
    func placed() {
        #expect(complaint(["XDG_STATE_HOME": "/state"]) == "")
        #expect(complaint(["HOME": "/"]) == "")
        #expect(complaint([:], home: "/home/me") == "")
    }
}
