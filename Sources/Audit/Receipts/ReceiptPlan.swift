internal import Foundation
internal import GRDB
internal import Model

/// Where an export looks, and what it takes of what it finds.
struct ReceiptPlan {
    /// Ascending, apart from each other; each is looked through without a gap.
    let ranges: [ClosedRange<Int64>]
    private let takenAnyway: Set<Int64>
    private let run: Data?
    /// `/RUN.N/`, which the ancestry of an agent and all below it holds.
    private let below: Data?
    /// Agents above that one, whose revocations cut it off as well.
    private let above: Set<Data>
    /// The column of a revocation of the run's principal; nil for every principal's.
    private let principal: Data?
    /// Nil for every one.
    private let kinds: Set<Data>?

    /// Whether the lineage of what is taken is held against the launches on record, as a receipt's reader does.
    var checksDescent: Bool { kinds != nil }

    /// What receipts are of.
    private static let receipts = Set(
        [EntryColumns.spawn, EntryColumns.request, EntryColumns.revocation].map { Data($0.utf8) }
    )
    fileprivate static let revocation = Data(EntryColumns.revocation.utf8)

    func takes(_ record: StoredRecord) -> Bool {
        if takenAnyway.contains(record.sequence) { return true }
        if let kinds, !kinds.contains(record.kind) { return false }
        if kinds != nil, record.isOfPrincipal {
            return principal.map { record.lineage == $0 } ?? (run == nil)
        }
        if let run, record.run != run { return false }
        if record.kind == Self.revocation, let agent = record.agent, above.contains(agent) { return true }
        if let below, record.ancestry.range(of: below) == nil { return false }
        return true
    }

    /// How many records are looked at.
    var total: Int64 { ranges.reduce(0) { $0 + Int64($1.count) } }
}

extension ReceiptPlan {
    /// Of a scope, in a store that ends at this record.
    init(_ scope: ReceiptScope, until end: Int64, in database: Database) throws {
        switch scope {
        case .everything: self.init(from: 1, until: end)
        case .run(let run):
            let launch = try Self.firstLaunch(of: run, database)
            let root = try launch.map { try Descent.lineage(of: $0) }
            self.init(from: try Self.start(of: run, database), until: end, run: run, of: root)
        case .agent(let agent):
            guard let launch = try Self.launch(of: agent, before: .max, database) else {
                throw Stop(.lineage, "the launch of agent \(agent.text) is not on record")
            }
            self.init(
                from: launch.sequence,
                until: end,
                run: agent.run,
                of: try Descent.lineage(of: launch),
                below: agent,
                and: try Self.launches(above: launch, database)
            )
        case .record(let sequence): self.init(single: try Self.records(of: sequence, database))
        }
    }

    /// Records of every kind, behind one and up to another.
    init(_ selection: RecordSelection, until end: Int64) {
        self.init(
            from: selection.after + 1,
            until: end,
            run: selection.run ?? selection.agent?.run,
            below: selection.agent,
            kinds: nil
        )
    }

    private init(
        from start: Int64,
        until end: Int64,
        run: String? = nil,
        of lineage: Lineage? = nil,
        below agent: AgentID? = nil,
        and others: [Int64] = [],
        kinds: Set<Data>? = receipts
    ) {
        ranges = others.map { $0...$0 } + (start <= end ? [start...end] : [])
        takenAnyway = Set(others)
        self.kinds = kinds
        self.run = run.map { Data($0.utf8) }
        below = agent.map { Data("/\($0.text)/".utf8) }
        above = Set((lineage?.ancestors ?? []).map { Data($0.agent.text.utf8) })
        principal = lineage.map { Data(TerminalText.escaped($0.principal.subject).utf8) }
    }

    private init(single records: [Int64]) {
        ranges = records.map { $0...$0 }
        takenAnyway = Set(records)
        (run, below, above, principal) = (nil, nil, [], nil)
        kinds = Self.receipts
    }

    /// The record before which nothing of a run is.
    private static func start(of run: String, _ database: Database) throws -> Int64 {
        try Int64.fetchOne(
            database,
            sql: "SELECT min(sequence) FROM records WHERE run = ? AND \(Schema.isOfLife)",
            arguments: [run]
        ) ?? 1
    }

