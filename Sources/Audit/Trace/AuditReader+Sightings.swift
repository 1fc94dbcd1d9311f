internal import GRDB
internal import Model

extension AuditReader {
    /// Which agents were given a field, masked, in the order in which they were first: in replies, and in the streams between
    /// an agent and its child.
    ///
    /// In memory are agents with what they were given and from where, not each time.
    package func sightings(of field: MaskedField) throws -> [Sighting] {
        var found = SightingList(field)
        // Of a credential that came back its own record alone says more than that it was put in.
        let credentials =
            field.isCredential
            ? " OR json_extract(payload, '$.credential') IS NOT NULL AND json_array_length(payload, '$.levels') = 0"
            : ""
        let sql =
            "SELECT \(AuditRecord.columns) FROM records WHERE kind = '\(EntryColumns.request)' AND verdict = 'allow' "
            + "AND (json_extract(payload, '$.masked') IS NOT NULL\(credentials)) OR kind = '\(EntryColumns.exit)' "
            + "AND json_extract(payload, '$.masked') IS NOT NULL ORDER BY sequence"
        try each(sql, []) { record in
            switch record.entry {
            case .request(let request): found.add(request, record)
            case .exit(let exit): found.add(exit, record)
            case .spawn, .spawnRefused, .replies, .revocation, .approval, .custody, .renewal, nil: return
            }
        }
        return found.sightings
    }
}

/// What was found so far.
private struct SightingList {
    private struct Key: Hashable {
        let agent: AgentID
        let what: String
        let resource: String
    }

    private let field: MaskedField
    private(set) var sightings: [Sighting] = []
    private var places: [Key: Int] = [:]

    init(_ field: MaskedField) { self.field = field }

    /// What was masked in a reply, its agent got.
    mutating func add(_ request: RequestRecord, _ record: AuditRecord) {
        let agent = request.lineage.agent.agent
        for (what, count) in Self.ordered(request.masked) {
            add(agent, record.lineage, what, from: request.resource, count, record)
        }
        guard request.matter == .note, request.credential != nil else { return }
        add(agent, record.lineage, MaskedField.credential, from: request.resource, 1, record)
    }

    /// What a child wrote went to its parent, and what it read came from there.
    mutating func add(_ exit: ExitRecord, _ record: AuditRecord) {
        guard let parent = exit.lineage.ancestors.last else { return }
        let child = exit.lineage.agent.agent
        let above = Lineage.text(
            of: [exit.lineage.principal.subject] + exit.lineage.ancestors.map(\.name)
        )
        for (place, count) in Self.ordered(exit.masked) {
            guard let stream = MaskedStream(place) else { continue }
            let resource = "\(stream.name) of \(child)"
            if stream.isInput {
                add(child, record.lineage, stream.what, from: resource, count, record)
            } else {
                add(parent.agent, TerminalText.escaped(above), stream.what, from: resource, count, record)
            }
        }
    }

    private static func ordered(_ counts: [String: UInt64]?) -> [(String, UInt64)] {
        (counts ?? [:]).sorted { $0.key.precedes($1.key) }.map { ($0.key, $0.value) }
    }

    private mutating func add(
        _ agent: AgentID,
        _ lineage: String,
        _ what: String,
        from resource: String,
        _ count: UInt64,
        _ record: AuditRecord
    ) {
        guard field.matches(what) else { return }
        let key = Key(agent: agent, what: what, resource: resource)
        if let place = places[key] {
            sightings[place].count &+= count
            sightings[place].last = record.time
            return
        }
        places[key] = sightings.count
        sightings.append(
            Sighting(
                agent: agent,
                lineage: lineage,
                what: what,
                resource: resource,
                count: count,
                first: record.time,
                last: record.time,
                record: record.sequence
            )
        )
    }
}

/// What was masked on one of a child's streams, as its end has it on record: `credential on stdout`.
private struct MaskedStream {
    let what: String
    /// `stdin`, `stdout`, `stderr`, `terminal`: what is shown on one.
    let name: String

    /// Nil for what has no stream.
    init?(_ recorded: String) {
        let words = recorded.cut(at: " ", omittingEmptySubsequences: false)
        guard words.count == 3, words[1].isSame(as: "on") else { return nil }
        (what, name) = (String(words[0]), String(words[2]))
    }

    var isInput: Bool { name.isSame(as: "stdin") }
}
