internal import Model

/// Where a session's exchanges of HTTP are on record: what was asked for, digests and positions; no head and no body.
struct AnswerIndex: Sendable {
    /// What a request is known again by, but for its body; masked, as records have it.
    struct Key: Sendable, Hashable {
        let action: ByteText
        let resource: ByteText
        let query: ByteText?
        let range: ByteText?

        /// Whether some of it is not on record: another request may be the same but for that.
        var isCut: Bool {
            [action, resource, query, range].contains { $0.map { EntryMask.isCut($0.text) } == true }
        }

        var octets: Int {
            [action, resource, query, range].reduce(0) { $0 + ($1?.text.utf8.count ?? 0) }
        }
    }

    /// One reply.
    struct Place: Sendable, Hashable {
        /// The records of the request and of the reply.
        let request: Int64
        let reply: Int64
        let exchange: UInt64
    }

    /// Requests that differ in nothing but their bodies.
    struct Asked: Sendable {
        let key: Key
        /// The record of the first.
        let record: Int64
        /// Where in `slots` their replies are, by the body's digest; nil for none.
        var slots: [String?: Int] = [:]
        /// Why one is not known again by its body, or has no reply.
        var shortcoming: UnansweredRequest?
    }

    private(set) var asked: [Asked] = []
    /// Replies to equal requests, in the order in which these were made.
    private(set) var slots: [[Place]] = []
    /// All that something was asked of.
    private(set) var names: Set<DNSName> = []
    private var places: [Key: Int] = [:]

    func asked(_ key: Key) -> Asked? { places[key].map { asked[$0] } }

    /// The number of a request, one that is new to it where it is not there.
    fileprivate mutating func place(of key: Key, _ record: Int64) -> (place: Int, isNew: Bool) {
        if let known = places[key] { return (known, false) }
        places[key] = asked.count
        asked.append(Asked(key: key, record: record))
        return (asked.count - 1, true)
    }

    fileprivate mutating func lacks(_ shortcoming: UnansweredRequest, at place: Int) {
        if asked[place].shortcoming == nil { asked[place].shortcoming = shortcoming }
    }

    fileprivate mutating func add(_ reply: Place, to digest: String?, at place: Int) {
        if let slot = asked[place].slots[digest] { return slots[slot].append(reply) }
        asked[place].slots[digest] = slots.count
        slots.append([reply])
    }

    fileprivate mutating func add(_ name: DNSName) { names.insert(name) }

    /// Replies come on record as they end: in order of their requests they are what was asked for first, and next.
    fileprivate mutating func settle() {
        for slot in slots.indices { slots[slot].sort { $0.request < $1.request } }
    }
}

/// Reads a session's records into an index, within bounds.
struct AnswerIndexBuilder {
    /// A session is too long.
    struct Excess: Error {
        let words: String
    }

    private var index = AnswerIndex()
    /// Requests without a reply by now, by exchange.
    private var waiting: [UInt64: (place: Int, record: Int64)] = [:]
    private var requests = 0
    /// Those that may have been another one: of what tells them apart not all is on record.
    private(set) var cut = 0
    private var octets = 0
    private let limits: AnswerLimits

    init(_ limits: AnswerLimits) { self.limits = limits }

    mutating func take(_ record: AuditRecord) throws(Excess) {
        switch record.entry {
        case .request(let request): try take(request, record.sequence)
        case .replies(let replies): for reply in replies.replies { take(reply, record.sequence) }
        case .spawn, .spawnRefused, .exit, .revocation, .approval, .custody, .renewal, nil: return
        }
    }

    consuming func finish() -> AnswerIndex {
        var index = index
        index.settle()
        return index
    }

    private mutating func take(_ request: RequestRecord, _ sequence: Int64) throws(Excess) {
        guard request.matter == .decision else { return }
        if let name = Self.name(in: request.resource) {
            guard index.names.count < limits.requests || index.names.contains(name) else {
                throw Excess(words: "asks for more than \(limits.requests) hosts")
            }
            index.add(name)
        }
        guard request.verdict == .allow, let exchange = request.exchange, request.isExchange else { return }
        requests += 1
        guard requests <= limits.requests else {
            throw Excess(words: "has more than \(limits.requests) requests")
        }
        let key = AnswerIndex.Key(
            action: ByteText(request.action),
            resource: ByteText(request.resource),
            query: request.query.map { ByteText($0) },
            range: request.fields?.value(of: "range").map { ByteText($0) }
        )
        guard !key.isCut, request.fields?.isWhole("range") != false else {
            cut += 1
            return
        }
        let (place, isNew) = index.place(of: key, sequence)
        if isNew { octets += key.octets }
        guard octets <= limits.text else {
            throw Excess(
                words: "asks for so much that its paths and queries have more than \(limits.text) octets"
            )
        }
        waiting[exchange] = (place, sequence)
    }

    private mutating func take(_ reply: Reply, _ sequence: Int64) {
        guard let request = waiting.removeValue(forKey: reply.exchange) else { return }
        guard reply.status != nil else {
            // Why is the operator's.
            let none = "its reply is not on record"
            return index.lacks(UnansweredRequest(reply.cause ?? none, told: none), at: request.place)
        }
        do throws(UnansweredRequest) {
            add(reply, sequence, request, try reply.requestDigest())
        } catch {
            index.lacks(error, at: request.place)
        }
    }

    private mutating func add(
        _ reply: Reply,
        _ sequence: Int64,
        _ request: (place: Int, record: Int64),
        _ digest: String?
    ) {
        let place = AnswerIndex.Place(request: request.record, reply: sequence, exchange: reply.exchange)
        index.add(place, to: digest, at: request.place)
    }

    /// Of `https://api.example.com:8443`; nil where there is an address.
    private static func name(in resource: String) -> DNSName? {
        guard let start = resource.firstPlace(ofText: "://") else { return nil }
        let host = resource[start.upperBound...]
        return DNSName(host.firstPlace(of: ":").map { host[..<$0] } ?? host)
    }
}

/// How much of a session is served.
package struct AnswerLimits: Sendable {
    /// Requests, and hosts.
    package var requests = AuditLimits.answeredRequests
    /// Octets of what tells them apart.
    package var text = AuditLimits.answeredText

    package init() {}
}

extension RequestRecord {
    /// A request of HTTP with one reply: no WebSocket, no tunnel, no statement.
    fileprivate var isExchange: Bool {
        let isWeb = resource.begins(with: "http://") || resource.begins(with: "https://")
        return isWeb && !isConnection && !action.begins(with: "websocket ")
    }
}

extension Reply {
    /// What its request's body comes to on record; nil for none.
    fileprivate func requestDigest() throws(UnansweredRequest) -> String? {
        guard let body = bodies?.first(where: { $0.side == .request }) else {
            guard sent > 0 else { return nil }
            throw UnansweredRequest(
                "its body is not on record"
                    + (bodies == nil ? ": no profile of its lineage said 'record: full'" : "")
            )
        }
        if let missing = body.missing {
            let opening = "its body is not whole on record"
            throw UnansweredRequest("\(opening): \(missing)", told: opening)
        }
        return body.digest
    }
}
