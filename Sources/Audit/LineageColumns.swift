internal import Model

/// What a lineage fills in a record, and its JSON: the same in every record of an agent.
struct LineageColumns: Sendable {
    let agent: String
    let run: String
    /// As it is shown: escaped for a terminal.
    let text: String
    /// `/RUN.1/RUN.3/`: the ids, root first.
    let ancestry: String
    /// Canonical.
    let json: [UInt8]

    /// Of a lineage whose names are masked.
    init(_ lineage: Lineage) {
        agent = lineage.agent.agent.text
        run = lineage.agent.agent.run
        text = TerminalText.escaped(lineage.description)
        ancestry = lineage.hops.map { "/" + $0.agent.text }.joined() + "/"
        var json = CanonicalJSON()
        json.write(lineage)
        self.json = json.octets
    }
}
