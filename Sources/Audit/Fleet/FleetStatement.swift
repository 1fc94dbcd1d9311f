internal import Foundation
internal import PostgresLink

/// Adds a piece to the tables of a database in one statement, and so in one transaction and one round trip.
struct FleetStatement {
    let text: String
    let parameters: [PostgresValue]

    static let recordTable = "bailey_record"
    static let sealTable = "bailey_seal"
    static let recordColumns =
        "sequence, run, time, kind, agent, lineage, ancestry, verdict, payload, previous, hash"
    static let sealColumns = "last, first, digests, signature"
    static let messageTable = "bailey_approval"
    /// What a role gives of a message, and what the server gives.
    static let givenColumns = [
        "kind", "chain", "holder", "supervisor", "question", "text", "whole", "signature",
    ]
    static let serverColumns = ["number", "added"]
    /// The same as they are read: whoever may add a row may add a long one, which is none.
    static let readColumns =
        ["kind", "chain", "holder", "supervisor", "question"].map { "left(\($0), \(FleetLimits.column))" }
        .joined(separator: ", ")
        + ", CASE WHEN octet_length(text) <= \(FleetLimits.text) THEN text END, substr(signature, 1, \(FleetLimits.column))"

    /// Fails as a whole where something is in the place of a row, unless it passes over those; gives no row.
    init(adding piece: FleetPiece, to chain: String, passesOver: Bool) {
        var parameters: [PostgresValue] = [.text(chain)]
        let records = piece.records.map { record in
            Self.row(
                [
                    .number(record.sequence), .text(of: record.run), .number(record.time),
                    .text(of: record.kind), .text(of: record.agent), .text(of: record.lineage),
                    .text(of: record.ancestry), .text(of: record.verdict), .text(of: record.payload),
                    .octets(Array(record.previous)), .octets(Array(record.hash)),
                ],
                &parameters
            )
        }
        let seals = piece.seals.map { seal in
            Self.row(
                [
                    .number(seal.last), .number(seal.first), .octets(Array(seal.digests)),
                    .octets(Array(seal.signature)),
                ],
                &parameters
            )
        }
        self.parameters = parameters
        let conflict = passesOver ? " ON CONFLICT DO NOTHING" : ""
        text = """
            WITH recorded AS (INSERT INTO \(Self.recordTable) (chain, \(Self.recordColumns)) \
            VALUES \(records.joined(separator: ", "))\(conflict)) \
            INSERT INTO \(Self.sealTable) (chain, \(Self.sealColumns)) \
            VALUES \(seals.joined(separator: ", "))\(conflict)
            """
    }

    /// `($1, $2, …)`, with the chain in front.
    private static func row(_ values: [PostgresValue], _ parameters: inout [PostgresValue]) -> String {
        let first = parameters.count + 1
        parameters += values
        return "($1, " + (first..<first + values.count).map { "$\($0)" }.joined(separator: ", ") + ")"
    }
}

extension PostgresValue {
    /// Octets of UTF-8; NULL for none.
    fileprivate static func text(of octets: Data?) -> PostgresValue {
        octets.map { .text(Array($0)) } ?? .null
    }
}
