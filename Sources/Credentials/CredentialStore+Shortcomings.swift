internal import Glibc
package import Model

/// What can be told of a credential without fetching it: a launch warns of it, and a use is refused for it.
extension CredentialStore {
    /// The hosts that a credential is sent to; none for one that is not defined.
    package func hosts(of credential: String) -> [HostPattern] {
        binding(of: credential)?.hosts ?? []
    }

    /// Whether looking at the secret takes no more than a variable or a file.
    package func isAtHand(_ credential: String, knowsEnvironment: Bool) -> Bool {
        switch definition(of: holder(of: credential))?.source {
        case .environment: knowsEnvironment
        case .file: true
        case .command, .token, .role, .agentToken, .agentCertificate, nil: false
        }
    }

    /// Why the secret could not be had now, without fetching it.
    ///
    /// - Parameters:
    ///   - credential: its name.
    ///   - knowsEnvironment: whether this store was made with the environment that secrets are taken from.
    /// - Returns: a sentence; nil when nothing is known to be missing.
    package func shortcoming(of credential: String, knowsEnvironment: Bool) -> String? {
        let credential = holder(of: credential)
        let sources = definition(of: credential)?.source.onMachine ?? []
        return sources.compactMap { source -> String? in
            switch source {
            case .environment(let variable):
                guard knowsEnvironment, !isSet(variable) else { return nil }
                return "credential \(credential): the variable \(variable) is not set, or empty"
            case .file(let path): return SecretFile(path: path, credential: credential).shortcoming
            case .command(let arguments):
                guard let program = arguments.first, unsafe access(program, X_OK) != 0 else { return nil }
                let reason = unsafe strerror(errno).map { unsafe String(cString: $0) } ?? "errno \(errno)"
                return "credential \(credential): cannot run \(program): \(reason)"
            // Only asking would tell.
            case .token, .role, .agentToken, .agentCertificate: return nil
            }
        }.first
    }
}
