internal import Foundation
internal import Model

/// What a lineage fills in a record, and its JSON: the same in every record of an agent, so as octets of UTF-8.
struct LineageColumns: Sendable {
    let agent: Data
    let run: Data
    /// As it is shown: escaped for a terminal.
    let text: Data
    /// `/RUN.1/RUN.3/`: the ids, root first.
    let ancestry: Data
    /// Canonical.
    let json: [UInt8]

    /// Of a lineage whose names are masked.
    init(_ lineage: Lineage) {
        agent = Data(lineage.agent.agent.text.utf8)
        run = Data(lineage.agent.agent.run.utf8)
        text = Data(TerminalText.escaped(lineage.description).utf8)
        ancestry = Data((lineage.hops.map { "/" + $0.agent.text }.joined() + "/").utf8)
        var json = CanonicalJSON()
        json.write(lineage)
        self.json = json.octets
    }
}
