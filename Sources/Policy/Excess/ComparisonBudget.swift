/// The work that one comparison of two profiles may cost, all of it together, so that no profile can stall a launch.
package struct ComparisonBudget: Sendable {
    /// Steps over single states, rules and bytes.
    ///
    /// A profile held against itself takes some 10 for each byte of its rules; a step takes some 20 ns.
    package static let maximumWork = 2_000_000

    /// Steps that one more pair of a rule and an action costs, whatever is in it.
    static let pair = 16

    package private(set) var left: Int
    /// What was compared when nothing was left.
    package private(set) var exhaustedBy: String?

    package init(left: Int = maximumWork) {
        self.left = left
    }

    /// False, from then on, when there is not so much left.
    mutating func spend(_ work: Int) -> Bool {
        left -= min(work, left)
        return left > 0
    }

    /// Notes the first thing that was too much.
    mutating func exhaust(_ what: String) {
        left = 0
        exhaustedBy = exhaustedBy ?? what
    }
}

/// Whether everything that one pattern matches is matched by others.
enum Inclusion: Sendable, Hashable {
    case included
    case exceeds
    /// The bound was reached first.
    case undecided
}
