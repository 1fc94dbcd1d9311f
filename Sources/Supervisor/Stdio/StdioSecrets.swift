internal import Credentials
internal import Model
internal import Reflection

/// What is looked for between an agent and its parent: the secrets of the credentials that their rules name.
struct StdioSecrets: Sendable {
    let credentials: CredentialStore
    let tables: StreamTables
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
        return StreamTables.values(now, beside: before)
    }
}

extension [String] {
    fileprivate func holds(_ value: String) -> Bool { contains { $0.isSame(as: value) } }
}
