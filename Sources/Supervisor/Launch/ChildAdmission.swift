internal import Model
internal import Policy

/// What a parent's profile, and every ancestor's, says about one more child: pure.
struct ChildAdmission {
    /// Levels of agents below one another.
    ///
    /// The kernel allows 32 nested pid and user namespaces
    /// (`MAX_PID_NS_LEVEL`, user_namespaces(7)); some are in use outside.
    static let maximumDepth = 16
    /// Live agents of one supervisor.
    static let maximumAgents = 1024

    /// One ancestor: its rules and how many of its descendants are alive.
    struct Ancestor {
        let hop: Hop
        let rules: ChildRules
        let liveDescendants: Int
    }

    /// Nearest ancestor (the parent) first.
    let ancestors: [Ancestor]

    /// Nil when a child under `profile` is admitted, otherwise the refusal.
    func refusal(of profile: String) -> String? {
        guard let parent = ancestors.first else { return nil }
        guard ancestors.count < Self.maximumDepth else {
            return "agents may be nested \(Self.maximumDepth) deep at most"
        }
        guard parent.rules.permits(profile: profile) else {
            return
                "profile '\(parent.hop.profile)' of \(parent.hop.name) does not allow children under '\(profile)'"
                + " (children.profiles: \(Self.list(parent.rules.profiles)))"
        }
        for (index, ancestor) in ancestors.enumerated() {
            guard ancestor.rules.depth > index else {
                return "profile '\(ancestor.hop.profile)' of \(ancestor.hop.name) allows children"
                    + " \(ancestor.rules.depth) deep (children.depth); this one would be \(index + 1) below"
            }
            guard ancestor.rules.count > ancestor.liveDescendants else {
                return
                    "\(ancestor.hop.name) already has \(ancestor.liveDescendants) live descendants, the most that"
                    + " profile '\(ancestor.hop.profile)' allows (children.count)"
            }
        }
        return nil
    }

    private static func list(_ names: [String]) -> String {
        names.isEmpty ? "none" : names.joined(separator: ", ")
    }
}
