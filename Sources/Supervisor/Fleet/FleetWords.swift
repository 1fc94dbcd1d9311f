internal import Approvals
internal import Client
internal import Foundation
internal import Model

/// What waits on a machine, as others are told of it.
struct FleetQuestion: Codable, Sendable {
    /// SHA-256 of the word that says that it is over, in lower-case hex; first in the text, where the database looks for it.
    let end: String
    /// When it was put there: milliseconds since 1970 of the clock of the machine that holds it.
    let time: Int64
    /// Subjects and groups that the rules which ask name.
    let named: [String]
    /// As it was then, masked.
    var held: HeldSummary
    /// SHA-256 of all of a launch, in lower-case hex; nil for a request.
    let whole: String?
}

/// What somebody says to it on another machine.
struct FleetAnswer: Codable, Sendable {
    /// Sixteen random octets in lower-case hex: an answer counts once.
    let nonce: String
    /// Milliseconds since 1970.
    let time: Int64
    let question: String
    /// The agent's id, and the SHA-256 of the canonical request.
    let agent: String
    let digest: String
    let approves: Bool
    /// `once`, `15m`, `agent`; nil for once, and for a denial.
    let life: String?
    let reason: String?
    /// Who says so, by all their names, and the groups that they are in, as that machine has them.
    let subject: String
    let names: [String]
    let groups: [String]
    /// How it came there; nil for that supervisor's own socket.
    let via: String?
}

/// What came of an answer.
struct FleetSettlement: Codable, Sendable {
    enum Outcome: String, Codable, Sendable {
        case done, seconded, unknown, refused, unrecorded
    }

    let nonce: String
    let outcome: Outcome
    /// How many more have to approve.
    let missing: Int?
    let words: String?

    init(_ outcome: AnswerOutcome, to nonce: String) {
        self.nonce = nonce
        switch outcome {
        case .done: (self.outcome, missing, words) = (.done, nil, nil)
        case .seconded(let count): (self.outcome, missing, words) = (.seconded, count, nil)
        case .unknown: (self.outcome, missing, words) = (.unknown, nil, nil)
        case .refused(let why): (self.outcome, missing, words) = (.refused, nil, why)
        case .unrecorded(let failure): (self.outcome, missing, words) = (.unrecorded, nil, "\(failure)")
        }
    }

    var answer: AnswerOutcome {
        switch outcome {
        case .done: .done(1)
        case .seconded: .seconded(missing: max(1, missing ?? 1))
        case .unknown: .unknown
        case .refused: .refused(words ?? "it did not say why")
        case .unrecorded: .unrecorded(AuditFailure(words ?? "it did not say why"))
        }
    }
}

/// The text of a message: JSON with its keys in order.
enum FleetText {
    static func octets(_ value: some Encodable) throws -> [UInt8] {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        return Array(try encoder.encode(value))
    }

    /// Nil for what is none.
    static func value<Value: Decodable>(_ type: Value.Type, _ octets: [UInt8]) -> Value? {
        try? JSONDecoder().decode(type, from: Data(octets))
    }
}
