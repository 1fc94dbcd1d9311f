internal import Masking
package import Model
package import Policy

/// The environment of an agent's first program: an allow-list, never what happened to be there.
///
/// Order of precedence, lowest first: what the profile passes through, what the profile sets, what Bailey sets
/// (`HOME`, `PATH`, the CA bundle's variables, git's HTTP version, placeholders).
package struct AgentEnvironment {
    /// Bytes of one `NAME=value` entry: MAX_ARG_STRLEN of execve(2).
    package static let maximumEntry = 128 << 10

    package let rules: EnvironmentRules
    package let placeholders: [Placeholder]
    /// Variables from which the supervisor takes secrets: never inherited.
    package let withheld: Set<String>
    package let home: String
    package let userName: String

    package init(
        rules: EnvironmentRules,
        placeholders: [Placeholder],
        withheld: Set<String> = [],
        home: String,
        userName: String
    ) {
        self.rules = rules
        self.placeholders = placeholders
        self.withheld = withheld
        self.home = home
        self.userName = userName
    }

    /// Sorted name and value pairs; every name at most once.
    package func filtered(_ entries: [String]) -> [(name: String, value: String)] {
        var result: [String: String] = [:]
        let gate = EnvironmentGate(rules)
        for entry in entries {
            guard let (name, value) = Self.split(entry), passes(name, value, gate) else { continue }
            if result[name] == nil { result[name] = value }
        }
        for (name, value) in rules.set { result[name] = value }
        for (name, value) in fixed(path: result["PATH"]) { result[name] = value }
        result.merge(GitSettings.variables(besides: result)) { $1 }
        for placeholder in placeholders { result[placeholder.variable] = placeholder.value }
        return result.sorted { $0.key < $1.key }.map { (name: $0.key, value: $0.value) }
    }

    /// Nil for an entry that is malformed: no `=`, an empty name, a name that no shell could set, too long.
    private static func split(_ entry: String) -> (String, String)? {
        guard entry.utf8.count < maximumEntry, let equals = entry.firstPlace(of: "=") else { return nil }
        let name = entry[..<equals]
        guard let first = name.utf8.first, first == UInt8(ascii: "_") || isLetter(first),
            name.utf8.allSatisfy({ isLetter($0) || $0 == UInt8(ascii: "_") || (0x30...0x39).contains($0) })
        else { return nil }
        return (String(name), String(entry.rest(behind: equals)))
    }

    private static func isLetter(_ byte: UInt8) -> Bool { (0x61...0x7A).contains(byte | 0x20) }

    private func passes(_ name: String, _ value: String, _ gate: EnvironmentGate) -> Bool {
        if withheld.contains(name) || OwnVariables.never.contains(name) { return false }
        if gate.names(name) { return true }
        guard case .passed = gate.admission(of: name) else { return false }
        return !Self.onlyByName.contains { $0.matches(name) }
            && !SecretShapes.isSecret(name: name, value: value)
    }

    private func fixed(path: String?) -> [String: String] {
        let search = path ?? "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
        var values = ["HOME": home, "USER": userName, "LOGNAME": userName, "TMPDIR": "/tmp"]
        values["PATH"] =
            search.cut(at: ":").holds(bytes: "/.bailey/bin") ? search : search + ":/.bailey/bin"
        for name in OwnVariables.bundles { values[name] = TrustFiles.bundlePath }
        return values
    }

    /// Passed when a profile names them exactly, never by a wildcard: each makes a program load or run something,
    /// or leads to a service of the host.
    private static let onlyByName: [WordGlob] = [
        "LD_*", "GLIBC_TUNABLES", "GCONV_PATH", "BASH_*", "ENV", "PROMPT_COMMAND", "PS4", "SHELLOPTS",
        "BASHOPTS", "IFS",
        "CDPATH", "PYTHON*", "NODE_OPTIONS", "NODE_PATH", "PERL*", "RUBY*", "JAVA_TOOL_OPTIONS",
        "_JAVA_OPTIONS",
        "JDK_JAVA_OPTIONS", "DOTNET_*", "GIT_*", "SSH_*", "GPG_*", "DBUS_*", "XDG_RUNTIME_DIR", "DISPLAY",
        "WAYLAND_DISPLAY", "XAUTHORITY", "TMUX*", "STY", "DOCKER_*", "CONTAINER_*", "KUBECONFIG", "VSCODE_*",
        "NOTIFY_SOCKET", "LISTEN_*", "JOURNAL_STREAM", "INVOCATION_ID", "SUDO_*", "CREDENTIALS_DIRECTORY",
        "EDITOR",
        "VISUAL", "PAGER", "LESS*", "MAKEFLAGS", "CARGO_*", "npm_config_*", "AWS_*", "AZURE_*", "GOOGLE_*",
        "ACTIONS_ID_TOKEN_REQUEST_*",
    ].map(WordGlob.init)
}
