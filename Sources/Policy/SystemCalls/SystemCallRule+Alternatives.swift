/// What a system call policy may ask of libseccomp, so that it answers at once.
package enum SystemCallLimits {
    /// Alternatives of all rules of one call.
    ///
    /// libseccomp keeps them in one tree that each further one is compared with. Measured with 2.5.4 on one call, six
    /// random comparisons in each: 128 take 0.01 s, 256 0.07 s, 512 1.1 s and 1,022 16 s. Out of order (see `inOrder`) some
    /// sets of 222 did not end while anybody waited. `strict` needs 42 and `default` 40.
    package static let alternativesOfCall = 128
    /// Comparisons of all alternatives of a policy.
    ///
    /// The time that libseccomp takes to write a program grows faster than the square of its length. Measured with 2.5.4,
    /// random comparisons, one to six in an alternative, over 1 to 128 calls: 512 take up to 0.15 s with 1,024 calls
    /// besides, and make some 3,000 to 4,500 instructions; 1,020 take 1.1 s, and of 2,040 most did not end in 20 s. Beyond
    /// 65,535 instructions it crashes.
    package static let comparisonsOfPolicy = 512
    /// Calls that a policy names, each a few instructions; more than there are.
    package static let callsOfPolicy = 1024
    /// Values of one condition.
    package static let valuesOfCondition = 64
}

/// Comparisons that must all hold: what libseccomp takes as one rule, in which each argument stands once.
package typealias SystemCallAlternative = [ArgumentComparison]

extension SystemCallRule {
    /// Alternatives of which one must hold for the rule to apply, each in order of arguments; one empty one for a rule
    /// without conditions.
    ///
    /// - Precondition: `alternativeCount` is within `SystemCallLimits`.
    package var alternatives: [SystemCallAlternative] {
        choices.reduce([[]]) { alternatives, choices in
            alternatives.flatMap { row in choices.map { row + [$0] } }
        }
    }

    /// How many alternatives there are, without making them; the largest number for more.
    package var alternativeCount: Int {
        choices.reduce(1) { count, choices in
            let (product, overflow) = count.multipliedReportingOverflow(by: choices.count)
            return overflow ? .max : product
        }
    }

    /// Of each condition, by argument, the comparisons of which one must hold.
    private var choices: [[ArgumentComparison]] {
        let last = conditions.map(\.argument).max()
        return conditions.sorted { $0.argument < $1.argument }.map { condition in
            condition.test.comparisons(isLast: condition.argument == last).map {
                ArgumentComparison(argument: condition.argument, test: $0)
            }
        }
    }
}

extension [SystemCallAlternative] {
    /// Each once, in an order that libseccomp adds quickly: by the arguments that they look at, the earlier ones first.
    ///
    /// A rule whose arguments come before those in libseccomp's tree is tried against all of these at each of its own
    /// levels, of which an argument makes two: the levels are the exponent.
    package var inOrder: Self {
        var seen: Set<SystemCallAlternative> = []
        return filter { seen.insert($0).inserted }
            .sorted { $0.map(\.argument).lexicographicallyPrecedes($1.map(\.argument)) }
    }

    /// What counts for `SystemCallLimits.comparisonsOfPolicy`.
    package var comparisons: Int { reduce(0) { $0 + $1.count } }
}

extension SystemCallAlternative {
    /// Whether this one applies only where the other does.
    package func implies(_ other: SystemCallAlternative) -> Bool {
        other.allSatisfy { comparison in contains { $0.implies(comparison) } }
    }
}
