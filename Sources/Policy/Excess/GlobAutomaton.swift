/// Whether everything that one pattern matches is matched by others.
enum Inclusion: Sendable, Hashable {
    case included
    case exceeds
    /// The bound was reached first.
    case undecided
}

/// The work that one comparison of two profiles may cost, so that no profile can stall a launch.
struct InclusionBudget {
    /// Steps over single states.
    ///
    /// Two profiles of ordinary size need some thousands; all of it takes well under a second.
    static let maximumWork = 2_000_000

    private(set) var left = maximumWork

    init(left: Int = maximumWork) {
        self.left = left
    }

    mutating func spend(_ work: Int) -> Bool {
        left -= min(work, left)
        return left > 0
    }
}

/// A glob as a nondeterministic automaton over bytes.
///
/// A path is read as `/segment/segment…`; state `n` is left by consuming what `steps[n]` says, and the last state,
/// behind all steps, accepts.
struct GlobAutomaton: Sendable {
    /// What a state consumes.
    enum Step: Sendable, Hashable {
        case byte(UInt8)
        /// One byte that is no slash.
        case one
        /// Any run of bytes without a slash, none included.
        case run
        /// The door of `**`: leads past the next state, or with a slash into it.
        case segments
        /// Inside `**`: any byte; may lead on at any time.
        case inside
    }

    static let slash = UInt8(ascii: "/")
    let steps: [Step]

    init(path glob: PathGlob) {
        steps = glob.segments.flatMap { segment -> [Step] in
            switch segment {
            case .anySegments: [.segments, .inside]
            case .oneSegment: [.byte(Self.slash), .one, .run]
            case .literal(let bytes), .pattern(let bytes): [.byte(Self.slash)] + Self.steps(bytes)
            }
        }
    }

    /// A glob over a word: no slash in it has a meaning.
    init(word: String) {
        steps = Self.steps(Array(word.utf8))
    }

    private static func steps(_ bytes: [UInt8]) -> [Step] {
        bytes.map { $0 == Wildcard.star ? .run : .byte($0) }
    }

    var start: StateSet { closure(of: [0]) }

    func accepts(_ states: StateSet) -> Bool { states.contains(steps.count) }

    func step(_ states: StateSet, _ byte: UInt8) -> StateSet {
        closure(of: states.flatMap { targets(of: $0, byte) })
    }

    private func targets(of state: Int, _ byte: UInt8) -> [Int] {
        guard state < steps.count else { return [] }
        switch steps[state] {
        case .byte(let wanted): return byte == wanted ? [state + 1] : []
        case .one: return byte == Self.slash ? [] : [state + 1]
        case .run: return byte == Self.slash ? [] : [state]
        case .segments: return byte == Self.slash ? [state + 1] : []
        case .inside: return [state]
        }
    }

    /// Adds what is reached without consuming anything; sorted, so that equal sets are equal.
    private func closure(of states: [Int]) -> StateSet {
        var reached = Set<Int>()
        var open = states
        while let state = open.popLast() {
            guard reached.insert(state).inserted, state < steps.count else { continue }
            switch steps[state] {
            case .run, .inside: open.append(state + 1)
            case .segments: open.append(state + 2)
            case .byte, .one: break
            }
        }
        return reached.sorted()
    }
}

/// States of one automaton, in ascending order.
typealias StateSet = [Int]

extension GlobAutomaton {
    /// Exact inclusion in the union of others, by walking the product of the deterministic forms.
    ///
    /// Bytes that no pattern names behave alike, so one of them stands for all.
    func isIncluded(in others: [GlobAutomaton], _ budget: inout InclusionBudget) -> Inclusion {
        let alphabet = Self.alphabet(of: [self] + others)
        let first = Pair(mine: start, theirs: others.map(\.start), isBehindSlash: false)
        var seen: Set<Pair> = [first]
        var open = [first]
        while let pair = open.popLast() {
            // No path has two slashes in a row: such a text is no counterexample.
            for byte in alphabet where !(pair.isBehindSlash && byte == Self.slash) {
                let work = pair.mine.count + pair.theirs.reduce(1) { $0 + $1.count }
                guard budget.spend(work) else { return .undecided }
                let mine = step(pair.mine, byte)
                guard !mine.isEmpty else { continue }
                let theirs = zip(others, pair.theirs).map { $0.step($1, byte) }
                let next = Pair(mine: mine, theirs: theirs, isBehindSlash: byte == Self.slash)
                guard seen.insert(next).inserted else { continue }
                if accepts(mine), !zip(others, next.theirs).contains(where: { $0.accepts($1) }) {
                    return .exceeds
                }
                open.append(next)
            }
        }
        return .included
    }

    private struct Pair: Hashable {
        let mine: StateSet
        let theirs: [StateSet]
        let isBehindSlash: Bool
    }

    private static func alphabet(of automata: [GlobAutomaton]) -> [UInt8] {
        var named: Set<UInt8> = [slash]
        for automaton in automata {
            for case .byte(let byte) in automaton.steps { named.insert(byte) }
        }
        let other = (UInt8.min...UInt8.max).first { !named.contains($0) }
        return named.sorted() + (other.map { [$0] } ?? [])
    }
}
