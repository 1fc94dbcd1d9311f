internal import Linux
internal import Model
internal import Policy
internal import Profiles
internal import Sandbox

/// What is said of a child's profile that is wider than its parent's.
///
/// An agent is told what its own text says. Of a profile of the operator's, which it names or extends, it hears the name
/// and the keys: hosts and paths in it are the operator's to know.
struct WiderProfile {
    let loaded: LoadedProfile
    let parent: Hop
    /// The parent's profile, with what a child may use besides.
    let limit: Profile
    let excess: [Excess]

    /// Lines of one refusal; a person reads no more, and an agent has the profile at hand.
    private static let maximumLines = 50

    var message: String {
        "profile '\(loaded.profile.name)' is wider than '\(limit.name)' of its parent \(parent.name)\n"
            + lines.map { "  \($0)" }.joined(separator: "\n")
            + "\nA child can never do more than its parent; whoever owns '\(limit.name)' may widen it."
    }

    private var lines: [String] {
        // What is too wide is so by itself, whatever else the profile says.
        let said = Set(loaded.origins.isEmpty ? excess : Policy.excess(of: loaded.own, over: limit))
        let own = excess.filter { said.contains($0) }
        let inherited = excess.filter { !said.contains($0) }.map(\.key)
        var lines = own.prefix(Self.maximumLines).map(\.description)
        if own.count > lines.count { lines.append("and \(own.count - lines.count) more") }
        guard !inherited.isEmpty else { return lines }
        let origins = loaded.origins.map { "'\($0)'" }.joined(separator: ", ")
        let keys = Set(inherited).sorted().joined(separator: ", ")
        return lines + ["\(keys): as \(origins) of the operator's has it"]
    }
}

extension LoadedProfile {
    /// A failure on a path of the operator's profile without the path.
    func told(_ failure: LaunchFailure) -> LaunchFailure {
        let inherited = profile.files.paths.holds(bytes: failure.object)
        guard inherited, !own.files.paths.holds(bytes: failure.object) else { return failure }
        return LaunchFailure(
            step: failure.step,
            object: "a path of \(origins.map { "'\($0)'" }.joined(separator: ", "))",
            errno: failure.errno,
            remedy: "The operator can tell which.",
            exitCode: failure.exitCode
        )
    }
}

extension FileRules {
    fileprivate var paths: [String] { read + write + hide + protect.map(\.path) }
}