    /// A record, the decision that it is a sequel of, and the launches of its lineage.
    private static func records(of sequence: Int64, _ database: Database) throws -> [Int64] {
        guard let record = try StoredRecord.fetch(sequence, database) else {
            throw NoReceipt(record: sequence, kind: nil)
        }
        guard receipts.contains(record.kind) else {
            throw NoReceipt(record: sequence, kind: String(decoding: record.kind, as: UTF8.self))
        }
        let decision = try Self.decision(of: record, database)
        let launches = try Self.launches(above: record, database)
        return Array(Set(launches + [decision, sequence].compactMap { $0 })).sorted()
    }

    /// The launches of everybody above a record's agent, and of that itself; ascending.
    private static func launches(above record: StoredRecord, _ database: Database) throws -> [Int64] {
        if record.isOfPrincipal { return [] }
        let lineage = try Descent.lineage(of: record)
        let isLaunch = record.kind == Data(EntryColumns.spawn.utf8)
        let hops = isLaunch ? lineage.ancestors : lineage.hops
        return try hops.map { hop in
            guard let launch = try launch(of: hop.agent, before: record.sequence, database) else {
                throw Descent.withoutLaunch(record, hop.agent)
            }
            return launch.sequence
        }.sorted()
    }

    /// The record of an agent's launch.
    static func launch(
        of agent: AgentID,
        before sequence: Int64,
        _ database: Database
    ) throws -> StoredRecord? {
        let row = try Row.fetchOne(
            database,
            sql:
                "SELECT \(StoredRecord.columns) FROM records WHERE run = ? AND \(Schema.isOfLife) AND kind = ? "
                + "AND agent = ? AND sequence < ? ORDER BY sequence LIMIT 1",
            arguments: [agent.run, EntryColumns.spawn, agent.text, sequence]
        )
        return try row.map { try launch($0, "of agent \(agent.text)") }
    }

    /// That of the root agent.
    private static func firstLaunch(of run: String, _ database: Database) throws -> StoredRecord? {
        let row = try Row.fetchOne(
            database,
            sql:
                "SELECT \(StoredRecord.columns) FROM records WHERE run = ? AND \(Schema.isOfLife) AND kind = ? "
                + "ORDER BY sequence LIMIT 1",
            arguments: [run, EntryColumns.spawn]
        )
        return try row.map { try launch($0, "of run \(run)") }
    }

    private static func launch(_ row: Row, _ whose: String) throws -> StoredRecord {
        guard let record = StoredRecord(row: row) else {
            throw Stop(.changed, "the launch \(whose) has a column of another type")
        }
        return record
    }

    /// Of what befell a request that was allowed: the record of its decision.
    private static func decision(of record: StoredRecord, _ database: Database) throws -> Int64? {
        guard let request = try? JSONDecoder().decode(RequestRecord.self, from: record.payload),
            request.matter != .decision, let exchange = request.exchange.flatMap(Int64.init(exactly:))
        else { return nil }
        return try Int64.fetchOne(
            database,
            sql: "SELECT sequence FROM records WHERE run = ? AND kind = ? AND sequence < ? "
                + "AND json_extract(payload, '$.exchange') = ? AND json_array_length(payload, '$.levels') > 0 "
                + "ORDER BY sequence DESC LIMIT 1",
            arguments: [
                String(decoding: record.run, as: UTF8.self), EntryColumns.request, record.sequence, exchange,
            ]
        )
    }
}

extension StoredRecord {
    /// Whether a principal was revoked, or that was lifted: of no agent, and without a lineage.
    var isOfPrincipal: Bool { agent == nil && kind == ReceiptPlan.revocation }

    /// The record of a sequence; nil where there is none.
    fileprivate static func fetch(_ sequence: Int64, _ database: Database) throws -> StoredRecord? {
        let sql = "SELECT \(columns) FROM records WHERE sequence = ?"
        return try Row.fetchOne(database, sql: sql, arguments: [sequence]).map { row in
            guard let record = StoredRecord(row: row) else {
                throw Stop(.changed, record: sequence, "record \(sequence) has a column of another type")
            }
            return record
        }
    }
}
