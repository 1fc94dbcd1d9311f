import Foundation
import Model
import NIOCore
import PostgresProtocol
import TestSupport
import Wire

/// What a statement's text says is what is asked; a text with `unreadable` is not read, and one with `following b` gives one
/// column, which is that or made from it.
struct TextReader: StatementReading {
    let functionCall = Action.http(method: "CALL", path: "function", query: nil)

    func recordedUnread(_ text: ByteBuffer, _ syntax: StatementSyntax) -> RecordedText? {
        RecordedText("not read: \(String(buffer: text))")
    }

    func read(_ text: ByteBuffer, _ syntax: StatementSyntax) -> Result<ReadStatements, UnreadStatement> {
        let words =
            String(buffer: text).lowercased() + (syntax.hasStandardStrings == nil ? " either way" : "")
        guard !words.contains("unreadable") else {
            let denial = Denial(
                reason: .malformed,
                message: "it cannot be read",
                rule: nil,
                decidedBy: nil,
                remedy: "write SQL"
            )
            return .failure(UnreadStatement(denial, position: 8))
        }
        var read = ReadStatements(
            action: .http(method: "SQL", path: words, query: nil),
            copies: words.contains("stdin") || words.contains("stdout")
                || words.contains("start_replication"),
            leavesBehind: words.contains("prepare") || words.contains("declare"),
            takesUp: words.hasPrefix("execute") || words.hasPrefix("fetch"),
            executes: words.hasPrefix("execute"),
            changesSettings: words.contains("set ") || words.contains("rollback"),
            recorded: RecordedText(String(buffer: text)),
            holdsSecrets: words.contains("password")
        )
        read.streams = words.contains("start_replication")
        read.isBatch = words.contains(";")
        if words.contains("following b") {
            read.results = [ResultMask(masks: [ColumnMask(column: "b")], isText: true)]
            read.layout = .text(delimiter: 0x09, null: Array("\\N".utf8), hasHeader: false)
        }
        return .success(read)
    }
}

let endpoint = Endpoint(scheme: .tcp, host: .address(IPAddress(v4: 0x7F00_0001)), port: 5432)

/// Rules of a test: a text with `forbidden` is denied.
struct TestRules: Sendable {
    var kinds: MaskKinds = []
    var columns: Set<ColumnMask> = []
    var catalog: [ColumnPlace: SourceColumn] = [:]

    /// `times` is how often the same was asked before; a text with `once` is denied the second time.
    func rule(_ request: Request, times: Int = 0) -> Ruling {
        guard case .http(_, let path, _) = request.action,
            path.contains("forbidden") || (path.contains("once") && times > 0)
        else {
            return .allowed(injection: nil, masks: kinds)
        }
        return .denied(
            Denial(
                reason: .denied,
                message: "a rule denies it",
                rule: RuleReference(text: "deny select on forbidden", source: "t.yaml:3"),
                decidedBy: nil,
                remedy: "ask the author"
            )
        )
    }
}

/// Stands between clients and a server, and drives the engine with real sockets; a thread for each connection.
final class Relay: @unchecked Sendable {
    let port: UInt16
    private let listener: Int32
    private let server: UInt16
    private let rules: TestRules
    private let login: @Sendable (PostgresStartup) -> PostgresLoginSettings
    private let lock = NSLock()
    private var lines: [String] = []

    /// What was asked, and how it ended.
    var log: [String] { lock.withLock { lines } }

    init(
        to server: UInt16,
        _ rules: TestRules = TestRules(),
        login: @escaping @Sendable (PostgresStartup) -> PostgresLoginSettings = { startup in
            PostgresLoginSettings(
                user: startup.user,
                database: startup.database,
                password: nil,
                settings: startup.settings,
                isTrusted: true,
                binding: nil
            )
        }
    ) throws {
        (listener, port) = try Loopback.listen()
        self.server = server
        self.rules = rules
        self.login = login
        Thread { [self] in
            while true {
                let client = accept(listener, nil, nil)
                guard client >= 0 else { return }
                Loopback.hurry(client)
                Thread { [self] in
                    do { try serve(client) } catch { note("broken: \(error)") }
                    close(client)
                }.start()
            }
        }.start()
    }

