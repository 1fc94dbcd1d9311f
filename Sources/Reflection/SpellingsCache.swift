package import Model
internal import Synchronization

/// What was put into requests, by the hosts that it was sent to, and the tables to look for it: making one takes longer
/// than a request.
///
/// Shared by all connections of a supervisor: what a host was sent in one request it may show in the reply to another,
/// of another agent.
package final class SpellingsCache: Sendable {
    private let state = Mutex(State())
    private let count = Atomic<UInt64>(0)

    package init() {}

    /// Counts what hosts were sent: replies that are under way ask when it has changed.
    package var noted: UInt64 { count.load(ordering: .acquiring) }

    /// The spellings of a field value's secret that is put into a request to a host, and of what it was sent before;
    /// nil for one that cannot be looked for.
    package func spellings(ofField value: String, sentTo host: Host) -> SecretSpellings? {
        let known = state.withLock { state -> (values: [String], spellings: SecretSpellings?)? in
            let values = state.values(sentTo: host)
            return values.holds(value) ? (values, state.recall(values)) : nil
        }
        if let known {
            // What is in use is looked for, however many others have come since it was first sent.
            if !state.withLock({ $0.use(value) }) { learn(value) }
            return known.spellings ?? make(known.values)
        }
        guard SecretSpellings.isSearchable(value) else { return nil }
        learn(value)
        let values = state.withLock { state in
            state.note(value, sentTo: host)
            return state.values(sentTo: host)
        }
        count.add(1, ordering: .releasing)
        return make(values)
    }

    /// The spellings of what a host was sent; nil for nothing.
    package func spellings(sentTo host: Host) -> SecretSpellings? {
        let known = state.withLock { state -> (values: [String], spellings: SecretSpellings?)? in
            guard !state.sent.isEmpty else { return nil }
            let values = state.values(sentTo: host)
            return values.isEmpty ? nil : (values, state.recall(values))
        }
        return known.flatMap { $0.spellings ?? make($0.values) }
    }

    /// What requests are searched for.
    package var outward: [SecretSpellings] { state.withLock { $0.known.map(\.spellings) } }

    private func make(_ values: [String]) -> SecretSpellings? {
        guard let made = SecretSpellings(ofFields: values) else { return nil }
        return state.withLock { $0.keep(made, values) }
    }

    private func learn(_ value: String) {
        guard let made = SecretSpellings(ofField: value, shortest: ReflectionLimits.shortestOutward) else {
            return
        }
        state.withLock { $0.learn(value, made) }
    }
}

private struct State {
    struct Entry {
        let values: [String]
        let spellings: SecretSpellings
    }

    /// The one used last comes last.
    private var entries: [Entry] = []
    /// What no request may carry out, the one used last at the end: the secrets that were put in.
    private(set) var known: [Entry] = []
    /// Field values, in the order in which they were first sent.
    private(set) var sent: [Host: [String]] = [:]
    /// What was sent to hosts beyond those that are told apart.
    private var sentElsewhere: [String] = []

    func values(sentTo host: Host) -> [String] {
        let own = sent[host] ?? []
        guard !sentElsewhere.isEmpty else { return own }
        return Self.lastOnes(sentElsewhere.filter { !own.holds($0) } + own)
    }

    mutating func note(_ value: String, sentTo host: Host) {
        if sent[host] != nil || sent.count < ReflectionLimits.hosts {
            sent[host] = Self.lastOnes((sent[host] ?? []) + [value])
        } else {
            sentElsewhere = Self.lastOnes(sentElsewhere + [value])
        }
    }

    /// As many as are looked for together.
    private static func lastOnes(_ values: [String]) -> [String] {
        var kept: [String] = []
        var octets = 0
        for value in values.suffix(ReflectionLimits.ofHost).reversed() {
            octets += value.utf8.count
            guard kept.isEmpty || octets <= ReflectionLimits.longestTogether else { break }
            kept.append(value)
        }
        return kept.reversed()
    }

    mutating func recall(_ values: [String]) -> SecretSpellings? {
        guard let index = place(of: values) else { return nil }
        let entry = entries[index]
        if index != entries.count - 1 { entries.append(entries.remove(at: index)) }
        return entry.spellings
    }

    /// Keeps a table, or finds that another was made meanwhile.
    mutating func keep(_ made: SecretSpellings, _ values: [String]) -> SecretSpellings {
        if let kept = recall(values) { return kept }
        if entries.count >= ReflectionLimits.remembered { entries.removeFirst() }
        entries.append(Entry(values: values, spellings: made))
        return made
    }

    /// Whether requests are searched for it; it stays longer than what is used no more.
    mutating func use(_ value: String) -> Bool {
        guard let index = known.lastIndex(where: { $0.values.holds(value) }) else { return false }
        if index != known.count - 1 { known.append(known.remove(at: index)) }
        return true
    }

    mutating func learn(_ value: String, _ made: SecretSpellings) {
        guard !use(value) else { return }
        if known.count >= ReflectionLimits.outward { known.removeFirst() }
        known.append(Entry(values: [value], spellings: made))
    }

    private func place(of values: [String]) -> Int? {
        entries.lastIndex { entry in
            entry.values.count == values.count && zip(entry.values, values).allSatisfy { $0.isSame(as: $1) }
        }
    }
}

extension [String] {
    func holds(_ value: String) -> Bool { contains { $0.isSame(as: value) } }
}
