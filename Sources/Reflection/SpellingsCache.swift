internal import Synchronization

/// The tables of the secrets that were put in last: making one takes longer than a request.
///
/// Shared by all connections of a supervisor.
package final class SpellingsCache: Sendable {
    private struct Entry {
        let value: String
        let spellings: SecretSpellings
    }

    /// The one used last comes last.
    private let entries = Mutex<[Entry]>([])
    /// What no request may carry out: the secrets that were put in.
    private let known = Mutex<[Entry]>([])

    package init() {}

    /// The spellings of a field value's secret; nil for one that cannot be looked for.
    package func spellings(ofField value: String) -> SecretSpellings? {
        if let known = recall(value) { return known }
        guard let made = SecretSpellings(ofField: value) else { return nil }
        learn(value)
        entries.withLock { entries in
            if entries.count >= ReflectionLimits.remembered { entries.removeFirst() }
            entries.append(Entry(value: value, spellings: made))
        }
        return made
    }

    /// What requests are searched for.
    package var outward: [SecretSpellings] { known.withLock { $0.map(\.spellings) } }

    private func learn(_ value: String) {
        let isKnown = known.withLock { $0.contains { $0.value.utf8.elementsEqual(value.utf8) } }
        guard !isKnown,
            let spellings = SecretSpellings(ofField: value, shortest: ReflectionLimits.shortestOutward)
        else { return }
        known.withLock { known in
            if known.count >= ReflectionLimits.outward { known.removeFirst() }
            known.append(Entry(value: value, spellings: spellings))
        }
    }

    private func recall(_ value: String) -> SecretSpellings? {
        entries.withLock { entries in
            guard let index = entries.lastIndex(where: { $0.value.utf8.elementsEqual(value.utf8) }) else {
                return nil
            }
            let entry = entries[index]
            if index != entries.count - 1 { entries.append(entries.remove(at: index)) }
            return entry.spellings
        }
    }
}
