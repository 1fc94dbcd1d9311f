internal import Model
internal import Wire

extension MaskNote {
    fileprivate var isOfCredential: Bool { if case .credential = self { true } else { false } }

    /// For the record: never a value.
    fileprivate var message: String {
        switch self {
        case .credential(let part):
            "the credential came back in the reply's \(part.rawValue) and was masked there"
        case .kinds(let counts):
            "masked in the reply's body: "
                + counts.sorted { $0.key < $1.key }.map { "\($0.value) \($0.key.rawValue)" }.joined(
                    separator: ", "
                )
        }
    }
}

// What comes of requests that were allowed.
extension Authoriser {
    /// Writes the record of what was masked in a reply; nothing waits for it.
    func masked(_ request: Request, _ exchange: UInt64, _ credential: String?, _ note: MaskNote) {
        let entry = RequestRecord(
            lineage: resident.lineage,
            action: request.summary,
            resource: request.endpoint.description,
            exchange: exchange,
            verdict: .allow,
            levels: [],
            message: note.message,
            credential: note.isOfCredential ? credential : nil
        )
        gatehouse.audit.append(.request(entry), until: .written) { _ in }
    }

    /// Writes what came of a request that was allowed; nothing waits for it.
    func replied(_ reply: Reply) {
        let record = RepliesRecord(lineage: resident.lineage, replies: [reply])
        gatehouse.audit.append(.replies(record), until: .soon) { _ in }
    }
}
