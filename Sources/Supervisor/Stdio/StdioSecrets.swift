internal import Credentials
internal import Model
internal import Reflection
internal import Synchronization

/// What is looked for between an agent and its parent: the secrets of the credentials that their rules name.
struct StdioSecrets: Sendable {
    /// Former secrets of the credentials that are still looked for.
    private static let former = 32

    let credentials: CredentialStore
    let tables: StdioTables
    let names: [String]
    /// For whom some are minted.
    let lineages: [Lineage]

    /// What agents hold in their stead has the shape of a secret, and is of use as it is.
    var spared: [String] { credentials.placeholders.map(\.value) }

    /// As fields carry them, with those that were known before; nil where none has come.
    func known(beside before: [String]) -> [String]? {
        guard !names.isEmpty else { return nil }
        let now = credentials.secrets(of: names, for: lineages).filter {
            SecretSpellings.isSearchable($0, shortest: ReflectionLimits.shortestOutward)
        }
        guard now.contains(where: { !before.holds($0) }) else { return nil }
        return Array(before.filter { !now.holds($0) }.suffix(Self.former)) + now
    }
}

/// Tables to look for secrets by, for all agents together: making one takes milliseconds.
final class StdioTables: Sendable {
    /// Those that are kept.
    private static let remembered = 64

    private struct Entry {
        let value: String
        let spellings: SecretSpellings
    }

    /// The one made last comes last.
    private let entries = Mutex<[Entry]>([])

    func spellings(of values: [String]) -> [SecretSpellings] {
        entries.withLock { entries in
            values.compactMap { value in
                if let entry = entries.last(where: { $0.value.isSame(as: value) }) { return entry.spellings }
                guard
                    let made = SecretSpellings(ofField: value, shortest: ReflectionLimits.shortestOutward)
                else { return nil }
                if entries.count >= Self.remembered { entries.removeFirst() }
                entries.append(Entry(value: value, spellings: made))
                return made
            }
        }
    }
}

extension [String] {
    fileprivate func holds(_ value: String) -> Bool { contains { $0.isSame(as: value) } }
}
