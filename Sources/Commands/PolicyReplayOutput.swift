internal import ArgumentParser
internal import Audit
internal import Foundation
internal import Model
internal import Profiles

/// `bailey replay --as-policy`: what another profile would have decided, record by record.
struct PolicyReplayOutput {
    /// Something would have been decided otherwise.
    private static let differs = ExitCode(1)
    /// Nothing would, as far as can be told, and not all can be.
    private static let untold = ExitCode(2)
    /// sysexits.h, EX_DATAERR and EX_NOINPUT.
    static let unreadable = ExitCode(65)
    static let noInput = ExitCode(66)

    let asJSON: Bool

    func print(_ replay: consuming PolicyReplay, _ scope: ReplayScope, in reader: AuditReader) throws {
        var replay = replay
        var counts: [Hindsight.Change: Int] = [:]
        try reader.decisions(of: scope) { record, entry, isOfScope in
            guard let hindsight = replay.take(entry, isOfScope: isOfScope), isOfScope else { return }
            counts[hindsight.change, default: 0] += 1
            if asJSON {
                Swift.print(try ReplayedDecision(record, entry, hindsight).line())
            } else if hindsight.change != .same {
                Swift.print(Self.text(record, entry, hindsight))
            }
        }
        guard replay.isUsed else {
            let names = replay.seen.map(TerminalText.escaped).joined(separator: ", ")
            RunCommand.complain(
                "no agent of it had the profile '\(TerminalText.escaped(replay.name))'; it has \(names): say which of them with "
                    + "--in-place-of NAME"
            )
            throw Self.noInput
        }
        Swift.print(try asJSON ? ReplayedSummary(counts, replay).line() : Self.summary(counts, replay))
        if [.denied, .asked, .allowed].contains(where: { counts[$0] != nil }) { throw Self.differs }
        if counts[.unknown] != nil { throw Self.untold }
    }

    private static func text(_ record: AuditRecord, _ entry: AuditEntry, _ hindsight: Hindsight) -> String {
        let head = [
            String(repeating: " ", count: max(0, 6 - "\(record.sequence)".utf8.count)) + "\(record.sequence)",
            record.time.text, TerminalText.escaped(record.agent ?? "-"), TerminalText.escaped(record.lineage),
            hindsight.change.rawValue,
        ]
        let was =
            "  was \(hindsight.was.rawValue)" + (hindsight.now.map { ", would be \($0.rawValue)" } ?? "")
        return
            ([head.joined(separator: "  "), "    " + TerminalText.escaped(entry.asked), was]
            + hindsight.reasons.map { "  " + TerminalText.joined($0) }).joined(separator: "\n")
    }

    private static func summary(_ counts: [Hindsight.Change: Int], _ replay: PolicyReplay) -> String {
        let words: [(Hindsight.Change, String)] = [
            (.same, "the same"), (.denied, "newly denied"), (.asked, "newly asked"),
            (.allowed, "newly allowed"),
            (.unknown, "cannot be told"),
        ]
        let parts = words.map { "\(counts[$0.0] ?? 0) \($0.1)" }.joined(separator: ", ")
        return "\(parts); in place of \(TerminalText.escaped(replay.name)): SHA-256 \(replay.digest)"
    }
}

extension AuditEntry {
    /// What was decided about, in one line; empty for what is no decision.
    fileprivate var asked: String {
        switch self {
        case .spawn(let record):
            "launch under \(record.lineage.agent.profile): " + record.argv.joined(separator: " ")
        case .spawnRefused(let record):
            "launch under \(record.profile): " + record.argv.joined(separator: " ")
        case .request(let record):
            record.statement.map { "\($0.text.shown) \(record.resource)" }
                ?? "\(record.action)\(record.query.map { "?" + $0 } ?? "") \(record.resource)"
        case .exit, .replies, .revocation, .approval, .custody, .renewal: ""
        }
    }
}

/// One line of `--json`; what is not there is left out.
private struct ReplayedDecision: Encodable {
    let event = "decision"
    let record: Int64
    let time: String
    let run: String
    let agent: String?
    let lineage: String
    let change: String
    let was: String
    let now: String?
    let reasons: [String]
    var action: String?
    var resource: String?
    var query: String?
    var statement: String?
    var profile: String?

    init(_ source: AuditRecord, _ entry: AuditEntry, _ hindsight: Hindsight) {
        (record, time, run) = (source.sequence, source.time.text, source.run)
        (agent, lineage) = (source.agent, source.lineage)
        (change, was) = (hindsight.change.rawValue, hindsight.was.rawValue)
        (now, reasons) = (hindsight.now?.rawValue, hindsight.reasons)
        switch entry {
        case .spawn(let launch): (action, profile) = ("launch", launch.lineage.agent.profile)
        case .spawnRefused(let refusal): (action, profile) = ("launch", refusal.profile)
        case .request(let request):
            (action, resource, query) = (request.action, request.resource, request.query)
            statement = request.statement?.text.shown
        case .exit, .replies, .revocation, .approval, .custody, .renewal: break
        }
    }
}

/// The last one.
private struct ReplayedSummary: Encodable {
    let event = "summary"
    let profile: String
    let digest: String
    let counts: [String: Int]

    private enum Key: String, CodingKey { case event, profile, digest }

    init(_ counts: [Hindsight.Change: Int], _ replay: PolicyReplay) {
        (profile, digest) = (replay.name, replay.digest)
        let all = Hindsight.Change.allCases.map { ($0.rawValue, counts[$0] ?? 0) }
        self.counts = Dictionary(uniqueKeysWithValues: all)
    }

    func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: Key.self)
        try container.encode(event, forKey: .event)
        try container.encode(profile, forKey: .profile)
        try container.encode(digest, forKey: .digest)
        try counts.encode(to: encoder)
    }
}

extension Encodable {
    fileprivate func line() throws -> String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        return TerminalText.escapedJSON(String(decoding: try encoder.encode(self), as: UTF8.self))
    }
}
