internal import Approvals
internal import Audit
internal import Client
internal import Dispatch
internal import Foundation
internal import Gateway
internal import Model

/// Questions and answers over HTTP, for programs and people that the operator gave a token or a link.
///
/// - `GET /v1/approvals`, `GET /v1/approvals/ID`: what waits.
/// - `POST /v1/approvals/ID/approve`, `…/deny`: an answer, with `{"for":…,"reason":…,"digest":…}` or nothing.
/// - The same with `?fleet`: of what waits on other machines.
/// - `GET`, `POST` of a link's path: see `ApprovalLink`.
struct ApprovalAPI: Sendable {
    /// Octets of a body: a reason, a digest, and room.
    static let body = 4_096
    static let root = "/v1/approvals"
    /// Octets between two slashes that a record has: of an id at most, twelve digits, a hyphen and twenty more.
    private static let longestPart = 33

    /// Who answers by a token.
    struct Bearer: Sendable {
        let identity: ApproverIdentity
        let digest: [UInt8]
    }

    let approvals: ApprovalQueue
    let bearers: [Bearer]
    /// Proves tokens of issuers; nil where none answer.
    let issued: IssuedTokens?
    /// Who somebody is by all their names.
    let identity: @Sendable (Principal, Set<ByteText>) -> ApproverIdentity
    let links: ApprovalLinks
    /// As whom the links in a webhook's messages answer, by its number.
    let recipients: [Int: (identity: ApproverIdentity, webhook: String)]
    /// What is asked, masked.
    let summary: @Sendable (OpenQuestion) -> HeldSummary
    /// The same with all of a launch.
    let whole: @Sendable (OpenQuestion) -> HeldSummary
    let refused: RefusedAnswers
    /// What waits on other machines; nil where approvals are not shared.
    let desk: FleetDesk?
    let clock: @Sendable () -> Timestamp

    /// Where the log is asked who is revoked: it may take a while, and the server's thread has all other connections.
    private static let queue = DispatchQueue(label: "bailey.approvers.api")
    private static let left = "its client left before its turn"

    /// Called on the server's thread, which it does not hold up.
    func answer(_ request: LocalRequest, _ reply: @escaping @Sendable (LocalReply) -> Void) {
        if request.path.begins(with: ApprovalLink.root) {
            return Self.queue.async { follow(request, reply) }
        }
        guard let token = Self.token(request) else { return refuse(request, "it has no token", reply) }
        if let known = known(token) {
            return Self.queue.async {
                guard request.isAwaited() else { return refuse(request, Self.left, reply) }
                serve(request, known, reply)
            }
        }
        guard let issued, token.holds("."), let signed = IdentityToken(token) else {
            return refuse(request, "it has no token that is known", help: Self.whichAreKnown, reply)
        }
        issued.prove(signed) { result in
            switch result {
            case .success(let proven) where request.isAwaited():
                serve(request, identity(proven.principal, proven.groups), reply)
            // Who was told that nothing came of it is not to find that something did.
            case .success: refuse(request, "its client left before its token was proven", reply)
            case .failure(let fault): refuse(request, "\(fault)", reply)
            }
        }
    }

    private func serve(
        _ request: LocalRequest,
        _ who: ApproverIdentity,
        _ reply: @escaping @Sendable (LocalReply) -> Void
    ) {
        let parts = request.path.cut(at: "/", omittingEmptySubsequences: false).map(String.init)
        let isReading = ["GET", "HEAD"].holds(bytes: request.method)
        // An answer is refused where it would count, on record with its question.
        if isReading, let why = approvals.whyNothing(of: who) {
            return refuse(
                .api,
                "\(Self.line(request)) of \(who.principal)",
                why,
                Self.failure(403, why),
                reply
            )
        }
        if let query = request.query { return serve(request, parts, query, who, isReading: isReading, reply) }
        switch parts.count {
        case 3 where request.path.isSame(as: Self.root) && isReading: reply(list(for: who))
        case 4 where isReading && parts[2].isSame(as: "approvals"): reply(show(parts[3], to: who))
        case 5
        where request.path.begins(with: Self.root + "/") && ["approve", "deny"].holds(bytes: parts[4]):
            guard request.method.isSame(as: "POST") else {
                return reply(Self.failure(405, "an answer is sent by POST", fields: [("allow", "POST")]))
            }
            post(request, parts[3], approves: parts[4].isSame(as: "approve"), by: who, reply)
        default: reply(Self.nothing)
        }
    }

