import Foundation

/// One request as `bailey audit --json` shows it.
struct RequestLine: Decodable, CustomStringConvertible {
    let agent: String
    let verdict: String
    let sequence: Int
    let lineage: String
    let record: Details

    var description: String {
        "\(verdict) \(record.action) \(record.resource) [\(record.reason ?? "-")] \(record.message ?? "") by \(lineage)"
    }

    /// The entry itself.
    struct Details: Decodable {
        let action: String
        let resource: String
        let reason: String?
        let message: String?
        let credential: String?
        let approval: String?
        let levels: [Level]
    }

    /// What one level of the lineage said.
    struct Level: Decodable {
        let agent: String
        let profile: String
        let effect: String
        let rule: Rule?
    }

    /// The rule that decided a level.
    struct Rule: Decodable {
        let source: String
        let text: String
    }
}

/// The body of an answer that refuses.
struct Denial: Decodable {
    let error: String
    let agent: String
    let lineage: [String]
    let rule: String?
    let reason: String
    let message: String
    let remedy: String

    private enum CodingKeys: String, CodingKey {
        case error, agent, lineage, rule, reason, message
        case remedy = "how_to_ask"
    }

    /// The first line of a text that is such a body.
    static func first(in text: String) -> Denial? {
        text.split(separator: "\n").lazy.compactMap { line in
            line.firstIndex(of: "{").flatMap {
                try? JSONDecoder().decode(Denial.self, from: Data(line[$0...].utf8))
            }
        }.first
    }
}

/// The reply of `bailey audit show --json`.
struct ShownReply: Decodable {
    struct Body: Decodable {
        let side: String
        let octets: Int
    }

    let sent: Int
    let bodies: [Body]
}

extension Place {
    /// What came of a request.
    func reply(to line: RequestLine) throws -> ShownReply {
        struct Shown: Decodable { let reply: ShownReply }
        let shown = try bailey(["audit", "show", "\(line.sequence)", "--json"])
        return try JSONDecoder().decode(Shown.self, from: Data(shown.output.utf8)).reply
    }

    /// The requests on record, oldest first.
    func records(_ words: [String] = []) throws -> [RequestLine] {
        let outcome = try bailey(["audit", "--json"] + words)
        return outcome.output.split(separator: "\n").compactMap {
            try? JSONDecoder().decode(RequestLine.self, from: Data($0.utf8))
        }
    }

    /// Every regular file below the place whose bytes hold a text.
    func files(holding text: String, below folder: String = "") throws -> [String] {
        let start = folder.isEmpty ? root : root + "/" + folder
        let found = FileManager.default.enumerator(atPath: start)?.compactMap { $0 as? String } ?? []
        return found.filter { name in
            guard let data = FileManager.default.contents(atPath: start + "/" + name) else { return false }
            return data.range(of: Data(text.utf8)) != nil
        }
    }
}
