internal import Foundation
internal import GRDB
package import Model

/// That an agent was given something masked.
package struct Sighting: Sendable, Hashable, Codable {
    package let agent: AgentID
    package let lineage: String
    /// `email`, `column public.users.ssn`.
    package let what: String
    /// From where.
    package let resource: String
    /// Values of a kind; rows with a column.
    package internal(set) var count: UInt64
    package internal(set) var first: Timestamp
    package internal(set) var last: Timestamp
    /// The first's record.
    package let record: Int64
}

/// A kind, or a column as a profile names it: `email`, `column ssn`, `column users.ssn`, `column public.users.ssn`.
package struct MaskedField: Sendable, Hashable {
    private static let column = "column "
    private let text: String

    /// Nil for what is neither.
    package init?(_ text: String) {
        let name =
            text.begins(with: Self.column) ? String(text.dropFirst(bytes: Self.column.utf8.count)) : nil
        if let name {
            let parts = name.cut(at: ".", omittingEmptySubsequences: false)
            // A schema, a table, a column.
            guard (1...3).contains(parts.count), parts.allSatisfy({ !$0.isEmpty }) else { return nil }
        } else {
            guard MaskKind(rawValue: text) != nil else { return nil }
        }
        self.text = text
    }

    /// Whether what is on record is that, or may be: of a column either need not name schema and table.
    ///
    /// Where the server did not say whose a column is, the rule's name for it is on record, as `column ssn`.
    func matches(_ recorded: String) -> Bool {
        if recorded.isSame(as: text) { return true }
        guard text.begins(with: Self.column), recorded.begins(with: Self.column) else { return false }
        return Self.ends(recorded, with: text) || Self.ends(text, with: recorded)
    }

    private static func ends(_ whole: String, with part: String) -> Bool {
        let name = "." + part.dropFirst(bytes: column.utf8.count)
        return whole.utf8.count > name.utf8.count
            && whole.utf8.suffix(name.utf8.count).elementsEqual(name.utf8)
    }
}

extension AuditReader {
    /// Which agents were given a field, masked, in the order in which they were first.
    ///
    /// In memory are agents with what they were given and from where, not each time.
    package func sightings(of field: MaskedField) throws -> [Sighting] {
        struct Key: Hashable {
            let agent: AgentID
            let what: String
            let resource: String
        }
        var found: [Sighting] = []
        var places: [Key: Int] = [:]
        let sql =
            "SELECT \(AuditRecord.columns) FROM records WHERE kind = '\(EntryColumns.request)' AND verdict = 'allow' "
            + "AND json_extract(payload, '$.masked') IS NOT NULL ORDER BY sequence"
        try each(sql, []) { record in
            guard case .request(let request) = record.entry else { return }
            for (what, count) in request.masked ?? [:] where field.matches(what) {
                let agent = request.lineage.agent.agent
                let key = Key(agent: agent, what: what, resource: request.resource)
                if let place = places[key] {
                    found[place].count &+= count
                    found[place].last = record.time
                } else {
                    places[key] = found.count
                    found.append(
                        Sighting(
                            agent: agent,
                            lineage: record.lineage,
                            what: what,
                            resource: request.resource,
                            count: count,
                            first: record.time,
                            last: record.time,
                            record: record.sequence
                        )
                    )
                }
            }
        }
        return found
    }
}

extension Sighting {
    /// One line for people.
    package func text(_ style: TextStyle) -> String {
        "\(agent)  \(TerminalText.escaped(lineage))  \(TerminalText.escaped(what)) \(count) from "
            + "\(TerminalText.escaped(resource))  "
            + style.faint("record \(record), \(first.text) to \(last.text)")
    }

    /// One JSON object, keys sorted.
    package func json() throws -> String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        return TerminalText.escapedJSON(String(decoding: try encoder.encode(self), as: UTF8.self))
    }
}