    static var nothing: LocalReply {
        failure(
            404,
            "there are GET \(root), GET \(root)/ID and POST \(root)/ID/approve or …/deny, each with ?fleet for other machines"
        )
    }

    /// Of nobody known.
    private func refuse(
        _ request: LocalRequest,
        _ reason: String,
        help: String = "",
        _ reply: @escaping @Sendable (LocalReply) -> Void
    ) {
        let failure = Self.failure(
            401,
            "it takes \"Authorization: Bearer TOKEN\": \(reason)\(help)",
            fields: [("www-authenticate", "Bearer")]
        )
        refuse(.api, Self.line(request), reason, failure, reply)
    }

    /// Answers when it is on record that this changes nothing.
    func refuse(
        _ way: RefusedAnswers.Way,
        _ what: String,
        _ reason: String,
        _ answer: LocalReply,
        _ reply: @escaping @Sendable (LocalReply) -> Void
    ) {
        refused.note(way, what, because: reason) { reply(answer) }
    }

    /// A request's line for a record, without anything as long as a link's digests: it may be one that is good elsewhere.
    static func line(_ request: LocalRequest) -> String {
        let parts = request.path.cut(at: "/", omittingEmptySubsequences: false)
        return "\(request.method) "
            + parts.map { $0.utf8.count > longestPart ? "…" : String($0) }.joined(separator: "/")
    }

    private static func token(_ request: LocalRequest) -> String? {
        guard let field = request.authorization, field.lowercasedASCII.begins(with: "bearer ") else {
            return nil
        }
        return String(field.dropFirst(bytes: "bearer ".utf8.count))
    }

    /// Whose token it is; each is compared in a time that does not depend on where they differ.
    private func known(_ token: String) -> ApproverIdentity? {
        let digest = ApprovalToken.digest(of: Array(token.utf8))
        var found: Bearer?
        for bearer in bearers where ApprovalToken.isSame(bearer.digest, digest) { found = bearer }
        return found?.identity
    }

    private func list(for who: ApproverIdentity) -> LocalReply {
        struct Lines: Encodable { let approvals: [HeldLine] }
        let held = approvals.open(for: who).map { Self.shown(summary($0), to: who) }
        return Self.json(200, Lines(approvals: held.map { HeldLine($0) }))
    }

    private func show(_ id: String, to who: ApproverIdentity) -> LocalReply {
        guard let question = approvals.open(named: id, for: who) else {
            return Self.failure(404, Self.unknown)
        }
        return Self.json(200, HeldLine(Self.shown(whole(question), to: who)))
    }

    /// Of what a webhook is, those whom an issuer vouches for need not know.
    private static func shown(_ held: HeldSummary, to who: ApproverIdentity) -> HeldSummary {
        var held = held
        if who.isNamedOnly { held.told = [] }
        return held
    }

    private static let whichAreKnown =
        ": those of approvals.tokens in bailey.yaml, as they were when bailey serve started"
    static let unknown = "nothing of that name waits: it was answered, or its time is over"

    private func post(
        _ request: LocalRequest,
        _ id: String,
        approves: Bool,
        by who: ApproverIdentity,
        _ reply: @escaping @Sendable (LocalReply) -> Void
    ) {
        let order: APIOrder
        do throws(APIOrder.Flaw) { order = try APIOrder(request, approves: approves) } catch {
            let failure = Self.failure(error.status, error.message)
            return refuse(.api, Self.line(request), error.message, failure, reply)
        }
        let way = "\(Self.line(request)) of \(who.principal)"
        let unknown = Self.failure(404, Self.unknown)
        guard let question = approvals.open(named: id, for: who) else {
            return refuse(.api, way, Self.unknown, unknown, reply)
        }
        guard order.digest.map({ $0.isSame(as: question.held.digest) }) ?? true else {
            let message = "the answer is for another request: this one's digest is \(question.held.digest)"
            return refuse(.api, way, message, Self.failure(409, message), reply)
        }
        let answerer = Answerer(who, program: nil, process: nil, via: "api")
        answer(id, order, answerer) { outcome in
            guard outcome == .unknown else { return reply(Self.reply(to: outcome, approves: approves)) }
            refuse(.api, way, Self.unknown, unknown, reply)
        }
    }

    private func answer(
        _ id: String,
        _ order: APIOrder,
        _ who: Answerer,
        then: @escaping @Sendable (AnswerOutcome) -> Void
    ) {
        if order.approves {
            approvals.approve(id, for: order.life, reason: order.reason, by: who, then: then)
        } else {
            approvals.deny(.question(id), reason: order.reason, by: who, then: then)
        }
    }

