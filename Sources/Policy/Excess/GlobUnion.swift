/// Globs together, as one nondeterministic automaton over bytes: what begins alike is there once.
///
/// A path is read as `/segment/segment…`. A state is entered by what leads to it, and left by its edges; some states
/// are left without reading anything, by a star that stands for nothing.
struct GlobUnion: Sendable {
    typealias State = Int32

    /// How a state may be entered again from itself.
    private enum Loop: Sendable {
        case none
        /// By any byte but a slash: inside a `*`.
        case withinSegment
        /// By any byte: inside a `**`.
        case always
    }

    private struct Node: Sendable {
        var loop = Loop.none
        var accepts = false
        /// Entered without reading: the inside of a `*`, what is behind a `**`.
        var star: State?
        var behind: State?
        /// Entered by one byte that is no slash.
        var one: State?
        /// Entered by a slash: the inside of a `**`.
        var inside: State?
        var bytes: [(byte: UInt8, state: State)] = []
    }

    static let slash = UInt8(ascii: "/")
    private var nodes = [Node()]
    /// The globs as they are written.
    private var globs: Set<[UInt8]> = []

    init() {}

    /// Adds a glob over paths; false when the budget does not reach.
    mutating func add(path glob: PathGlob, _ budget: inout ComparisonBudget) -> Bool {
        guard globs.insert(glob.bytes).inserted else { return budget.spend(ComparisonBudget.pair) }
        var state: State = 0
        for segment in glob.segments {
            switch segment {
            case .anySegments:
                state = segments(from: state)
            case .oneSegment:
                guard let entered = append(Self.slash, to: state, &budget) else { return false }
                state = star(from: one(from: entered))
            case .text(let text):
                guard let entered = append(Self.slash, to: state, &budget),
                    let end = append(glob.bytes[text.range], to: entered, &budget)
                else { return false }
                state = end
            }
        }
        return accept(state, &budget)
    }

    /// Whether this very glob is among them.
    func holds(_ glob: PathGlob) -> Bool { globs.contains(glob.bytes) }

    /// Whether this very glob over words is among them.
    func holds(word: String) -> Bool { globs.contains(Array(word.utf8)) }

    /// Adds a glob over words: no slash in it has a meaning.
    mutating func add(word: String, _ budget: inout ComparisonBudget) -> Bool {
        let bytes = Array(word.utf8)
        guard globs.insert(bytes).inserted else { return budget.spend(ComparisonBudget.pair) }
        guard let end = append(bytes[...], to: 0, &budget) else { return false }
        return accept(end, &budget)
    }

    private mutating func accept(_ state: State, _ budget: inout ComparisonBudget) -> Bool {
        nodes[Int(state)].accepts = true
        return budget.spend(ComparisonBudget.pair)
    }

    private mutating func append(
        _ bytes: ArraySlice<UInt8>,
        to start: State,
        _ budget: inout ComparisonBudget
    ) -> State? {
        var state = start
        for byte in bytes {
            guard byte != StarredText.star else {
                state = star(from: state)
                continue
            }
            guard let next = append(byte, to: state, &budget) else { return nil }
            state = next
        }
        return state
    }

    private mutating func append(
        _ byte: UInt8,
        to state: State,
        _ budget: inout ComparisonBudget
    ) -> State? {
        let edges = nodes[Int(state)].bytes
        guard budget.spend(edges.count + 4) else { return nil }
        if let known = edges.first(where: { $0.byte == byte }) { return known.state }
        let next = make()
        nodes[Int(state)].bytes.append((byte, next))
        return next
    }

    private mutating func make(_ loop: Loop = .none) -> State {
        nodes.append(Node(loop: loop))
        return State(nodes.count - 1)
    }

    private mutating func one(from state: State) -> State {
        if let known = nodes[Int(state)].one { return known }
        let next = make()
        nodes[Int(state)].one = next
        return next
    }

    private mutating func star(from state: State) -> State {
        if let known = nodes[Int(state)].star { return known }
        let next = make(.withinSegment)
        nodes[Int(state)].star = next
        return next
    }