    func stop() { shutdown(listener, Int32(SHUT_RDWR)) }

    private func note(_ line: String) { lock.withLock { lines.append(line) } }

    private func serve(_ client: Int32) throws {
        var opening = PostgresOpening(offersTLS: false)
        while let bytes = Loopback.read(client) {
            switch opening.received(bytes) {
            case .more: continue
            case .declined(let answer): Loopback.write(client, answer)
            case .encrypt: throw Finding(what: "no TLS is offered")
            case .cancel(let key):
                let upstream = try Loopback.connect(server)
                Loopback.write(upstream, key.cancellation)
                _ = Loopback.read(upstream)
                close(upstream)
                return
            case .fault(let fault):
                note("fault: \(fault.message)")
                return Loopback.write(client, fault.answer)
            case .startup(let startup, let rest): return try serve(client, startup, rest)
            }
        }
    }

    private func serve(_ client: Int32, _ startup: PostgresStartup, _ rest: ByteBuffer) throws {
        let upstream = try Loopback.connect(server)
        defer { close(upstream) }
        var login = PostgresLogin(self.login(startup))
        Loopback.write(upstream, login.startup)
        while let bytes = Loopback.read(upstream) {
            let step = login.received(bytes)
            Loopback.write(upstream, step.send)
            switch step.outcome {
            case .more: continue
            case .failed(let fault):
                note("fault: \(fault.message)")
                return Loopback.write(client, fault.answer)
            case .ready(let session):
                Loopback.write(client, session.greeting(key: session.key))
                return try relay(client, upstream, session, rest)
            }
        }
    }

    private func relay(
        _ client: Int32,
        _ upstream: Int32,
        _ session: PostgresLoggedIn,
        _ rest: ByteBuffer
    ) throws {
        var engine = PostgresSession(Request(endpoint: endpoint, action: .connect), reading: TextReader())
        engine.catalog = rules.catalog
        engine.loggedIn(session)
        var ledger = Ledger()
        var isOver = false
        func perform(
            _ actions: [EngineAction<ByteBuffer>],
            _ engine: inout PostgresSession<TextReader>
        ) throws {
            for action in actions {
                try ledger.admit(action)
                switch action {
                case .ask(let id, let request):
                    let line = "ask \(request.action.summary)"
                    let ruling = rules.rule(request, times: log.count { $0 == line })
                    note(line)
                    try ledger.ruled(id, ruling)
                    try perform(engine.ruled(id, ruling, columns: rules.columns), &engine)
                case .forward(let bytes, .client, _), .reply(let bytes): Loopback.write(client, bytes)
                case .forward(let bytes, .upstream, _): Loopback.write(upstream, bytes)
                case .masked(_, let what): note("masked \(what)")
                case .finished(let id):
                    let outcome = engine.outcome(of: id)
                    note("end \(outcome?.tag ?? "-") \(outcome?.code ?? "-")")
                case .refused(_, _, let denial): note("refused \(denial.message)")
                case .handOver: throw Finding(what: "nothing is handed over")
                case .close: isOver = true
                }
            }
        }
        try perform(engine.begin(), &engine)
        if rest.readableBytes > 0 { try perform(engine.received(rest, from: .client), &engine) }
        while !isOver {
            var ready = [
                pollfd(fd: upstream, events: Int16(POLLIN), revents: 0),
                pollfd(fd: engine.wantsClientMessages ? client : -1, events: Int16(POLLIN), revents: 0),
            ]
            guard poll(&ready, 2, -1) > 0 else { continue }
            for (place, side) in [Side.upstream, .client].enumerated()
            where ready[place].revents != 0 && !isOver {
                if let bytes = Loopback.read(ready[place].fd) {
                    try perform(engine.received(bytes, from: side), &engine)
                } else {
                    try perform(engine.ended(side), &engine)
                }
            }
        }
    }
}
