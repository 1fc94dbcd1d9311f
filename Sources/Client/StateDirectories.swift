internal import Model

/// Where Bailey keeps its own files, by the XDG Base Directory Specification; no agent sees any of them.
package struct StateDirectories: Sendable, Hashable {
    package var state: String
    package var configuration: String
    /// Sockets.
    package var runtime: String
    /// Sockets where there is no `$XDG_RUNTIME_DIR`.
    package var serviceRuntime: String

    /// The file that names credentials.
    package var credentials: String { configuration + "/credentials.yaml" }

    /// Every one of them: no agent is granted any.
    package var all: [String] { [state, configuration, runtime, serviceRuntime] }

    /// From the environment, with the specification's defaults below `home`; relative values are ignored, as it says.
    package init(environment: [String: String], home: String) {
        func directory(_ variable: String, _ fallback: String) -> String {
            let value = environment[variable].flatMap { $0.begins(with: "/") ? $0 : nil }
            return (value ?? "\(home)/\(fallback)") + "/bailey"
        }
        state = directory("XDG_STATE_HOME", ".local/state")
        configuration = directory("XDG_CONFIG_HOME", ".config")
        // The specification has no default for it: what is there until the next start of the machine will do.
        let runtime = environment["XDG_RUNTIME_DIR"].flatMap { $0.begins(with: "/") ? $0 + "/bailey" : nil }
        self.runtime = runtime ?? state + "/run"
        serviceRuntime = state + "/run"
    }

    /// Where there is no home directory there is no place for the state either, unless it is named.
    package static func checkHome(_ home: String, environment: [String: String], uid: UInt32) throws {
        let named = [environment["HOME"], environment["XDG_STATE_HOME"]]
        let isNamed = named.contains { $0?.begins(with: "/") == true }
        guard home == "/", !isNamed else { return }
        throw LaunchRefusal(
            "find the state directory: HOME is not set, and uid \(uid) has no home directory of its own; "
                + "set HOME or XDG_STATE_HOME"
        )
    }
}
