package import Model
package import Policy

/// Whose word a profile is, and so who reads what is wrong with it.
package enum ProfileAuthor: Sendable, Hashable {
    /// The user: hears of every file.
    case user
    /// An agent: hears of its own text alone, since what it extends is the operator's.
    case agent

    /// Bytes of a profile's text.
    var maximumText: Int {
        switch self {
        case .user: YAMLDocument.maximumSize
        // A tenth of it is a long profile; what an agent makes the supervisor keep is bounded by it.
        case .agent: 64 << 10
        }
    }
}

/// A profile, and what of it its own text says: the rest is from the profiles that it extends.
package struct LoadedProfile: Sendable {
    package let profile: Profile
    /// The names under `extends`; of a profile loaded by name its own.
    package let origins: [String]
    private let fragment: ProfileFragment

    init(profile: Profile, origins: [String], fragment: ProfileFragment) {
        self.profile = profile
        self.origins = origins
        self.fragment = fragment
    }

    /// The same as it holds for a principal.
    package func applied(to principal: Principal) -> LoadedProfile {
        LoadedProfile(profile: profile.applied(to: principal), origins: origins, fragment: fragment)
    }

    /// What its own text says, alone.
    package var own: Profile { fragment.profile(name: profile.name, description: "") }
}