    private mutating func segments(from state: State) -> State {
        if let known = nodes[Int(state)].behind { return known }
        let behind = make()
        let inside = make(.always)
        nodes[Int(inside)].behind = behind
        nodes[Int(state)].behind = behind
        nodes[Int(state)].inside = inside
        return behind
    }
}

extension GlobUnion {
    /// States that may be the present one, in ascending order.
    typealias States = [State]

    /// Where a set of states leads: by a slash, by any other byte, and by those that its edges name.
    struct Edges {
        var slash: States = []
        var others: States = []
        var named: [UInt8: States] = [:]

        func targets(of byte: UInt8) -> States {
            let named = named[byte] ?? []
            return byte == GlobUnion.slash ? slash + named : others + named
        }
    }

    var start: States { closed([0]) }

    func accepts(_ states: States) -> Bool { states.contains { nodes[Int($0)].accepts } }

    /// Whether a state is inside a `**` with nothing behind it: whatever follows is matched.
    func acceptsAll(_ states: States) -> Bool {
        states.contains { state in
            let node = nodes[Int(state)]
            guard case .always = node.loop, let behind = node.behind else { return false }
            return nodes[Int(behind)].accepts
        }
    }

    func edges(of states: States) -> Edges {
        var edges = Edges()
        for state in states {
            let node = nodes[Int(state)]
            switch node.loop {
            case .none: break
            case .withinSegment: edges.others.append(state)
            case .always:
                edges.others.append(state)
                edges.slash.append(state)
            }
            if let one = node.one { edges.others.append(one) }
            if let inside = node.inside { edges.slash.append(inside) }
            for (byte, next) in node.bytes { edges.named[byte, default: []].append(next) }
        }
        return edges
    }

    /// What `edges` costs, in steps.
    func weight(of states: States) -> Int {
        states.reduce(4) { $0 + 2 + nodes[Int($1)].bytes.count }
    }

    /// With what is reached from them without reading anything.
    func closed(_ states: States) -> States {
        var reached = states
        var next = 0
        while next < reached.count {
            let node = nodes[Int(reached[next])]
            if let star = node.star { reached.append(star) }
            if let behind = node.behind { reached.append(behind) }
            next += 1
        }
        guard reached.count > 1 else { return reached }
        reached.sort()
        var last: State = -1
        return reached.filter { state in
            defer { last = state }
            return state != last
        }
    }
}

extension GlobUnion {
    /// Exact inclusion of what these globs match in what others do, by walking the product of the deterministic forms.
    ///
    /// Bytes that no edge of the present states names behave alike, so one of them stands for all.
    func isIncluded(in other: GlobUnion, _ budget: inout ComparisonBudget) -> Inclusion {
        var walk = InclusionWalk(mine: self, theirs: other)
        return walk.finish(&budget)
    }

    /// The one way on from these states, where it is one byte.
    fileprivate func onlyEdge(of states: States) -> (byte: UInt8, state: State)? {
        guard states.count == 1, let state = states.first else { return nil }
        let node = nodes[Int(state)]
        guard case .none = node.loop, node.star == nil, node.behind == nil, node.one == nil,
            node.bytes.count == 1
        else { return nil }
        return node.bytes.first
    }

    /// Where one byte leads.
    fileprivate func targets(of states: States, _ byte: UInt8) -> States {
        var reached: States = []
        for state in states {
            let node = nodes[Int(state)]
            switch node.loop {
            case .none: break
            case .withinSegment: if byte != Self.slash { reached.append(state) }
            case .always: reached.append(state)
            }
            if byte == Self.slash {
                if let inside = node.inside { reached.append(inside) }
            } else if let one = node.one {
                reached.append(one)
            }
            for edge in node.bytes where edge.byte == byte { reached.append(edge.state) }
        }
        return reached
    }
}

/// The search for a text that some globs match and others do not.
private struct InclusionWalk {
    let mine: GlobUnion
    let theirs: GlobUnion
    private var seen: Set<Pair>
    private var open: [Pair]

