internal import Model

/// What git is told by its environment (`GIT_CONFIG_COUNT`, git-config(1)): to speak HTTP/1.1 to the gateway.
///
/// A libcurl before 8.7 that is held up by HTTP/2 flow control within the last two kilobytes of a body asks git for more
/// after its end, and git then waits for itself for ever: of pushes of 20 MB with curl 7.88 one in a hundred hung. Over
/// HTTP/1.1 it does not. `git -c http.version=HTTP/2` still has its way.
struct GitSettings {
    static let count = OwnVariables.gitSettings
    /// Settings that a profile may pass itself; more are left as they are.
    static let maximum = 1_000
    static let setting = (key: "http.version", value: "HTTP/1.1")

    /// The variables to set besides those that an agent gets anyway: behind its own settings, none where they hold
    /// the same key.
    static func variables(besides environment: [String: String]) -> [String: String] {
        guard let count = Int(environment[Self.count] ?? "0"), (0..<maximum).contains(count) else {
            return [:]
        }
        let keys = (0..<count).map { environment["GIT_CONFIG_KEY_\($0)"]?.lowercased() }
        guard !keys.contains(setting.key) else { return [:] }
        return [
            Self.count: String(count + 1), "GIT_CONFIG_KEY_\(count)": setting.key,
            "GIT_CONFIG_VALUE_\(count)": setting.value,
        ]
    }
}
