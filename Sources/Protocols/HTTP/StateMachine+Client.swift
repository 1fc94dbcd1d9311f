package import Model
import NIOCore
import NIOHTTP1
import Reflection
package import Wire

extension HTTPEngine {
    /// One client message, when the state takes them.
    mutating func receivedFromClient(_ message: HTTPMessage) -> Actions {
        switch state {
        case .idle: return receivedFirst(message)
        case .relaying(let exchange): return received(message, in: exchange)
        case .gathering(let gathering): return received(message, in: gathering)
        case .draining(let draining): return drained(message, draining)
        case .webSocket(let exchange): return received(message, from: .client, in: exchange)
        case .asking, .handedOver, .closed: return close()
        }
    }

    private mutating func receivedFirst(_ message: HTTPMessage) -> Actions {
        switch message {
        case .requestHead(let head): return begin(head)
        case .unreadable(let fault): return answerFault(Self.fault(fault), .json(withBody: true))
        case .body, .end, .responseHead: return close()
        }
    }

    private mutating func begin(_ raw: HTTPRequestHead) -> Actions {
        do {
            switch try reader.read(raw) {
            case .request(let checked):
                let id = freshID()
                state = .asking(Asking(id: id, checked: checked))
                return [.ask(id, checked.request)]
            case .tunnel(let host, let port):
                state = .handedOver
                held.removeAll()
                let head = HTTPResponseHead(version: .http1_1, status: .ok)
                return [.reply(.responseHead(head)), .reply(.end(nil)), .handOver(host, port: port)]
            }
        } catch {
            return answerFault(error, ReplyManner(to: raw, isStream: reader.connection.isStream))
        }
    }

    mutating func allowed(
        _ asking: Asking,
        _ injection: Injection?,
        _ masks: MaskKinds,
        _ sending: Sending,
        atMost most: UInt64?
    ) -> Actions {
        let checked = asking.checked
        var head = checked.head
        var search: ReplySearch?
        let noted = spellings.noted
        var leaks = LeakSearch(spellings.outward, sending)
        var isSearched = true
        do throws(HTTPFault) {
            try checked.credentials.apply(injection, to: &head, of: asking)
            try leaks.check(
                Credentials.rest(of: checked.head, besides: injection?.place),
                hasBody: checked.framing != .none,
                reader.connection.lineage
            )
            if let gathered = asking.gathered {
                try leaks.take(gathered)
                isSearched = try leaks.searchOn(within: &room, reader.connection.lineage)
                try leaks.check(trailers: gathered.trailers ?? [:], reader.connection.lineage)
            }
            search = try ReplySearch(
                for: injection,
                masking: masks,
                of: checked.request,
                in: &head,
                spellings
            )
        } catch {
            return [.refused(asking.id, checked.request, error.denial)]
                + refuse(checked, error.status, error.denial, asking.gathered)
        }
        let relaying = Relaying(asking, reader.patterns, search, leaks)
        relaying.room = most
        relaying.noted = noted
        state = .relaying(relaying)
        var actions: Actions = [.forward(.requestHead(head), to: .upstream, under: asking.id)]
        if let gathered = asking.gathered {
            actions += gathered.pieces.map { .forward(.body($0), to: .upstream, under: asking.id) }
            if gathered.isWhole {
                actions.append(.forward(.end(gathered.trailers), to: .upstream, under: asking.id))
            }
        }
        if checked.wantsContinue {
            let interim = HTTPResponseHead(version: .http1_1, status: .continue)
            actions.append(.reply(.responseHead(interim)))
        }
        guard isSearched else {
            relaying.unsearched = actions
            relaying.unsearchedOctets = asking.gathered?.octets ?? 0
            return []
        }
        return actions
    }

    private mutating func received(_ message: HTTPMessage, in exchange: Relaying) -> Actions {
        switch message {
        case .body(let bytes):
            guard exchange.checked.framing != .none, exchange.requestBody.take(bytes.readableBytes) else {
                return close()
            }
            guard exchange.takes(bytes.readableBytes) else { return cut(exchange, Self.overRule) }
            if let found = exchange.scan.scan(bytes) {
                return cut(exchange, Credentials.misused(found, "the request body"))
            }
            let isLast = exchange.checked.framing != .chunked && exchange.requestBody.isComplete
            exchange.leaks.take(bytes, isLast: isLast)
            exchange.unsearched = [.forward(message, to: .upstream, under: exchange.id)]
            return searchRequest(exchange)
        case .end(let trailers):
            guard exchange.requestBody.isComplete else { return close() }
            do {
                if exchange.checked.framing == .chunked {
                    try exchange.leaks.check(ByteBuffer(), isLast: true, reader.connection.lineage)
                }
                try exchange.leaks.check(trailers: trailers ?? [:], reader.connection.lineage)
                let passed = try requestTrailers(trailers, exchange.checked.framing)
                exchange.requestEnded = true
                return [.forward(.end(passed), to: .upstream, under: exchange.id)]
            } catch {
                return cut(exchange, error)
            }
        case .unreadable(let fault):
            return cut(exchange, Self.fault(fault))
        case .requestHead, .responseHead:
            return close()
        }
    }

