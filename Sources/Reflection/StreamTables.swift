internal import Model
internal import Synchronization

/// Tables to look for secrets by in streams, for all agents together: making one takes milliseconds, and one takes megabytes.
package final class StreamTables: Sendable {
    private struct Entry {
        let value: String
        let spellings: SecretSpellings
    }

    /// The one used last comes last.
    private let entries = Mutex<[Entry]>([])

    package init() {}

    /// What is looked for in a stream: what is secret now, and the last of what was looked for before, as many as are kept of a
    /// host, or as there are now.
    package static func values(_ now: [String], beside before: [String]) -> [String] {
        let former = before.filter { !now.holds($0) }
        return former.suffix(max(ReflectionLimits.ofHost, now.count)) + now
    }

    /// None for a field value whose secret is shorter or longer than is looked for.
    package func spellings(of values: [String]) -> [SecretSpellings] {
        entries.withLock { entries in
            values.compactMap { value in
                if let index = entries.lastIndex(where: { $0.value.isSame(as: value) }) {
                    entries.append(entries.remove(at: index))
                    return entries.last?.spellings
                }
                guard
                    let made = SecretSpellings(ofField: value, shortest: ReflectionLimits.shortestOutward)
                else { return nil }
                if entries.count >= ReflectionLimits.remembered { entries.removeFirst() }
                entries.append(Entry(value: value, spellings: made))
                return made
            }
        }
    }
}
