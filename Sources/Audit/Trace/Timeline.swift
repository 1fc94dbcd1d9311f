internal import GRDB
internal import Model

/// A run drawn: agents as lanes, requests as marks.
///
/// Of one verdict a lane has one mark for each point of its width: a picture of a million requests is as large as one of a
/// thousand.
package struct Timeline {
    private struct Lane {
        let label: String
        let depth: Int
        let begin: Int
        var end: Int?
        /// How many of each verdict, by their point.
        var marks: [String: [Int: Int]] = [:]
    }

    /// Points of a lane's width, of its label and of its height.
    private static let width = 1_000
    private static let labels = 260
    private static let height = 26
    /// Lanes that are drawn: as many agents as a picture can be read with.
    private static let most = 200

    private let run: String
    private let begin: Timestamp
    private let end: Timestamp
    private var lanes: [Lane] = []
    private var places: [AgentID: Int] = [:]
    private var undrawn = 0
    /// That a session answered in place of every server, as it does for a whole run.
    private var answers: String?

    init(_ run: String, from begin: Timestamp, to end: Timestamp) {
        (self.run, self.begin, self.end) = (run, begin, end)
    }

    private func point(_ time: Timestamp) -> Int {
        let whole = max(1, end.milliseconds(since: begin))
        let part = min(max(0, time.milliseconds(since: begin)), whole)
        return Int(Double(part) / Double(whole) * Double(Self.width))
    }

    mutating func add(_ record: AuditRecord) {
        switch record.entry {
        case .spawn(let spawn): add(spawn, record.time)
        case .exit(let exit):
            let end = point(record.time)
            change(exit.lineage) { $0.end = end }
        case .request(let request):
            switch request.matter {
            case .decision: mark(request.verdict.rawValue, request.lineage, record.time)
            case .failure: mark(RequestCount.failure, request.lineage, record.time)
            case .note: return
            }
        case .revocation(let revocation):
            if let lineage = revocation.lineage { mark(Self.revoked, lineage, record.time) }
        case .spawnRefused, .replies, .approval, .custody, .renewal, nil: return
        }
    }

    private static let revoked = "revoked"

    private mutating func add(_ spawn: SpawnRecord, _ time: Timestamp) {
        answers = answers ?? SpawnRecord.answers(from: spawn.replayed)
        guard lanes.count < Self.most else {
            undrawn += 1
            return
        }
        places[spawn.lineage.agent.agent] = lanes.count
        let hop = spawn.lineage.agent
        lanes.append(
            Lane(label: "\(hop.name) \(hop.agent)", depth: spawn.lineage.depth - 1, begin: point(time))
        )
    }

    private mutating func change(_ lineage: Lineage, _ body: (inout Lane) -> Void) {
        guard let place = places[lineage.agent.agent] else { return }
        body(&lanes[place])
    }

    private mutating func mark(_ verdict: String, _ lineage: Lineage, _ time: Timestamp) {
        let point = point(time)
        change(lineage) { $0.marks[verdict, default: [:]][point, default: 0] += 1 }
    }

    // MARK: SVG

    /// A document of SVG 1.1 that needs nothing else; what agents named is escaped in it.
    package var svg: String {
        let rows = lanes.count + (undrawn > 0 ? 2 : 1)
        let (width, height) = (Self.labels + Self.width + 20, (rows + 1) * Self.height)
        var lines = [
            "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"\(width)\" height=\"\(height)\" "
                + "viewBox=\"0 0 \(width) \(height)\" font-family=\"monospace\" font-size=\"12\">",
            "<title>run \(Self.escaped(run))</title>",
            "<rect width=\"100%\" height=\"100%\" fill=\"#ffffff\"/>",
            "<text x=\"8\" y=\"17\">run \(Self.escaped(run)), \(begin.text) to \(end.text)"
                + "\(Self.escaped(answers.map { ", " + $0 } ?? ""))</text>",
        ]
        for (index, lane) in lanes.enumerated() { lines += drawn(lane, at: (index + 1) * Self.height) }
        if undrawn > 0 {
            lines.append(
                "<text x=\"8\" y=\"\((lanes.count + 1) * Self.height + 17)\">and \(undrawn) more agents</text>"
            )
        }
        return (lines + ["</svg>"]).joined(separator: "\n")
    }

    private func drawn(_ lane: Lane, at top: Int) -> [String] {
        let middle = top + Self.height / 2
        let (left, right) = (Self.labels + lane.begin, Self.labels + (lane.end ?? Self.width))
        // Without an end on record the lane is open: dashed.
        let dashes = lane.end == nil ? " stroke-dasharray=\"6 4\"" : ""
        let bar =
            "<line x1=\"\(left)\" y1=\"\(middle)\" x2=\"\(max(right, left + 1))\" y2=\"\(middle)\" stroke=\"#b0b8c0\" "
            + "stroke-width=\"6\"\(dashes)/>"
        let label =
            "<text x=\"\(8 + min(lane.depth, 8) * 10)\" y=\"\(middle + 4)\">\(Self.escaped(lane.label))</text>"
        let marks = lane.marks.sorted { $0.key.precedes($1.key) }.flatMap { verdict, points in
            points.sorted { $0.key < $1.key }.map { point, count in
                Self.mark(verdict, count, x: Self.labels + point, y: middle)
            }
        }
        return [label, bar] + marks
    }

    private static func mark(_ verdict: String, _ count: Int, x: Int, y: Int) -> String {
        let title = "<title>\(count) \(escaped(verdict))</title>"
        let colour =
            switch verdict {
            case Effect.allow.rawValue: "#1a7f37"
            case Effect.ask.rawValue: "#bf8700"
            case revoked: "#000000"
            default: "#cf222e"
            }
        // Shape as well as colour: not everybody tells green from red.
        if verdict.isSame(as: Effect.allow.rawValue) {
            return "<circle cx=\"\(x)\" cy=\"\(y)\" r=\"3\" fill=\"\(colour)\">\(title)</circle>"
        }
        return
            "<path d=\"M\(x - 4) \(y - 4)L\(x + 4) \(y + 4)M\(x - 4) \(y + 4)L\(x + 4) \(y - 4)\" stroke=\"\(colour)\" "
            + "stroke-width=\"2\">\(title)</path>"
    }

    /// Text as XML has it (XML 1.0 section 2.4), without control characters.
    private static func escaped(_ text: String) -> String { MarkupText.escaped(TerminalText.escaped(text)) }
}