    /// Looks on through what is to go out; it goes once it is looked through.
    mutating func searchRequest(_ exchange: Relaying) -> Actions {
        guard let actions = exchange.unsearched else { return [] }
        do {
            guard try exchange.leaks.searchOn(within: &room, reader.connection.lineage) else { return [] }
        } catch {
            return cut(exchange, error)
        }
        exchange.unsearched = nil
        exchange.unsearchedOctets = 0
        return actions
    }

    private static var overRule: HTTPFault {
        HTTPFault(
            .payloadTooLarge,
            .denied,
            "the body is larger than the rules for this request allow",
            remedy: "Send less, or have the rule's \"body <=\" or \"body >\" changed."
        )
    }

    func requestTrailers(_ trailers: HTTPHeaders?, _ framing: Framing) throws(HTTPFault) -> HTTPHeaders? {
        guard let trailers, framing == .chunked else { return nil }
        for (name, value) in trailers {
            if let found = reader.patterns.find(in: name) ?? reader.patterns.find(in: value) {
                throw Credentials.misused(found, "a trailer field")
            }
        }
        let passed = try Fields.passedOnTrailers(trailers, from: .request)
        return passed.isEmpty ? nil : passed
    }

    /// Ends an exchange that was allowed and turned out bad: told to the client when that is still possible.
    private mutating func cut(_ exchange: Relaying, _ fault: HTTPFault) -> Actions {
        let notes = abandoned()
        let record = EngineAction<HTTPMessage>.refused(exchange.id, exchange.checked.request, fault.denial)
        guard exchange.response == nil else { return notes + [record] + close() }
        return notes + [record]
            + reply(fault.status, fault.denial, exchange.checked.manner, closing: true) + close()
    }

    /// The driver cannot go on with the exchange under way.
    package mutating func refuseExchange(_ denial: Denial) -> [EngineAction<HTTPMessage>] {
        switch state {
        case .relaying(let exchange): return cut(exchange, HTTPFault(denial))
        case .webSocket(let exchange):
            return exchange.notes + [.refused(exchange.id, exchange.checked.request, denial)] + closeQuietly()
        case .idle, .asking, .gathering, .draining, .handedOver, .closed: return []
        }
    }

    private mutating func closeQuietly() -> Actions {
        state = .closed
        return close()
    }

    private mutating func drained(_ message: HTTPMessage, _ draining: Draining) -> Actions {
        var draining = draining
        switch message {
        case .body(let bytes):
            draining.budget -= bytes.readableBytes
            guard draining.budget >= 0 else { return close() }
            state = .draining(draining)
            return []
        case .end:
            guard !draining.closes else { return close() }
            state = .idle
            return []
        case .requestHead, .responseHead, .unreadable:
            return close()
        }
    }

    /// Answers a request that was asked about and is not passed on; keeps the connection where the rest of the
    /// body is small, so that a client that goes on with other requests can.
    mutating func refuse(
        _ checked: CheckedRequest,
        _ status: HTTPResponseStatus,
        _ denial: Denial,
        _ gathered: Gathered? = nil
    ) -> Actions {
        let isRead = gathered?.isWhole ?? false
        let small: Bool
        switch checked.framing {
        case .none: small = true
        case .length(let count): small = count <= UInt64(checked.manner.drained)
        case .chunked: small = false
        }
        let closes =
            checked.closes || !(small || isRead) || checked.wantsContinue || denial.reason == .revoked
        let actions = reply(status, denial, checked.manner, closing: closes)
        // A client that waits for 100 Continue sends nothing that could be drained.
        guard !checked.wantsContinue, !(isRead && closes) else { return actions + close() }
        let draining = Draining(closes: closes, budget: checked.manner.drained)
        state = isRead ? .idle : .draining(draining)
        return actions
    }

    /// Answers a head that could not be understood or must not be asked about.
    ///
    /// What follows it cannot be trusted to be framed, so the connection ends.
    private mutating func answerFault(_ fault: HTTPFault, _ manner: ReplyManner) -> Actions {
        [.refused(freshID(), fault.request, fault.denial)]
            + reply(fault.status, fault.denial, manner, closing: true) + close()
    }

    func reply(
        _ status: HTTPResponseStatus,
        _ denial: Denial,
        _ manner: ReplyManner,
        closing: Bool
    ) -> Actions {
        let lineage = reader.connection.lineage
        let answer =
            switch manner {
            case .grpc: Replies.call(denial)
            case .gitOpening, .gitFetch, .gitPush: Replies.git(status, denial, manner, closing: closing)
            case .json(let withBody):
                Replies.refusal(status, denial, lineage: lineage, withBody: withBody, closing: closing)
            }
        return answer.map { .reply($0) }
    }

    static func fault(_ unreadable: HTTPMessage.Unreadable) -> HTTPFault {
        switch unreadable {
        case .fieldsTooLarge: Fields.tooLarge
        case .malformed(let words): .malformed("the request is not HTTP/1.1: \(words)")
        }
    }
}