    init(mine: GlobUnion, theirs: GlobUnion) {
        self.mine = mine
        self.theirs = theirs
        open = [Pair(mine: mine.start, theirs: theirs.start, isBehindSlash: false)]
        seen = []
    }

    mutating func finish(_ budget: inout ComparisonBudget) -> Inclusion {
        while var pair = open.popLast() {
            switch follow(&pair, &budget) {
            case .included: break
            case .exceeds: return .exceeds
            case .undecided: return .undecided
            }
            guard !theirs.acceptsAll(pair.theirs), !pair.mine.isEmpty else { continue }
            guard budget.spend(Self.hashing * (pair.mine.count + pair.theirs.count) + ComparisonBudget.pair)
            else { return .undecided }
            guard seen.insert(pair).inserted else { continue }
            switch fork(pair, &budget) {
            case .included: continue
            case .exceeds: return .exceeds
            case .undecided: return .undecided
            }
        }
        return .included
    }

    /// Steps for a state that is put into a set.
    private static let hashing = 4

    /// Goes on while there is one way, of one byte.
    private func follow(_ pair: inout Pair, _ budget: inout ComparisonBudget) -> Inclusion {
        while !theirs.acceptsAll(pair.theirs), let edge = mine.onlyEdge(of: pair.mine) {
            guard budget.spend(theirs.weight(of: pair.theirs)) else { return .undecided }
            // No path has two slashes in a row: such a text is no counterexample.
            guard !(pair.isBehindSlash && edge.byte == GlobUnion.slash) else {
                pair.mine = []
                return .included
            }
            pair = Pair(
                mine: mine.closed([edge.state]),
                theirs: theirs.closed(theirs.targets(of: pair.theirs, edge.byte)),
                isBehindSlash: edge.byte == GlobUnion.slash
            )
            if isWitness(pair) { return .exceeds }
        }
        return .included
    }

    private mutating func fork(_ pair: Pair, _ budget: inout ComparisonBudget) -> Inclusion {
        let weight = mine.weight(of: pair.mine) + theirs.weight(of: pair.theirs)
        guard budget.spend(Self.hashing * weight) else { return .undecided }
        let (own, other) = (mine.edges(of: pair.mine), theirs.edges(of: pair.theirs))
        for byte in Self.alphabet(own, other) where !(pair.isBehindSlash && byte == GlobUnion.slash) {
            let reached = mine.closed(own.targets(of: byte))
            let next = Pair(
                mine: reached,
                theirs: reached.isEmpty ? [] : theirs.closed(other.targets(of: byte)),
                isBehindSlash: byte == GlobUnion.slash
            )
            guard budget.spend(ComparisonBudget.pair + 2 * (reached.count + next.theirs.count)) else {
                return .undecided
            }
            guard !reached.isEmpty else { continue }
            if isWitness(next) { return .exceeds }
            open.append(next)
        }
        return .included
    }

    /// From every state some path leads to the end of a glob: where nothing of theirs is left, that is one.
    private func isWitness(_ pair: Pair) -> Bool {
        pair.theirs.isEmpty || (mine.accepts(pair.mine) && !theirs.accepts(pair.theirs))
    }

    private struct Pair: Hashable {
        var mine: GlobUnion.States
        let theirs: GlobUnion.States
        let isBehindSlash: Bool
    }

    private static func alphabet(_ mine: GlobUnion.Edges, _ theirs: GlobUnion.Edges) -> [UInt8] {
        let own = mine.named.keys
        // Where only bytes of its own lead on, no other matters.
        guard !mine.others.isEmpty || !mine.slash.isEmpty else { return Array(own) }
        var named = Set(own)
        named.formUnion(theirs.named.keys)
        let other = (UInt8.min...UInt8.max).first { $0 != GlobUnion.slash && !named.contains($0) }
        named.insert(GlobUnion.slash)
        return Array(named) + (other.map { [$0] } ?? [])
    }
}