extension AuditReader {
    /// A run drawn; nil where there is none.
    package func timeline(of run: String) throws -> Timeline? {
        guard let span = try span(of: run) else { return nil }
        var timeline = Timeline(run, from: span.begin, to: span.end)
        let sql =
            "SELECT \(AuditRecord.columns) FROM records WHERE run = ? AND sequence BETWEEN ? AND ? ORDER BY sequence"
        try each(sql, [run, span.first, span.last]) { timeline.add($0) }
        return timeline
    }

    /// Where a run's records lie, and in what time; nil where none is on record.
    private func span(
        of run: String
    ) throws -> (first: Int64, last: Int64, begin: Timestamp, end: Timestamp)? {
        guard try hasLife(of: run) else { return nil }
        return try reading { database in
            let row = try Row.fetchOne(
                database,
                sql:
                    "SELECT min(sequence), max(sequence), min(time), max(time) FROM records WHERE \(Schema.isOfRun)",
                arguments: [run, run]
            )
            let values = row.map { $0.databaseValues.compactMap { Int64.fromDatabaseValue($0) } } ?? []
            guard values.count == 4 else { return nil }
            return (
                values[0], values[1], Timestamp(milliseconds: values[2]), Timestamp(milliseconds: values[3])
            )
        }
    }
}
