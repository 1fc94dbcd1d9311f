import Audit
import Foundation
import TestSupport

/// A receipt as lines, and the example's verifier, which shares no code with what wrote it.
struct Receipt {
    var lines: [String]
    var key: String

    /// What `examples/receipts/verify.py`, or a copy of it, says of it.
    func verified(by verifier: String = Self.verifier) throws -> Outcome {
        let text = lines.map { $0 + "\n" }.joined()
        return try Command.run(
            ["/usr/bin/python3", verifier, "--key", key, "-"],
            environment: ["PATH": "/usr/bin:/bin", "LANG": "C.UTF-8"],
            directory: "/",
            input: Data(text.utf8)
        )
    }

    static let verifier = URL(filePath: #filePath)
        .appending(path: "../../../examples/receipts/verify.py").standardizedFileURL.path

    /// Takes lines out, and makes the end's numbers fit again, as somebody who hides them would.
    mutating func remove(where isHidden: (String) -> Bool) {
        lines.removeAll(where: isHidden)
        fitEnd()
    }

    mutating func fitEnd() {
        let (records, seals) = (count("{\"record\":"), count("{\"seal\":"))
        lines[lines.count - 1] = "{\"end\":{\"records\":\(records),\"seals\":\(seals)}}"
    }

    func count(_ beginning: String) -> Int { lines.count { $0.hasPrefix(beginning) } }

    /// Where the first line is that has a text in it.
    func place(of text: String) -> Int? { lines.firstIndex { $0.contains(text) } }
}

extension StateFixture {
    func receipt(_ scope: ReceiptScope = .everything) throws -> Receipt {
        let export = try ReceiptExport(directory: path)
        var lines: [String] = []
        try export.write(scope, to: { lines.append($0) })
        return Receipt(lines: lines, key: export.publicKey)
    }

    /// The finding with which an export is refused; nil when it is not.
    func refusal(_ scope: ReceiptScope = .everything) throws -> AuditFinding? {
        do {
            _ = try receipt(scope)
            return nil
        } catch let error as BrokenStore {
            return error.finding
        }
    }

    /// A receipt of all records that another program made of the store, and that checked none.
    func uncheckedReceipt() throws -> Receipt {
        let key = try Data(contentsOf: URL(fileURLWithPath: path + "/keys/audit.pub"))
        let hex = key.map { String(Int($0) + 0x100, radix: 16).dropFirst() }.joined()
        let seals = try sqliteOutput(
            "SELECT first || ' ' || last || ' ' || lower(hex(digests)) || ' ' || lower(hex(signature)) FROM seals"
        )
        var receipt = Receipt(
            lines: ["{\"format\":\"bailey-receipts-v1\",\"publicKey\":\"\(hex)\"}"],
            key: hex
        )
        for seal in seals.split(separator: "\n").map({ $0.split(separator: " ").map(String.init) }) {
            let digests = stride(from: 0, to: seal[2].utf8.count, by: 64)
                .map { "\"\(seal[2].dropFirst($0).prefix(64))\"" }.joined(separator: ",")
            receipt.lines.append(
                "{\"seal\":{\"digests\":[\(digests)],\"first\":\(seal[0]),\"last\":\(seal[1]),\"signature\":\"\(seal[3])\"}}"
            )
            receipt.lines += try records(from: seal[0], to: seal[1])
        }
        receipt.lines.append("")
        receipt.fitEnd()
        return receipt
    }

    private func records(from first: String, to last: String) throws -> [String] {
        let columns = [
            "agent", "ancestry", "kind", "lineage", "payload", "run", "sequence", "time", "verdict",
        ]
        .map { "'\($0)', \($0)" }.joined(separator: ", ")
        let output = try sqliteOutput(
            "SELECT json_object('record', json_object(\(columns), 'previous', lower(hex(previous)))) FROM records "
                + "WHERE sequence BETWEEN \(first) AND \(last) ORDER BY sequence"
        )
        return output.split(separator: "\n").map(String.init)
    }
}
