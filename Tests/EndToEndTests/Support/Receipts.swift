import Foundation

extension Place {
    /// The public key that the log is signed with.
    func auditKey() throws -> String {
        struct Verified: Decodable {
            struct Head: Decodable { let publicKey: String }
            let head: Head
        }
        let output = try bailey(["audit", "verify", "--json"]).output
        return try JSONDecoder().decode(Verified.self, from: Data(output.utf8)).head.publicKey
    }

    /// What `examples/receipts/verify.py` says of a file.
    func verifyReceipt(_ file: String, key: String) throws -> Outcome {
        try control("/usr/bin/python3 '\(Checkout.path)/examples/receipts/verify.py' --key \(key) '\(file)'")
    }

    /// Exports receipts of everything, and has them verified.
    func verifiedReceipt() throws -> Outcome {
        let file = root + "/receipt.jsonl"
        let export = try bailey(["audit", "export", "--receipts", "-o", file])
        guard export.code == 0 else { return export }
        return try verifyReceipt(file, key: try auditKey())
    }
}
