package import Model
package import Profiles
internal import Sandbox

/// Everything a supervisor needs to know before it launches anything.
package struct SupervisorConfiguration: Sendable {
    /// Of the program.
    package var version: String
    package var principal: Principal
    package var directories: StateDirectories
    package var profiles: ProfileSearch
    package var machine: OperatorConfiguration
    /// The user's home directory, for `~` in profiles and for `HOME` inside.
    package var home: String
    package var userName: String
    /// What `--config` named.
    package var configurationFile: String?
    /// Sandboxes that wait for an order.
    package var sandboxesAhead: Int
    /// One supervisor for many launches: what they share is prepared.
    package var servesMany: Bool
    /// Names given by `--allow-degraded`.
    package var degraded: Set<String>

    /// Who every agent is.
    var account: Account { Account(userName: userName, home: home, hostName: "bailey") }
}

/// Where Bailey keeps its own files, by the XDG Base Directory Specification; no agent sees any of them.
package struct StateDirectories: Sendable, Hashable {
    package var state: String
    package var configuration: String
    /// Sockets.
    package var runtime: String
    /// Sockets where there is no `$XDG_RUNTIME_DIR`.
    package var serviceRuntime: String

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
