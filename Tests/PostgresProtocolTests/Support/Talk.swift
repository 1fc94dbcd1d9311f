import Model
import NIOCore
import PostgresProtocol
import Wire

/// A conversation with an engine, without sockets: what came of each event, one line for each action.
final class Talk {
    var engine: PostgresSession<TextReader>
    var ledger = Ledger()
    /// Everything that went each way.
    private(set) var toServer: [UInt8] = []
    private(set) var toClient: [UInt8] = []
    private(set) var lines: [String] = []
    /// What goes on record of each text that was asked about or refused, and how each statement ended.
    private(set) var texts: [UInt64: String] = [:]
    private(set) var outcomes: [UInt64: StatementOutcome] = [:]
    /// Rows in which columns are said to be masked, of each statement.
    private(set) var columns: [UInt64: [String: UInt64]] = [:]
    /// Answers every question by itself, where there are rules.
    var rules: TestRules?

    init(_ rules: TestRules? = nil, longText: Int = .max) throws {
        engine = PostgresSession(
            Request(endpoint: endpoint, action: .connect),
            reading: TextReader(),
            longText: longText
        )
        try note(engine.begin())
        try rule(0, .allowed(injection: nil))
        lines = []
        self.rules = rules
    }

    var wantsMore: Bool { engine.wantsClientMessages }

    func client(_ messages: [UInt8]...) throws -> [String] {
        try note(engine.received(ByteBuffer(bytes: messages.flatMap(\.self)), from: .client))
        return taken()
    }

    func server(_ messages: [UInt8]...) throws -> [String] {
        try note(engine.received(ByteBuffer(bytes: messages.flatMap(\.self)), from: .upstream))
        return taken()
    }

    /// What the engine's long text does, as its driver has read it.
    func read(_ result: Result<ReadStatements, UnreadStatement>) throws -> [String] {
        try note(engine.read(result))
        return taken()
    }

    func ended(_ side: Side) throws -> [String] {
        try note(engine.ended(side))
        return taken()
    }

    func abandoned() throws -> [String] {
        try note(engine.abandoned())
        return taken()
    }

    /// What was approved is good no more.
    func lapse(_ id: UInt64) throws -> [String] {
        try note(engine.lapse(RulingID(id)))
        return taken()
    }

    func rule(_ id: UInt64, _ ruling: Ruling, columns: Set<ColumnMask> = []) throws {
        try ledger.ruled(RulingID(id), ruling)
        try note(engine.ruled(RulingID(id), ruling, columns: columns))
    }

    func taken() -> [String] {
        defer { lines = [] }
        return lines
    }

    private func note(_ actions: [EngineAction<ByteBuffer>]) throws {
        for action in actions {
            try ledger.admit(action)
            switch action {
            case .ask(let id, let request):
                lines.append("ask \(id.number) \(request.action.summary)")
                texts[id.number] = engine.recordedText(of: id)?.shown
                if let rules { try rule(id.number, rules.rule(request), columns: rules.columns) }
            case .forward(let bytes, .upstream, let id):
                lines.append("up \(id.number) \(Self.kinds(bytes))")
                toServer += bytes.readableBytesView
            case .forward(let bytes, .client, _):
                lines.append("down \(Self.kinds(bytes))")
                toClient += bytes.readableBytesView
            case .reply(let bytes):
                lines.append("reply \(Self.code(bytes))")
                toClient += bytes.readableBytesView
            case .masked(let id, let what):
                lines.append("masked \(id.number) \(what)")
                if case .columns(let rows) = what {
                    columns[id.number, default: [:]].merge(rows, uniquingKeysWith: +)
                }
            case .finished(let id):
                let outcome = engine.outcome(of: id)
                outcomes[id.number] = outcome
                lines.append("finished \(id.number) \(outcome?.tag ?? "-") \(outcome?.code ?? "-")")
            case .refused(let id, _, let denial):
                lines.append("refused \(id.number) \(denial.reason.rawValue)")
                texts[id.number] = engine.recordedText(of: id)?.shown
            case .handOver: lines.append("handOver")
            case .close: lines.append("close")
            }
        }
    }

    /// The types of the messages in some octets, `…` for a part of one.
    static func kinds(_ bytes: ByteBuffer) -> String {
        var bytes = bytes
        var text = ""
        while bytes.readableBytes > 0 {
            guard
                let (tag, length) = bytes.getMultipleIntegers(
                    at: bytes.readerIndex,
                    as: (UInt8, UInt32).self
                ),
                length >= 4, bytes.readSlice(length: Int(length) + 1) != nil
            else { return text + "…" }
            text.unicodeScalars.append(Unicode.Scalar(tag))
        }
        return text
    }

    private static func code(_ bytes: ByteBuffer) -> String {
        let fields = bytes.readableBytesView.dropFirst(5).split(separator: 0)
        let severity = fields.first { $0.first == UInt8(ascii: "V") }
        let code = fields.first { $0.first == UInt8(ascii: "C") }
        return "\(kinds(bytes)) "
            + [severity, code].map { String(decoding: $0?.dropFirst() ?? [], as: UTF8.self) }.joined(
                separator: " "
            )
    }
}

/// Messages of a server.
enum Tell {
    static func ready(_ status: Character = "I") -> [UInt8] { Say.message("Z", Array(String(status).utf8)) }
    static func complete(_ tag: String) -> [UInt8] { Say.message("C", Say.text(tag)) }
    static func error(_ code: String, _ message: String = "no", severity: String = "ERROR") -> [UInt8] {
        Say.message(
            "E",
            Say.text("S" + severity) + Say.text("V" + severity) + Say.text("C" + code)
                + Say.text("M" + message) + [0]
        )
    }
    /// Columns of a name and a type, of no table.
    static func description(_ columns: [(String, UInt32)], binary: Bool = false) -> [UInt8] {
        var body: [UInt8] = [0, UInt8(columns.count)]
        for (name, type) in columns {
            body += Say.text(name) + [0, 0, 0, 0, 0, 0]
            body += [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: type >> $0) }
            body += [0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0, binary ? 1 : 0]
        }
        return Say.message("T", body)
    }
    static func row(_ fields: [[UInt8]?]) -> [UInt8] {
        var body: [UInt8] = [0, UInt8(fields.count)]
        for field in fields {
            let length = UInt32(truncatingIfNeeded: field?.count ?? -1)
            body += [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: length >> $0) }
            body += field ?? []
        }
        return Say.message("D", body)
    }
    static func row(_ text: String) -> [UInt8] { row([Array(text.utf8)]) }
    static func status(_ name: String, _ value: String) -> [UInt8] {
        Say.message("S", Say.text(name) + Say.text(value))
    }
    static let parsed = Say.message("1", [])
    static let bound = Say.message("2", [])
    static let closed = Say.message("3", [])
    static let noData = Say.message("n", [])
    static let copyIn = Say.message("G", [0, 0, 1, 0, 0])
    static func copyOut(binary: Bool = false) -> [UInt8] {
        Say.message("H", [binary ? 1 : 0, 0, 1, 0, binary ? 1 : 0])
    }
}
