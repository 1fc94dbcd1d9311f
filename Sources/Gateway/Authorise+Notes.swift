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
        case .columns(let rows):
            "masked in the result: "
                + rows.sorted { $0.key.precedes($1.key) }.map { "\($0.key) in \($0.value) rows" }.joined(
                    separator: ", "
                )
        }
    }

    /// The same for machines; nil for what has no kind.
    fileprivate var masked: [String: UInt64]? {
        switch self {
        case .credential: nil
        case .kinds(let counts):
            Dictionary(counts.map { ($0.key.rawValue, UInt64(clamping: $0.value)) }) { $0 &+ $1 }
        case .columns(let rows): Dictionary(rows.map { ("column \($0.key)", $0.value) }) { $0 &+ $1 }
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
            credential: note.isOfCredential ? credential : nil,
            masked: note.masked
        )
        gatehouse.audit.append(.request(entry), until: .written) { _ in }
    }

    /// Writes what came of a request that was allowed; nothing waits for it.
    func replied(_ reply: Reply) {
        let record = RepliesRecord(lineage: resident.lineage, replies: [reply])
        gatehouse.audit.append(.replies(record), until: .soon) { _ in }
    }
}
