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
    /// Nil for every one.
    private let kinds: Set<Data>?

    /// Whether the lineage of what is taken is held against the launches on record, as a receipt's reader does.
    var checksDescent: Bool { kinds != nil }

    /// What receipts are of.
    private static let receipts: Set<Data> = [Data(EntryColumns.spawn.utf8), Data(EntryColumns.request.utf8)]

    func takes(_ record: StoredRecord) -> Bool {
        if takenAnyway.contains(record.sequence) { return true }
        if let kinds, !kinds.contains(record.kind) { return false }
        if let run, record.run != run { return false }
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
        case .run(let run): self.init(from: try Self.start(of: run, database), until: end, run: run)
        case .agent(let agent):
            guard let launch = try Self.launch(of: agent, before: .max, database) else {
                throw Stop(.lineage, "the launch of agent \(agent.text) is not on record")
            }
            let above = try Self.launches(above: launch, database)
            self.init(from: launch.sequence, until: end, run: agent.run, below: agent, and: above)
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
        below agent: AgentID? = nil,
        and others: [Int64] = [],
        kinds: Set<Data>? = receipts
    ) {
        ranges = others.map { $0...$0 } + (start <= end ? [start...end] : [])
        takenAnyway = Set(others)
        self.kinds = kinds
        self.run = run.map { Data($0.utf8) }
        below = agent.map { Data("/\($0.text)/".utf8) }
    }

    private init(single records: [Int64]) {
        ranges = records.map { $0...$0 }
        takenAnyway = Set(records)
        (run, below) = (nil, nil)
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
        return try row.map { row in
            guard let record = StoredRecord(row: row) else {
                throw Stop(.changed, "the launch of agent \(agent.text) has a column of another type")
            }
            return record
        }
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
