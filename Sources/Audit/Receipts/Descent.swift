internal import Foundation
internal import GRDB
internal import Model

/// Sees to it that each record says the lineage that the launch of its agent did, and that each launch continues that of
/// its parent: what a receipt's reader checks as well.
struct Descent {
    /// As they were launched, by agent.
    private var known: [AgentID: Lineage] = [:]

    /// What of a record's entry matters here.
    private struct Descended: Decodable { let lineage: Lineage }

    static func lineage(of record: StoredRecord) throws(Stop) -> Lineage {
        guard let entry = try? JSONDecoder().decode(Descended.self, from: record.payload) else {
            throw Stop(.lineage, record: record.sequence, "record \(record.sequence) says no lineage")
        }
        return entry.lineage
    }

    static func withoutLaunch(_ record: StoredRecord, _ agent: AgentID) -> Stop {
        Stop(
            .lineage,
            record: record.sequence,
            "record \(record.sequence) is of agent \(agent.text) or of one below it, whose launch is not on record "
                + "before it"
        )
    }

    mutating func check(_ record: StoredRecord, _ database: Database) throws {
        if record.isOfPrincipal { return }
        let lineage = try Self.lineage(of: record)
        guard record.agent == Data(lineage.agent.agent.text.utf8) else { throw other(record) }
        guard record.kind == Data(EntryColumns.spawn.utf8) else {
            guard try launched(lineage.agent.agent, record, database).isSame(as: lineage) else {
                throw other(record)
            }
            return
        }
        if let parent = lineage.ancestors.last {
            guard try launched(parent.agent, record, database).isParent(of: lineage) else {
                throw other(record)
            }
        }
        remember(lineage)
    }

    /// The lineage with which an agent was launched, before this record.
    private mutating func launched(
        _ agent: AgentID,
        _ record: StoredRecord,
        _ database: Database
    ) throws -> Lineage {
        if let lineage = known[agent] { return lineage }
        guard let launch = try ReceiptPlan.launch(of: agent, before: record.sequence, database) else {
            throw Self.withoutLaunch(record, agent)
        }
        let lineage = try Self.lineage(of: launch)
        remember(lineage)
        return lineage
    }

    private mutating func remember(_ lineage: Lineage) {
        if known.count >= AuditLimits.exportedLineages { known.removeAll(keepingCapacity: true) }
        known[lineage.agent.agent] = lineage
    }

    private func other(_ record: StoredRecord) -> Stop {
        Stop(
            .lineage,
            record: record.sequence,
            "record \(record.sequence) says another lineage than the launches on record"
        )
    }
}

extension Lineage {
    /// Names are left out: a value that is masked from some moment on may be in one.
    fileprivate func isSame(as other: Lineage) -> Bool {
        principal == other.principal && hops.elementsEqual(other.hops, by: Self.isSame)
    }

    fileprivate func isParent(of child: Lineage) -> Bool {
        principal == child.principal && hops.elementsEqual(child.ancestors, by: Self.isSame)
    }

    private static func isSame(_ hop: Hop, _ other: Hop) -> Bool {
        hop.agent == other.agent && hop.profileDigest == other.profileDigest
    }
}
