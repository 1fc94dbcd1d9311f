internal import Foundation
internal import Model

/// The lines of a receipt, each an object of JSON: docs/receipts.md.
///
/// A column is a string that stands for exactly the octets that were hashed.
enum ReceiptLine {
    /// The format's name and version.
    private static let format = "bailey-receipts-v1"

    static func head(_ publicKey: String) -> String {
        line { json in
            json.member("format", format)
            json.member("publicKey", publicKey)
        }
    }

    static func end(_ written: ReceiptProgress) -> String {
        line { json in
            json.member("end") { json in
                json.object { json in
                    json.member("records", written.records)
                    json.member("seals", written.seals)
                }
            }
        }
    }

    static func text(of item: ReceiptItem) throws -> String {
        switch item {
        case .seal(let seal): text(of: seal)
        case .record(let record): try text(of: record)
        }
    }

    private static func text(of seal: Seal) -> String {
        line { json in
            json.member("seal") { json in
                json.object { json in
                    json.member("digests") { json in
                        json.array((seal.first...seal.last).compactMap(seal.digest)) { $0.string($1.hex) }
                    }
                    json.member("first", seal.first)
                    json.member("last", seal.last)
                    json.member("signature", seal.signature.hex)
                }
            }
        }
    }

    private static func text(of record: StoredRecord) throws -> String {
        let agent = try record.agent.map { try record.string($0) }
        let verdict = try record.verdict.map { try record.string($0) }
        let (ancestry, kind) = (try record.string(record.ancestry), try record.string(record.kind))
        let (lineage, run) = (try record.string(record.lineage), try record.string(record.run))
        let payload = try record.string(record.payload)
        return line { json in
            json.member("record") { json in
                json.object { json in
                    json.member("agent", agent)
                    json.member("ancestry", ancestry)
                    json.member("kind", kind)
                    json.member("lineage", lineage)
                    json.member("payload", payload)
                    json.member("previous", record.previous.hex)
                    json.member("run", run)
                    json.member("sequence", record.sequence)
                    json.member("time", record.time)
                    json.member("verdict", verdict)
                }
            }
        }
    }

    /// One line that steers no terminal.
    private static func line(_ members: (inout CanonicalJSON) -> Void) -> String {
        var json = CanonicalJSON()
        json.object(members)
        return TerminalText.escapedJSON(String(decoding: json.octets, as: UTF8.self))
    }
}
