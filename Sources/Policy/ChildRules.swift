package import Model

/// What a child of this agent may be.
package struct ChildRules: Sendable, Hashable {
    /// Names or globs of profiles a child may be launched under.
    package var profiles: [String]
    /// Those under which each launch is asked about, whatever `profiles` says of them.
    package var ask: [AskedChild]
    /// Levels below this agent.
    package var depth: Int
    /// Live descendants at one time.
    package var count: Int

    package init(profiles: [String] = [], ask: [AskedChild] = [], depth: Int = 0, count: Int = 0) {
        self.profiles = profiles
        self.ask = ask
        self.depth = depth
        self.count = count
    }

    /// All that a child may be launched under, once it is approved.
    package var globs: [String] { profiles + ask.map(\.glob) }

    /// Whether a child may be launched under the profile of this name, once it is approved.
    package func permits(profile name: String) -> Bool {
        globs.contains { WordGlob($0).matches(name) }
    }

    /// All that ask about a launch under the profile of this name, by any agent below.
    package func asking(of name: String) -> [AskedChild] {
        ask.filter { WordGlob($0.glob).matches(name) }
    }
}

/// One entry of `children.ask`.
package struct AskedChild: Sendable, Hashable {
    /// A profile's name, or a glob.
    package var glob: String
    /// What is demanded of an approval.
    package var terms: ApprovalTerms
    /// `ci.yaml:14`.
    package var source: String

    package init(glob: String, terms: ApprovalTerms = ApprovalTerms(), source: String) {
        self.glob = glob
        self.terms = terms
        self.source = source
    }

    /// As whoever is asked and whoever is refused read it.
    package var rule: RuleReference { RuleReference(text: "children: ask \(glob)", source: source) }
}
