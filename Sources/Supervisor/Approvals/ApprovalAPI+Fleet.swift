internal import Approvals
internal import Client
internal import Gateway
internal import Model

/// What waits on other machines of a fleet, over HTTP: the same paths with `?fleet`.
extension ApprovalAPI {
    private static let query = "fleet"

    /// A request with a query: any but this one is none.
    func serve(
        _ request: LocalRequest,
        _ parts: [String],
        _ query: String,
        _ who: ApproverIdentity,
        isReading: Bool,
        _ reply: @escaping @Sendable (LocalReply) -> Void
    ) {
        guard query.isSame(as: Self.query) else { return reply(Self.failure(404, "the one query is ?fleet")) }
        guard let desk else {
            return reply(Self.failure(404, "approvals.fleet in bailey.yaml names no other machine"))
        }
        switch parts.count {
        case 3 where request.path.isSame(as: Self.root) && isReading:
            desk.list(for: who) { reply(Self.list($0)) }
        case 4 where isReading && parts[2].isSame(as: "approvals"):
            desk.show(parts[3], to: who) { reply(Self.one($0)) }
        case 5
        where request.path.begins(with: Self.root + "/") && ["approve", "deny"].holds(bytes: parts[4]):
            guard request.method.isSame(as: "POST") else {
                return reply(Self.failure(405, "an answer is sent by POST", fields: [("allow", "POST")]))
            }
            send(request, parts[3], approves: parts[4].isSame(as: "approve"), by: who, desk, reply)
        default: reply(Self.nothing)
        }
    }

    private static func list(_ result: Result<[FleetDesk.Held], FleetDesk.Failure>) -> LocalReply {
        struct Lines: Encodable { let approvals: [HeldLine] }
        switch result {
        case .success(let all): return json(200, Lines(approvals: all.map { HeldLine($0.summary) }))
        case .failure(let failure): return Self.failure(503, failure.words)
        }
    }

    private static func one(_ result: Result<HeldSummary?, FleetDesk.Failure>) -> LocalReply {
        switch result {
        case .success(let held?): json(200, HeldLine(held))
        case .success(nil): failure(404, unknown)
        case .failure(let failure): Self.failure(503, failure.words)
        }
    }

    private func send(
        _ request: LocalRequest,
        _ id: String,
        approves: Bool,
        by who: ApproverIdentity,
        _ desk: FleetDesk,
        _ reply: @escaping @Sendable (LocalReply) -> Void
    ) {
        let said: APIOrder
        do throws(APIOrder.Flaw) { said = try APIOrder(request, approves: approves) } catch {
            let failure = Self.failure(error.status, error.message)
            return refuse(.api, Self.line(request), error.message, failure, reply)
        }
        let order = FleetDesk.Order(
            question: id,
            approves: approves,
            life: said.life,
            reason: said.reason,
            digest: said.digest,
            isAwaited: request.isAwaited
        )
        let way = "\(Self.line(request)) of \(who.principal)"
        desk.answer(order, by: Answerer(who, program: nil, process: nil, via: "api")) { outcome in
            switch outcome {
            case .said(.unknown):
                refuse(.api, way, Self.unknown, Self.failure(404, Self.unknown), reply)
            case .said(let outcome): reply(Self.reply(to: outcome, approves: approves))
            case .mistaken(let words): refuse(.api, way, words, Self.failure(409, words), reply)
            case .unheard(let words): reply(Self.failure(504, words))
            case .failed(let failure): reply(Self.failure(503, failure.words))
            }
        }
    }
}
