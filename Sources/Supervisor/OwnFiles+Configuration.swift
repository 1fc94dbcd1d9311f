internal import Audit
internal import Client
internal import Credentials
internal import Identity
internal import Linux
internal import Policy
internal import Profiles
internal import Sandbox

extension OwnFiles {
    /// Of a supervisor: its folders, and every file that its operator's word is read from.
    init(_ configuration: SupervisorConfiguration, _ credentials: CredentialStore) {
        // A build's lie behind a link beside the program, which is as good as the program.
        let shipped = ProfileSearch.shipped
        let folders = configuration.profiles.folders.map { folder in
            folder == shipped ? PathText.resolved(folder) ?? folder : folder
        }
        let own = configuration.directories.configuration
        let approvals = configuration.machine.approvals
        let files =
            [own + "/bailey.yaml", own + "/credentials.yaml"] + credentials.programs
            + approvals.secrets.compactMap(\.program)
            + [
                approvals.isSecret ? nil : configuration.configurationFile,
                configuration.machine.upstreamAuthority,
                configuration.machine.checkpoints?.file,
            ]
            .compactMap(\.self)
            + configuration.machine.issuers.flatMap(\.keyFiles)
            + configuration.machine.databases.flatMap(\.trustedFiles)
        self.init(
            hidden: configuration.directories.all
                + [configuration.machine.approvals.socket?.folder].compactMap(\.self),
            trusted: folders.map { ProtectedPath(path: $0, isFolder: true) }
                + files.map { ProtectedPath(path: $0) },
            secrets: credentials.files + [configuration.machine.checkpointSecret].compactMap(\.self)
                + approvals.secrets.compactMap(\.file)
                + configuration.machine.databases.flatMap(\.secretFiles)
                // A webhook's path may be all that keeps others from posting there.
                + (approvals.isSecret ? [configuration.configurationFile] : []).compactMap(\.self)
        )
    }
}

extension OwnFiles {
    /// These, and what a launch brings along: the file that its token is in, or the program that gives it, which is run again
    /// outside when the token ends; and the file of a profile which the user named.
    ///
    /// What an agent calls its text says nothing of the host's files.
    func keeping(_ identity: LaunchIdentity, of order: LaunchOrder, isNested: Bool) -> OwnFiles {
        var own = self
        if let file = identity.file { own.secrets.append(file) }
        if let program = identity.program { own.trusted.append(ProtectedPath(path: program)) }
        if !isNested, case .text(_, let path) = order.profile {
            let file = WorkingDirectory.absolute(path, from: order.workingDirectory)
            own.trusted.append(ProtectedPath(path: file))
        }
        return own
    }
}

extension Issuer {
    /// The files that say whose signature is its.
    fileprivate var keyFiles: [String] {
        switch keys {
        case .file(let path): [path]
        case .certificates(let paths): paths
        case .discovered, .url: []
        }
    }
}
