internal import Foundation
package import Model

/// That an agent was given something masked.
package struct Sighting: Sendable, Hashable, Codable {
    package let agent: AgentID
    package let lineage: String
    /// `email`, `credential`, `column public.users.ssn`.
    package let what: String
    /// From where: a server, or a child's stream, `stdout of RUN.N`.
    package let resource: String
    /// Values of a kind; rows with a column; replies, or pieces of a stream, with a credential.
    package internal(set) var count: UInt64
    package internal(set) var first: Timestamp
    package internal(set) var last: Timestamp
    /// The first's record.
    package let record: Int64
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