    /// A link that somebody looks at, or answers by.
    private func follow(_ request: LocalRequest, _ reply: @escaping @Sendable (LocalReply) -> Void) {
        guard request.isAwaited() else {
            return refuse(.link, request.method, Self.left, ApprovalPage.outcome(410, Self.left), reply)
        }
        let link: ApprovalLink
        do throws(ApprovalLink.Flaw) { link = try links.signer.link(request.path, at: clock()) } catch {
            let page = ApprovalPage.outcome(error == .expired ? 410 : 404, error.words)
            return refuse(.link, request.method, error.words, page, reply)
        }
        let what = "\(request.method) of one that \(link.approves ? "approves" : "denies") \(link.question)"
        guard let recipient = recipients[link.webhook], let question = approvals.open(named: link.question),
            question.held.digest.isSame(as: link.digest)
        else {
            return refuse(.link, what, Self.unknown, ApprovalPage.outcome(410, Self.unknown), reply)
        }
        switch request.method {
        case "GET", "HEAD":
            if let why = approvals.whyNothing(of: recipient.identity) {
                return refuse(.link, what, why, ApprovalPage.outcome(403, why), reply)
            }
            let item = ApprovalMessage.Item(held: summary(question), expires: link.expires, links: nil)
            let message = ApprovalMessage(item, time: clock())
            let subject = recipient.identity.principal.subject
            reply(ApprovalPage.question(message, approves: link.approves, as: subject))
        case "POST":
            let reason: String?
            do throws(APIOrder.Flaw) { reason = try APIOrder.reason(inForm: request) } catch {
                let page = ApprovalPage.outcome(error.status, error.message)
                return refuse(.link, what, error.message, page, reply)
            }
            let way = "link to \(recipient.webhook)"
            let who = Answerer(recipient.identity, program: nil, process: nil, via: way)
            answer(link.question, APIOrder(approves: link.approves, reason: reason), who) { outcome in
                let (status, words) = Self.words(for: outcome, approves: link.approves)
                let page = ApprovalPage.outcome(status, words)
                guard outcome == .unknown else { return reply(page) }
                refuse(.link, what, words, page, reply)
            }
        default:
            reply(LocalReply(405, fields: [("allow", "GET, HEAD, POST")], ""))
        }
    }
}

extension ApprovalLink.Flaw {
    fileprivate var words: String {
        switch self {
        case .malformed: "this is no link"
        case .forged:
            "this link was not signed by this supervisor, or not for this answer: it may be of one that has ended"
        case .expired: "the time of this link is over"
        }
    }
}

// What is answered.
extension ApprovalAPI {
    private struct Outcome: Encodable {
        let outcome: String
        var missing: Int?
    }

    private struct Fault: Encodable {
        let error: String
    }

    static func reply(to outcome: AnswerOutcome, approves: Bool) -> LocalReply {
        let (status, words) = words(for: outcome, approves: approves)
        switch outcome {
        case .done: return json(status, Outcome(outcome: approves ? "approved" : "denied"))
        case .seconded(let missing): return json(status, Outcome(outcome: "seconded", missing: missing))
        case .unknown, .refused, .unrecorded: return failure(status, words)
        }
    }

    private static func words(for outcome: AnswerOutcome, approves: Bool) -> (status: Int, words: String) {
        switch outcome {
        case .done: (200, approves ? "Approved." : "Denied.")
        case .seconded(let missing):
            (202, "Approved: \(missing) more \(missing == 1 ? "has" : "have") to approve it.")
        case .unknown: (404, unknown)
        case .refused(let why): (403, why)
        case .unrecorded(let failure):
            (503, "the answer could not be recorded, and the request is refused: \(failure)")
        }
    }

    static func failure(
        _ status: Int,
        _ message: String,
        fields: [(name: String, value: String)] = []
    ) -> LocalReply {
        json(status, Fault(error: message), fields: fields)
    }

    static func json(
        _ status: Int,
        _ value: some Encodable,
        fields: [(name: String, value: String)] = []
    ) -> LocalReply {
        guard let text = try? SentJSON.text(value) else {
            return LocalReply(500, "{\"error\":\"it cannot be written\"}\n")
        }
        return LocalReply(status, fields: fields + [("cache-control", "no-store")], text + "\n")
    }
}
