package import Model

/// Puts what agents asked for and what came of it together again, in the order in which it was asked for.
///
/// An answer is on record behind its request, mostly soon: what waits for one holds back what is behind it, up to a bound.
/// What is not answered by then goes on without, and its answer comes where it is on record.
package struct Replay {
    /// Requests that wait.
    ///
    /// More than one agent has under way at a time; each may hold a statement and its parameters.
    package static let maximumWaiting = 1_024

    /// A request, and what is known of it.
    package struct Turn: Sendable {
        package let record: AuditRecord
        package let request: RequestRecord
        /// The record of its session's opening; nil for what is none of a session's, or where that is not there.
        package internal(set) var session: Int64?
        /// What was masked in its reply, and why it ended early.
        package internal(set) var notes: [String] = []
        package internal(set) var reply: Reply?
        /// Nothing is waited for: it was refused, or its end comes when it does, as a session's.
        var isOver: Bool {
            reply != nil || request.exchange == nil || request.verdict != .allow || request.isConnection
        }
    }

    package enum Event: Sendable {
        case turn(Turn)
        /// The end of what was handed over before without one: a session, or what took long.
        case end(Reply, of: Int64, isSession: Bool, AuditRecord)
        /// The agent was cut off.
        case revocation(RevocationRecord, AuditRecord)
    }

    private let scope: ReplayScope
    private let use: (Event) throws -> Void
    /// What comes next is at `next`.
    private var queue: [UInt64: Event] = [:]
    private var (next, last): (UInt64, UInt64) = (0, 0)
    /// Where in the queue the request of an exchange waits.
    private var places: [UInt64: UInt64] = [:]
    /// Records of requests that were handed over without their replies, by exchange.
    private var unanswered: [UInt64: Int64] = [:]
    private var sessions: [UInt64: Int64] = [:]

    private init(_ scope: ReplayScope, _ use: @escaping (Event) throws -> Void) {
        (self.scope, self.use) = (scope, use)
    }

    /// Hands over a scope's events.
    package static func events(
        of scope: ReplayScope,
        in reader: AuditReader,
        _ use: @escaping (Event) throws -> Void
    ) throws {
        var replay = Replay(scope, use)
        try reader.requests(of: scope) { try replay.take($0) }
        try replay.settle(atMost: 0)
    }

    private mutating func take(_ record: AuditRecord) throws {
        switch record.entry {
        case .request(let request): take(request, record)
        case .replies(let replies): for reply in replies.replies { take(reply, record) }
        case .revocation(let revocation): add(.revocation(revocation, record))
        case .spawn, .spawnRefused, .exit, .approval, .custody, .renewal, nil: return
        }
        try settle(atMost: Self.maximumWaiting)
    }

    private func holds(_ request: RequestRecord) -> Bool {
        guard case .session(_, let number, _) = scope else { return true }
        return request.statement?.session == number || (request.isOpening && request.exchange == number)
    }

    private mutating func take(_ request: RequestRecord, _ record: AuditRecord) {
        if request.matter != .decision, let exchange = request.exchange {
            guard let place = places[exchange], case .turn(var turn) = queue[place] else { return }
            if let message = request.message { turn.notes.append(message) }
            queue[place] = .turn(turn)
            return
        }
        guard holds(request) else { return }
        var turn = Turn(record: record, request: request)
        if request.isOpening, request.verdict == .allow, let exchange = request.exchange {
            sessions[exchange] = record.sequence
            turn.session = record.sequence
        } else {
            turn.session = request.statement.flatMap { sessions[$0.session] }
        }
        if let exchange = request.exchange, !turn.isOver { places[exchange] = last }
        add(.turn(turn))
    }

    private mutating func take(_ reply: Reply, _ record: AuditRecord) {
        if let place = places.removeValue(forKey: reply.exchange), case .turn(var turn) = queue[place] {
            turn.reply = reply
            queue[place] = .turn(turn)
        } else if let opening = sessions.removeValue(forKey: reply.exchange) {
            add(.end(reply, of: opening, isSession: true, record))
        } else if let request = unanswered.removeValue(forKey: reply.exchange) {
            add(.end(reply, of: request, isSession: false, record))
        }
    }

    private mutating func add(_ event: Event) {
        queue[last] = event
        last &+= 1
    }

    /// Hands over what is over, and what is before it where more waits than may.
    private mutating func settle(atMost most: Int) throws {
        while let event = queue[next] {
            if case .turn(let turn) = event {
                guard turn.isOver || queue.count > most else { return }
                note(turn)
            }
            queue[next] = nil
            next &+= 1
            try use(event)
        }
    }

    /// Its reply may come later.
    private mutating func note(_ turn: Turn) {
        guard turn.reply == nil, let exchange = turn.request.exchange, !turn.request.isOpening else { return }
        places[exchange] = nil
        // Those before are not answered any more.
        if unanswered.count >= Self.maximumWaiting { unanswered = [:] }
        unanswered[exchange] = turn.record.sequence
    }
}
