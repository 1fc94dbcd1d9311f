import Model
import Policy
import Profiles

/// Folders of the variables in every test.
let variables = ProfileVariables(workspace: "/workspace", home: "/home/agent", temporary: "/tmp/agent")

/// Reads a profile that extends nothing.
func load(_ text: String, named file: String = "test.yaml") throws(ProfileError) -> Profile {
    try ProfileLoader(search: ProfileSearch(folders: []), variables: variables).load(text: text, named: file)
}

/// The errors of a text as printed, none when it is valid.
func problems(_ text: String, named file: String = "test.yaml") -> [String] {
    do {
        _ = try load(text, named: file)
        return []
    } catch {
        return error.diagnostics.map(\.description)
    }
}
