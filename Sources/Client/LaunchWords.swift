internal import Model

/// What the command line said about a launch.
package struct LaunchWords: Sendable {
    /// Of the program.
    package let version: String
    /// A name, or a path when it holds a slash.
    package var profile: String?
    package var name: String?
    package var workspace: String?
    /// Be the agent's supervisor even where another would take the launch.
    package var standsAlone = false
    package var profilesDirectory: String?
    package var configurationFile: String?
    package var degraded: Set<String> = []
    /// Where a token lies that says who launches: a file, or a variable.
    package var tokenFile: String?
    package var tokenVariable: String?
    /// Or where an assertion of SAML lies that does.
    package var assertionFile: String?

    /// Options of the three that were given.
    package var proofs: Int { [tokenFile, tokenVariable, assertionFile].count(where: { $0 != nil }) }
    package var argv: [String] = []
    /// A session on record that answers in place of every server, and the state directory that has it.
    package var replayed: (session: String, directory: String)?

    package init(version: String) {
        self.version = version
    }

    /// A running supervisor has options of its own, which these would have to be.
    package var mayUseServer: Bool {
        !standsAlone && replayed == nil && profilesDirectory == nil && configurationFile == nil
            && degraded.isEmpty
    }

    /// The profile, unless it is a file's, whose text has to be read.
    package var profileName: String? {
        let profile = profile ?? "base"
        return profile.holds("/") ? nil : profile
    }
}
