internal import Model

/// What texts do that were read before; for one thread.
///
/// Two generations: when the younger is full it becomes the older, and the older goes. What is asked for again is young.
package struct StatementCache {
    /// A text as a session reads it.
    private struct Key: Hashable {
        let text: [UInt8]
        let session: SessionSyntax
    }

    private var young: [Key: [StatementFacts]] = [:]
    private var old: [Key: [StatementFacts]] = [:]
    /// Octets of the texts in `young`.
    private var octets = 0

    /// Texts of one generation: a client's prepared statements are some hundred at most.
    package static let maximumTexts = 1024
    /// Octets of one generation's texts, whose facts take some ten times as much.
    package static let maximumOctets = 1 << 20
    /// Octets of a text that is remembered: longer ones hold data and do not come again.
    package static let maximumText = 16_384

    /// With which all texts are read.
    package let tables: KnownTables?

    /// Where `tables` are known it is for one session.
    package init(tables: KnownTables? = nil) {
        self.tables = tables
        maximumOctets = tables == nil ? Self.maximumOctets : Self.maximumOctetsOfSession
    }

    /// Octets of one generation's texts of one session, of which there are many.
    package static let maximumOctetsOfSession = 1 << 17
    private let maximumOctets: Int

    /// Texts that are remembered; for tests of the bound.
    package var count: Int { young.count + old.count }

    /// As `StatementReader.read`, of what was read before without reading it again; faults are not remembered.
    package mutating func read(
        _ text: [UInt8],
        session: SessionSyntax = SessionSyntax()
    ) -> Result<[StatementFacts], StatementFault> {
        guard text.count <= Self.maximumText else { return reread(text, session) }
        let key = Key(text: text, session: session)
        if let facts = young[key] { return .success(facts) }
        if let facts = old.removeValue(forKey: key) {
            remember(facts, key)
            return .success(facts)
        }
        let result = reread(text, session)
        if case .success(let facts) = result { remember(facts, key) }
        return result
    }

    private func reread(
        _ text: [UInt8],
        _ session: SessionSyntax
    ) -> Result<[StatementFacts], StatementFault> {
        StatementReader.read(text, session: session, tables: tables)
    }

    private mutating func remember(_ facts: [StatementFacts], _ key: Key) {
        if young.count >= Self.maximumTexts || octets + key.text.count > maximumOctets {
            (old, young, octets) = (young, [:], 0)
        }
        young[key] = facts
        octets += key.text.count
    }
}
